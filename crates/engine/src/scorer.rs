//! What scores: kernels of our own where they know the model, the graphs in ONNX Runtime everywhere else. Encoded
//! histories and prepared candidates enter, scores and explanations leave.

use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::Bundle;
use slirec_core::history::EncodedHistory;
use slirec_kernels::bf16::Bf16Set;
use slirec_kernels::request::approximate::ApproximateCandidates;
pub(crate) use slirec_kernels::request::approximate::ApproximateHistory;
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::PreparedHistory as FusedHistory;

use crate::candidates::CandidateIds;
use crate::fused::{FusedModel, FusedScorer};
use crate::runtime::{ExecutionProvider, SessionMaker};
use crate::stock::{self, CandidateGraph, Columns, HistoryTensors, ScorerGraphs, StockScorer};
use crate::{EngineError, Explanation};

/// Candidates that go through the candidates graph at once: its results stay in the caches, and its memory in bounds.
pub(crate) const CANDIDATES_AT_ONCE: usize = 4_096;

/// Which code computes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// Kernels of our own, on the processor and for graphs that they know; everything else falls back to the other.
    #[default]
    Fused,
    /// The graphs in ONNX Runtime.
    Stock,
}

impl Kernels {
    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Stock => "stock",
        }
    }
}

/// How precisely all candidates of a large catalogue are scored; scores that leave are exact either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Every candidate in floats of 32 bits: the best are the best.
    #[default]
    F32,
    /// Every candidate roughly, in numbers of 16 bits, and those that may be among the best once more in floats of 32 bits.
    Bf16,
}

impl Precision {
    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// Everything about candidates that does not depend on a history.
#[derive(Debug, Clone)]
pub struct PreparedCandidates(Prepared);

#[derive(Debug, Clone)]
enum Prepared {
    Stock(Columns),
    Fused {
        exact: Candidates,
        /// The same candidates where they are to be scored roughly.
        approximate: Option<ApproximateCandidates>,
    },
}

impl PreparedCandidates {
    /// Number of candidates.
    pub fn len(&self) -> usize {
        match &self.0 {
            Prepared::Stock(columns) => columns.count,
            Prepared::Fused { exact, .. } => exact.len(),
        }
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when they can be scored roughly.
    pub(crate) fn have_approximate(&self) -> bool {
        matches!(&self.0, Prepared::Fused { approximate: Some(_), .. })
    }

    /// The given rows, in their order, to be scored exactly.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self(match &self.0 {
            Prepared::Stock(columns) => Prepared::Stock(columns.select(rows)),
            Prepared::Fused { exact, .. } => Prepared::Fused { exact: exact.select(rows), approximate: None },
        })
    }

    /// False when a value is infinite or not a number.
    pub(crate) fn is_finite(&self) -> bool {
        match &self.0 {
            Prepared::Stock(columns) => columns.is_finite(),
            Prepared::Fused { exact, .. } => exact.is_finite(),
        }
    }
}

/// A history with everything that depends on it alone; workers may share it.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each request, behind a pointer")]
pub(crate) enum PreparedHistory {
    Stock(HistoryTensors),
    Fused(FusedHistory),
}

impl PreparedHistory {
    /// Positions of the history.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Stock(history) => history.length(),
            Self::Fused(history) => history.length(),
        }
    }
}

/// Chooses between the two and makes what they need.
#[derive(Debug)]
pub(crate) struct Backend {
    candidates: CandidateGraph,
    fused: Option<Arc<FusedModel>>,
}

impl Backend {
    /// The wanted kernels if they know the model and agree with ONNX Runtime about it, with approximate scores if `bf16` says
    /// how; logs why not.
    pub(crate) fn choose(
        wanted: Kernels,
        bf16: Option<Bf16Set>,
        maker: &SessionMaker,
        bundle: &Bundle,
    ) -> Result<Self, EngineError> {
        let mut candidates = CandidateGraph::new(maker, bundle)?;
        if wanted == Kernels::Stock || maker.provider() != ExecutionProvider::Cpu {
            return Ok(Self { candidates, fused: None });
        }
        let fused = match FusedModel::recognise(bundle) {
            Err(unknown) => Err(unknown.to_string()),
            Ok(model) => {
                let model = Arc::new(model.with_approximate(bf16));
                let mut stock = StockScorer::new(&ScorerGraphs::of(bundle, maker))?;
                model.prove(bundle, &mut candidates, &mut stock)?.map(|()| model)
            }
        };
        match fused {
            Ok(model) => Ok(Self { candidates, fused: Some(model) }),
            Err(reason) => {
                tracing::warn!(reason, "the fused kernels cannot take this model, falling back to ONNX Runtime");
                Ok(Self { candidates, fused: None })
            }
        }
    }

    pub(crate) fn kernels(&self) -> Kernels {
        if self.fused.is_some() { Kernels::Fused } else { Kernels::Stock }
    }

    /// How all candidates of a large catalogue can be scored.
    pub(crate) fn precision(&self) -> Precision {
        match &self.fused {
            Some(model) if model.approximates() => Precision::Bf16,
            _ => Precision::F32,
        }
    }

    /// What makes the scorers.
    pub(crate) fn scorers(&self, maker: &SessionMaker, bundle: &Bundle) -> ScorerMaker {
        match &self.fused {
            Some(model) => ScorerMaker::Fused(Arc::clone(model)),
            None => ScorerMaker::Stock(ScorerGraphs::of(bundle, maker)),
        }
    }

    /// Computes what depends on the candidates alone.
    pub(crate) fn prepare(&mut self, ids: &CandidateIds) -> Result<PreparedCandidates, EngineError> {
        let features = ids.features.len() / ids.items.len().max(1);
        let parts = ids.items.chunks(CANDIDATES_AT_ONCE).zip((0..).step_by(CANDIDATES_AT_ONCE));
        let mut parts = parts.map(|(items, first)| {
            let features = ids.features.iter().skip(first * features).take(items.len() * features);
            (first, CandidateIds { items: items.to_vec(), features: features.copied().collect() })
        });
        let Some(model) = &self.fused else {
            let all =
                parts.try_fold(Columns::default(), |all, (_, part)| all.followed_by(self.candidates.prepare(&part)?));
            return Ok(PreparedCandidates(Prepared::Stock(all?)));
        };
        let mut prepared = model.room(ids.items.len());
        for (first, part) in parts {
            model.set(&mut prepared, first, &self.candidates.prepare(&part)?)?;
        }
        let approximate = model.approximates().then(|| ApproximateCandidates::new(&prepared));
        Ok(PreparedCandidates(Prepared::Fused { exact: prepared, approximate }))
    }
}

/// Makes scorers: one for each worker, and another where one has failed.
#[derive(Debug)]
pub(crate) enum ScorerMaker {
    Stock(ScorerGraphs),
    Fused(Arc<FusedModel>),
}

impl ScorerMaker {
    pub(crate) fn scorer(&self) -> Result<Scorer, EngineError> {
        Ok(match self {
            Self::Stock(graphs) => Scorer::Stock(StockScorer::new(graphs)?),
            Self::Fused(model) => Scorer::Fused(FusedScorer::new(model)),
        })
    }
}

/// Scores histories; one for each worker thread.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each worker thread")]
pub(crate) enum Scorer {
    Stock(StockScorer),
    Fused(FusedScorer),
}

impl Scorer {
    /// A score for every candidate, in their order.
    pub(crate) fn score(
        &mut self,
        history: &EncodedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let history = self.encode(history)?;
        self.score_encoded(&history, candidates)
    }

    /// Computes what depends on the history alone.
    pub(crate) fn encode(&mut self, history: &EncodedHistory) -> Result<PreparedHistory, EngineError> {
        Ok(match self {
            Self::Stock(scorer) => PreparedHistory::Stock(scorer.encode(history)?),
            Self::Fused(scorer) => PreparedHistory::Fused(scorer.encode(history)?),
        })
    }

    /// Takes the memory of a history back, unless another worker still holds it.
    pub(crate) fn recycle(&mut self, history: Arc<PreparedHistory>) {
        if let (Self::Fused(scorer), Ok(PreparedHistory::Fused(history))) = (self, Arc::try_unwrap(history)) {
            scorer.recycle(history);
        }
    }

    /// Takes the memory of an approximate history back.
    pub(crate) fn recycle_approximate(&mut self, history: ApproximateHistory) {
        if let Self::Fused(scorer) = self {
            scorer.recycle_approximate(history);
        }
    }

    /// A score for every candidate, in their order, on this thread.
    pub(crate) fn score_encoded(
        &mut self,
        history: &PreparedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        let mut scores = vec![f32::NAN; candidates.len()];
        let block = self.block_size(candidates.len(), history.length());
        for (number, scores) in scores.chunks_mut(block).enumerate() {
            let start = number * block;
            self.score_block(history, candidates, start..start + scores.len(), scores)?;
        }
        Ok(scores)
    }

    /// Candidates of the blocks that a request is best cut into.
    pub(crate) fn block_size(&self, candidates: usize, length: usize) -> usize {
        match self {
            Self::Stock(_) => stock::block_size(candidates, length),
            Self::Fused(_) => crate::fused::block_size(candidates),
        }
    }

    /// Replaces `scores` by those of the candidates in `range`.
    pub(crate) fn score_block(
        &mut self,
        history: &PreparedHistory,
        candidates: &PreparedCandidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        match (self, history, &candidates.0) {
            (Self::Stock(scorer), PreparedHistory::Stock(history), Prepared::Stock(candidates)) => {
                scorer.score_block(history, candidates, range, scores)
            }
            (Self::Fused(scorer), PreparedHistory::Fused(history), Prepared::Fused { exact, .. }) => {
                scorer.score_block(history, exact, range, scores);
                Ok(())
            }
            _ => Err(EngineError::OtherKernels),
        }
    }

    /// What approximate scores need of a history.
    pub(crate) fn approximate(&mut self, history: &PreparedHistory) -> Result<ApproximateHistory, EngineError> {
        match (self, history) {
            (Self::Fused(scorer), PreparedHistory::Fused(history)) => {
                scorer.approximate(history).ok_or(EngineError::OtherKernels)
            }
            _ => Err(EngineError::OtherKernels),
        }
    }

    /// Replaces `scores` by approximate ones of the candidates in `range`, as logits: the greater, the better.
    pub(crate) fn approximate_block(
        &mut self,
        (history, approximate): (&PreparedHistory, &ApproximateHistory),
        candidates: &PreparedCandidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        match (self, history, &candidates.0) {
            (
                Self::Fused(scorer),
                PreparedHistory::Fused(history),
                Prepared::Fused { approximate: Some(candidates), .. },
            ) => scorer.approximate_block((history, approximate), candidates, range, scores),
            _ => Err(EngineError::OtherKernels),
        }
    }

    /// Why each of a few candidates got its score.
    pub(crate) fn explain(
        &mut self,
        history: &PreparedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<Explanation>, EngineError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        match (self, history, &candidates.0) {
            (Self::Stock(scorer), PreparedHistory::Stock(history), Prepared::Stock(candidates)) => {
                scorer.explain(history, candidates)
            }
            (Self::Fused(scorer), PreparedHistory::Fused(history), Prepared::Fused { exact, .. }) => {
                Ok(scorer.explain(history, exact))
            }
            _ => Err(EngineError::OtherKernels),
        }
    }
}
