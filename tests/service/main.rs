//! The service end to end: the real binary, a real bundle, real sockets on free ports.
//!
//! The bundle is `models/demo`, or the one that `SLIREC__MODEL__PATH` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy grants these to tests, but not to the helpers beside them"
)]

mod client;
mod mlflow;
mod operation;
mod recommendations;
mod server;
mod starting;
