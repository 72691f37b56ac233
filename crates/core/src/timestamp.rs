//! Times at the edges of the system: numbers, text or ISO 8601, seconds or milliseconds, become Unix seconds (`f64`).

pub mod date;

use thiserror::Error;

/// Seconds in a day, the unit of the model's time features.
pub const DAY: f64 = 86_400.0;

/// From here on a number must be milliseconds: 1e11 seconds is the year 5138, 1e11 milliseconds is March 1973.
pub const MILLISECONDS_FROM: f64 = 1e11;

/// As many digits an `f64` always holds.
const MOST_DIGITS: usize = 15;

/// One past the largest time that is accepted, in seconds.
const LATEST: f64 = MILLISECONDS_FROM;

/// A time that is not a usable Unix time.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum TimestampError {
    /// The text is not a number.
    #[error("`{0}` is not a Unix time: expected seconds or milliseconds as a number")]
    NotANumber(String),
    /// The number is infinite, NaN, negative, or beyond the year 5138.
    #[error("{0} is not a usable Unix time: expected 0 to 1e11 seconds, or the same in milliseconds")]
    OutOfRange(f64),
}

/// Unix seconds from a number of seconds or milliseconds, distinguished by size.
pub fn from_number(value: f64) -> Result<f64, TimestampError> {
    if !value.is_finite() || value < 0.0 {
        return Err(TimestampError::OutOfRange(value));
    }
    let seconds = if value >= MILLISECONDS_FROM { value / 1000.0 } else { value };
    if seconds >= LATEST { Err(TimestampError::OutOfRange(value)) } else { Ok(seconds) }
}

/// Unix seconds from text: a whole or decimal number of seconds or milliseconds, spaces around it allowed.
pub fn from_text(text: &str) -> Result<f64, TimestampError> {
    // Nearly all are a few digits, which need no parser of floats.
    if (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.bytes().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        return from_number(number as f64);
    }
    let trimmed = text.trim();
    // `f64::from_str` also takes "inf" and "nan", which no client means.
    let numeric = trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match trimmed.parse::<f64>() {
        Ok(value) if numeric => from_number(value),
        _ => Err(TimestampError::NotANumber(text.chars().take(64).collect())),
    }
}

/// Unix seconds from a date with or without a time: ISO 8601 and what its relatives write, such as
/// `2026-11-02T09:15:00.133Z`, `2026-11-02 10:15:00+01:00` (pandas), `2026-11-02 10:19:01 +0100`,
/// `2026-11-02 09:15:00 UTC` or `2026-11-02`. Without an offset it is UTC. None for any other text, also for a date
/// without dashes, which could be a number.
pub fn from_iso(text: &str) -> Option<f64> {
    let text = text.trim();
    let year = text.split_once('-').map(|(year, _)| year)?;
    (year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    date::parse(text.as_bytes()).map(|date| date.seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn iso_8601_and_its_relatives_mean_the_same_moment() {
        for text in [
            "2026-11-02T09:15:00Z",
            "2026-11-02t09:15:00z",
            "2026-11-02T09:15:00+00:00",
            "2026-11-02 09:15:00+00:00",
            "2026-11-02 09:15:00",
            "2026-11-02 09:15:00.000",
            " 2026-11-02T09:15 ",
            "2026-11-02 10:15:00 +0100",
            "2026-11-02 10:15:00+01",
            "2026-11-02T04:15:00-05:00",
            "2026-11-02 09:15:00 UTC",
            "2026-11-02 09:15:00 GMT",
        ] {
            assert_eq!(from_iso(text), Some(1_793_610_900.0), "{text}");
        }
        assert_eq!(from_iso("2026-11-02 09:15:00.133+00:00"), Some(1_793_610_900.133));
        assert_eq!(from_iso("2024-11-05T12:34:56.123456789Z"), Some(1_730_810_096.123_456_8));
        assert_eq!(from_iso("2024-02-29"), Some(1_709_164_800.0));
        assert_eq!(from_iso("1969-12-31"), Some(-86_400.0));
    }

    #[test]
    fn what_is_no_date_is_not_taken_for_one() {
        for text in [
            "",
            "soon",
            "NaT",
            "20241105",
            "1730807061",
            "2026-13-01",
            "2025-02-29",
            "2026-11-02T25:00:00",
            "2026-11-02T24:30:00",
            "29-1-2026",
            "02/11/2026",
            "2026-11-02T09:15:00 CET",
            "2026-11-02T09:15:00+01:00 UTC",
            "2026-11-02T09:15:00[Europe/Paris]",
            "2026-11-02T09:15:00Z and more",
            "-2026-11-02",
        ] {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in ".{0,40}") {
            prop_assert!(from_iso(&text).is_none_or(f64::is_finite));
        }

        #[test]
        fn every_second_reads_back(seconds in 0_i64..99_999_999_999) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(from_iso(&text), Some(seconds as f64));
        }
    }

    #[test]
    fn seconds_stay_and_milliseconds_are_divided() {
        assert_eq!(from_text("1730807061"), Ok(1_730_807_061.0));
        assert_eq!(from_text("1730807061000"), Ok(1_730_807_061.0));
        assert_eq!(from_text(" 1730807061.25 "), Ok(1_730_807_061.25));
        assert_eq!(from_number(0.0), Ok(0.0));
    }

    #[test]
    fn words_infinities_and_negative_times_are_refused() {
        for text in ["", "yesterday", "inf", "NaN", "2024-01-01"] {
            assert!(matches!(from_text(text), Err(TimestampError::NotANumber(_))), "{text}");
        }
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e15] {
            assert!(matches!(from_number(value), Err(TimestampError::OutOfRange(_))), "{value}");
        }
        assert!(matches!(from_text("1e400"), Err(TimestampError::OutOfRange(_))));
    }
}
