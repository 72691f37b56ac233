//! What is measured: a dataset, or groups from elsewhere, enter; rows without those that cannot be measured leave, with
//! where they come from.

use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::Vocabulary;

use crate::baselines::Fitted;
use crate::dataset::evaluation::{EvaluationGroup, Sampling};
use crate::dataset::{Dataset, DatasetError, Split};
use crate::evaluation::{RankedGroup, RowProgress, ScoreError, Seen, rank_by_baseline};
use crate::run::Run;

/// Rows to measure.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Name of the set.
    pub set: String,
    /// Rows that there are.
    pub rows: usize,
    /// Seed of the sample, where not all are measured.
    pub sample_seed: Option<u64>,
    /// Rows to measure.
    pub groups: Vec<EvaluationGroup>,
    /// Rows of the sample that [`Seen::Remove`] leaves out.
    pub left_out: usize,
    /// What ids mean.
    pub vocabulary: &'a Vocabulary,
    /// Views that the model reads.
    pub longest_history: usize,
    /// What becomes of a history's items.
    pub seen: Seen,
    /// Where titles of products stand.
    pub catalog: Option<&'a Catalog>,
}

impl<'a> Subject<'a> {
    /// Rows of a dataset's split.
    ///
    /// # Errors
    /// [`DatasetError`] when the negatives do not fit the rows.
    pub fn of_dataset(
        dataset: &'a Dataset,
        split: Split,
        longest_history: usize,
        (sampling, seen): (Sampling, Seen),
    ) -> Result<Self, DatasetError> {
        let groups = dataset.sampled_groups(split, longest_history, sampling)?;
        let rows = dataset.rows(split);
        Ok(Self::new(split.name().to_owned(), &dataset.vocabulary, groups, rows, longest_history, (sampling, seen)))
    }

    /// Rows of a dataset with the vocabulary of a run, as the run's network reads them.
    ///
    /// # Errors
    /// As for [`Subject::of_dataset`].
    pub fn of_run(run: &Run, dataset: &'a Dataset, split: Split, sampling: Sampling) -> Result<Self, DatasetError> {
        Self::of_dataset(dataset, split, run.hyperparameters.model.longest_history, (sampling, Seen::Keep))
    }

    /// Groups that were drawn from `rows` rows.
    pub fn new(
        set: String,
        vocabulary: &'a Vocabulary,
        mut groups: Vec<EvaluationGroup>,
        rows: usize,
        longest_history: usize,
        (sampling, seen): (Sampling, Seen),
    ) -> Self {
        let drawn = groups.len();
        groups.retain(|group| seen.measures(group));
        Self {
            set,
            rows,
            sample_seed: (drawn < rows).then_some(sampling.seed),
            left_out: drawn - groups.len(),
            groups,
            vocabulary,
            longest_history,
            seen,
            catalog: None,
        }
    }

    /// Titles from a catalogue.
    #[must_use]
    pub fn titled(mut self, catalog: Option<&'a Catalog>) -> Self {
        self.catalog = catalog;
        self
    }

    /// The rows ranked by a baseline.
    pub(super) fn ranked_by(
        &self,
        fitted: &Fitted,
        progress: &mut RowProgress<'_>,
    ) -> Result<Vec<RankedGroup>, ScoreError> {
        let rows = self.vocabulary.item_rows();
        rank_by_baseline(fitted.baseline.as_ref(), &self.groups, rows, self.seen, progress)
    }

    /// Title of an item, or else its handle.
    pub fn title(&self, item: u32) -> String {
        let Some(item) = self.vocabulary.item(item) else { return "(never seen in training)".to_owned() };
        let product = self.catalog.and_then(|catalog| catalog.product(&item.handle));
        product.map_or_else(|| item.handle.clone(), |product| product.title.clone())
    }
}
