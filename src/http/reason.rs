//! Reasons for the log: the message of an error answer enters, and leaves without what it quotes, which is a part of
//! the request.

/// Longest reason, characters.
const LONGEST: usize = 300;
const UNKNOWN_FIELD: &str = "unknown field `";

/// A message without its quoted parts, but for those that say what was expected: these are the service's own words.
pub(super) fn without_quotes(message: &str) -> String {
    let mut reason = String::new();
    // The place of an unknown field ends with its name.
    let mut rest = message.find(UNKNOWN_FIELD).map_or(message, |start| message.split_at(start).1);
    while let Some(start) = quote(rest) {
        let (before, quoted) = rest.split_at(start);
        reason.push_str(before);
        rest = quoted;
        if names_what_was_expected(&reason) {
            break;
        }
        reason.push('…');
        rest = behind(quoted);
    }
    reason.push_str(rest);
    reason.chars().take(LONGEST).collect()
}

/// Where the first quoted part begins. An apostrophe inside of a word begins none.
fn quote(text: &str) -> Option<usize> {
    let mut before = ' ';
    text.char_indices().find_map(|(place, letter)| {
        let begins = matches!(letter, '`' | '"') || letter == '\'' && !before.is_alphanumeric();
        before = letter;
        begins.then_some(place)
    })
}

fn names_what_was_expected(reason: &str) -> bool {
    reason.ends_with("missing field ")
        || reason.split(|letter: char| !letter.is_alphabetic()).any(|word| word == "expected")
}

/// What follows a quoted part; nothing when it does not end.
fn behind(quoted: &str) -> &str {
    let Some(mark) = quoted.chars().next() else { return "" };
    let inner = quoted.strip_prefix(mark).unwrap_or(quoted);
    let end = match mark {
        // As Rust prints texts.
        '"' => {
            let mut escaped = false;
            inner.find(|letter| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            })
        }
        // As Python prints values, which have such quotes inside of them.
        '\'' => inner.rfind('\''),
        mark => inner.find(mark),
    };
    end.and_then(|end| inner.split_at(end).1.strip_prefix(mark)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_quotes_of_the_request_is_left_out() {
        for (message, expected) in [
            ("No key", "No key"),
            (
                "history[0].time: `secret` is not a time: expected seconds",
                "history[0].time: … is not a time: expected seconds",
            ),
            (
                "sessions[0].secret: unknown field `secret`, expected one of `history`, `limit` at line 1 column 9",
                "unknown field …, expected one of `history`, `limit` at line 1 column 9",
            ),
            (r#"invalid type: string "se\"cret", expected u64"#, "invalid type: string …, expected u64"),
            ("missing field `history` at line 1 column 2", "missing field `history` at line 1 column 2"),
            ("Failed to predict 'secret ['secret', 'b']'. Error", "Failed to predict …. Error"),
            ("The service's limit: `secret", "The service's limit: …"),
            (r#"found "secret"#, "found …"),
            ("``: expected a handle", "…: expected a handle"),
        ] {
            assert_eq!(without_quotes(message), expected);
        }
        assert_eq!(without_quotes(&"é".repeat(1_000)).chars().count(), LONGEST);
    }
}
