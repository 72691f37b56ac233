//! Shopify's Admin GraphQL API: products and collections of a shop are listed, made and deleted, recommendations are
//! written. Every function takes a [`Client`], which knows the shop, the token, the pace and what to do when an answer
//! is lost.
//!
//! Documents are files (`documents/*.graphql`); a test validates each of them against Shopify's schema.

mod address;
mod answers;
mod bulk;
mod cleanup;
mod client;
mod credentials;
mod documents;
mod error;
mod fetch;
mod identity;
mod listing;
mod metaobjects;
mod pace;
mod populate;
mod webhooks;

pub use crate::secret::Secret;
pub use cleanup::{Cleanup, Removal, cleanup_plan};
pub use client::{Client, ClientOptions};
pub use credentials::Credentials;
pub use documents::{Document, all_documents, upsert_many};
pub use error::{ShopifyError, UserError};
pub use fetch::{FetchOptions, Fetched, fetch};
pub use identity::Shop;
pub use metaobjects::{UserRecommendations, WriteReport, write_recommendations};
pub use populate::{Plan, PopulateOptions, Populated, populate, populate_plan};
pub use webhooks::subscribe;

/// The version of the API that the documents are written for.
pub const API_VERSION: &str = "2026-10";
