//! Numeric kernels of the model on plain slices: fused forward and backward passes for training, forward passes for
//! scoring. No tensor library, nothing of ours.
//!
//! Foundations first: [`instruction_set`] finds out what the processor has, [`product`] multiplies small matrices,
//! [`functions`] has the exponential functions.

pub mod functions;
pub mod instruction_set;
pub mod product;
