//! `slirec catalog`: brings catalogues here, and into shops. One file a verb.

mod cleanup;
mod fetch;
mod import;
mod populate;
mod subscribe;
mod vectors;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Convert lists of products: exports of a shop, tables, the original's inventory.pkl
    Import(import::Arguments),
    /// Read all products of a Shopify shop
    Fetch(fetch::Arguments),
    /// Make the products of a catalogue in a Shopify shop
    Populate(populate::Arguments),
    /// Delete from a Shopify shop what `populate` made there
    Cleanup(cleanup::Arguments),
    /// Give the products of a catalogue vectors
    Vectors(vectors::Arguments),
    /// Have a Shopify shop send its changes of products to the service
    Subscribe(subscribe::Arguments),
}

pub(crate) fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Import(arguments) => import::run(&arguments),
        Verb::Fetch(arguments) => fetch::run(&arguments),
        Verb::Populate(arguments) => populate::run(&arguments),
        Verb::Cleanup(arguments) => cleanup::run(&arguments),
        Verb::Vectors(arguments) => vectors::run(&arguments),
        Verb::Subscribe(arguments) => subscribe::run(&arguments),
    }
}
