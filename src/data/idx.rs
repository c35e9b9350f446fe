//! MNIST's own file format, IDX: a magic number, the dimensions, and the bytes.
//!
//! All numbers are 32 bits wide, the highest byte first. Images begin with `0x00000803`, count,
//! rows, columns; labels with `0x00000801`, count. Files may be gzipped, which is told by their
//! content, not by their name.

use std::io::{self, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use md5::{Digest, Md5};

use super::{IMAGE_PIXELS, IMAGE_SIDE, Image};
use crate::error::{Error, Result};
use crate::units;

/// The most items that a file may declare; MNIST's largest has 60,000.
pub const MAX_ITEMS: usize = 1_000_000;

const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<T> {
    /// The images or labels, in the file's order.
    pub items: Vec<T>,
    /// MD5 of the file's uncompressed bytes, in lower-case hexadecimal digits.
    pub md5: String,
}

/// Reads a file of 28x28 images. `name` is what errors call it.
///
/// # Errors
/// [`Error::Malformed`] for anything that is not exactly such a file: other dimensions, more items
/// than [`MAX_ITEMS`], too few bytes or too many. [`Error::Io`] where it cannot be read.
pub fn read_images(file: impl Read, name: &Path) -> Result<Contents<Image>> {
    let mut reader = Reader::new(file, name, "images")?;
    let count = reader.count(IMAGES)?;
    let (rows, columns) = (reader.number()?, reader.number()?);
    if (rows, columns) != (IMAGE_SIDE as u32, IMAGE_SIDE as u32) {
        return Err(reader.malformed(format!("its images are {rows} x {columns}, not 28 x 28")));
    }
    let bytes = reader.items(count, IMAGE_PIXELS)?;
    let items = bytes.as_chunks().0.iter().map(|&pixels| Image(pixels)).collect();
    Ok(Contents { items, md5: reader.md5() })
}

/// Reads a file of labels, 0 to 9. `name` is what errors call it.
///
/// # Errors
/// As [`read_images`], and [`Error::Malformed`] for a label past 9.
pub fn read_labels(file: impl Read, name: &Path) -> Result<Contents<u8>> {
    let mut reader = Reader::new(file, name, "labels")?;
    let count = reader.count(LABELS)?;
    let items = reader.items(count, 1)?;
    if let Some((index, label)) = items.iter().enumerate().find(|(_, label)| **label > 9) {
        return Err(reader.malformed(format!("label {index} is {label}, which is no digit")));
    }
    Ok(Contents { items, md5: reader.md5() })
}

/// The file, uncompressed, that [`read_images`] reads back.
pub fn write_images(images: &[Image]) -> Vec<u8> {
    let side = IMAGE_SIDE as u32;
    let mut bytes = header(&[IMAGES, images.len() as u32, side, side]);
    bytes.extend(images.iter().flat_map(|image| image.0));
    bytes
}

/// The file, uncompressed, that [`read_labels`] reads back.
pub fn write_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = header(&[LABELS, labels.len() as u32]);
    bytes.extend(labels);
    bytes
}

fn header(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Reads, unzips where needed, and sums up what it read.
struct Reader<'a, R: Read> {
    bytes: Unzipped<R>,
    md5: Md5,
    name: &'a Path,
    items: &'static str,
}

/// A file put together again after its first two bytes were looked at.
type Whole<R> = io::Chain<Cursor<Vec<u8>>, R>;

enum Unzipped<R: Read> {
    Plain(Whole<R>),
    Gzip(Box<MultiGzDecoder<Whole<R>>>),
}

impl<'a, R: Read> Reader<'a, R> {
    fn new(mut file: R, name: &'a Path, items: &'static str) -> Result<Self> {
        let mut start = Vec::with_capacity(GZIP.len());
        let read = file.by_ref().take(GZIP.len() as u64).read_to_end(&mut start);
        read.map_err(|error| Error::io("read", name, error))?;
        let zipped = start == GZIP;
        let whole = Cursor::new(start).chain(file);
        let bytes = if zipped {
            Unzipped::Gzip(Box::new(MultiGzDecoder::new(whole)))
        } else {
            Unzipped::Plain(whole)
        };
        Ok(Self { bytes, md5: Md5::new(), name, items })
    }

    /// The magic number, which has to be `magic`, and how many items there are.
    fn count(&mut self, magic: u32) -> Result<usize> {
        let found = self.number()?;
        if found != magic {
            return Err(self.malformed(format!(
                "not an IDX file of {}: it begins with {found:#010x}, not {magic:#010x}",
                self.items
            )));
        }
        let count = self.number()? as usize;
        if count > MAX_ITEMS {
            return Err(self.malformed(format!(
                "it declares {} {}; at most {} are read",
                units::count(count as u64),
                self.items,
                units::count(MAX_ITEMS as u64)
            )));
        }
        Ok(count)
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.at_most(4)?;
        let bytes = bytes.try_into().map_err(|_| self.malformed("truncated in its header"))?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// The bytes of `count` items of `size` bytes, after which the file has to end.
    fn items(&mut self, count: usize, size: usize) -> Result<Vec<u8>> {
        let bytes = self.at_most(count * size)?;
        if bytes.len() < count * size {
            return Err(self.malformed(format!(
                "truncated: it declares {} {} and ends after {}",
                units::count(count as u64),
                self.items,
                units::count((bytes.len() / size) as u64)
            )));
        }
        // Where there is no more to come, this also checks gzip's own checksum.
        if !self.at_most(1)?.is_empty() {
            let count = units::count(count as u64);
            return Err(self.malformed(format!("bytes follow its {count} {}", self.items)));
        }
        Ok(bytes)
    }

    /// Fewer than `size` bytes where the file ends. Memory grows with what is really there.
    fn at_most(&mut self, size: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(size.min(1 << 20));
        let read = match &mut self.bytes {
            Unzipped::Plain(plain) => plain.take(size as u64).read_to_end(&mut bytes),
            Unzipped::Gzip(gzip) => gzip.take(size as u64).read_to_end(&mut bytes),
        };
        match read {
            Ok(_) => {
                self.md5.update(&bytes);
                Ok(bytes)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.malformed("truncated: its gzip stream has no end"),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                self.malformed(format!("damaged: {error}"))
            }
            _ => Error::io("read", self.name, error),
        }
    }

    fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::malformed(self.name.display().to_string(), reason)
    }

    /// Of everything read so far.
    fn md5(self) -> String {
        self.md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn images(bytes: &[u8]) -> Result<Contents<Image>> {
        read_images(bytes, Path::new("some-images"))
    }

    fn labels(bytes: &[u8]) -> Result<Contents<u8>> {
        read_labels(bytes, Path::new("some-labels"))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn reason<T: std::fmt::Debug>(result: Result<Contents<T>>) -> String {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        error.to_string()
    }

    fn three_images() -> Vec<u8> {
        write_images(&[1, 2, 3].map(|pixel| Image([pixel; IMAGE_PIXELS])))
    }

    #[test]
    fn the_header_is_the_one_of_the_format() {
        let bytes = three_images();
        assert_eq!(bytes[..16], *b"\0\0\x08\x03\0\0\0\x03\0\0\0\x1c\0\0\0\x1c");
        assert_eq!(write_labels(&[7])[..], *b"\0\0\x08\x01\0\0\0\x01\x07");
    }

    #[test]
    fn md5_is_of_the_uncompressed_bytes() {
        let bytes = write_labels(&[3, 1, 4]);
        // printf '\0\0\10\1\0\0\0\3\3\1\4' | md5sum
        assert_eq!(labels(&bytes).unwrap().md5, "ddb8bb0c65c2bdd9825643643cc74e37");
        assert_eq!(labels(&gzip(&bytes)).unwrap(), labels(&bytes).unwrap());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let whole = three_images();
        assert_eq!(reason(images(b"")), "some-images: truncated in its header");
        assert_eq!(
            reason(images(&write_labels(&[1]))),
            "some-images: not an IDX file of images: it begins with 0x00000801, not 0x00000803"
        );
        assert_eq!(
            reason(images(&whole[..whole.len() - 1])),
            "some-images: truncated: it declares 3 images and ends after 2"
        );
        assert_eq!(
            reason(images(&[&whole[..], b"x"].concat())),
            "some-images: bytes follow its 3 images"
        );
        let mut other = whole.clone();
        other[15] = 32;
        assert_eq!(reason(images(&other)), "some-images: its images are 28 x 32, not 28 x 28");
        assert_eq!(
            reason(labels(&write_labels(&[9, 10]))),
            "some-labels: label 1 is 10, which is no digit"
        );
    }

    #[test]
    fn a_declared_size_is_refused_before_anything_is_allocated_for_it() {
        let lie = header(&[IMAGES, u32::MAX, 28, 28]);
        let text = reason(images(&lie));
        assert!(
            text.ends_with("declares 4,294,967,295 images; at most 1,000,000 are read"),
            "{text}"
        );
        let bold = header(&[IMAGES, MAX_ITEMS as u32, 28, 28]);
        assert!(reason(images(&bold)).ends_with("ends after 0"));
    }

    #[test]
    fn a_damaged_or_truncated_gzip_is_noticed() {
        let zipped = gzip(&three_images());
        assert!(images(&zipped).is_ok());
        for cut in 0..zipped.len() {
            reason(images(&zipped[..cut]));
        }
        // The checksum at the end is the only thing that is wrong here.
        let mut flipped = zipped.clone();
        flipped[zipped.len() - 8] ^= 1;
        assert!(reason(images(&flipped)).contains("damaged"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_back(
            pixels in prop::collection::vec(any::<u8>(), 0..4),
            digits in prop::collection::vec(0u8..10, 0..200),
            zipped: bool,
        ) {
            let pictures: Vec<_> = pixels.iter().map(|&pixel| Image([pixel; IMAGE_PIXELS])).collect();
            let (mut first, mut second) = (write_images(&pictures), write_labels(&digits));
            if zipped {
                (first, second) = (gzip(&first), gzip(&second));
            }
            prop_assert_eq!(images(&first).unwrap().items, pictures);
            prop_assert_eq!(labels(&second).unwrap().items, digits);
        }

        #[test]
        fn no_bytes_make_it_panic(
            start in prop::sample::select(vec![
                &b""[..], b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\x01\0\0\0\x1c\0\0\0\x1c",
                b"\x1f\x8b\x08\0",
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..900),
        ) {
            let bytes = [start, &rest].concat();
            let _ = (images(&bytes), labels(&bytes));
        }
    }
}
