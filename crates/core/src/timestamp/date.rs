//! Dates as text: ISO 8601 and its relatives, dates that begin with day or month, dates with names of months. Numbers
//! alone are no dates here: what they mean their column tells.

mod calendar;
mod clock;

use super::DAY;

use calendar::civil;
use clock::time_of_day;

/// A date, with a time of day or without.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Date {
    /// Unix seconds; of a date that may be read in two ways, with the day before the month.
    pub seconds: f64,
    /// The other reading, where there are two.
    pub month_first: Option<f64>,
    /// Of dates that begin with day or month and can be read in one way: which of them comes first.
    pub day_first: Option<bool>,
    /// Whether there is no time of day.
    pub whole_day: bool,
}

/// Which day is meant.
enum Day {
    One(i64),
    /// Days since 1970: with the day first, with the month first. One of them may not exist.
    Two(Option<i64>, Option<i64>),
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const WEEKDAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// Reads a date such as `2026-11-02T09:15:00Z`, `2026/11/02 9:15`, `20261102T091500Z`, `02.11.2026`,
/// `Mon, 02 Nov 2026 09:15:00 GMT`, `Nov 2, 2026 9:15 AM`.
pub fn parse(text: &[u8]) -> Option<Date> {
    let text = text.trim_ascii();
    let (day, rest) = day(text)?;
    let (time, whole_day) = time_of_day(rest)?;
    let seconds = |day: i64| day as f64 * DAY + time;
    let date =
        |day: i64, day_first: Option<bool>| Date { seconds: seconds(day), month_first: None, day_first, whole_day };
    match day {
        Day::One(day) => Some(date(day, None)),
        Day::Two(Some(first), Some(second)) if first == second => Some(date(first, None)),
        Day::Two(Some(first), Some(second)) => Some(Date { month_first: Some(seconds(second)), ..date(first, None) }),
        Day::Two(Some(day), None) => Some(date(day, Some(true))),
        Day::Two(None, Some(day)) => Some(date(day, Some(false))),
        Day::Two(None, None) => None,
    }
}

/// Unix seconds of a date and time written as digits alone, such as 20261102, 202611020915 or 20261102091500.
pub fn compact(digits: &[u8]) -> Option<(f64, bool)> {
    let whole_day = match digits.len() {
        8 => true,
        10 | 12 | 14 | 17 => false,
        _ => return None,
    };
    let (days, rest) = basic_day(digits)?;
    let mut parts = [0_i64; 3];
    let mut rest = rest;
    for part in &mut parts {
        if rest.is_empty() || rest.len() == 3 {
            break;
        }
        (*part, rest) = number(rest, 2)?;
    }
    let milliseconds = if rest.is_empty() { 0 } else { number(rest, 3)?.0 };
    let [hour, minute, second] = parts;
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    let time = (hour * 3600 + minute * 60 + second) as f64 + milliseconds as f64 / 1000.0;
    Some((days as f64 * DAY + time, whole_day))
}

fn day(text: &[u8]) -> Option<(Day, &[u8])> {
    let text = match word(text) {
        Some((name, rest)) if WEEKDAYS.iter().any(|day| starts_with(name, day)) => {
            rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start()
        }
        _ => text,
    };
    if let Some((name, rest)) = word(text) {
        // Nov 2, 2026
        let month = month(name)?;
        let (day, rest) = short_number(rest.trim_ascii_start())?;
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (year, rest) = number(rest, 4)?;
        return Some((Day::One(civil(year, month, day)?), rest));
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 8 {
        let (days, rest) = basic_day(text)?;
        return Some((Day::One(days), rest));
    }
    let first_length = if digits == 4 { 4 } else { digits.min(2) };
    let (first, rest) = if first_length == 4 { number(text, 4)? } else { short_number(text)? };
    let separator = *rest.first()?;
    let behind = rest.get(1..)?;
    if first_length == 4 {
        // 2026-11-02
        matches!(separator, b'-' | b'/' | b'.').then_some(())?;
        let (month, rest) = short_number(behind)?;
        let (day, rest) = short_number(rest.strip_prefix(&[separator])?)?;
        return Some((Day::One(civil(first, month, day)?), rest));
    }
    if let Some((name, rest)) = word(behind.trim_ascii_start()) {
        // 02 Nov 2026, 02-Nov-2026
        matches!(separator, b' ' | b'-' | b'/' | b'.').then_some(())?;
        let month = month(name)?;
        let rest = rest.strip_prefix(&[separator]).or_else(|| rest.strip_prefix(b", ")).unwrap_or(rest);
        let (year, rest) = number(rest.trim_ascii_start(), 4)?;
        return Some((Day::One(civil(year, month, first)?), rest));
    }
    matches!(separator, b'-' | b'/' | b'.').then_some(())?;
    let (second, rest) = short_number(behind)?;
    let (year, rest) = number(rest.strip_prefix(&[separator])?, 4)?;
    // Behind a year there is no further digit: 02/11/20261 is no date.
    if rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let day_first = civil(year, second, first);
    // With dots the day stands first everywhere.
    let month_first = if separator == b'.' { None } else { civil(year, first, second) };
    Some((if separator == b'.' { Day::One(day_first?) } else { Day::Two(day_first, month_first) }, rest))
}

/// Letters at the start, and what stands behind them.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if length == 0 { None } else { text.split_at_checked(length) }
}

fn starts_with(word: &[u8], short: &[u8]) -> bool {
    word.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short))
}

/// The number of a month by its English name.
fn month(name: &[u8]) -> Option<i64> {
    (1..).zip(MONTHS).find(|(_, month)| starts_with(name, month)).map(|(number, _)| number)
}

/// A number of exactly so many digits and what stands behind it.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let add = |value, digit: &u8| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'));
    Some((number.iter().try_fold(0, add)?, rest))
}

/// A number of one or two digits.
fn short_number(text: &[u8]) -> Option<(i64, &[u8])> {
    number(text, 2).or_else(|| number(text, 1))
}

fn basic_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    Some((civil(year, month, day)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOMENT: f64 = 1_793_610_900.0;

    #[test]
    fn every_common_form_means_the_same_moment() {
        for text in [
            "2026-11-02T09:15:00+00:00",
            "2026-11-02 09:15:00+00",
            "20261102T091500Z",
            "2026/11/02 09:15",
            "2026-11-02 9:15:00",
            "Mon, 02 Nov 2026 09:15:00 GMT",
            "2 November 2026 9:15",
            "02-Nov-2026 09:15",
            "Nov 2, 2026 9:15 AM",
            "Nov 2 2026 09:15",
            "02 Nov 2026, 09:15",
            "2026-11-02T09:15:00Z[UTC]",
            "2026-11-02T04:15:00\u{2212}05:00",
            "2026-11-02T10:15:00.000 +0100",
            "02.11.2026 09:15",
            "2026-11-02 09:15:00 ",
            "2026-11-01 24:00:00 -0915",
        ] {
            let date = parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((date.seconds, date.month_first, date.whole_day), (MOMENT, None, false), "{text}");
        }
        assert_eq!(parse(b"2026-11-02 09:15:00.123456+00").unwrap().seconds, MOMENT + 0.123_456);
    }

    #[test]
    fn a_date_alone_is_a_whole_day() {
        for text in ["2026-11-02", "2026/11/02", "02.11.2026", "2 Nov 2026", "20261102"] {
            let date = parse(text.as_bytes()).unwrap();
            assert_eq!((date.seconds, date.whole_day), (MOMENT - 33_300.0, true), "{text}");
        }
    }

    #[test]
    fn day_and_month_are_told_by_the_one_above_twelve() {
        let read = |text: &str| parse(text.as_bytes()).map(|date| (date.day_first, date.month_first.is_some()));
        assert_eq!(read("29-01-2021 07:01"), Some((Some(true), false)));
        assert_eq!(read("01/29/2021 07:01"), Some((Some(false), false)));
        assert_eq!(read("11/02/2026 21:47"), Some((None, true)));
        assert_eq!(read("02/02/2026 21:47"), Some((None, false)), "both readings are one");
        assert_eq!(read("13/13/2026"), None);
    }

    #[test]
    fn compact_dates_have_days_months_and_times_that_exist() {
        assert_eq!(compact(b"20261102"), Some((MOMENT - 33_300.0, true)));
        assert_eq!(compact(b"202611020915"), Some((MOMENT, false)));
        assert_eq!(compact(b"20261102091500"), Some((MOMENT, false)));
        assert_eq!(compact(b"20261102091500250"), Some((MOMENT + 0.25, false)));
        for digits in ["20261302", "20260230", "2026110225", "20261102096100", "1793610900", "178000"] {
            assert_eq!(compact(digits.as_bytes()), None, "{digits}");
        }
    }

    #[test]
    fn what_means_no_moment_is_no_date() {
        for text in [
            "2026-11-02 09:15:00 PST",
            "2026-11-02 09:15:00 America/New_York",
            "2026-11-02 13:15 PM",
            "01:21.7",
            "81",
            "11/02/26",
            "2026-11",
            "tomorrow",
            "",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
            let _ = compact(&bytes);
        }

        #[test]
        fn no_date_like_text_panics(text in "[0-9TZ:/., +ampAMPnovNOV-]{0,30}") {
            let _ = parse(text.as_bytes());
        }
    }
}
