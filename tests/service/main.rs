//! The service end to end: the real binary, a real bundle, real sockets on free ports.
//!
//! The bundle is `models/demo`, or the one that `SLIREC__MODEL__PATH` names.

#![cfg(test)]

mod bundle;
mod chains;
mod client;
mod connections;
mod content;
mod counts;
mod examples;
mod hostile;
mod inference;
mod known_users;
mod limits;
mod mlflow;
mod openapi;
mod operation;
mod options;
mod playground;
mod products;
mod recommendations;
mod registry;
mod reload;
mod security;
mod server;
mod shop;
mod signing;
mod stalls;
mod starting;
mod stopping;
#[cfg(feature = "otel")]
mod telemetry;
mod tls;
mod trending;
mod users;
mod webhooks;
