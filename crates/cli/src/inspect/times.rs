//! Times for people: Unix seconds enter, UTC leaves.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use slirec_core::timestamp::DAY;

use super::page::Page;

/// RFC 3339 of Unix seconds as our readers accept them: from 0 to below 1e11.
pub(crate) fn utc(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 1e11);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds as u64)).to_string()
}

/// The first and the last of some times.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Span {
    first: f64,
    first_utc: String,
    last: f64,
    last_utc: String,
    days: f64,
}

impl Span {
    pub(crate) fn new(first: f64, last: f64) -> Self {
        Self { first, first_utc: utc(first), last, last_utc: utc(last), days: (last - first) / DAY }
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("first", &self.first_utc);
        page.field("last", format!("{} ({:.1} days later)", self.last_utc, self.days));
    }
}

/// Widens a span by one time; nothing yet is none.
pub(crate) fn widen(span: &mut Option<(f64, f64)>, time: f64) {
    let (first, last) = span.get_or_insert((time, time));
    *first = first.min(time);
    *last = last.max(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_readable_times() {
        assert_eq!(utc(1_790_812_800.9), "2026-10-01T00:00:00Z");
        let mut span = None;
        [1_790_812_800.0, 1_790_726_400.0, 1_790_769_600.0].into_iter().for_each(|time| widen(&mut span, time));
        let (first, last) = span.unwrap();
        let span = Span::new(first, last);
        assert_eq!((span.first_utc.as_str(), span.days), ("2026-09-30T00:00:00Z", 1.0));
    }
}
