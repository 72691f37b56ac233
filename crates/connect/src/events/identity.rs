//! The id of an event as a number, by which repeated events are recognised.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A UUID is its own 128 bits, any other text is hashed to as many; never 0.
pub(super) fn identity(text: &str) -> u128 {
    uuid(text.as_bytes())
        .unwrap_or_else(|| {
            let half = |salt: u8| {
                let mut hasher = DefaultHasher::new();
                (salt, text).hash(&mut hasher);
                u128::from(hasher.finish())
            };
            half(0) << 64 | half(1)
        })
        .max(1)
}

fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0_u128;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'-' if matches!(place, 8 | 13 | 18 | 23) => {}
            _ => value = value << 4 | u128::from(char::from(*byte).to_digit(16)?),
        }
    }
    Some(value)
}
