//! The cells of a row: the JSON of `items` and `timestamps` enters, the row's history leaves.
//!
//! The user is accepted and not read: the model does not use it. Times may be seconds or, distinguished by their size,
//! milliseconds, microseconds or nanoseconds, which Python's clients send.

use std::fmt::Display;

use serde_json::value::RawValue;
use slirec_core::timestamp::{self, TimestampError};
use slirec_engine::{Texts, ViewHistory};

use crate::http::quote::quoted;
use crate::http::raw_json::{Kind, each, kind, text};

/// What a cell may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellRules {
    /// Longest history.
    pub(crate) history: usize,
    /// Whether a list of nothing but numbers is a list of times: not under `inputs`, as recorded.
    pub(crate) number_times: bool,
}

/// Why a cell is not what its column needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CellProblem {
    /// The cell is of another type: `items: found null: expected a list of strings`.
    Type(String),
    /// The type is right and a value cannot be used.
    Value(String),
    /// There is more than is allowed.
    Limit(String),
}

impl From<serde_json::Error> for CellProblem {
    fn from(error: serde_json::Error) -> Self {
        Self::Type(error.to_string())
    }
}

/// The items of one row.
pub(crate) fn items(cell: &RawValue, rules: CellRules) -> Result<Texts, CellProblem> {
    let mut handles = Texts::default();
    let mut wrong = None;
    elements("items", cell, rules, |position, element| {
        match text(element) {
            Some(handle) => handles.push(&handle),
            None => note(&mut wrong, "items", position, format!("found {}: expected a string", kind(element))),
        }
        Ok(())
    })?;
    wrong.map_or(Ok(handles), Err)
}

/// The times of one row, Unix seconds.
pub(crate) fn timestamps(cell: &RawValue, rules: CellRules) -> Result<Vec<f64>, CellProblem> {
    let mut times = Vec::new();
    let mut wrong = None;
    let mut only_numbers = true;
    elements("timestamps", cell, rules, |position, element| {
        only_numbers &= kind(element) == Kind::Number;
        match unix_seconds(element) {
            Ok(time) => times.push(time),
            Err(problem) => note(&mut wrong, "timestamps", position, problem),
        }
        Ok(())
    })?;
    if only_numbers && !times.is_empty() && !rules.number_times {
        let expected = "expected a list of strings such as \"1730807061\" here; numbers are read in dataframe_split, \
                        dataframe_records and instances";
        return Err(CellProblem::Type(format!("timestamps: found a list of numbers: {expected}")));
    }
    wrong.map_or(Ok(times), Err)
}

/// Puts the columns of a row together.
pub(crate) fn history(items: Texts, timestamps: Vec<f64>) -> Result<ViewHistory, CellProblem> {
    if items.len() != timestamps.len() {
        let (items, times) = (items.len(), timestamps.len());
        let problem = format!("timestamps: found {times} for {items} items: expected one for each item");
        return Err(CellProblem::Value(problem));
    }
    Ok(ViewHistory::from_columns(items, timestamps))
}

fn note(wrong: &mut Option<CellProblem>, column: &str, position: usize, problem: impl Display) {
    wrong.get_or_insert_with(|| CellProblem::Value(format!("{column}[{position}]: {problem}")));
}

/// Walks through a list that holds no lists and is not too long.
fn elements<'a>(
    column: &str,
    cell: &'a RawValue,
    rules: CellRules,
    mut take: impl FnMut(usize, &'a RawValue) -> Result<(), CellProblem>,
) -> Result<(), CellProblem> {
    if kind(cell) != Kind::List {
        return Err(CellProblem::Type(format!("{column}: found {}: expected a list of strings", kind(cell))));
    }
    each(cell, |position, element| {
        if position >= rules.history {
            let most = rules.history;
            return Err(CellProblem::Limit(format!("{column}: found more than {most}: expected at most {most}")));
        }
        if kind(element) == Kind::List {
            return Err(CellProblem::Type(format!("{column}[{position}]: found a list: expected a string")));
        }
        take(position, element)
    })
}

/// A text, or a number. Times before 1970 count as 1970: the model distinguishes days, not centuries. What is too large
/// for milliseconds is finer.
fn unix_seconds(time: &RawValue) -> Result<f64, String> {
    let seconds = match kind(time) {
        Kind::Text => timestamp::from_text(&text(time).unwrap_or_default()),
        Kind::Number => timestamp::from_text(time.get()),
        other => return Err(format!("found {other}: expected a Unix time as a string or a number")),
    };
    match seconds {
        Err(TimestampError::OutOfRange(value)) if value < 0.0 && value.is_finite() => Ok(0.0),
        Err(TimestampError::OutOfRange(value)) => {
            let finer = [1e3, 1e6].into_iter().find_map(|parts| timestamp::from_number(value / parts).ok());
            finer.ok_or_else(|| format!("found {}: expected a Unix time, at most 1e11 seconds", quoted(time.get())))
        }
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: CellRules = CellRules { history: 5, number_times: true };

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn times_are_seconds_or_finer_as_texts_or_numbers() {
        let times = r#"["1730807061", "1730807061000", 1730807061, " 1.730807061e9 ", "-5"]"#;
        let time = 1_730_807_061.0;
        assert_eq!(timestamps(raw(times), RULES), Ok(vec![time, time, time, time, 0.0]));
        let times = r#"["1730807061000000", "1730807061000000000", 1730807061000000000]"#;
        assert_eq!(timestamps(raw(times), RULES), Ok(vec![time, time, time]));
        assert_eq!(timestamps(raw("[1730807061, 1730807061.5]"), RULES), Ok(vec![time, time + 0.5]));
    }

    #[test]
    fn unusable_times_name_their_index() {
        for text in [r#""nan""#, r#""inf""#, r#""1e400""#, r#""1e21""#, r#""""#, "true", "{}", "null", "1e999"] {
            let Err(CellProblem::Value(problem)) = timestamps(raw(&format!(r#"["1", {text}]"#)), RULES) else {
                panic!("{text}");
            };
            assert!(problem.starts_with("timestamps[1]: "), "{text}: {problem}");
        }
    }

    #[test]
    fn cells_of_another_type_are_told_from_cells_with_wrong_values() {
        for (cell, expected) in [
            ("null", "items: found null: expected a list of strings"),
            ("\"a\"", "items: found a string: expected a list of strings"),
            (r#"["a", ["b"]]"#, "items[1]: found a list: expected a string"),
        ] {
            assert_eq!(items(raw(cell), RULES), Err(CellProblem::Type(expected.to_owned())));
        }
        let wrong = CellProblem::Value("items[1]: found a number: expected a string".to_owned());
        assert_eq!(items(raw(r#"["a", 2, null]"#), RULES), Err(wrong));
    }

    #[test]
    fn lists_of_numbers_are_times_where_the_rules_say_so() {
        let rules = CellRules { number_times: false, ..RULES };
        assert!(matches!(timestamps(raw("[1730807061]"), rules), Err(CellProblem::Type(_))));
        assert_eq!(timestamps(raw("[]"), rules), Ok(vec![]));
        assert!(timestamps(raw(r#"[1730807061, "1730807061"]"#), rules).is_ok());
    }

    #[test]
    fn too_long_lists_are_refused_where_they_become_too_long() {
        let cell = r#"["a", "a", "a", "a", "a", "a", 1]"#;
        let problem = "items: found more than 5: expected at most 5".to_owned();
        assert_eq!(items(raw(cell), RULES), Err(CellProblem::Limit(problem)));
    }

    #[test]
    fn unequal_lengths_are_refused() {
        let problem = "timestamps: found 0 for 1 items: expected one for each item".to_owned();
        assert_eq!(history(["a"].into_iter().collect(), vec![]), Err(CellProblem::Value(problem)));
    }
}
