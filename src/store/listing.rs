//! The keys of a job's objects, kept small: a million of them are some tens of megabytes.

use crate::error::{Error, Result};

/// Keys in order, in one allocation, and the sizes of their objects where they are known.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    text: String,
    // In the keys' order.
    entries: Vec<Entry>,
    unnameable: Vec<String>,
}

/// Where a key lies in the text, and the size of its object in bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    size: u64,
}

/// The size of an object that was not asked for its size.
const UNKNOWN: u64 = u64::MAX;

impl Listing {
    /// Adds a key; [`Listing::finish`] puts them in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] past four gigabytes of names.
    pub(crate) fn push(&mut self, key: &str, size: Option<u64>) -> Result<()> {
        let place = |n: usize| {
            u32::try_from(n).map_err(|_| {
                Error::invalid("input", "more than 4 GiB of names; split the job by folder")
            })
        };
        let start = place(self.text.len())?;
        let end = place(self.text.len() + key.len())?;
        self.text.push_str(key);
        self.entries.push(Entry { start, end, size: size.unwrap_or(UNKNOWN) });
        Ok(())
    }

    /// Sets a name aside that no key can be, or that could not be read by.
    pub(super) fn set_aside(&mut self, name: String) {
        self.unnameable.push(name);
    }

    /// Puts the keys in order, by bytes, as S3 does. A listing that comes in order is passed over
    /// once.
    pub(crate) fn finish(mut self) -> Self {
        let text = &self.text;
        self.entries.sort_unstable_by_key(|entry| entry.of(text));
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
        self
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key of that number.
    pub fn key(&self, index: usize) -> &str {
        self.entries[index].of(&self.text)
    }

    /// The size in bytes of the object of that number, where it is known.
    pub fn size(&self, index: usize) -> Option<u64> {
        Some(self.entries[index].size).filter(|&size| size != UNKNOWN)
    }

    /// The number of a key.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.of(&self.text)).ok()
    }

    /// What was found and cannot be a key: names of files that are not UTF-8, and keys of buckets
    /// that cannot be asked for.
    pub fn unnameable(&self) -> &[String] {
        &self.unnameable
    }
}

impl Entry {
    fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start as usize..self.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_put_in_the_order_of_their_bytes_with_their_sizes() {
        let mut listing = Listing::default();
        for (key, size) in [("b/é", Some(3)), ("b", None), ("a b", Some(0)), ("b/e", Some(9))] {
            listing.push(key, size).unwrap();
        }
        let listing = listing.finish();
        let all: Vec<_> = (0..listing.len()).map(|i| (listing.key(i), listing.size(i))).collect();
        assert_eq!(all, [("a b", Some(0)), ("b", None), ("b/e", Some(9)), ("b/é", Some(3))]);
        assert_eq!(listing.find("b/e"), Some(2));
        assert_eq!(listing.find("b/"), None);
    }

    #[test]
    fn a_million_keys_are_some_tens_of_megabytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }
}
