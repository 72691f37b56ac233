//! The golden requests of a bundle: what training recorded enters, agreement or the first difference leaves.

use std::sync::Arc;

use slirec_core::bundle::GoldenRequest;
use slirec_core::parity::compare_golden;

use super::Recommender;
use crate::EngineError;
use crate::backend::{Backend, PreparedCandidates};

impl<B: Backend> Recommender<B> {
    /// Compares the answers with those that training recorded.
    pub(crate) fn check_golden(&mut self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        for (number, request) in (1..).zip(&shared.model.manifest.golden_requests) {
            let wrong = |problem: String| EngineError::Golden { request: number, problem };
            let row_of = |handle: &str| {
                let product = shared.model.catalog.position(handle);
                let row = product.and_then(|product| shared.model.row(product));
                row.ok_or_else(|| wrong(format!("`{handle}` is not a candidate")))
            };
            let rows = request.top.iter().map(|expected| row_of(&expected.handle)).collect::<Result<Vec<_>, _>>()?;
            // Of many candidates, those alone: the others' values are finite.
            let scores = match shared.many {
                true => self.scores_of_golden((number, request), &shared.prepared.select(&rows)?)?,
                false => self.scores_of_golden((number, request), &shared.prepared)?,
            };
            let scores = scores.ok_or_else(|| wrong("has no known item: expected at least one".to_owned()))?;
            if let Some(spoiled) = scores.iter().find(|score| !score.is_finite()) {
                return Err(wrong(format!("has a score of {spoiled}: expected finite scores")));
            }
            for (place, (row, expected)) in rows.into_iter().zip(&request.top).enumerate() {
                let score = scores.get(if shared.many { place } else { row }).copied().unwrap_or(f32::NAN);
                compare_golden(score, expected).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Scores of candidates; none for a history without a known item.
    fn scores_of_golden(
        &mut self,
        (number, request): (usize, &GoldenRequest),
        candidates: &B::Candidates,
    ) -> Result<Option<Vec<f32>>, EngineError> {
        let model = Arc::clone(&self.shared.model);
        let handles = request.items.iter().map(String::as_str);
        let resolved = model.lookup.encode(handles, &request.timestamps, request.now, model.longest_history())?;
        let Some(resolved) = resolved else { return Ok(None) };
        let user = model.users.find(None, request.user.iter().map(|(name, value)| (name.as_str(), value)));
        let user = user.map_err(|error| EngineError::Golden { request: number, problem: error.to_string() })?;
        let history = self.backend.encode(&resolved.encoded.of_user(&user.ids))?;
        self.backend.scores(&history, candidates).map(Some)
    }
}
