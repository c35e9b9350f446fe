//! A store without a disk: it makes objects up and forgets what it is given. It measures the rest
//! of the harness.

use std::fmt::Write;

use super::{Body, Listing, key, too_large};
use crate::error::Result;

/// What every object holds: a PNG of 28 x 28 grey pixels, black but for a white stroke, a one. It
/// was put together by hand: header, one compressed chunk, end.
const ONE: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x1c\x00\x00\x00\x1c\x08\x00\
    \x00\x00\x00Wf\x80H\x00\x00\x00\x16IDATx\xdac`\x18h\xf0\xff\xff\xa8\xe4\xa8$e\x92\
    \xf4\x01\x007m'\xd9\xe4\x85 %\x00\x00\x00\x00IEND\xaeB`\x82";

/// So many objects that are all the same.
#[derive(Debug)]
pub(super) struct Null {
    objects: u64,
    // Digits in a key, so that keys are in order as text.
    digits: usize,
}

impl Null {
    pub(super) fn new(objects: u64) -> Self {
        Self { objects, digits: objects.saturating_sub(1).to_string().len() }
    }

    /// The keys that begin with `start`; of a thousand they are `000.png` to `999.png`.
    pub(super) fn list(&self, start: &str) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut key = String::new();
        for number in 0..self.objects {
            key.clear();
            let _ = write!(key, "{number:0digits$}.png", digits = self.digits);
            if key.starts_with(start) {
                listing.push(&key, Some(ONE.len() as u64))?;
            }
        }
        Ok(listing.finish())
    }

    pub(super) fn read_all<K: AsRef<str>>(
        &self,
        keys: &[K],
        whole: u64,
        each: &mut dyn FnMut(usize, Result<Body<'_>>),
    ) {
        for (index, key) in keys.iter().enumerate() {
            let key = key.as_ref();
            match self.find(key) {
                None => each(index, Err(key::missing(key))),
                Some(bytes) if bytes.len() as u64 <= whole => each(index, Ok(Body::Whole(bytes))),
                Some(mut bytes) => {
                    let size = Some(bytes.len() as u64);
                    each(index, Ok(Body::Stream { bytes: &mut bytes, size }));
                }
            }
        }
    }

    pub(super) fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.find(key) {
            Some(bytes) if bytes.len() as u64 > limit => Err(too_large(key, limit)),
            found => Ok(found.map(<[u8]>::to_vec)),
        }
    }

    pub(super) fn size_of(&self, key: &str) -> Option<u64> {
        self.find(key).map(|bytes| bytes.len() as u64)
    }

    fn find(&self, key: &str) -> Option<&'static [u8]> {
        let digits = key.strip_suffix(".png").filter(|digits| digits.len() == self.digits)?;
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>())?;
        number.is_ok_and(|number| number < self.objects).then_some(ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_listed_is_there_and_no_other() {
        let null = Null::new(1_000);
        let listing = null.list("").unwrap();
        assert_eq!(
            (listing.len(), listing.key(0), listing.key(999)),
            (1_000, "000.png", "999.png")
        );
        assert!((0..1_000).all(|i| null.find(listing.key(i)).is_some()));
        for key in ["1000.png", "1.png", "+01.png", "stop", "001.png.out", ""] {
            assert_eq!(null.get(key, 1_000).unwrap(), None, "{key}");
        }
        assert_eq!(null.list("00").unwrap().len(), 10);
        assert!(Null::new(0).list("").unwrap().is_empty());
    }

    #[test]
    fn an_object_is_an_image_of_a_one() {
        let image = image::load_from_memory(ONE).unwrap().into_luma8();
        assert_eq!(image.dimensions(), (28, 28));
        assert_eq!(image.pixels().filter(|pixel| pixel.0 == [255]).count(), 2 * 20);
        assert_eq!(image.pixels().filter(|pixel| pixel.0 == [0]).count(), 28 * 28 - 2 * 20);
    }

    #[test]
    fn limits_hold_as_in_other_stores() {
        let null = Null::new(1);
        assert!(null.get("0.png", 5).is_err());
        let mut streamed = false;
        null.read_all(&["0.png"], 5, &mut |_, body| {
            streamed =
                matches!(body, Ok(Body::Stream { size: Some(n), .. }) if n == ONE.len() as u64);
        });
        assert!(streamed);
    }
}
