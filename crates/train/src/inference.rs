//! A trained network at work: weights enter, scores leave, by the kernels that the service scores with, so that what is
//! measured is what is served.

mod sli_rec;

use slirec_core::history::EncodedHistory;
use slirec_core::vocabulary::Vocabulary;
use slirec_kernels::request::history::UnknownId;

use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::hyperparameters::{ModelHyperparameters, NetworkKind};
use crate::ranking::RankingInference;
use crate::run::{Run, table_rows};
use crate::weights::{Weights, WeightsError};
use sli_rec::SliRecInference;

/// A network without training.
#[derive(Debug)]
pub struct InferenceNetwork(Network);

#[derive(Debug)]
enum Network {
    SliRec(Box<SliRecInference>),
    Ranking(Box<RankingInference>),
}

impl InferenceNetwork {
    /// Of the weights of a model of these sizes.
    ///
    /// # Errors
    /// [`WeightsError`] when a weight is missing, misshapen or not finite.
    pub fn new(sizes: &ModelHyperparameters, vocabulary: &Vocabulary, weights: &Weights) -> Result<Self, WeightsError> {
        Ok(Self(match sizes.network {
            NetworkKind::SliRec => {
                Network::SliRec(Box::new(SliRecInference::new(sizes, &table_rows(vocabulary), weights)?))
            }
            NetworkKind::Ranking => Network::Ranking(Box::new(RankingInference::new(sizes, vocabulary, weights)?)),
        }))
    }

    /// Of a run.
    ///
    /// # Errors
    /// As for [`InferenceNetwork::new`].
    pub fn of_run(run: &Run) -> Result<Self, WeightsError> {
        Self::new(&run.hyperparameters.model, &run.vocabulary, &run.weights)
    }

    fn scorer(&mut self) -> &mut dyn Scorer {
        match &mut self.0 {
            Network::SliRec(network) => network.as_mut(),
            Network::Ranking(network) => network.as_mut(),
        }
    }

    /// What the parts of the network give for some groups, by the part's name.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub fn activations(&self, groups: &[EvaluationGroup]) -> Result<Vec<(&'static str, Vec<f32>)>, UnknownId> {
        match &self.0 {
            Network::SliRec(network) => network.activations(groups),
            Network::Ranking(network) => network.activations(groups),
        }
    }
}

impl Scorer for InferenceNetwork {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        self.scorer().score(requests)
    }

    fn score_all(&mut self, groups: &[EvaluationGroup], candidates: &[Candidate]) -> Result<Vec<Vec<f32>>, ScoreError> {
        self.scorer().score_all(groups, candidates)
    }

    /// Sums to 1. Of the original's network it is the candidate's, of the ranking network that of the long-term interest.
    fn attention(&self, history: &EncodedHistory, candidate: &Candidate) -> Result<Option<Vec<f32>>, ScoreError> {
        let attention = match &self.0 {
            Network::SliRec(network) => network.attention(history, candidate),
            Network::Ranking(network) => network.attention(history),
        };
        Ok(Some(attention?))
    }
}
