//! What was sent, quoted in messages: texts of any length enter, short ones leave.

use std::fmt;

/// Characters that are quoted of a text.
const QUOTED: usize = 64;
/// Bytes of a message, about: one that is longer is cut in its middle, because serde says what it expected at the end.
const BEGINNING: usize = 400;
const END: usize = 300;

/// A text between backticks, cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// A message that may quote what was sent, cut in its middle when it is long. Never holds more than it returns, so that
/// 16 MB of an unknown key are not copied.
pub(crate) fn bounded(message: fmt::Arguments<'_>) -> String {
    let mut cut = Cut::default();
    // Writing into memory does not fail; a value that fails to be shown is shown as far as it went.
    let _ = fmt::write(&mut cut, message);
    cut.into_text()
}

/// The beginning and the end of what is written.
#[derive(Default)]
struct Cut {
    beginning: String,
    end: String,
    left_out: bool,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = BEGINNING.saturating_sub(self.beginning.len());
        let (first, rest) = text.split_at(text.floor_char_boundary(room));
        // Once something was left out of the beginning, nothing may follow there.
        let first = if self.end.is_empty() { first } else { "" };
        let rest = if first.is_empty() { text } else { rest };
        self.beginning.push_str(first);
        let tail = rest.get(rest.ceil_char_boundary(rest.len().saturating_sub(END))..).unwrap_or_default();
        self.left_out |= tail.len() < rest.len();
        self.end.push_str(tail);
        if self.end.len() > END {
            let surplus = self.end.ceil_char_boundary(self.end.len() - END);
            self.end.drain(..surplus);
            self.left_out = true;
        }
        Ok(())
    }
}

impl Cut {
    fn into_text(self) -> String {
        format!("{}{}{}", self.beginning, if self.left_out { " … " } else { "" }, self.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_texts_are_cut_and_short_ones_are_not() {
        assert_eq!(quoted("novel"), "`novel`");
        assert_eq!(quoted(&"é".repeat(65)), format!("`{}…`", "é".repeat(64)));
        let message = bounded(format_args!("unknown field `{}`, expected one of `a`, `b`", "x".repeat(1_000_000)));
        assert!(message.starts_with("unknown field `xxx"), "{message}");
        assert!(message.ends_with("x`, expected one of `a`, `b`"), "{message}");
        assert!(message.len() < 800, "{message}");
    }

    proptest! {
        #[test]
        fn what_is_short_enough_stays_as_it_is(parts in prop::collection::vec("\\PC{0,80}", 0..4)) {
            let whole = parts.concat();
            let message = bounded(format_args!("{}{}", parts.first().map_or("", String::as_str), parts.get(1..).unwrap_or_default().concat()));
            if whole.len() <= BEGINNING {
                prop_assert_eq!(message, whole);
            }
        }

        #[test]
        fn no_message_is_long(text in "\\PC{0,2000}") {
            let message = bounded(format_args!("{text}{text}"));
            prop_assert!(message.len() <= BEGINNING + END + 8);
        }
    }
}
