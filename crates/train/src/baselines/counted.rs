//! What the baselines count from: a dataset enters, its training interactions leave, in the arrangements that counting
//! needs. Nothing here knows of validation and test rows.

use std::ops::Range;

use crate::dataset::{Dataset, Division};

/// The training interactions of a dataset.
#[derive(Debug)]
pub(super) struct Counted {
    /// Ids of the vocabulary, with the default item's.
    pub(super) rows: usize,
    /// Items of all users, one user behind the other.
    pub(super) items: Vec<u32>,
    /// The range of each user.
    pub(super) users: Vec<Range<usize>>,
    /// Training interactions of each id.
    pub(super) popularity: Vec<f64>,
    /// Popularity below 1, to decide between equals.
    pub(super) share_of_top: Vec<f64>,
    /// Time and item of all interactions, by time.
    pub(super) events: Vec<(f64, u32)>,
    /// With a cut in time, nothing from it on is known, however late a prediction is made.
    pub(super) last_known: Option<f64>,
    /// Positions in `items` of each id, one id behind the other, and where each begins.
    positions: Vec<u32>,
    starts: Vec<usize>,
}

impl Counted {
    /// Gathers the training interactions.
    pub(super) fn of(dataset: &Dataset) -> Self {
        let rows = dataset.vocabulary.item_rows();
        let (mut items, mut events, mut users) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..dataset.users().len() {
            let range = dataset.train_range(user);
            let start = items.len();
            items.extend_from_slice(dataset.items(range.clone()));
            events.extend(dataset.times(range.clone()).iter().copied().zip(dataset.items(range).iter().copied()));
            users.push(start..items.len());
        }
        events.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut popularity = vec![0.0; rows];
        for (count, item) in popularity.iter_mut().skip(1).zip(dataset.vocabulary.items()) {
            *count = item.interactions as f64;
        }
        let most = popularity.iter().copied().fold(0.0, f64::max) + 1.0;
        let last_known = match dataset.manifest.split {
            Division::Last => None,
            Division::Time { .. } => events.last().map(|(time, _)| time + 1.0),
        };
        let (positions, starts) = positions(&items, rows);
        let share_of_top = popularity.iter().map(|count| count / most).collect();
        Self { rows, items, users, popularity, share_of_top, events, last_known, positions, starts }
    }

    /// Items of the vocabulary.
    pub(super) fn item_count(&self) -> usize {
        self.rows.saturating_sub(1)
    }

    /// Where an item stands in `items`.
    pub(super) fn positions(&self, item: usize) -> &[u32] {
        let range = self.starts.get(item).zip(self.starts.get(item + 1));
        range.and_then(|(start, end)| self.positions.get(*start..*end)).unwrap_or_default()
    }

    /// The user of every position.
    pub(super) fn user_of(&self) -> Vec<u32> {
        // As many users as 32-bit names.
        (0..).zip(&self.users).flat_map(|(user, range)| std::iter::repeat_n(user, range.len())).collect()
    }
}

/// Positions by id, by counting.
fn positions(items: &[u32], rows: usize) -> (Vec<u32>, Vec<usize>) {
    let mut starts = vec![0_usize; rows + 1];
    for item in items {
        if let Some(count) = starts.get_mut(*item as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut next = starts.clone();
    let mut positions = vec![0; items.len()];
    for (position, item) in (0..).zip(items) {
        let Some(next) = next.get_mut(*item as usize) else { continue };
        if let Some(place) = positions.get_mut(*next) {
            *place = position;
        }
        *next += 1;
    }
    (positions, starts)
}

/// The last `last` items of a history, newest first, each with its weight: 1, then `decay`, `decay`², …
pub(super) fn recent(history: &[u32], last: usize, decay: f64) -> impl Iterator<Item = (usize, f64)> + '_ {
    let mut weight = 1.0;
    history.iter().rev().take(last).map(move |item| {
        let own = weight;
        weight *= decay;
        (*item as usize, own)
    })
}
