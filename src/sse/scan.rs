//! 64 bytes at a time: where lines end, and what counts in UTF-16.

pub(super) const BLOCK: usize = 64;

/// Where CR and LF are: one bit a byte, the first byte lowest.
#[inline(always)]
pub(super) fn ends(bytes: &[u8; BLOCK]) -> u64 {
    each(bytes, imp::ends)
}

/// Sixteen bytes are a register; the last ones come first, and end up highest.
#[inline(always)]
fn each(bytes: &[u8; BLOCK], mask: impl Fn(&[u8; 16]) -> u32) -> u64 {
    let (parts, _) = bytes.as_chunks::<16>();
    let part = |at: usize| parts.get(at).map_or(0, |part| u64::from(mask(part)) << (16 * at));
    part(0) | part(1) | part(2) | part(3)
}

/// UTF-16 units in the bytes before `bit`, if they are UTF-8: none of its own for a continuation byte, two
/// for four bytes.
#[inline(never)]
pub(super) fn units(bytes: &[u8; BLOCK], bit: u32) -> u32 {
    let before = if bit < 64 { (1 << bit) - 1 } else { u64::MAX };
    let (pairs, continued) = (each(bytes, imp::pairs), each(bytes, imp::continued));
    bit + (pairs & before).count_ones() - (continued & before).count_ones()
}

#[cfg(target_feature = "simd128")]
mod imp {
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_splat, u64x2, v128, v128_or,
    };

    /// Becomes one load.
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> v128 {
        let both = u128::from_le_bytes(*bytes);
        u64x2(both as u64, (both >> 64) as u64)
    }

    #[inline(always)]
    pub(super) fn ends(bytes: &[u8; 16]) -> u32 {
        let bytes = load(bytes);
        u8x16_bitmask(v128_or(u8x16_eq(bytes, u8x16_splat(b'\n')), u8x16_eq(bytes, u8x16_splat(b'\r'))))
            .into()
    }

    /// Continuation bytes: 0x80 to 0xBF.
    #[inline(always)]
    pub(super) fn continued(bytes: &[u8; 16]) -> u32 {
        u8x16_bitmask(i8x16_lt(load(bytes), i8x16_splat(-64))).into()
    }

    /// The first ones of four: from 0xF0.
    #[inline(always)]
    pub(super) fn pairs(bytes: &[u8; 16]) -> u32 {
        u8x16_bitmask(u8x16_ge(load(bytes), u8x16_splat(0xF0))).into()
    }
}

#[cfg(not(target_feature = "simd128"))]
mod imp {
    fn mask(bytes: &[u8; 16], test: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().rev().fold(0, |mask, byte| mask << 1 | u32::from(test(*byte)))
    }

    pub(super) fn ends(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| matches!(byte, b'\n' | b'\r'))
    }

    pub(super) fn continued(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| matches!(byte, 0x80..0xC0))
    }

    pub(super) fn pairs(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| byte >= 0xF0)
    }
}
