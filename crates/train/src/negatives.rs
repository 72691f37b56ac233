//! Negatives of training: the positives of a batch and how negatives are drawn enter, candidates that did not happen leave,
//! with the probabilities that they were drawn with.

use rand::Rng;
use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::Vocabulary;

use crate::dataset::evaluation::Candidate;

/// Where negatives come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NegativeSource {
    /// The targets of the batch's other positives, as the original draws them: so by popularity.
    #[default]
    InBatch,
    /// Any item, all alike.
    Uniform,
    /// Half of them in the batch, half of them uniformly.
    Mixed,
}

/// Draws negatives for one dataset.
#[derive(Debug, Clone)]
pub struct NegativeSampler {
    source: NegativeSource,
    /// Every item with its own features; the id of an item is its index + 1.
    items: Vec<Candidate>,
    /// ln of the probability of each id to be drawn, the default item's first.
    log_probabilities: Vec<f32>,
}

impl NegativeSampler {
    /// A sampler over the items of a vocabulary.
    pub fn new(source: NegativeSource, vocabulary: &Vocabulary) -> Self {
        let items: Vec<Candidate> = (1..)
            .zip(vocabulary.items())
            .map(|(item, entry)| Candidate { item, features: entry.features.clone() })
            .collect();
        let total = vocabulary.items().iter().map(|item| item.interactions).sum::<u64>().max(1) as f64;
        let uniform = 1.0 / items.len().max(1) as f64;
        let probability = |interactions: u64| {
            // An item without a count would have no logarithm: it counts as if it had been seen once.
            let popular = interactions.max(1) as f64 / total;
            match source {
                NegativeSource::InBatch => popular,
                NegativeSource::Uniform => uniform,
                NegativeSource::Mixed => 0.5 * (popular + uniform),
            }
        };
        let counts = [1].into_iter().chain(vocabulary.items().iter().map(|item| item.interactions));
        let log_probabilities = counts.map(|count| probability(count).ln() as f32).collect();
        Self { source, items, log_probabilities }
    }

    /// A negative for one of the batch's positives: never its own item. The batch holds at least two different items.
    pub fn draw<'a>(&'a self, own: u32, positives: &'a [Candidate], random: &mut impl Rng) -> &'a Candidate {
        loop {
            let in_batch = match self.source {
                NegativeSource::InBatch => true,
                NegativeSource::Uniform => false,
                NegativeSource::Mixed => random.random::<bool>(),
            };
            let pool = if in_batch { positives } else { &self.items };
            let drawn = pool.get(random.random_range(0..pool.len().max(1)));
            if let Some(drawn) = drawn.filter(|drawn| drawn.item != own) {
                return drawn;
            }
        }
    }

    /// ln of the probability that a draw gives this item: what a sampled softmax takes from a candidate's logit, so that
    /// popular items are not held back for being drawn often (Bengio and Senécal 2008).
    pub fn log_probability(&self, item: u32) -> f32 {
        self.log_probabilities.get(item as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use slirec_core::vocabulary::{Feature, Item};

    use super::*;

    fn vocabulary() -> Vocabulary {
        let features = vec![Feature::new("category", vec!["Books".into()])];
        let item = |handle: &str, interactions| Item { handle: handle.into(), interactions, features: vec![1] };
        Vocabulary::new(features, vec![item("a", 6), item("b", 3), item("c", 1)]).unwrap()
    }

    fn share(source: NegativeSource, item: u32) -> f64 {
        let sampler = NegativeSampler::new(source, &vocabulary());
        let positives: Vec<Candidate> =
            [1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 9].map(|item| Candidate { item, features: vec![1] }).into();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let drawn = (0..10_000).filter(|_| sampler.draw(9, &positives, &mut random).item == item).count();
        drawn as f64 / 10_000.0
    }

    #[test]
    fn items_are_drawn_with_the_probability_that_is_told() {
        for source in [NegativeSource::InBatch, NegativeSource::Uniform, NegativeSource::Mixed] {
            let sampler = NegativeSampler::new(source, &vocabulary());
            for item in 1..=3 {
                let (found, told) = (share(source, item), f64::from(sampler.log_probability(item)).exp());
                assert!((found - told).abs() < 0.02, "{source:?} {item}: {found} instead of {told}");
            }
        }
    }

    #[test]
    fn the_own_item_is_never_a_negative() {
        let positives: Vec<Candidate> = [1, 1, 2].map(|item| Candidate { item, features: vec![1] }).into();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for source in [NegativeSource::InBatch, NegativeSource::Uniform, NegativeSource::Mixed] {
            let sampler = NegativeSampler::new(source, &vocabulary());
            assert!((0..500).all(|_| sampler.draw(1, &positives, &mut random).item != 1));
        }
    }
}
