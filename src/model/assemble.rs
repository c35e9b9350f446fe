//! From the tensors that a file lists to the weights of the Net.

use std::collections::BTreeMap;

use super::spec::{PARAMETERS, Parameter};
use super::weights::Weights;
use super::words;
use crate::error::{Error, Result};

/// What Python's wrappers put before every name: `DataParallel` and `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// A tensor as a file lists it, before any of its values is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    /// Its name, with whatever prefix the file gives it.
    pub(super) name: String,
    /// Its shape, outermost dimension first.
    pub(super) shape: Vec<usize>,
}

/// Picks the Net's parameters out of what a file lists. `read` gives the values of the tensor of
/// that index, row-major; it is called only for tensors of the right shape, so that a file cannot
/// make Plimsoll read more than the Net holds.
///
/// # Errors
/// [`Error::Malformed`] naming the tensor that is missing, misshapen, not finite or not the Net's.
pub(super) fn assemble(
    listed: &[Listed],
    mut read: impl FnMut(usize) -> Result<Vec<f32>>,
) -> Result<Weights> {
    let names = unwrapped(listed);
    // Of two with one name the later wins, as in Python's dict.
    let places: BTreeMap<&str, usize> = names.iter().enumerate().map(|(i, &n)| (n, i)).collect();
    for parameter in PARAMETERS {
        if !places.contains_key(parameter.name()) {
            return Err(missing(parameter, &names));
        }
    }
    let known = |name: &str| PARAMETERS.iter().any(|p| p.name() == name) || is_counter(name);
    let extra: Vec<&str> = places.keys().copied().filter(|name| !known(name)).collect();
    if !extra.is_empty() {
        return Err(Error::malformed(
            format!("tensor {}", words::list(&extra)),
            "not one of the MNIST CNN's eight; is this another model?",
        ));
    }

    let mut failure = None;
    let weights = Weights::gather(|name| {
        let place = *places.get(name)?;
        let shape = listed[place].shape.clone();
        let right = PARAMETERS.iter().any(|p| p.name() == name && p.shape() == shape);
        let values = if right && failure.is_none() { read(place) } else { Ok(Vec::new()) };
        let values = values.unwrap_or_else(|error| {
            failure = Some(error.within(format!("tensor {name}")));
            Vec::new()
        });
        Some((shape, values))
    });
    // A tensor that could not be read is the cause; that it came back empty is the effect.
    let weights = match failure {
        Some(error) => return Err(error),
        None => weights?,
    };
    weights.check_finite()?;
    Ok(weights)
}

/// The names without the prefixes that all of them share because the module was wrapped.
fn unwrapped(listed: &[Listed]) -> Vec<&str> {
    let mut names: Vec<&str> = listed.iter().map(|tensor| tensor.name.as_str()).collect();
    while let Some(wrapper) =
        WRAPPERS.iter().find(|w| !names.is_empty() && names.iter().all(|n| n.starts_with(**w)))
    {
        for name in &mut names {
            *name = &name[wrapper.len()..];
        }
    }
    names
}

/// Batch normalisation counts its batches in a tensor that no forward pass reads.
fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

fn missing(parameter: Parameter, names: &[&str]) -> Error {
    let found = if names.is_empty() {
        "the file holds no tensor".to_owned()
    } else {
        format!("the file holds {}", words::list(names))
    };
    Error::malformed(
        format!("tensor {}", parameter.name()),
        format!("missing; the MNIST CNN needs it with shape {:?}; {found}", parameter.shape()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(prefix: &str) -> Vec<Listed> {
        PARAMETERS
            .map(|p| Listed { name: format!("{prefix}{}", p.name()), shape: p.shape().to_vec() })
            .to_vec()
    }

    fn read_from(weights: &Weights) -> impl FnMut(usize) -> Result<Vec<f32>> {
        |place| Ok(weights.get(PARAMETERS[place]).to_vec())
    }

    #[test]
    fn the_prefixes_of_wrapped_modules_are_dropped() {
        let weights = Weights::fresh(1);
        for prefix in ["", "module.", "_orig_mod.", "module._orig_mod."] {
            let read = assemble(&listing(prefix), read_from(&weights)).unwrap();
            assert_eq!(read, weights, "{prefix}");
        }
    }

    #[test]
    fn a_prefix_on_some_names_alone_is_no_wrapper() {
        let mut listed = listing("module.");
        listed[7].name = "fc2.bias".into();
        let error = assemble(&listed, read_from(&Weights::zeros())).unwrap_err().to_string();
        assert!(error.starts_with("tensor conv1.weight: missing"), "{error}");
        assert!(error.contains("the file holds module.conv1.weight"), "{error}");
    }

    #[test]
    fn a_tensor_of_another_model_is_named() {
        let mut listed = listing("");
        listed.push(Listed { name: "fc3.weight".into(), shape: vec![1] });
        let error = assemble(&listed, read_from(&Weights::zeros())).unwrap_err().to_string();
        assert!(error.starts_with("tensor fc3.weight: not one of"), "{error}");
    }

    #[test]
    fn a_batch_counter_is_not_minded() {
        let mut listed = listing("");
        listed.push(Listed { name: "bn.num_batches_tracked".into(), shape: vec![] });
        let weights = Weights::fresh(2);
        assert_eq!(assemble(&listed, read_from(&weights)).unwrap(), weights);
    }

    #[test]
    fn values_that_are_not_finite_are_refused_with_their_place() {
        let mut weights = Weights::fresh(1);
        weights.get_mut(Parameter::Fc1Bias)[3] = f32::NAN;
        let error = assemble(&listing(""), read_from(&weights)).unwrap_err().to_string();
        assert_eq!(
            error,
            "tensor fc1.bias: value 3 of 50 is NaN, so no prediction would mean anything; \
             train again, perhaps with a lower learning rate"
        );
    }

    #[test]
    fn a_misshapen_tensor_is_never_read() {
        let mut listed = listing("");
        listed[4].shape = vec![usize::MAX, usize::MAX];
        let mut reads = Vec::new();
        let error = assemble(&listed, |place| {
            reads.push(place);
            Ok(vec![0.0; PARAMETERS[place].count()])
        });
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with("but the MNIST CNN needs [50, 320]"), "{error}");
        assert!(!reads.contains(&4));
    }

    #[test]
    fn what_could_not_be_read_is_the_cause_that_is_told() {
        let error = assemble(&listing(""), |_| Err(Error::malformed("data/0", "too short")));
        assert_eq!(error.unwrap_err().to_string(), "tensor conv1.weight: data/0: too short");
    }
}
