//! Baselines that a model must beat to be worth deploying: counts of the training rows enter, scorers leave.

use std::collections::HashMap;

use crate::dataset::Dataset;
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};

/// Scores an item by its number of training interactions.
#[derive(Debug, Clone)]
pub struct Popularity {
    interactions: Vec<f32>,
}

impl Popularity {
    /// Counts the training interactions of a dataset.
    pub fn of(dataset: &Dataset) -> Self {
        let mut interactions = vec![0.0; dataset.vocabulary.item_rows()];
        for (count, item) in interactions.iter_mut().skip(1).zip(dataset.vocabulary.items()) {
            *count = item.interactions as f32;
        }
        Self { interactions }
    }

    fn of_item(&self, item: u32) -> f32 {
        self.interactions.get(item as usize).copied().unwrap_or_default()
    }
}

impl Scorer for Popularity {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let of_request = |request: &ScoreRequest<'_>| {
            request.candidates.iter().map(|candidate| self.of_item(candidate.item)).collect()
        };
        Ok(requests.iter().map(of_request).collect())
    }

    fn gives_probabilities(&self) -> bool {
        false
    }
}

/// Scores an item by how often it followed the history's last item in the training rows; ties by popularity.
#[derive(Debug, Clone)]
pub struct CoOccurrence {
    following: HashMap<(u32, u32), f32>,
    popularity: Popularity,
    most_popular: f32,
}

impl CoOccurrence {
    /// Counts the pairs of neighbours in the training rows of a dataset.
    pub fn of(dataset: &Dataset) -> Self {
        let mut following = HashMap::new();
        for items in dataset.train_sequences() {
            for [item, next] in items.array_windows() {
                *following.entry((*item, *next)).or_insert(0.0) += 1.0;
            }
        }
        let popularity = Popularity::of(dataset);
        let most_popular = popularity.interactions.iter().copied().fold(0.0, f32::max);
        Self { following, popularity, most_popular }
    }
}

impl Scorer for CoOccurrence {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let of_request = |request: &ScoreRequest<'_>| {
            let last = request.history.item_ids.last().copied().unwrap_or_default();
            let of_candidate = |item: u32| {
                let count = self.following.get(&(last, item)).copied().unwrap_or_default();
                // Less than one whole count, so that it only decides between equal counts.
                count + self.popularity.of_item(item) / (self.most_popular + 1.0)
            };
            request.candidates.iter().map(|candidate| of_candidate(candidate.item)).collect()
        };
        Ok(requests.iter().map(of_request).collect())
    }

    fn gives_probabilities(&self) -> bool {
        false
    }
}
