//! A bundle's model in our own kernels: the weights of its graphs enter, scores leave, without ONNX Runtime.
//!
//! [`weights`] takes the model out of the graphs by the names of their tensors, `proof` compares it with ONNX Runtime
//! before it may answer anything.

mod proof;
mod weights;

use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::{CANDIDATES_GRAPH, HISTORY_GRAPH};
use slirec_core::history::EncodedHistory;
use slirec_kernels::bf16::Bf16Set;
use slirec_kernels::request;
use slirec_kernels::request::approximate::{self, ApproximateCandidates, ApproximateHistory, ApproximateScoring};
use slirec_kernels::request::candidates::{CandidateSizes, Candidates};
use slirec_kernels::request::history::{HistoryInputs, HistoryNetwork, PreparedHistory as FusedHistory, Scratch};
use slirec_kernels::request::scores::{Explained, Scoring};

use crate::stock::Columns;
use crate::{EngineError, Explanation};

pub(crate) use proof::CANDIDATES as CANDIDATES_OF_PROOF;

/// Candidates that one worker takes at a time: enough for the work to outweigh the taking and for the kernels to fetch ahead,
/// few enough that all workers end together.
pub(crate) fn block_size(candidates: usize) -> usize {
    (candidates / 128 / request::BLOCK).clamp(4, 16) * request::BLOCK
}

/// What each column of a prepared candidate is called, in the order of [`CandidateSizes`].
const COLUMNS: [&str; 5] = ["query", "attention_query", "mixing_query", "score_query", "transition_candidate"];

/// The time that the mixing gate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GateTime {
    /// Of the last slot of a history, 0 unless all of them are used.
    LastSlot,
    /// Of the last view.
    LastView,
}

/// A model that the kernels know.
#[derive(Debug)]
pub(crate) struct FusedModel {
    history: HistoryNetwork,
    gate_time: GateTime,
    scoring: Scoring,
    /// The same network in numbers of 16 bits, where that is wanted and pays.
    approximate: Option<ApproximateScoring>,
    sizes: CandidateSizes,
}

impl FusedModel {
    /// With approximate scores by these instructions, or without any.
    pub(crate) fn with_approximate(self, set: Option<Bf16Set>) -> Self {
        let approximate = set.map(|set| ApproximateScoring::new(set, &self.scoring));
        Self { approximate, ..self }
    }

    /// Whether it can score roughly.
    pub(crate) fn approximates(&self) -> bool {
        self.approximate.is_some()
    }

    /// Room for candidates.
    pub(crate) fn room(&self, count: usize) -> Candidates {
        Candidates::zeros(self.sizes, count)
    }

    /// Puts what the candidates graph gave into its places.
    pub(crate) fn set(&self, room: &mut Candidates, first: usize, columns: &Columns) -> Result<(), EngineError> {
        let values = COLUMNS.map(|name| columns.named(name));
        for ((values, name), size) in values.iter().zip(COLUMNS).zip(self.sizes.all()) {
            if values.len() != columns.count * size {
                return Err(EngineError::Output {
                    graph: CANDIDATES_GRAPH,
                    output: name.to_owned(),
                    found: format!("{} values", values.len()),
                    expected: format!("{size} values for each of {} candidates", columns.count),
                });
            }
        }
        room.set(first, values);
        Ok(())
    }
}

/// Scores histories; one for each worker thread.
#[derive(Debug)]
pub(crate) struct FusedScorer {
    model: Arc<FusedModel>,
    of_history: Scratch,
    of_block: request::scores::Scratch,
    of_approximate_block: approximate::Scratch,
    /// Memory of the last history.
    spare: Option<FusedHistory>,
    spare_approximate: Option<ApproximateHistory>,
}

impl FusedScorer {
    pub(crate) fn new(model: &Arc<FusedModel>) -> Self {
        Self {
            model: Arc::clone(model),
            of_history: Scratch::default(),
            of_block: request::scores::Scratch::default(),
            of_approximate_block: approximate::Scratch::default(),
            spare: None,
            spare_approximate: None,
        }
    }

    /// Computes what depends on the history alone.
    pub(crate) fn encode(&mut self, history: &EncodedHistory) -> Result<FusedHistory, EngineError> {
        let model = &self.model;
        let gate_time = match model.gate_time {
            GateTime::LastSlot => history.last_slot_time_to_now,
            GateTime::LastView => history.time_to_now.last().copied().unwrap_or_default(),
        };
        let inputs = HistoryInputs {
            items: &history.item_ids,
            features: &history.feature_ids,
            time_to_now: &history.time_to_now,
            time_from_first: &history.time_from_first,
            gate_time,
        };
        let mut encoded = self.spare.take().unwrap_or_default();
        model
            .history
            .encode(&inputs, &mut self.of_history, &mut encoded)
            .map_err(|id| EngineError::Session { graph: HISTORY_GRAPH, problem: id.to_string() })?;
        Ok(encoded)
    }

    /// Takes the memory of a history that nobody needs any more.
    pub(crate) fn recycle(&mut self, history: FusedHistory) {
        self.spare = Some(history);
    }

    /// Takes the memory of an approximate history that nobody needs any more.
    pub(crate) fn recycle_approximate(&mut self, history: ApproximateHistory) {
        self.spare_approximate = Some(history);
    }

    /// Replaces `scores` by those of the candidates in `range`, which begins with a block.
    pub(crate) fn score_block(
        &mut self,
        history: &FusedHistory,
        candidates: &Candidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) {
        self.model.scoring.scores(history, candidates, range, &mut self.of_block, scores);
    }

    /// What approximate scores need of a history; none where the model has none.
    pub(crate) fn approximate(&mut self, history: &FusedHistory) -> Option<ApproximateHistory> {
        let scoring = self.model.approximate.as_ref()?;
        let mut approximate = self.spare_approximate.take().unwrap_or_default();
        scoring.history(history, &mut approximate);
        Some(approximate)
    }

    /// Replaces `logits` by approximate ones of the candidates in `range`, which begins with a block.
    pub(crate) fn approximate_block(
        &mut self,
        histories: (&FusedHistory, &ApproximateHistory),
        candidates: &ApproximateCandidates,
        range: Range<usize>,
        logits: &mut [f32],
    ) -> Result<(), EngineError> {
        let scoring = self.model.approximate.as_ref().ok_or(EngineError::OtherKernels)?;
        scoring.logits(histories, candidates, range, &mut self.of_approximate_block, logits);
        Ok(())
    }

    /// Why each of a few candidates got its score.
    pub(crate) fn explain(&mut self, history: &FusedHistory, candidates: &Candidates) -> Vec<Explanation> {
        let length = history.length();
        let mut shares = vec![0.0; candidates.len()];
        let mut attention = vec![0.0; candidates.len() * length];
        let explained = Explained { attention: &mut attention, long_term_share: &mut shares };
        self.model.scoring.explain(history, candidates, &mut self.of_block, explained);
        let rows = shares.iter().zip(attention.chunks_exact(length));
        rows.map(|(share, row)| Explanation { long_term_share: *share, attention: row.to_vec() }).collect()
    }
}
