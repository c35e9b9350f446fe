//! Taking keys that cannot be asked for out of a listing.
//!
//! The stores' client holds keys as paths. Those that are none it changes (`/a` and `a/` become
//! `a`, which may be another object) or fails by, with the whole page. So they are taken out before
//! it sees them.

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::store::key;

/// Takes the entries out of a page whose keys cannot be asked for, and gives those keys. Markers of
/// folders, empty objects that end with a slash, just go. What cannot be read is passed on as it is:
/// the client says what is wrong with it.
pub(super) fn sift(page: Bytes) -> (Bytes, Vec<String>) {
    let mut aside = Vec::new();
    let mut cuts = Vec::new();
    if entries(&page, &mut |key, size, span| {
        if key::for_bucket(key).is_err() {
            if !(key.ends_with('/') && size == 0) {
                aside.push(key.to_owned());
            }
            cuts.push(span);
        }
    })
    .is_none()
    {
        return (page, Vec::new());
    }
    if cuts.is_empty() {
        return (page, aside);
    }
    let mut kept = Vec::with_capacity(page.len());
    let mut from = 0;
    for cut in cuts {
        kept.extend_from_slice(&page[from..cut.start]);
        from = cut.end;
    }
    kept.extend_from_slice(&page[from..]);
    (kept.into(), aside)
}

/// Calls `each` with the key, the size and the bytes of every entry: `Contents` as S3 and Google
/// have it, `Blob` as Azure does. `None` where it is no XML.
fn entries(page: &[u8], each: &mut dyn FnMut(&str, u64, std::ops::Range<usize>)) -> Option<()> {
    let mut reader = Reader::from_reader(page);
    let place = |reader: &Reader<&[u8]>| usize::try_from(reader.buffer_position()).ok();
    let mut entry: Option<(usize, String, u64)> = None;
    loop {
        let before = place(&reader)?;
        match reader.read_event().ok()? {
            Event::Start(tag) => match (tag.name().as_ref(), &mut entry) {
                (b"Contents" | b"Blob", None) => entry = Some((before, String::new(), 0)),
                (b"Key" | b"Name", Some((_, key, _))) => {
                    let text = reader.read_text(tag.name()).ok()?;
                    *key = quick_xml::escape::unescape(&text.decode().ok()?).ok()?.into_owned();
                }
                (b"Size" | b"Content-Length", Some((_, _, size))) => {
                    *size =
                        reader.read_text(tag.name()).ok()?.decode().ok()?.trim().parse().ok()?;
                }
                _ => {}
            },
            Event::End(tag) if matches!(tag.name().as_ref(), b"Contents" | b"Blob") => {
                let (start, key, size) = entry.take()?;
                each(&key, size, start..place(&reader)?);
            }
            Event::Eof => return entry.is_none().then_some(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[(&str, u64)]) -> String {
        let mut text = String::from(
            "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><Prefix>a//</Prefix>\n",
        );
        for (key, size) in keys {
            let key = quick_xml::escape::escape(*key);
            text += &format!(
                "<Contents><Key>{key}</Key><Owner><ID>x</ID></Owner><Size>{size}</Size></Contents>\n"
            );
        }
        text + "</ListBucketResult>"
    }

    #[test]
    fn keys_that_would_be_changed_are_set_aside_and_the_others_kept_as_they_are() {
        let keys = [
            ("a", 1),
            ("/a", 1),
            ("a/", 0),
            ("a/", 7),
            ("b//c", 0),
            ("../x", 2),
            ("x&y<z>'\" é", 3),
            ("tab\there", 1),
            ("a/./b", 9),
            ("..a", 0),
        ];
        let (kept, aside) = sift(page(&keys).into());
        assert_eq!(aside, ["/a", "a/", "b//c", "../x", "tab\there", "a/./b"]);
        let expected = page(&[("a", 1), ("x&y<z>'\" é", 3), ("..a", 0)]);
        let plain = |text: &str| text.replace('\n', "");
        assert_eq!(plain(std::str::from_utf8(&kept).unwrap()), plain(&expected));
    }

    #[test]
    fn azures_way_is_read_too() {
        let blob = |key: &str, size: u64| {
            format!(
                "<Blob><Name>{key}</Name><Properties><Content-Length>{size}</Content-Length></Properties></Blob>"
            )
        };
        let text = |blobs: String| {
            format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>")
        };
        let all = text(blob("a", 1) + &blob("dir/", 0) + &blob("a//b", 5));
        let (kept, aside) = sift(all.into());
        assert_eq!(aside, ["a//b"]);
        assert_eq!(kept, text(blob("a", 1)).as_bytes());
    }

    #[test]
    fn what_is_no_listing_is_passed_on() {
        for text in ["", "no XML <", "<Contents><Key>a//b</Key>", "<a></b>"] {
            let (kept, aside) = sift(text.into());
            assert_eq!((kept.as_ref(), aside.len()), (text.as_bytes(), 0), "{text}");
        }
    }

    #[test]
    fn keys_are_refused_exactly_where_the_client_would_change_them() {
        use proptest::prelude::*;
        proptest!(|(key in r"(\.|\.\.|/|a|[%+~#?\[\]\\ é\x7f\t]|\PC){0,6}")| {
            let path = object_store::path::Path::parse(&key);
            let same = path.is_ok_and(|path| path.as_ref() == key && !key.is_empty());
            prop_assert_eq!(key::for_bucket(&key).is_ok(), same);
        });
    }
}
