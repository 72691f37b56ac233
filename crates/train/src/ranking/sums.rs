//! Sums of gradients: those of the parts of a step enter, one for every slice of the network leaves, in an order that no
//! number of threads changes.

use rayon::prelude::*;
use slirec_core::vocabulary::DEFAULT_ID;
use slirec_kernels::ranking::{Choices, Gradients, Sequences};

use super::hidden::Hidden;
use super::network::RankingNetwork;

/// Choices whose gradients are worth a thread's while.
const ROWS_AT_ONCE: usize = 64;

/// Gradients of a table: of all rows, or of some.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) rows: Option<Vec<u32>>,
    pub(super) values: Vec<f32>,
    /// Where a row's gradient stands; empty for all rows in their order.
    place: Vec<u32>,
    width: usize,
}

impl Sum {
    fn all(rows: usize, width: usize) -> Self {
        Self { rows: None, values: vec![0.0; rows * width], place: Vec::new(), width }
    }

    /// Of some rows, each once.
    fn some(total: usize, rows: Vec<u32>, width: usize) -> Self {
        let mut place = vec![u32::MAX; total];
        for (index, row) in (0..).zip(&rows) {
            if let Some(place) = place.get_mut(*row as usize) {
                *place = index;
            }
        }
        Self { values: vec![0.0; rows.len() * width], rows: Some(rows), place, width }
    }

    fn add(&mut self, row: u32, values: &[f32]) {
        let row = self.place.get(row as usize).copied().unwrap_or(row) as usize;
        if let Some(sum) = self.values.get_mut(row * self.width..(row + 1) * self.width) {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
}

pub(super) struct Sums {
    weights: Sum,
    items: Sum,
    features: Vec<Sum>,
    from: Sum,
    to: Sum,
    bias: Sum,
    users: Vec<Sum>,
}

impl Sums {
    pub(super) fn new(
        network: &RankingNetwork,
        parts: &[(&Sequences, &Gradients)],
        choices: &Choices,
        hidden: Hidden,
        all: bool,
    ) -> Self {
        let (rows, width) = (network.rows(), network.layout.width);
        let viewed = || parts.iter().flat_map(|(sequences, _)| sequences.items()).copied();
        let of = |ids: &mut dyn Iterator<Item = u32>, width: usize| {
            if all {
                return Sum::all(rows, width);
            }
            let mut ids: Vec<u32> = ids.collect();
            ids.sort_unstable();
            ids.dedup();
            Sum::some(rows, ids, width)
        };
        let chosen = || choices.items.iter().map(|item| hidden.row(*item));
        let mut sums = Self {
            weights: Sum::all(1, network.layout.len()),
            items: of(&mut chosen().chain(viewed()), width),
            features: network.features.iter().map(|table| Sum::all(table.len() / width, width)).collect(),
            from: of(&mut viewed(), width),
            to: of(&mut chosen(), width),
            bias: of(&mut chosen(), 1),
            users: network.users.iter().map(|table| Sum::all(table.len() / width, width)).collect(),
        };
        for (sequences, gradients) in parts {
            sums.weights.add(0, &gradients.weights);
            sums.positions(sequences, gradients);
            sums.of_users(sequences, gradients);
        }
        sums.choices(network, parts, choices, hidden);
        sums
    }

    fn positions(&mut self, sequences: &Sequences, gradients: &Gradients) {
        let width = self.items.width;
        let count = self.features.len();
        let rows = gradients.embedded.chunks_exact(width).zip(gradients.from.chunks_exact(width));
        let ids = sequences.items().iter().zip(sequences.features().chunks(count.max(1)));
        for ((item, features), (embedded, from)) in ids.zip(rows) {
            self.items.add(*item, embedded);
            self.from.add(*item, from);
            self.features.iter_mut().zip(features).for_each(|(sum, id)| sum.add(*id, embedded));
        }
    }

    /// What is unknown of a shopper is never trained.
    fn of_users(&mut self, sequences: &Sequences, gradients: &Gradients) {
        for (ids, row) in sequences.users().zip(gradients.users.chunks_exact(self.items.width)) {
            let known = self.users.iter_mut().zip(ids).filter(|(_, id)| **id != DEFAULT_ID);
            known.for_each(|(sum, id)| sum.add(*id, row));
        }
    }

    fn choices(
        &mut self,
        network: &RankingNetwork,
        parts: &[(&Sequences, &Gradients)],
        choices: &Choices,
        hidden: Hidden,
    ) {
        let width = self.items.width;
        let mut sums = vec![0.0; choices.items.len() * 2 * width];
        sums.par_chunks_mut(ROWS_AT_ONCE * 2 * width).enumerate().for_each(|(chunk, sums)| {
            let start = chunk * ROWS_AT_ONCE * 2 * width;
            for (_, gradients) in parts {
                let rows = gradients.choices.get(start..start + sums.len()).unwrap_or_default();
                sums.iter_mut().zip(rows).for_each(|(sum, value)| *sum += value);
            }
        });
        let Self { items, features, to, bias, .. } = self;
        let rows = || choices.items.iter().zip(sums.chunks_exact(2 * width).map(|row| row.split_at(width)));
        let add_features = || {
            for (item, (embedded, _)) in rows() {
                for (sum, id) in features.iter_mut().zip(network.features_of(*item)) {
                    sum.add(*id, embedded);
                }
            }
        };
        let add_items = || rows().for_each(|(item, (embedded, _))| items.add(hidden.row(*item), embedded));
        let add_rest = || {
            for (index, (item, (_, row))) in rows().enumerate() {
                let item = hidden.row(*item);
                to.add(item, row);
                let of_parts = parts.iter().filter_map(|(_, gradients)| gradients.bias.get(index));
                bias.add(item, &[of_parts.fold(0.0, |sum, value| sum + value)]);
            }
        };
        rayon::join(add_items, || rayon::join(add_rest, add_features));
    }

    /// In the order of [`RankingNetwork::tables`].
    pub(super) fn tables(&self) -> impl Iterator<Item = &Sum> {
        let Self { weights, items, features, from, to, bias, users } = self;
        [weights, items].into_iter().chain(features).chain([from, to, bias]).chain(users)
    }

    /// Sum of the squares of all gradients.
    pub(super) fn squares(&self) -> f64 {
        let of = |values: &[f32]| -> f64 { f64::from(values.iter().map(|value| value * value).sum::<f32>()) };
        self.tables()
            .map(|sum| sum.values.par_chunks(1 << 12).map(of).collect::<Vec<_>>().into_iter().sum::<f64>())
            .sum()
    }
}
