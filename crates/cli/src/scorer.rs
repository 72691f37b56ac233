//! A bundle as a scorer, so that evaluation measures what is served: candidates enter by their ids, scores leave.

use slirec_engine::{BundleScorer, CandidateIds};
use slirec_train::evaluation::{ColumnScorer, Scorer};

/// Scores with a bundle.
pub(crate) fn scorer_of_bundle(mut bundle: BundleScorer) -> Box<dyn Scorer> {
    Box::new(ColumnScorer(move |history: &_, items, features| {
        Ok(bundle.score(history, &CandidateIds { items, features })?)
    }))
}
