//! TFRecord: any bytes are split by the laws or refused. The first byte is the payload limit; where
//! it is odd, checksums are put right first, so that what lies behind them is reached.
#![no_main]

mod laws;

use libfuzzer_sys::fuzz_target;
use plimsoll::transform::terms::SplitType;

fuzz_target!(|data: &[u8]| {
    let Some((&limit, object)) = data.split_first() else { return };
    let mut object = object.to_vec();
    if limit % 2 == 1 {
        mend(&mut object);
    }
    laws::hold(SplitType::TFRecord, u64::from(limit) * 4, &object);
});

/// Makes every checksum right, as far as there are whole frames.
fn mend(mut rest: &mut [u8]) {
    while let Some((header, after)) = rest.split_first_chunk_mut::<12>() {
        let (length, checksum) = header.split_at_mut(8);
        checksum.copy_from_slice(&masked_crc(length));
        let length = length.iter().rev().fold(0, |n: u64, &byte| n << 8 | u64::from(byte));
        let Some((content, after)) =
            usize::try_from(length).ok().and_then(|length| after.split_at_mut_checked(length))
        else {
            return;
        };
        let Some((checksum, after)) = after.split_first_chunk_mut::<4>() else { return };
        *checksum = masked_crc(content);
        rest = after;
    }
}

fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
