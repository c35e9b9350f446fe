//! Records in, records out: the laws of splitting, known bytes, and hostile ones.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::recordio::MAGIC;
use super::tfrecord::masked_crc;
use super::*;
use crate::error::{Error, Result};
use crate::transform::terms::{BatchStrategy, CompressionType, SplitType};
use BatchStrategy::{MultiRecord, SingleRecord};

const SPLITS: [SplitType; 4] =
    [SplitType::None, SplitType::Line, SplitType::RecordIO, SplitType::TFRecord];

fn rules(split: SplitType, strategy: BatchStrategy, max_payload: u64) -> Rules {
    Rules { split, strategy, max_payload: Some(max_payload), compression: CompressionType::None }
}

/// A record as a split finds it in an object.
fn framed(split: SplitType, record: &[u8], crlf: bool) -> Vec<u8> {
    match split {
        SplitType::None => record.to_vec(),
        SplitType::Line => [record, if crlf { b"\r\n" } else { b"\n" }].concat(),
        SplitType::RecordIO => recordio(record),
        SplitType::TFRecord => {
            let length = (record.len() as u64).to_le_bytes();
            let crcs = [&length, record].map(|bytes| masked_crc(bytes).to_le_bytes());
            [&length[..], &crcs[0], record, &crcs[1]].concat()
        }
    }
}

/// As dmlc-core's RecordIOWriter::WriteRecord has it.
fn recordio(record: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chunk = |part: u32, content: &[u8]| {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&(part << 29 | content.len() as u32).to_le_bytes());
        out.extend_from_slice(content);
    };
    let mut start = 0;
    for at in (0..record.len() / 4).map(|word| 4 * word) {
        if record[at..at + 4] == MAGIC {
            chunk(if start == 0 { 1 } else { 2 }, &record[start..at]);
            start = at + 4;
        }
    }
    chunk(if start == 0 { 0 } else { 3 }, &record[start..]);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// Gzip, in members of `member` bytes each.
fn gzip(bytes: &[u8], member: usize) -> Vec<u8> {
    let members: Vec<&[u8]> =
        if bytes.is_empty() { vec![bytes] } else { bytes.chunks(member).collect() };
    let mut out = Vec::new();
    for member in members {
        let mut encoder = GzEncoder::new(&mut out, Compression::fast());
        encoder.write_all(member).unwrap();
        encoder.finish().unwrap();
    }
    out
}

/// A reader that gives a few bytes at a time, and is interrupted now and then.
struct Dribble<'a> {
    bytes: &'a [u8],
    most: usize,
    calls: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = self.most.min(buffer.len());
        self.bytes.read(&mut buffer[..most])
    }
}

/// What came of an object.
#[derive(Debug, Default, PartialEq)]
struct Split {
    bodies: Vec<Vec<u8>>,
    /// Contents and offsets of the records, by payload.
    records: Vec<Vec<(Vec<u8>, u64)>>,
}

fn split_from(bytes: &mut dyn Read, rules: &Rules) -> Result<Split, Refused> {
    let mut splitter = Splitter::new(bytes, rules);
    let mut payload = Payload::default();
    let mut out = Split::default();
    let mut next = 0;
    while splitter.next(&mut payload)? {
        assert_eq!(payload.first_record(), next);
        next += payload.len() as u64;
        assert_eq!(payload.records().len(), payload.len());
        out.bodies.push(payload.body().to_vec());
        let records = payload.records().enumerate();
        out.records
            .push(records.map(|(i, record)| (record.to_vec(), payload.record_offset(i))).collect());
    }
    assert!(!splitter.next(&mut payload).unwrap() && payload.is_empty(), "nothing comes after");
    Ok(out)
}

fn split(bytes: &[u8], rules: &Rules) -> Result<Split, Refused> {
    split_from(&mut &bytes[..], rules)
}

fn contents(split: &Split) -> Vec<&[u8]> {
    split.records.iter().flatten().map(|(content, _)| content.as_slice()).collect()
}

/// A few records: short ones, empty ones, and, for RecordIO, ones that hold its magic number.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop_oneof![
        Just(MAGIC.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..=4),
        proptest::collection::vec(any::<u8>(), 4..=4),
    ];
    let record = proptest::collection::vec(word, 0..12).prop_map(|words| words.concat());
    proptest::collection::vec(record, 0..12)
}

/// The same records without what a line cannot hold.
fn as_lines(records: &mut Vec<Vec<u8>>, ended: bool) {
    for record in records.iter_mut() {
        record.retain(|&byte| byte != b'\n' && byte != b'\r');
    }
    // A line of nothing without an end is no line.
    while !ended && records.last().is_some_and(Vec::is_empty) {
        records.pop();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// For all records, framed as any split has them, compressed or not, and read in pieces of any
    /// size: the split gives the same records in order with their offsets; a body is within the
    /// limit, and one of several records is as full as can be; the bodies of several records make
    /// up the object, and a body of one is its content.
    #[test]
    fn a_split_undoes_the_framing(
        mut records in records(), split in proptest::sample::select(&SPLITS), single: bool,
        slack in 0u64..200, compressed: bool, member in 1usize..100, most in 1usize..40,
        crlf: bool, ended: bool,
    ) {
        match split {
            SplitType::None => records = vec![records.concat()],
            SplitType::Line => as_lines(&mut records, ended),
            _ => {}
        }
        let mut frames: Vec<Vec<u8>> =
            records.iter().map(|record| framed(split, record, crlf)).collect();
        if let (SplitType::Line, false, Some(last)) = (split, ended, frames.last_mut()) {
            last.truncate(records[records.len() - 1].len());
        }
        let object = frames.concat();
        let longest = frames.iter().map(Vec::len).max().unwrap_or(0) as u64;
        let limit = longest + slack;
        let strategy = if single { SingleRecord } else { MultiRecord };
        let mut rules = rules(split, strategy, limit);
        let stored = if compressed {
            rules.compression = CompressionType::Gzip;
            gzip(&object, member)
        } else {
            object.clone()
        };

        let got = split_from(&mut Dribble { bytes: &stored, most, calls: 0 }, &rules).unwrap();
        prop_assert_eq!(contents(&got), records.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut offset = 0;
        for ((_, at), frame) in got.records.iter().flatten().zip(&frames) {
            prop_assert_eq!(*at, offset);
            offset += frame.len() as u64;
        }
        let size = |body: &Vec<u8>| body.len() as u64;
        prop_assert!(got.bodies.iter().all(|body| size(body) <= limit));
        if single {
            prop_assert!(got.records.iter().all(|records| records.len() == 1));
            prop_assert_eq!(got.bodies.concat(), records.concat());
        } else {
            prop_assert_eq!(got.bodies.concat(), object);
            let mut first = 0;
            for (body, records) in got.bodies.iter().zip(&got.records) {
                first += records.len();
                if let Some(next) = frames.get(first) {
                    prop_assert!(size(body) + next.len() as u64 > limit, "one more would fit");
                }
            }
        }
    }

    /// For all bytes and rules: a split ends, without a panic, in records or in a refusal; and what
    /// it gives of lines is all there is.
    #[test]
    fn any_bytes_are_split_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        which in proptest::sample::select(&SPLITS), single: bool, limit in 0u64..400,
        compressed: bool,
    ) {
        let strategy = if single { SingleRecord } else { MultiRecord };
        let mut rules = rules(which, strategy, limit);
        if compressed {
            rules.compression = CompressionType::Gzip;
        }
        if let Ok(got) = split(&bytes, &rules) && !single && !compressed {
            prop_assert_eq!(got.bodies.concat(), bytes);
        }
    }

    /// For all objects of whole frames, cut short anywhere: what is before the cut comes out, and
    /// the record that is cut is refused by its number, its place and the byte of the cut.
    #[test]
    fn a_truncated_object_names_the_record_and_the_byte(
        records in records(), tfrecord: bool, at in any::<proptest::sample::Index>(), single: bool,
    ) {
        let split_type = if tfrecord { SplitType::TFRecord } else { SplitType::RecordIO };
        let frames: Vec<_> = records.iter().map(|record| framed(split_type, record, false)).collect();
        let object = frames.concat();
        let cut = at.index(object.len() + 1);
        // A limit of one record's size gives each a payload of its own.
        let strategy = if single { SingleRecord } else { MultiRecord };
        let rules = rules(split_type, strategy, 10_000);
        let (mut whole, mut offset) = (0, 0);
        while whole < frames.len() && offset + frames[whole].len() <= cut {
            offset += frames[whole].len();
            whole += 1;
        }
        match split(&object[..cut], &rules) {
            Ok(got) => {
                prop_assert_eq!(offset, cut);
                prop_assert_eq!(got.records.iter().flatten().count(), whole);
            }
            Err(refused) => {
                prop_assert_ne!(offset, cut);
                prop_assert_eq!(refused.record, Some(whole as u64));
                prop_assert_eq!(refused.offset, Some(offset as u64));
                let text = refused.to_string();
                prop_assert!(text.contains(&format!("ends at byte {cut},")), "{}", text);
            }
        }
    }
}

#[test]
fn lines_end_with_either_end_and_the_last_with_none() {
    let lines = |bytes: &[u8], strategy| {
        let got = split(bytes, &rules(SplitType::Line, strategy, 100)).unwrap();
        (contents(&got).iter().map(|c| c.to_vec()).collect::<Vec<_>>(), got.bodies)
    };
    let three = [&b"a"[..], b"", b"c\r"].map(<[u8]>::to_vec).to_vec();
    assert_eq!(lines(b"a\r\n\nc\r", MultiRecord), (three.clone(), vec![b"a\r\n\nc\r".to_vec()]));
    assert_eq!(lines(b"a\r\n\nc\r", SingleRecord), (three.clone(), three));
    assert_eq!(lines(b"a\n", SingleRecord).0, [b"a"]);
    assert_eq!(lines(b"\n", SingleRecord).0, [b""]);
}

#[test]
fn an_empty_object_has_no_records_but_is_one_without_a_split() {
    for which in SPLITS {
        for strategy in [MultiRecord, SingleRecord] {
            let got = split(b"", &rules(which, strategy, 10)).unwrap();
            let records = usize::from(which == SplitType::None);
            assert_eq!(got.bodies, vec![Vec::<u8>::new(); records], "{which:?}");
        }
    }
}

/// The last of several records is one byte too long; the limit is of all that is sent.
#[test]
fn a_record_over_the_limit_is_refused_by_its_number_and_the_limit() {
    for (which, overhead, says) in [
        (SplitType::Line, 1, "a line: it is more than"),
        (SplitType::RecordIO, 8, "a RecordIO record: "),
        (SplitType::TFRecord, 16, "a TFRecord record: "),
    ] {
        let records = [&b"1234"[..], b"12345678", b"123456789abc"];
        let frames = records.map(|record| framed(which, record, false));
        let object = frames.concat();
        for (strategy, needed) in [(MultiRecord, 12 + overhead), (SingleRecord, 12)] {
            let got = split(&object, &rules(which, strategy, needed)).unwrap();
            assert_eq!(contents(&got), records);
            let refused = split(&object, &rules(which, strategy, needed - 1)).unwrap_err();
            assert_eq!(refused.record, Some(2), "{which:?}");
            assert_eq!(refused.offset, Some((frames[0].len() + frames[1].len()) as u64));
            let text = refused.to_string();
            assert!(text.contains(says) && text.contains("--max-payload-mb"), "{text}");
            assert!(text.contains(&format!("payload limit of {} B", needed - 1)), "{text}");
        }
    }
}

#[test]
fn an_object_over_the_limit_is_refused_with_both_sizes() {
    let rules = rules(SplitType::None, MultiRecord, 6 * MEBIBYTE);
    let mut nothing = io::empty();
    let mut splitter = Splitter::new(&mut nothing, &rules).with_size(Some(7 * MEBIBYTE));
    assert_eq!(
        splitter.next(&mut Payload::default()).unwrap_err().to_string(),
        "record 0 at byte 0: the object: 7.00 MiB are more than the payload limit of 6.00 MiB; \
         raise `--max-payload-mb`, or give 0 for any size"
    );
    // Without its size, and compressed to far less than the limit.
    let bomb = gzip(&vec![0; 6 << 20 | 1], 10 << 20);
    let gzipped = Rules { compression: CompressionType::Gzip, ..rules };
    let text = split(&bomb, &gzipped).unwrap_err().to_string();
    assert!(text.contains("the object: it is more than the payload limit of 6.00 MiB"), "{text}");
    let any_size = Rules { max_payload: None, ..gzipped };
    assert_eq!(split(&bomb, &any_size).unwrap().bodies[0].len(), 6 << 20 | 1);
}

/// Two records by hand, "abc" and nothing; their checksums are from a bitwise CRC-32C.
#[test]
fn tfrecords_known_bytes_are_read() {
    let object = [
        &b"\x03\0\0\0\0\0\0\0\xb0\x99\x49\x0eabc\x6e\x57\xf1\x21"[..],
        b"\0\0\0\0\0\0\0\0\x29\x03\x98\x07\xd8\xea\x82\xa2",
    ]
    .concat();
    for strategy in [MultiRecord, SingleRecord] {
        let got = split(&object, &rules(SplitType::TFRecord, strategy, 100)).unwrap();
        assert_eq!(contents(&got), [&b"abc"[..], b""]);
    }
    assert_eq!(object, [&b"abc"[..], b""].map(|r| framed(SplitType::TFRecord, r, false)).concat());
}

/// Three records by hand: padded by one byte, in three parts, and empty.
#[test]
fn recordios_known_bytes_are_read() {
    let object = [
        &b"\x0a\x23\xd7\xce\x03\x00\x00\x00abc\x00"[..],
        b"\x0a\x23\xd7\xce\x04\x00\x00\x20left",
        b"\x0a\x23\xd7\xce\x00\x00\x00\x40",
        b"\x0a\x23\xd7\xce\x05\x00\x00\x60right\x00\x00\x00",
        b"\x0a\x23\xd7\xce\x00\x00\x00\x00",
    ]
    .concat();
    let records = [&b"abc"[..], b"left\x0a\x23\xd7\xce\x0a\x23\xd7\xceright", b""];
    for strategy in [MultiRecord, SingleRecord] {
        let got = split(&object, &rules(SplitType::RecordIO, strategy, 100)).unwrap();
        assert_eq!(contents(&got), records);
        let offsets: Vec<u64> = got.records.iter().flatten().map(|&(_, offset)| offset).collect();
        assert_eq!(offsets, [0, 12, 12 + 12 + 8 + 16]);
    }
}

#[test]
fn hostile_lengths_are_refused_without_their_memory() {
    for length in [1 << 20, 1 << 40, u64::MAX - 15, u64::MAX] {
        let mut object = length.to_le_bytes().to_vec();
        object.extend(masked_crc(&object).to_le_bytes());
        object.extend(b"a few bytes");
        for strategy in [MultiRecord, SingleRecord] {
            let mut payload = Payload::default();
            let mut bytes = &object[..];
            let limited = rules(SplitType::TFRecord, strategy, 1000);
            let text = Splitter::new(&mut bytes, &limited).next(&mut payload).unwrap_err();
            assert!(text.to_string().contains("payload limit of 1000 B"), "{text}");
            let mut bytes = &object[..];
            let any_size = Rules { max_payload: None, ..limited };
            let text = Splitter::new(&mut bytes, &any_size).next(&mut payload).unwrap_err();
            assert!(text.to_string().contains("ends at byte 23,"), "{text}");
            assert!(payload.buffers().0.capacity() < 4096);
        }
    }
    let object = [&MAGIC[..], &(1u32 << 29 | 0x1fff_ffff).to_le_bytes(), b"a few"].concat();
    let mut payload = Payload::default();
    let mut bytes = &object[..];
    let any_size = Rules { split: SplitType::RecordIO, max_payload: None, ..Rules::default() };
    let refused = Splitter::new(&mut bytes, &any_size).next(&mut payload).unwrap_err();
    assert!(refused.to_string().contains("ends at byte 13,"), "{refused}");
    assert!(payload.buffers().0.capacity() < 4096);
}

#[test]
fn damaged_frames_are_refused_by_what_is_wrong_with_them() {
    let damaged = |split_type, at: usize| {
        let mut object = framed(split_type, b"abcdef", false).repeat(2);
        let at = object.len() / 2 + at;
        object[at] ^= 0x40;
        let refused = split(&object, &rules(split_type, MultiRecord, 1000)).unwrap_err();
        assert_eq!(refused.record, Some(1));
        refused.to_string()
    };
    for (at, says) in [(0, "record's length"), (9, "record's length"), (13, "record's content")] {
        let text = damaged(SplitType::TFRecord, at);
        assert!(text.contains("the checksum of the") && text.contains(says), "{text}");
    }
    let text = damaged(SplitType::RecordIO, 1);
    assert!(text.contains("byte 16 holds 0xced7630a and not the magic number"), "{text}");
    let text = damaged(SplitType::RecordIO, 7);
    assert!(text.contains("part 2 at byte 16 where a new record (0 or 1) was to come"), "{text}");
}

#[test]
fn what_is_not_gzip_or_cut_short_is_refused_readably() {
    let mut rules = rules(SplitType::Line, MultiRecord, 1000);
    rules.compression = CompressionType::Gzip;
    let text = split(b"plain text\n", &rules).unwrap_err().to_string();
    assert!(text.contains("gzip: ") && text.contains("--compression None"), "{text}");
    let whole = gzip(b"a line\nand another\n", 100);
    for cut in [0, 5, whole.len() / 2, whole.len() - 1] {
        let text = split(&whole[..cut], &rules).unwrap_err().to_string();
        assert!(text.contains("gzip: truncated"), "{cut}: {text}");
    }
    let mut damaged = whole;
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    assert!(split(&damaged, &rules).unwrap_err().to_string().contains("gzip: "));
}

/// A store that fails after some bytes, with its own error or the system's.
struct Failing(&'static [u8], Option<Error>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(match self.1.take() {
                Some(error) => io::Error::other(error),
                None => io::ErrorKind::UnexpectedEof.into(),
            });
        }
        self.0.read(buffer)
    }
}

#[test]
fn a_store_that_fails_is_not_taken_for_a_damaged_object() {
    let own = || Some(Error::unavailable("s3://bucket", "it said so"));
    for which in SPLITS {
        for compression in [CompressionType::None, CompressionType::Gzip] {
            let rules = Rules { split: which, compression, ..Rules::default() };
            let text = split_from(&mut Failing(b"", own()), &rules).unwrap_err().to_string();
            assert!(text.ends_with("s3://bucket is not available: it said so"), "{text}");
            let text = split_from(&mut Failing(b"", None), &rules).unwrap_err().to_string();
            assert!(text.contains("cannot read the object: "), "{text}");
        }
    }
}

#[test]
fn records_are_replaced_with_their_numbers_and_places_kept() {
    let upper = |record: &[u8], out: &mut Vec<u8>| {
        if record == b"bad" {
            return Err(Error::malformed("record", "as told"));
        }
        out.extend(record.to_ascii_uppercase());
        out.push(b'!');
        Ok(())
    };
    for (which, strategy, body) in [
        (SplitType::Line, MultiRecord, &b"A!\nBC!\n!\nD!\n"[..]),
        (SplitType::Line, SingleRecord, b"A!"),
        (SplitType::None, MultiRecord, b"A\r\nBC\n\nD!"),
    ] {
        let object = b"a\r\nbc\n\nd";
        let mut bytes = &object[..];
        let mut payload = Payload::default();
        let rules = rules(which, strategy, 100);
        Splitter::new(&mut bytes, &rules).next(&mut payload).unwrap();
        let places: Vec<u64> = (0..payload.len()).map(|i| payload.record_offset(i)).collect();
        payload.replace_records(upper).unwrap();
        assert_eq!(payload.body(), body);
        assert_eq!(
            payload.records().next().unwrap(),
            body.split(|&b| b == b'\n' && which == SplitType::Line).next().unwrap()
        );
        assert_eq!(
            places,
            (0..payload.len()).map(|i| payload.record_offset(i)).collect::<Vec<_>>()
        );
    }
    let mut bytes = &b"good\nbad\n"[..];
    let mut payload = Payload::default();
    Splitter::new(&mut bytes, &rules(SplitType::Line, MultiRecord, 100))
        .next(&mut payload)
        .unwrap();
    let refused = payload.replace_records(upper).unwrap_err();
    assert_eq!(refused.to_string(), "record 1 at byte 5: record: as told");

    let object = recordio(b"abc");
    let mut bytes = &object[..];
    Splitter::new(&mut bytes, &rules(SplitType::RecordIO, MultiRecord, 100))
        .next(&mut payload)
        .unwrap();
    assert!(matches!(payload.replace_records(upper).unwrap_err().error, Error::Bug(_)));
}

#[test]
fn a_request_has_no_more_records_than_there_is_room_to_know_of() {
    let object = vec![b'\n'; MOST_RECORDS + 5];
    let rules = Rules { split: SplitType::Line, ..Rules::default() };
    let mut bytes = &object[..];
    let mut splitter = Splitter::new(&mut bytes, &rules);
    let mut payload = Payload::default();
    assert!(splitter.next(&mut payload).unwrap());
    assert_eq!((payload.first_record(), payload.len()), (0, MOST_RECORDS));
    assert!(splitter.next(&mut payload).unwrap());
    assert_eq!((payload.first_record(), payload.len()), (MOST_RECORDS as u64, 5));
    assert!(!splitter.next(&mut payload).unwrap());
}

#[test]
fn a_payload_keeps_its_memory_from_object_to_object() {
    let mut payload = Payload::default();
    let mut places = Vec::new();
    for size in [300, 299, 300] {
        let object = vec![7; size];
        let mut bytes = &object[..];
        assert!(Splitter::new(&mut bytes, &Rules::default()).next(&mut payload).unwrap());
        assert_eq!(payload.body(), object);
        places.push((payload.body().as_ptr(), payload.buffers().0.capacity()));
    }
    assert!(places[1..].iter().all(|place| *place == places[0]), "{places:?}");
}
