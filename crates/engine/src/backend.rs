//! What scores: kernels of our own where they know the model ([`fused`] SLi-Rec, [`ranking`] the ranking network), the graphs
//! in ONNX Runtime everywhere else ([`onnxruntime`]). Encoded histories and candidate ids enter, scores and explanations leave.
//!
//! What a backend prepares has types of its own, so that none meets what another one prepared.

pub(crate) mod fused;
mod initializers;
pub(crate) mod onnxruntime;
pub(crate) mod parity;
pub(crate) mod ranking;

use std::fmt::Debug;
use std::ops::Range;

use slirec_core::history::EncodedHistory;

use crate::candidates::{CandidateGraph, CandidateIds};
use crate::{EngineError, Explanations, Kernels, Precision};

/// Scores histories; one for each worker thread.
pub(crate) trait Backend: Sized + Debug + Send + 'static {
    /// Which code this is.
    const KERNELS: Kernels;
    /// One candidate in at least so many is copied to be scored alone; of more the others are scored in vain.
    const COPY_FROM: usize;
    /// Everything about candidates that does not depend on a history.
    type Candidates: PreparedCandidates;
    /// A history with everything that depends on it alone; workers may share it.
    type History: Debug + Send + Sync;
    /// The history once more with candidates that are to be scored approximately.
    type Approximate: Debug + Send + Sync;

    /// One more, for another worker or in the place of one that failed.
    fn another(&self) -> Result<Self, EngineError>;

    /// How all candidates of a large catalogue can be scored.
    fn precision(&self) -> Precision;

    /// Computes what depends on the candidates alone.
    fn prepare(&self, graph: &mut CandidateGraph, ids: &CandidateIds) -> Result<Self::Candidates, EngineError>;

    /// Computes what depends on the history alone.
    fn encode(&mut self, history: &EncodedHistory) -> Result<Self::History, EngineError>;

    /// Candidates of the blocks that a request is best cut into.
    fn block_size(candidates: usize, history: &Self::History) -> usize;

    /// Replaces `scores` by those of the candidates in `range`, which begins with a block.
    fn score_block(
        &mut self,
        history: &Self::History,
        candidates: &Self::Candidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError>;

    /// Why each of a few candidates got its score.
    fn explain(&mut self, history: &Self::History, candidates: &Self::Candidates) -> Result<Explanations, EngineError>;

    /// What approximate scores need; none where candidates are scored exactly only.
    fn approximate(&mut self, history: &Self::History, candidates: &Self::Candidates) -> Option<Self::Approximate>;

    /// Replaces `logits` by approximate ones of the candidates in `range`, which begins with a block. The greater, the better.
    fn approximate_block(
        &mut self,
        history: &Self::History,
        approximate: &Self::Approximate,
        range: Range<usize>,
        logits: &mut [f32],
    );

    /// Takes the memory of a history back.
    fn recycle(&mut self, _history: Self::History) {}

    /// Takes the memory of an approximate history back.
    fn recycle_approximate(&mut self, _approximate: Self::Approximate) {}

    /// A score for every candidate, in their order, on this thread.
    fn scores(&mut self, history: &Self::History, candidates: &Self::Candidates) -> Result<Vec<f32>, EngineError> {
        let mut scores = vec![f32::NAN; candidates.len()];
        let block = Self::block_size(candidates.len(), history);
        for (number, scores) in scores.chunks_mut(block).enumerate() {
            let start = number * block;
            self.score_block(history, candidates, start..start + scores.len(), scores)?;
        }
        Ok(scores)
    }
}

/// Candidates that a backend prepared.
pub(crate) trait PreparedCandidates: Debug + Send + Sync + 'static {
    /// Number of candidates.
    fn len(&self) -> usize;

    /// The given rows, in their order, to be scored exactly.
    fn select(&self, rows: &[usize]) -> Self;

    /// What tells the given rows apart, row by row, and how many values that are: for how alike they are.
    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize);

    /// False when a value is infinite or not a number.
    fn is_finite(&self) -> bool;
}
