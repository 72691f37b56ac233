//! From items to queries: sequences and weights enter, the query and the transitions' factors of every position leave.

use super::dropout::Dropout;
use super::memory::Memory;
use super::products::{Packed, add, add_scaled, dot};
use super::sequences::Sequences;
use super::users::add_users;
use super::{LARGEST_LOGIT, Layout, Part, RECENT, Tables};
use crate::functions::{exp_all, sigmoid_all, tanh_all};
use crate::instruction_set::InstructionSet;
use crate::product::{Left, Start};

/// What stays of each position for the backward pass; every matrix has a row a position.
#[derive(Debug)]
pub struct Pass {
    pub(super) set: InstructionSet,
    pub(super) layout: Layout,
    /// Embeddings, `[P, D]`.
    pub(super) embedded: Vec<f32>,
    /// Embeddings after dropout.
    pub(super) dropped: Vec<f32>,
    /// Gates after their functions, `[P, 4 D]`: input, forget, output, candidate.
    pub(super) gates: Vec<f32>,
    pub(super) cells: Vec<f32>,
    /// tanh of the cells.
    pub(super) bounded_cells: Vec<f32>,
    pub(super) states: Vec<f32>,
    pub(super) dropped_states: Vec<f32>,
    pub(super) short: Vec<f32>,
    /// Weight of each position in the long-term attention, and the sum of the weights so far.
    pub(super) weights: Vec<[f32; 2]>,
    /// tanh of the attention's logit.
    pub(super) logits: Vec<f32>,
    pub(super) long: Vec<f32>,
    pub(super) gate: Vec<f32>,
    /// What the gate reads, `[P, 3 D]`.
    pub(super) gate_inputs: Vec<f32>,
    /// What is mixed, `[P, 3 D]`.
    pub(super) mixed: Vec<f32>,
    /// Queries after dropout with the transitions' factors behind, `[P, 2 D]`.
    pub(super) queries: Vec<f32>,
    pub(super) dropout: Dropout,
    pub(super) packed: Packed,
    pub(super) gradients: Memory,
}

impl Pass {
    /// Memory for passes of a network of this layout.
    pub fn new(set: InstructionSet, layout: Layout) -> Self {
        Self {
            set,
            layout,
            embedded: Vec::new(),
            dropped: Vec::new(),
            gates: Vec::new(),
            cells: Vec::new(),
            bounded_cells: Vec::new(),
            states: Vec::new(),
            dropped_states: Vec::new(),
            short: Vec::new(),
            weights: Vec::new(),
            logits: Vec::new(),
            long: Vec::new(),
            gate: Vec::new(),
            gate_inputs: Vec::new(),
            mixed: Vec::new(),
            queries: Vec::new(),
            dropout: Dropout::default(),
            packed: Packed::default(),
            gradients: Memory::default(),
        }
    }

    /// Drops a share of `rate` of the values in the passes to come, chosen by the seed; 0 for none.
    pub fn set_dropout(&mut self, seed: u64, rate: f64) {
        self.dropout = Dropout::new(seed, rate);
    }

    /// Computes the queries of all positions, with the factors of the transitions behind each: `[P, 2 D]`.
    ///
    /// # Panics
    /// When an id has no row in its table.
    pub fn forward(&mut self, sequences: &Sequences, tables: &Tables<'_>, weights: &[f32]) -> &[f32] {
        let (positions, width) = (sequences.positions(), self.layout.width);
        for (matrix, columns) in [
            (&mut self.embedded, 1),
            (&mut self.dropped, 1),
            (&mut self.gates, 4),
            (&mut self.cells, 1),
            (&mut self.bounded_cells, 1),
            (&mut self.states, 1),
            (&mut self.dropped_states, 1),
            (&mut self.short, 1),
            (&mut self.long, 1),
            (&mut self.gate, 1),
            (&mut self.gate_inputs, 3),
            (&mut self.mixed, 3),
            (&mut self.queries, 2),
        ] {
            matrix.clear();
            matrix.resize(positions * columns * width, 0.0);
        }
        self.embed(sequences, tables);
        self.through_time(sequences, weights);
        self.long_term(sequences, weights);
        self.query(sequences, tables, weights);
        &self.queries
    }

    /// Weight of each position in the long-term attention, of a pass of one sequence; they sum to 1.
    pub fn attention(&self) -> Vec<f32> {
        let total = self.weights.last().map_or(1.0, |[_, sum]| *sum);
        self.weights.iter().map(|[weight, _]| weight / total).collect()
    }

    /// What the parts of the network gave, by their names; for people who look into a network.
    pub fn activations(&self) -> Vec<(&'static str, Vec<f32>)> {
        vec![
            ("history_embeddings", self.embedded.clone()),
            ("lstm_states", self.states.clone()),
            ("short_term_interests", self.short.clone()),
            ("long_term_interests", self.long.clone()),
            ("gates", self.gate.clone()),
            ("queries_and_transitions", self.queries.clone()),
        ]
    }

    fn embed(&mut self, sequences: &Sequences, tables: &Tables<'_>) {
        let width = self.layout.width;
        let count = tables.features.len();
        for (position, row) in self.embedded.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&tables.items[sequences.items[position] as usize * width..][..width]);
            for (feature, table) in tables.features.iter().enumerate() {
                let id = sequences.features[position * count + feature] as usize;
                add(&table[id * width..][..width], row);
            }
        }
        self.dropped.copy_from_slice(&self.embedded);
        self.dropout.apply(0, &mut self.dropped);
    }

    fn through_time(&mut self, sequences: &Sequences, weights: &[f32]) {
        let (set, layout) = (self.set, &self.layout);
        let (width, of) = (layout.width, |part| layout.of(part, weights));
        let columns = 4 * width;
        let positions = sequences.positions();
        let packed = &mut self.packed;
        let bias = Start::Row(of(Part::GatesBias));
        let left = Left::new(&self.dropped, positions, width);
        packed.fill(of(Part::Input), columns).multiply(set, left, bias, &mut self.gates, columns);
        for (gates, gap) in self.gates.chunks_exact_mut(columns).zip(&sequences.gaps) {
            add(&of(Part::Gaps)[usize::from(*gap) * columns..][..columns], gates);
        }
        packed.fill(of(Part::Recurrent), columns);
        for step in sequences.steps() {
            let rows = step.start..step.end;
            let gates = &mut self.gates[rows.start * columns..rows.end * columns];
            let (before, now) = self.states.split_at_mut(step.start * width);
            if let Some(start) = step.before {
                let left = Left::new(&before[start * width..], step.rows(), width);
                packed.multiply(set, left, Start::Result, gates, columns);
            }
            for gates in gates.chunks_exact_mut(columns) {
                let (sigmoids, candidate) = gates.split_at_mut(3 * width);
                sigmoid_all(set, sigmoids);
                tanh_all(set, candidate);
            }
            let (cells_before, cells) = self.cells.split_at_mut(step.start * width);
            for (row, gates) in gates.chunks_exact(columns).enumerate() {
                let (input, rest) = gates.split_at(width);
                let (forget, rest) = rest.split_at(width);
                let candidate = &rest[width..];
                let cell = &mut cells[row * width..][..width];
                let before = step.before.map(|start| &cells_before[(start + row) * width..][..width]);
                for column in 0..width {
                    let kept = before.map_or(0.0, |before| forget[column] * before[column]);
                    cell[column] = kept + input[column] * candidate[column];
                }
            }
            let bounded = &mut self.bounded_cells[rows.start * width..rows.end * width];
            bounded.copy_from_slice(&cells[..step.rows() * width]);
            tanh_all(set, bounded);
            for (row, gates) in gates.chunks_exact(columns).enumerate() {
                let output = &gates[2 * width..3 * width];
                let state = &mut now[row * width..][..width];
                for column in 0..width {
                    state[column] = output[column] * bounded[row * width + column];
                }
            }
        }
        self.dropped_states.copy_from_slice(&self.states);
        self.dropout.apply(1, &mut self.dropped_states);
        let bias = Start::Row(of(Part::ShortBias));
        let left = Left::new(&self.dropped_states, positions, width);
        packed.fill(of(Part::Short), width).multiply(set, left, bias, &mut self.short, width);
    }

    /// Weighted means of the embeddings so far.
    fn long_term(&mut self, sequences: &Sequences, weights: &[f32]) {
        let width = self.layout.width;
        let direction = self.layout.of(Part::Attention, weights);
        self.logits.clear();
        self.logits.extend(self.embedded.chunks_exact(width).map(|row| dot(row, direction) / LARGEST_LOGIT));
        tanh_all(self.set, &mut self.logits);
        let mut powers: Vec<f32> = self.logits.iter().map(|logit| LARGEST_LOGIT * logit).collect();
        exp_all(self.set, &mut powers);
        self.weights.clear();
        self.weights.extend(powers.iter().map(|power| [*power, *power]));
        for step in sequences.steps() {
            for row in 0..step.rows() {
                let position = step.start + row;
                let (before, long) = self.long.split_at_mut(position * width);
                let long = &mut long[..width];
                if let Some(before_start) = step.before {
                    let sum_before = self.weights[before_start + row][1];
                    self.weights[position][1] += sum_before;
                    add_scaled(sum_before, &before[(before_start + row) * width..][..width], long);
                }
                let [weight, sum] = self.weights[position];
                add_scaled(weight, &self.embedded[position * width..][..width], long);
                long.iter_mut().for_each(|value| *value /= sum);
            }
        }
    }

    fn query(&mut self, sequences: &Sequences, tables: &Tables<'_>, weights: &[f32]) {
        let (set, layout) = (self.set, &self.layout);
        let (width, of) = (layout.width, |part| layout.of(part, weights));
        let now = of(Part::Now);
        for (position, age) in sequences.ages.iter().enumerate() {
            let gate = &mut self.gate_inputs[position * 3 * width..][2 * width..3 * width];
            gate.copy_from_slice(&now[usize::from(*age) * width..][..width]);
        }
        add_users(sequences, tables, &mut self.gate_inputs, width);
        for position in 0..sequences.positions() {
            let row = position * width..(position + 1) * width;
            let short = &self.short[row.clone()];
            let gate = &mut self.gate_inputs[position * 3 * width..][..3 * width];
            gate[..width].copy_from_slice(short);
            gate[width..2 * width].copy_from_slice(&self.long[row.clone()]);
            let now = &gate[2 * width..];
            let mixed = &mut self.mixed[position * 3 * width..][..3 * width];
            mixed[..width].copy_from_slice(short);
            mixed[width..2 * width].copy_from_slice(&self.embedded[row]);
            for column in 0..width {
                mixed[2 * width + column] = now[column] * short[column] + now[column];
            }
        }
        tanh_all(set, &mut self.mixed);
        let bias = Start::Row(of(Part::GateBias));
        let (positions, packed) = (sequences.positions(), &mut self.packed);
        let left = Left::new(&self.gate_inputs, positions, 3 * width);
        packed.fill(of(Part::Gate), width).multiply(set, left, bias, &mut self.gate, width);
        sigmoid_all(set, &mut self.gate);

        let mut queries = vec![0.0; self.short.len()];
        let bias = Start::Row(of(Part::MixingBias));
        let left = Left::new(&self.mixed, positions, 3 * width);
        packed.fill(of(Part::Mixing), width).multiply(set, left, bias, &mut queries, width);
        let left = Left::new(&self.embedded, positions, width);
        packed.fill(of(Part::Last), width).multiply(set, left, Start::Result, &mut queries, width);
        for (index, query) in queries.iter_mut().enumerate() {
            let (short, long) = (self.short[index], self.long[index]);
            *query += short + self.gate[index] * (long - short);
        }
        let mut from = self.from(sequences, tables, of(Part::Recent));
        self.dropout.apply(2, &mut queries);
        self.dropout.apply(3, &mut from);
        let both = self.queries.chunks_exact_mut(2 * width);
        for ((both, query), from) in both.zip(queries.chunks_exact(width)).zip(from.chunks_exact(width)) {
            both[..width].copy_from_slice(query);
            both[width..].copy_from_slice(from);
        }
    }

    /// Weighted sums of the factors of the last items.
    fn from(&self, sequences: &Sequences, tables: &Tables<'_>, recent: &[f32]) -> Vec<f32> {
        let width = self.layout.width;
        let mut sums = vec![0.0; self.short.len()];
        for (number, step) in sequences.steps().enumerate() {
            for row in 0..step.rows() {
                let sum = &mut sums[(step.start + row) * width..][..width];
                for (distance, weight) in recent.iter().enumerate().take(RECENT) {
                    let Some(position) = sequences.back(number, row, distance) else { break };
                    let item = sequences.items[position] as usize;
                    add_scaled(*weight, &tables.from[item * width..][..width], sum);
                }
            }
        }
        sums
    }
}
