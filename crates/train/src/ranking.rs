//! The ranking network: sequences of a dataset enter, weights that rank all items leave.
//!
//! [`slirec_kernels::ranking`] has the formulas. Every position of a sequence is trained in one pass, against all items or
//! a sample of them.

mod batches;
mod choices;
mod inference;
mod network;
mod optimizer;
mod sums;
mod terms;
mod training;

pub use inference::RankingInference;
pub use network::RankingNetwork;
pub use training::{RankingTraining, StepDone};
