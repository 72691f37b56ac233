//! Text of outside data: bytes become text, lines are counted, values are cut for messages.

/// The text of a whole file, and whether its bytes are no UTF-8, so that each was taken for a Latin-1 character: old data
/// sets are Latin-1, which no bytes contradict, so that only what is no UTF-8 is taken for it.
pub(crate) fn decode(bytes: Vec<u8>) -> (String, bool) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (error.into_bytes().into_iter().map(char::from).collect(), true),
    }
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
    fn bytes_that_are_no_utf_8_are_latin_1() {
        assert_eq!(decode("né".as_bytes().to_vec()), ("né".to_owned(), false));
        assert_eq!(decode(b"n\xe9".to_vec()), ("né".to_owned(), true));
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!((line_at("a\nb", 0), line_at("a\nb", 2), line_at("a\nb", 99)), (1, 2, 2));
    }
}
