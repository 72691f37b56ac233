//! From named weights to the kernels of a request.

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::history::{Embeddings, HistoryNetwork, HistoryWeights, Transitions};
use slirec_kernels::request::scores::{NetworkWeights, Scoring};
use slirec_kernels::time_lstm::inference::InferenceLstm;

use super::SliRecInference;
use crate::folded::{Dense, FirstLayer, Matrix, hidden_layer, output_layer};
use crate::hyperparameters::ModelHyperparameters;
use crate::model::{lstm_parameters, lstm_sizes};
use crate::weights::{TableRows, Weights, WeightsError};

/// What is left of a network behind its first layer.
struct Rest {
    second: Dense,
    output: Dense,
}

impl Rest {
    fn of(weights: &Weights, network: &str) -> Result<Self, WeightsError> {
        Ok(Self { second: hidden_layer(weights, network, 2)?, output: output_layer(weights, network)? })
    }

    fn with<'a>(&'a self, first: &'a FirstLayer) -> NetworkWeights<'a> {
        NetworkWeights {
            first: &first.pair.values,
            second: &self.second.weight.values,
            second_bias: &self.second.bias,
            output: &self.output.weight.values,
            output_bias: self.output.bias.first().copied().unwrap_or_default(),
        }
    }
}

impl SliRecInference {
    /// Of the weights of a model of these sizes.
    ///
    /// # Errors
    /// [`WeightsError`] when a weight is missing, misshapen or not finite.
    pub(crate) fn new(sizes: &ModelHyperparameters, rows: &TableRows, weights: &Weights) -> Result<Self, WeightsError> {
        weights.check(sizes, rows)?;
        let (set, target) = (InstructionSet::detect(), sizes.target_size());
        let values = |name: &str| weights.required(name).map(|array| array.values.clone());
        let table = |name: &str, width: usize| values(name).map(|values| Embeddings { width, values });
        let [attention, mixing, score] = [
            FirstLayer::attention(weights, target)?,
            FirstLayer::mixing(weights, target)?,
            FirstLayer::score(weights, target)?,
        ];
        let features = sizes.features.iter();
        let features = features.map(|feature| table(&format!("embedding.{}", feature.name), feature.embedding_size));
        let transitions = match sizes.transition_size {
            0 => None,
            width => {
                let mut positions = values("transition.position")?;
                // Oldest first, as the history stands.
                positions.reverse();
                Some(Transitions { from: table("transition.from", width)?, positions })
            }
        };
        let history = HistoryWeights {
            items: table("embedding.item", sizes.item_embedding_size)?,
            features: features.collect::<Result<_, WeightsError>>()?,
            lstm: InferenceLstm::new(set, lstm_sizes(sizes), &lstm_parameters(weights)?),
            attention_matrix: values("candidate_attention.attention_matrix")?,
            attention_share: attention.history.values.clone(),
            long_term_matrix: values("long_term.attention_matrix")?,
            long_term_query: values("long_term.query")?,
            padded_slots: sizes.long_term_padding.then_some(sizes.longest_history),
            mixing_share: mixing.history.slice(0, target).values,
            gate_time_share: mixing.history.slice(target, 1).values,
            transitions,
        };
        let rest = ["candidate_attention", "mixing", "score"].map(|network| Rest::of(weights, network));
        let [of_attention, of_mixing, of_score] = rest;
        let (of_attention, of_mixing, of_score) = (of_attention?, of_mixing?, of_score?);
        let networks = [&of_attention.with(&attention), &of_mixing.with(&mixing), &of_score.with(&score)];
        Ok(Self {
            set,
            history: HistoryNetwork::new(set, history),
            scoring: Scoring::new(set, target, networks),
            gate_time: sizes.gate_time,
            shares: [attention.candidate, mixing.candidate, score.candidate],
            transition: transitions_to(sizes, weights)?,
            prepared: None,
        })
    }
}

/// The factors of what is viewed next, with the bias as one more column.
fn transitions_to(sizes: &ModelHyperparameters, weights: &Weights) -> Result<Matrix, WeightsError> {
    if sizes.transition_size == 0 {
        return Ok(Matrix { columns: 0, values: Vec::new() });
    }
    let (to, bias) = (weights.required("transition.to")?, weights.required("transition.bias")?);
    let rows = to.values.chunks_exact(sizes.transition_size).zip(&bias.values);
    let values = rows.flat_map(|(row, bias)| row.iter().chain([bias]).copied()).collect();
    Ok(Matrix { columns: sizes.transition_size + 1, values })
}
