//! Changes of a shop's products, as it sends them: signed deliveries enter, a catalogue that follows the shop leaves.
//!
//! The road of a delivery: [`Verifier::open`] checks the signature over the raw bytes before anything is parsed,
//! [`ChangeStore::accept`] drops what came before or comes late and writes down the rest, and [`ChangeStore::apply`] lays
//! all changes over the catalogue of a bundle. The file of changes survives restarts and new bundles. Nothing here uses
//! HTTP: the receiver passes headers and bytes.
//!
//! Format and rules: shopify.dev, "Verify webhook deliveries" and "Webhook structure".

mod overlay;
mod payload;
mod signature;
mod store;

use thiserror::Error;

pub use payload::{Change, ProductState};
pub use signature::{Delivery, Verifier};
pub use store::{Accepted, ChangeStore};

pub(crate) use overlay::serve_catalog;

/// A delivery that is refused: HTTP 401 for the signature, 400 for the rest.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The signature is missing or wrong.
    #[error("the signature is missing or is not of these bytes")]
    Signature,
    /// A header is missing or holds something else.
    #[error("header {name}: {problem}")]
    Header {
        /// The header.
        name: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
    /// The body is no product.
    #[error("body: {0}")]
    Body(String),
}
