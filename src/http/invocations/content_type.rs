//! The content type of an invocation: a header enters, the format of the body leaves, or why it is not supported (415).

use crate::http::quote::quoted;

/// Formats that are distinguished: MLflow refuses CSV that has no lists with 400, and so does this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// Reads the header. As MLflow: the only parameter is `charset` and its only value `utf-8`. Unlike it, the case of the
/// type does not matter and a semicolon at the end is passed over.
pub(crate) fn parse(header: &str) -> Result<Format, String> {
    let refused = |expected: &str| Err(format!("header content-type: found {}: expected {expected}", quoted(header)));
    let mut parts = header.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut parameters: Vec<(&str, &str)> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    if parameters.last() == Some(&("", "")) {
        parameters.pop();
    }
    if parameters.iter().any(|(name, _)| *name != "charset") {
        return refused("no parameter but charset=utf-8");
    }
    if parameters.last().is_some_and(|(_, value)| !value.eq_ignore_ascii_case("utf-8")) {
        return refused("charset=utf-8");
    }
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "text/csv" => Ok(Format::Csv),
        _ => refused("application/json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_pass_with_or_without_their_charset() {
        for header in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; charset=utf-8",
            "Application/JSON",
            "application/json;",
        ] {
            assert_eq!(parse(header), Ok(Format::Json), "{header}");
        }
        assert_eq!(parse("text/csv"), Ok(Format::Csv));
    }

    #[test]
    fn other_types_charsets_and_parameters_are_refused() {
        for (header, expected) in [
            ("", "expected application/json"),
            ("text/plain", "expected application/json"),
            ("application/vnd.apache.parquet", "expected application/json"),
            ("application/json, application/json", "expected application/json"),
            ("application/json; charset=latin-1", "expected charset=utf-8"),
            ("application/json; charset=\"utf-8\"", "expected charset=utf-8"),
            ("application/json; charset", "expected charset=utf-8"),
            ("application/json; version=2", "expected no parameter but charset=utf-8"),
            ("application/json; charset =utf-8", "expected no parameter but charset=utf-8"),
        ] {
            let message = parse(header).unwrap_err();
            let found = format!("header content-type: found `{header}`: {expected}");
            assert_eq!(message, found);
        }
    }
}
