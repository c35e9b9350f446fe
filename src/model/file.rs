//! Weights in and out of files, whatever their kind.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::kind::{self, HEAD, Kind, LARGEST};
use super::weights::Weights;
use super::{archive, checkpoint, safetensors};
use crate::error::{Error, Result};
use crate::units;

/// Words that travel with weights, by key: `accuracy`, `command`. Safetensors keeps them in its
/// header; a `.pth` has no place for them.
pub type Metadata = BTreeMap<String, String>;

/// The weights that Plimsoll comes with.
const SHIPPED: &[u8] = include_bytes!("weights.safetensors");

/// Reads weights from a file, and says in words where they came from.
///
/// The kind is told by the content, not by the name: safetensors; a `.pth` of `torch.save` holding
/// a `state_dict`, as such or under `state_dict`, `model_state_dict` or `model`; a TorchScript
/// `.pt`; a tar, gzipped or not, with one of these. Nothing in a pickle is executed.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read. [`Error::Malformed`] where it is no model or not
/// this one, naming the file, the entry in it, and the tensor with both shapes.
pub fn load(path: &Path) -> Result<(Weights, String)> {
    let io = |e| Error::io("read", path, e);
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    file.rewind().map_err(io)?;
    let here = |e: Error| e.within(path.display());
    match Kind::of(&head) {
        kind @ (Kind::Gzip | Kind::Tar) => {
            let (entry, (weights, metadata, kind)) =
                archive::read(BufReader::new(file), kind == Kind::Gzip).map_err(here)?;
            let source = format!("{}, entry {entry}", path.display());
            Ok((weights, in_words(&source, kind, &metadata)))
        }
        _ => {
            let mut bytes = Vec::new();
            file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
            if bytes.len() as u64 > LARGEST {
                return Err(here(Error::malformed(
                    "file",
                    format!(
                        "more than {}; weights of the MNIST CNN have about 100 KiB",
                        units::bytes(LARGEST)
                    ),
                )));
            }
            let (weights, metadata, kind) = kind::read(&bytes).map_err(here)?;
            Ok((weights, in_words(&path.display().to_string(), kind, &metadata)))
        }
    }
}

/// The weights that Plimsoll comes with, and in words what they are.
///
/// # Errors
/// [`Error::Bug`] where the embedded file is not one.
pub fn shipped() -> Result<(Weights, String)> {
    let (weights, metadata) = safetensors::read(SHIPPED)
        .map_err(|e| Error::Bug(format!("the weights shipped with Plimsoll: {e}")))?;
    Ok((weights, in_words("shipped with Plimsoll", "safetensors", &metadata)))
}

/// Writes weights to a file of the kind that its name ends with: `.tar.gz` (or `.tgz`), with
/// `model.safetensors` and `model.pth` in it; `.safetensors`; `.pth`. The same weights and
/// metadata give the same bytes. The file appears whole or not at all.
///
/// # Errors
/// [`Error::Invalid`] for another ending, [`Error::Malformed`] for weights that are not finite,
/// [`Error::Io`] where the file cannot be written.
pub fn save(path: &Path, weights: &Weights, metadata: &Metadata) -> Result<()> {
    weights.check_finite()?;
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let bytes = if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        archive::write(weights, metadata)?
    } else if name.ends_with(".safetensors") {
        safetensors::write(weights, metadata)?
    } else if name.ends_with(".pth") {
        checkpoint::write(weights)?
    } else {
        return Err(Error::invalid(
            path.display().to_string(),
            "weights are written as .tar.gz, .safetensors or .pth; give the file one of these \
             endings",
        ));
    };
    put(path, &bytes)
}

/// Writes beside the file and renames, so that nobody sees half of it.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let io = |e| Error::io("write", path, e);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".plimsoll-")
        // What any program asks for; the umask takes its share.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(io)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}

/// Where weights came from: "model.pth (PyTorch state_dict)".
fn in_words(source: &str, kind: &str, metadata: &Metadata) -> String {
    let mut words = format!("{source} ({kind}");
    for (key, value) in metadata {
        words.push_str(&format!("; {key}: {value}"));
    }
    words.push(')');
    words
}
