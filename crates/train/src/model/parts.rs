//! The four fused parts of a step, between the batch and the kernels. Each has its arguments in the order of its
//! kernel's inputs, its parameters last.

use std::sync::Arc;

use candle_core::Shape;
use slirec_kernels::candidate_attention::{self, CandidateAttention};
use slirec_kernels::dropout::Dropout;
use slirec_kernels::long_term::{self, LongTerm};
use slirec_kernels::scoring::{self, Scoring};
use slirec_kernels::time_lstm::{self, TimeLstm};

use super::operation::Part;
use crate::batch::{Batch, PADDING};

/// Item embeddings of the targets `[V, X]` become states `[positions, H]`.
pub(super) struct ShortTermStates {
    pub(super) batch: Arc<Batch>,
    pub(super) hidden: usize,
}

impl ShortTermStates {
    fn inputs<'a>(&'a self, [embeddings, parameters]: [&'a [f32]; 2]) -> time_lstm::Inputs<'a> {
        time_lstm::Inputs {
            histories: self.batch.histories(),
            embeddings,
            items: &self.batch.history_targets,
            time_to_now: &self.batch.time_to_now,
            time_from_first: &self.batch.time_from_first,
            parameters,
        }
    }
}

impl Part<2> for ShortTermStates {
    type Kernel = TimeLstm;
    const NAME: &'static str = "time-aware LSTM";

    fn shape(&self) -> Shape {
        (self.batch.history_targets.len(), self.hidden).into()
    }

    fn forward(&self, kernel: &mut TimeLstm, arguments: [&[f32]; 2], result: &mut [f32]) {
        kernel.forward(&self.inputs(arguments), result);
    }

    fn backward(
        &self,
        kernel: &mut TimeLstm,
        arguments: [&[f32]; 2],
        [states, gradient]: [&[f32]; 2],
        [embeddings, parameters]: [&mut [f32]; 2],
    ) {
        let gradients = time_lstm::Gradients { embeddings, parameters };
        kernel.backward(&self.inputs(arguments), states, gradient, gradients);
    }
}

/// Targets `[V, D]` become the histories' long-term interests `[B, D]`.
pub(super) struct LongTermInterests {
    pub(super) batch: Arc<Batch>,
    pub(super) target: usize,
    /// Whether empty slots count.
    pub(super) padding: bool,
}

impl LongTermInterests {
    fn inputs<'a>(&'a self, [vectors, parameters]: [&'a [f32]; 2]) -> long_term::Inputs<'a> {
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
    type Kernel = LongTerm;
    const NAME: &'static str = "long-term interest";

    fn shape(&self) -> Shape {
        (self.batch.groups(), self.target).into()
    }

    fn forward(&self, kernel: &mut LongTerm, arguments: [&[f32]; 2], result: &mut [f32]) {
        kernel.forward(&self.inputs(arguments), result);
    }

    fn backward(
        &self,
        kernel: &mut LongTerm,
        arguments: [&[f32]; 2],
        [_, gradient]: [&[f32]; 2],
        [vectors, parameters]: [&mut [f32]; 2],
    ) {
        kernel.backward(&self.inputs(arguments), gradient, long_term::Gradients { vectors, parameters });
    }
}

/// States `[positions, H]` and candidates `[B * C, D]` become short-term interests `[B * C, H]`.
pub(super) struct ShortTermInterests {
    pub(super) batch: Arc<Batch>,
    pub(super) hidden: usize,
    pub(super) dropout: [Dropout; 2],
}

impl ShortTermInterests {
    fn inputs<'a>(&'a self, [states, queries, parameters]: [&'a [f32]; 3]) -> candidate_attention::Inputs<'a> {
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
    type Kernel = CandidateAttention;
    const NAME: &'static str = "candidate attention";

    fn shape(&self) -> Shape {
        (self.batch.candidate_targets.len(), self.hidden).into()
    }

    fn forward(&self, kernel: &mut CandidateAttention, arguments: [&[f32]; 3], result: &mut [f32]) {
        kernel.forward(&self.inputs(arguments), result);
    }

    fn backward(
        &self,
        kernel: &mut CandidateAttention,
        arguments: [&[f32]; 3],
        [_, gradient]: [&[f32]; 2],
        [states, queries, parameters]: [&mut [f32]; 3],
    ) {
        let gradients = candidate_attention::Gradients { states, queries, parameters };
        kernel.backward(&self.inputs(arguments), gradient, gradients);
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
    type Kernel = Scoring;
    const NAME: &'static str = "mixing and score";

    fn shape(&self) -> Shape {
        (self.batch.groups(), self.batch.candidates).into()
    }

    fn forward(&self, kernel: &mut Scoring, arguments: [&[f32]; 3], result: &mut [f32]) {
        kernel.forward(&self.inputs(arguments), result);
    }

    fn backward(
        &self,
        kernel: &mut Scoring,
        arguments: [&[f32]; 3],
        [_, gradient]: [&[f32]; 2],
        [queries, interests, parameters]: [&mut [f32]; 3],
    ) {
        let (long_term, short_term) = interests.split_at_mut(self.batch.groups() * self.target);
        let gradients = scoring::Gradients { queries, long_term, short_term, parameters };
        kernel.backward(&self.inputs(arguments), gradient, gradients);
    }
}
