//! Memory of a backward pass, used again from step to step.

use super::products::Packed;

/// Gradients of what the layers gave, each with a row a position.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) packed: Packed,
    pub(super) right: Packed,
    /// Of a block of positions.
    pub(super) logits: Vec<f32>,
    pub(super) short: Vec<f32>,
    pub(super) long: Vec<f32>,
    /// `[P, 3 D]`
    pub(super) wide: Vec<f32>,
    pub(super) states: Vec<f32>,
    /// `[P, 4 D]`
    pub(super) gates: Vec<f32>,
    pub(super) now: Vec<f32>,
    /// Of the positions that have one before them in their sequence, the last step first: its state.
    pub(super) states_before: Vec<f32>,
    /// Of the same positions, the gradients of the gates.
    pub(super) gates_after: Vec<f32>,
}
