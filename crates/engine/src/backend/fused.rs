//! A bundle's model in our own kernels: the weights of its graphs enter, scores leave, without ONNX Runtime.
//!
//! [`weights`] takes the model out of the graphs by the names of their tensors, [`super::parity`] compares it with ONNX
//! Runtime before it may answer anything.

mod weights;

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH};
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemLookup;
use slirec_kernels::request;
use slirec_kernels::request::candidates::{CandidateSizes, Candidates};
use slirec_kernels::request::history::{self, HistoryInputs, HistoryNetwork, PreparedHistory};
use slirec_kernels::request::scores::{self, Explained, Scoring};

use super::onnxruntime::OnnxRuntime;
use super::{Backend, PreparedCandidates, ShortlistSearch, parity};
use crate::candidates::{CandidateGraph, CandidateIds};
use crate::order::TakingPart;
use crate::shortlist::Shortlist;
use crate::{EngineError, Explanations, Kernels};

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
struct FusedModel {
    history: HistoryNetwork,
    gate_time: GateTime,
    scoring: Scoring,
    sizes: CandidateSizes,
}

/// Our own kernels with the memory of one worker.
#[derive(Debug)]
pub(crate) struct Fused {
    model: Arc<FusedModel>,
    of_history: history::Scratch,
    of_block: scores::Scratch,
    /// Memory of the last history.
    spare: Option<PreparedHistory>,
}

impl Fused {
    /// The kernels, if they know the model and agree with ONNX Runtime about it; logs why not.
    pub(crate) fn agreeing(
        bundle: &Bundle,
        lookup: &ItemLookup,
        graph: &mut CandidateGraph,
        onnxruntime: &mut OnnxRuntime,
    ) -> Result<Option<Self>, EngineError> {
        let fused = FusedModel::recognise(bundle).map(|model| Self::of_model(Arc::new(model)));
        parity::agreeing(fused, onnxruntime, graph, bundle, lookup)
    }

    fn of_model(model: Arc<FusedModel>) -> Self {
        Self { model, of_history: history::Scratch::default(), of_block: scores::Scratch::default(), spare: None }
    }
}

impl Backend for Fused {
    const KERNELS: Kernels = Kernels::Fused;
    type Candidates = Candidates;
    type History = PreparedHistory;
    type Query = Infallible;

    fn another(&self) -> Result<Self, EngineError> {
        Ok(Self::of_model(Arc::clone(&self.model)))
    }

    fn prepare(&self, graph: &mut CandidateGraph, ids: &CandidateIds) -> Result<Candidates, EngineError> {
        let mut candidates = Candidates::zeros(self.model.sizes, ids.items.len());
        for part in graph.parts(ids) {
            let (first, columns) = part?;
            let values = COLUMNS.map(|name| columns.named(name));
            for ((values, name), size) in values.iter().zip(COLUMNS).zip(self.model.sizes.all()) {
                if values.len() != columns.count * size {
                    return Err(EngineError::Output {
                        graph: CANDIDATES_GRAPH,
                        output: name.to_owned(),
                        found: format!("{} values", values.len()),
                        expected: format!("{size} values for each of {} candidates", columns.count),
                    });
                }
            }
            candidates.set(first, values);
        }
        Ok(candidates)
    }

    fn encode(&mut self, history: &EncodedHistory) -> Result<PreparedHistory, EngineError> {
        let gate_time = match self.model.gate_time {
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
        let mut prepared = self.spare.take().unwrap_or_default();
        let encoded = self.model.history.encode(&inputs, &mut self.of_history, &mut prepared);
        encoded.map_err(|id| EngineError::Session { graph: HISTORY_GRAPH, problem: id.to_string() })?;
        Ok(prepared)
    }

    /// Enough for the work to outweigh the taking and for the kernels to fetch ahead, few enough that all workers end
    /// together.
    fn block_size(candidates: usize, _: &PreparedHistory) -> usize {
        (candidates / 128 / request::BLOCK).clamp(4, 16) * request::BLOCK
    }

    fn score_block(
        &mut self,
        history: &PreparedHistory,
        candidates: &Candidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        self.model.scoring.scores(history, candidates, range, &mut self.of_block, scores);
        Ok(())
    }

    fn explain(&mut self, history: &PreparedHistory, candidates: &Candidates) -> Result<Explanations, EngineError> {
        let mut shares = vec![0.0; candidates.len()];
        let mut attention = vec![0.0; candidates.len() * history.length()];
        let explained = Explained { attention: &mut attention, long_term_share: &mut shares };
        self.model.scoring.explain(history, candidates, &mut self.of_block, explained);
        Ok(Explanations::new(shares, attention))
    }

    fn shortlist(&mut self, _: &PreparedHistory, _: &Candidates) -> Option<ShortlistSearch<Infallible>> {
        None
    }

    fn offer_block(
        &mut self,
        _: &PreparedHistory,
        _: &Candidates,
        never: &Infallible,
        _: Range<usize>,
        _: TakingPart<'_>,
        _: &mut Shortlist,
    ) {
        match *never {}
    }

    fn recycle(&mut self, history: PreparedHistory) {
        self.spare = Some(history);
    }
}

impl PreparedCandidates for Candidates {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn select(&self, rows: &[usize]) -> Result<Self, EngineError> {
        Ok(Self::select(self, rows))
    }

    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize) {
        self.queries(rows)
    }

    fn is_finite(&self) -> bool {
        Self::is_finite(self)
    }
}
