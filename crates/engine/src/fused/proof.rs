//! The kernels against ONNX Runtime, before they may answer: made-up histories of many lengths and candidates from all over
//! the vocabulary are scored by both. Names of tensors say what a model is meant to be, this says that it is.

use std::sync::Arc;

use slirec_core::bundle::Bundle;
use slirec_core::history::{self, EncodedHistory, History};

use super::{FusedModel, FusedScorer};
use crate::candidates::CandidateIds;
use crate::stock::{CandidateGraph, Columns, StockScorer};
use crate::{EngineError, Explanation};

/// Both add in other orders; everything else is the same. Golden requests differ by less than a tenth of it.
const TOLERANCE: f32 = 1e-4;
/// Candidates of the proof at most: more than one block.
pub(crate) const CANDIDATES: usize = 101;
/// Lengths of its histories, as far as the model reads.
const LENGTHS: [usize; 8] = [1, 2, 3, 4, 7, 20, 49, 130];
const START: f64 = 1_790_000_000.0;

impl FusedModel {
    /// Compares scores and explanations; the inner error says where they differ.
    ///
    /// # Errors
    /// [`EngineError`] when ONNX Runtime fails.
    pub(crate) fn prove(
        self: &Arc<Self>,
        bundle: &Bundle,
        candidates: &mut CandidateGraph,
        stock: &mut StockScorer,
    ) -> Result<Result<(), String>, EngineError> {
        let columns = candidates.prepare(&spread_candidates(bundle))?;
        let mut room = self.room(columns.count);
        self.set(&mut room, 0, &columns)?;
        let mut fused = FusedScorer::new(self);
        for length in LENGTHS {
            let Ok(history) = made_up_history(bundle, length) else { continue };
            let encoded = fused.encode(&history)?;
            let mut scores = vec![f32::NAN; room.len()];
            fused.score_block(&encoded, &room, 0..room.len(), &mut scores);
            let explanations = fused.explain(&encoded, &room);
            let (expected, expected_explanations) = by_stock(stock, &history, &columns)?;
            let worst = worst_difference(&scores, &expected);
            // Written so that NaN is a difference too.
            let same = worst <= TOLERANCE && explained_alike(&explanations, &expected_explanations);
            if !same {
                let problem = format!("scores of a history of {length} differ by up to {worst}: expected {TOLERANCE}");
                return Ok(Err(problem));
            }
        }
        Ok(Ok(()))
    }
}

fn by_stock(
    stock: &mut StockScorer,
    history: &EncodedHistory,
    columns: &Columns,
) -> Result<(Vec<f32>, Vec<Explanation>), EngineError> {
    let encoded = stock.encode(history)?;
    let mut scores = vec![f32::NAN; columns.count];
    stock.score_block(&encoded, columns, 0..columns.count, &mut scores)?;
    Ok((scores, stock.explain(&encoded, columns)?))
}

/// NaN if there is one on either side alone.
fn worst_difference(left: &[f32], right: &[f32]) -> f32 {
    let differences = left.iter().zip(right).filter(|(left, right)| !(left.is_nan() && right.is_nan()));
    differences.map(|(left, right)| (left - right).abs()).max_by(f32::total_cmp).unwrap_or_default()
}

fn explained_alike(left: &[Explanation], right: &[Explanation]) -> bool {
    // An attention weight follows the differences of logits, whose rounding grows with them.
    let close = |difference: f32| difference <= 10.0 * TOLERANCE;
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            close((left.long_term_share - right.long_term_share).abs())
                && close(worst_difference(&left.attention, &right.attention))
        })
}

/// Items from all over the vocabulary, the default among them.
fn spread_candidates(bundle: &Bundle) -> CandidateIds {
    let items = bundle.vocabulary.items();
    let features = bundle.manifest.model.features.len();
    let mut ids = CandidateIds { items: vec![0], features: vec![0; features] };
    for (id, item) in (1..).zip(items).step_by(items.len().div_ceil(CANDIDATES - 1).max(1)) {
        ids.items.push(id);
        ids.features.extend(&item.features);
    }
    ids
}

fn made_up_history(bundle: &Bundle, length: usize) -> Result<EncodedHistory, history::HistoryError> {
    let shape = &bundle.manifest.model;
    let feature_count = shape.features.len();
    let mut item_ids = Vec::new();
    let mut feature_ids = Vec::new();
    for (id, item) in (1..).zip(bundle.vocabulary.items()).cycle().skip(length).step_by(length + 1).take(length) {
        item_ids.push(id);
        feature_ids.extend(&item.features);
    }
    // Minutes to weeks apart, and once backwards.
    let step = [60.0, 7_200.0, 86_400.0, 900_000.0, -3_600.0];
    let times = item_ids.iter().zip(step.iter().cycle());
    let times: Vec<f64> = times
        .scan(START, |time, (_, step)| {
            *time += step;
            Some(*time)
        })
        .collect();
    let now = times.last().copied().unwrap_or(START) + 3.0 * 86_400.0;
    let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count, times: &times };
    history::encode(whole, now, shape.longest_history)
}
