//! Memory of a backward pass, used again from step to step.

use super::products::Packed;

/// Gradients of what the layers gave, each with a row a position.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) packed: Packed,
    pub(super) right: Packed,
    pub(super) short: Vec<f32>,
    pub(super) long: Vec<f32>,
    /// `[P, 3 D]`
    pub(super) wide: Vec<f32>,
    pub(super) states: Vec<f32>,
    /// `[P, 4 D]`
    pub(super) gates: Vec<f32>,
    pub(super) now: Vec<f32>,
}
