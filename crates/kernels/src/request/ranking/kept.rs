//! What a history keeps for explanations: what entered and parts of the query enter, copies stay.

use super::inputs::RankingInputs;

/// What a history keeps for explanations.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) items: Vec<u32>,
    pub(super) features: Vec<u32>,
    pub(super) age: u8,
    /// `[D]`, as the gate and the mixed part.
    pub(super) short: Vec<f32>,
    pub(super) gate: Vec<f32>,
    pub(super) mixed: Vec<f32>,
}

impl Kept {
    pub(super) fn inputs(&mut self, inputs: &RankingInputs<'_>) {
        for (kept, ids) in [(&mut self.items, inputs.items), (&mut self.features, inputs.features)] {
            kept.clear();
            kept.extend_from_slice(ids);
        }
        self.age = inputs.age;
    }

    pub(super) fn parts(&mut self, short: &[f32], gate: &[f32], mixed: &[f32]) {
        for (kept, part) in [(&mut self.short, short), (&mut self.gate, gate), (&mut self.mixed, mixed)] {
            kept.clear();
            kept.extend_from_slice(part);
        }
    }
}
