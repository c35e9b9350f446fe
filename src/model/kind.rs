//! What kind of file some bytes are, told by the bytes and never by the name.

use super::{checkpoint, safetensors};
use super::{file::Metadata, weights::Weights};
use crate::error::{Error, Result};
use crate::units;

/// The largest file of weights that is read. The Net's have about 100 KiB, and some hundreds with
/// an optimizer's state beside them.
pub(super) const LARGEST: u64 = 16 << 20;

/// How many of a file's first bytes tell its kind.
pub(super) const HEAD: usize = 512;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compressed; a `model.tar.gz`, it is to be hoped.
    Gzip,
    Tar,
    Safetensors,
    /// What `torch.save` and `torch.jit.save` write.
    Zip,
    /// What `torch.save` wrote before version 1.6.
    OldTorch,
    /// A pickle by itself.
    Pickle,
    Empty,
    Unknown,
}

/// The pickled number that begins every file of PyTorch's before 1.6: 0x1950a86a20f9469cfc6c.
const OLD_TORCH: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
/// Where a tar header keeps its magic.
const TAR_MAGIC_AT: usize = 257;

impl Kind {
    /// The kind of a file that begins with `head`, its first [`HEAD`] bytes or all it has.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [] => Self::Empty,
            // First, because the length that it begins with may look like another's magic; the
            // brace at byte 8 is in no other's header.
            _ if safetensors::is_one(head) => Self::Safetensors,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            _ if head.starts_with(OLD_TORCH) => Self::OldTorch,
            [0x80, 0..=5, ..] => Self::Pickle,
            _ if head.get(TAR_MAGIC_AT..).is_some_and(|at| at.starts_with(b"ustar")) => Self::Tar,
            _ => Self::Unknown,
        }
    }
}

/// Weights, what their file said of them, and its kind in words.
pub(super) type Parsed = (Weights, Metadata, &'static str);

/// Reads weights out of the bytes of one file that is no archive.
///
/// # Errors
/// [`Error::Malformed`]; the caller adds the file's name.
pub(super) fn read(bytes: &[u8]) -> Result<Parsed> {
    let refused = |what: &str, reason: String| Err(Error::malformed(what, reason));
    match Kind::of(&bytes[..bytes.len().min(HEAD)]) {
        Kind::Safetensors => {
            safetensors::read(bytes).map(|(weights, metadata)| (weights, metadata, "safetensors"))
        }
        Kind::Zip => {
            checkpoint::read(bytes).map(|(weights, kind)| (weights, Metadata::new(), kind))
        }
        Kind::OldTorch => refused(
            "PyTorch file from before 1.6",
            "it can only be read by unpickling; rewrite it once: python -c \"import torch; \
             torch.save(torch.load('old.pth', weights_only=True), 'model.pth')\""
                .into(),
        ),
        Kind::Pickle => refused(
            "bare pickle",
            "not written by torch.save, and no pickle is executed here; save the model with \
             torch.save(model.state_dict(), \"model.pth\")"
                .into(),
        ),
        Kind::Gzip | Kind::Tar => refused("archive within an archive", "unpack it once".into()),
        Kind::Empty => refused("empty file", "was it copied to its end?".into()),
        Kind::Unknown => refused(
            "not a model",
            format!(
                "neither safetensors, nor PyTorch's .pth or .pt, nor a tar.gz of one ({}, \
                 beginning with {:02x?})",
                units::bytes(bytes.len() as u64),
                &bytes[..bytes.len().min(8)]
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        let safetensors = safetensors::write(&Weights::zeros(), &Metadata::new()).unwrap();
        let zip = checkpoint::write(&Weights::zeros()).unwrap();
        for (bytes, kind) in [
            (&safetensors[..HEAD], Kind::Safetensors),
            (&zip[..HEAD], Kind::Zip),
            (b"\x1f\x8b\x08", Kind::Gzip),
            (OLD_TORCH, Kind::OldTorch),
            (b"\x80\x04\x95", Kind::Pickle),
            (b"", Kind::Empty),
            (b"<html>", Kind::Unknown),
            (&[0; HEAD], Kind::Unknown),
        ] {
            assert_eq!(Kind::of(bytes), kind);
        }
    }

    #[test]
    fn what_is_no_model_is_refused_with_the_fix() {
        for (bytes, words) in [
            (OLD_TORCH, "torch.save(torch.load('old.pth', weights_only=True), 'model.pth')"),
            (b"\x80\x04\x95", "torch.save(model.state_dict(), \"model.pth\")"),
            (b"", "empty"),
            (b"<html>", "beginning with [3c, 68, 74, 6d, 6c, 3e]"),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
