//! Numbers as files hold them, turned into `f32`.

/// What one number of a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    BF16,
    F32,
    F64,
    /// Integers, booleans, 8-bit floats: never what weights of the Net are.
    Other,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl Element {
    /// Bytes of one number; `None` where it is not one that can be read.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::F16 | Self::BF16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Other => None,
        }
    }

    /// The number in `bytes`, which are as many as [`size`](Self::size) says; `None` otherwise.
    /// A float64 is rounded, and becomes infinite where it does not fit.
    pub(super) fn number(self, bytes: &[u8], order: ByteOrder) -> Option<f32> {
        let mut raw = [0; 8];
        let raw = raw.get_mut(..bytes.len())?;
        raw.copy_from_slice(bytes);
        if order == ByteOrder::Big {
            raw.reverse();
        }
        let raw = &*raw;
        Some(match self {
            Self::F16 => half(u16::from_le_bytes(raw.try_into().ok()?)),
            Self::BF16 => f32::from_bits(u32::from(u16::from_le_bytes(raw.try_into().ok()?)) << 16),
            Self::F32 => f32::from_le_bytes(raw.try_into().ok()?),
            Self::F64 => f64::from_le_bytes(raw.try_into().ok()?) as f32,
            Self::Other => return None,
        })
    }
}

/// IEEE 754 binary16: a sign, five bits of exponent (bias 15), ten of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    sign * match (exponent, bits & 0x3ff) {
        (31, 0) => f32::INFINITY,
        (31, _) => f32::NAN,
        // Subnormal: no hidden one, and the smallest normal exponent.
        (0, _) => fraction * (-14f32).exp2(),
        _ => (1.0 + fraction) * ((exponent - 15) as f32).exp2(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_the_standard_says() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_kind_is_read_in_both_byte_orders() {
        for (element, little) in [
            (Element::F16, &[0x00, 0xbe][..]),
            (Element::BF16, &[0xc0, 0xbf]),
            (Element::F32, &(-1.5f32).to_le_bytes()),
            (Element::F64, &(-1.5f64).to_le_bytes()),
        ] {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            assert_eq!(element.number(little, ByteOrder::Little), Some(-1.5), "{element:?}");
            assert_eq!(element.number(&big, ByteOrder::Big), Some(-1.5), "{element:?}");
            assert_eq!(element.number(&little[1..], ByteOrder::Little), None, "{element:?}");
        }
        assert_eq!(Element::Other.number(&[1], ByteOrder::Little), None);
        assert_eq!(Element::F32.number(&[0; 9], ByteOrder::Little), None);
    }
}
