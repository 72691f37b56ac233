//! The content type of an invocation: a header enters, the format of the body leaves, or why it is not supported (415).

use super::refusal::PROTOCOL_CHANGE;

/// Formats that an MLflow scoring server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Parquet,
}

/// Reads the header. As MLflow: the only parameter is `charset` and its only value `utf-8`. Unlike it, the case of the
/// type does not matter and a semicolon at the end is passed over.
pub(crate) fn parse(header: &str) -> Result<Format, String> {
    let mut parts = header.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut parameters: Vec<(&str, &str)> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    if parameters.last() == Some(&("", "")) {
        parameters.pop();
    }
    let charset = parameters.iter().rev().find(|(name, _)| *name == "charset");
    if charset.is_some_and(|(_, value)| !value.eq_ignore_ascii_case("utf-8")) {
        return Err("The scoring server only supports UTF-8".to_owned());
    }
    let unknown: Vec<&str> = parameters.iter().map(|(name, _)| *name).filter(|name| *name != "charset").collect();
    if !unknown.is_empty() {
        return Err(format!("Unrecognized content type parameters: {}. {PROTOCOL_CHANGE}", unknown.join(", ")));
    }
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "text/csv" => Ok(Format::Csv),
        "application/vnd.apache.parquet" => Ok(Format::Parquet),
        _ => Err(format!(
            "This predictor only supports the following content types: Types: ['text/csv', 'application/json', \
             'application/vnd.apache.parquet']. Got '{header}'."
        )),
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
        assert_eq!(parse("application/vnd.apache.parquet"), Ok(Format::Parquet));
    }

    #[test]
    fn other_types_charsets_and_parameters_are_refused() {
        for (header, beginning) in [
            ("", "This predictor only supports the following content types"),
            ("text/plain", "This predictor only supports the following content types"),
            ("application/json, application/json", "This predictor only supports"),
            ("application/json; charset=latin-1", "The scoring server only supports UTF-8"),
            ("application/json; charset=\"utf-8\"", "The scoring server only supports UTF-8"),
            ("text/plain; charset=latin-1", "The scoring server only supports UTF-8"),
            ("application/json; charset", "The scoring server only supports UTF-8"),
            ("application/json; version=2", "Unrecognized content type parameters: version. IMPORTANT"),
            ("multipart/form-data; boundary=x", "Unrecognized content type parameters: boundary. IMPORTANT"),
            ("application/json; charset =utf-8", "Unrecognized content type parameters: charset . IMPORTANT"),
        ] {
            let message = parse(header).unwrap_err();
            assert!(message.starts_with(beginning), "{header}: {message}");
        }
    }
}
