//! Sixteen bytes at a time: where lines end, and what counts in UTF-16.

pub(super) const BLOCK: usize = 16;

/// One bit a byte, the first byte lowest.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// CR and LF.
    pub(super) ends: u32,
    /// Continuation bytes (0x80 to 0xBF): no unit of their own.
    continued: u32,
    /// First bytes of four (from 0xF0): a surrogate pair, two units.
    pairs: u32,
}

impl Block {
    /// UTF-16 units in the bytes before `bit`, if they are UTF-8.
    pub(super) fn units(self, bit: u32) -> u32 {
        let before = (1 << bit) - 1;
        bit + (self.pairs & before).count_ones() - (self.continued & before).count_ones()
    }
}

#[cfg(target_feature = "simd128")]
pub(super) fn classify(bytes: &[u8; BLOCK]) -> Block {
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_splat, u64x2, v128_or,
    };
    // Becomes one load.
    let both = u128::from_le_bytes(*bytes);
    let bytes = u64x2(both as u64, (both >> 64) as u64);
    Block {
        ends: u8x16_bitmask(v128_or(
            u8x16_eq(bytes, u8x16_splat(b'\n')),
            u8x16_eq(bytes, u8x16_splat(b'\r')),
        ))
        .into(),
        continued: u8x16_bitmask(i8x16_lt(bytes, i8x16_splat(-64))).into(),
        pairs: u8x16_bitmask(u8x16_ge(bytes, u8x16_splat(0xF0))).into(),
    }
}

#[cfg(not(target_feature = "simd128"))]
pub(super) fn classify(bytes: &[u8; BLOCK]) -> Block {
    let mask =
        |test: fn(u8) -> bool| bytes.iter().rev().fold(0, |mask, byte| mask << 1 | u32::from(test(*byte)));
    Block {
        ends: mask(|byte| matches!(byte, b'\n' | b'\r')),
        continued: mask(|byte| matches!(byte, 0x80..0xC0)),
        pairs: mask(|byte| byte >= 0xF0),
    }
}
