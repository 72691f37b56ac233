//! What leaves the program for people: text enters, standard output leaves, with nothing in it that steers a terminal.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints lines.
///
/// # Errors
/// When standard output cannot be written; see [`reader_has_left`].
pub(crate) fn print(text: impl Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Prints JSON.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    print(serde_json::to_string_pretty(value)?)
}

/// Whether writing failed only because nobody reads any more, as behind `| head`: that is no error.
pub(crate) fn reader_has_left(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Text from a file as one line that a terminal only shows: control characters, and those that reorder or hide text,
/// are spelled out.
pub(crate) fn printable(text: &str) -> String {
    let spelled_out = |letter: char| {
        if steers(letter) { letter.escape_default().collect() } else { String::from(letter) }
    };
    text.chars().map(spelled_out).collect()
}

/// As [`printable`], for text of several lines, such as an error that lists things.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelled_out_and_ordinary_text_stays() {
        assert_eq!(printable("Café – 茶 👩\u{200d}🍳"), "Café – 茶 👩\u{200d}🍳");
        assert_eq!(printable("\u{1b}[31mred\u{7}\t\n"), "\\u{1b}[31mred\\u{7}\\t\\n");
        // C1 control, right-to-left override, zero-width space.
        assert_eq!(printable("\u{9b}2J \u{202e} \u{200b}"), "\\u{9b}2J \\u{202e} \\u{200b}");
        assert_eq!(printable_lines("one\n\u{1b}two"), "one\n\\u{1b}two");
    }
}
