//! The safetensors format: a length, a JSON header that names tensors and their bytes, the bytes.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorInfo};
use serde::Serialize;

use super::Metadata;
use super::assemble::{Listed, assemble};
use super::element::{ByteOrder, Element};
use super::spec::PARAMETERS;
use super::weights::Weights;
use super::words;
use crate::error::{Error, Result};

/// The header begins at a multiple of this, and so do the numbers behind it.
const ALIGNMENT: usize = 8;

/// Characters of the crate's complaint that are shown; it may quote the file.
const LONGEST_REASON: usize = 200;
/// The longest header that the crate reads.
const LONGEST_HEADER: u64 = 100_000_000;

/// Whether a file with this beginning looks like safetensors: a plausible length of the header,
/// then its brace.
pub(super) fn is_one(head: &[u8]) -> bool {
    let length = head.first_chunk().map(|n| u64::from_le_bytes(*n));
    length.is_some_and(|n| n <= LONGEST_HEADER) && head.get(ALIGNMENT) == Some(&b'{')
}

/// Reads the Net's weights, and what the header says besides.
///
/// # Errors
/// [`Error::Malformed`], naming the tensor where it is one that is at fault.
pub(super) fn read(bytes: &[u8]) -> Result<(Weights, Metadata)> {
    let damaged = |e: SafeTensorError| {
        let reason = words::clipped_to(LONGEST_REASON, &e.to_string());
        Error::malformed(
            "safetensors header",
            format!("{reason}; the file is damaged or cut short"),
        )
    };
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let tensors = file.tensors();
    let listed: Vec<Listed> = tensors
        .iter()
        .map(|(name, view)| Listed { name: name.clone(), shape: view.shape().to_vec() })
        .collect();
    let weights = assemble(&listed, |place| {
        let view = &tensors[place].1;
        let element = element(view.dtype());
        let refused = || Error::malformed(format!("{:?}", view.dtype()), super::NOT_FLOATS);
        let size = element.size().ok_or_else(refused)?;
        let numbers = view.data().chunks_exact(size);
        numbers.map(|n| element.number(n, ByteOrder::Little).ok_or_else(refused)).collect()
    })?;
    Ok((weights, metadata))
}

fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        _ => Element::Other,
    }
}

/// The header in a fixed order. The crate's own writer takes a `HashMap`, whose order changes from
/// run to run, and the same weights shall give the same bytes.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a Metadata,
    #[serde(flatten)]
    tensors: BTreeMap<&'static str, TensorInfo>,
}

/// The file's bytes: the same for the same weights and metadata, always.
pub(super) fn write(weights: &Weights, metadata: &Metadata) -> Result<Vec<u8>> {
    let mut tensors = BTreeMap::new();
    let mut numbers = Vec::new();
    for parameter in PARAMETERS {
        let start = numbers.len();
        numbers.extend(weights.get(parameter).iter().flat_map(|value| value.to_le_bytes()));
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: parameter.shape().to_vec(),
            data_offsets: (start, numbers.len()),
        };
        tensors.insert(parameter.name(), info);
    }
    let mut header = serde_json::to_vec(&Header { metadata, tensors })
        .map_err(|e| Error::Bug(format!("a safetensors header could not be written: {e}")))?;
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = Vec::with_capacity(ALIGNMENT + header.len() + numbers.len());
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(numbers);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        [("command", "plimsoll train"), ("accuracy", "98.9%"), ("z", "\"quoted\"")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let weights = Weights::fresh(3);
        for metadata in [Metadata::new(), metadata()] {
            let bytes = write(&weights, &metadata).unwrap();
            assert!(is_one(&bytes));
            assert_eq!(read(&bytes).unwrap(), (weights.clone(), metadata));
        }
    }

    #[test]
    fn the_same_weights_give_the_same_bytes() {
        let weights = Weights::fresh(3);
        assert_eq!(write(&weights, &metadata()).unwrap(), write(&weights, &metadata()).unwrap());
    }

    #[test]
    fn narrower_and_wider_floats_are_converted() {
        let narrow = |dtype, one: &[u8]| {
            let tensors = PARAMETERS.map(|p| (p.name(), p.shape().to_vec(), one.repeat(p.count())));
            let views = tensors.iter().map(|(name, shape, data)| {
                let view = safetensors::tensor::TensorView::new(dtype, shape.clone(), data);
                (*name, view.unwrap())
            });
            read(&safetensors::serialize(views, None).unwrap())
        };
        for (dtype, one) in [
            (Dtype::F16, &[0x00, 0x3e][..]),
            (Dtype::BF16, &[0xc0, 0x3f]),
            (Dtype::F64, &1.5f64.to_le_bytes()),
        ] {
            let (weights, _) = narrow(dtype, one).unwrap();
            assert!(PARAMETERS.iter().all(|&p| weights.get(p).iter().all(|&v| v == 1.5)));
        }
        let error = narrow(Dtype::I32, &[0; 4]).unwrap_err().to_string();
        assert!(error.starts_with("tensor conv1.weight: I32: not floating-point"), "{error}");
    }

    #[test]
    fn a_file_that_was_cut_short_is_refused() {
        let bytes = write(&Weights::zeros(), &metadata()).unwrap();
        let error = read(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
        assert!(error.contains("damaged or cut short"), "{error}");
    }
}
