//! An MLflow registry, or Databricks' Unity Catalog: a bundle enters with what its training was, a registered version
//! leaves; and back.
//!
//! [`publish()`] makes a run, uploads a model directory that MLflow itself can load and serve ([`model_directory`]), and
//! registers it; [`pull()`] brings the bundle in it back. Both talk through a [`Client`], which knows the address, who we
//! are and what to do when an answer is lost. [`RunLog`] logs a training while it goes on.
//!
//! Nothing that a registry holds is executed, and no name that it gives becomes a path here: a bundle's files have
//! fixed names, and their sizes and hashes are compared with its manifest.
//!
//! Protocol: mlflow.org, "REST API" (2.0); docs.databricks.com, "Models in Unity Catalog" and "Files API".

mod artifacts;
mod client;
mod connection;
mod error;
pub mod model_directory;
mod publish;
mod pull;
mod reference;
mod registry;
mod tracking;

pub use artifacts::{Artifact, Content, Transfer};
pub use client::Client;
pub use connection::{Connection, ServerKind};
pub use error::MlflowError;
pub use publish::{Publication, Published, Signature, publish};
pub use pull::{Pulled, pull};
pub use reference::{ModelReference, ModelSelector};
pub use registry::{ModelVersion, RegisteredModel};
pub use tracking::{Metric, RunLog, RunStatus};

/// Name that the original registered its model under, by which existing scenarios find it.
pub const DEFAULT_MODEL: &str = "slirec_shopify_model";
/// Tag of runs and versions that holds the SHA-256 of the bundle's manifest.
pub const BUNDLE_TAG: &str = "slirec.bundle_sha256";
/// Tag of versions whose bundle is signed: fingerprint of the key.
pub const SIGNED_TAG: &str = "slirec.signed_by";
