//! Times as other systems write them: ISO 8601 and its relatives, or Unix times, become Unix seconds.

use slirec_core::timestamp::{self, DAY};

/// Unix seconds from a number (seconds or milliseconds, told apart by size) or from a date with a time, such as
/// `2026-11-02T09:15:00.133Z`, `2026-11-02 09:15:00.133` (UTC), `2026-11-02 10:19:01 +0100` or `2026-11-02`.
///
/// # Errors
/// What was found and what was expected.
pub fn parse(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    if let Some(seconds) = date_and_time(trimmed.as_bytes()) {
        return timestamp::from_number(seconds).map_err(|error| error.to_string());
    }
    timestamp::from_text(trimmed).map_err(|_| {
        let shown: String = trimmed.chars().take(64).collect();
        format!("`{shown}` is no time: expected a Unix time or ISO 8601, such as 2026-11-02T09:15:00Z")
    })
}

/// Unix seconds of a date with or without a time and an offset.
fn date_and_time(text: &[u8]) -> Option<f64> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) as f64 * DAY;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = match rest.strip_prefix(b":") {
        Some(rest) => number(rest, 2)?,
        None => (0, rest),
    };
    // 24:00 and leap seconds are written by some.
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = fraction(rest);
    let offset = offset(rest)?;
    Some(midnight + (hour * 3600 + minute * 60 + second - offset) as f64 + fraction)
}

/// The seconds behind the point: nanoseconds at most, what is beyond does not fit an `f64` of this size.
fn fraction(text: &[u8]) -> (f64, &[u8]) {
    let Some(rest) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return (0.0, text) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(digits);
    let (mut value, mut scale) = (0_u32, 1.0);
    for digit in digits.iter().take(9) {
        value = value * 10 + u32::from(digit - b'0');
        scale *= 10.0;
    }
    (f64::from(value) / scale, rest)
}

/// Seconds east of Greenwich; without any it is UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if matches!(text, b"" | b"Z" | b"z" | b"UTC" | b"GMT") {
        return Some(0);
    }
    let (sign, rest) = match text.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = number(rest, 2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { number(rest, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of exactly so many digits and what stands behind it.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let add = |value, digit: &u8| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'));
    Some((number.iter().try_fold(0, add)?, rest))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_all_sources_mean_the_same_moment() {
        let moment = 1_793_610_900.0;
        for text in [
            "2026-11-02T09:15:00Z",
            "2026-11-02 09:15:00",
            "2026-11-02 09:15:00.000",
            "2026-11-02 10:15:00 +0100",
            "2026-11-02T04:15:00-05:00",
            "2026-11-02 09:15:00 UTC",
            "2026-11-02T09:15",
            "1793610900",
            "1793610900000",
        ] {
            assert_eq!(parse(text), Ok(moment), "{text}");
        }
        assert_eq!(parse("2026-11-02 09:15:00.133"), Ok(1_793_610_900.133));
        assert_eq!(parse("2024-02-29"), Ok(1_709_164_800.0));
    }

    #[test]
    fn what_is_no_time_is_said_so() {
        for text in
            ["", "soon", "2026-13-01", "2025-02-29", "2026-11-02T25:00:00", "2026-11-02T09:15:00 CET", "02/11/2026"]
        {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains("expected"), "{problem}");
        }
        assert!(parse("1969-12-31").unwrap_err().contains("is not a usable Unix time"));
    }

    proptest! {
        #[test]
        fn every_second_reads_back(seconds in 0_u64..99_999_999_999) {
            let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
            prop_assert_eq!(parse(&text), Ok(seconds as f64));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
