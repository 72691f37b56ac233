//! The lengths of histories: how many histories have which length enters, a histogram leaves.

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::{Page, number};

/// Bars of a histogram, at most.
const BARS: u64 = 16;

/// How long histories are.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Lengths {
    shortest: u64,
    /// As long as half of them, or shorter.
    median: u64,
    mean: f64,
    longest: u64,
    histogram: Vec<Bucket>,
}

/// How many lengths lie between two, both included.
#[derive(Debug, PartialEq, Serialize)]
struct Bucket {
    from: u64,
    to: u64,
    count: u64,
}

impl Lengths {
    /// None if there are none.
    pub(crate) fn of(lengths: impl Iterator<Item = u64>) -> Option<Self> {
        let mut counts = BTreeMap::new();
        lengths.for_each(|length| *counts.entry(length).or_insert(0) += 1);
        Self::of_counts(&counts)
    }

    /// From the number of histories of each length.
    pub(crate) fn of_counts(counts: &BTreeMap<u64, u64>) -> Option<Self> {
        let (shortest, longest) = (*counts.first_key_value()?.0, *counts.last_key_value()?.0);
        let total: u64 = counts.values().sum();
        let mut below = 0;
        let median = counts.iter().find(|(_, count)| {
            below += **count;
            below * 2 >= total
        });
        let median = median.map_or(longest, |(length, _)| *length);
        let sum: f64 = counts.iter().map(|(length, count)| *length as f64 * *count as f64).sum();
        let mut histogram = buckets(shortest, median, longest);
        for (length, count) in counts {
            if let Some(bucket) = histogram.iter_mut().find(|bucket| *length <= bucket.to) {
                bucket.count += count;
            }
        }
        Some(Self { shortest, median, mean: sum / total as f64, longest, histogram })
    }

    /// `what` names what is counted.
    pub(crate) fn show(&self, page: &mut Page, what: &str) {
        let Self { shortest, median, mean, longest, .. } = self;
        page.heading(&format!("{what}: shortest {shortest}, median {median}, mean {mean:.1}, longest {longest}"));
        let bar = |bucket: &Bucket| {
            let Bucket { from, to, count } = bucket;
            let label = if from == to { number(*from) } else { format!("{}–{}", number(*from), number(*to)) };
            (label, *count, String::new())
        };
        page.bars(&self.histogram.iter().map(bar).collect::<Vec<_>>());
    }
}

/// Buckets of one readable width; where a few are much longer than most, buckets that double.
fn buckets(shortest: u64, median: u64, longest: u64) -> Vec<Bucket> {
    let bucket = |from, to| Bucket { from, to, count: 0 };
    if longest / 16 > median {
        let doubling = std::iter::successors(Some((1, 1)), |(_, to): &(u64, u64)| {
            (*to < longest).then(|| (to + 1, to.saturating_mul(2)))
        });
        return doubling.filter(|(_, to)| *to >= shortest).map(|(from, to)| bucket(from, to)).collect();
    }
    let widths = (0..18).map(|power| 10_u64.pow(power)).flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    let width = widths.into_iter().find(|width| (longest - shortest) / width < BARS).unwrap_or(u64::MAX);
    let first = shortest / width * width;
    let starts = std::iter::successors(Some(first), |from| from.checked_add(width)).take_while(|from| *from <= longest);
    starts.map(|from| bucket(from, from + (width - 1))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_a_kind_have_buckets_of_one_width() {
        let lengths = Lengths::of([310, 487, 495, 690].into_iter()).unwrap();
        assert_eq!((lengths.shortest, lengths.median, lengths.longest), (310, 487, 690));
        assert_eq!(lengths.mean, 495.5);
        let all: Vec<(u64, u64, u64)> = lengths.histogram.iter().map(|b| (b.from, b.to, b.count)).collect();
        assert_eq!((all[0], all[3]), ((300, 349, 1), (450, 499, 2)));
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn a_few_long_ones_among_many_short_ones_have_buckets_that_double() {
        let lengths = Lengths::of((0..100).map(|_| 2).chain([900])).unwrap();
        let all: Vec<(u64, u64)> = lengths.histogram.iter().map(|b| (b.from, b.to)).collect();
        assert_eq!((all[0], all[1], all[9]), ((2, 2), (3, 4), (513, 1024)));
    }

    #[test]
    fn no_history_has_no_lengths() {
        assert_eq!(Lengths::of(std::iter::empty()), None);
    }

    proptest! {
        #[test]
        fn every_length_is_in_one_of_few_buckets(lengths in prop::collection::vec(0_u64..1 << 40, 1..60)) {
            let found = Lengths::of(lengths.iter().copied()).unwrap();
            prop_assert_eq!(found.histogram.iter().map(|bucket| bucket.count).sum::<u64>(), lengths.len() as u64);
            prop_assert!(found.histogram.len() <= 42);
            prop_assert!(found.shortest <= found.median && found.median <= found.longest);
        }
    }
}
