//! A bundle as a scorer, so that evaluation measures what is served: candidates enter by their ids, ONNX Runtime's
//! scores leave.

use slirec_engine::{BundleScorer, CandidateIds, PreparedCandidates};
use slirec_train::dataset::evaluation::Candidate;
use slirec_train::evaluation::{ScoreError, ScoreRequest, Scorer};

/// Scores with the graphs of a bundle.
#[derive(Debug)]
pub(crate) struct GraphScorer {
    scorer: BundleScorer,
    /// The last candidates, because full ranking asks for the same ones again and again.
    prepared: Option<(Vec<Candidate>, PreparedCandidates)>,
}

impl GraphScorer {
    pub(crate) fn new(scorer: BundleScorer) -> Self {
        Self { scorer, prepared: None }
    }
}

impl Scorer for GraphScorer {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let mut scores = Vec::with_capacity(requests.len());
        for request in requests {
            let known = self.prepared.take().filter(|(candidates, _)| candidates == request.candidates);
            let (candidates, prepared) = match known {
                Some(known) => known,
                None => {
                    let ids = CandidateIds {
                        items: request.candidates.iter().map(|candidate| candidate.item).collect(),
                        features: request.candidates.iter().flat_map(|candidate| candidate.features.clone()).collect(),
                    };
                    (request.candidates.to_vec(), self.scorer.prepare(&ids)?)
                }
            };
            scores.push(self.scorer.score(request.history, &prepared)?);
            self.prepared = Some((candidates, prepared));
        }
        Ok(scores)
    }
}
