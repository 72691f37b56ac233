//! What an import did, for people.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use super::collect::Totals;
use super::sink::Counts;

/// How many unknown products a summary names.
const NAMED: usize = 10;

/// What was read, left out and written.
#[derive(Debug)]
pub struct Summary {
    /// Counted while reading.
    pub counts: Counts,
    /// Counted while writing.
    pub totals: Totals,
}

impl Summary {
    /// The products that the catalogue does not hold, most frequent first.
    pub fn unknown_products(&self) -> Vec<(&str, u64)> {
        let names = self.counts.unknown_products.iter();
        let mut names: Vec<(&str, u64)> = names.map(|(name, count)| (name.as_str(), *count)).collect();
        names.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        names
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, totals } = self;
        let mut part = |name: &str, value: String| writeln!(formatter, "{name:<18}{value}");
        part("rows", counts.rows.to_string())?;
        if counts.bad_rows > 0 {
            let first = counts.bad_sample.first();
            let first = first.map(|row| format!("; the first: {}:{}: {}", row.file, row.row, row.problem));
            part("bad rows", format!("{}{}", counts.bad_rows, first.unwrap_or_default()))?;
        }
        part("events taken", list(counts.taken.iter().map(|(name, count)| (*name, *count))))?;
        part("events left out", list(counts.ignored.iter().map(|(reason, count)| (*reason, *count))))?;
        if counts.unknown_events > 0 {
            let named = list(self.unknown_products().into_iter().take(NAMED));
            let more = if counts.unknown_products.len() > NAMED { ", …" } else { "" };
            part("unknown products", format!("{} events: {named}{more}", counts.unknown_events))?;
        }
        part("repeated events", totals.repeated.to_string())?;
        part("doubly reported", totals.collapsed.to_string())?;
        if totals.robots > 0 {
            part("robots", format!("{} users with {} events", totals.robots, totals.robot_events))?;
        }
        part("users", totals.users.to_string())?;
        let written = writeln!(formatter, "{:<18}{}", "interactions", totals.interactions);
        if let Some((first, last)) = totals.times {
            // Times were checked to lie between 0 and 1e11 when they were read.
            let time =
                |seconds: f64| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds as u64));
            writeln!(formatter, "{:<18}{} to {}", "times", time(first), time(last))?;
        }
        written
    }
}

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
