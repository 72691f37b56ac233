//! Two backends on one bundle, before the first may answer: made-up histories of many lengths and candidates from all over
//! the vocabulary are scored by both. Names of tensors say what a model is meant to be, this says that it is.

use slirec_core::bundle::Bundle;
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::{self, Difference, TOLERANCE};

use super::Backend;
use super::initializers::Unknown;
use super::onnxruntime::OnnxRuntime;
use crate::candidates::{CandidateGraph, CandidateIds};
use crate::{EngineError, Explanations};

/// Candidates at most: more than one block.
pub(crate) const CANDIDATES: usize = 101;
/// Histories, one of each length.
const HISTORIES: usize = 10;

/// A backend that took the model out of a bundle's graphs, if it agrees with ONNX Runtime about it; logs why not.
///
/// # Errors
/// [`EngineError`] when a backend fails.
pub(super) fn agreeing<B: Backend>(
    recognised: Result<B, Unknown>,
    onnxruntime: &mut OnnxRuntime,
    graph: &mut CandidateGraph,
    bundle: &Bundle,
    lookup: &ItemLookup,
) -> Result<Option<B>, EngineError> {
    let agreed = match recognised {
        Err(unknown) => Err(unknown.to_string()),
        Ok(mut backend) => compare(&mut backend, onnxruntime, graph, bundle, lookup)?.map(|()| backend),
    };
    Ok(agreed.map_or_else(
        |reason| {
            tracing::warn!(reason, "the fused kernels cannot take this model, falling back to ONNX Runtime");
            None
        },
        Some,
    ))
}

/// Compares scores and explanations; the inner error says where they differ.
///
/// # Errors
/// [`EngineError`] when a backend fails.
fn compare(
    found: &mut impl Backend,
    expected: &mut impl Backend,
    graph: &mut CandidateGraph,
    bundle: &Bundle,
    lookup: &ItemLookup,
) -> Result<Result<(), String>, EngineError> {
    let ids = spread_candidates(bundle);
    let candidates = (found.prepare(graph, &ids)?, expected.prepare(graph, &ids)?);
    let longest = bundle.manifest.model.longest_history;
    for history in parity::made_up_histories(&bundle.vocabulary, lookup, longest).take(HISTORIES) {
        let histories = (found.encode(&history.encoded)?, expected.encode(&history.encoded)?);
        let scores = (found.scores(&histories.0, &candidates.0)?, expected.scores(&histories.1, &candidates.1)?);
        let explained = (found.explain(&histories.0, &candidates.0)?, expected.explain(&histories.1, &candidates.1)?);
        let same = parity::compare(&scores.0, &scores.1, TOLERANCE).and_then(|_| compare_explanations(&explained));
        if let Err(difference) = same {
            return Ok(Err(format!("a history of {} views: {difference}", history.items.len())));
        }
    }
    Ok(Ok(()))
}

/// An attention weight follows the differences of logits, whose rounding grows with them.
fn compare_explanations((found, expected): &(Explanations, Explanations)) -> Result<f32, Difference> {
    parity::compare(found.long_term_shares(), expected.long_term_shares(), 10.0 * TOLERANCE)?;
    parity::compare(found.attention(), expected.attention(), 10.0 * TOLERANCE)
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
