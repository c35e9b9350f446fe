//! Files that are damaged, or made to do damage.

use proptest::prelude::*;

use super::file::Metadata;
use super::weights::Weights;
use super::{archive, checkpoint, kind, safetensors};

fn valid() -> [Vec<u8>; 2] {
    let weights = Weights::fresh(1);
    let metadata = Metadata::from([("accuracy".into(), "98.9%".into())]);
    [checkpoint::write(&weights).unwrap(), safetensors::write(&weights, &metadata).unwrap()]
}

/// Most bits of a file are in its numbers; this prefers both its ends, where everything else is.
fn places() -> impl Strategy<Value = usize> {
    prop_oneof![0..3000usize, (0..3000usize).prop_map(|back| usize::MAX - back), any::<usize>()]
}

fn place_in(bytes: &[u8], place: usize) -> usize {
    match usize::MAX - place {
        back if back < bytes.len() => bytes.len() - 1 - back,
        _ => place % bytes.len(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// For all bytes, behind any magic number: an answer, never a panic.
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for magic in [&b""[..], b"PK\x03\x04", b"\x40\0\0\0\0\0\0\0{", b"\x80\x02"] {
            let _ = kind::read(&[magic, &bytes].concat());
        }
        let _ = archive::read(&*bytes, false);
        let _ = archive::read(&*[b"\x1f\x8b\x08\0\0\0\0\0\0\xff", &*bytes].concat(), true);
    }

    /// For all places: a file that ends there is refused.
    #[test]
    fn what_was_cut_short_is_refused(place in places()) {
        for bytes in valid() {
            let end = place_in(&bytes, place);
            prop_assert!(kind::read(&bytes[..end]).is_err());
        }
    }

    /// For all places: turning some bits there gives an answer, never a panic, and never weights
    /// out of a file with checksums other than those that were put in.
    #[test]
    fn turned_bits_are_answered(turns in proptest::collection::vec((places(), 1u8..), 1..4)) {
        for (mut bytes, checked) in valid().into_iter().zip([true, false]) {
            for &(place, bits) in &turns {
                let place = place_in(&bytes, place);
                bytes[place] ^= bits;
            }
            if let (Ok((weights, ..)), true) = (kind::read(&bytes), checked) {
                prop_assert_eq!(weights, Weights::fresh(1));
            }
        }
    }

    /// For all places in an archive, compressed or not: the same.
    #[test]
    fn turned_bits_in_an_archive_are_answered(place in places(), bits in 1u8..) {
        let mut bytes = archive::write(&Weights::fresh(1), &Metadata::new()).unwrap();
        let at = place_in(&bytes, place);
        bytes[at] ^= bits;
        let _ = archive::read(&*bytes, true);
    }
}
