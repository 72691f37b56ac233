//! Bytes of a text file become text: UTF-8 with or without a byte order mark, UTF-16 with one, or Latin-1, which is told.

use std::borrow::Cow;

/// A file's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// The bytes were no UTF-8, so that each was taken for a Latin-1 character.
    pub(crate) latin_1: bool,
}

/// Decodes a whole file.
///
/// # Errors
/// What is wrong with text that its byte order mark calls UTF-16.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Decoded, String> {
    for (mark, read) in [([0xff, 0xfe], u16::from_le_bytes as fn([u8; 2]) -> u16), ([0xfe, 0xff], u16::from_be_bytes)] {
        if let Some(rest) = bytes.strip_prefix(&mark) {
            let (pairs, odd) = rest.as_chunks::<2>();
            if !odd.is_empty() {
                return Err("is UTF-16 with an odd number of bytes: expected pairs, the file may be cut off".to_owned());
            }
            let units = pairs.iter().map(|pair| read(*pair));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            let text = text.map_err(|error| format!("is UTF-16 with half a character: {error}"))?;
            return Ok(Decoded { text, latin_1: false });
        }
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map_or(Cow::Borrowed(&bytes[..]), Cow::Borrowed);
    Ok(match std::str::from_utf8(&bytes) {
        Ok(text) => Decoded { text: text.to_owned(), latin_1: false },
        // Old data sets are Latin-1, which is never refused and rarely meant: only what is no UTF-8 is taken for it.
        Err(_) => Decoded { text: bytes.iter().copied().map(char::from).collect(), latin_1: true },
    })
}

/// The number of the line at a place in a text, from 1.
pub(crate) fn line_at(text: &str, place: usize) -> u64 {
    let before = text.as_bytes().get(..place).unwrap_or(text.as_bytes());
    // Line ends in memory fit 64 bits.
    memchr::memchr_iter(b'\n', before).count() as u64 + 1
}

/// A value of outside data for a message, cut to a readable length.
pub(crate) fn shown(value: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_by_its_byte_order_mark_and_by_being_utf_8() {
        let text = |bytes: &[u8]| decode(bytes.to_vec()).unwrap();
        let utf_16 = |units: Vec<u8>, mark: [u8; 2]| text(&[&mark[..], &units].concat()).text;
        assert_eq!(text("\u{feff}né".as_bytes()).text, "né");
        assert_eq!(text(b"n\xe9"), Decoded { text: "né".to_owned(), latin_1: true });
        assert_eq!(utf_16("né".encode_utf16().flat_map(u16::to_le_bytes).collect(), [0xff, 0xfe]), "né");
        assert_eq!(utf_16("né".encode_utf16().flat_map(u16::to_be_bytes).collect(), [0xfe, 0xff]), "né");
        assert!(decode(vec![0xff, 0xfe, 65]).unwrap_err().contains("odd number of bytes"));
        assert!(decode(vec![0xff, 0xfe, 0, 0xd8]).is_err());
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!((line_at("a\nb", 0), line_at("a\nb", 2), line_at("a\nb", 99)), (1, 2, 2));
    }
}
