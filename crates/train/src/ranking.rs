//! The ranking network: sequences of a dataset enter, weights that rank all items leave.
//!
//! [`slirec_kernels::ranking`] has the formulas. Every position of a sequence is trained in one pass, against all items or
//! a sample of them.

mod batches;
mod choices;
mod encoded;
mod fitting;
mod inference;
mod network;
mod optimizer;
mod sums;
mod terms;
mod training;

pub use inference::RankingInference;
pub use network::RankingNetwork;
pub(crate) use terms::softmax_sample;
pub use training::{RankingTraining, StepDone};

use crate::dataset::Dataset;
use crate::evaluation::ScoreError;
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::Weights;

/// Adds to the weights of a trained network what the validation rows of its dataset choose: a co-occurrence of items where
/// it pays, and the temperature of the scores.
///
/// # Errors
/// [`ScoreError`] when the weights are not those of a network of these sizes.
pub fn with_terms(
    sizes: &ModelHyperparameters,
    dataset: &Dataset,
    mut weights: Weights,
) -> Result<Weights, ScoreError> {
    let network = RankingNetwork::of(sizes, &dataset.vocabulary, &weights)?;
    fitting::fit(dataset, &network)?.insert(&mut weights);
    Ok(weights)
}
