//! What a pickle builds: values, and the containers that they point into.

use super::global::Global;
use crate::error::{Error, Result};
use crate::model::element::{ByteOrder, Element};
use crate::model::words::clipped;

/// A value, which borrows its text from the pickle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// None, a boolean, a float, a device: something that no tensor's place depends on.
    Plain,
    Int(i64),
    Text(&'a str),
    Global(Global),
    /// A [`Node`] by its place on the heap. Containers live there, so that they can be shared,
    /// filled later and even hold themselves, and nothing here is ever dropped recursively.
    Node(usize),
}

/// Something that other values may refer to.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// An instance of a TorchScript class; its attributes are a dict, once it has any.
    Object(Value<'a>),
    Storage(Storage<'a>),
    Tensor(TensorAt<'a>),
}

/// Numbers that lie in an entry beside the pickle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::model) struct Storage<'a> {
    /// What one number is.
    pub(in crate::model) element: Element,
    /// The entry's name under `data/`.
    pub(in crate::model) key: &'a str,
    /// How many numbers there are.
    pub(in crate::model) numbers: usize,
}

/// Where the numbers of a tensor lie.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct TensorAt<'a> {
    /// Which numbers it looks into.
    pub(in crate::model) storage: Storage<'a>,
    /// The place of its first number.
    pub(in crate::model) offset: usize,
    /// Its shape, outermost dimension first.
    pub(in crate::model) shape: Vec<usize>,
    /// How many numbers further the next index of each dimension lies.
    pub(in crate::model) strides: Vec<usize>,
}

impl TensorAt<'_> {
    /// The values, row-major, out of the bytes of its storage. Allocates as many as the shape
    /// says: whoever calls has looked at the shape.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the storage has another size than the pickle says, or the tensor
    /// reaches past its end.
    pub(in crate::model) fn values(&self, bytes: &[u8], order: ByteOrder) -> Result<Vec<f32>> {
        let Storage { element, key, numbers } = self.storage;
        let damaged =
            |reason: String| Error::malformed(format!("storage {}", clipped(key)), reason);
        let size = element.size().ok_or_else(|| damaged(crate::model::NOT_FLOATS.into()))?;
        if numbers.checked_mul(size) != Some(bytes.len()) {
            return Err(damaged(format!(
                "{} bytes, but the pickle says {numbers} numbers of {size} bytes; the file is \
                 damaged",
                bytes.len()
            )));
        }
        let count: usize = self.shape.iter().product();
        if count > 0 && self.last().is_none_or(|last| last >= numbers) {
            return Err(damaged(format!(
                "{numbers} numbers, but the tensor of shape {:?} with strides {:?} from {} on \
                 reaches past them; the file is damaged",
                self.shape, self.strides, self.offset
            )));
        }
        let number = |place: usize| element.number(&bytes[place * size..(place + 1) * size], order);
        (0..count)
            .map(|index| number(self.place(index)))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::Bug("a number has not its own size".into()))
    }

    /// The place of the last number, the furthest of all; `None` where it is past counting.
    fn last(&self) -> Option<usize> {
        let dimensions = self.shape.iter().zip(&self.strides);
        dimensions.into_iter().try_fold(self.offset, |place, (&length, &stride)| {
            place.checked_add(length.checked_sub(1)?.checked_mul(stride)?)
        })
    }

    /// The place of the number with this row-major index.
    fn place(&self, mut index: usize) -> usize {
        let mut place = self.offset;
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            place += index % length * stride;
            index /= length;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(offset: usize, shape: &[usize], strides: &[usize]) -> TensorAt<'static> {
        TensorAt {
            storage: Storage { element: Element::F32, key: "0", numbers: 6 },
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    fn six() -> Vec<u8> {
        (0..6u8).flat_map(|n| f32::from(n).to_le_bytes()).collect()
    }

    #[test]
    fn strides_and_offsets_are_honoured() {
        for (tensor, want) in [
            (tensor(0, &[2, 3], &[3, 1]), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]),
            (tensor(0, &[3, 2], &[1, 3]), &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
            (tensor(4, &[2], &[1]), &[4.0, 5.0]),
            (tensor(1, &[3], &[2]), &[1.0, 3.0, 5.0]),
            (tensor(2, &[2, 2], &[0, 1]), &[2.0, 3.0, 2.0, 3.0]),
            (tensor(5, &[], &[]), &[5.0]),
            (tensor(9, &[0, 4], &[1, 1]), &[]),
        ] {
            assert_eq!(tensor.values(&six(), ByteOrder::Little).unwrap(), want, "{tensor:?}");
        }
    }

    #[test]
    fn a_tensor_past_the_end_of_its_storage_is_refused() {
        for tensor in [
            tensor(1, &[2, 3], &[3, 1]),
            tensor(6, &[], &[]),
            tensor(0, &[2], &[usize::MAX]),
            tensor(usize::MAX, &[2], &[1]),
        ] {
            let error = tensor.values(&six(), ByteOrder::Little).unwrap_err().to_string();
            assert!(error.contains("reaches past them"), "{error}");
        }
    }

    #[test]
    fn a_storage_of_another_size_is_refused() {
        let error = tensor(0, &[1], &[1]).values(&six()[..23], ByteOrder::Little).unwrap_err();
        assert!(error.to_string().contains("23 bytes, but the pickle says 6 numbers"), "{error}");
    }
}
