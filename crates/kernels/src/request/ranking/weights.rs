//! The weights of a ranking network as they stand in its files, and what a position adds to the LSTM's gates.

use super::inputs::RankingInputs;
use super::products::{add, aligned};
use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use crate::product::{Left, Right, Start, multiply};
use crate::ranking::{GAPS, Layout, Part, RECENT};
use crate::request::history::UnknownId;

/// Tables of what items and features add to the gates may take so many values: 64 MiB.
const LARGEST_TABLES: usize = 1 << 24;

/// All weights of a ranking network, D being the width of an embedding; matrices stand row by row.
#[derive(Debug, Clone, Default)]
pub struct RankingWeights {
    /// D, a multiple of 16.
    pub width: usize,
    /// `[N, D]`; row 0 is the default item.
    pub items: Vec<f32>,
    /// Of each feature, `[F, D]`.
    pub features: Vec<Vec<f32>>,
    /// Factors of the transitions from an item, `[N, D]`.
    pub from: Vec<f32>,
    /// Factors of the transitions to an item, `[N, D]`.
    pub to: Vec<f32>,
    /// `[N]`
    pub bias: Vec<f32>,
    /// `[D, 4 D]`: input, forget, output, candidate.
    pub input: Vec<f32>,
    /// `[D, 4 D]`
    pub recurrent: Vec<f32>,
    /// `[GAPS, 4 D]`
    pub gaps: Vec<f32>,
    /// `[4 D]`
    pub gates_bias: Vec<f32>,
    /// `[D, D]`
    pub short: Vec<f32>,
    /// `[D]`
    pub short_bias: Vec<f32>,
    /// Direction of the long-term attention, `[D]`.
    pub long_term: Vec<f32>,
    /// `[GAPS, D]`
    pub now: Vec<f32>,
    /// Of each attribute of shoppers, `[U, D]`; row 0 is that of an unknown one.
    pub users: Vec<Vec<f32>>,
    /// `[3 D, D]`
    pub gate: Vec<f32>,
    /// `[D]`
    pub gate_bias: Vec<f32>,
    /// `[3 D, D]`
    pub mixing: Vec<f32>,
    /// `[D]`
    pub mixing_bias: Vec<f32>,
    /// `[D, D]`
    pub last_view: Vec<f32>,
    /// Of the last views, the last one first, `[RECENT]`.
    pub recent: Vec<f32>,
    /// What a repeat adds by how many views lie behind it, `[longest]`.
    pub distance: Vec<f32>,
    /// What a repeat adds by the age of the last view, `[GAPS]`.
    pub age: Vec<f32>,
    /// Neighbours of the last views, if the network has them.
    pub cooccurrence: Option<Cooccurrence>,
    /// What all logits are multiplied with.
    pub temperature: f32,
    /// What the scores are normalised over.
    pub sample: Sample,
}

/// Items that are viewed together with an item.
#[derive(Debug, Clone, Default)]
pub struct Cooccurrence {
    /// K of each item.
    pub neighbours: usize,
    /// `[N, K]`; 0 for none.
    pub items: Vec<u32>,
    /// `[N, K]`, none below 0.
    pub weights: Vec<f32>,
    /// Of the last views, the last one first; none below 0.
    pub recent: Vec<f32>,
    /// What the logarithm is multiplied with.
    pub scale: f32,
}

/// Items that the scores are normalised over.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Their ids, `[M]`.
    pub items: Vec<u32>,
    /// What a query meets of each, `[M, 2 D]`.
    pub rows: Vec<f32>,
    /// `[M]`
    pub bias: Vec<f32>,
    /// What is added to each logit, `[M]`.
    pub correction: Vec<f32>,
}

impl RankingWeights {
    /// With the layers that training has in one slice; tables, terms and sample are missing yet.
    ///
    /// # Panics
    /// When the slice is shorter than the layout.
    pub fn of_layers(layout: &Layout, layers: &[f32]) -> Self {
        let of = |part| layout.of(part, layers).to_vec();
        Self {
            width: layout.width,
            input: of(Part::Input),
            recurrent: of(Part::Recurrent),
            gaps: of(Part::Gaps),
            gates_bias: of(Part::GatesBias),
            short: of(Part::Short),
            short_bias: of(Part::ShortBias),
            long_term: of(Part::Attention),
            now: of(Part::Now),
            gate: of(Part::Gate),
            gate_bias: of(Part::GateBias),
            mixing: of(Part::Mixing),
            mixing_bias: of(Part::MixingBias),
            last_view: of(Part::Last),
            recent: of(Part::Recent),
            distance: of(Part::Distance),
            age: of(Part::Age),
            ..Self::default()
        }
    }

    /// # Panics
    /// When lengths do not fit each other.
    pub(super) fn check(&self) {
        let width = self.width;
        assert!(width > 0 && width.is_multiple_of(16), "a width of {width}: expected a multiple of 16");
        for (found, expected, name) in [
            (self.from.len(), self.items.len(), "transitions"),
            (self.to.len(), self.items.len(), "transitions to an item"),
            (self.bias.len() * width, self.items.len(), "bias"),
            (self.input.len(), 4 * width * width, "input"),
            (self.recurrent.len(), 4 * width * width, "recurrent"),
            (self.gaps.len(), GAPS * 4 * width, "gaps"),
            (self.gates_bias.len(), 4 * width, "gates' bias"),
            (self.short.len(), width * width, "short term"),
            (self.short_bias.len(), width, "short term's bias"),
            (self.long_term.len(), width, "long term"),
            (self.now.len(), GAPS * width, "now"),
            (self.gate.len(), 3 * width * width, "gate"),
            (self.gate_bias.len(), width, "gate's bias"),
            (self.mixing.len(), 3 * width * width, "mixing"),
            (self.mixing_bias.len(), width, "mixing's bias"),
            (self.last_view.len(), width * width, "last view"),
            (self.recent.len(), RECENT, "last views"),
            (self.age.len(), GAPS, "ages"),
            (self.sample.rows.len(), self.sample.items.len() * 2 * width, "sample's rows"),
            (self.sample.bias.len(), self.sample.items.len(), "sample's bias"),
            (self.sample.correction.len(), self.sample.items.len(), "sample's correction"),
        ] {
            assert_eq!(found, expected, "length of the {name}");
        }
        if let Some(Cooccurrence { neighbours, items, weights, .. }) = &self.cooccurrence {
            assert_eq!(items.len(), self.items.len() / width * neighbours, "length of the neighbours");
            assert_eq!(weights.len(), items.len(), "length of the neighbours' weights");
        }
    }

    /// Replaces `sum` `[D]` by the embedding of an item and its features.
    pub(super) fn embed(
        &self,
        set: InstructionSet,
        item: u32,
        features: &[u32],
        sum: &mut [f32],
    ) -> Result<(), UnknownId> {
        sum.copy_from_slice(row(&self.items, self.width, item)?);
        for (table, id) in self.features.iter().zip(features) {
            add(set, row(table, self.width, *id)?, sum);
        }
        Ok(())
    }
}

/// A row of a table.
pub(super) fn row(table: &[f32], width: usize, id: u32) -> Result<&[f32], UnknownId> {
    table.get(id as usize * width..).and_then(|rest| rest.get(..width)).ok_or(UnknownId(id))
}

/// What a position adds to the gates, its state left out.
#[derive(Debug)]
pub(super) struct Gates {
    /// Of each gap, with the bias, `[GAPS, 4 D]`.
    gaps: Buffer,
    /// Of each item and each feature's value, row by row: a product that is computed once. None where they are too many.
    tables: Option<Vec<Buffer>>,
}

impl Gates {
    pub(super) fn new(set: InstructionSet, weights: &RankingWeights) -> Self {
        let mut gaps = aligned(&weights.gaps);
        for row in gaps.chunks_exact_mut(weights.gates_bias.len()) {
            add(set, &weights.gates_bias, row);
        }
        let tables = std::iter::once(&weights.items).chain(&weights.features);
        let values: usize = tables.clone().map(|table| 4 * table.len()).sum();
        let product = |table: &Vec<f32>| {
            let mut result = Buffer::zeros(4 * table.len());
            multiply_by_input(set, table, weights, Start::Zero, &mut result);
            result
        };
        Self { gaps, tables: (values <= LARGEST_TABLES).then(|| tables.map(product).collect()) }
    }

    /// Replaces `gates` `[L, 4 D]`, for embeddings `[L, D]`.
    pub(super) fn fill(
        &self,
        set: InstructionSet,
        weights: &RankingWeights,
        inputs: &RankingInputs<'_>,
        embedded: &[f32],
        gates: &mut [f32],
    ) -> Result<(), UnknownId> {
        let (columns, count) = (4 * weights.width, weights.features.len());
        for (gates, gap) in gates.chunks_exact_mut(columns).zip(inputs.gaps) {
            gates.copy_from_slice(&self.gaps[usize::from(*gap) * columns..][..columns]);
        }
        let Some([items, features @ ..]) = self.tables.as_deref() else {
            multiply_by_input(set, embedded, weights, Start::Result, gates);
            return Ok(());
        };
        for (position, gates) in gates.chunks_exact_mut(columns).enumerate() {
            add(set, row(items, columns, inputs.items[position])?, gates);
            for (table, id) in features.iter().zip(&inputs.features[position * count..]) {
                add(set, row(table, columns, *id)?, gates);
            }
        }
        Ok(())
    }
}

fn multiply_by_input(
    set: InstructionSet,
    rows: &[f32],
    weights: &RankingWeights,
    start: Start<'_>,
    result: &mut [f32],
) {
    let (width, columns) = (weights.width, 4 * weights.width);
    let left = Left::new(rows, rows.len() / width, width);
    multiply(set, left, Right::new(&weights.input, columns), start, result, columns);
}
