//! From queries to the loss: the queries of all positions and the items to choose from enter, the loss, the gradients of
//! the queries and those of the items leave. Rows of logits live for a block of positions only.

use std::ops::Range;

use rayon::prelude::*;

use super::Part;
use super::forward::Pass;
use super::products::{Packed, dot, multiply_panels, pack, pack_transposed};
use super::sequences::Sequences;
use crate::functions::exp;
use crate::instruction_set::vectorised;
use crate::lanes::{LANES, vectors, vectors_mut};
use crate::product::{Left, Start};
use crate::simd::Vector;

/// Positions whose logits are computed at once.
const POSITIONS_AT_ONCE: usize = 192;
/// Panels that are worth a thread's while, and positions.
const PANELS_OF_A_THREAD: usize = 8;
const POSITIONS_OF_A_THREAD: usize = 48;
/// Choices of a panel: their logits, rows and gradients for a block of positions fit the nearest caches.
const PANEL: usize = 64;

/// The items that every position chooses from: all of them, or a sample that holds every position's next one.
#[derive(Debug, Default)]
pub struct Choices {
    /// Item of each choice; none is the default item.
    pub items: Vec<u32>,
    /// Which choice an item is; `u32::MAX` for none.
    pub choice_of: Vec<u32>,
    /// What a query and the transitions' factors meet: the item's embedding with its features', then the transition's
    /// factors, `[choices, 2 D]`; then rows of zeros, up to a whole panel.
    pub rows: Vec<f32>,
    /// Bias of each choice, less the logarithm of the number of times that it is expected in a sample.
    pub bias: Vec<f32>,
    /// The transposes of the rows of each panel, one behind the other, as right matrices.
    pub(super) columns: Vec<f32>,
    /// The rows of each panel, as right matrices.
    pub(super) packed: Vec<f32>,
}

impl Choices {
    /// To be called when rows, of so many values, and biases were changed.
    pub fn prepare(&mut self, inner: usize) {
        let padded = self.items.len().next_multiple_of(PANEL);
        self.rows.resize(padded * inner, 0.0);
        // What is no choice gets no share of the softmax.
        self.bias.resize(padded, f32::MIN / 2.0);
        self.columns.resize(padded * inner, 0.0);
        self.packed.resize(padded * inner, 0.0);
        let panels = self.columns.par_chunks_mut(PANEL * inner).zip(self.packed.par_chunks_mut(PANEL * inner));
        panels.zip(self.rows.par_chunks(PANEL * inner)).for_each(|((columns, packed), rows)| {
            pack_transposed(rows, inner, columns);
            pack(rows, inner, packed);
        });
    }

    fn of(&self, item: u32) -> Option<usize> {
        let choice = *self.choice_of.get(item as usize)?;
        (choice != u32::MAX).then_some(choice as usize)
    }
}

/// Gradients of a pass.
#[derive(Debug, Default)]
pub struct Gradients {
    /// Of the weights of the layout.
    pub weights: Vec<f32>,
    /// Of the choices' rows, `[choices, 2 D]`.
    pub choices: Vec<f32>,
    /// Of their biases.
    pub bias: Vec<f32>,
    /// Of the embedding of each position, `[P, D]`.
    pub embedded: Vec<f32>,
    /// Of the transitions' factors of each position's item, `[P, D]`.
    pub from: Vec<f32>,
    /// Of the shopper's attributes of each sequence, `[S, D]` in the order of [`Sequences::users`]; empty without them.
    pub users: Vec<f32>,
    /// Of the queries with the transitions' factors, `[P, 2 D]`.
    pub(super) queries: Vec<f32>,
    /// Sum of the losses.
    pub loss: f64,
}

impl Pass {
    /// Logits of one position's choices, without the gradients: `[choices]`.
    pub fn logits(
        &self,
        position: usize,
        sequences: &Sequences,
        weights: &[f32],
        choices: &Choices,
        logits: &mut [f32],
    ) {
        let inner = 2 * self.layout.width;
        let query = &self.queries[position * inner..][..inner];
        for ((logit, row), bias) in logits.iter_mut().zip(choices.rows.chunks_exact(inner)).zip(&choices.bias) {
            *logit = dot(query, row) + bias;
        }
        self.repeats(position, sequences, weights, choices, |choice, value, _, _| logits[choice] += value);
    }

    /// Calls with each choice that the history of a position holds, what that adds to its logit, and the distance and the
    /// bucket of the age that it comes from.
    fn repeats(
        &self,
        position: usize,
        sequences: &Sequences,
        weights: &[f32],
        choices: &Choices,
        mut add: impl FnMut(usize, f32, usize, usize),
    ) {
        let (by_distance, by_age) = (self.layout.of(Part::Distance, weights), self.layout.of(Part::Age, weights));
        let age = usize::from(sequences.ages[position]);
        let (step, row) = sequences.place(position);
        for distance in 0..=step {
            let Some(earlier) = sequences.back(step, row, distance) else { break };
            if let Some(choice) = choices.of(sequences.items[earlier]) {
                add(choice, by_distance[distance] + by_age[age], distance, age);
            }
        }
    }

    /// The loss of all positions that have a next item: the mean's sum, each times `share`. Replaces the gradients of
    /// choices, biases and queries, and those of [`Part::Distance`] and [`Part::Age`].
    pub fn loss(
        &mut self,
        sequences: &Sequences,
        weights: &[f32],
        choices: &Choices,
        share: f32,
        gradients: &mut Gradients,
    ) {
        let inner = 2 * self.layout.width;
        let positions = sequences.positions();
        gradients.loss = 0.0;
        for (matrix, length) in [
            (&mut gradients.weights, self.layout.len()),
            (&mut gradients.choices, choices.rows.len()),
            (&mut gradients.bias, choices.bias.len()),
            (&mut gradients.queries, positions * inner),
        ] {
            matrix.clear();
            matrix.resize(length, 0.0);
        }
        let mut logits = std::mem::take(&mut self.gradients.logits);
        logits.resize(POSITIONS_AT_ONCE.min(positions) * choices.bias.len(), 0.0);
        for start in (0..positions).step_by(POSITIONS_AT_ONCE) {
            let block = start..(start + POSITIONS_AT_ONCE).min(positions);
            let logits = &mut logits[..block.len() * choices.bias.len()];
            self.losses(block, sequences, weights, choices, share, logits, gradients);
        }
        self.gradients.logits = logits;
    }

    /// The loss of a block of positions. Logits stand panel by panel, `[positions, PANEL]` in each. Products are divided
    /// among threads where no sum is.
    #[allow(clippy::too_many_arguments, reason = "what enters and what leaves a block")]
    fn losses(
        &self,
        block: Range<usize>,
        sequences: &Sequences,
        weights: &[f32],
        choices: &Choices,
        share: f32,
        logits: &mut [f32],
        gradients: &mut Gradients,
    ) {
        let (inner, count) = (2 * self.layout.width, block.len());
        let queries = &self.queries[block.start * inner..block.end * inner];
        let left = Left::new(queries, count, inner);
        let panels = choices.columns.par_chunks_exact(PANEL * inner).zip(choices.bias.par_chunks_exact(PANEL));
        let panels = logits.par_chunks_exact_mut(count * PANEL).zip(panels).with_min_len(PANELS_OF_A_THREAD);
        panels.for_each(|(logits, (panel, bias))| {
            multiply_panels(self.set, left, panel, inner, Start::Row(bias), logits, PANEL);
        });
        let place =
            |position: usize, choice: usize| (choice / PANEL * count + position - block.start) * PANEL + choice % PANEL;
        let mut targets = [f32::NAN; POSITIONS_AT_ONCE];
        for position in block.clone() {
            self.repeats(position, sequences, weights, choices, |choice, value, _, _| {
                logits[place(position, choice)] += value;
            });
            if let Some(target) = choices.of(sequences.next[position]) {
                targets[position - block.start] = logits[place(position, target)];
            }
        }
        let mut losses = 0.0;
        softmax_panels(self.set, logits, &targets[..count], share, &mut gradients.bias, &mut losses);
        gradients.loss += losses;
        let (distances, ages) = (self.layout.range(Part::Distance), self.layout.range(Part::Age));
        for position in block.clone() {
            let Some(target) = choices.of(sequences.next[position]) else { continue };
            logits[place(position, target)] -= share;
            gradients.bias[target] -= share;
            let of_weights = &mut gradients.weights;
            self.repeats(position, sequences, weights, choices, |choice, _, distance, age| {
                let gradient = logits[place(position, choice)];
                of_weights[distances.start + distance] += gradient;
                of_weights[ages.start + age] += gradient;
            });
        }
        let of_queries = &mut gradients.queries[block.start * inner..block.end * inner];
        let mut packed = Packed::default();
        packed.fill(queries, inner);
        let panels = || logits.chunks_exact(count * PANEL);
        let parts = of_queries.par_chunks_mut(POSITIONS_OF_A_THREAD * inner);
        parts.enumerate().for_each(|(part, of_queries)| {
            let (first, rows) = (part * POSITIONS_OF_A_THREAD * PANEL, of_queries.len() / inner);
            for (logits, of_panel) in panels().zip(choices.packed.chunks_exact(PANEL * inner)) {
                let logits = Left::new(&logits[first..], rows, PANEL);
                multiply_panels(self.set, logits, of_panel, PANEL, Start::Result, of_queries, inner);
            }
        });
        let of_rows = gradients.choices.par_chunks_exact_mut(PANEL * inner);
        let panels = of_rows.zip(logits.par_chunks_exact(count * PANEL)).with_min_len(PANELS_OF_A_THREAD);
        panels.for_each(|(of_rows, logits)| {
            let logits = Left::new(logits, count, PANEL).transposed();
            packed.multiply(self.set, logits, Start::Result, of_rows, inner);
        });
    }
}

vectorised! {
    /// Replaces the logits of positions, panel by panel, by their gradients but that of the target: the softmax times
    /// `share`, and zero for positions whose target's logit is NaN. Adds them to the biases' gradients, and the losses to
    /// `loss`.
    fn softmax_panels(
        simd,
        logits: &mut [f32],
        targets: &[f32],
        share: f32,
        of_bias: &mut [f32],
        loss: &mut f64,
    ) {
        let stride = targets.len() * PANEL;
        for (position, target) in targets.iter().enumerate() {
            let row = position * PANEL..(position + 1) * PANEL;
            if target.is_nan() {
                logits.chunks_exact_mut(stride).for_each(|panel| panel[row.clone()].fill(0.0));
                continue;
            }
            let mut greatest = [Vector::splat(simd, f32::MIN); PANEL / LANES];
            for panel in logits.chunks_exact(stride) {
                for (greatest, lanes) in greatest.iter_mut().zip(vectors(&panel[row.clone()])) {
                    *greatest = Vector::new(simd, simd.at_least(greatest.values(), simd.load(lanes)));
                }
            }
            let mut lanes = [0.0; LANES];
            let mut most = f32::MIN;
            for greatest in greatest {
                greatest.store(&mut lanes);
                most = lanes.iter().fold(most, |most, value| most.max(*value));
            }
            let subtracted = Vector::splat(simd, most);
            let mut sums = [Vector::zero(simd); PANEL / LANES];
            for panel in logits.chunks_exact_mut(stride) {
                for (sum, lanes) in sums.iter_mut().zip(vectors_mut(&mut panel[row.clone()])) {
                    let power = exp(Vector::load(simd, lanes) - subtracted);
                    *sum += power;
                    power.store(lanes);
                }
            }
            let [first, second, third, fourth] = sums;
            let sum = ((first + second) + (third + fourth)).total();
            *loss += f64::from(share) * f64::from(sum.ln() + most - target);
            let factor = Vector::splat(simd, share / sum);
            for (panel, of_bias) in logits.chunks_exact_mut(stride).zip(of_bias.chunks_exact_mut(PANEL)) {
                for (lanes, of_bias) in vectors_mut(&mut panel[row.clone()]).iter_mut().zip(vectors_mut(of_bias)) {
                    let gradient = Vector::load(simd, lanes) * factor;
                    gradient.store(lanes);
                    (Vector::load(simd, of_bias) + gradient).store(of_bias);
                }
            }
        }
    }
}
