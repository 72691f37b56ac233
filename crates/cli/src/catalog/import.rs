//! `slirec catalog import`: the original's inventory snapshot enters, a catalogue file leaves.

use std::path::PathBuf;

use anyhow::Result;
use slirec_connect::original::inventory;
use slirec_core::files::StagedFile;

/// Convert somebody else's list of products, such as the original's inventory.pkl
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The original's inventory.pkl; it is read as data, nothing in it is run
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Catalogue to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let inventory = inventory::read(&arguments.input)?;
    let staged = StagedFile::create(&arguments.output, arguments.force)?;
    inventory.catalog.write(staged.path())?;
    staged.commit()?;
    let catalog = &inventory.catalog;
    let (products, categories) = (catalog.products().len(), catalog.categories().len());
    println!("{}: {products} products in {categories} categories", arguments.output.display());
    if !inventory.repeated_titles.is_empty() {
        let handles = inventory.repeated_titles.join(", ");
        println!("titles that stand for more than one product, told apart by the order of creation: {handles}");
    }
    if !inventory.uncategorised.is_empty() {
        println!("in no category, listed as `uncategorised`: {}", inventory.uncategorised.join(", "));
    }
    Ok(())
}
