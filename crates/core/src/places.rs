//! Where something stands in the text of a TOML file: an offset enters, an error leaves that names file, line and key.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Something wrong in a TOML file, with its place.
#[derive(Debug, Error)]
#[error("{path}:{line}: {key}: {problem}")]
pub struct PlaceError {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// The key, with its table, such as `walks.go_on`.
    pub key: String,
    /// What was found and what was expected.
    pub problem: String,
}

impl PlaceError {
    /// A problem at an offset of the file's text.
    pub fn new(path: &Path, text: &str, offset: usize, problem: impl ToString) -> Self {
        let (line, key) = (line_of(text, offset), key_of(text, offset));
        Self { path: path.to_owned(), line, key, problem: problem.to_string() }
    }
}

/// Line, from 1, of an offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The key that an offset belongs to, with the tables that it stands in, also those within a line: `table.key`, `table` on
/// the line of a table.
fn key_of(text: &str, offset: usize) -> String {
    let lines = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line.trim()))
    });
    let lines: Vec<(usize, &str)> = lines.take_while(|(start, _)| *start <= offset).collect();
    let mut key = None;
    for (start, line) in lines.into_iter().rev() {
        if let Some(header) = line.strip_prefix('[') {
            let table = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            return key.map_or_else(|| table.to_owned(), |key| format!("{table}.{key}"));
        }
        let name = line.split_once('=').map(|(name, _)| name.trim());
        if let (None, Some(name)) = (&key, name.filter(|name| is_name(name))) {
            let inner = text.get(start..offset).and_then(inner_key);
            key = Some(inner.map_or_else(|| name.to_owned(), |inner| format!("{name}.{inner}")));
        }
    }
    key.unwrap_or_else(|| "the file".to_owned())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter))
}

/// The last key within the braces that the end of a text stands in, such as `when` in `boost = [{ name = "a", when = `.
fn inner_key(text: &str) -> Option<&str> {
    let (mut open, mut quote, mut from) = (Vec::new(), None, 0);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => drop(letters.next()),
            (Some(mark), _) if mark == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '#') => drop(letters.by_ref().find(|(_, letter)| *letter == '\n')),
            (None, '{') => open.push(None),
            (None, '}') => drop(open.pop()),
            (None, '=') => {
                let name = text.get(from..at).unwrap_or_default().trim();
                if let Some(key) = open.last_mut() {
                    *key = Some(name).filter(|name| is_name(name));
                }
            }
            _ => {}
        }
        if quote.is_none() && matches!(letter, '{' | '}' | ',' | '[' | '\n') {
            from = at + letter.len_utf8();
        }
    }
    open.into_iter().flatten().next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_text_is_named_by_line_table_and_key() {
        let text = "top = 1\n[walks]\n# a = comment\ngo_on = 0.5\n[[groups]]\nproducts = [\n  \"a\",\n  \"b\"]\n";
        let place = |part: &str| {
            let offset = text.find(part).expect("the part is in the text");
            (line_of(text, offset), key_of(text, offset))
        };
        assert_eq!(place("1"), (1, "top".to_owned()));
        assert_eq!(place("0.5"), (4, "walks.go_on".to_owned()));
        assert_eq!(place("\"b\""), (8, "groups.products".to_owned()));
        assert_eq!(place("[[groups]]"), (5, "groups".to_owned()));
        assert_eq!((line_of("", 0), key_of("", 0)), (1, "the file".to_owned()));
    }

    #[test]
    fn a_key_of_a_table_within_a_line_is_named_too() {
        let text = "[cart]\nboost = [{ name = \"a = \\\" {\", when = 'é == 1', by = 0 }, { by = 2 }]\n\
                    per = { vendor = 1 }\nlimit = 4\n";
        let place = |part: &str| key_of(text, text.find(part).expect("the part is in the text"));
        assert_eq!(place("\"a = "), "cart.boost.name");
        assert_eq!(place("'é"), "cart.boost.when");
        assert_eq!((place("0 }"), place("2 }")), ("cart.boost.by".to_owned(), "cart.boost.by".to_owned()));
        assert_eq!((place("1 }"), place("4\n")), ("cart.per.vendor".to_owned(), "cart.limit".to_owned()));
        let text = text.replace('\n', "\r\n");
        let offset = text.find("1 }").expect("the part is in the text");
        assert_eq!((line_of(&text, offset), key_of(&text, offset)), (3, "cart.per.vendor".to_owned()));
    }
}
