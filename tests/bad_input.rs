//! Objects that are not as they should be: each fails alone, with its name and the cause, and all
//! others get their outputs.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use plimsoll::data::{Image, encode_png};

use crate::support::{Place, check_one, digit, failures, not_utf8, png, predictions, run, skipped};

/// Puts `bytes` between good objects, runs the job, and holds it to have failed that one object,
/// with a reason that holds all of `says`, and no other.
#[track_caller]
fn fails_alone(name: &str, bytes: &[u8], more: &[&str], says: &[&str]) {
    let place = Place::with_digits(12);
    let answers = predictions("native", &place.input());
    place.put(name, bytes);
    let ended = run(place.job("native", more)).exits(1);
    check_one(&place, &ended, name, says);
    assert_eq!(place.outputs(), answers, "{ended}");
}

#[test]
fn an_object_of_no_bytes_fails_alone() {
    fails_alone("empty.png", b"", &[], &["zero bytes"]);
}

#[test]
fn a_truncated_picture_fails_alone() {
    let whole = png(&digit(3));
    for length in [9, 40, whole.len() / 2, whole.len() - 13] {
        fails_alone("cut.png", &whole[..length], &[], &["image: "]);
    }
}

#[test]
fn a_text_fails_alone() {
    fails_alone("notes.txt", b"Dear all,\nthe pictures are late.\n", &[], &["PNG", "JPEG"]);
}

#[test]
fn a_picture_that_claims_to_be_huge_fails_alone_and_at_once() {
    // A sound header of 40,000 x 40,000 pixels of 8-bit grey, and nothing behind it.
    let mut huge = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(40_000u32.to_be_bytes());
    header.extend(40_000u32.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    huge.extend(13u32.to_be_bytes());
    huge.extend(&header);
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    huge.extend(crc.sum().to_be_bytes());
    fails_alone("huge.png", &huge, &[], &["40000 x 40000 pixels are too many"]);
}

#[test]
fn an_object_past_the_limit_fails_alone() {
    let noise = Image(std::array::from_fn(|i| (i * i * 31 + i * 7) as u8));
    let mut large = encode_png(&noise).unwrap();
    large.resize((1 << 20) + 1, 0);
    fails_alone(
        "large.png",
        &large,
        &["--max-payload-mb", "1"],
        &["more than the payload limit of 1.00 MiB", "--max-payload-mb"],
    );
}

#[test]
fn a_limit_of_zero_is_none() {
    let place = Place::with_digits(2);
    run(place.job("null", &["--max-payload-mb", "0"])).exits(0);
    assert_eq!(place.written(), 2);
}

#[test]
fn a_link_to_nowhere_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    symlink("/no/such/file", place.input().join("link.png")).unwrap();
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "link.png", &["cannot read ", "link.png", "No such file"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_pipe_without_a_writer_fails_alone_instead_of_keeping_the_job_for_ever() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    let made = Command::new("mkfifo").arg(place.input().join("pipe.png")).status();
    if !made.is_ok_and(|status| status.success()) {
        return skipped("a pipe among the objects: there is no mkfifo here");
    }
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "pipe.png", &["not a file"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_that_is_not_utf8_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    if fs::write(place.input().join(not_utf8()), png(&digit(0))).is_err() {
        return skipped("a name that is not UTF-8: this file system has none");
    }
    let ended = run(place.job("native", &[])).exits(1).complains("its name is not UTF-8");
    assert_eq!(failures(&place).len(), 1, "{ended}");
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_that_leaves_no_room_for_its_outputs_fails_alone() {
    let place = Place::with_digits(4);
    let answers = predictions("native", &place.input());
    let name = "n".repeat(253);
    place.put(&name, &png(&digit(0)));
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, &name, &["longer than 255 bytes", "rename the object"]);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_name_with_control_characters_cannot_play_with_the_terminal() {
    let place = Place::new();
    place.put("\u{1b}[2Jgone\n\u{202e}.png", b"no picture");
    let ended = run(place.job("null", &[])).exits(1);
    let telling: Vec<char> = ended.stderr.chars().filter(|c| c.is_control()).collect();
    assert!(telling.iter().all(|&c| c == '\n'), "{telling:?}");
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("failed: ")).count(), 1);
    assert_eq!(failures(&place)[0].key, "\u{1b}[2Jgone\n\u{202e}.png");
}

#[test]
fn an_output_that_cannot_take_its_place_fails_alone() {
    let place = Place::with_digits(4);
    fs::create_dir_all(place.output().join("002.png.out/in the way")).unwrap();
    let ended = run(place.job("native", &[])).exits(1);
    check_one(&place, &ended, "002.png", &["cannot write ", "002.png.out"]);
    let mut answers = predictions("native", &place.input());
    answers.remove(2);
    assert_eq!(place.outputs(), answers);
}

#[test]
fn a_list_of_failures_that_cannot_be_written_does_not_hide_the_summary() {
    let place = Place::with_digits(4);
    place.put("bad.png", b"no picture");
    fs::create_dir_all(place.failures().join("in the way")).unwrap();
    run(place.job("null", &[]))
        .exits(3)
        .says("4 of 5 objects in ")
        .complains("failed: bad.png: ")
        .complains("error: cannot write ")
        .complains("out.plimsoll/job/failures.jsonl");
    assert_eq!(place.written(), 4);
}
