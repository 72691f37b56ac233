//! Everything between the embeddings and the logits, from the kernels: targets and parameters enter as flat slices,
//! logits leave; and back.

use std::time::{Duration, Instant};

use slirec_kernels::candidate_attention::{self, CandidateAttention};
use slirec_kernels::dropout::Dropout;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::long_term::{self, LongTerm};
use slirec_kernels::normalisation::Statistics;
use slirec_kernels::scoring::{self, Scoring};
use slirec_kernels::time_lstm::{self, TimeLstm};

use super::{PartTime, attention_sizes, lstm_sizes, scoring_sizes};
use crate::batch::{Batch, PADDING};
use crate::hyperparameters::ModelHyperparameters;

/// What enters: the embeddings of the batch's targets `[V, D]`, the parameters of LSTM and candidate attention, and those
/// of the long-term part, mixing and score. Also the shape of the gradients that leave.
pub(super) type Arguments<'a> = [&'a [f32]; 3];

/// Dropout of the three fully connected networks.
#[derive(Debug, Clone, Copy)]
pub(super) struct DropoutMasks {
    pub(super) attention: [Dropout; 2],
    /// Mixing, then score.
    pub(super) scoring: [[Dropout; 2]; 2],
}

/// The kernels, which keep what their backward passes need, and what passes between them. All of it is used again in
/// every step.
#[derive(Debug)]
pub(super) struct FusedNetwork {
    sizes: ModelHyperparameters,
    lstm: Timed<TimeLstm>,
    attention: Timed<CandidateAttention>,
    long_term: Timed<LongTerm>,
    scoring: Timed<Scoring>,
    values: Values,
    gradients: Values,
}

/// What passes between the kernels, or its gradients.
#[derive(Debug, Default)]
struct Values {
    /// Item embeddings of the targets, `[V, X]`.
    items: Vec<f32>,
    /// The candidates, `[B * C, D]`.
    queries: Vec<f32>,
    /// `[positions, D]`
    states: Vec<f32>,
    /// `[B, D]`
    long_term: Vec<f32>,
    /// `[B * C, D]`
    short_term: Vec<f32>,
}

impl Values {
    fn resize(&mut self, batch: &Batch, sizes: &ModelHyperparameters) {
        let target = sizes.target_size();
        self.items.resize(batch.target_items.len() * sizes.item_embedding_size, 0.0);
        self.queries.resize(batch.candidate_targets.len() * target, 0.0);
        self.states.resize(batch.history_targets.len() * target, 0.0);
        self.long_term.resize(batch.groups() * target, 0.0);
        self.short_term.resize(batch.candidate_targets.len() * target, 0.0);
    }
}

impl FusedNetwork {
    pub(super) fn new(sizes: &ModelHyperparameters) -> Self {
        let set = InstructionSet::detect();
        Self {
            sizes: sizes.clone(),
            lstm: Timed::new("LSTM", TimeLstm::new(set, lstm_sizes(sizes))),
            attention: Timed::new("candidate attention", CandidateAttention::new(set, attention_sizes(sizes))),
            long_term: Timed::new("long-term interest", LongTerm::new(set)),
            scoring: Timed::new("mixing and score", Scoring::new(set, scoring_sizes(sizes))),
            values: Values::default(),
            gradients: Values::default(),
        }
    }

    pub(super) fn times(&self) -> [PartTime; 4] {
        [self.lstm.time, self.attention.time, self.long_term.time, self.scoring.time]
    }

    /// Replaces `logits` `[B * C]`.
    pub(super) fn forward(&mut self, batch: &Batch, arguments: Arguments<'_>, masks: DropoutMasks, logits: &mut [f32]) {
        let Self { sizes, lstm, attention, long_term, scoring, values, .. } = self;
        let view = View { batch, sizes, masks, parameters: Parameters::split(arguments, lstm_sizes(sizes), sizes) };
        values.resize(batch, sizes);
        let targets = arguments[0];
        gather(targets, sizes, batch, values);
        let Values { items, queries, states, long_term: of_histories, short_term } = values;
        long_term.forward(|kernel| kernel.forward(&view.long_term(targets), of_histories));
        lstm.forward(|kernel| kernel.forward(&view.lstm(items), states));
        attention.forward(|kernel| kernel.forward(&view.attention(states, queries), short_term));
        scoring.forward(|kernel| kernel.forward(&view.scoring(queries, of_histories, short_term), logits));
    }

    /// Batch statistics of the last forward pass: attention, mixing, score.
    pub(super) fn statistics(&self, arguments: Arguments<'_>) -> [[Statistics; 2]; 3] {
        let parameters = Parameters::split(arguments, lstm_sizes(&self.sizes), &self.sizes);
        let attention = self.attention.kernel.statistics(parameters.attention);
        let [mixing, score] = self.scoring.kernel.statistics(parameters.scoring);
        [attention, mixing, score]
    }

    /// Replaces the gradients of all arguments.
    pub(super) fn backward(
        &mut self,
        batch: &Batch,
        arguments: Arguments<'_>,
        masks: DropoutMasks,
        logit_gradients: &[f32],
        gradients: [&mut [f32]; 3],
    ) {
        let Self { sizes, lstm, attention, long_term, scoring, values, gradients: between } = self;
        let view = View { batch, sizes, masks, parameters: Parameters::split(arguments, lstm_sizes(sizes), sizes) };
        between.resize(batch, sizes);
        let [of_targets, of_short_term, of_others] = gradients;
        let (of_lstm, of_attention) = of_short_term.split_at_mut(view.parameters.lstm.len());
        let (of_long_term, of_scoring) = of_others.split_at_mut(view.parameters.long_term.len());
        let Values { items, queries, states, long_term: of_histories, short_term } = values;

        // The targets' gradients are summed from three sides; the candidates' from two.
        scoring.backward(|kernel| {
            let inputs = view.scoring(queries, of_histories, short_term);
            let into = scoring::Gradients {
                queries: &mut between.queries,
                long_term: &mut between.long_term,
                short_term: &mut between.short_term,
                parameters: of_scoring,
            };
            kernel.backward(&inputs, logit_gradients, into);
        });
        long_term.backward(|kernel| {
            let into = long_term::Gradients { vectors: of_targets, parameters: of_long_term };
            kernel.backward(&view.long_term(arguments[0]), &between.long_term, into);
        });
        scatter(&between.queries, &batch.candidate_targets, of_targets);
        attention.backward(|kernel| {
            let into = candidate_attention::Gradients {
                states: &mut between.states,
                queries: &mut between.queries,
                parameters: of_attention,
            };
            kernel.backward(&view.attention(states, queries), &between.short_term, into);
        });
        scatter(&between.queries, &batch.candidate_targets, of_targets);
        lstm.backward(|kernel| {
            let into = time_lstm::Gradients { embeddings: &mut between.items, parameters: of_lstm };
            kernel.backward(&view.lstm(items), states, &between.states, into);
        });
        let rows = of_targets.chunks_exact_mut(sizes.target_size());
        for (target, item) in rows.zip(between.items.chunks_exact(sizes.item_embedding_size)) {
            target.iter_mut().zip(item).for_each(|(target, item)| *target += item);
        }
    }
}

/// Items are the first columns of their targets, candidates some of the targets.
fn gather(targets: &[f32], sizes: &ModelHyperparameters, batch: &Batch, values: &mut Values) {
    let (target, width) = (sizes.target_size(), sizes.item_embedding_size);
    for (item, target) in values.items.chunks_exact_mut(width).zip(targets.chunks_exact(target)) {
        item.iter_mut().zip(target).for_each(|(item, target)| *item = *target);
    }
    for (query, number) in values.queries.chunks_exact_mut(target).zip(&batch.candidate_targets) {
        let row = targets.chunks_exact(target).nth(*number as usize).unwrap_or_default();
        query.iter_mut().zip(row).for_each(|(query, target)| *query = *target);
    }
}

/// Adds rows to those that they came from.
fn scatter(rows: &[f32], numbers: &[u32], into: &mut [f32]) {
    let width = rows.len() / numbers.len().max(1);
    for (row, number) in rows.chunks_exact(width.max(1)).zip(numbers) {
        let target = into.chunks_exact_mut(width).nth(*number as usize).unwrap_or_default();
        target.iter_mut().zip(row).for_each(|(target, value)| *target += value);
    }
}

/// The parameters of each kernel.
struct Parameters<'a> {
    lstm: &'a [f32],
    attention: &'a [f32],
    long_term: &'a [f32],
    scoring: &'a [f32],
}

impl<'a> Parameters<'a> {
    fn split([_, short_term, others]: Arguments<'a>, lstm: time_lstm::Sizes, sizes: &ModelHyperparameters) -> Self {
        let target = sizes.target_size();
        let (lstm, attention) = short_term.split_at(lstm.lengths().iter().sum());
        let (long_term, scoring) = others.split_at(target * target + target);
        Self { lstm, attention, long_term, scoring }
    }
}

/// A batch as each kernel takes it.
struct View<'a> {
    batch: &'a Batch,
    sizes: &'a ModelHyperparameters,
    masks: DropoutMasks,
    parameters: Parameters<'a>,
}

impl<'a> View<'a> {
    fn lstm(&self, items: &'a [f32]) -> time_lstm::Inputs<'a> {
        time_lstm::Inputs {
            histories: self.batch.histories(),
            embeddings: items,
            items: &self.batch.history_targets,
            time_to_now: &self.batch.time_to_now,
            time_from_first: &self.batch.time_from_first,
            parameters: self.parameters.lstm,
        }
    }

    fn long_term(&self, targets: &'a [f32]) -> long_term::Inputs<'a> {
        long_term::Inputs {
            histories: self.batch.histories(),
            target: self.sizes.target_size(),
            vectors: targets,
            items: &self.batch.history_targets,
            padding: self.sizes.long_term_padding.then_some(PADDING),
            parameters: self.parameters.long_term,
        }
    }

    fn attention(&self, states: &'a [f32], queries: &'a [f32]) -> candidate_attention::Inputs<'a> {
        candidate_attention::Inputs {
            histories: self.batch.histories(),
            candidates: self.batch.candidates,
            states,
            queries,
            parameters: self.parameters.attention,
            dropout: self.masks.attention,
        }
    }

    fn scoring(&self, queries: &'a [f32], long_term: &'a [f32], short_term: &'a [f32]) -> scoring::Inputs<'a> {
        scoring::Inputs {
            candidates: self.batch.candidates,
            queries,
            long_term,
            short_term,
            last_slots: &self.batch.gate_times,
            parameters: self.parameters.scoring,
            dropout: self.masks.scoring,
        }
    }
}

/// A kernel that knows how long its passes have taken.
#[derive(Debug)]
struct Timed<T> {
    kernel: T,
    time: PartTime,
}

impl<T> Timed<T> {
    fn new(name: &'static str, kernel: T) -> Self {
        Self { kernel, time: PartTime { name, forward: Duration::ZERO, backward: Duration::ZERO } }
    }

    fn forward(&mut self, pass: impl FnOnce(&mut T)) {
        let started = Instant::now();
        pass(&mut self.kernel);
        self.time.forward += started.elapsed();
    }

    fn backward(&mut self, pass: impl FnOnce(&mut T)) {
        let started = Instant::now();
        pass(&mut self.kernel);
        self.time.backward += started.elapsed();
    }
}
