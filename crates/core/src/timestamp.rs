//! Times at the edges of the system: numbers or text, seconds or milliseconds, become Unix seconds (`f64`).

use thiserror::Error;

/// Seconds in a day, the unit of the model's time features.
pub const DAY: f64 = 86_400.0;

/// From here on a number must be milliseconds: 1e11 seconds is the year 5138, 1e11 milliseconds is March 1973.
pub const MILLISECONDS_FROM: f64 = 1e11;

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

/// Unix seconds from a number of seconds or milliseconds, told apart by size.
pub fn from_number(value: f64) -> Result<f64, TimestampError> {
    if !value.is_finite() || value < 0.0 {
        return Err(TimestampError::OutOfRange(value));
    }
    let seconds = if value >= MILLISECONDS_FROM { value / 1000.0 } else { value };
    if seconds >= LATEST { Err(TimestampError::OutOfRange(value)) } else { Ok(seconds) }
}

/// Unix seconds from text: a whole or decimal number of seconds or milliseconds, spaces around it allowed.
pub fn from_text(text: &str) -> Result<f64, TimestampError> {
    let trimmed = text.trim();
    // `f64::from_str` also takes "inf" and "nan", which no client means.
    let numeric = trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match trimmed.parse::<f64>() {
        Ok(value) if numeric => from_number(value),
        _ => Err(TimestampError::NotANumber(text.chars().take(64).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
