//! Values in every spelling whose meaning is certain, and those that are refused.

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::*;

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn name(json: &str) -> Result<String, String> {
    read::<Name>(json).map(|name| name.0)
}

#[test]
fn whole_numbers_are_names_and_no_others_are() {
    for (json, expected) in [
        ("\"novel\"", "novel"),
        ("7512345678901", "7512345678901"),
        ("-5", "-5"),
        ("7512345678901.0", "7512345678901"),
        ("1e3", "1000"),
        ("-0.0", "0"),
    ] {
        assert_eq!(name(json).as_deref(), Ok(expected), "{json}");
    }
    for json in ["1.5", "1e16", "1e300", "true", "null", "[]", "{}"] {
        assert!(name(json).unwrap_err().contains("expected a string, or a whole number as an id"), "{json}");
    }
    assert!(name("\"\"").unwrap_err().contains("expected a name that is not empty"));
}

#[test]
fn counts_may_be_written_with_a_point_and_not_as_text() {
    let count = |json: &str| read::<Count<0, 100>>(json).map(|count| count.0);
    assert_eq!([count("5"), count("5.0"), count("1e1"), count("-0.0")], [Ok(5), Ok(5), Ok(10), Ok(0)]);
    for json in ["5.5", "-1", "-1.0", "101", "101.0", "1e300", "\"5\"", "true", "[5]"] {
        assert!(count(json).unwrap_err().contains("expected a whole number from 0 to 100"), "{json}");
    }
}

#[test]
fn ids_of_sessions_are_echoed_as_they_came() {
    for json in ["\"a\"", "\"\"", "7", "-7", "7.0", "18446744073709551615"] {
        assert_eq!(serde_json::to_string(&read::<SessionId>(json).unwrap()).unwrap(), json);
    }
    assert!(read::<SessionId>(&format!("\"{}\"", "é".repeat(128))).is_ok());
    for json in [format!("\"{}\"", "é".repeat(129)), "true".into(), "[]".into(), "null".into()] {
        assert!(
            read::<SessionId>(&json).unwrap_err().contains("expected a string of at most 128 characters"),
            "{json}"
        );
    }
}

#[test]
fn times_may_be_numbers_digits_or_iso_8601() {
    let time = |json: &str| read::<Time>(json).map(|time| time.0);
    for json in [
        "1730810096",
        "1730810096.0",
        "1730810096000",
        "\"1730810096\"",
        "\"1730810096000\"",
        "\"2024-11-05T12:34:56Z\"",
        "\"2024-11-05 12:34:56\"",
        "\"2024-11-05 12:34:56+00:00\"",
        "\"2024-11-05T13:34:56+01:00\"",
        "\"2024-11-05T12:34:56.000Z\"",
    ] {
        assert_eq!(time(json), Ok(1_730_810_096.0), "{json}");
    }
    assert_eq!(time("\"2024-11-05\""), Ok(1_730_764_800.0));
    for (json, expected) in [
        ("\"12\"", "expected at least 9 digits"),
        ("\"20241105\"", "expected at least 9 digits"),
        ("\"noon\"", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
        ("\"\"", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
        ("\"1e12\"", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
        ("\"2024-11-31\"", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
        ("\"1969-12-31\"", "is not a usable Unix time"),
        ("-1", "is not a usable Unix time"),
        ("1e14", "is not a usable Unix time"),
        ("true", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
        ("null", "expected Unix seconds or milliseconds, or ISO 8601 such as"),
    ] {
        let message = time(json).unwrap_err();
        assert!(message.contains(expected), "{json}: {message}");
    }
}

proptest! {
    #[test]
    fn every_time_is_one_however_it_is_spelt(seconds in 946_684_800_u32..4_000_000_000) {
        let moment = jiff::Timestamp::from_second(seconds.into()).unwrap();
        for json in [seconds.to_string(), format!("\"{seconds}\""), format!("{seconds}000"), format!("\"{moment}\"")] {
            prop_assert_eq!(read::<Time>(&json).unwrap().0, f64::from(seconds));
        }
    }

    #[test]
    fn any_text_is_a_value_or_a_refusal(text in ".{0,40}") {
        let json = serde_json::to_string(&text).unwrap();
        prop_assert!(read::<Time>(&json).is_ok_and(|time| time.0.is_finite()) || read::<Time>(&json).is_err());
        prop_assert_eq!(name(&json).is_ok(), !text.is_empty());
    }
}
