//! What leaves the program for people: text enters, standard output leaves, with nothing in it that steers a terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_core::files::is_standard;

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
/// As [`print()`].
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    print(serde_json::to_string_pretty(value)?)
}

/// Writes a line to standard error. When that is closed the line is lost and the work goes on.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says on standard error what a person should know though the work is done.
pub(crate) fn warn(text: impl Display) {
    note(format_args!("warning: {text}"));
}

/// Prints the summary of what was written to `output`: on standard error where that is standard output.
///
/// # Errors
/// As [`print()`].
pub(crate) fn summarise(output: &Path, text: impl Display) -> Result<()> {
    if is_standard(output) {
        note(text);
        return Ok(());
    }
    print(text)
}

/// Whether writing failed only because the reader has closed, as behind `| head`: that is no error.
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

/// An error with its causes, each once: many of our errors spell out their cause themselves. Line ends stay, for errors
/// that list things.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !message.contains(&cause) {
            message += if message.is_empty() { "" } else { ": " };
            message += &cause;
        }
    }
    message.split('\n').map(printable).collect::<Vec<_>>().join("\n")
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
    }

    #[test]
    fn an_error_names_every_cause_once() {
        let file = slirec_core::files::read_json::<u8>(std::path::Path::new("/nowhere/x\u{1b}\n.json")).unwrap_err();
        let message = message(&anyhow::Error::from(file).context("the dataset cannot be used"));
        assert!(message.starts_with("the dataset cannot be used: cannot read /nowhere/x\\u{1b}\n.json: "), "{message}");
        assert_eq!(message.matches("No such file").count(), 1, "{message}");
    }
}
