//! Arrays of NumPy's: any bytes are images or refused, and no image comes from nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::data::IMAGE_PIXELS;
use plimsoll::transform::handler::{Handler, Mnist};
use plimsoll::transform::split::{Payload, Rules, Splitter};

fuzz_target!(|data: &[u8]| {
    check(data);
    // The same as the header of an array with enough values for some images.
    if let Ok(length) = u16::try_from(data.len()) {
        let head = [&b"\x93NUMPY\x01\x00"[..], &length.to_le_bytes(), data].concat();
        for values in [IMAGE_PIXELS, 2 * IMAGE_PIXELS, 8 * IMAGE_PIXELS] {
            check(&[&head[..], &vec![1; values]].concat());
        }
    }
});

fn check(mut bytes: &[u8]) {
    let size = bytes.len();
    let mut payload = Payload::default();
    let mut splitter = Splitter::new(&mut bytes, &Rules::default());
    assert!(splitter.next(&mut payload).expect("it is below the limit"));
    let mut images = Vec::new();
    if Mnist.input_fn(&payload, "application/x-npy", &mut images).is_ok() {
        assert!(!images.is_empty() && images.len() * IMAGE_PIXELS < size);
    }
}
