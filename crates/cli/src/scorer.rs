//! A bundle as a scorer, so that evaluation measures what is served: candidates enter by their ids, scores leave.

use slirec_engine::{BundleScorer, CandidateIds};
use slirec_train::evaluation::{ScoreError, ScoreRequest, Scorer};

/// Scores with a bundle.
#[derive(Debug)]
pub(crate) struct ScorerOfBundle(pub(crate) BundleScorer);

impl Scorer for ScorerOfBundle {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let score = |request: &ScoreRequest<'_>| {
            let candidates = CandidateIds {
                items: request.candidates.iter().map(|candidate| candidate.item).collect(),
                features: request.candidates.iter().flat_map(|candidate| &candidate.features).copied().collect(),
            };
            Ok(self.0.score(request.history, &candidates)?)
        };
        requests.iter().map(score).collect()
    }
}
