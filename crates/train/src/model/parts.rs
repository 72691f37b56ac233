//! The three fused parts of a step, between the batch and the kernels. Each has its arguments in the order of its
//! kernel's inputs, its parameters last.

use std::sync::Arc;

use candle_core::Shape;
use slirec_kernels::candidate_attention::{self, CandidateAttention};
use slirec_kernels::dropout::Dropout;
use slirec_kernels::long_term::{self, LongTerm};
use slirec_kernels::scoring::{self, Scoring};
use slirec_kernels::time_lstm::{self, TimeLstm};

use super::operation::{Part, Timed};
use crate::batch::{Batch, PADDING};

/// Targets `[V, D]` become the histories' long-term interests `[B, D]`.
pub(super) struct LongTermInterests {
    pub(super) batch: Arc<Batch>,
    pub(super) target: usize,
    /// Whether empty slots count.
    pub(super) padding: bool,
}

impl LongTermInterests {
    pub(super) fn inputs<'a>(&'a self, [vectors, parameters]: [&'a [f32]; 2]) -> long_term::Inputs<'a> {
        long_term::Inputs {
            histories: self.batch.histories(),
            target: self.target,
            vectors,
            items: &self.batch.history_targets,
            padding: self.padding.then_some(PADDING),
            parameters,
        }
    }
}

impl Part<2> for LongTermInterests {
    type Kernel = Timed<LongTerm>;
    const NAME: &'static str = "long-term interest";

    fn shape(&self) -> Shape {
        (self.batch.groups(), self.target).into()
    }

    fn forward(&self, kernel: &mut Timed<LongTerm>, arguments: [&[f32]; 2], result: &mut [f32]) {
        kernel.forward(|kernel| kernel.forward(&self.inputs(arguments), result));
    }

    fn backward(
        &self,
        kernel: &mut Timed<LongTerm>,
        arguments: [&[f32]; 2],
        gradient: &[f32],
        [vectors, parameters]: [&mut [f32]; 2],
    ) {
        let gradients = long_term::Gradients { vectors, parameters };
        kernel.backward(|kernel| kernel.backward(&self.inputs(arguments), gradient, gradients));
    }
}

/// LSTM and candidate attention with the states between them, which nobody else needs.
#[derive(Debug)]
pub(super) struct ShortTerm {
    pub(super) lstm: Timed<TimeLstm>,
    pub(super) attention: Timed<CandidateAttention>,
    /// `[positions, H]`
    states: Vec<f32>,
    /// `[positions, H]`
    state_gradients: Vec<f32>,
}

impl ShortTerm {
    pub(super) fn new(lstm: TimeLstm, attention: CandidateAttention) -> Self {
        let (states, state_gradients) = (Vec::new(), Vec::new());
        Self { lstm: Timed::new(lstm), attention: Timed::new(attention), states, state_gradients }
    }
}

/// Item embeddings of the targets `[V, X]` and candidates `[B * C, D]` become short-term interests `[B * C, H]`. The
/// LSTM's parameters come first.
pub(super) struct ShortTermInterests {
    pub(super) batch: Arc<Batch>,
    pub(super) hidden: usize,
    pub(super) dropout: [Dropout; 2],
}

/// The LSTM's view of a batch.
pub(super) fn lstm_inputs<'a>(batch: &'a Batch, embeddings: &'a [f32], parameters: &'a [f32]) -> time_lstm::Inputs<'a> {
    time_lstm::Inputs {
        histories: batch.histories(),
        embeddings,
        items: &batch.history_targets,
        time_to_now: &batch.time_to_now,
        time_from_first: &batch.time_from_first,
        parameters,
    }
}

impl ShortTermInterests {
    fn attention_inputs<'a>(
        &'a self,
        states: &'a [f32],
        queries: &'a [f32],
        parameters: &'a [f32],
    ) -> candidate_attention::Inputs<'a> {
        candidate_attention::Inputs {
            histories: self.batch.histories(),
            candidates: self.batch.candidates,
            states,
            queries,
            parameters,
            dropout: self.dropout,
        }
    }
}

impl Part<3> for ShortTermInterests {
    type Kernel = ShortTerm;
    const NAME: &'static str = "short-term interest";

    fn shape(&self) -> Shape {
        (self.batch.candidate_targets.len(), self.hidden).into()
    }

    fn forward(&self, kernel: &mut ShortTerm, [items, queries, parameters]: [&[f32]; 3], result: &mut [f32]) {
        let ShortTerm { lstm, attention, states, .. } = kernel;
        let (of_lstm, of_attention) = parameters.split_at(lstm.kernel.parameters());
        states.resize(self.batch.history_targets.len() * self.hidden, 0.0);
        lstm.forward(|lstm| lstm.forward(&lstm_inputs(&self.batch, items, of_lstm), states));
        attention.forward(|attention| {
            attention.forward(&self.attention_inputs(states, queries, of_attention), result);
        });
    }

    fn backward(
        &self,
        kernel: &mut ShortTerm,
        [items, queries, parameters]: [&[f32]; 3],
        gradient: &[f32],
        [of_items, of_queries, of_parameters]: [&mut [f32]; 3],
    ) {
        let ShortTerm { lstm, attention, states, state_gradients } = kernel;
        let of_lstm = lstm.kernel.parameters();
        let (lstm_parameters, attention_parameters) = parameters.split_at(of_lstm);
        let (lstm_gradients, attention_gradients) = of_parameters.split_at_mut(of_lstm);
        state_gradients.resize(states.len(), 0.0);
        attention.backward(|attention| {
            let gradients = candidate_attention::Gradients {
                states: state_gradients,
                queries: of_queries,
                parameters: attention_gradients,
            };
            attention.backward(&self.attention_inputs(states, queries, attention_parameters), gradient, gradients);
        });
        lstm.backward(|lstm| {
            let gradients = time_lstm::Gradients { embeddings: of_items, parameters: lstm_gradients };
            lstm.backward(&lstm_inputs(&self.batch, items, lstm_parameters), states, state_gradients, gradients);
        });
    }
}

/// Candidates `[B * C, D]` and interests, long-term `[B, D]` then short-term `[B * C, D]` in one, become logits `[B, C]`.
pub(super) struct Logits {
    pub(super) batch: Arc<Batch>,
    pub(super) target: usize,
    pub(super) dropout: [[Dropout; 2]; 2],
}

impl Logits {
    fn inputs<'a>(&'a self, [queries, interests, parameters]: [&'a [f32]; 3]) -> scoring::Inputs<'a> {
        let (long_term, short_term) = interests.split_at(self.batch.groups() * self.target);
        scoring::Inputs {
            candidates: self.batch.candidates,
            queries,
            long_term,
            short_term,
            last_slots: &self.batch.gate_times,
            parameters,
            dropout: self.dropout,
        }
    }
}

impl Part<3> for Logits {
    type Kernel = Timed<Scoring>;
    const NAME: &'static str = "mixing and score";

    fn shape(&self) -> Shape {
        (self.batch.groups(), self.batch.candidates).into()
    }

    fn forward(&self, kernel: &mut Timed<Scoring>, arguments: [&[f32]; 3], result: &mut [f32]) {
        kernel.forward(|kernel| kernel.forward(&self.inputs(arguments), result));
    }

    fn backward(
        &self,
        kernel: &mut Timed<Scoring>,
        arguments: [&[f32]; 3],
        gradient: &[f32],
        [queries, interests, parameters]: [&mut [f32]; 3],
    ) {
        let (long_term, short_term) = interests.split_at_mut(self.batch.groups() * self.target);
        let gradients = scoring::Gradients { queries, long_term, short_term, parameters };
        kernel.backward(|kernel| kernel.backward(&self.inputs(arguments), gradient, gradients));
    }
}
