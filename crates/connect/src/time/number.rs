//! Numbers as files write them.

/// A number as files write it: digits, perhaps a sign, a point, an exponent. Not `inf` and `nan`.
pub(super) fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let value = bytes.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Some(value as f64);
    }
    let numeric = bytes.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    if numeric { text.parse().ok() } else { None }
}

/// The digits of a whole number; pandas writes it with `.0` behind it where other values are missing.
pub(super) fn digits(text: &str) -> &[u8] {
    let digits = text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|byte| byte == b'0'));
    digits.map_or(text, |(digits, _)| digits).as_bytes()
}
