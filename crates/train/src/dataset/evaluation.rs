//! What evaluation runs on: a history and its candidates, the positive one first. A dataset enters, the groups of a split
//! leave, all of them or a sample drawn by a seed.

use std::ops::Range;

use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemIds;
use slirec_core::vocabulary::DEFAULT_ID;

use super::{Dataset, DatasetError, EVALUATION, Split};

/// More rows than this are sampled unless all are asked for: figures would hardly change, and full ranking takes its time.
const MOST_GROUPS: usize = 2_000;
/// The fewest that are measured of a large vocabulary.
const FEWEST_GROUPS: usize = 200;
/// Scores of a method that are worth the time: up to 100,000 items all rows of the sample are measured.
const MOST_SCORES: usize = 200_000_000;

/// Seed of the sample where none is given.
pub const SAMPLE_SEED: u64 = 42;

/// A candidate as the model sees it.
pub type Candidate = ItemIds;

/// One positive with the history before it and its negatives.
#[derive(Debug, Clone)]
pub struct EvaluationGroup {
    /// The history at the time of the positive.
    pub history: EncodedHistory,
    /// Number of the user, by which rows belong together.
    pub user: usize,
    /// Time of the positive, in Unix seconds.
    pub now: f64,
    /// Ids of the whole history's items, oldest first, however little of it the model reads.
    pub history_items: Vec<u32>,
    /// Unix seconds of the whole history.
    pub history_times: Vec<f64>,
    /// The positive, then the negatives.
    pub candidates: Vec<Candidate>,
}

impl EvaluationGroup {
    /// Length of the whole history.
    pub fn history_length(&self) -> usize {
        self.history_items.len()
    }

    /// Item id of the positive; the default item's for one that training has not seen.
    pub fn target(&self) -> u32 {
        self.candidates.first().map_or(DEFAULT_ID, |positive| positive.item)
    }

    /// Whether training has seen the positive: otherwise it is never found, whatever score the default item has.
    pub fn seen(&self) -> bool {
        self.candidates.first().is_some_and(|positive| positive.item != DEFAULT_ID)
    }
}

/// How many of the groups have a positive that training has not seen.
pub fn unseen(groups: &[EvaluationGroup]) -> usize {
    groups.iter().filter(|group| !group.seen()).count()
}

/// Which of the rows to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// At most so many; all where there are no more.
    pub most: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl Sampling {
    /// As many as a vocabulary of so many items leaves time for: each row is compared with all of them, by every method.
    pub fn for_items(items: usize) -> Self {
        Self { most: (MOST_SCORES / items.max(1)).clamp(FEWEST_GROUPS, MOST_GROUPS), seed: SAMPLE_SEED }
    }

    /// All rows.
    pub const ALL: Self = Self { most: usize::MAX, seed: SAMPLE_SEED };

    /// The chosen of `total` rows, in rising order.
    pub fn choose(self, total: usize) -> Vec<usize> {
        if total <= self.most {
            return (0..total).collect();
        }
        let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(self.seed), total, self.most).into_vec();
        chosen.sort_unstable();
        chosen
    }

    /// Keeps the chosen ones.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let mut chosen = self.choose(all.len()).into_iter().peekable();
        let chosen = |(position, _): &(usize, T)| chosen.next_if_eq(position).is_some();
        all.into_iter().enumerate().filter(chosen).map(|(_, value)| value).collect()
    }
}

/// A row to evaluate on: the interaction behind its history.
struct Row {
    user: usize,
    history: Range<usize>,
}

impl Dataset {
    /// The evaluation groups of a split: a positive with its negatives, in the order of the users.
    ///
    /// # Errors
    /// [`DatasetError`] when the negatives do not fit the rows.
    pub fn groups(&self, split: Split, longest: usize) -> Result<Vec<EvaluationGroup>, DatasetError> {
        self.sampled_groups(split, longest, Sampling::ALL)
    }

    /// The evaluation groups of some rows of a split; the others are never formed.
    ///
    /// # Errors
    /// [`DatasetError`] when the negatives do not fit the rows.
    pub fn sampled_groups(
        &self,
        split: Split,
        longest: usize,
        sampling: Sampling,
    ) -> Result<Vec<EvaluationGroup>, DatasetError> {
        let mut chosen = sampling.choose(self.rows(split)).into_iter().peekable();
        let rows = self.rows_of(split).enumerate().filter(|(number, _)| chosen.next_if_eq(number).is_some());
        rows.map(|(number, row)| self.group(split, number, row, longest)).collect()
    }

    /// Rows of a split.
    pub fn rows(&self, split: Split) -> usize {
        self.rows_of(split).count()
    }

    fn rows_of(&self, split: Split) -> impl Iterator<Item = Row> + '_ {
        self.users().enumerate().filter_map(move |(user, range)| {
            let row = self.parts(&range).row(split)?;
            Some(Row { user, history: range.start..range.start + row })
        })
    }

    /// The group of row number `number` of a split.
    fn group(&self, split: Split, number: usize, row: Row, longest: usize) -> Result<EvaluationGroup, DatasetError> {
        let negatives = match split {
            Split::Valid => &self.valid_negatives,
            Split::Test => &self.test_negatives,
        };
        let features = negatives.feature_ids.chunks_exact(self.feature_count().max(1));
        let drawn = negatives.items.iter().zip(features).skip(number * negatives.each).take(negatives.each);
        let drawn = drawn.map(|(item, features)| Candidate { item: *item, features: features.to_vec() });
        let candidates: Vec<Candidate> = self.candidate(row.history.end).into_iter().chain(drawn).collect();
        if candidates.len() != negatives.each + 1 {
            let problem = format!("has too few negatives for the {} rows", split.name());
            return Err(DatasetError::Invalid { path: EVALUATION.into(), problem });
        }
        let Row { user, history } = row;
        Ok(EvaluationGroup {
            history: self.encode(history.clone(), history.end, longest)?.of_user(self.user_ids(user)),
            user,
            now: self.times(history.end..history.end + 1).first().copied().unwrap_or_default(),
            history_items: self.items(history.clone()).to_vec(),
            history_times: self.times(history).to_vec(),
            candidates,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sample_has_the_size_asked_for_its_order_and_the_same_rows_for_the_same_seed(
            total in 0_usize..300, most in 1_usize..200, seed in any::<u64>(),
        ) {
            let sampling = Sampling { most, seed };
            let chosen = sampling.choose(total);
            prop_assert_eq!(chosen.len(), total.min(most));
            prop_assert!(chosen.is_sorted_by(|left, right| left < right));
            prop_assert!(chosen.iter().all(|row| *row < total));
            prop_assert_eq!(&sampling.of((0..total).collect::<Vec<_>>()), &chosen);
        }
    }
}
