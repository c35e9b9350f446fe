//! PyTorch's zip files: a pickle, and the numbers of each tensor in an entry beside it.
//!
//! `torch.save` and `torch.jit.save` both write `NAME/data.pkl`, `NAME/data/0` and on, and
//! `NAME/byteorder`. They store entries uncompressed, at multiples of 64 bytes, so that tensors
//! can be mapped into memory; TorchScript's code is compressed, and nothing here reads it.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};

use zip::read::{ArchiveOffset, Config};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::assemble::{Listed, assemble};
use super::element::ByteOrder;
use super::pickle::{self, Named, Tensors};
use super::spec::PARAMETERS;
use super::weights::Weights;
use super::words::clipped;
use crate::error::{Error, Result};
use crate::units;

/// A pickle of the Net's state has under 2 KiB, with an optimizer's some more.
const LARGEST_PICKLE: u64 = 1 << 20;
/// All numbers that are read: the Net's have 88 KiB.
const LARGEST_STORAGES: u64 = 16 << 20;
/// What PyTorch aligns entries to.
const ALIGNMENT: u16 = 64;

/// Which of PyTorch's two kinds of zip file it was, in words.
pub(super) type KindOfZip = &'static str;

/// Reads the Net's weights.
///
/// # Errors
/// [`Error::Malformed`], naming the entry and, where it is one that is at fault, the tensor.
pub(super) fn read(bytes: &[u8]) -> Result<(Weights, KindOfZip)> {
    let mut archive = Archive::open(bytes)?;
    let order = archive.byte_order()?;
    let pickle = archive.read("data.pkl", LARGEST_PICKLE)?;
    let within_pickle =
        |error: Error| error.within(clipped(&format!("{}data.pkl", archive.folder)));
    let (tensors, kind) = match pickle::read(&pickle).map_err(within_pickle)? {
        Tensors::State(tensors) => (tensors, "PyTorch state_dict"),
        Tensors::Script(tensors) if tensors.is_empty() => return Err(frozen()),
        Tensors::Script(tensors) => (tensors, "TorchScript"),
    };
    Ok((gather(&tensors, &mut archive, order)?, kind))
}

fn gather(tensors: &[Named<'_>], archive: &mut Archive<'_>, order: ByteOrder) -> Result<Weights> {
    let listed: Vec<Listed> = tensors
        .iter()
        .map(|named| Listed { name: named.name.clone(), shape: named.tensor.shape.clone() })
        .collect();
    // Several tensors may look into one storage.
    let mut storages: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut left = LARGEST_STORAGES;
    assemble(&listed, |place| {
        let tensor = &tensors[place].tensor;
        let key = tensor.storage.key;
        if !storages.contains_key(key) {
            let bytes = archive.read(&format!("data/{key}"), left)?;
            left -= bytes.len() as u64;
            storages.insert(key, bytes);
        }
        tensor.values(&storages[key], order)
    })
}

fn frozen() -> Error {
    Error::malformed(
        "TorchScript module",
        "no parameters; torch.jit.freeze made constants of them, which have no names; save the \
         module as it was before freezing, or its state_dict",
    )
}

/// An open zip file of PyTorch's.
struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder that everything lies in, with its slash.
    folder: String,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self> {
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(|e| {
            Error::malformed("zip directory", format!("{e}; the file is damaged or cut short"))
        })?;
        let pickles: Vec<String> = zip
            .file_names()
            .filter_map(|name| Some(name.ok()?.strip_suffix("data.pkl")?.to_owned()))
            .filter(|folder| folder.ends_with('/') && folder.matches('/').count() == 1)
            .collect();
        match <[String; 1]>::try_from(pickles) {
            Ok([folder]) => Ok(Self { zip, folder }),
            Err(pickles) => Err(Error::malformed(
                "zip file",
                format!(
                    "{} entries NAME/data.pkl where PyTorch writes one; save the model with \
                     torch.save(model.state_dict(), \"model.pth\")",
                    pickles.len()
                ),
            )),
        }
    }

    /// Little where the file does not say: it is what versions before 2.1 wrote.
    fn byte_order(&mut self) -> Result<ByteOrder> {
        if self.zip.index_for_name(&format!("{}byteorder", self.folder)).is_none() {
            return Ok(ByteOrder::Little);
        }
        match self.read("byteorder", 16)?.trim_ascii() {
            b"little" => Ok(ByteOrder::Little),
            b"big" => Ok(ByteOrder::Big),
            other => Err(Error::malformed(
                clipped(&format!("{}byteorder", self.folder)),
                format!("`{}`, not little or big", clipped(&String::from_utf8_lossy(other))),
            )),
        }
    }

    /// The bytes of an entry in the folder, checked against their CRC.
    fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let name = format!("{}{name}", self.folder);
        let bad = |reason: String| Error::malformed(clipped(&name), reason);
        let entry = self.zip.by_name(&name).map_err(|e| match e {
            zip::result::ZipError::FileNotFound => bad("missing from the zip file".into()),
            other => bad(format!("{other}; PyTorch stores entries plainly")),
        })?;
        if entry.encrypted() || entry.compression() != CompressionMethod::Stored {
            return Err(bad(
                "compressed or encrypted; PyTorch stores entries plainly, so save the \
                 model again instead of zipping it"
                    .into(),
            ));
        }
        let size = entry.size();
        if size > most {
            return Err(bad(format!(
                "{}, more than the {} that a file of the MNIST CNN's may need",
                units::bytes(size),
                units::bytes(most)
            )));
        }
        let mut bytes = Vec::new();
        entry
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| bad(format!("{e}; the file is damaged")))?;
        if bytes.len() as u64 != size {
            return Err(bad(format!("{} bytes where the directory says {size}", bytes.len())));
        }
        Ok(bytes)
    }
}

/// A file that `torch.load(weights_only=True)` reads: the same bytes for the same weights, always.
pub(super) fn write(weights: &Weights) -> Result<Vec<u8>> {
    zipped(&entries(weights))
}

/// The entries of such a file, names first.
fn entries(weights: &Weights) -> Vec<(String, Vec<u8>)> {
    let mut entries = vec![
        ("archive/data.pkl".to_owned(), pickle::state_dict()),
        ("archive/byteorder".to_owned(), b"little".to_vec()),
    ];
    for (index, parameter) in PARAMETERS.into_iter().enumerate() {
        let numbers = weights.get(parameter).iter().flat_map(|value| value.to_le_bytes());
        entries.push((format!("archive/data/{index}"), numbers.collect()));
    }
    entries.push(("archive/version".to_owned(), b"3\n".to_vec()));

    entries
}

fn zipped(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644)
        .with_alignment(ALIGNMENT);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let bug = |e: &dyn std::fmt::Display| Error::Bug(format!("a zip file in memory failed: {e}"));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), options).map_err(|e| bug(&e))?;
        zip.write_all(bytes).map_err(|e| bug(&e))?;
    }
    Ok(zip.finish().map_err(|e| bug(&e))?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A valid file with one entry changed by `change`, or left out where that gives `None`.
    fn with(name: &str, change: impl Fn(Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
        let mut changed = entries(&Weights::fresh(1));
        changed.retain_mut(|(entry, bytes)| {
            entry != &format!("archive/{name}")
                || change(std::mem::take(bytes)).map(|new| *bytes = new).is_some()
        });
        zipped(&changed).unwrap()
    }

    fn refusal(file: &[u8]) -> String {
        read(file).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let weights = Weights::fresh(3);
        let bytes = write(&weights).unwrap();
        assert_eq!(bytes, write(&weights).unwrap());
        assert_eq!(read(&bytes).unwrap(), (weights, "PyTorch state_dict"));
    }

    #[test]
    fn numbers_lie_where_they_can_be_mapped() {
        let bytes = write(&Weights::fresh(3)).unwrap();
        let mut zip = ZipArchive::new(Cursor::new(&*bytes)).unwrap();
        for index in 0..zip.len() {
            let start = zip.by_index(index).unwrap().data_start().unwrap();
            assert_eq!(start % u64::from(ALIGNMENT), 0);
        }
    }

    #[test]
    fn a_file_of_a_big_endian_machine_is_converted() {
        let weights = Weights::fresh(1);
        let mut swapped = entries(&weights);
        for (name, bytes) in &mut swapped {
            if name.starts_with("archive/data/") {
                bytes.chunks_exact_mut(4).for_each(|number| number.reverse());
            } else if name == "archive/byteorder" {
                *bytes = b"big".to_vec();
            }
        }
        assert_eq!(read(&zipped(&swapped).unwrap()).unwrap().0, weights);
    }

    #[test]
    fn a_file_that_does_not_say_its_byte_order_is_little_endian() {
        assert_eq!(read(&with("byteorder", |_| None)).unwrap().0, Weights::fresh(1));
        let error = refusal(&with("byteorder", |_| Some(b"middle".to_vec())));
        assert_eq!(error, "archive/byteorder: `middle`, not little or big");
    }

    #[test]
    fn faults_name_the_entry_and_the_tensor() {
        for (file, words) in [
            (with("data/3", |_| None), "tensor conv2.bias: archive/data/3: missing"),
            (
                with("data/3", |bytes| Some(bytes[4..].to_vec())),
                "tensor conv2.bias: storage 3: 76 bytes, but the pickle says 20 numbers of 4",
            ),
            (with("data.pkl", |_| None), "zip file: 0 entries NAME/data.pkl"),
            (
                with("data.pkl", |_| Some(b"\x80\x02cposix\nsystem\n".to_vec())),
                "archive/data.pkl: global posix.system: ",
            ),
            (
                with("data.pkl", |_| Some(vec![0; 2 << 20])),
                "archive/data.pkl: 2.00 MiB, more than the 1.00 MiB",
            ),
            (
                with("data/0", |_| Some(vec![0xff; 1000])),
                "tensor conv1.weight: value 0 of 250 is NaN",
            ),
            (
                with("data.pkl", |_| Some(b"\x80\x02c__torch__\nNet\n)\x81}b.".to_vec())),
                "TorchScript module: no parameters; torch.jit.freeze made constants of them",
            ),
        ] {
            let error = refusal(&file);
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn damage_to_numbers_is_found_by_their_checksum() {
        let mut bytes = write(&Weights::fresh(1)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = refusal(&bytes);
        assert!(error.starts_with("tensor fc1.weight: archive/data/4: "), "{error}");
        assert!(error.ends_with("the file is damaged"), "{error}");
    }

    #[test]
    fn a_compressed_entry_is_refused() {
        // The same file with every method field saying "deflated", which follows two fixed
        // signatures: that of a local header, at 8, and that of a directory entry, at 10.
        let mut bytes = write(&Weights::fresh(1)).unwrap();
        for at in 0..bytes.len() - 12 {
            match &bytes[at..at + 4] {
                b"PK\x03\x04" => bytes[at + 8] = 8,
                b"PK\x01\x02" => bytes[at + 10] = 8,
                _ => {}
            }
        }
        let error = refusal(&bytes);
        assert!(error.contains("PyTorch stores entries plainly"), "{error}");
    }
}
