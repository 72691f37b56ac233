//! What the options say about a column of times: flags enter, units and formats leave.

use std::fmt;
use std::str::FromStr;

use slirec_core::timestamp::DAY;

/// Days from Excel's zero, 1899-12-30, to 1970.
const EXCEL_EPOCH: f64 = 25_569.0;

/// What the numbers of a column count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Days since 1899-12-30, as spreadsheets count; only where it is asked for.
    Excel,
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "us" => Self::Microseconds,
            "ns" => Self::Nanoseconds,
            "excel" => Self::Excel,
            _ => return Err("expected s, ms, us, ns or excel".to_owned()),
        })
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
            Self::Nanoseconds => "nanoseconds since 1970",
            Self::Excel => "days of a spreadsheet",
        })
    }
}

impl TimeUnit {
    pub(super) const TOLD_BY_SIZE: [Self; 4] =
        [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    pub(super) fn seconds(self, number: f64) -> f64 {
        match self {
            Self::Seconds => number,
            Self::Milliseconds => number / 1e3,
            Self::Microseconds => number / 1e6,
            Self::Nanoseconds => number / 1e9,
            Self::Excel => (number - EXCEL_EPOCH) * DAY,
        }
    }
}

/// How the text of a column is written, where it is ambiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// `11/02/2026` is the eleventh of February.
    DayFirst,
    /// `11/02/2026` is the second of November.
    MonthFirst,
    /// A format of strptime, such as `%d.%m.%Y %H:%M`.
    Strptime(String),
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "day-first" => return Ok(Self::DayFirst),
            "month-first" => return Ok(Self::MonthFirst),
            _ => {}
        }
        if !text.contains('%') {
            return Err("expected day-first, month-first or a format of strptime, such as %d.%m.%Y %H:%M".to_owned());
        }
        // A format that can write a moment can read one: unknown directives show here.
        let moment = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(text, &moment).map_err(|error| format!("is no format of strptime: {error}"))?;
        Ok(Self::Strptime(text.to_owned()))
    }
}

/// What the options say about a column of times.
#[derive(Debug, Clone, Default)]
pub struct TimeRule {
    /// What its numbers count; none to decide by their size and plausibility.
    pub unit: Option<TimeUnit>,
    /// Formats of its text, tried in order; none to read every text that tells its own form.
    pub formats: Vec<TimeFormat>,
}
