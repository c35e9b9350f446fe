//! Which keys a store can hold.

use crate::error::Error;

/// The longest name of a file on the systems that we know, in bytes (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// The longest key of S3, Google's and Azure's stores, in bytes.
const LONGEST_KEY: usize = 1024;

/// Checks that a key names a file strictly below any folder that it is joined to.
///
/// # Errors
/// Why it does not.
pub(super) fn for_folder(key: &str) -> Result<(), &'static str> {
    for part in key.split('/') {
        segment(part)?;
        if part.len() > LONGEST_NAME {
            return Err("a folder cannot hold it: a part of it is longer than 255 bytes");
        }
    }
    if key.contains('\0') {
        return Err("a folder cannot hold it: it contains NUL");
    }
    Ok(())
}

/// Checks that a key comes through the stores' client as it is: `..` would be resolved on its way
/// and empty parts dropped, so that another object would be meant.
///
/// # Errors
/// Why it does not.
pub(super) fn for_bucket(key: &str) -> Result<(), &'static str> {
    key.split('/').try_for_each(segment)?;
    if key.contains(|c: char| c.is_ascii_control()) {
        return Err("it contains a control character");
    }
    if key.len() > LONGEST_KEY {
        return Err("it is longer than 1,024 bytes");
    }
    Ok(())
}

/// The error for a key that is refused; escaped, for it may hold anything.
pub(super) fn refused(key: &str, reason: &str) -> Error {
    let shown = key.escape_debug();
    Error::malformed(format!("key \"{shown}\""), format!("{reason}; rename the object"))
}

/// The error for an object that is not there.
pub(super) fn missing(key: &str) -> Error {
    Error::malformed(key, "no such object")
}

fn segment(part: &str) -> Result<(), &'static str> {
    match part {
        "" => Err("it begins or ends with / or contains //"),
        "." | ".." => Err("it contains a part that is . or .."),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_name_no_file_below_a_folder_are_refused() {
        let long = format!("a/{}", "x".repeat(255));
        for key in ["a", "a b/%20+", "...", "..a/b..", ".a", "a\nb", "\\", &long] {
            assert_eq!(for_folder(key), Ok(()), "{key:?}");
        }
        for key in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "\0", "a/b\0"]
        {
            assert!(for_folder(key).is_err(), "{key:?}");
        }
        assert!(for_folder(&format!("{long}x/b")).is_err());
    }

    #[test]
    fn keys_that_would_name_another_object_of_a_bucket_are_refused() {
        let long = "x".repeat(1024);
        for key in ["a", "a b/%20+é", "..a", &long] {
            assert_eq!(for_bucket(key), Ok(()), "{key:?}");
        }
        for key in ["", "/a", "a/", "a//b", "a/../b", "./a", "a\nb", &format!("{long}x")] {
            assert!(for_bucket(key).is_err(), "{key:?}");
        }
    }
}
