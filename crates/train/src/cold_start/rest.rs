//! A dataset without some of its products: its interactions as a source for another dataset, and histories in the other
//! one's ids.

use std::collections::HashSet;
use std::ops::Range;

use slirec_core::history::{self, History};
use slirec_core::interactions::{Interaction, InteractionSource, MOST_WEIGHT, ReadError};
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use crate::dataset::Dataset;
use crate::dataset::evaluation::EvaluationGroup;

/// All interactions but those with products that are held out.
pub(super) struct Rest<'a> {
    dataset: &'a Dataset,
    held_out: &'a HashSet<u32>,
    /// Number of the user who is read, and name.
    user: (usize, String),
    /// What is left of the user.
    left: Range<usize>,
    weights: Weights,
}

/// Weights of interactions: a dataset has only the sum of an item's in training, so each has their mean, in whole numbers
/// that come to the sum.
struct Weights {
    /// Sum of the weights, number of interactions in training, and number of those that were asked about, by item.
    of_items: Vec<[u64; 3]>,
}

impl Weights {
    fn of(dataset: &Dataset) -> Self {
        let sums = dataset.vocabulary.items().iter().map(|item| [item.interactions, 0, 0]);
        let mut of_items: Vec<[u64; 3]> = std::iter::once([0; 3]).chain(sums).collect();
        for user in 0..dataset.users().len() {
            for item in dataset.items(dataset.train_range(user)) {
                of_items.get_mut(*item as usize).into_iter().for_each(|[_, count, _]| *count += 1);
            }
        }
        Self { of_items }
    }

    /// Of the next interaction with an item.
    fn next(&mut self, item: u32) -> u16 {
        let Some([sum, count, asked]) = self.of_items.get_mut(item as usize) else { return 1 };
        *asked += 1;
        let up_to = |asked: u64| (asked * *sum).checked_div(*count).unwrap_or(asked);
        let weight = up_to(*asked).saturating_sub(up_to(*asked - 1));
        u16::try_from(weight).unwrap_or(MOST_WEIGHT).clamp(1, MOST_WEIGHT)
    }
}

impl<'a> Rest<'a> {
    pub(super) fn of(dataset: &'a Dataset, held_out: &'a HashSet<u32>) -> Self {
        let (user, left) = ((0, "0".to_owned()), dataset.user(0));
        Self { dataset, held_out, user, left, weights: Weights::of(dataset) }
    }

    fn is_left(&self, row: usize) -> bool {
        let item = self.dataset.items(row..row + 1).first();
        item.is_some_and(|item| *item != DEFAULT_ID && !self.held_out.contains(item))
    }

    /// A user's history of a range, in the ids of the other vocabulary, encoded at the time of the row behind it; none
    /// where nothing is left of it.
    pub(super) fn group(
        &self,
        user: usize,
        range: Range<usize>,
        vocabulary: &Vocabulary,
        longest: usize,
    ) -> Option<EvaluationGroup> {
        let rows: Vec<usize> = range.clone().filter(|row| self.is_left(*row)).collect();
        let now = self.dataset.times(range.end..range.end + 1).first().copied()?;
        let (mut items, mut features, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let (item, _, time) = self.dataset.interaction(row)?;
            let item = vocabulary.item_id(&self.dataset.vocabulary.item(item)?.handle);
            items.push(item);
            features.extend(vocabulary.item(item)?.features.iter().copied());
            times.push(time);
        }
        let feature_count = vocabulary.features().len();
        let read = History { item_ids: &items, feature_ids: &features, feature_count, times: &times };
        let history = history::encode(read, now, longest).ok()?;
        Some(EvaluationGroup { history, user, now, history_items: items, history_times: times, candidates: Vec::new() })
    }
}

impl InteractionSource for Rest<'_> {
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>> {
        let row = loop {
            match self.left.next() {
                Some(row) if self.is_left(row) => break row,
                Some(_) => {}
                None => {
                    let number = self.user.0 + 1;
                    if number >= self.dataset.users().len() {
                        return None;
                    }
                    self.user = (number, number.to_string());
                    self.left = self.dataset.user(number);
                }
            }
        };
        let (id, category, timestamp) = self.dataset.interaction(row)?;
        let weight = self.weights.next(id);
        let item = &self.dataset.vocabulary.item(id)?.handle;
        let categories = self.dataset.vocabulary.features().first()?;
        let category = (category as usize).checked_sub(1).and_then(|index| categories.values.get(index));
        let category = category.map_or(slirec_core::catalog::NO_CATEGORY, String::as_str);
        let event = Some(self.dataset.event(row));
        Some(Ok((Interaction { user: &self.user.1, item, timestamp, category, event }, weight)))
    }
}
