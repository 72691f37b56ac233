//! The items that a step's positions choose from: all of them, or all next items of the step with a sample that they
//! share as negatives.
//!
//! A sampled softmax with the logarithm of the expected count taken from every logit approximates the whole one (Bengio
//! and Senécal 2008; Yi et al. 2019). Half of the sample follows popularity, half is uniform.

use rand::Rng;
use rayon::prelude::*;
use slirec_kernels::ranking::Choices;

use super::hidden::Hidden;
use super::network::RankingNetwork;
use crate::random::{Purpose, generator};

/// Draws samples.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Popularity, summed up.
    cumulative: Vec<f64>,
    negatives: usize,
}

impl Sampler {
    /// For items of these numbers of interactions, the default item's first; no negatives for all items.
    pub(super) fn new(interactions: &[f64], negatives: usize) -> Self {
        let mut sum = 0.0;
        let cumulative = interactions.iter().skip(1).map(|count| {
            sum += count;
            sum
        });
        Self { cumulative: cumulative.collect(), negatives }
    }

    /// Whether a step has all items as its choices.
    pub(super) fn takes_all(&self) -> bool {
        self.negatives == 0 || self.negatives >= self.cumulative.len()
    }

    fn items(&self) -> usize {
        self.cumulative.len()
    }

    /// Share of the interactions of an item, from 1.
    fn popularity(&self, item: u32) -> f64 {
        let index = item as usize;
        let of = |index: usize| self.cumulative.get(index).copied().unwrap_or_default();
        let total = self.cumulative.last().copied().unwrap_or(1.0).max(1.0);
        let before = index.checked_sub(2).map_or(0.0, of);
        (of(index.saturating_sub(1)) - before) / total
    }

    /// The choices of a step whose positions are followed by these items; hidden ones have the default item's rows.
    pub(super) fn fill(
        &self,
        network: &RankingNetwork,
        next: &[u32],
        (seed, purpose): (u64, Purpose),
        hidden: Hidden,
        choices: &mut Choices,
    ) {
        choices.items.clear();
        if self.takes_all() {
            choices.items.extend((1..).take(self.items()));
        } else {
            let mut random = generator(seed, purpose);
            let total = self.cumulative.last().copied().unwrap_or_default();
            choices.items.extend(next.iter().copied().filter(|item| *item != 0));
            for draw in 0..self.negatives {
                let index = if draw % 2 == 0 {
                    let at = random.random::<f64>() * total;
                    self.cumulative.partition_point(|sum| *sum <= at).min(self.items() - 1)
                } else {
                    random.random_range(0..self.items())
                };
                choices.items.extend(u32::try_from(index + 1));
            }
            choices.items.sort_unstable();
            choices.items.dedup();
        }
        choices.choice_of.clear();
        choices.choice_of.resize(network.rows(), u32::MAX);
        for (choice, item) in (0..).zip(&choices.items) {
            if let Some(of_item) = choices.choice_of.get_mut(*item as usize) {
                *of_item = choice;
            }
        }
        let items = choices.items.clone();
        let ids = |index: usize| {
            let item = items.get(index).copied().unwrap_or_default();
            (hidden.row(item), network.features_of(item))
        };
        gather(network, ids, choices);
        if !self.takes_all() {
            let (positions, draws) = (next.len() as f64, self.negatives as f64);
            for (bias, item) in choices.bias.iter_mut().zip(&choices.items) {
                let popularity = self.popularity(*item);
                let drawn = 0.5 * popularity + 0.5 / self.items() as f64;
                let missed = (1.0 - popularity).powf(positions) * (1.0 - drawn).powf(draws);
                *bias -= (1.0 - missed).max(f64::MIN_POSITIVE).ln() as f32;
            }
        }
        choices.prepare(2 * network.layout.width);
    }
}

/// Rows and biases of the choices, which have these rows and features.
pub(super) fn gather<'a>(
    network: &RankingNetwork,
    ids: impl Fn(usize) -> (u32, &'a [u32]) + Sync,
    choices: &mut Choices,
) {
    let width = network.layout.width;
    choices.rows.clear();
    choices.rows.resize(choices.items.len() * 2 * width, 0.0);
    choices.rows.par_chunks_mut(2 * width).with_min_len(256).enumerate().for_each(|(index, row)| {
        let (embedded, to) = row.split_at_mut(width);
        let (item, features) = ids(index);
        let range = item as usize * width..(item as usize + 1) * width;
        embedded.copy_from_slice(network.items.get(range.clone()).unwrap_or_default());
        to.copy_from_slice(network.to.get(range).unwrap_or_default());
        for (id, table) in features.iter().zip(&network.features) {
            let range = *id as usize * width..(*id as usize + 1) * width;
            let feature = table.get(range).unwrap_or_default();
            embedded.iter_mut().zip(feature).for_each(|(sum, value)| *sum += value);
        }
    });
    let bias = |index: usize| network.bias.get(ids(index).0 as usize).copied().unwrap_or_default();
    choices.bias.clear();
    choices.bias.extend((0..choices.items.len()).map(bias));
}
