//! The ranking network as three ONNX graphs: its weights and the vocabulary enter, the bytes of the graph files leave.
//!
//! | graph | takes | gives |
//! |---|---|---|
//! | `candidates.onnx` | `item_ids`, `feature_ids` | what a query meets: `embedding`, `bias` and the id, `item` |
//! | `history.onnx` | `item_ids`, `feature_ids`, `gaps`, `age`, of models with attributes of users `user_ids` | `query`, the views and neighbours that add to a logit, `normaliser` |
//! | `scores.onnx` | all of these | `scores`, and for explanations `attention` and `long_term_share` |
//!
//! Ids that are compared are floats: below 2^24 they are exact.

mod candidates;
mod gap_lstm;
mod history;
mod logits;
mod normaliser;
mod scores;

use slirec_core::history::GAP_BUCKETS;
use slirec_core::vocabulary::Vocabulary;

use super::Graphs;
use crate::weights::{Weights, WeightsError};

/// Last views that the transitions start from.
const RECENT: usize = 5;

/// Sizes of a ranking network, as its weights have them.
struct Sizes {
    /// Width of an embedding and of every state, D.
    width: usize,
    /// Positions of a history.
    longest: usize,
    /// Neighbours of each item among the co-occurrences, K, and last views that they are of, R; none without them.
    neighbours: Option<[usize; 2]>,
}

/// Builds all three graphs of the ranking network. The scores are normalised over all items, or of large
/// vocabularies over a fixed part.
///
/// # Errors
/// [`WeightsError`] for the first weight that is missing, has another shape or is not finite.
pub fn build_ranking(weights: &Weights, vocabulary: &Vocabulary, longest: usize) -> Result<Graphs, WeightsError> {
    let sizes = check(weights, vocabulary, longest)?;
    Ok(Graphs {
        candidates: candidates::build(&sizes, weights, vocabulary)?,
        history: history::build(&sizes, weights, vocabulary)?,
        scores: scores::build(&sizes, weights)?,
    })
}

/// Whether all weights are there, in their shapes.
fn check(weights: &Weights, vocabulary: &Vocabulary, longest: usize) -> Result<Sizes, WeightsError> {
    let second = |name: &str| weights.get(name).and_then(|array| array.shape.get(1)).copied();
    let width = second("embedding.item").unwrap_or_default();
    let rows = vocabulary.item_rows();
    for (feature, rows) in vocabulary.features().iter().zip(vocabulary.feature_rows()) {
        expect(weights, &format!("embedding.{}", feature.name), &[rows, width])?;
    }
    for (feature, rows) in vocabulary.user_features().iter().zip(vocabulary.user_feature_rows()) {
        expect(weights, &format!("user.{}", feature.name), &[rows, width])?;
    }
    for (name, shape) in [
        ("embedding.item", &[rows, width][..]),
        ("transition.from", &[rows, width]),
        ("transition.to", &[rows, width]),
        ("item.bias", &[rows]),
        ("time_lstm.input", &[width, 4 * width]),
        ("time_lstm.recurrent", &[width, 4 * width]),
        ("time_lstm.gaps", &[GAP_BUCKETS, 4 * width]),
        ("time_lstm.bias", &[4 * width]),
        ("short_term.weight", &[width, width]),
        ("short_term.bias", &[width]),
        ("long_term.query", &[width]),
        ("now", &[GAP_BUCKETS, width]),
        ("gate.weight", &[3 * width, width]),
        ("gate.bias", &[width]),
        ("mixing.weight", &[3 * width, width]),
        ("mixing.bias", &[width]),
        ("last_view.weight", &[width, width]),
        ("transition.recent", &[RECENT]),
        ("repeat.distance", &[longest]),
        ("repeat.age", &[GAP_BUCKETS]),
        ("score.temperature", &[1]),
    ] {
        expect(weights, name, shape)?;
    }
    let mut neighbours = None;
    if let Some(count) = second("cooccurrence.items") {
        let recent = weights.required("cooccurrence.recent")?.values.len();
        expect(weights, "cooccurrence.items", &[rows, count])?;
        expect(weights, "cooccurrence.weights", &[rows, count])?;
        expect(weights, "cooccurrence.recent", &[recent])?;
        expect(weights, "cooccurrence.scale", &[1])?;
        neighbours = Some([count, recent]);
    }
    Ok(Sizes { width, longest, neighbours })
}

fn expect(weights: &Weights, name: &str, shape: &[usize]) -> Result<(), WeightsError> {
    let found = weights.get(name);
    let array = found.filter(|array| array.shape == shape && !shape.contains(&0));
    let array = array.ok_or_else(|| WeightsError::Shape {
        name: name.to_owned(),
        found: found.map_or("none".to_owned(), |array| format!("shape {:?}", array.shape)),
        expected: shape.to_vec(),
    })?;
    match array.values.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(WeightsError::NotFinite(name.to_owned())),
    }
}
