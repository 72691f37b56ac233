//! The graphs at work in ONNX Runtime: an encoded history is scored against prepared candidates in blocks.
//!
//! What the scores graph takes is whatever the other two graphs give under the same names: a model with further parts needs
//! no other engine. On a card candidates stay where it has its memory: only the history goes up, and only scores come
//! down. The history graph runs on the processor all the same: its steps are small and one waits for the other.

mod candidates;

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ort::memory::AllocationDevice;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Tensor};
use slirec_core::bundle::{Bundle, HISTORY_GRAPH, Network, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;

use super::{Backend, PreparedCandidates, ShortlistSearch};
use crate::candidates::{CandidateGraph, CandidateIds, Columns};
use crate::order::TakingPart;
use crate::runtime::SessionMaker;
use crate::shortlist::Shortlist;
use crate::tensors::{failed_in, floats_of_length, missing, signed};
use crate::{EngineError, ExecutionProvider, Explanations, Kernels};
use candidates::{Residence, StockCandidates};

/// Candidate × position pairs of a block: its `[n, L, 80]` intermediate is then half a megabyte and stays in the
/// second-level cache.
const PAIRS_IN_BLOCK: usize = 1600;
/// Candidates of a block on a card, whatever the history: many, as each block takes launches of kernels and a wait, and
/// few enough that the intermediate of SLi-Rec stays at a gigabyte for 50 views. Not measured yet.
const CANDIDATES_ON_CARD: usize = 1 << 16;

/// What the history graph computed for one history.
#[derive(Debug)]
pub(crate) struct HistoryTensors {
    length: usize,
    /// Candidates of a block, where that does not depend on the length.
    block: Option<usize>,
    /// By the names that the scores graph asks for.
    values: Vec<(String, DynValue)>,
}

/// The graphs of a bundle, for as many scorers as are asked for.
#[derive(Debug)]
struct Graphs {
    maker: SessionMaker,
    /// Where candidates stay, unless that is where they are.
    residence: Option<Residence>,
    history: Vec<u8>,
    scores: Vec<u8>,
    feature_count: usize,
    /// Attributes of shoppers.
    user_features: usize,
    network: Network,
}

/// Both graphs of a request, loaded.
pub(crate) struct OnnxRuntime {
    graphs: Arc<Graphs>,
    history: Session,
    scores: Session,
    /// What the scores graph takes.
    score_inputs: Vec<String>,
    /// Leaves out what only explanations need.
    only_scores: RunOptions<HasSelectedOutputs>,
}

impl fmt::Debug for OnnxRuntime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OnnxRuntime").field("score_inputs", &self.score_inputs).finish_non_exhaustive()
    }
}

impl OnnxRuntime {
    pub(crate) fn new(maker: &SessionMaker, bundle: &Bundle) -> Result<Self, EngineError> {
        let residence = match maker.provider() {
            ExecutionProvider::Cuda => Some(Residence { device: AllocationDevice::CUDA, block: CANDIDATES_ON_CARD }),
            ExecutionProvider::Cpu => None,
        };
        Self::with_residence(maker, bundle, residence)
    }

    fn with_residence(
        maker: &SessionMaker,
        bundle: &Bundle,
        residence: Option<Residence>,
    ) -> Result<Self, EngineError> {
        Self::of_graphs(Arc::new(Graphs {
            residence,
            maker: maker.clone(),
            history: bundle.history_graph.clone(),
            scores: bundle.scores_graph.clone(),
            feature_count: bundle.manifest.model.features.len(),
            user_features: bundle.manifest.model.user_features.len(),
            network: bundle.manifest.model.network,
        }))
    }

    fn of_graphs(graphs: Arc<Graphs>) -> Result<Self, EngineError> {
        let scores = graphs.maker.session(SCORES_GRAPH, &graphs.scores)?;
        // Another graph in its place is told here by its own name, not by what it asks of the others.
        if !scores.outputs().iter().any(|output| output.name() == "scores") {
            return Err(missing(SCORES_GRAPH, "scores"));
        }
        let outputs = OutputSelector::no_default().with("scores");
        Ok(Self {
            history: graphs.maker.processor().session(HISTORY_GRAPH, &graphs.history)?,
            score_inputs: scores.inputs().iter().map(|input| input.name().to_owned()).collect(),
            scores,
            only_scores: RunOptions::new().map_err(failed_in(SCORES_GRAPH))?.with_outputs(outputs),
            graphs,
        })
    }
}

impl Backend for OnnxRuntime {
    const KERNELS: Kernels = Kernels::OnnxRuntime;
    type Candidates = StockCandidates;
    type History = HistoryTensors;
    type Query = Infallible;

    fn another(&self) -> Result<Self, EngineError> {
        Self::of_graphs(Arc::clone(&self.graphs))
    }

    fn prepare(&self, graph: &mut CandidateGraph, ids: &CandidateIds) -> Result<StockCandidates, EngineError> {
        let columns = graph.parts(ids).try_fold(Columns::default(), |all, part| all.followed_by(part?.1))?;
        StockCandidates::new(columns, self.graphs.residence.as_ref()).map_err(failed_in(SCORES_GRAPH))
    }

    fn encode(&mut self, history: &EncodedHistory) -> Result<HistoryTensors, EngineError> {
        let (length, failed) = (history.len(), failed_in(HISTORY_GRAPH));
        let features = ([length, self.graphs.feature_count], signed(&history.feature_ids));
        let floats_of = |values: &[f32]| Tensor::from_array(([values.len()], values.to_vec())).map_err(failed);
        let buckets_of = |buckets: &[u8]| {
            let buckets: Vec<i64> = buckets.iter().copied().map(i64::from).collect();
            Tensor::from_array(([buckets.len()], buckets)).map_err(failed)
        };
        let mut inputs = ort::inputs![
            "item_ids" => Tensor::from_array(([length], signed(&history.item_ids))).map_err(failed)?,
            "feature_ids" => Tensor::from_array(features).map_err(failed)?,
        ];
        inputs.extend(match self.graphs.network {
            Network::SliRec => ort::inputs![
                "time_from_first" => floats_of(&history.time_from_first)?,
                "time_to_now" => floats_of(&history.time_to_now)?,
                "last_slot_time_to_now" => floats_of(&[history.last_slot_time_to_now])?,
            ],
            Network::Ranking => ort::inputs![
                "gaps" => buckets_of(&history.gaps)?,
                "age" => buckets_of(&[history.age])?,
            ],
        });
        let count = self.graphs.user_features;
        if count > 0 {
            let mut ids = signed(&history.user_ids);
            ids.resize(count, 0);
            inputs.extend(ort::inputs!["user_ids" => Tensor::from_array(([count], ids)).map_err(failed)?]);
        }
        let encoded = self.history.run(inputs).map_err(failed)?;
        let residence = self.graphs.residence.as_ref();
        let mut values = Vec::with_capacity(encoded.len());
        for (name, value) in encoded {
            let value = match residence {
                Some(residence) => residence.bring(value).map_err(failed)?,
                None => value,
            };
            values.push((name.to_owned(), value));
        }
        Ok(HistoryTensors { length, block: residence.map(|residence| residence.block), values })
    }

    fn block_size(candidates: usize, history: &HistoryTensors) -> usize {
        history.block.unwrap_or_else(|| block_size(candidates, history.length))
    }

    fn score_block(
        &mut self,
        history: &HistoryTensors,
        candidates: &StockCandidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        let inputs = block_inputs(&self.score_inputs, history, candidates, range)?;
        let outputs = self.scores.run_with_options(inputs, &self.only_scores).map_err(failed_in(SCORES_GRAPH))?;
        scores.copy_from_slice(floats_of_length(SCORES_GRAPH, &outputs, "scores", scores.len())?);
        Ok(())
    }

    fn explain(&mut self, history: &HistoryTensors, candidates: &StockCandidates) -> Result<Explanations, EngineError> {
        let count = candidates.len();
        let inputs = block_inputs(&self.score_inputs, history, candidates, 0..count)?;
        let outputs = self.scores.run(inputs).map_err(failed_in(SCORES_GRAPH))?;
        let floats = |output, expected| floats_of_length(SCORES_GRAPH, &outputs, output, expected).map(<[f32]>::to_vec);
        Ok(Explanations::new(floats("long_term_share", count)?, floats("attention", count * history.length)?))
    }

    fn shortlist(&mut self, _: &HistoryTensors, _: &StockCandidates) -> Option<ShortlistSearch<Infallible>> {
        None
    }

    fn offer_block(
        &mut self,
        _: &HistoryTensors,
        _: &StockCandidates,
        never: &Infallible,
        _: Range<usize>,
        _: TakingPart<'_>,
        _: &mut Shortlist,
    ) {
        match *never {}
    }
}

/// Candidates of one block: blocks of equal size instead of full ones and a small rest.
pub(crate) fn block_size(candidates: usize, length: usize) -> usize {
    let largest = (PAIRS_IN_BLOCK / length.max(1)).max(1);
    candidates.div_ceil(candidates.div_ceil(largest).max(1)).max(1)
}

/// Each input of the scores graph: rows of a prepared column, or else a tensor of the history.
fn block_inputs<'a>(
    names: &'a [String],
    history: &'a HistoryTensors,
    candidates: &'a StockCandidates,
    range: Range<usize>,
) -> Result<Vec<(&'a str, SessionInputValue<'a>)>, EngineError> {
    let input = |name: &'a String| {
        let value = match candidates.input(name, &range) {
            Some(rows) => rows.map_err(failed_in(SCORES_GRAPH))?,
            None => {
                let value = history.values.iter().find(|(output, _)| output == name).map(|(_, value)| value);
                value.ok_or_else(|| missing(HISTORY_GRAPH, name))?.into()
            }
        };
        Ok((name.as_str(), value))
    };
    names.iter().map(input).collect()
}

#[cfg(test)]
mod tests;
