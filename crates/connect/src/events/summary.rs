//! What an import did, for people.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use super::collect::Totals;
use super::counts::{Counts, Noticed, by_frequency};
use super::shares::exceeds;
use super::sink::{NO_ITEM, NO_USER};

/// How many unknown products or kinds a summary names.
const NAMED: usize = 10;

/// Share of rows without a user or an item above which they are worth a warning.
const MANY: f64 = 0.05;

/// What was read, left out and written.
#[derive(Debug)]
pub struct Summary {
    /// Counted while reading.
    pub counts: Counts,
    /// Counted while writing.
    pub totals: Totals,
    /// Whether the rows are ordered by numbers that are no times.
    pub ordinals: bool,
}

impl Summary {
    /// The products that the catalogue does not hold, most frequent first.
    pub fn unknown_products(&self) -> Vec<(&str, u64)> {
        by_frequency(&self.counts.unknown_products)
    }

    /// The kinds that are neither known nor mapped, most frequent first.
    pub fn unknown_kinds(&self) -> Vec<(&str, u64)> {
        by_frequency(&self.counts.unknown_kinds)
    }

    /// Everything that was read and did not become an interaction, by its reason. The numbers and those of the
    /// interactions add up to [`Counts::rows`] and [`Counts::further`].
    pub fn reasons(&self) -> Vec<(String, u64)> {
        let Self { counts, totals, .. } = self;
        let ignored = counts.ignored.iter().map(|(reason, count)| (reason.to_string(), *count));
        let others = [
            ("bad row", counts.bad_rows),
            ("unknown kind", counts.unknown_kind_events),
            ("unknown product", counts.unknown_events),
            ("repeated event", totals.repeated),
            ("doubly reported view", totals.collapsed),
            ("robot", totals.robot_events),
        ];
        let others = others.into_iter().map(|(reason, count)| (reason.to_owned(), count));
        ignored.chain(others).filter(|(_, count)| *count > 0).collect()
    }

    /// What a person should look at, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let counts = &self.counts;
        let mut warnings = Vec::new();
        let mut odd = |noticed: &Noticed, what: &str| {
            if let Some((_, row, example)) = &noticed.first {
                let time = example.parse().map(time).unwrap_or_default();
                warnings.push(format!("{} times lie {what}, the first in row {row}: {time}", noticed.count));
            }
        };
        odd(&counts.early, "before 1995");
        odd(&counts.late, "after tomorrow");
        if let Some((_, row, example)) = &counts.decimal_ids.first {
            let count = counts.decimal_ids.count;
            warnings.push(format!(
                "{count} ids were read as whole numbers, the first in row {row}: `{example}` as `{}`",
                example.trim_end_matches(".0")
            ));
        }
        if let Some((_, row, example)) = &counts.rounded_ids.first {
            let count = counts.rounded_ids.count;
            warnings.push(format!(
                "{count} ids are floating point numbers that do not hold all digits, so that different ids may have become \
                 one, the first in row {row}: `{example}`: export them as text or as whole numbers"
            ));
        }
        for (names, what) in [
            (&counts.damaged_names, "hold U+FFFD: another program could not read what stood there"),
            (&counts.invisible_names, "hold invisible characters, so that they differ from others that look the same"),
        ] {
            if let Some((_, row, example)) = &names.first {
                warnings.push(format!("{} names {what}; the first in row {row}: `{example}`", names.count));
            }
        }
        for missing in [NO_USER, NO_ITEM] {
            let count = counts.ignored.get(missing).copied().unwrap_or_default();
            if exceeds(count, counts.events(), MANY) {
                warnings.push(format!("{count} of {} rows were left out: {missing}", counts.events()));
            }
        }
        if let Some((_, row, name)) = &counts.other_times.first {
            let count = counts.other_times.count;
            warnings.push(format!(
                "of {count} events another time counts, the first in row {row}: their {name} cannot be meant"
            ));
        }
        if counts.unknown_kind_events > 0 {
            let named = list(self.unknown_kinds().into_iter().take(NAMED));
            warnings.push(format!(
                "kinds that are not known were left out ({named}): --kinds NAME=KIND says what they mean"
            ));
        }
        if counts.bad_rows > 0 {
            let first = counts.bad_sample.first();
            let first = first.map(|row| format!("; the first: {}:{}: {}", row.file, row.row, row.problem));
            warnings.push(format!("{} bad rows were left out{}", counts.bad_rows, first.unwrap_or_default()));
        }
        if counts.readings.len() > 1 {
            let all = counts.readings.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
            warnings.push(format!("the files' times are written differently: {all}"));
        }
        if counts.lines > 100 && counts.rows < counts.lines / 2 {
            warnings
                .push(format!("{} lines hold only {} rows: values in quotes span lines", counts.lines, counts.rows));
        }
        warnings
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, totals, ordinals } = self;
        let mut part = |name: &str, value: String| writeln!(formatter, "{name:<18}{value}");
        part("rows", counts.rows.to_string())?;
        if counts.further > 0 {
            part("further events", format!("{} of rows that hold several", counts.further))?;
        }
        if counts.bad_rows > 0 {
            let first = counts.bad_sample.first();
            let first = first.map(|row| format!("; the first: {}:{}: {}", row.file, row.row, row.problem));
            part("bad rows", format!("{}{}", counts.bad_rows, first.unwrap_or_default()))?;
        }
        part("events taken", list(counts.taken.iter().map(|(name, count)| (*name, *count))))?;
        part("events left out", list(counts.ignored.iter().map(|(reason, count)| (&**reason, *count))))?;
        if counts.unknown_kind_events > 0 {
            let named = self.named(self.unknown_kinds());
            part("unknown kinds", format!("{} events: {named}", counts.unknown_kind_events))?;
        }
        if counts.unknown_events > 0 {
            let named = self.named(self.unknown_products());
            part("unknown products", format!("{} events: {named}", counts.unknown_events))?;
        }
        part("repeated events", totals.repeated.to_string())?;
        part("doubly reported", totals.collapsed.to_string())?;
        if totals.robots > 0 {
            part("robots", format!("{} users with {} events", totals.robots, totals.robot_events))?;
        }
        for reading in &counts.readings {
            part("times are", reading.clone())?;
        }
        part("users", totals.users.to_string())?;
        part("interactions", totals.interactions.to_string())?;
        if let Some((first, last)) = totals.times {
            if *ordinals {
                part("order", format!("{first} to {last}"))?;
            } else {
                part("times", format!("{} to {}", time(first), time(last)))?;
            }
        }
        Ok(())
    }
}

impl Summary {
    fn named(&self, names: Vec<(&str, u64)>) -> String {
        let more = if names.len() > NAMED { ", …" } else { "" };
        format!("{}{more}", list(names.into_iter().take(NAMED)))
    }
}

/// A moment as people read it. Times were checked to lie between 0 and 1e11 when they were read.
pub(super) fn time(seconds: f64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds as u64)).to_string()
}

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
