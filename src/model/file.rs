//! Weights in and out of files, whatever their kind.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::kind::{self, HEAD, Kind, LARGEST};
use super::weights::Weights;
use super::{archive, checkpoint, safetensors, words};
use crate::error::{Error, Result};
use crate::units;

/// Words that travel with weights, by key: `accuracy`, `command`. Safetensors keeps them in its
/// header; a `.pth` has no place for them.
pub type Metadata = BTreeMap<String, String>;

/// How many of a file's words are repeated, and how much of each: enough for a command line.
const MOST_WORDS: usize = 10;
const LONGEST_WORDS: usize = 400;

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
            let source = format!("{}, entry {}", path.display(), words::clipped(&entry));
            Ok((weights, in_words(&source, kind, &metadata)))
        }
        _ => {
            let mut bytes = Vec::new();
            file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
            if bytes.len() as u64 > LARGEST {
                return Err(here(Error::malformed(
                    "too large",
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
    weights.check_finite().map_err(|e| e.within(path.display()))?;
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
    let mut text = format!("{source} ({kind}");
    for (key, value) in metadata.iter().take(MOST_WORDS) {
        let value = words::clipped_to(LONGEST_WORDS, value);
        text.push_str(&format!("; {}: {value}", words::clipped(key)));
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        [("command", "plimsoll train"), ("accuracy", "98.9%")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn every_ending_is_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let weights = Weights::fresh(5);
        for (name, words) in [
            (
                "model.tar.gz",
                ", entry model.safetensors (safetensors; accuracy: 98.9%; command: plimsoll train)",
            ),
            ("m.safetensors", " (safetensors; accuracy: 98.9%; command: plimsoll train)"),
            ("m.pth", " (PyTorch state_dict)"),
        ] {
            let path = folder.path().join(name);
            save(&path, &weights, &metadata()).unwrap();
            let (read, source) = load(&path).unwrap();
            assert_eq!(read, weights);
            assert_eq!(source, format!("{}{words}", path.display()));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was left over");
    }

    #[test]
    fn the_content_and_not_the_name_tells_the_kind() {
        let folder = tempfile::tempdir().unwrap();
        let (pth, other) = (folder.path().join("a.pth"), folder.path().join("a.bin"));
        save(&pth, &Weights::fresh(5), &metadata()).unwrap();
        std::fs::rename(&pth, &other).unwrap();
        assert_eq!(load(&other).unwrap().0, Weights::fresh(5));
    }

    #[test]
    fn a_failed_save_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pth");
        save(&path, &Weights::fresh(1), &metadata()).unwrap();
        let mut broken = Weights::fresh(2);
        broken.get_mut(crate::model::Parameter::Fc2Bias)[0] = f32::INFINITY;
        let error = save(&path, &broken, &metadata()).unwrap_err().to_string();
        assert!(error.contains("model.pth: tensor fc2.bias: value 0 of 10 is inf"), "{error}");
        assert_eq!(load(&path).unwrap().0, Weights::fresh(1));
    }

    #[test]
    fn an_ending_that_says_no_kind_is_refused() {
        let error = save(Path::new("model.onnx"), &Weights::zeros(), &metadata()).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(".tar.gz, .safetensors or .pth"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = save(Path::new("/nowhere/at/all/m.pth"), &Weights::zeros(), &metadata());
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("cannot write /nowhere/at/all/m.pth: "), "{error}");
        let error = load(Path::new("/nowhere/at/all/m.pth")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /nowhere/at/all/m.pth: "), "{error}");
    }

    #[test]
    fn a_file_too_large_to_be_these_weights_is_not_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.pth");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("large.pth: too large: more than 16.0 MiB"), "{error}");
    }

    #[test]
    fn a_fault_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.pth");
        std::fs::write(&path, "<html>").unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("page.pth: not a model: neither safetensors"), "{error}");
    }

    #[test]
    fn the_shipped_weights_are_there() {
        let (_, words) = shipped().unwrap();
        assert!(words.starts_with("shipped with Plimsoll (safetensors; "), "{words}");
    }
}
