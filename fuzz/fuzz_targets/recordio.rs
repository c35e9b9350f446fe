//! RecordIO: any bytes are split by the laws or refused. The first byte is the payload limit.
#![no_main]

mod laws;

use libfuzzer_sys::fuzz_target;
use plimsoll::transform::terms::SplitType;

fuzz_target!(|data: &[u8]| {
    let Some((&limit, object)) = data.split_first() else { return };
    laws::hold(SplitType::RecordIO, u64::from(limit) * 4, object);
});
