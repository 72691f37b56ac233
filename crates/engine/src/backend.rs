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
use crate::order::TakingPart;
use crate::shortlist::{Limits, Shortlist};
use crate::{EngineError, Explanations, Kernels};

/// Scores histories; one for each worker thread.
pub(crate) trait Backend: Sized + Debug + Send + 'static {
    /// Which code this is.
    const KERNELS: Kernels;
    /// Everything about candidates that does not depend on a history.
    type Candidates: PreparedCandidates;
    /// A history with everything that depends on it alone; workers may share it.
    type History: Debug + Send + Sync;
    /// What a history's shortlist is chosen with.
    type Query: Debug + Send + Sync;

    /// One more, for another worker or in the place of one that failed.
    fn another(&self) -> Result<Self, EngineError>;

    /// Computes what depends on the candidates alone.
    fn prepare(&self, graph: &mut CandidateGraph, ids: &CandidateIds) -> Result<Self::Candidates, EngineError>;

    /// As [`Backend::prepare`], for so many candidates that few of them are scored exactly, if the backend can tell which.
    /// What exact scores of all of them read is kept or, as it is large, made when they are asked for.
    fn prepare_many(
        &self,
        graph: &mut CandidateGraph,
        ids: &CandidateIds,
        _keep_rows: bool,
    ) -> Result<Self::Candidates, EngineError> {
        self.prepare(graph, ids)
    }

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

    /// What a shortlist of all candidates is chosen with; none where all of them are scored exactly.
    fn shortlist(
        &mut self,
        history: &Self::History,
        candidates: &Self::Candidates,
    ) -> Option<ShortlistSearch<Self::Query>>;

    /// Offers those of the candidates in `range`, which begins with a block, that take part and are not on every shortlist.
    fn offer_block(
        &mut self,
        history: &Self::History,
        candidates: &Self::Candidates,
        query: &Self::Query,
        range: Range<usize>,
        taking_part: TakingPart<'_>,
        shortlist: &mut Shortlist,
    );

    /// Takes the memory of a history back.
    fn recycle(&mut self, _history: Self::History) {}

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

/// How a shortlist is chosen for a history.
#[derive(Debug)]
pub(crate) struct ShortlistSearch<Q> {
    pub(crate) query: Q,
    pub(crate) limits: Limits,
    /// Rows that are on every shortlist, whatever the query says.
    pub(crate) always: Vec<usize>,
}

/// Candidates that a backend prepared.
pub(crate) trait PreparedCandidates: Debug + Send + Sync + 'static {
    /// Number of candidates.
    fn len(&self) -> usize;

    /// The given rows, in their order, to be scored exactly.
    ///
    /// # Errors
    /// [`EngineError`] when they cannot be made.
    fn select(&self, rows: &[usize]) -> Result<Self, EngineError>
    where
        Self: Sized;

    /// What tells the given rows apart, row by row, and how many values that are: for how alike they are.
    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize);

    /// False when a value is infinite or not a number.
    fn is_finite(&self) -> bool;
}
