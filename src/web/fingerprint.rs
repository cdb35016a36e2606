//! What the core compares in the place of ids.

use std::hash::{DefaultHasher, Hasher};

use super::link::Data;
use crate::core::resume::Id;

/// 38 bits are the id's, and 26 the content's, the last of which says over what it came; 0 in these: not known. An id with ten digits other
/// than 0 (a time, a UUID, Redis's) never begins anew, so all bits are the id's. `key` is this page's own: where users choose ids, one
/// of them could look for two that are alike, and a message would be lost.
pub(crate) fn fingerprint(id: Option<&str>, number: bool, raw: Option<&Data>, socket: bool, key: u64) -> Id {
    let id = match id {
        None => return Id::None,
        Some("") => return Id::Reset,
        Some(id) => id,
    };
    let unique = !number && id.bytes().filter(|byte| matches!(byte, b'1'..=b'9')).count() >= 10;
    let of = hash(id.as_bytes(), key, 0);
    let (high, low) = ((of >> 32) as u32, of as u32);
    let content = match raw.filter(|_| !unique) {
        None => 0,
        Some(raw) => (hash(raw.bytes(), key, 1) as u32 >> 8) << 2 | if socket { 3 } else { 2 },
    };
    let high = (high | 3) ^ if unique { 1 } else { 2 };
    let low = if unique { low } else { (low >> 26) << 26 | content };
    Id::Own(u64::from(high) << 32 | u64::from(low))
}

/// What sequence numbers count in.
pub(crate) fn epoch(name: &str, key: u64) -> u64 {
    match fingerprint(Some(if name.is_empty() { " " } else { name }), false, None, false, key) {
        Id::Own(whole) => whole,
        Id::None | Id::Reset => 0,
    }
}

/// SipHash-1-3, behind a secret: nobody who does not know it finds two texts that are alike.
fn hash(bytes: &[u8], key: u64, half: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(key);
    hasher.write_u64(!key.rotate_left(29) ^ half);
    hasher.write(bytes);
    hasher.finish()
}
