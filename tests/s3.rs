//! Stores in buckets, against a server of the S3 API over HTTP.

use std::fs;
use std::io::Write;
use std::path::Path;

use plimsoll::error::Error;
use plimsoll::store::{Body, Location, Store};

use crate::support::s3::{Fault, Server};

/// A server with a bucket, and a store over a part of it.
fn store(server: &Server, uri: &str) -> Store {
    server.bucket("mnist");
    Store::open_by(&Location::parse(uri).unwrap(), &server.access()).unwrap()
}

fn read_all(store: &Store, keys: &[String], whole: u64) -> Vec<Result<Vec<u8>, String>> {
    let mut all = vec![None; keys.len()];
    store.read_all(keys, whole, &mut |index, body| {
        let bytes = body.map_err(|error| error.to_string()).and_then(|body| match body {
            Body::Whole(bytes) => Ok(bytes.to_vec()),
            Body::Stream { bytes, size } => {
                let mut all = Vec::new();
                bytes.read_to_end(&mut all).map_err(|error| error.to_string())?;
                assert_eq!(size, Some(all.len() as u64));
                Ok(all)
            }
        });
        assert!(all[index].replace(bytes).is_none(), "{index} came twice");
    });
    all.into_iter().map(Option::unwrap).collect()
}

fn keys(listing: &plimsoll::store::Listing) -> Vec<&str> {
    (0..listing.len()).map(|i| listing.key(i)).collect()
}

/// Bytes that tell where they are.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i / 7 + i / 1001) as u8).collect()
}

#[test]
fn what_is_put_is_listed_read_sized_and_removed() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/out");
    assert_eq!(store.get("a.out", 10).unwrap(), None);
    store.put("a.out", b"first").unwrap();
    store.put("a.out", b"second").unwrap();
    store.put("deep/er/b.out", b"").unwrap();
    assert_eq!(fs::read(server.root().join("mnist/out/a.out")).unwrap(), b"second");
    let listing = store.list("", false).unwrap();
    assert_eq!(keys(&listing), ["a.out", "deep/er/b.out"]);
    assert_eq!((listing.size(0), listing.size(1)), (Some(6), Some(0)));
    assert_eq!(store.get("a.out", 6).unwrap().unwrap(), b"second");
    let error = store.get("a.out", 5).unwrap_err().to_string();
    assert!(error.contains("larger than the limit of 5 bytes"), "{error}");
    let sizes: Vec<_> = store
        .sizes_of(&["a.out", "none", "deep/er/b.out"])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(sizes, [Some(6), None, Some(0)]);
    store.remove("a.out").unwrap();
    store.remove("a.out").unwrap();
    assert_eq!(keys(&store.list("", false).unwrap()), ["deep/er/b.out"]);
    assert_eq!(store.sweep().unwrap(), 0);
}

#[test]
fn a_prefix_is_literal_and_a_listing_of_many_pages_is_whole() {
    let server = Server::start();
    let folder = server.bucket("mnist");
    for i in 0..2_500 {
        let file = folder.join(format!("in/{}/{i:04}.png", i % 3));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
    }
    fs::create_dir_all(folder.join("in2")).unwrap();
    fs::write(folder.join("in2/a.png"), "x").unwrap();
    fs::write(folder.join("in.txt"), "x").unwrap();
    let before = server.requests();
    let all = store(&server, "s3://mnist/in/").list("", false).unwrap();
    assert_eq!(server.requests() - before, 3);
    assert_eq!(all.len(), 2_500);
    assert!((1..all.len()).all(|i| all.key(i - 1) < all.key(i)));
    assert_eq!(all.key(all.find("1/0001.png").unwrap()), "1/0001.png");
    let bucket = store(&server, "s3://mnist");
    assert_eq!(bucket.list("in", false).unwrap().len(), 2_502);
    assert_eq!(keys(&bucket.list("in2", false).unwrap()), ["in2/a.png"]);
    assert_eq!(keys(&bucket.list("in.", false).unwrap()), ["in.txt"]);
    assert_eq!(bucket.list("in/1/000", false).unwrap().len(), 3);
    assert!(bucket.list("none", false).unwrap().is_empty());
}

#[test]
fn every_key_that_a_store_takes_comes_back_as_it_was() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/base");
    let long = format!("é/{}", "x".repeat(1024 - "base/é/".len()));
    let mut names = [
        "a b.png",
        "é/ü 漢字.png",
        "100%.png",
        "%20",
        "%2F..",
        "a+b",
        "a?b#c&d=e",
        "~'\"<>[]{}|^`",
    ]
    .map(String::from)
    .to_vec();
    names.extend(["..a", "a..", "...", "a\\b", "a:b", "a,b;c@d$e!f(g)*h"].map(String::from));
    names.push(long);
    let outputs: Vec<_> = names.iter().map(|key| (key.clone(), key.clone().into_bytes())).collect();
    for outcome in store.put_all(&outputs) {
        outcome.unwrap();
    }
    for (key, bytes) in names.iter().zip(read_all(&store, &names, u64::MAX)) {
        assert_eq!(bytes.unwrap(), key.as_bytes(), "{key}");
    }
    assert_eq!(store.sizes_of(&[&names.pop().unwrap()])[0].as_ref().unwrap(), &Some(1019));
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(keys(&store.list("", false).unwrap()), sorted);
    assert!(server.root().join("mnist/base/100%.png").is_file());
}

#[test]
fn keys_that_would_mean_another_object_are_refused_one_by_one() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/base");
    store.put("a", b"base/a").unwrap();
    fs::write(server.root().join("mnist/a"), "beside").unwrap();
    let outputs = ["../a", "/a", "a/", "x//a", "./a", "x/../a", "", "a\n", "fine"]
        .map(|key| (key.to_owned(), b"1".to_vec()));
    let put = store.put_all(&outputs);
    let bad = outputs.len() - 1;
    for (outcome, (key, _)) in put[..bad].iter().zip(&outputs) {
        let error = outcome.as_ref().unwrap_err().to_string();
        assert!(error.contains("rename the object"), "{key:?}: {error}");
        assert!(store.writer(key).is_err(), "{key:?}");
        assert!(store.get(key, 10).is_err(), "{key:?}");
        assert!(store.remove(key).is_err(), "{key:?}");
    }
    put[bad].as_ref().unwrap();
    let named = outputs.map(|(key, _)| key);
    let read = read_all(&store, &named, 10);
    assert!(read[..bad].iter().all(Result::is_err), "{read:?}");
    assert_eq!(read[bad].as_ref().unwrap(), b"1");
    assert_eq!(keys(&store.list("", false).unwrap()), ["a", "fine"]);
}

#[test]
fn keys_of_a_listing_that_cannot_be_asked_for_are_set_aside() {
    let server = Server::start();
    let store = store(&server, "s3://mnist");
    store.put("a", b"1").unwrap();
    for (key, size) in [("/a", 1), ("a/", 0), ("mnist//c", 2), ("../up", 1), ("d/", 5), ("fine", 3)]
    {
        server.lists(key, size);
    }
    let listing = store.list("", false).unwrap();
    assert_eq!(keys(&listing), ["a", "fine"]);
    assert_eq!(listing.unnameable(), ["/a", "mnist//c", "../up", "d/"]);
}

#[test]
fn large_objects_are_written_in_parts_and_read_as_streams() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/out");
    for size in [0, 1, 8 << 20, (8 << 20) + 1, (17 << 20) + 12_345] {
        let bytes = pattern(size);
        let mut writer = store.writer("large").unwrap();
        for piece in bytes.chunks(100_000) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap();
        let on_disk = fs::read(server.root().join("mnist/out/large")).unwrap();
        assert!(on_disk == bytes, "{size}: other bytes were written");
        for whole in [0, 1 << 20, u64::MAX] {
            let read = read_all(&store, &["large".to_owned()], whole).remove(0).unwrap();
            assert!(read == bytes, "{size} of {whole}: other bytes were read");
        }
    }
    assert!(server.requests_of("POST") >= 4, "no object was written in parts");
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/out");
    for size in [10, 20 << 20] {
        let mut writer = store.writer("half").unwrap();
        writer.write_all(&pattern(size)).unwrap();
        drop(writer);
    }
    assert_eq!(store.get("half", 1).unwrap(), None);
    assert!(store.list("", false).unwrap().is_empty());
    // The server was told, so that it keeps no parts either.
    assert_eq!(server.requests_of("DELETE"), 1);
}

#[test]
fn a_store_comes_through_whatever_goes_wrong_on_the_way() {
    for faults in [
        vec![Fault::SlowDown],
        vec![Fault::Internal],
        vec![Fault::Closed],
        vec![Fault::Cut],
        vec![Fault::SlowDown, Fault::Closed, Fault::Internal, Fault::Cut],
    ] {
        let server = Server::start();
        let store = store(&server, "s3://mnist/out");
        server.fails(7, &faults);
        let outputs: Vec<_> = (0..200).map(|i| (format!("{i:03}"), pattern(i * 97))).collect();
        for outcome in store.put_all(&outputs) {
            outcome.unwrap();
        }
        let mut writer = store.writer("large").unwrap();
        writer.write_all(&pattern(20 << 20)).unwrap();
        writer.finish().unwrap();
        let listing = store.list("", false).unwrap();
        assert_eq!(listing.len(), 201, "{faults:?}");
        let mut names: Vec<_> = outputs.iter().map(|(key, _)| key.clone()).collect();
        for ((key, bytes), read) in outputs.iter().zip(read_all(&store, &names, 5_000)) {
            assert_eq!(read.as_ref(), Ok(bytes), "{key} {faults:?}");
        }
        names.truncate(50);
        let sizes = store.sizes_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (i, size) in sizes.into_iter().enumerate() {
            assert_eq!(size.unwrap(), Some(i as u64 * 97));
        }
        let large = read_all(&store, &["large".to_owned()], 1).remove(0).unwrap();
        assert!(large == pattern(20 << 20), "{faults:?}");
        for name in &names {
            store.remove(name).unwrap();
        }
        server.fails(usize::MAX, &[]);
        assert_eq!(store.list("", false).unwrap().len(), 151, "{faults:?}");
    }
}

#[test]
fn threads_share_a_store() {
    let server = Server::start();
    let store = store(&server, "s3://mnist/out");
    std::thread::scope(|scope| {
        for t in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                let outputs: Vec<_> = (0..100)
                    .map(|i| (format!("{t}/{i}"), format!("{t} {i}").into_bytes()))
                    .collect();
                assert!(store.put_all(&outputs).iter().all(Result::is_ok));
                let names: Vec<_> = outputs.iter().map(|(key, _)| key.clone()).collect();
                let read = read_all(&store, &names, 100);
                assert!(read.iter().zip(&outputs).all(|(read, (_, put))| read.as_ref() == Ok(put)));
            });
        }
    });
    assert_eq!(store.list("", false).unwrap().len(), 400);
}

#[track_caller]
fn refused(outcome: Result<impl Sized, Error>, says: &[&str]) {
    let error = outcome.err().expect("it was not refused");
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    let text = error.to_string();
    for words in says {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    assert!(!text.contains('\n') && text.len() < 400, "{text}");
}

#[test]
fn what_is_wrong_with_a_bucket_is_said_with_the_fix() {
    let server = Server::start();
    server.bucket("mnist");
    let open = |uri: &str, changes: &[(&str, &str)]| {
        Store::open_by(&Location::parse(uri).unwrap(), &server.access_with(changes)).unwrap()
    };
    let missing = open("s3://nowhere/out", &[]);
    let says = ["s3://nowhere/out/", "NoSuchBucket", "check the bucket's name", "AWS_ENDPOINT_URL"];
    refused(missing.list("", false), &says);
    refused(missing.put("a", b"1"), &["cannot write s3://nowhere/out/a: ", "NoSuchBucket"]);
    refused(missing.get("a", 1), &["cannot read s3://nowhere/out/a: ", "NoSuchBucket"]);

    let says = ["SignatureDoesNotMatch", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"];
    refused(open("s3://mnist", &[("AWS_SECRET_ACCESS_KEY", "wrong")]).list("", false), &says);

    let read = read_all(&open("s3://mnist", &[]), &["none".to_owned()], 1).remove(0);
    assert_eq!(read.unwrap_err(), "cannot read s3://mnist/none: no such object");
}

#[test]
fn a_server_that_is_not_there_is_said_soon() {
    let start = std::time::Instant::now();
    let location = Location::parse("s3://mnist/out").unwrap();
    let server = Server::start();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let access = server.access_with(&[("AWS_ENDPOINT_URL", &nobody)]);
    let says = ["cannot write s3://mnist/out/", "no server answers", "refused", "AWS_ENDPOINT_URL"];
    refused(Store::create_by(&location, &access), &says);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn missing_credentials_are_said_soon() {
    let start = std::time::Instant::now();
    let server = Server::start();
    server.bucket("mnist");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let access = server.access_with(&[
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_METADATA_ENDPOINT", &nobody),
    ]);
    let store = Store::open_by(&Location::parse("s3://mnist").unwrap(), &access).unwrap();
    refused(store.list("", false), &["no credentials were found", "set AWS_ACCESS_KEY_ID"]);
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_store_to_write_to_is_tried_and_nothing_stays() {
    let server = Server::start();
    let folder = server.bucket("mnist");
    let location = Location::parse("s3://mnist/out").unwrap();
    let store = Store::create_by(&location, &server.access()).unwrap();
    assert!(store.list("", false).unwrap().is_empty());
    assert!(!Path::new(&folder.join("out")).read_dir().is_ok_and(|mut dir| dir.next().is_some()));
    let missing = Location::parse("s3://nowhere/out").unwrap();
    refused(Store::create_by(&missing, &server.access()), &["cannot write", "NoSuchBucket"]);
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
