//! Baselines that a model must beat to be worth deploying: a dataset enters, scorers leave that count its training
//! interactions, with the options that its validation rows choose. All of them score all items of the vocabulary.

mod blend;
mod counted;
mod ease;
mod inverse;
mod neighbours;
mod own;
mod popularity;
mod sparse;
mod transitions;
mod tuning;

use std::sync::Arc;

use crate::dataset::evaluation::{SAMPLE_SEED, Sampling};
use crate::dataset::{Dataset, Split};
use crate::evaluation::{Baseline, ScoreError, Seen};

use counted::Counted;
pub(crate) use transitions::{NextItemCounts, NextItems};
use tuning::Tuning;

/// How often an item was viewed in training; over the last days, `popularity 7 d` and `popularity 30 d`.
pub const POPULARITY: &str = "popularity";
/// What followed the history's last item.
pub const CO_OCCURRENCE: &str = "co-occurrence";
/// What followed the history's last items, older ones and greater distances for less.
pub const TRANSITIONS: &str = "transitions";
/// What the sessions nearest to the history's last items hold.
pub const NEIGHBOURS: &str = "V-SKNN";
/// The shopper's own views, by number and recency.
pub const OWN_FREQUENCY: &str = "own frequency";
/// The linear model of items by items.
pub const EASE: &str = "EASE";

/// The best blend of two of the others, on one scale.
pub const BLEND: &str = "blend";

/// Validation rows that options are chosen on: at most, and at least where there are so many.
const TUNED_ON: [usize; 2] = [1_000, 200];
/// Scores that an option costs at most: of many items, fewer rows choose.
const TUNED_SCORES: usize = 10_000_000;

/// Popularity below one count, which decides between equal scores.
const TIE: f64 = 1e-3;

/// A baseline with the options that the validation rows chose.
#[derive(Clone)]
pub struct Fitted {
    /// One of the constants here; popularity of some days with them.
    pub name: String,
    /// The options, for people; empty where there are none.
    pub options: String,
    /// NDCG@10 on the validation rows.
    pub valid_ndcg_10: f64,
    /// Seconds that choosing took.
    pub seconds: f64,
    /// The scorer.
    pub baseline: Arc<dyn Baseline>,
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fitted").field("name", &self.name).field("options", &self.options).finish()
    }
}

/// Called with what is tried next; an error ends the work.
pub type FitProgress<'a> = dyn FnMut(&str) -> Result<(), ScoreError> + 'a;

/// Fits all baselines to a dataset, the blend of two last.
///
/// # Errors
/// `DatasetError` when the negatives do not fit the rows; what the progress answers.
pub fn fit(dataset: &Dataset, seen: Seen, progress: &mut FitProgress<'_>) -> Result<Vec<Fitted>, ScoreError> {
    progress("counting the training interactions")?;
    let counted = Arc::new(Counted::of(dataset));
    // Baselines read whole histories: the encoded ones are not needed.
    let [most, least] = TUNED_ON;
    let most = (TUNED_SCORES / dataset.vocabulary.item_rows()).clamp(least, most);
    let mut groups = dataset.sampled_groups(Split::Valid, 1, Sampling { most, seed: SAMPLE_SEED })?;
    groups.retain(|group| seen.measures(group));
    let mut tuning = Tuning { counted: &counted, groups: &groups, seen, progress };
    let mut fitted = tuning.single()?;
    fitted.extend(tuning.blend(&fitted)?);
    Ok(fitted)
}
