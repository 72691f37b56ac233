//! A ranking network at work: histories enter, logits of all items leave.

use rayon::prelude::*;
use slirec_core::history::gap_bucket;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, Pass, Sequence, Sequences};

use super::choices::gather;
use super::network::RankingNetwork;

/// A history before a moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Ids of the items viewed.
    pub items: &'a [u32],
    /// Ids of their features, row by row.
    pub features: &'a [u32],
    /// Unix seconds of the views.
    pub times: &'a [f64],
    /// Unix seconds of the prediction.
    pub now: f64,
}

/// Histories that a thread encodes at once.
const AT_ONCE: usize = 16;

/// Logits of every item but the default one, for every moment.
pub fn logits(network: &RankingNetwork, moments: &[Moment<'_>]) -> Vec<Vec<f32>> {
    let mut choices = Choices::default();
    choices.items.extend((1..).take(network.rows() - 1));
    choices.choice_of.push(u32::MAX);
    choices.choice_of.extend((0..).take(network.rows() - 1));
    gather(network, &mut choices);
    let choices = &choices;
    let parts = moments.par_chunks(AT_ONCE);
    parts
        .flat_map(|part| {
            network.with_tables(|tables| {
                let longest = network.layout.longest;
                let buckets: Vec<[Vec<u8>; 2]> = part
                    .iter()
                    .map(|moment| {
                        let times = moment.times.get(moment.times.len().saturating_sub(longest)..).unwrap_or_default();
                        let gaps = std::iter::once(0)
                            .chain(times.array_windows().map(|[before, next]| gap_bucket(next - before)));
                        let next = times.iter().skip(1).copied().chain([moment.now]);
                        let ages = times.iter().zip(next).map(|(time, next)| gap_bucket(next - time));
                        [gaps.collect(), ages.collect()]
                    })
                    .collect();
                let next = vec![0; longest];
                let all: Vec<Sequence<'_>> = part
                    .iter()
                    .zip(&buckets)
                    .map(|(moment, [gaps, ages])| {
                        let start = moment.items.len() - gaps.len();
                        let count = network.features.len();
                        Sequence {
                            items: moment.items.get(start..).unwrap_or_default(),
                            features: moment.features.get(start * count..).unwrap_or_default(),
                            gaps,
                            ages,
                            next: next.get(..gaps.len()).unwrap_or_default(),
                        }
                    })
                    .collect();
                let mut sequences = Sequences::default();
                sequences.fill(&all);
                let mut pass = Pass::new(InstructionSet::detect(), network.layout.clone());
                pass.forward(&sequences, tables, &network.weights);
                sequences
                    .last_positions()
                    .into_iter()
                    .map(|position| {
                        let mut logits = vec![0.0; choices.items.len()];
                        pass.logits(position, &sequences, &network.weights, choices, &mut logits);
                        logits
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect()
}
