//! The three graphs at work in ONNX Runtime: candidate ids are prepared once, an encoded history is scored against them
//! in blocks.
//!
//! What the scores graph takes is whatever the other two graphs give under the same names: a model with further parts needs
//! no other engine.

use std::fmt;
use std::ops::Range;

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Tensor, TensorRef};
use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;

use crate::candidates::CandidateIds;
use crate::runtime::SessionMaker;
use crate::{EngineError, Explanation};

/// Candidate × position pairs of a block: its `[n, L, 80]` intermediate is then half a megabyte and stays in the
/// second-level cache.
const PAIRS_IN_BLOCK: usize = 1600;

/// What the candidates graph gives, column by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub(crate) count: usize,
    columns: Vec<Column>,
}

/// One output of the candidates graph.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    width: usize,
    values: Vec<f32>,
}

impl Columns {
    /// The values of a column, row by row, or nothing.
    pub(crate) fn named(&self, name: &str) -> &[f32] {
        self.columns.iter().find(|column| column.name == name).map_or(&[], |column| &column.values)
    }

    /// These candidates, and then those.
    ///
    /// # Errors
    /// [`EngineError::Output`] when they have other columns.
    pub(crate) fn followed_by(mut self, next: Self) -> Result<Self, EngineError> {
        if self.count == 0 {
            return Ok(next);
        }
        for column in &mut self.columns {
            let more = next.columns.iter().find(|more| more.name == column.name && more.width == column.width);
            column.values.extend_from_slice(&more.ok_or_else(|| missing(CANDIDATES_GRAPH, &column.name))?.values);
        }
        self.count += next.count;
        Ok(self)
    }

    /// The given rows, in their order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let select = |column: &Column| {
            let values = rows.iter().filter_map(|row| column.values.get(row * column.width..(row + 1) * column.width));
            Column { name: column.name.clone(), width: column.width, values: values.flatten().copied().collect() }
        };
        Self { count: rows.len(), columns: self.columns.iter().map(select).collect() }
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

    pub(crate) fn prepare(&mut self, ids: &CandidateIds) -> Result<Columns, EngineError> {
        let count = ids.items.len();
        if count == 0 {
            return Ok(Columns { count, columns: Vec::new() });
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
        Ok(Columns { count, columns })
    }
}

/// What the history graph computed for one history; workers may share it.
#[derive(Debug)]
pub(crate) struct HistoryTensors {
    length: usize,
    /// By the names that the scores graph asks for.
    values: Vec<(String, DynValue)>,
}

impl HistoryTensors {
    /// Positions of the history.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

/// The graphs of a scorer, for as many of them as are asked for.
#[derive(Debug)]
pub(crate) struct ScorerGraphs {
    maker: SessionMaker,
    history: Vec<u8>,
    scores: Vec<u8>,
    feature_count: usize,
}

impl ScorerGraphs {
    pub(crate) fn of(bundle: &Bundle, maker: &SessionMaker) -> Self {
        Self {
            maker: maker.clone(),
            history: bundle.history_graph.clone(),
            scores: bundle.scores_graph.clone(),
            feature_count: bundle.manifest.model.features.len(),
        }
    }
}

/// Scores histories; one for each worker thread.
pub(crate) struct StockScorer {
    history: Session,
    scores: Session,
    /// What the scores graph takes.
    score_inputs: Vec<String>,
    /// Leaves out what only explanations need.
    only_scores: RunOptions<HasSelectedOutputs>,
    feature_count: usize,
}

impl fmt::Debug for StockScorer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StockScorer").field("feature_count", &self.feature_count).finish_non_exhaustive()
    }
}

impl StockScorer {
    pub(crate) fn new(graphs: &ScorerGraphs) -> Result<Self, EngineError> {
        let failed = |error: ort::Error| session_error(SCORES_GRAPH, &error);
        let outputs = OutputSelector::no_default().with("scores");
        let scores = graphs.maker.session(SCORES_GRAPH, &graphs.scores)?;
        // Another graph in its place is told here by its own name, not by what it asks of the others.
        if !scores.outputs().iter().any(|output| output.name() == "scores") {
            return Err(missing(SCORES_GRAPH, "scores"));
        }
        Ok(Self {
            history: graphs.maker.session(HISTORY_GRAPH, &graphs.history)?,
            score_inputs: scores.inputs().iter().map(|input| input.name().to_owned()).collect(),
            scores,
            only_scores: RunOptions::new().map_err(failed)?.with_outputs(outputs),
            feature_count: graphs.feature_count,
        })
    }

    /// Runs the history graph.
    pub(crate) fn encode(&mut self, history: &EncodedHistory) -> Result<HistoryTensors, EngineError> {
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
        Ok(HistoryTensors {
            length,
            values: encoded.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        })
    }

    /// Replaces `scores` by those of the candidates in `range`.
    pub(crate) fn score_block(
        &mut self,
        history: &HistoryTensors,
        candidates: &Columns,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        let count = scores.len();
        let inputs = block_inputs(&self.score_inputs, history, candidates, range)?;
        let outputs = self
            .scores
            .run_with_options(inputs, &self.only_scores)
            .map_err(|error| session_error(SCORES_GRAPH, &error))?;
        scores.copy_from_slice(floats_of_length(&outputs, "scores", count)?);
        Ok(())
    }

    /// Why each of a few candidates got its score.
    pub(crate) fn explain(
        &mut self,
        history: &HistoryTensors,
        candidates: &Columns,
    ) -> Result<Vec<Explanation>, EngineError> {
        let inputs = block_inputs(&self.score_inputs, history, candidates, 0..candidates.count)?;
        let outputs = self.scores.run(inputs).map_err(|error| session_error(SCORES_GRAPH, &error))?;
        let shares = floats_of_length(&outputs, "long_term_share", candidates.count)?;
        let attention = floats_of_length(&outputs, "attention", candidates.count * history.length)?;
        let rows = shares.iter().zip(attention.chunks_exact(history.length.max(1)));
        Ok(rows.map(|(share, row)| Explanation { long_term_share: *share, attention: row.to_vec() }).collect())
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
    candidates: &'a Columns,
    range: Range<usize>,
) -> Result<Vec<(&'a str, SessionInputValue<'a>)>, EngineError> {
    let count = range.len();
    let input = |name: &'a String| {
        let Some(column) = candidates.columns.iter().find(|column| column.name == *name) else {
            let value = history.values.iter().find(|(output, _)| output == name).map(|(_, value)| value);
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
