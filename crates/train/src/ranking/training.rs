//! Training of a ranking network: a dataset and hyperparameters enter, step by step; the averaged weights leave.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, Gradients, Pass, Sequences};

use super::batches::{PARTS, batches, sequences, users, windows};
use super::choices::Sampler;
use super::hidden::Hidden;
use super::network::RankingNetwork;
use super::optimizer::{State, Step};
use super::sums::Sums;
use crate::checkpoint::{self, Checkpoint};
use crate::dataset::Dataset;
use crate::hyperparameters::{Hyperparameters, TrainingHyperparameters};
use crate::random::{self, Purpose};
use crate::weights::{Weights, WeightsError};

/// Prefix of the arrays that say up to which step each row of a table was averaged.
const AVERAGED_AT: &str = "averaged_at.";

/// A network that is being trained.
#[derive(Debug)]
pub struct RankingTraining<'a> {
    dataset: &'a Dataset,
    hyperparameters: &'a Hyperparameters,
    seed: u64,
    /// The network as of the last step.
    network: RankingNetwork,
    sampler: Sampler,
    /// Of every slice of the network.
    states: Vec<State>,
    parts: Vec<PartOfStep>,
    choices: Choices,
    /// The batches of an epoch.
    order: Option<(u32, Vec<Vec<Range<usize>>>)>,
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

/// A step that was done.
#[derive(Debug, Clone, Copy)]
pub struct StepDone {
    /// Its number within the epoch, from 1.
    pub number: u32,
    /// Mean loss of its positives.
    pub loss: f32,
    /// Positives that it trained: every position of a sequence is one.
    pub positives: usize,
    /// The learning rate that it had.
    pub learning_rate: f64,
}

impl<'a> RankingTraining<'a> {
    /// A training that begins.
    pub fn new(dataset: &'a Dataset, hyperparameters: &'a Hyperparameters, seed: u64) -> Self {
        let network = RankingNetwork::start(&hyperparameters.model, &dataset.vocabulary, seed);
        Self::of(dataset, hyperparameters, seed, network)
    }

    fn of(dataset: &'a Dataset, hyperparameters: &'a Hyperparameters, seed: u64, network: RankingNetwork) -> Self {
        let interactions = dataset.vocabulary.items().iter().map(|item| item.interactions as f64);
        let interactions: Vec<f64> = std::iter::once(0.0).chain(interactions).collect();
        let training = &hyperparameters.training;
        let states = network.tables().map(|table| State::new(table, training.weight_average > 0.0)).collect();
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
            sampler: Sampler::new(&interactions, training.negatives),
            states,
            parts: (0..PARTS).map(|_| part()).collect(),
            choices: Choices::default(),
            order: None,
            steps: 0,
            last: Step::default(),
            network,
        }
    }

    /// A training that goes on at a checkpoint after so many steps of the run.
    ///
    /// # Errors
    /// [`WeightsError`] when the checkpoint is of another network.
    pub fn restored(
        dataset: &'a Dataset,
        hyperparameters: &'a Hyperparameters,
        seed: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Self, WeightsError> {
        let sizes = &hyperparameters.model;
        let network = RankingNetwork::of(sizes, &dataset.vocabulary, &checkpoint.weights)?;
        let mut training = Self::of(dataset, hyperparameters, seed, network);
        training.steps = checkpoint.progress.steps;
        training.last = training.step_of(1.0, 0.0);
        let missing = |name: &str| WeightsError::Missing(name.to_owned());
        let average = checkpoint.average.as_ref();
        let averages = average.map(|average| RankingNetwork::of(sizes, &dataset.vocabulary, average)).transpose()?;
        let mut averages = averages.iter().flat_map(RankingNetwork::tables);
        for (state, name) in training.states.iter_mut().zip(training.network.table_names()) {
            let moments = checkpoint.optimizer.moments().find(|(of, _)| *of == name);
            let (_, [first, second]) = moments.ok_or_else(|| missing(&name))?;
            let averaged = average.and_then(|average| average.get(&format!("{AVERAGED_AT}{name}")));
            state.restore(first, second, averages.next().map(Vec::as_slice), averaged.map(|array| &*array.values));
        }
        Ok(training)
    }

    /// Positions of an epoch, about: long histories are cut anew in every epoch.
    pub fn positions(&self) -> usize {
        self.windows(1).iter().map(|window| window.len() - 1).sum()
    }

    fn windows(&self, epoch: u32) -> Vec<Range<usize>> {
        windows(self.dataset, self.hyperparameters.model.longest_history, self.seed, epoch)
    }

    /// Trains a step of an epoch, behind so many that were done; none after the last one.
    pub fn step_of_epoch(&mut self, epoch: u32, done: u32) -> Option<StepDone> {
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let windows = self.windows(epoch);
            self.order = Some((epoch, batches(windows, self.hyperparameters.training.batch_size)));
        }
        let (_, order) = self.order.take()?;
        let batch = order.get(done as usize);
        let step = batch.map(|batch| {
            let positions: usize = batch.iter().map(|window| window.len() - 1).sum();
            let learning_rate = self.learning_rate(order.len() * self.hyperparameters.training.epochs);
            let number = done + 1;
            let loss = self.step(batch, positions, (epoch, number), learning_rate) as f32;
            StepDone { number, loss, positives: positions, learning_rate }
        });
        self.order = Some((epoch, order));
        step
    }

    fn step(
        &mut self,
        batch: &[Range<usize>],
        positions: usize,
        (epoch, number): (u32, u32),
        learning_rate: f64,
    ) -> f64 {
        let Self { dataset, hyperparameters, seed, network, sampler, parts, choices, .. } = self;
        let next = batch.iter().flat_map(|window| dataset.items(window.start + 1..window.end));
        let next: Vec<u32> = next.copied().collect();
        let hidden = Hidden::new(random::number(*seed, Purpose::Names(epoch, number)), hyperparameters.id_dropout());
        sampler.fill(network, &next, (*seed, Purpose::Negatives(epoch, number)), hidden, choices);
        let [dropout, _] = hyperparameters.training.dropout;
        let dropout_seed = random::number(*seed, Purpose::Dropout(epoch, number));
        let users = users(dataset, batch, &mut random::generator(*seed, Purpose::Users(epoch, number)));
        let share = 1.0 / positions as f32;
        let chunk = batch.len().div_ceil(PARTS);
        let used = batch.len().div_ceil(chunk);
        let (network, choices) = (&*network, &*choices);
        let work = parts.par_iter_mut().zip(batch.par_chunks(chunk).zip(users.par_chunks(chunk)));
        work.enumerate().for_each(|(index, (part, (windows, users)))| {
            let PartOfStep { sequences: filled, pass, gradients } = part;
            sequences(dataset, windows, users, hidden, filled);
            pass.set_dropout(dropout_seed.wrapping_add(index as u64), dropout);
            network.with_tables(|tables| {
                pass.forward(filled, tables, &network.weights);
                pass.loss(filled, &network.weights, choices, share, gradients);
                pass.backward(filled, tables, &network.weights, gradients);
            });
        });
        self.steps += 1;
        self.update(used, hidden, learning_rate);
        self.parts.iter().take(used).map(|part| part.gradients.loss).sum()
    }

    /// The learning rate of the next step of a run of so many. Of a short run at most a tenth is warm-up, or it would learn
    /// nothing.
    fn learning_rate(&self, steps: usize) -> f64 {
        let training = &self.hyperparameters.training;
        let warmup_steps = training.warmup_steps.min(steps / 10);
        TrainingHyperparameters { warmup_steps, ..training.clone() }.learning_rate_at(self.steps + 1, steps)
    }

    /// What the step after the last one that was done is told.
    fn step_of(&self, scale: f32, learning_rate: f64) -> Step {
        let training = &self.hyperparameters.training;
        let steps = self.steps as f32;
        Step {
            learning_rate: learning_rate as f32,
            weight_decay: training.weight_decay as f32,
            number: i32::try_from(self.steps).unwrap_or(i32::MAX),
            scale,
            // At first the average follows the weights closely: what they began with means nothing.
            average: (training.weight_average as f32).min(steps / (steps + 10.0)),
        }
    }

    /// Sums the gradients of the parts and moves the weights.
    fn update(&mut self, used: usize, hidden: Hidden, learning_rate: f64) {
        let parts: Vec<_> = self.parts.iter().take(used).map(|part| (&part.sequences, &part.gradients)).collect();
        let sums = Sums::new(&self.network, &parts, &self.choices, hidden, self.sampler.takes_all());
        let norm = sums.squares().sqrt();
        let largest = self.hyperparameters.training.largest_gradient_norm;
        let scale = if largest > 0.0 && norm > largest { (largest / norm) as f32 } else { 1.0 };
        let step = self.step_of(scale, learning_rate);
        self.last = step;
        for ((table, state), sum) in self.network.tables_mut().zip(&mut self.states).zip(sums.tables()) {
            match &sum.rows {
                None => state.step(table, &sum.values, &step),
                Some(rows) => state.step_rows(table, rows, &sum.values, &step),
            }
        }
    }

    /// The weights that are measured and kept: their average over the last steps, or those of the last step where none is
    /// kept.
    pub fn measured(&self) -> Weights {
        let averaged = |(state, table): (&State, &'_ Vec<f32>)| {
            Cow::Owned(state.averaged(table, &self.last).unwrap_or_else(|| table.clone()))
        };
        self.network.named(self.states.iter().zip(self.network.tables()).map(averaged)).into()
    }

    /// Weights, their average and the optimiser, for a checkpoint.
    pub fn state(&self) -> checkpoint::State<'_> {
        let names = self.network.table_names();
        let averages: Option<Vec<_>> = self.states.iter().map(|state| state.average.as_deref()).collect();
        let mut average = averages.map(|averages| self.network.named(averages.into_iter().map(Cow::Borrowed)));
        for (state, name) in self.states.iter().zip(&names).filter(|(state, _)| !state.averaged.is_empty()) {
            // Steps are counted exactly far beyond any run: 2^24.
            let steps: Vec<f32> = state.averaged.iter().map(|step| *step as f32).collect();
            if let Some(average) = &mut average {
                average.insert(format!("{AVERAGED_AT}{name}"), vec![steps.len()], steps);
            }
        }
        checkpoint::State {
            weights: self.network.named(self.network.tables().map(|table| Cow::Borrowed(table.as_slice()))),
            average,
            optimizer_steps: i32::try_from(self.steps).unwrap_or(i32::MAX),
            moments: names.into_iter().zip(self.states.iter().map(State::moments)).collect(),
        }
    }
}
