//! The model's signature, `userId: string, items: [string], timestamps: [string]`: cells enter, sessions leave.
//!
//! The user is accepted and not read: the model has no use for it. Times may be seconds or, told apart by their size,
//! milliseconds, microseconds or nanoseconds, which Python's clients send.

use slirec_core::timestamp::{self, TimestampError};
use slirec_engine::ViewHistory;

use super::json::Json;
use super::refusal::Refusal;

/// Columns of the signature, in its order.
pub(crate) const COLUMNS: [&str; 3] = ["userId", "items", "timestamps"];
/// Those that hold lists.
pub(crate) const LIST_COLUMNS: [&str; 2] = ["items", "timestamps"];

/// Why a cell is no `Array(string)`, as MLflow sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellProblem {
    /// Not a list, but this Python type.
    NotAList(&'static str),
    /// Only numbers, of this numpy type.
    NotText(&'static str),
    /// Lists within the list.
    Nested,
}

impl CellProblem {
    /// The message of Python's exception.
    pub(crate) fn message(self) -> String {
        match self {
            Self::NotAList(found) => format!("Expected data to be list or numpy array, got {found}"),
            Self::NotText(found) => {
                format!("Incompatible input types for column . Can not safely convert {found} to <U0.")
            }
            Self::Nested => "setting an array element with a sequence".to_owned(),
        }
    }

    /// The class of Python's exception.
    pub(crate) fn exception(self) -> &'static str {
        match self {
            Self::NotAList(_) | Self::NotText(_) => "MlflowException",
            Self::Nested => "ValueError",
        }
    }
}

/// What numpy calls a single number or truth value; none for other values.
pub(crate) fn number_type(value: &Json) -> Option<&'static str> {
    match value {
        Json::Bool(_) => Some("bool"),
        Json::Integer(_) => Some("int64"),
        Json::Float(_) => Some("float64"),
        _ => None,
    }
}

/// Passes lists that MLflow converts to text; a list of mixed values is such a one, its elements are checked later.
pub(crate) fn check_array(cell: &Json) -> Result<&[Json], CellProblem> {
    let elements = cell.elements().ok_or(CellProblem::NotAList(cell.python_type()))?;
    if elements.iter().any(Json::is_list) {
        return Err(CellProblem::Nested);
    }
    let all = |test: fn(&Json) -> bool| !elements.is_empty() && elements.iter().all(test);
    if all(|element| matches!(element, Json::Bool(_))) {
        return Err(CellProblem::NotText("bool"));
    }
    if all(|element| matches!(element, Json::Integer(_))) {
        return Err(CellProblem::NotText("int64"));
    }
    let numbers = all(|element| matches!(element, Json::Integer(_) | Json::Float(_) | Json::Null));
    if numbers && !elements.iter().all(|element| matches!(element, Json::Null)) {
        return Err(CellProblem::NotText("float64"));
    }
    Ok(elements)
}

/// Puts items and their times together; `row` is named in errors, from 0.
pub(crate) fn session(row: usize, items: &[Json], timestamps: &[Json]) -> Result<ViewHistory, Refusal> {
    if items.len() != timestamps.len() {
        let detail = format!(
            "Row {row}: found {} items and {} timestamps: expected one timestamp for each item.",
            items.len(),
            timestamps.len()
        );
        return Err(Refusal::model(&detail));
    }
    let pairs = items.iter().zip(timestamps).enumerate();
    pairs
        .map(|(index, (item, time))| {
            let Json::Text(handle) = item else {
                let found = item.python_type();
                return Err(Refusal::model(&format!("Row {row}: items[{index}] is {found}: expected a string.")));
            };
            let timestamp = unix_seconds(time)
                .map_err(|problem| Refusal::model(&format!("Row {row}: timestamps[{index}]: {problem}.")))?;
            Ok((handle, timestamp))
        })
        .collect()
}

/// A text, or a number among texts. Times before 1970 count as 1970: the model tells days apart, not centuries. What is
/// too large for milliseconds is finer.
fn unix_seconds(time: &Json) -> Result<f64, String> {
    let seconds = match time {
        Json::Text(text) => timestamp::from_text(text),
        Json::Integer(number) => timestamp::from_number(*number as f64),
        Json::Float(number) => timestamp::from_number(*number),
        other => return Err(format!("found {}: expected a Unix time as a string", other.python_type())),
    };
    match seconds {
        Err(TimestampError::OutOfRange(value)) if value < 0.0 && value.is_finite() => Ok(0.0),
        Err(TimestampError::OutOfRange(value)) => {
            let finer = [1e3, 1e6].into_iter().find_map(|parts| timestamp::from_number(value / parts).ok());
            finer.ok_or_else(|| format!("{value} is not a usable Unix time: expected at most 1e11 seconds"))
        }
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn seconds(text: &str) -> Result<Vec<f64>, String> {
        let times = json(text);
        let times = times.elements().unwrap();
        let items = vec![Json::Text("novel".into()); times.len()];
        let viewed = session(0, &items, times).map_err(|refusal| refusal.message)?;
        Ok(viewed.iter().map(|item| item.timestamp).collect())
    }

    #[test]
    fn arrays_of_text_pass_and_others_have_mlflows_reason() {
        for text in ["[]", r#"["a", "b"]"#, r#"["a", 1, null]"#, "[null]"] {
            assert!(check_array(&json(text)).is_ok(), "{text}");
        }
        let refused = [
            ("null", CellProblem::NotAList("NoneType")),
            ("\"a\"", CellProblem::NotAList("str")),
            ("{}", CellProblem::NotAList("dict")),
            ("[1, 2]", CellProblem::NotText("int64")),
            ("[1, 2.5]", CellProblem::NotText("float64")),
            ("[1, null]", CellProblem::NotText("float64")),
            ("[true, false]", CellProblem::NotText("bool")),
            (r#"["a", ["b"]]"#, CellProblem::Nested),
        ];
        for (text, problem) in refused {
            assert_eq!(check_array(&json(text)), Err(problem), "{text}");
        }
    }

    #[test]
    fn times_are_seconds_or_finer_as_text_or_numbers() {
        let times = seconds(r#"["1730807061", "1730807061000", 1730807061, " 1.730807061e9 ", "-5"]"#);
        let time = 1_730_807_061.0;
        assert_eq!(times, Ok(vec![time, time, time, time, 0.0]));
        let times = seconds(r#"["1730807061000000", "1730807061000000000", 1730807061000000000]"#);
        assert_eq!(times, Ok(vec![time, time, time]));
    }

    #[test]
    fn unusable_times_name_their_row_and_index() {
        for text in [
            r#"["1", "nan"]"#,
            r#"["1", "inf"]"#,
            r#"["1", "1e400"]"#,
            r#"["1", "1e21"]"#,
            r#"["1", ""]"#,
            r#"["1", true]"#,
        ] {
            let message = seconds(text).unwrap_err();
            assert!(message.contains("Row 0: timestamps[1]: "), "{text}: {message}");
        }
    }

    #[test]
    fn unequal_lengths_are_refused() {
        let message = session(3, &[Json::Text("novel".into())], &[]).unwrap_err().message;
        assert!(message.ends_with("Row 3: found 1 items and 0 timestamps: expected one timestamp for each item."));
    }
}
