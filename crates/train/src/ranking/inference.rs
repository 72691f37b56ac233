//! A ranking network at work, by the kernels that the service scores with: encoded histories and candidates enter,
//! probabilities leave.

use rayon::prelude::*;
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemIds;
use slirec_core::vocabulary::Vocabulary;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::Choices;
use slirec_kernels::request::history::UnknownId;
use slirec_kernels::request::ranking::{
    self as request, RankingCandidates, RankingHistory, RankingInputs, RankingWeights, Sample, Scratch,
};

use super::choices::gather;
use super::encoded::Encoded;
use super::network::RankingNetwork;
use super::terms::{Terms, softmax_sample};
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// A ranking network without training.
#[derive(Debug)]
pub struct RankingInference {
    network: RankingNetwork,
    kernels: request::RankingNetwork,
    /// The last candidates that stood alone in a call: full ranking asks for the same ones again and again.
    prepared: Option<(Vec<ItemIds>, RankingCandidates)>,
}

/// Memory of a thread, reused from history to history.
#[derive(Default)]
struct Memory {
    scratch: Scratch,
    history: RankingHistory,
}

impl RankingInference {
    /// Of the weights of a model of these sizes.
    ///
    /// # Errors
    /// [`WeightsError`] when a weight is missing, misshapen or not finite.
    pub fn new(sizes: &ModelHyperparameters, vocabulary: &Vocabulary, weights: &Weights) -> Result<Self, WeightsError> {
        let network = RankingNetwork::of(sizes, vocabulary, weights)?;
        let terms = Terms::of(weights, network.rows())?;
        let kernels = request::RankingNetwork::new(InstructionSet::detect(), request_weights(&network, terms));
        Ok(Self { network, kernels, prepared: None })
    }

    fn encode(&self, history: &EncodedHistory, memory: &mut Memory) -> Result<(), UnknownId> {
        let EncodedHistory { item_ids, feature_ids, gaps, age, user_ids, .. } = history;
        let inputs = RankingInputs { items: item_ids, features: feature_ids, gaps, age: *age, user: user_ids };
        self.kernels.encode(&inputs, &mut memory.scratch, &mut memory.history)
    }

    fn scores(
        &self,
        history: &EncodedHistory,
        candidates: &RankingCandidates,
        memory: &mut Memory,
    ) -> Result<Vec<f32>, UnknownId> {
        self.encode(history, memory)?;
        let mut scores = vec![0.0; candidates.len()];
        self.kernels.scores(&memory.history, candidates, 0..candidates.len(), &mut scores);
        Ok(scores)
    }

    /// The rows of candidates, with the features that they have.
    fn prepare(&self, candidates: &[ItemIds]) -> Result<RankingCandidates, UnknownId> {
        for candidate in candidates {
            self.network.check_ids(&[candidate.item], &candidate.features)?;
        }
        let items: Vec<u32> = candidates.iter().map(|candidate| candidate.item).collect();
        let features: Vec<u32> = candidates.iter().flat_map(|candidate| &candidate.features).copied().collect();
        self.kernels.candidates(&items, &features)
    }

    /// The long-term interest's attention to each position of a history, oldest first; sums to 1.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub fn attention(&self, history: &EncodedHistory) -> Result<Vec<f32>, UnknownId> {
        let mut memory = Memory::default();
        self.encode(history, &mut memory)?;
        Ok(memory.history.attention().to_vec())
    }

    /// What the parts of the network give for some groups, by the part's name.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub fn activations(&self, groups: &[EvaluationGroup]) -> Result<Vec<(&'static str, Vec<f32>)>, UnknownId> {
        let histories: Vec<&EncodedHistory> = groups.iter().map(|group| &group.history).collect();
        Ok(Encoded::of(&self.network, &histories)?.activations())
    }
}

impl Scorer for RankingInference {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let network = &*self;
        let scores = requests.par_iter().map_init(Memory::default, |memory, request| {
            network.scores(request.history, &network.prepare(request.candidates)?, memory)
        });
        Ok(scores.collect::<Result<_, UnknownId>>()?)
    }

    fn score_all(&mut self, groups: &[EvaluationGroup], candidates: &[ItemIds]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let known = self.prepared.take().filter(|(known, _)| known == candidates);
        let known = match known {
            Some(known) => known,
            None => (candidates.to_vec(), self.prepare(candidates)?),
        };
        let network = &*self;
        let scores = groups
            .par_iter()
            .map_init(Memory::default, |memory, group| network.scores(&group.history, &known.1, memory));
        let scores = scores.collect::<Result<_, UnknownId>>()?;
        self.prepared = Some(known);
        Ok(scores)
    }
}

/// The weights as the kernels of a request take them.
fn request_weights(network: &RankingNetwork, terms: Terms) -> RankingWeights {
    RankingWeights {
        items: network.items.clone(),
        features: network.features.clone(),
        from: network.from.clone(),
        to: network.to.clone(),
        bias: network.bias.clone(),
        users: network.users.clone(),
        cooccurrence: terms.cooccurrence,
        temperature: terms.inverse_temperature,
        sample: sample(network),
        ..RankingWeights::of_layers(&network.layout, &network.weights)
    }
}

/// The rows of the items that the scores are normalised over.
fn sample(network: &RankingNetwork) -> Sample {
    let (items, correction) = softmax_sample(network.rows() - 1);
    let mut choices = Choices::default();
    choices.items.clone_from(&items);
    gather(network, |index| network.ids_of(items.get(index).copied().unwrap_or_default()), &mut choices);
    Sample { items, rows: choices.rows, bias: choices.bias, correction }
}
