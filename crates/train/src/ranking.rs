//! The ranking network: sequences of a dataset enter, weights that rank all items leave.
//!
//! [`slirec_kernels::ranking`] has the formulas. Every position of a sequence is trained in one pass, against all items or
//! a sample of them.

mod batches;
mod choices;
mod encoded;
mod fitting;
mod hidden;
mod inference;
mod network;
mod optimizer;
mod sums;
mod terms;
mod training;
mod unseen;

pub use inference::RankingInference;
pub use network::RankingNetwork;
pub(crate) use terms::softmax_sample;
pub use training::{RankingTraining, StepDone};

use crate::dataset::Dataset;
use crate::evaluation::ScoreError;
use crate::hyperparameters::Hyperparameters;
use crate::weights::{Array, Weights};

/// Adds to the weights of a trained network what the validation rows of its dataset choose: a co-occurrence of items where
/// it pays, the temperature of the scores, and where content can carry items the bias of those that training has not seen.
///
/// # Errors
/// [`ScoreError`] when the weights are not those of a network of these sizes.
pub fn with_terms(
    hyperparameters: &Hyperparameters,
    dataset: &Dataset,
    mut weights: Weights,
) -> Result<Weights, ScoreError> {
    let mut network = RankingNetwork::of(&hyperparameters.model, &dataset.vocabulary, &weights)?;
    let groups = fitting::groups(dataset, &network)?;
    let terms = fitting::fit(dataset, &network, &groups)?;
    if hyperparameters.model.has_content() || hyperparameters.id_dropout() > 0.0 {
        let bias = unseen::bias(&network, &terms, &groups)?;
        network.bias.first_mut().into_iter().for_each(|of_default| *of_default = bias);
        let shape = vec![network.bias.len()];
        weights.insert("item.bias", Array { shape, values: network.bias });
    }
    terms.insert(&mut weights);
    Ok(weights)
}
