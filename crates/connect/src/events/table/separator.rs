//! What stands between the values of a text and around them, by the options or by its first line.

use super::{Column, Quote, Table};

/// What stands between values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Separator {
    /// One byte; values may stand in quotes.
    Byte(u8),
    /// Several characters.
    Text(String),
    /// Any number of spaces.
    Spaces,
}

impl Table {
    /// What stands between values, and whether the first line only says so (`sep=;`, as spreadsheets write).
    pub(super) fn separator(&self, start: &[u8]) -> (Separator, bool) {
        let line_end = memchr::memchr2(b'\n', b'\r', start).unwrap_or(start.len());
        let first = start.get(..line_end).unwrap_or_default();
        let declared = first.strip_prefix(b"sep=").filter(|rest| rest.len() == 1).and_then(|rest| rest.first());
        let of_text = |text: &str| match text.as_bytes() {
            spaces if spaces.iter().all(|byte| *byte == b' ') => Separator::Spaces,
            [byte] => Separator::Byte(*byte),
            _ => Separator::Text(text.to_owned()),
        };
        match (&self.separator, declared) {
            (Some(separator), declared) => (of_text(separator), declared.is_some()),
            (None, Some(byte)) => (Separator::Byte(*byte), true),
            (None, None) => {
                let by_names = || {
                    let named = self.columns().into_iter().flatten().map(Column::head).collect::<Vec<_>>();
                    let line = std::str::from_utf8(first).ok().filter(|_| self.header)?;
                    SEPARATORS.into_iter().find(|separator| {
                        let names: Vec<&str> =
                            line.split(separator).map(|name| name.trim().trim_matches('"')).collect();
                        names.len() > 1 && named.iter().all(|name| names.contains(name))
                    })
                };
                let separator = by_names().unwrap_or_else(|| guess(first));
                let is_separated = memchr::memmem::find(first, separator.as_bytes()).is_some();
                if !is_separated && first.trim_ascii().contains(&b' ') {
                    return (Separator::Spaces, false);
                }
                (of_text(separator), false)
            }
        }
    }

    pub(super) fn quote_of(&self, separator: &Separator) -> Option<u8> {
        match (self.quote, separator) {
            (Quote::Byte(byte), Separator::Byte(_)) => Some(byte),
            // In TSV a quote is a character like any other.
            (Quote::Usual, Separator::Byte(separator)) if *separator != b'\t' => Some(b'"'),
            _ => None,
        }
    }
}

const SEPARATORS: [&str; 4] = ["\t", ",", ";", "|"];

/// The separator of which the first line holds most.
pub(crate) fn guess(line: &[u8]) -> &'static str {
    let count = |separator: &str| memchr::memmem::find_iter(line, separator).count();
    if count("::") > 1 {
        return "::";
    }
    SEPARATORS.into_iter().max_by_key(|separator| (count(separator), *separator == ",")).unwrap_or(",")
}
