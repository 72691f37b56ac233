//! The ranking network: sequences of a dataset enter, weights that rank all items leave.
//!
//! [`slirec_kernels::ranking`] has the formulas. Every position of a sequence is trained in one pass, against all items or
//! a sample of them.

mod batches;
mod choices;
pub mod hyperparameters;
mod network;
mod optimizer;
pub mod scorer;
pub mod training;

pub use network::RankingNetwork as Network;
