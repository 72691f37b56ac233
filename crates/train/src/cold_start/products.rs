//! What is ranked in cold start: a vocabulary and the products that were held out enter; ranks of the latter leave, by a network
//! or by popularity.

use std::collections::{HashMap, HashSet};

use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use super::ColdError;
use crate::analysis::vocabulary_candidates;
use crate::dataset::Dataset;
use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::evaluation::{Scorer, groups_at_once};
use crate::inference::InferenceNetwork;
use crate::metrics::{gain_at_10, rank_among};

/// Ranks of the targets of all rows.
#[derive(Default)]
pub(super) struct Ranks {
    /// Among all products.
    pub(super) all: Vec<f64>,
    /// Among those that were held out.
    pub(super) among: Vec<f64>,
}

impl Ranks {
    /// What each rank adds to NDCG@10.
    pub(super) fn gains(&self) -> [Vec<f64>; 2] {
        [&self.all, &self.among].map(|ranks| ranks.iter().map(|rank| gain_at_10(*rank)).collect())
    }

    fn push(&mut self, [all, among]: [f64; 2]) {
        self.all.push(all);
        self.among.push(among);
    }
}

/// What is ranked: the items that were trained on, in the order of their ids, then those that were held out.
pub(super) struct Products {
    pub(super) candidates: Vec<Candidate>,
    trained_on: usize,
    /// Place of each product that was held out, by its id in the whole dataset.
    pub(super) places: HashMap<u32, usize>,
}

impl Products {
    pub(super) fn of(vocabulary: &Vocabulary, dataset: &Dataset, catalog: &Catalog, held_out: &HashSet<u32>) -> Self {
        let trained_on = vocabulary.items().len();
        let mut candidates = vocabulary_candidates(vocabulary);
        let mut ids: Vec<u32> = held_out.iter().copied().collect();
        ids.sort_unstable();
        let mut places = HashMap::new();
        for id in ids {
            let product = dataset.vocabulary.item(id).and_then(|item| catalog.product(&item.handle));
            let Some(product) = product else { continue };
            places.insert(id, candidates.len());
            candidates.push(Candidate { item: DEFAULT_ID, features: vocabulary.features_of(product) });
        }
        Self { candidates, trained_on, places }
    }

    /// As candidates of a model that reads nothing but the category.
    pub(super) fn by_category_alone(&self) -> Vec<Candidate> {
        let mut candidates = self.candidates.clone();
        for candidate in candidates.iter_mut().skip(self.trained_on) {
            candidate.features.iter_mut().skip(1).for_each(|id| *id = DEFAULT_ID);
        }
        candidates
    }

    /// Ranks of a group's target, among all products and among those that were held out.
    fn ranks(&self, group: &EvaluationGroup, scores: &[f32]) -> [f64; 2] {
        // A group's target is a place here.
        let place = group.target() as usize;
        let own = scores.get(place).copied().unwrap_or(f32::NEG_INFINITY);
        let among = scores.get(self.trained_on..).unwrap_or_default();
        [rank_among(own, scores, place), rank_among(own, among, place - self.trained_on)]
    }

    pub(super) fn ranks_of(
        &self,
        network: &mut InferenceNetwork,
        groups: &[EvaluationGroup],
        candidates: &[Candidate],
    ) -> Result<Ranks, ColdError> {
        let mut ranks = Ranks::default();
        for groups in groups.chunks(groups_at_once(candidates.len())) {
            let scores = network.score_all(groups, candidates).map_err(ColdError::Score)?;
            groups.iter().zip(scores).for_each(|(group, scores)| ranks.push(self.ranks(group, &scores)));
        }
        Ok(ranks)
    }

    /// By the number of interactions, which of a product that was held out is the mean of its category.
    pub(super) fn popular(&self, vocabulary: &Vocabulary, groups: &[EvaluationGroup]) -> Ranks {
        let mut sums: HashMap<u32, (f64, f64)> = HashMap::new();
        for item in vocabulary.items() {
            let (sum, count) = sums.entry(item.features.first().copied().unwrap_or_default()).or_default();
            *sum += item.interactions as f64;
            *count += 1.0;
        }
        let score = |candidate: &Candidate| match vocabulary.item(candidate.item) {
            Some(item) => item.interactions as f32,
            None => {
                let category = candidate.features.first().copied().unwrap_or_default();
                sums.get(&category).map_or(0.0, |(sum, count)| (sum / count) as f32)
            }
        };
        let scores: Vec<f32> = self.candidates.iter().map(score).collect();
        let mut ranks = Ranks::default();
        groups.iter().for_each(|group| ranks.push(self.ranks(group, &scores)));
        ranks
    }
}
