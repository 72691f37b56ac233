//! How often names occur: names enter one by one, the most frequent leave.

use std::collections::HashMap;

use serde::Serialize;

use super::page::{Page, percent};

/// Counts names; in memory is each name once.
#[derive(Debug, Default)]
pub(crate) struct Frequencies {
    counts: HashMap<String, u64>,
}

/// A name with its count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Frequency {
    pub(crate) name: String,
    pub(crate) count: u64,
    /// Part of all counts together, 0 to 1.
    pub(crate) share: f64,
}

impl Frequencies {
    pub(crate) fn add(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else {
            self.counts.insert(name.to_owned(), 1);
        }
    }

    /// Number of different names.
    pub(crate) fn names(&self) -> usize {
        self.counts.len()
    }

    pub(crate) fn most(&self, rows: usize) -> Vec<Frequency> {
        most(self.counts.iter().map(|(name, count)| (name.as_str(), *count)), rows)
    }
}

/// The `rows` most frequent names, ties in order of the names.
pub(crate) fn most<'a>(counts: impl Iterator<Item = (&'a str, u64)>, rows: usize) -> Vec<Frequency> {
    let mut counts: Vec<(&str, u64)> = counts.collect();
    let total = counts.iter().map(|(_, count)| count).sum::<u64>().max(1) as f64;
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
    let of_all = |(name, count): &(&str, u64)| Frequency {
        name: (*name).to_owned(),
        count: *count,
        share: *count as f64 / total,
    };
    counts.iter().take(rows).map(of_all).collect()
}

pub(crate) fn show(page: &mut Page, heading: &str, frequencies: &[Frequency]) {
    if frequencies.is_empty() {
        return;
    }
    page.heading(heading);
    let bar = |one: &Frequency| (one.name.clone(), one.count, percent(one.share));
    page.bars(&frequencies.iter().map(bar).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_shares_are_of_all() {
        let mut frequencies = Frequencies::default();
        ["tea", "mug", "pan", "mug", "tea"].into_iter().for_each(|name| frequencies.add(name));
        let most = frequencies.most(2);
        let name = |index: usize| (most[index].name.as_str(), most[index].count, most[index].share);
        assert_eq!([name(0), name(1)], [("mug", 2, 0.4), ("tea", 2, 0.4)]);
        assert_eq!((most.len(), frequencies.names()), (2, 3));
    }
}
