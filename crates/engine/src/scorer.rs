//! The three graphs at work: candidate ids are prepared once, an encoded history is scored against them in blocks.
//!
//! On the processor fused kernels may take the place of the history and scores graphs ([`crate::fused`]).
//!
//! What the scores graph takes is whatever the other two graphs give under the same names: a model with further parts needs
//! no other engine.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Tensor, TensorRef};
use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;
use slirec_kernels::serving::{Encoded, Workspace};

use crate::fused::FusedModel;
use crate::runtime::SessionMaker;
use crate::{EngineError, Explanation};

/// Candidate × position pairs of a block: its `[n, L, 80]` intermediate is then half a megabyte and stays in the
/// second-level cache.
const PAIRS_IN_BLOCK: usize = 1600;

/// Candidates of a block for the fused kernels, which keep nothing of a pair but its logit.
const FUSED_BLOCK: usize = 2_400;

/// Ids of candidates, as columns.
#[derive(Debug, Clone, Default)]
pub struct CandidateIds {
    /// Vocabulary ids of the items, `[N]`.
    pub items: Vec<u32>,
    /// Vocabulary ids of the features, `[N, F]` row by row.
    pub features: Vec<u32>,
}

/// Everything about candidates that does not depend on a history.
#[derive(Debug, Clone)]
pub struct PreparedCandidates {
    count: usize,
    columns: Vec<Column>,
}

/// One output of the candidates graph.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    width: usize,
    values: Vec<f32>,
}

impl PreparedCandidates {
    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The given rows, in their order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let select = |column: &Column| {
            let values = rows.iter().filter_map(|row| column.values.get(row * column.width..(row + 1) * column.width));
            Column { name: column.name.clone(), width: column.width, values: values.flatten().copied().collect() }
        };
        Self { count: rows.len(), columns: self.columns.iter().map(select).collect() }
    }

    /// Rows of a column.
    pub(crate) fn rows(&self, name: &'static str, start: usize, count: usize) -> Result<&[f32], EngineError> {
        let column = self.columns.iter().find(|column| column.name == name);
        let rows = column.and_then(|column| column.values.get(start * column.width..(start + count) * column.width));
        rows.ok_or_else(|| missing(CANDIDATES_GRAPH, name))
    }

    /// False when a value is infinite or not a number.
    pub(crate) fn is_finite(&self) -> bool {
        self.columns.iter().all(|column| column.values.iter().all(|value| value.is_finite()))
    }
}

/// Computes what depends on the candidates alone.
#[derive(Debug)]
pub(crate) struct CandidateGraph {
    session: Session,
    feature_count: usize,
}

impl CandidateGraph {
    pub(crate) fn new(maker: &SessionMaker, bundle: &Bundle) -> Result<Self, EngineError> {
        let session = maker.session(CANDIDATES_GRAPH, &bundle.candidates_graph)?;
        Ok(Self { session, feature_count: bundle.manifest.model.features.len() })
    }

    pub(crate) fn prepare(&mut self, ids: &CandidateIds) -> Result<PreparedCandidates, EngineError> {
        let count = ids.items.len();
        if count == 0 {
            return Ok(PreparedCandidates { count, columns: Vec::new() });
        }
        let names: Vec<String> = self.session.outputs().iter().map(|output| output.name().to_owned()).collect();
        let failed = |error: ort::Error| session_error(CANDIDATES_GRAPH, &error);
        let inputs = ort::inputs![
            "item_ids" => Tensor::from_array(([count], signed(&ids.items))).map_err(failed)?,
            "feature_ids" => Tensor::from_array(([count, self.feature_count], signed(&ids.features))).map_err(failed)?,
        ];
        let outputs = self.session.run(inputs).map_err(failed)?;
        let column = |name: String| {
            let values = floats(CANDIDATES_GRAPH, &outputs, &name)?;
            if values.len() % count != 0 || values.is_empty() {
                let found = format!("{} values", values.len());
                let expected = format!("a row for each of {count} candidates");
                return Err(EngineError::Output { graph: CANDIDATES_GRAPH, output: name, found, expected });
            }
            Ok(Column { name, width: values.len() / count, values: values.to_vec() })
        };
        let columns = names.into_iter().map(column).collect::<Result<_, _>>()?;
        Ok(PreparedCandidates { count, columns })
    }
}

/// What was computed for one history; workers may share it.
#[derive(Debug)]
pub(crate) enum HistoryTensors {
    /// By the history graph: its outputs by the names that the scores graph asks for.
    Stock {
        /// Positions of the history.
        length: usize,
        /// Outputs of the graph.
        values: Vec<(String, DynValue)>,
    },
    /// By the fused kernels.
    Fused(Encoded),
}

/// Scores histories; one for each worker thread.
pub(crate) struct Scorer {
    history: Session,
    scores: Session,
    /// What the scores graph takes.
    score_inputs: Vec<String>,
    /// Leaves out what only explanations need.
    only_scores: RunOptions<HasSelectedOutputs>,
    feature_count: usize,
    /// Takes the place of both graphs.
    fused: Option<Arc<FusedModel>>,
    workspace: Workspace,
}

impl fmt::Debug for Scorer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scorer").field("feature_count", &self.feature_count).finish_non_exhaustive()
    }
}

impl Scorer {
    pub(crate) fn new(maker: &SessionMaker, bundle: &Bundle) -> Result<Self, EngineError> {
        let failed = |error: ort::Error| session_error(SCORES_GRAPH, &error);
        let outputs = OutputSelector::no_default().with("scores");
        let scores = maker.session(SCORES_GRAPH, &bundle.scores_graph)?;
        // Another graph in its place is told here by its own name, not by what it asks of the others.
        if !scores.outputs().iter().any(|output| output.name() == "scores") {
            return Err(missing(SCORES_GRAPH, "scores"));
        }
        Ok(Self {
            history: maker.session(HISTORY_GRAPH, &bundle.history_graph)?,
            score_inputs: scores.inputs().iter().map(|input| input.name().to_owned()).collect(),
            scores,
            only_scores: RunOptions::new().map_err(failed)?.with_outputs(outputs),
            feature_count: bundle.manifest.model.features.len(),
            fused: None,
            workspace: Workspace::default(),
        })
    }

    /// From now on the kernels score, or the graphs.
    pub(crate) fn use_fused(&mut self, fused: Option<Arc<FusedModel>>) {
        self.fused = fused;
    }

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
    pub(crate) fn encode(&mut self, history: &EncodedHistory) -> Result<HistoryTensors, EngineError> {
        if let Some(fused) = &self.fused {
            return Ok(HistoryTensors::Fused(fused.encode(history)?));
        }
        let length = history.len();
        let failed = |error: ort::Error| session_error(HISTORY_GRAPH, &error);
        let floats_of = |values: &[f32]| Tensor::from_array(([values.len()], values.to_vec())).map_err(failed);
        let inputs = ort::inputs![
            "item_ids" => Tensor::from_array(([length], signed(&history.item_ids))).map_err(failed)?,
            "feature_ids" => Tensor::from_array(([length, self.feature_count], signed(&history.feature_ids))).map_err(failed)?,
            "time_from_first" => floats_of(&history.time_from_first)?,
            "time_to_now" => floats_of(&history.time_to_now)?,
            "last_slot_time_to_now" => floats_of(&[history.last_slot_time_to_now])?,
        ];
        let encoded = self.history.run(inputs).map_err(failed)?;
        Ok(HistoryTensors::Stock {
            length,
            values: encoded.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        })
    }

    /// A score for every candidate, in their order, on this thread.
    pub(crate) fn score_encoded(
        &mut self,
        history: &HistoryTensors,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        let mut scores = Vec::with_capacity(candidates.count);
        let block = block_size(candidates.count, history);
        for start in (0..candidates.count).step_by(block) {
            let range = start..(start + block).min(candidates.count);
            self.score_block(history, candidates, range, &mut scores)?;
        }
        Ok(scores)
    }

    /// Appends the scores of the candidates in `range`.
    pub(crate) fn score_block(
        &mut self,
        history: &HistoryTensors,
        candidates: &PreparedCandidates,
        range: Range<usize>,
        scores: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        let count = range.len();
        if let HistoryTensors::Fused(history) = history {
            let first = scores.len();
            scores.resize(first + count, f32::NAN);
            let fused = self.fused.as_ref().ok_or(EngineError::Worker)?;
            let scores = scores.get_mut(first..).unwrap_or_default();
            return fused.score(history, candidates, range.start, &mut self.workspace, scores);
        }
        let inputs = block_inputs(&self.score_inputs, history, candidates, range)?;
        let outputs = self
            .scores
            .run_with_options(inputs, &self.only_scores)
            .map_err(|error| session_error(SCORES_GRAPH, &error))?;
        scores.extend_from_slice(floats_of_length(&outputs, "scores", count)?);
        Ok(())
    }

    /// Why each of a few candidates got its score.
    pub(crate) fn explain(
        &mut self,
        history: &HistoryTensors,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<Explanation>, EngineError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let length = match history {
            HistoryTensors::Stock { length, .. } => *length,
            HistoryTensors::Fused(history) => {
                let fused = self.fused.as_ref().ok_or(EngineError::Worker)?;
                return fused.explain(history, candidates, &mut self.workspace);
            }
        };
        let inputs = block_inputs(&self.score_inputs, history, candidates, 0..candidates.count)?;
        let outputs = self.scores.run(inputs).map_err(|error| session_error(SCORES_GRAPH, &error))?;
        let shares = floats_of_length(&outputs, "long_term_share", candidates.count)?;
        let attention = floats_of_length(&outputs, "attention", candidates.count * length)?;
        let rows = shares.iter().zip(attention.chunks_exact(length.max(1)));
        Ok(rows.map(|(share, row)| Explanation { long_term_share: *share, attention: row.to_vec() }).collect())
    }
}

/// Candidates of one block: blocks of equal size instead of full ones and a small rest.
pub(crate) fn block_size(candidates: usize, history: &HistoryTensors) -> usize {
    let largest = match history {
        HistoryTensors::Stock { length, .. } => (PAIRS_IN_BLOCK / (*length).max(1)).max(1),
        HistoryTensors::Fused(_) => FUSED_BLOCK,
    };
    candidates.div_ceil(candidates.div_ceil(largest).max(1)).max(1)
}

/// Each input of the scores graph: rows of a prepared column, or else a tensor of the history.
fn block_inputs<'a>(
    names: &'a [String],
    history: &'a HistoryTensors,
    candidates: &'a PreparedCandidates,
    range: Range<usize>,
) -> Result<Vec<(&'a str, SessionInputValue<'a>)>, EngineError> {
    let count = range.len();
    let outputs = match history {
        HistoryTensors::Stock { values, .. } => values.as_slice(),
        HistoryTensors::Fused(_) => &[],
    };
    let input = |name: &'a String| {
        let Some(column) = candidates.columns.iter().find(|column| column.name == *name) else {
            let value = outputs.iter().find(|(output, _)| output == name).map(|(_, value)| value);
            let value = value.ok_or_else(|| missing(HISTORY_GRAPH, name))?;
            return Ok((name.as_str(), value.into()));
        };
        let rows = column.values.get(range.start * column.width..range.end * column.width).unwrap_or_default();
        let view = TensorRef::from_array_view(([count, column.width], rows))
            .map_err(|error| session_error(SCORES_GRAPH, &error))?;
        Ok((name.as_str(), view.into()))
    };
    names.iter().map(input).collect()
}

fn floats_of_length<'a>(
    outputs: &'a SessionOutputs<'_>,
    output: &str,
    expected: usize,
) -> Result<&'a [f32], EngineError> {
    let values = floats(SCORES_GRAPH, outputs, output)?;
    if values.len() != expected {
        return Err(EngineError::Output {
            graph: SCORES_GRAPH,
            output: output.to_owned(),
            found: format!("{} values", values.len()),
            expected: format!("{expected} values"),
        });
    }
    Ok(values)
}

fn floats<'a>(graph: &'static str, outputs: &'a SessionOutputs<'_>, output: &str) -> Result<&'a [f32], EngineError> {
    let value = outputs.get(output).ok_or_else(|| missing(graph, output))?;
    let (_, values) = value.try_extract_tensor::<f32>().map_err(|error| session_error(graph, &error))?;
    Ok(values)
}

fn missing(graph: &'static str, output: &str) -> EngineError {
    let (found, expected) = ("missing".to_owned(), "a tensor of floats".to_owned());
    EngineError::Output { graph, output: output.to_owned(), found, expected }
}

fn session_error(graph: &'static str, error: &ort::Error) -> EngineError {
    EngineError::Session { graph, problem: error.to_string() }
}

fn signed(ids: &[u32]) -> Vec<i64> {
    ids.iter().map(|id| i64::from(*id)).collect()
}
