//! Formats and services of other systems: what they hold enters, catalogues, interactions and bundles leave.
//!
//! What users of the original hold: [`pickle`] and [`tensorflow`] read its files as data, [`original`] makes
//! vocabularies and a catalogue of them. [`catalog_import`] reads lists of products, by [`product_table`] those that are any table;
//! [`user_table`] reads tables of users, [`whole_table`] what both have in common. What shops record: [`events`] makes interactions of clickstreams and orders,
//! [`partitions`] reads interactions that a cluster has made, [`frames`] those of a data frame in memory, [`npy`] vectors.
//! What a shop holds: [`shopify`] talks to its Admin API, [`webhooks`] follows its changes, [`patches`] keeps
//! those that operators send, both in [`lines`]. Where models are published:
//! [`mlflow`] pushes to a registry and pulls from it, [`signing`] says who made them.
//! Large parts are features, so that who needs one does not build the others: `events`, `mlflow`, `parquet`, `shopify`,
//! `signing`, `webhooks`.

#[cfg(feature = "events")]
pub mod catalog_import;
#[cfg(feature = "events")]
mod closest;
#[cfg(feature = "events")]
pub mod events;
#[cfg(feature = "parquet")]
pub mod frames;
#[cfg(any(feature = "mlflow", feature = "shopify"))]
mod http;
#[cfg(feature = "parquet")]
mod interaction_columns;
#[cfg(feature = "webhooks")]
pub mod lines;
#[cfg(any(feature = "events", feature = "shopify"))]
mod lists;
#[cfg(feature = "mlflow")]
pub mod mlflow;
pub mod npy;
pub mod original;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "parquet")]
pub mod partitions;
#[cfg(feature = "webhooks")]
pub mod patches;
pub mod pickle;
#[cfg(feature = "events")]
pub mod product_table;
#[cfg(any(feature = "mlflow", feature = "shopify"))]
pub mod secret;
#[cfg(feature = "events")]
mod shop_products;
#[cfg(feature = "shopify")]
pub mod shopify;
#[cfg(feature = "signing")]
pub mod signing;
pub mod tensorflow;
#[cfg(feature = "events")]
mod text;
#[cfg(any(feature = "events", feature = "webhooks"))]
pub mod time;
#[cfg(feature = "events")]
pub mod user_table;
#[cfg(feature = "webhooks")]
pub mod webhooks;
#[cfg(feature = "events")]
pub mod whole_table;

#[cfg(any(feature = "mlflow", feature = "shopify"))]
pub use http::choose_encryption;
