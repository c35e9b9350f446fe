//! The pickle of a `state_dict`, as `torch.save` writes it but without a memo.

use crate::model::spec::{PARAMETERS, Parameter};

/// The pickle. The numbers of the parameter with index `i` belong into the entry `data/i`.
///
/// In Python's words: `OrderedDict()`, then for each parameter its name and
/// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
pub(in crate::model) fn state_dict() -> Vec<u8> {
    let mut pickle = Pickle(b"\x80\x02".to_vec());
    pickle.ordered_dict();
    pickle.op(b'(');
    for (index, parameter) in PARAMETERS.into_iter().enumerate() {
        pickle.text(parameter.name());
        pickle.global("torch._utils", "_rebuild_tensor_v2");
        pickle.op(b'(');
        pickle.storage(index, parameter);
        pickle.int(0);
        pickle.tuple(parameter.shape());
        pickle.tuple(&row_major(parameter.shape()));
        pickle.op(FALSE);
        pickle.ordered_dict();
        pickle.op(b't');
        pickle.op(b'R');
    }
    pickle.op(b'u');
    pickle.op(b'.');
    pickle.0
}

const FALSE: u8 = 0x89;

/// How many numbers further the next index of each dimension lies.
fn row_major(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len()).map(|next| shape[next..].iter().product()).collect()
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn op(&mut self, op: u8) {
        self.0.push(op);
    }

    fn text(&mut self, text: &str) {
        self.op(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn int(&mut self, number: usize) {
        self.op(b'J');
        self.0.extend((number as u32).to_le_bytes());
    }

    fn tuple(&mut self, items: &[usize]) {
        self.op(b'(');
        for &item in items {
            self.int(item);
        }
        self.op(b't');
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.op(b')');
        self.op(b'R');
    }

    fn storage(&mut self, index: usize, parameter: Parameter) {
        self.op(b'(');
        self.text("storage");
        self.global("torch", "FloatStorage");
        self.text(&index.to_string());
        self.text("cpu");
        self.int(parameter.count());
        self.op(b't');
        self.op(b'Q');
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tensors, read};
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let pickle = state_dict();
        let Tensors::State(tensors) = read(&pickle).unwrap() else { panic!("not a state_dict") };
        assert_eq!(tensors.len(), PARAMETERS.len());
        for (index, (named, parameter)) in tensors.iter().zip(PARAMETERS).enumerate() {
            assert_eq!(named.name, parameter.name());
            assert_eq!(named.tensor.shape, parameter.shape());
            assert_eq!(named.tensor.storage.key, index.to_string());
            assert_eq!(named.tensor.storage.numbers, parameter.count());
        }
    }

    #[test]
    fn strides_are_those_of_rows() {
        assert_eq!(row_major(&[20, 10, 5, 5]), [250, 25, 5, 1]);
        assert_eq!(row_major(&[10]), [1]);
    }
}
