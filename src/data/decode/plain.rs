//! The short cut for what nearly every object of a job is: a 28x28 PNG in 8-bit grey.
//!
//! A general decoder spends most of its time on such a small picture setting itself up. This one
//! keeps its inflater between pictures. It takes only a file in which everything is as it should
//! be, every checksum included, and gives `None` for all else: then the general decoder has the
//! say, and the error, if there is one, is its.

use std::cell::RefCell;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::data::{IMAGE_PIXELS, IMAGE_SIDE, Image};

/// The signature, and a header that says 28x28, 8 bits, grey, not interlaced.
const START: [u8; 29] = *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x1c\0\0\0\x1c\x08\0\0\0\0";
/// The last chunk, which is empty.
const END: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";
/// A row is preceded by the number of its filter.
const ROW: usize = 1 + IMAGE_SIDE;

struct Scratch {
    inflater: Decompress,
    rows: [u8; ROW * IMAGE_SIDE],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        inflater: Decompress::new(true),
        rows: [0; ROW * IMAGE_SIDE],
    });
}

/// The image, where the file is plain and sound.
pub(super) fn decode(png: &[u8]) -> Option<Image> {
    let data = image_data(png)?;
    SCRATCH.with_borrow_mut(|scratch| {
        inflate(&mut scratch.inflater, data, &mut scratch.rows)?;
        unfilter(&scratch.rows)
    })
}

/// The contents of the only IDAT chunk, where there is nothing else in the file but chunks that
/// do not touch pixels.
fn image_data(png: &[u8]) -> Option<&[u8]> {
    let rest = png.strip_prefix(&START)?;
    let (crc, mut rest) = rest.split_first_chunk()?;
    if u32::from_be_bytes(*crc) != checksum(&START[12..]) {
        return None;
    }
    loop {
        let (kind, data, after) = chunk(rest)?;
        rest = after;
        match kind {
            b"IDAT" => return (rest == END).then_some(data),
            b"tEXt" | b"tIME" | b"pHYs" | b"gAMA" => {}
            _ => return None,
        }
    }
}

/// The first chunk's kind and contents, where its checksum is right, and what follows it.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (body, rest) = rest.split_at_checked(length.checked_add(4)?)?;
    let (crc, rest) = rest.split_first_chunk()?;
    let (kind, data) = body.split_first_chunk()?;
    (u32::from_be_bytes(*crc) == checksum(body)).then_some((kind, data, rest))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Inflates to exactly `rows`; Adler-32 is checked on the way.
fn inflate(inflater: &mut Decompress, data: &[u8], rows: &mut [u8]) -> Option<()> {
    inflater.reset(true);
    let status = inflater.decompress(data, rows, FlushDecompress::Finish).ok()?;
    let whole =
        inflater.total_in() == data.len() as u64 && inflater.total_out() == rows.len() as u64;
    (status == Status::StreamEnd && whole).then_some(())
}

/// Undoes the filters of the PNG specification, section 9, for one byte a pixel.
fn unfilter(rows: &[u8; ROW * IMAGE_SIDE]) -> Option<Image> {
    let mut image = Image([0; IMAGE_PIXELS]);
    let mut above = [0u8; IMAGE_SIDE];
    for (row, out) in rows.as_chunks::<ROW>().0.iter().zip(image.0.as_chunks_mut().0) {
        let (filter, row) = row.split_first()?;
        let row: &[u8; IMAGE_SIDE] = row.try_into().ok()?;
        match filter {
            0 => *out = *row,
            1 => {
                let mut left = 0u8;
                for (out, &delta) in out.iter_mut().zip(row) {
                    left = left.wrapping_add(delta);
                    *out = left;
                }
            }
            2 => {
                for ((out, &delta), &above) in out.iter_mut().zip(row).zip(&above) {
                    *out = above.wrapping_add(delta);
                }
            }
            3 => {
                let mut left = 0u8;
                for ((out, &delta), &above) in out.iter_mut().zip(row).zip(&above) {
                    left = delta.wrapping_add(left.midpoint(above));
                    *out = left;
                }
            }
            4 => {
                let (mut left, mut corner) = (0u8, 0u8);
                for ((out, &delta), &above) in out.iter_mut().zip(row).zip(&above) {
                    left = delta.wrapping_add(paeth(left, above, corner));
                    corner = above;
                    *out = left;
                }
            }
            _ => return None,
        }
        above = *out;
    }
    Some(image)
}

/// Whichever of the three neighbours is nearest to left + above - corner.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(corner));
    let (to_left, to_above, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_left <= to_above && to_left <= to_corner {
        left
    } else if to_above <= to_corner {
        above
    } else {
        corner
    }
}
