//! The three graphs at work: candidate ids are prepared once, an encoded history is scored against them in blocks.

use std::fmt;
use std::ops::Range;

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Tensor, TensorRef};
use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;

use crate::runtime::SessionMaker;
use crate::{EngineError, Explanation};

/// Candidate × position pairs of a block: its `[n, L, 80]` intermediate is then half a megabyte and stays in the
/// second-level cache.
const PAIRS_IN_BLOCK: usize = 1600;

/// What the candidates graph computes, by the names that the scores graph asks for.
const PREPARED: [&str; 4] = ["query", "attention_query", "mixing_query", "score_query"];

/// What the history graph computes.
const ENCODED: [&str; 5] = ["states", "attention_history", "product_weights", "long_term", "mixing_history"];

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
    columns: [Column; 4],
}

#[derive(Debug, Clone)]
struct Column {
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
        let columns = self.columns.each_ref().map(|column| {
            let values = rows.iter().filter_map(|row| column.values.get(row * column.width..(row + 1) * column.width));
            Column { width: column.width, values: values.flatten().copied().collect() }
        });
        Self { count: rows.len(), columns }
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
            return Ok(PreparedCandidates {
                count,
                columns: PREPARED.map(|_| Column { width: 0, values: Vec::new() }),
            });
        }
        let failed = |error: ort::Error| session_error(CANDIDATES_GRAPH, &error);
        let inputs = ort::inputs![
            "item_ids" => Tensor::from_array(([count], signed(&ids.items))).map_err(failed)?,
            "feature_ids" => Tensor::from_array(([count, self.feature_count], signed(&ids.features))).map_err(failed)?,
        ];
        let outputs = self.session.run(inputs).map_err(failed)?;
        let mut columns = Vec::with_capacity(PREPARED.len());
        for name in PREPARED {
            let values = floats(CANDIDATES_GRAPH, &outputs, name)?;
            let wrong = || EngineError::Output {
                graph: CANDIDATES_GRAPH,
                output: name,
                found: format!("{} values", values.len()),
                expected: format!("a row for each of {count} candidates"),
            };
            if values.len() % count != 0 || values.is_empty() {
                return Err(wrong());
            }
            columns.push(Column { width: values.len() / count, values: values.to_vec() });
        }
        let columns = columns.try_into().map_err(|_| EngineError::Worker)?;
        Ok(PreparedCandidates { count, columns })
    }
}

/// What the history graph computed for one history; workers may share it.
#[derive(Debug)]
pub(crate) struct HistoryTensors {
    length: usize,
    values: [DynValue; 5],
}

impl HistoryTensors {
    /// Positions of the history.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

/// Scores histories; one for each worker thread.
pub(crate) struct Scorer {
    history: Session,
    scores: Session,
    /// Leaves out what only explanations need.
    only_scores: RunOptions<HasSelectedOutputs>,
    feature_count: usize,
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
        Ok(Self {
            history: maker.session(HISTORY_GRAPH, &bundle.history_graph)?,
            scores: maker.session(SCORES_GRAPH, &bundle.scores_graph)?,
            only_scores: RunOptions::new().map_err(failed)?.with_outputs(outputs),
            feature_count: bundle.manifest.model.features.len(),
        })
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
        let mut encoded = self.history.run(inputs).map_err(failed)?;
        let values = ENCODED.map(|name| encoded.remove(name).ok_or_else(|| missing(HISTORY_GRAPH, name)));
        let [states, attention, products, long_term, mixing] = values;
        Ok(HistoryTensors { length, values: [states?, attention?, products?, long_term?, mixing?] })
    }

    /// A score for every candidate, in their order, on this thread.
    pub(crate) fn score_encoded(
        &mut self,
        history: &HistoryTensors,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        let mut scores = Vec::with_capacity(candidates.count);
        let block = block_size(candidates.count, history.length);
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
        let inputs = block_inputs(history, candidates, range)?;
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
        let inputs = block_inputs(history, candidates, 0..candidates.count)?;
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

fn block_inputs<'a>(
    history: &'a HistoryTensors,
    candidates: &'a PreparedCandidates,
    range: Range<usize>,
) -> Result<Vec<(&'static str, SessionInputValue<'a>)>, EngineError> {
    let count = range.len();
    let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(PREPARED.len() + ENCODED.len());
    for (name, column) in PREPARED.into_iter().zip(&candidates.columns) {
        let rows = column.values.get(range.start * column.width..range.end * column.width).unwrap_or_default();
        let view = TensorRef::from_array_view(([count, column.width], rows))
            .map_err(|error| session_error(SCORES_GRAPH, &error))?;
        inputs.push((name, view.into()));
    }
    inputs.extend(ENCODED.into_iter().zip(history.values.iter().map(Into::into)));
    Ok(inputs)
}

fn floats_of_length<'a>(
    outputs: &'a SessionOutputs<'_>,
    output: &'static str,
    expected: usize,
) -> Result<&'a [f32], EngineError> {
    let values = floats(SCORES_GRAPH, outputs, output)?;
    if values.len() != expected {
        return Err(EngineError::Output {
            graph: SCORES_GRAPH,
            output,
            found: format!("{} values", values.len()),
            expected: format!("{expected} values"),
        });
    }
    Ok(values)
}

fn floats<'a>(
    graph: &'static str,
    outputs: &'a SessionOutputs<'_>,
    output: &'static str,
) -> Result<&'a [f32], EngineError> {
    let value = outputs.get(output).ok_or_else(|| missing(graph, output))?;
    let (_, values) = value.try_extract_tensor::<f32>().map_err(|error| session_error(graph, &error))?;
    Ok(values)
}

fn missing(graph: &'static str, output: &'static str) -> EngineError {
    EngineError::Output { graph, output, found: "missing".to_owned(), expected: "a tensor of floats".to_owned() }
}

fn session_error(graph: &'static str, error: &ort::Error) -> EngineError {
    EngineError::Session { graph, problem: error.to_string() }
}

fn signed(ids: &[u32]) -> Vec<i64> {
    ids.iter().map(|id| i64::from(*id)).collect()
}
