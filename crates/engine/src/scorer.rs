//! The three graphs at work: candidate ids are prepared once, an encoded history is scored against them in blocks.

use ort::session::{Session, SessionOutputs};
use ort::value::{Tensor, TensorRef};
use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;

use crate::EngineError;
use crate::runtime::SessionMaker;

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

/// Scores histories; one for each worker thread.
#[derive(Debug)]
pub(crate) struct Scorer {
    history: Session,
    scores: Session,
    feature_count: usize,
}

impl Scorer {
    pub(crate) fn new(maker: &SessionMaker, bundle: &Bundle) -> Result<Self, EngineError> {
        Ok(Self {
            history: maker.session(HISTORY_GRAPH, &bundle.history_graph)?,
            scores: maker.session(SCORES_GRAPH, &bundle.scores_graph)?,
            feature_count: bundle.manifest.model.features.len(),
        })
    }

    /// A score for every candidate, in their order.
    pub(crate) fn score(
        &mut self,
        history: &EncodedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        let mut scores = Vec::with_capacity(candidates.count);
        if candidates.count == 0 {
            return Ok(scores);
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
        let block = (PAIRS_IN_BLOCK / length.max(1)).max(1);
        // Blocks of equal size instead of full ones and a small rest.
        let blocks = candidates.count.div_ceil(block);
        let block = candidates.count.div_ceil(blocks);
        for start in (0..candidates.count).step_by(block) {
            let count = block.min(candidates.count - start);
            score_block(&mut self.scores, &encoded, candidates, start, count, &mut scores)?;
        }
        Ok(scores)
    }
}

fn score_block(
    session: &mut Session,
    encoded: &SessionOutputs<'_>,
    candidates: &PreparedCandidates,
    start: usize,
    count: usize,
    scores: &mut Vec<f32>,
) -> Result<(), EngineError> {
    let failed = |error: ort::Error| session_error(SCORES_GRAPH, &error);
    let mut inputs: Vec<(&str, ort::session::SessionInputValue<'_>)> = Vec::with_capacity(9);
    for (name, column) in PREPARED.into_iter().zip(&candidates.columns) {
        let rows = column.values.get(start * column.width..(start + count) * column.width).unwrap_or_default();
        let view = TensorRef::from_array_view(([count, column.width], rows)).map_err(failed)?;
        inputs.push((name, view.into()));
    }
    for name in ENCODED {
        let value = encoded.get(name).ok_or_else(|| missing(HISTORY_GRAPH, name))?;
        inputs.push((name, value.into()));
    }
    let outputs = session.run(inputs).map_err(failed)?;
    let values = floats(SCORES_GRAPH, &outputs, "scores")?;
    if values.len() != count {
        return Err(EngineError::Output {
            graph: SCORES_GRAPH,
            output: "scores",
            found: format!("{} values", values.len()),
            expected: format!("{count} values"),
        });
    }
    scores.extend_from_slice(values);
    Ok(())
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
