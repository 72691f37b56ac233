//! Training of a ranking network: a dataset and hyperparameters enter, after each epoch the averaged weights leave.

use rayon::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, Gradients, Pass, Sequences};

use super::batches::{PARTS, batches, sequences, windows};
use super::choices::Sampler;
use super::hyperparameters::RankingHyperparameters;
use super::network::RankingNetwork;
use super::optimizer::{State, Step};
use crate::dataset::Dataset;
use crate::random::{Purpose, number};

/// Of the highest learning rate, what is left at the end of a run.
const LAST_LEARNING_RATE: f64 = 0.05;
/// Steps over which the learning rate rises.
const WARMUP: usize = 100;

/// A network that is being trained.
#[derive(Debug)]
pub struct RankingTraining<'a> {
    dataset: &'a Dataset,
    hyperparameters: &'a RankingHyperparameters,
    seed: u64,
    /// The network as of the last step.
    pub network: RankingNetwork,
    sampler: Sampler,
    /// Of weights, items, features, from, to, bias.
    states: Vec<State>,
    parts: Vec<PartOfStep>,
    choices: Choices,
    steps: usize,
    last: Step,
}

/// What a thread works on.
#[derive(Debug)]
struct PartOfStep {
    sequences: Sequences,
    pass: Pass,
    gradients: Gradients,
}

impl<'a> RankingTraining<'a> {
    /// A training that begins.
    pub fn new(dataset: &'a Dataset, hyperparameters: &'a RankingHyperparameters, seed: u64) -> Self {
        let vocabulary = &dataset.vocabulary;
        let network = RankingNetwork::start(vocabulary, hyperparameters.width, hyperparameters.longest_history, seed);
        let interactions = vocabulary.items().iter().map(|item| item.interactions as f64);
        let interactions: Vec<f64> = std::iter::once(0.0).chain(interactions).collect();
        let average = hyperparameters.weight_average > 0.0;
        let states = tables(&network).map(|table| State::new(table, average)).collect();
        let set = InstructionSet::detect();
        let part = || PartOfStep {
            sequences: Sequences::default(),
            pass: Pass::new(set, network.layout.clone()),
            gradients: Gradients::default(),
        };
        Self {
            dataset,
            hyperparameters,
            seed,
            sampler: Sampler::new(&interactions, hyperparameters.negatives),
            states,
            parts: (0..PARTS).map(|_| part()).collect(),
            choices: Choices::default(),
            steps: 0,
            last: Step {
                learning_rate: 0.0,
                weight_decay: 0.0,
                number: 0,
                scale: 1.0,
                average: hyperparameters.weight_average as f32,
            },
            network,
        }
    }

    /// Trains an epoch, from 1; gives the mean loss.
    pub fn epoch(&mut self, epoch: u32, progress: &mut dyn FnMut(usize)) -> f64 {
        let RankingHyperparameters { longest_history, batch_positions, epochs, .. } = *self.hyperparameters;
        let windows = windows(self.dataset, longest_history, self.seed, epoch);
        let batches = batches(&windows, batch_positions);
        let total = batches.len() * epochs;
        let (mut loss, mut positions) = (0.0, 0);
        for (number, batch) in (1..).zip(&batches) {
            let count: usize = batch.iter().map(|window| window.len() - 1).sum();
            loss += self.step(batch, count, Purpose::Negatives(epoch, number), total) * count as f64;
            positions += count;
            progress(count);
        }
        loss / positions.max(1) as f64
    }

    fn step(&mut self, batch: &[std::ops::Range<usize>], positions: usize, purpose: Purpose, total: usize) -> f64 {
        let Self { dataset, hyperparameters, seed, network, sampler, parts, choices, .. } = self;
        let next: Vec<u32> =
            batch.iter().flat_map(|window| dataset.items(window.start + 1..window.end)).copied().collect();
        sampler.fill(network, &next, *seed, purpose, choices);
        self.steps += 1;
        let (share, dropout) = (1.0 / positions as f32, hyperparameters.dropout);
        let chunk = batch.len().div_ceil(PARTS);
        let used = batch.len().div_ceil(chunk);
        let step_seed = number(*seed, Purpose::Dropout(0, self.steps as u32));
        let (network, choices) = (&*network, &*choices);
        parts.par_iter_mut().zip(batch.par_chunks(chunk)).enumerate().for_each(|(index, (part, windows))| {
            let PartOfStep { sequences: filled, pass, gradients } = part;
            sequences(dataset, windows, filled);
            pass.set_dropout(step_seed.wrapping_add(index as u64), dropout);
            network.with_tables(|tables| {
                pass.forward(filled, tables, &network.weights);
                pass.loss(filled, &network.weights, choices, share, gradients);
                pass.backward(filled, tables, &network.weights, gradients);
            });
        });
        let loss = parts.iter().take(used).map(|part| part.gradients.loss).sum();
        self.update(used, total);
        loss
    }

    /// Sums the gradients of the parts and moves the weights.
    fn update(&mut self, used: usize, total: usize) {
        let parts = self.parts.get(..used).unwrap_or_default();
        let all = self.sampler.takes_all();
        let sums = Sums::new(&self.network, parts, &self.choices, all);
        let norm = sums.squares().sqrt();
        let largest = self.hyperparameters.largest_gradient_norm;
        let learning_rate = self.hyperparameters.learning_rate * schedule(self.steps, total);
        let step = Step {
            learning_rate: learning_rate as f32,
            weight_decay: self.hyperparameters.weight_decay as f32,
            number: i32::try_from(self.steps).unwrap_or(i32::MAX),
            scale: if norm > largest { (largest / norm) as f32 } else { 1.0 },
            // At first the average follows the weights closely: what they began with means nothing.
            average: (self.hyperparameters.weight_average as f32).min(self.steps as f32 / (self.steps as f32 + 10.0)),
        };
        self.last = step;
        let network = &mut self.network;
        let mut states = self.states.iter_mut();
        let mut next = |weights: &mut [f32], gradient: &Sum| {
            let Some(state) = states.next() else { return };
            match &gradient.rows {
                None => state.step(weights, &gradient.values, &step),
                Some(rows) => state.step_rows(weights, rows, &gradient.values, &step),
            }
        };
        next(&mut network.weights, &sums.weights);
        next(&mut network.items, &sums.items);
        for (table, sum) in network.features.iter_mut().zip(&sums.features) {
            next(table, sum);
        }
        next(&mut network.from, &sums.from);
        next(&mut network.to, &sums.to);
        next(&mut network.bias, &sums.bias);
    }

    /// The average of the weights over the last steps, or the weights where none is kept.
    pub fn averaged(&self) -> RankingNetwork {
        let mut averages =
            self.states.iter().zip(tables(&self.network)).map(|(state, table)| state.averaged(table, &self.last));
        let mut network = self.network.clone();
        let mut next = |table: &mut Vec<f32>| {
            if let Some(Some(average)) = averages.next() {
                *table = average;
            }
        };
        next(&mut network.weights);
        next(&mut network.items);
        network.features.iter_mut().for_each(&mut next);
        next(&mut network.from);
        next(&mut network.to);
        next(&mut network.bias);
        network
    }
}

/// Half a cosine behind a straight rise.
fn schedule(step: usize, total: usize) -> f64 {
    let warmup = WARMUP.min(total / 10).max(1) as f64;
    let step = step as f64;
    if step < warmup {
        return step / warmup;
    }
    let done = ((step - warmup) / (total as f64 - warmup).max(1.0)).clamp(0.0, 1.0);
    LAST_LEARNING_RATE + (1.0 - LAST_LEARNING_RATE) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}

fn tables(network: &RankingNetwork) -> impl Iterator<Item = &[f32]> {
    let RankingNetwork { weights, items, features, from, to, bias, .. } = network;
    [weights, items].into_iter().chain(features).chain([from, to, bias]).map(Vec::as_slice)
}

/// Gradients of a table: of all rows, or of some.
#[derive(Debug)]
struct Sum {
    rows: Option<Vec<u32>>,
    values: Vec<f32>,
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

struct Sums {
    weights: Sum,
    items: Sum,
    features: Vec<Sum>,
    from: Sum,
    to: Sum,
    bias: Sum,
}

impl Sums {
    fn new(network: &RankingNetwork, parts: &[PartOfStep], choices: &Choices, all: bool) -> Self {
        let (rows, width) = (network.rows(), network.layout.width);
        let viewed = || parts.iter().flat_map(|part| part.sequences.items()).copied();
        let of = |ids: &mut dyn Iterator<Item = u32>, width: usize| {
            if all {
                return Sum::all(rows, width);
            }
            let mut ids: Vec<u32> = ids.collect();
            ids.sort_unstable();
            ids.dedup();
            Sum::some(rows, ids, width)
        };
        let chosen = || choices.items.iter().copied();
        let mut sums = Self {
            weights: Sum::all(1, network.layout.len()),
            items: of(&mut chosen().chain(viewed()), width),
            features: network.features.iter().map(|table| Sum::all(table.len() / width, width)).collect(),
            from: of(&mut viewed(), width),
            to: of(&mut chosen(), width),
            bias: of(&mut chosen(), 1),
        };
        for part in parts {
            sums.weights.add(0, &part.gradients.weights);
            sums.positions(part);
        }
        sums.choices(network, parts, choices);
        sums
    }

    fn positions(&mut self, part: &PartOfStep) {
        let width = self.items.width;
        let count = self.features.len();
        let gradients = part.gradients.embedded.chunks_exact(width).zip(part.gradients.from.chunks_exact(width));
        let ids = part.sequences.items().iter().zip(part.sequences.features().chunks(count.max(1)));
        for ((item, features), (embedded, from)) in ids.zip(gradients) {
            self.items.add(*item, embedded);
            self.from.add(*item, from);
            self.features.iter_mut().zip(features).for_each(|(sum, id)| sum.add(*id, embedded));
        }
    }

    fn choices(&mut self, network: &RankingNetwork, parts: &[PartOfStep], choices: &Choices) {
        let width = self.items.width;
        let mut sum = vec![0.0; 2 * width];
        for (index, item) in choices.items.iter().enumerate() {
            sum.fill(0.0);
            let mut bias = 0.0;
            for part in parts {
                let row = part.gradients.choices.get(index * 2 * width..(index + 1) * 2 * width).unwrap_or_default();
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                bias += part.gradients.bias.get(index).copied().unwrap_or_default();
            }
            let (embedded, to) = sum.split_at(width);
            self.items.add(*item, embedded);
            self.to.add(*item, to);
            self.bias.add(*item, &[bias]);
            for (features, id) in self.features.iter_mut().zip(network.features_of(*item)) {
                features.add(*id, embedded);
            }
        }
    }

    /// Sum of the squares of all gradients.
    fn squares(&self) -> f64 {
        let tables = [&self.weights, &self.items, &self.from, &self.to, &self.bias].into_iter().chain(&self.features);
        let of = |values: &[f32]| -> f64 { f64::from(values.iter().map(|value| value * value).sum::<f32>()) };
        tables.map(|sum| sum.values.par_chunks(1 << 12).map(of).collect::<Vec<_>>().into_iter().sum::<f64>()).sum()
    }
}
