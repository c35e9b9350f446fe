//! The bytes of a pickle, taken one after the other.

/// The bytes, and how far they have been read. What is wrong is told in words.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The place of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or("the pickle ends in the middle; the file was cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, &'static str> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, &'static str> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn text(&mut self, length: usize) -> Result<&'a str, &'static str> {
        std::str::from_utf8(self.take(length)?).map_err(|_| "text that is not UTF-8")
    }

    /// Up to the end of the line, as GLOBAL has its two names.
    pub(super) fn line(&mut self) -> Result<&'a str, &'static str> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a name without an end")?;
        let line = self.text(length)?;
        self.at += 1;
        Ok(line)
    }

    /// A whole number of up to 255 bytes, two's complement; `None` where it needs more than 64
    /// bits.
    pub(super) fn long(&mut self) -> Result<Option<i64>, &'static str> {
        let count = self.u8()?;
        let bytes = self.take(count.into())?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        Ok(wide
            .get_mut(..bytes.len())
            .map(|low| low.copy_from_slice(bytes))
            .map(|()| i64::from_le_bytes(wide)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_have_a_sign_and_a_limit() {
        for (bytes, want) in [
            (&[0][..], Some(0)),
            (&[1, 0x7f], Some(127)),
            (&[1, 0xff], Some(-1)),
            (&[2, 0xff, 0x00], Some(255)),
            (&[8, 0, 0, 0, 0, 0, 0, 0, 0x80], Some(i64::MIN)),
            (&[9, 0, 0, 0, 0, 0, 0, 0, 0, 1], None),
        ] {
            assert_eq!(Input::new(bytes).long(), Ok(want), "{bytes:?}");
        }
        assert!(Input::new(&[3, 1]).long().is_err());
    }

    #[test]
    fn a_line_ends_where_it_ends() {
        let mut input = Input::new(b"torch\nSize\nrest");
        assert_eq!((input.line(), input.line()), (Ok("torch"), Ok("Size")));
        assert_eq!(input.at(), 11);
        assert!(input.line().is_err());
    }
}
