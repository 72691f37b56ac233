//! From interests to logits, trained: candidates `[B * C, D]`, long-term interests `[B, D]` and short-term interests
//! `[B * C, D]` enter, a logit for every candidate leaves; and back.
//!
//! ```text
//! alpha = sigmoid(mixing([q, long, short, last slot's time]))
//! user  = long · alpha + short · (1 - alpha)
//! logit = score([user, q])
//! ```

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::dropout::Dropout;
use crate::fully_connected::{self, FullyConnected};
use crate::functions::sigmoid_all;
use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use crate::layers::NetworkSizes;
use crate::normalisation::Statistics;

/// Sizes of both networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Width of a candidate and of an interest, D.
    pub target: usize,
    /// Hidden layers of the mixing gate.
    pub mixing: [usize; 2],
    /// Hidden layers of the score's network.
    pub score: [usize; 2],
}

impl Sizes {
    /// The mixing gate's network and the score's.
    pub fn networks(&self) -> [NetworkSizes; 2] {
        [
            NetworkSizes { inputs: 3 * self.target + 1, hidden: self.mixing },
            NetworkSizes { inputs: 2 * self.target, hidden: self.score },
        ]
    }
}

/// What enters; the same for the forward and the backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Candidates of each history, C.
    pub candidates: usize,
    /// `[B * C, D]`
    pub queries: &'a [f32],
    /// `[B, D]`
    pub long_term: &'a [f32],
    /// `[B * C, D]`
    pub short_term: &'a [f32],
    /// The time to now of every history's last slot, `[B]`.
    pub last_slots: &'a [f32],
    /// Parameters of both networks, one behind the other.
    pub parameters: &'a [f32],
    /// Dropout of the hidden layers of both networks.
    pub dropout: [[Dropout; 2]; 2],
}

/// Where the gradients go; all of them are replaced.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[B * C, D]`
    pub queries: &'a mut [f32],
    /// `[B, D]`
    pub long_term: &'a mut [f32],
    /// `[B * C, D]`
    pub short_term: &'a mut [f32],
    /// Parameters of both networks, one behind the other.
    pub parameters: &'a mut [f32],
}

/// Both networks with what their backward pass needs to know of the forward pass; reused from step to step.
#[derive(Debug)]
pub struct Scoring {
    set: InstructionSet,
    sizes: Sizes,
    mixing: FullyConnected,
    score: FullyConnected,
    mixing_rows: Buffer,
    score_rows: Buffer,
    /// alpha, `[B * C]`.
    shares: Buffer,
}

impl Scoring {
    /// Networks of these sizes.
    pub fn new(set: InstructionSet, sizes: Sizes) -> Self {
        let [mixing, score] = sizes.networks().map(|sizes| FullyConnected::new(set, sizes));
        let [mixing_rows, score_rows, shares] = [0, 1, 2].map(|_| Buffer::default());
        Self { set, sizes, mixing, score, mixing_rows, score_rows, shares }
    }

    /// Batch statistics of the hidden layers of both networks in the last forward pass, their biases included.
    pub fn statistics(&self, parameters: &[f32]) -> [[Statistics; 2]; 2] {
        let (mixing, score) = self.parameters(parameters);
        [self.mixing.statistics(mixing), self.score.statistics(score)]
    }

    fn parameters<'a>(&self, values: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        values.split_at(self.mixing.sizes().parameters())
    }

    fn check(&self, inputs: &Inputs<'_>, logits: usize) {
        let target = self.sizes.target;
        let parameters = self.mixing.sizes().parameters() + self.score.sizes().parameters();
        assert_eq!(inputs.last_slots.len() * inputs.candidates, logits, "number of logits");
        assert_eq!(inputs.queries.len(), logits * target, "length of the queries");
        assert_eq!(inputs.short_term.len(), logits * target, "length of the short-term interests");
        assert_eq!(inputs.long_term.len(), inputs.last_slots.len() * target, "length of the long-term interests");
        assert_eq!(inputs.parameters.len(), parameters, "length of the parameters");
    }

    /// Replaces `logits` `[B * C]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn forward(&mut self, inputs: &Inputs<'_>, logits: &mut [f32]) {
        self.check(inputs, logits.len());
        let target = self.sizes.target;
        let [mixing_width, score_width] = self.sizes.networks().map(|sizes| sizes.inputs);
        let (of_mixing, of_score) = inputs.parameters.split_at(self.mixing.sizes().parameters());
        let long_term = |row: usize| &inputs.long_term[row / inputs.candidates * target..][..target];
        let rows = || inputs.queries.par_chunks(target).zip(inputs.short_term.par_chunks(target)).enumerate();

        let mixing_rows = self.mixing_rows.resize(logits.len() * mixing_width);
        mixing_rows.par_chunks_mut(mixing_width).zip(rows()).with_min_len(ROWS_AT_ONCE).for_each(
            |(mixed, (row, (query, short_term)))| {
                mixed[..target].copy_from_slice(query);
                mixed[target..2 * target].copy_from_slice(long_term(row));
                mixed[2 * target..3 * target].copy_from_slice(short_term);
                mixed[3 * target] = inputs.last_slots[row / inputs.candidates];
            },
        );
        let shares = self.shares.resize(logits.len());
        let rows_in =
            fully_connected::Inputs { rows: &self.mixing_rows, parameters: of_mixing, dropout: inputs.dropout[0] };
        self.mixing.forward(&rows_in, shares);
        sigmoid_all(self.set, shares);

        let score_rows = self.score_rows.resize(logits.len() * score_width);
        score_rows.par_chunks_mut(score_width).zip(rows()).zip(&*shares).with_min_len(ROWS_AT_ONCE).for_each(
            |((scored, (row, (query, short_term))), share)| {
                let interests = long_term(row).iter().zip(short_term);
                for (user, (long_term, short_term)) in scored.iter_mut().zip(interests) {
                    *user = short_term + (long_term - short_term) * share;
                }
                scored[target..].copy_from_slice(query);
            },
        );
        let rows_in =
            fully_connected::Inputs { rows: &self.score_rows, parameters: of_score, dropout: inputs.dropout[1] };
        self.score.forward(&rows_in, logits);
    }

    /// Replaces all gradients; `logit_gradients` `[B * C]` are those of the last forward pass's result, whose inputs must
    /// come again.
    ///
    /// # Panics
    /// When a slice has another length than in that pass.
    pub fn backward(&mut self, inputs: &Inputs<'_>, logit_gradients: &[f32], gradients: Gradients<'_>) {
        self.check(inputs, logit_gradients.len());
        let target = self.sizes.target;
        let [mixing_width, score_width] = self.sizes.networks().map(|sizes| sizes.inputs);
        let (of_mixing, of_score) = inputs.parameters.split_at(self.mixing.sizes().parameters());
        let (into_mixing, into_score) = gradients.parameters.split_at_mut(self.mixing.sizes().parameters());
        let long_term = |row: usize| &inputs.long_term[row / inputs.candidates * target..][..target];

        let mut score_gradients = Buffer::zeros(self.score_rows.len());
        let rows_in =
            fully_connected::Inputs { rows: &self.score_rows, parameters: of_score, dropout: inputs.dropout[1] };
        let rows_out = fully_connected::Gradients { rows: &mut score_gradients, parameters: into_score };
        self.score.backward(&rows_in, logit_gradients, rows_out);

        let mut share_gradients = Buffer::zeros(logit_gradients.len());
        let rows = score_gradients.chunks_exact(score_width).zip(inputs.short_term.chunks_exact(target));
        for (row, ((gradient, (of_user, short_term)), share)) in
            share_gradients.iter_mut().zip(rows).zip(&*self.shares).enumerate()
        {
            let interests = long_term(row).iter().zip(short_term);
            let sum: f32 = of_user.iter().zip(interests).map(|(of_user, (long, short))| of_user * (long - short)).sum();
            *gradient = sum * share * (1.0 - share);
        }
        let mut mixing_gradients = Buffer::zeros(self.mixing_rows.len());
        let rows_in =
            fully_connected::Inputs { rows: &self.mixing_rows, parameters: of_mixing, dropout: inputs.dropout[0] };
        let rows_out = fully_connected::Gradients { rows: &mut mixing_gradients, parameters: into_mixing };
        self.mixing.backward(&rows_in, &share_gradients, rows_out);

        gradients.long_term.fill(0.0);
        let rows = score_gradients.chunks_exact(score_width).zip(mixing_gradients.chunks_exact(mixing_width));
        let targets = gradients.queries.chunks_exact_mut(target).zip(gradients.short_term.chunks_exact_mut(target));
        for (row, (((scored, mixed), (query, short_term)), share)) in rows.zip(targets).zip(&*self.shares).enumerate() {
            let long_term = &mut gradients.long_term[row / inputs.candidates * target..][..target];
            for column in 0..target {
                let of_user = scored[column];
                query[column] = scored[target + column] + mixed[column];
                long_term[column] += of_user * share + mixed[target + column];
                short_term[column] = of_user * (1.0 - share) + mixed[2 * target + column];
            }
        }
    }
}

/// Rows that are worth a thread's while.
const ROWS_AT_ONCE: usize = 256;
