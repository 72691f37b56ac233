//! Times by a format of strptime: a format and a text enter, a moment leaves.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

use super::moment::Moment;
use super::shown;

/// Reads a text that is of the format; without a zone it is UTC, without a day the first one of its month or year.
///
/// # Errors
/// What was found and what was expected.
pub(super) fn by_format(format: &str, text: &str) -> Result<Moment, String> {
    let problem = |error: jiff::Error| format!("`{}` is not of the form `{format}`: {error}", shown(text));
    let mut parsed = BrokenDownTime::parse(format, text).map_err(problem)?;
    let whole_day = parsed.hour().is_none() && parsed.timestamp().is_none();
    // %Y-%m names no day: its first is meant.
    for missing in [parsed.month().is_none(), parsed.day().is_none()] {
        if missing && parsed.timestamp().is_none() && parsed.day_of_year().is_none() && parsed.iso_week().is_none() {
            let _ = if parsed.month().is_none() { parsed.set_month(Some(1)) } else { parsed.set_day(Some(1)) };
        }
    }
    let timestamp = if parsed.offset().is_some() || parsed.timestamp().is_some() {
        parsed.to_timestamp().map_err(problem)?
    } else if whole_day {
        let midnight = parsed.to_date().map_err(problem)?.to_datetime(jiff::civil::Time::midnight());
        Offset::UTC.to_timestamp(midnight).map_err(problem)?
    } else {
        Offset::UTC.to_timestamp(parsed.to_datetime().map_err(problem)?).map_err(problem)?
    };
    let seconds = timestamp.as_second() as f64 + f64::from(timestamp.subsec_nanosecond()) / 1e9;
    Ok(Moment { whole_day, ..Moment::at(seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: f64 = 1_793_610_900.0;

    #[test]
    fn formats_are_those_of_strptime() {
        for (format, text) in [
            ("%d.%m.%Y %H:%M", "02.11.2026 09:15"),
            ("%m/%d/%y %I:%M %p", "11/02/26 09:15 AM"),
            ("%Y-%m-%dT%H:%M:%S%z", "2026-11-02T10:15:00+0100"),
            ("%d %b %Y, %H:%M", "02 Nov 2026, 09:15"),
            ("%s", "1793610900"),
        ] {
            assert_eq!(by_format(format, text).map(|moment| moment.seconds), Ok(MOMENT), "{format}");
        }
        let month = by_format("%Y%m", "202611").unwrap();
        assert_eq!((month.seconds, month.whole_day), (MOMENT - 33_300.0 - 86_400.0, true));
    }
}
