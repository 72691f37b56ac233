//! The binary tensor extension: tensors of BYTES that follow the JSON in the body. Triton's client sends them by default.
//! Elements are a length (4 bytes, little endian) and as many bytes of UTF-8 text.

use axum::http::HeaderMap;

const JSON_LENGTH: &str = "inference-header-content-length";

/// Bytes of the body that are JSON; none when all are.
pub(super) fn json_length(headers: &HeaderMap) -> Result<Option<usize>, String> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| format!("header {JSON_LENGTH}: expected a number of bytes"))
}

/// The texts of one tensor.
pub(super) fn texts(mut bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let broken = || format!("element {}: the binary data ends too early", texts.len());
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| broken())?;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        let text = std::str::from_utf8(text).map_err(|_| format!("element {}: is not UTF-8 text", texts.len()))?;
        texts.push(text.to_owned());
        bytes = rest;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_and_broken_ones_are_named() {
        assert_eq!(texts(b"\x02\0\0\0ab\0\0\0\0").unwrap(), ["ab", ""]);
        assert_eq!(texts(b"").unwrap(), [] as [&str; 0]);
        assert_eq!(texts(b"\x01\0\0\0a\x09\0\0\0b").unwrap_err(), "element 1: the binary data ends too early");
        assert_eq!(texts(b"\x01\0\0").unwrap_err(), "element 0: the binary data ends too early");
        assert_eq!(texts(b"\x01\0\0\0\xff").unwrap_err(), "element 0: is not UTF-8 text");
    }
}
