//! What the validation rows add to a ranking network when it is trained: weights enter, the terms leave.
//!
//! The co-occurrence of items is a count, not learnt by gradients: `scale · ln(1 + Σ recent · count)` over the last views.
//! The temperature makes probabilities of the logits.

use slirec_kernels::ranking::Choices;
use slirec_kernels::request::ranking::Cooccurrence;

use crate::weights::{Array, Weights, WeightsError};

/// Most items that the scores are normalised over.
const LARGEST_SAMPLE: usize = 4_096;

/// Ids of the items of a vocabulary of so many that the scores are normalised over, and what is added to the logit of each:
/// all of them where they are few; of many, the most frequent ones and as many of the others, evenly spread, each of which
/// stands for several.
pub(crate) fn softmax_sample(items: usize) -> (Vec<u32>, Vec<f32>) {
    let ids = |count: usize| (1_u32..).take(count);
    if items <= LARGEST_SAMPLE {
        return (ids(items).collect(), vec![0.0; items]);
    }
    // Ids are in order of frequency.
    let half = LARGEST_SAMPLE / 2;
    let stride = (items - half) as f64 / half as f64;
    let spread = (0..half).map(|number| (half + 1) as u32 + ((number as f64 + 0.5) * stride) as u32);
    let corrections = std::iter::repeat_n(0.0, half).chain(std::iter::repeat_n(stride.ln() as f32, half));
    (ids(half).chain(spread).collect(), corrections.collect())
}

/// The terms of a network.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// What logits are multiplied by.
    pub(super) inverse_temperature: f32,
    pub(super) cooccurrence: Option<Cooccurrence>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { inverse_temperature: 1.0, cooccurrence: None }
    }
}

impl Terms {
    /// Those among the weights of a network of so many items; what is missing adds nothing.
    pub(super) fn of(weights: &Weights, rows: usize) -> Result<Self, WeightsError> {
        let first = |name: &str| weights.get(name).and_then(|array| array.values.first()).copied();
        let cooccurrence = match weights.get("cooccurrence.items") {
            None => None,
            Some(items) => {
                let each = items.shape.get(1).copied().unwrap_or_default();
                let counts = weights.required("cooccurrence.weights")?;
                for (name, array) in [("cooccurrence.items", items), ("cooccurrence.weights", counts)] {
                    if array.shape != [rows, each] {
                        let (name, found) = (name.to_owned(), format!("shape {:?}", array.shape));
                        return Err(WeightsError::Shape { name, found, expected: vec![rows, each] });
                    }
                }
                Some(Cooccurrence {
                    neighbours: each,
                    // Ids below 2^24 are exact.
                    items: items.values.iter().map(|id| *id as u32).collect(),
                    weights: counts.values.clone(),
                    recent: weights.required("cooccurrence.recent")?.values.clone(),
                    scale: first("cooccurrence.scale").unwrap_or_default(),
                })
            }
        };
        Ok(Self { inverse_temperature: first("score.temperature").unwrap_or(1.0), cooccurrence })
    }

    /// Puts the terms among a network's weights.
    pub(super) fn insert(&self, weights: &mut Weights) {
        let vector = |values: Vec<f32>| Array { shape: vec![values.len()], values };
        weights.insert("score.temperature", vector(vec![self.inverse_temperature]));
        let Some(Cooccurrence { neighbours: each, items, weights: counts, recent, scale }) = &self.cooccurrence else {
            return;
        };
        let table = |values: Vec<f32>| Array { shape: vec![values.len() / each.max(&1), *each], values };
        weights.insert("cooccurrence.items", table(items.iter().map(|id| *id as f32).collect()));
        weights.insert("cooccurrence.weights", table(counts.clone()));
        weights.insert("cooccurrence.recent", vector(recent.clone()));
        weights.insert("cooccurrence.scale", vector(vec![*scale]));
    }

    /// Adds the co-occurrence of the last of some viewed items to the logits of choices.
    pub(super) fn add(&self, viewed: &[u32], choices: &Choices, logits: &mut [f32]) {
        let Some(cooccurrence) = &self.cooccurrence else { return };
        for (choice, sum) in sums(cooccurrence, viewed, choices) {
            if let Some(logit) = logits.get_mut(choice) {
                *logit += cooccurrence.scale * sum.ln_1p();
            }
        }
    }
}

/// The sums of the choices that follow one of the last of some viewed items, in rising order.
pub(super) fn sums(of: &Cooccurrence, viewed: &[u32], choices: &Choices) -> Vec<(usize, f32)> {
    let mut found: Vec<(usize, f32)> = Vec::new();
    for (item, recent) in viewed.iter().rev().zip(&of.recent) {
        let range = *item as usize * of.neighbours..(*item as usize + 1) * of.neighbours;
        let ids = of.items.get(range.clone()).unwrap_or_default();
        for (id, weight) in ids.iter().zip(of.weights.get(range).unwrap_or_default()) {
            let choice = choices.choice_of.get(*id as usize).copied().filter(|choice| *choice != u32::MAX);
            if let Some(choice) = choice.filter(|_| *id != 0) {
                found.push((choice as usize, recent * weight));
            }
        }
    }
    // Stable, so that the sums have one order.
    found.sort_by_key(|(choice, _)| *choice);
    found.dedup_by(|next, sum| {
        let same = next.0 == sum.0;
        sum.1 += if same { next.1 } else { 0.0 };
        same
    });
    found
}
