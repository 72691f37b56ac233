//! Times as other systems write them become Unix seconds: [`parse`] reads one whose form is laid down, such as those of
//! Shopify and Snowplow; `TimeReader` reads a column of a table, whose form is told by the whole column.

#[cfg(feature = "events")]
mod column;
#[cfg(feature = "events")]
mod format;
#[cfg(feature = "events")]
mod moment;
#[cfg(feature = "events")]
mod number;
#[cfg(feature = "events")]
mod rule;

use slirec_core::timestamp;

#[cfg(feature = "events")]
pub(crate) use column::{EARLIEST, TimeReader};
#[cfg(feature = "events")]
pub(crate) use moment::Moment;
#[cfg(feature = "events")]
pub use rule::{TimeFormat, TimeRule, TimeUnit};

/// How much of a text a message shows.
const SHOWN: usize = 64;

/// Unix seconds from a number (seconds or milliseconds, told apart by size) or from a date with a time, such as
/// `2026-11-02T09:15:00.133Z`, `2026-11-02 09:15:00.133` (UTC), `2026-11-02 10:19:01 +0100` or `2026-11-02`.
///
/// # Errors
/// What was found and what was expected.
pub fn parse(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    match timestamp::from_iso(trimmed) {
        Some(seconds) => timestamp::from_number(seconds).map_err(|error| error.to_string()),
        None => timestamp::from_text(trimmed).map_err(|_| no_time(trimmed)),
    }
}

fn no_time(text: &str) -> String {
    format!("`{}` is no time: expected a Unix time or ISO 8601, such as 2026-11-02T09:15:00Z", shown(text))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
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
