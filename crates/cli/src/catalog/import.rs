//! `slirec catalog import`: the original's inventory snapshot, or a table of products, enters; a catalogue file leaves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use slirec_connect::events::table::Column;
use slirec_connect::original::inventory;
use slirec_connect::product_table::ProductTable;
use slirec_core::catalog::Catalog;
use slirec_core::files::StagedFile;

use crate::interactions::separator;

/// Convert somebody else's list of products, such as the original's inventory.pkl
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The original's inventory.pkl, read as data, nothing in it is run; or, with --handle, a table: CSV, TSV, text with
    /// another separator, or JSON lines
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Catalogue to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    table: TableArguments,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns of a table, by name or by number from 1")]
struct TableArguments {
    /// The product's name in histories
    #[arg(long, value_name = "COLUMN")]
    handle: Option<Column>,
    /// Its title
    #[arg(long, value_name = "COLUMN", requires = "handle")]
    title: Option<Column>,
    /// Its category
    #[arg(long, value_name = "COLUMN", requires = "handle")]
    category: Option<Column>,
    /// What stands between several categories, of which the first counts
    #[arg(long, value_name = "TEXT", requires = "category")]
    category_separator: Option<String>,
    /// Its global id; made of the handle without it
    #[arg(long, value_name = "COLUMN", requires = "handle")]
    gid: Option<Column>,
    /// Whether it is on sale: false, no, 0 and nothing are not
    #[arg(long, value_name = "COLUMN", requires = "handle")]
    available: Option<Column>,
    /// Columns that become attributes
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "handle")]
    attributes: Vec<Column>,
    /// What stands between columns [default: told by the first line]
    #[arg(long, value_name = "TEXT", value_parser = separator, requires = "handle")]
    separator: Option<String>,
    /// The first line is data; columns are numbers
    #[arg(long, requires = "handle")]
    no_header: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let staged = StagedFile::create(&arguments.output, arguments.force)?;
    let (catalog, remarks) = read(arguments)?;
    catalog.write(staged.path())?;
    staged.commit()?;
    let (products, categories) = (catalog.products().len(), catalog.categories().len());
    println!("{}: {products} products in {categories} categories", arguments.output.display());
    for remark in remarks {
        println!("{remark}");
    }
    Ok(())
}

/// The catalogue, and what is to be said of it.
fn read(arguments: &Arguments) -> Result<(Catalog, Vec<String>)> {
    if let Some(table) = arguments.table.table() {
        return Ok((table.read(&arguments.input)?, Vec::new()));
    }
    let inventory = inventory::read(&arguments.input).context("no inventory.pkl; a table needs --handle")?;
    let mut remarks = Vec::new();
    if !inventory.repeated_titles.is_empty() {
        let handles = inventory.repeated_titles.join(", ");
        remarks.push(format!(
            "titles that stand for more than one product, told apart by the order of creation: {handles}"
        ));
    }
    if !inventory.uncategorised.is_empty() {
        remarks.push(format!("in no category, listed as `uncategorised`: {}", inventory.uncategorised.join(", ")));
    }
    Ok((inventory.catalog, remarks))
}

impl TableArguments {
    fn table(&self) -> Option<ProductTable> {
        Some(ProductTable {
            handle: self.handle.clone()?,
            title: self.title.clone(),
            category: self.category.clone(),
            category_separator: self.category_separator.clone(),
            gid: self.gid.clone(),
            available: self.available.clone(),
            attributes: self.attributes.clone(),
            separator: self.separator.clone(),
            header: !self.no_header,
        })
    }
}
