//! 64 bytes at a time: where lines end, and what counts in UTF-16.

pub(super) const BLOCK: usize = 64;

/// Where LF is: one bit a byte, the first byte lowest.
#[inline(always)]
pub(super) fn lf(bytes: &[u8; BLOCK]) -> u64 {
    each(bytes, |bytes| imp::equal(bytes, b'\n'))
}

/// Where the characters are that include LF, CR and NUL.
#[inline(always)]
pub(super) fn controls(bytes: &[u8; BLOCK]) -> u64 {
    each(bytes, imp::controls)
}

/// Where a rare one is.
#[inline(never)]
pub(super) fn equal(bytes: &[u8; BLOCK], byte: u8) -> u64 {
    each(bytes, |bytes| imp::equal(bytes, byte))
}

/// Sixteen bytes are a register; the last ones come first, and end up highest.
#[inline(always)]
fn each(bytes: &[u8; BLOCK], mask: impl Fn(&[u8; 16]) -> u32) -> u64 {
    // No loop: the smallest code is not the fastest here.
    let (&[a, b, c, d], _) =
        bytes.as_chunks::<16>().0.split_first_chunk::<4>().unwrap_or((&[[0; 16]; 4], &[]));
    u64::from(mask(&a)) | u64::from(mask(&b)) << 16 | u64::from(mask(&c)) << 32 | u64::from(mask(&d)) << 48
}

/// What is not one UTF-16 unit a byte, in bytes that are UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wide {
    /// The first bytes of four, which are two units.
    pairs: u64,
    /// Continuation bytes, which are none.
    continued: u64,
    /// Units before it.
    base: u32,
}

impl Wide {
    #[inline(always)]
    pub(super) fn new(bytes: &[u8; BLOCK], base: u32) -> Self {
        Self { pairs: each(bytes, imp::pairs), continued: each(bytes, imp::continued), base }
    }

    /// UTF-16 units up to `bit`, which is below 64, and with it.
    #[inline(always)]
    pub(super) fn units(&self, bit: u32) -> u32 {
        let seen = u64::MAX >> (63 - bit);
        self.base + bit + 1 + (self.pairs & seen).count_ones() - (self.continued & seen).count_ones()
    }
}

#[cfg(target_feature = "simd128")]
mod imp {
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_lt, u8x16_splat, u64x2, v128,
    };

    /// Becomes one load.
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> v128 {
        let both = u128::from_le_bytes(*bytes);
        u64x2(both as u64, (both >> 64) as u64)
    }

    #[inline(always)]
    pub(super) fn equal(bytes: &[u8; 16], byte: u8) -> u32 {
        u8x16_bitmask(u8x16_eq(load(bytes), u8x16_splat(byte))).into()
    }

    #[inline(always)]
    pub(super) fn controls(bytes: &[u8; 16]) -> u32 {
        u8x16_bitmask(u8x16_lt(load(bytes), u8x16_splat(14))).into()
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

    pub(super) fn equal(bytes: &[u8; 16], wanted: u8) -> u32 {
        mask(bytes, |byte| byte == wanted)
    }

    pub(super) fn controls(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| byte < 14)
    }

    pub(super) fn continued(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| matches!(byte, 0x80..0xC0))
    }

    pub(super) fn pairs(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| byte >= 0xF0)
    }
}
