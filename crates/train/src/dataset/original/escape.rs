//! Names with commas in the original's expanded files, whose histories are joined by commas: `,` stands there as `%2C`, and
//! what would be read as such an escape as `%252C` or `%2525`. Names without commas stay as they are.

use std::borrow::Cow;

/// A name as it stands in an expanded file.
pub(crate) fn escape(name: &str) -> Cow<'_, str> {
    if !name.contains(',') && !name.contains("%2") {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.replace("%25", "%2525").replace("%2C", "%252C").replace(',', "%2C"))
}

/// The name that an expanded file holds.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains("%2") {
        return Cow::Borrowed(text);
    }
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("%2") {
        let (before, from) = rest.split_at(place);
        name.push_str(before);
        let (letter, length) = match from.as_bytes().get(2) {
            Some(b'C') => (",", 3),
            Some(b'5') => ("%", 3),
            _ => ("%2", 2),
        };
        name.push_str(letter);
        rest = from.get(length..).unwrap_or_default();
    }
    name.push_str(rest);
    Cow::Owned(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_commas_and_what_looks_like_an_escape_are_escaped() {
        for (name, escaped) in
            [("mug", "mug"), ("100%", "100%"), ("50%20x", "50%20x"), ("a,b", "a%2Cb"), ("a%2Cb", "a%252Cb")]
        {
            assert_eq!(escape(name), escaped);
            assert_eq!(unescape(escaped), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_reads_back_and_has_no_comma_in_the_file(name in "[%25Cc,aé]{0,12}") {
            let escaped = escape(&name);
            prop_assert!(!escaped.contains(','));
            prop_assert_eq!(unescape(&escaped), name.as_str());
        }
    }
}
