//! What holds of every split, whatever the object.

use plimsoll::transform::split::{Payload, Refused, Rules, Splitter};
use plimsoll::transform::terms::{BatchStrategy, CompressionType, SplitType};

/// The bodies of an object's requests, and its records.
type Split = (Vec<Vec<u8>>, Vec<Vec<u8>>);

/// Splits an object both ways. Under the limit each body is within it; what the requests of
/// several records carry is the object; and both ways find the same records.
pub fn hold(split: SplitType, limit: u64, object: &[u8]) {
    let several = run(split, BatchStrategy::MultiRecord, limit, object);
    let single = run(split, BatchStrategy::SingleRecord, limit, object);
    // Framing counts where it is sent, so that a limit may only fit records without it.
    let Ok((bodies, records)) = several else { return };
    assert_eq!(bodies.concat(), object);
    let (contents, same) = single.expect("what fits with its framing fits without it");
    assert_eq!(records, same);
    assert_eq!(contents, records);
}

fn run(
    split: SplitType,
    strategy: BatchStrategy,
    limit: u64,
    object: &[u8],
) -> Result<Split, Refused> {
    let compression = CompressionType::None;
    let rules = Rules { split, strategy, max_payload: Some(limit), compression };
    let mut bytes = object;
    let mut splitter = Splitter::new(&mut bytes, &rules);
    let mut payload = Payload::default();
    let (mut bodies, mut records) = (Vec::new(), Vec::new());
    while splitter.next(&mut payload)? {
        assert!(payload.body().len() as u64 <= limit);
        assert_eq!(payload.first_record(), records.len() as u64);
        bodies.push(payload.body().to_vec());
        records.extend(payload.records().map(<[u8]>::to_vec));
    }
    Ok((bodies, records))
}
