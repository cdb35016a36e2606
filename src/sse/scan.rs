//! 64 bytes at a time: where lines end, and what counts in UTF-16.

pub(super) const BLOCK: usize = 64;

/// Where LF and CR are, one bit a byte, the first byte lowest; and whether there is a NUL.
#[inline(always)]
pub(super) fn ends(bytes: &[u8; BLOCK]) -> (u64, bool) {
    imp::ends(quarters(bytes))
}

/// Sixteen bytes are a register.
fn quarters(bytes: &[u8; BLOCK]) -> &[[u8; 16]; 4] {
    bytes.as_chunks::<16>().0.first_chunk().unwrap_or(&[[0; 16]; 4])
}

#[inline(always)]
fn each(bytes: &[u8; BLOCK], mask: impl Fn(&[u8; 16]) -> u32) -> u64 {
    // No loop: the smallest code is not the fastest here.
    let [a, b, c, d] = quarters(bytes);
    join(mask(a), mask(b), mask(c), mask(d))
}

fn join(a: u32, b: u32, c: u32, d: u32) -> u64 {
    u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32 | u64::from(d) << 48
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
        i8x16_lt, i8x16_splat, u8x16, u8x16_bitmask, u8x16_splat, u8x16_sub_sat, u8x16_swizzle, u64x2, v128,
        v128_and, v128_any_true, v128_or,
    };

    /// Becomes one load.
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> v128 {
        let both = u128::from_le_bytes(*bytes);
        u64x2(both as u64, (both >> 64) as u64)
    }

    /// What becomes of a byte: the top bit of LF and CR, the lowest of NUL. All others are 0, as are those from 16 on.
    const MARKS: v128 = u8x16(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 128, 0, 0);

    #[inline(always)]
    pub(super) fn ends([a, b, c, d]: &[[u8; 16]; 4]) -> (u64, bool) {
        let mark = |bytes| u8x16_swizzle(MARKS, load(bytes));
        let (a, b, c, d) = (mark(a), mark(b), mark(c), mark(d));
        let mask = |marks| u8x16_bitmask(marks).into();
        let nul = v128_and(v128_or(v128_or(a, b), v128_or(c, d)), u8x16_splat(1));
        (super::join(mask(a), mask(b), mask(c), mask(d)), v128_any_true(nul))
    }

    /// Continuation bytes: 0x80 to 0xBF.
    #[inline(always)]
    pub(super) fn continued(bytes: &[u8; 16]) -> u32 {
        u8x16_bitmask(i8x16_lt(load(bytes), i8x16_splat(-64))).into()
    }

    /// The first ones of four: from 0xF0. Less 0x70, they are those that keep the top bit: engines have no comparison
    /// without sign, and take four instructions for one.
    #[inline(always)]
    pub(super) fn pairs(bytes: &[u8; 16]) -> u32 {
        u8x16_bitmask(u8x16_sub_sat(load(bytes), u8x16_splat(0x70))).into()
    }
}

#[cfg(not(target_feature = "simd128"))]
mod imp {
    fn mask(bytes: &[u8; 16], test: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().rev().fold(0, |mask, byte| mask << 1 | u32::from(test(*byte)))
    }

    pub(super) fn ends(parts: &[[u8; 16]; 4]) -> (u64, bool) {
        let [a, b, c, d] = parts.map(|bytes| mask(&bytes, |byte| matches!(byte, b'\n' | b'\r')));
        (super::join(a, b, c, d), parts.as_flattened().contains(&0))
    }

    pub(super) fn continued(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| matches!(byte, 0x80..0xC0))
    }

    pub(super) fn pairs(bytes: &[u8; 16]) -> u32 {
        mask(bytes, |byte| byte >= 0xF0)
    }
}
