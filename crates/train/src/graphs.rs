//! The model as three ONNX graphs: trained weights enter, the bytes of the graph files leave.
//!
//! The model is split where the candidate comes in, so that each part runs as seldom as it can:
//!
//! | graph | runs | result |
//! |---|---|---|
//! | `candidates.onnx` | once per catalogue | the candidates' embeddings and everything that depends on them alone |
//! | `history.onnx` | once per request | the LSTM's states and everything that depends on the history alone |
//! | `scores.onnx` | per block of candidates | a score for each |
//!
//! The two hot parts are functions of the file (`slirec.TimeLstm`, `slirec.CandidateAttention`), written in standard
//! operators: any runtime inlines them, an engine with faster kernels can replace them by name. The ranking network has
//! graphs of its own under the same names.

mod candidates;
mod dense;
mod functions;
mod history;
mod ranking;
mod scores;

pub use ranking::build_ranking;

use slirec_core::vocabulary::Vocabulary;

use crate::hyperparameters::{ModelHyperparameters, NetworkKind};
use crate::weights::{Weights, WeightsError};

/// The bytes of the three graph files.
#[derive(Debug, Clone)]
pub struct Graphs {
    /// `candidates.onnx`
    pub candidates: Vec<u8>,
    /// `history.onnx`
    pub history: Vec<u8>,
    /// `scores.onnx`
    pub scores: Vec<u8>,
}

/// Builds all three graphs of a network of these sizes.
///
/// # Errors
/// [`WeightsError`] for a weight that is missing or misshapen.
pub fn build(sizes: &ModelHyperparameters, weights: &Weights, vocabulary: &Vocabulary) -> Result<Graphs, WeightsError> {
    match sizes.network {
        NetworkKind::Ranking => build_ranking(weights, vocabulary, sizes.longest_history),
        NetworkKind::SliRec => Ok(Graphs {
            candidates: candidates::build(sizes, weights)?,
            history: history::build(sizes, weights)?,
            scores: scores::build(sizes, weights)?,
        }),
    }
}
