//! A ranking network at work: encoded histories and candidates enter, probabilities leave.
//!
//! A score is the probability that the candidate is viewed next among all items of the vocabulary, or an estimate of it by a
//! sample of them where there are many: `exp(logit / T - Z)` with Z the logarithm of the sum over the items.

use rayon::prelude::*;
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemIds;
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, Pass, Sequence, Sequences};
use slirec_kernels::request::history::UnknownId;

use super::choices::gather;
use super::network::RankingNetwork;
use super::terms::{Normaliser, Terms};
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// Histories that a thread encodes at once.
const AT_ONCE: usize = 16;

/// A ranking network without training.
#[derive(Debug)]
pub struct RankingInference {
    network: RankingNetwork,
    terms: Terms,
    normaliser: Normaliser,
    /// The last candidates that stood alone in a call: full ranking asks for the same ones again and again.
    prepared: Option<(Vec<ItemIds>, Choices)>,
}

/// Some histories, encoded.
pub(super) struct Encoded {
    sequences: Sequences,
    pass: Pass,
    /// Where each history ends.
    last: Vec<usize>,
}

impl RankingInference {
    /// Of the weights of a model of these sizes.
    ///
    /// # Errors
    /// [`WeightsError`] when a weight is missing, misshapen or not finite.
    pub fn new(sizes: &ModelHyperparameters, vocabulary: &Vocabulary, weights: &Weights) -> Result<Self, WeightsError> {
        let network = RankingNetwork::of(sizes, vocabulary, weights)?;
        let terms = Terms::of(weights, network.rows())?;
        Ok(Self::with_terms(network, terms))
    }

    pub(super) fn with_terms(network: RankingNetwork, terms: Terms) -> Self {
        Self { normaliser: Normaliser::of(&network), network, terms, prepared: None }
    }

    /// Encodes histories whose ids are those of the tables.
    fn encode(&self, histories: &[&EncodedHistory]) -> Result<Encoded, UnknownId> {
        let longest = histories.iter().map(|history| history.len()).max().unwrap_or_default();
        let (ages, next) = (vec![0; longest], vec![0; longest]);
        let mut all = Vec::with_capacity(histories.len());
        // Only the last position's query is asked for, so only its age matters.
        let of_last: Vec<Vec<u8>> = histories
            .iter()
            .map(|history| {
                let mut ages = ages.get(..history.len()).unwrap_or_default().to_vec();
                if let Some(last) = ages.last_mut() {
                    *last = history.age;
                }
                ages
            })
            .collect();
        for (history, ages) in histories.iter().zip(&of_last) {
            self.network.check_ids(&history.item_ids, &history.feature_ids)?;
            all.push(Sequence {
                items: &history.item_ids,
                features: &history.feature_ids,
                gaps: &history.gaps,
                ages,
                next: next.get(..history.len()).unwrap_or_default(),
            });
        }
        let mut sequences = Sequences::default();
        sequences.fill(&all);
        let mut pass = Pass::new(InstructionSet::detect(), self.network.layout.clone());
        self.network.with_tables(|tables| {
            pass.forward(&sequences, tables, &self.network.weights);
        });
        let last = sequences.last_positions();
        Ok(Encoded { sequences, pass, last })
    }

    /// Logits of a history's candidates.
    fn logits(&self, encoded: &Encoded, index: usize, history: &EncodedHistory, choices: &Choices) -> Vec<f32> {
        let mut logits = vec![0.0; choices.items.len()];
        let Some(last) = encoded.last.get(index) else { return logits };
        encoded.pass.logits(*last, &encoded.sequences, &self.network.weights, choices, &mut logits);
        self.terms.add(&history.item_ids, choices, &mut logits);
        logits.iter_mut().for_each(|logit| *logit *= self.terms.inverse_temperature);
        logits
    }

    /// All items of the vocabulary as choices.
    pub(super) fn all_items(&self) -> Choices {
        let network = &self.network;
        let mut choices = Choices::default();
        choices.items.extend((1..).take(network.rows() - 1));
        choices.choice_of.push(u32::MAX);
        choices.choice_of.extend((0..).take(network.rows() - 1));
        let ids = choices.items.clone();
        gather(network, |index| ids.get(index).map_or(&[], |item| network.features_of(*item)), &mut choices);
        choices
    }

    /// Logits of candidates for a few histories, before they become probabilities.
    pub(super) fn logits_of(
        &self,
        histories: &[&EncodedHistory],
        choices: &Choices,
    ) -> Result<Vec<Vec<f32>>, UnknownId> {
        let encoded = self.encode(histories)?;
        let of = |(index, history): (usize, &&EncodedHistory)| self.logits(&encoded, index, history, choices);
        Ok(histories.iter().enumerate().map(of).collect())
    }

    fn scores(&self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, UnknownId> {
        let histories: Vec<&EncodedHistory> = requests.iter().map(|request| request.history).collect();
        let encoded = self.encode(&histories)?;
        let mut scores = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let of_request;
            let choices = match &self.prepared {
                Some((known, prepared)) if known == request.candidates => prepared,
                _ => {
                    of_request = self.prepare(request.candidates)?;
                    &of_request
                }
            };
            let mut logits = self.logits(&encoded, index, request.history, choices);
            let sample = self.logits(&encoded, index, request.history, &self.normaliser.choices);
            let total = self.normaliser.log_sum(&sample);
            logits.iter_mut().for_each(|logit| *logit = (*logit - total).min(0.0).exp());
            scores.push(logits);
        }
        Ok(scores)
    }

    /// The rows of candidates, with the features that they have.
    fn prepare(&self, candidates: &[ItemIds]) -> Result<Choices, UnknownId> {
        let mut choices = Choices::default();
        choices.choice_of.resize(self.network.rows(), u32::MAX);
        for (index, candidate) in (0..).zip(candidates) {
            self.network.check_ids(&[candidate.item], &candidate.features)?;
            choices.items.push(candidate.item);
            if candidate.item != DEFAULT_ID
                && let Some(choice) = choices.choice_of.get_mut(candidate.item as usize)
            {
                *choice = index;
            }
        }
        gather(&self.network, |index| candidates.get(index).map_or(&[], |candidate| &candidate.features), &mut choices);
        Ok(choices)
    }

    /// The long-term interest's attention to each position of a history, oldest first; sums to 1.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub fn attention(&self, history: &EncodedHistory) -> Result<Vec<f32>, UnknownId> {
        Ok(self.encode(&[history])?.pass.attention())
    }

    /// What the parts of the network give for some groups, by the part's name.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub fn activations(&self, groups: &[EvaluationGroup]) -> Result<Vec<(&'static str, Vec<f32>)>, UnknownId> {
        let histories: Vec<&EncodedHistory> = groups.iter().map(|group| &group.history).collect();
        Ok(self.encode(&histories)?.pass.activations())
    }
}

impl RankingInference {
    /// Scores in parallel, some histories at once.
    fn scored(&self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let scores: Vec<_> = requests.par_chunks(AT_ONCE).map(|part| self.scores(part)).collect();
        let scores: Result<Vec<_>, _> = scores.into_iter().collect();
        Ok(scores?.into_iter().flatten().collect())
    }
}

impl Scorer for RankingInference {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        self.scored(requests)
    }

    fn score_all(&mut self, groups: &[EvaluationGroup], candidates: &[ItemIds]) -> Result<Vec<Vec<f32>>, ScoreError> {
        if self.prepared.as_ref().is_none_or(|(known, _)| known != candidates) {
            self.prepared = Some((candidates.to_vec(), self.prepare(candidates)?));
        }
        let requests: Vec<ScoreRequest<'_>> =
            groups.iter().map(|group| ScoreRequest { history: &group.history, candidates }).collect();
        self.scored(&requests)
    }
}
