//! The way back: the gradients of the queries enter, those of the weights, of every position's embedding and of its
//! transitions' factors leave.

use super::forward::Pass;
use super::memory::Memory;
use super::output::Gradients;
use super::products::{add, add_rows, add_scaled, add_transposed, dot};
use super::sequences::Sequences;
use super::users::of_users;
use super::{Part, RECENT, Tables};
use crate::product::{Left, Start};

fn zeros(values: &mut Vec<f32>, length: usize) {
    values.clear();
    values.resize(length, 0.0);
}

impl Pass {
    /// Completes the gradients of [`Pass::loss`], whose sequences, tables and weights must come again.
    pub fn backward(&mut self, sequences: &Sequences, tables: &Tables<'_>, weights: &[f32], gradients: &mut Gradients) {
        let mut memory = std::mem::take(&mut self.gradients);
        let (positions, width) = (sequences.positions(), self.layout.width);
        zeros(&mut gradients.embedded, positions * width);
        zeros(&mut gradients.from, positions * width);
        for (matrix, columns) in [
            (&mut memory.short, 1),
            (&mut memory.long, 1),
            (&mut memory.wide, 3),
            (&mut memory.states, 1),
            (&mut memory.gates, 4),
            (&mut memory.now, 1),
        ] {
            zeros(matrix, positions * columns * width);
        }
        let (mut queries, mut from) = self.split(&gradients.queries);
        self.dropout.apply(2, &mut queries);
        self.dropout.apply(3, &mut from);
        self.back_to_items(sequences, tables, weights, &from, gradients);
        self.back_through_query(sequences, weights, &queries, &mut memory, gradients);
        of_users(sequences, tables, &memory.now, width, &mut gradients.users);
        self.back_through_long_term(sequences, weights, &memory.long, gradients);
        self.back_through_time(sequences, weights, &mut memory, gradients);
        self.gradients = memory;
    }

    /// The gradients of queries and transitions, apart.
    fn split(&self, both: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let width = self.layout.width;
        let part = |start: usize| {
            both.chunks_exact(2 * width).flat_map(|row| &row[start..start + width]).copied().collect::<Vec<f32>>()
        };
        (part(0), part(width))
    }

    fn back_to_items(
        &self,
        sequences: &Sequences,
        tables: &Tables<'_>,
        weights: &[f32],
        of_sums: &[f32],
        gradients: &mut Gradients,
    ) {
        let width = self.layout.width;
        let recent = self.layout.of(Part::Recent, weights);
        let of_recent = self.layout.of_mut(Part::Recent, &mut gradients.weights);
        for (number, step) in sequences.steps().enumerate() {
            for row in 0..step.rows() {
                let of_sum = &of_sums[(step.start + row) * width..][..width];
                for distance in 0..RECENT {
                    let Some(position) = sequences.back(number, row, distance) else { break };
                    let item = sequences.items[position] as usize;
                    of_recent[distance] += dot(of_sum, &tables.from[item * width..][..width]);
                    add_scaled(recent[distance], of_sum, &mut gradients.from[position * width..][..width]);
                }
            }
        }
    }

    /// Through the last layers, to short-term and long-term interest and the embeddings.
    fn back_through_query(
        &self,
        sequences: &Sequences,
        weights: &[f32],
        queries: &[f32],
        memory: &mut Memory,
        gradients: &mut Gradients,
    ) {
        let (set, layout, width) = (self.set, &self.layout, self.layout.width);
        let wide = 3 * width;
        // The layer of the last view.
        let range = layout.range(Part::Last);
        add_transposed(set, &self.embedded, width, queries, width, &mut memory.right, &mut gradients.weights[range]);
        let positions = sequences.positions();
        let of_queries = Left::new(queries, positions, width);
        let last = memory.packed.fill_transposed(layout.of(Part::Last, weights), width);
        last.multiply(set, of_queries, Start::Result, &mut gradients.embedded, width);
        // The mixing layer.
        let range = layout.range(Part::Mixing);
        add_transposed(set, &self.mixed, wide, queries, width, &mut memory.right, &mut gradients.weights[range]);
        let range = layout.range(Part::MixingBias);
        add_rows(queries, &mut gradients.weights[range]);
        let mixing = memory.packed.fill_transposed(layout.of(Part::Mixing, weights), width);
        mixing.multiply(set, of_queries, Start::Zero, &mut memory.wide, wide);
        memory.wide.iter_mut().zip(&self.mixed).for_each(|(gradient, value)| *gradient *= 1.0 - value * value);
        for position in 0..positions {
            let rows = position * width..(position + 1) * width;
            let of_mixed = &memory.wide[position * wide..][..wide];
            let now = &self.gate_inputs[position * wide..][2 * width..wide];
            add(&of_mixed[width..2 * width], &mut gradients.embedded[rows.clone()]);
            let (short, gate) = (&self.short[rows.clone()], &self.gate[rows.clone()]);
            let (of_query, long) = (&queries[rows.clone()], &self.long[rows.clone()]);
            for column in 0..width {
                let of_now = of_mixed[2 * width + column];
                memory.short[rows.start + column] =
                    of_mixed[column] + now[column] * of_now + of_query[column] * (1.0 - gate[column]);
                memory.now[rows.start + column] = of_now * (short[column] + 1.0);
                memory.long[rows.start + column] = of_query[column] * gate[column];
                // Of what the gate's sigmoid reads.
                memory.states[rows.start + column] =
                    of_query[column] * (long[column] - short[column]) * gate[column] * (1.0 - gate[column]);
            }
        }
        // The gate.
        let range = layout.range(Part::Gate);
        add_transposed(
            set,
            &self.gate_inputs,
            wide,
            &memory.states,
            width,
            &mut memory.right,
            &mut gradients.weights[range],
        );
        let range = layout.range(Part::GateBias);
        add_rows(&memory.states, &mut gradients.weights[range]);
        let of_gates = Left::new(&memory.states, positions, width);
        let gate = memory.packed.fill_transposed(layout.of(Part::Gate, weights), width);
        gate.multiply(set, of_gates, Start::Zero, &mut memory.wide, wide);
        let of_now = layout.range(Part::Now);
        for (position, of_inputs) in memory.wide.chunks_exact(wide).enumerate() {
            let rows = position * width..(position + 1) * width;
            add(&of_inputs[..width], &mut memory.short[rows.clone()]);
            add(&of_inputs[width..2 * width], &mut memory.long[rows.clone()]);
            add(&of_inputs[2 * width..], &mut memory.now[rows.clone()]);
            let age = usize::from(sequences.ages[position]);
            add(&memory.now[rows], &mut gradients.weights[of_now.clone()][age * width..][..width]);
        }
    }

    /// With S the sum of the weights, long_t = (S_{t-1} long_{t-1} + w_t x_t) / S_t. Backwards in time, the gradients of
    /// the two sums are carried: g of Σ w x, and s of Σ w.
    fn back_through_long_term(
        &self,
        sequences: &Sequences,
        weights: &[f32],
        of_long: &[f32],
        gradients: &mut Gradients,
    ) {
        let width = self.layout.width;
        let direction = self.layout.of(Part::Attention, weights);
        let mut of_direction = vec![0.0; width];
        let rows = sequences.steps().next().map_or(0, |step| step.rows());
        let mut of_sum = vec![0.0; rows * width];
        let mut of_total = vec![0.0; rows];
        for step in sequences.steps().rev() {
            for row in 0..step.rows() {
                let position = step.start + row;
                let [weight, total] = self.weights[position];
                let of_long = &of_long[position * width..][..width];
                let of_sum = &mut of_sum[row * width..][..width];
                add_scaled(1.0 / total, of_long, of_sum);
                of_total[row] -= dot(of_long, &self.long[position * width..][..width]) / total;
                let embedded = &self.embedded[position * width..][..width];
                let of_embedded = &mut gradients.embedded[position * width..][..width];
                add_scaled(weight, of_sum, of_embedded);
                let of_weight = dot(of_sum, embedded) + of_total[row];
                let bounded = self.logits[position];
                // weight = exp(4 · bounded), bounded = tanh(logit / 4): the fours meet.
                let of_logit = of_weight * weight * (1.0 - bounded * bounded);
                add_scaled(of_logit, direction, of_embedded);
                add_scaled(of_logit, embedded, &mut of_direction);
            }
        }
        add(&of_direction, self.layout.of_mut(Part::Attention, &mut gradients.weights));
    }

    fn back_through_time(
        &self,
        sequences: &Sequences,
        weights: &[f32],
        memory: &mut Memory,
        gradients: &mut Gradients,
    ) {
        let (set, layout, width) = (self.set, &self.layout, self.layout.width);
        let columns = 4 * width;
        add_transposed(
            set,
            &self.dropped_states,
            width,
            &memory.short,
            width,
            &mut memory.right,
            layout.of_mut(Part::Short, &mut gradients.weights),
        );
        add_rows(&memory.short, layout.of_mut(Part::ShortBias, &mut gradients.weights));
        let of_short = Left::new(&memory.short, sequences.positions(), width);
        let short = memory.packed.fill_transposed(layout.of(Part::Short, weights), width);
        short.multiply(set, of_short, Start::Zero, &mut memory.states, width);
        self.dropout.apply(1, &mut memory.states);
        memory.packed.fill_transposed(layout.of(Part::Recurrent, weights), columns);
        let rows = sequences.steps().next().map_or(0, |step| step.rows());
        let mut of_cells = vec![0.0; rows * width];
        for step in sequences.steps().rev() {
            for row in 0..step.rows() {
                let position = step.start + row;
                let before = step.before.map(|start| &self.cells[(start + row) * width..][..width]);
                self.back_through_cell(
                    position,
                    before,
                    &memory.states[position * width..][..width],
                    &mut of_cells[row * width..][..width],
                    &mut memory.gates[position * columns..][..columns],
                );
            }
            if let Some(before) = step.before {
                let left = Left::new(&memory.gates[step.start * columns..], step.rows(), columns);
                let of_states = &mut memory.states[before * width..];
                memory.packed.multiply(set, left, Start::Result, of_states, width);
            }
        }
        self.back_to_recurrent(sequences, memory, layout.of_mut(Part::Recurrent, &mut gradients.weights));
        add_transposed(
            set,
            &self.dropped,
            width,
            &memory.gates,
            columns,
            &mut memory.right,
            layout.of_mut(Part::Input, &mut gradients.weights),
        );
        add_rows(&memory.gates, layout.of_mut(Part::GatesBias, &mut gradients.weights));
        let of_gaps = layout.of_mut(Part::Gaps, &mut gradients.weights);
        for (gates, gap) in memory.gates.chunks_exact(columns).zip(&sequences.gaps) {
            add(gates, &mut of_gaps[usize::from(*gap) * columns..][..columns]);
        }
        let of_dropped = &mut memory.states;
        let of_gates = Left::new(&memory.gates, sequences.positions(), columns);
        let input = memory.packed.fill_transposed(layout.of(Part::Input, weights), columns);
        input.multiply(set, of_gates, Start::Zero, of_dropped, width);
        self.dropout.apply(0, of_dropped);
        add(of_dropped, &mut gradients.embedded);
    }

    /// The gradients of the weights that states are multiplied with: of all steps at once, as one step has few rows.
    fn back_to_recurrent(&self, sequences: &Sequences, memory: &mut Memory, of_weights: &mut [f32]) {
        let (width, columns) = (self.layout.width, 4 * self.layout.width);
        let Memory { states_before, gates_after, gates, right, .. } = memory;
        states_before.clear();
        gates_after.clear();
        for step in sequences.steps().rev() {
            if let Some(before) = step.before {
                states_before.extend_from_slice(&self.states[before * width..][..step.rows() * width]);
                gates_after.extend_from_slice(&gates[step.start * columns..step.end * columns]);
            }
        }
        add_transposed(self.set, states_before, width, gates_after, columns, right, of_weights);
    }

    /// From the gradient of a state to those of the gates before their functions; that of the cell becomes the cell's of
    /// the step before.
    fn back_through_cell(
        &self,
        position: usize,
        before: Option<&[f32]>,
        of_state: &[f32],
        of_cell: &mut [f32],
        of_gates: &mut [f32],
    ) {
        let width = self.layout.width;
        let gates = &self.gates[position * 4 * width..][..4 * width];
        let bounded = &self.bounded_cells[position * width..][..width];
        for column in 0..width {
            let [input, forget, output, candidate] = [0, 1, 2, 3].map(|gate| gates[gate * width + column]);
            let before = before.map_or(0.0, |before| before[column]);
            let of_state = of_state[column];
            let of_this = of_cell[column] + of_state * output * (1.0 - bounded[column] * bounded[column]);
            of_gates[column] = of_this * candidate * input * (1.0 - input);
            of_gates[width + column] = of_this * before * forget * (1.0 - forget);
            of_gates[2 * width + column] = of_state * bounded[column] * output * (1.0 - output);
            of_gates[3 * width + column] = of_this * input * (1.0 - candidate * candidate);
            of_cell[column] = of_this * forget;
        }
    }
}
