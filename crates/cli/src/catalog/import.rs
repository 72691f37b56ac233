//! `slirec catalog import`: lists of products in any form enter; one catalogue file leaves.

use std::path::PathBuf;

use anyhow::Result;
use slirec_connect::catalog_import::{CatalogImport, ImportedCatalog};
use slirec_connect::events::TextEncoding;
use slirec_connect::events::table::Column;
use slirec_connect::product_table::ProductTable;
use slirec_core::files::StagedFile;

use crate::interactions::separator;
use crate::output;

/// Convert lists of products into a catalogue
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Lists of products, recognised by their content: Shopify's product CSV, a bulk query's JSON lines, JSON of the
    /// REST or GraphQL API, one of our catalogues, the original's inventory.pkl (read as data, nothing in it is run);
    /// with --handle any table: CSV, TSV, text with another separator, JSON. Compressed or not; - is standard input
    #[arg(value_name = "FILE", required = true)]
    inputs: Vec<PathBuf>,
    /// Catalogue to write; - is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Join rows of one product, of which the last counts: for tables that hold products in every row, and for several
    /// files
    #[arg(long)]
    merge: bool,
    /// Encoding of text, such as latin1, windows-1250 or utf-16le [default: by its byte order mark, else UTF-8, else latin1]
    #[arg(long, value_name = "NAME")]
    encoding: Option<TextEncoding>,
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
    /// Whether it is on sale: a stock, or a word such as active, in stock, false, draft, archived, out of stock
    #[arg(long, value_name = "COLUMN", requires = "handle")]
    available: Option<Column>,
    /// Columns that become attributes
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "handle")]
    attributes: Vec<Column>,
    /// What stands between columns [default: recognised by the first line]
    #[arg(long, value_name = "TEXT", value_parser = separator, requires = "handle")]
    separator: Option<String>,
    /// The first line is data; columns are numbers
    #[arg(long, requires = "handle")]
    no_header: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let staged = StagedFile::create(&arguments.output, arguments.force)?;
    let import = CatalogImport {
        inputs: arguments.inputs.clone(),
        table: arguments.table.table(),
        merge: arguments.merge,
        encoding: arguments.encoding,
    };
    let ImportedCatalog { catalog, remarks } = import.run()?;
    catalog.write(staged.path())?;
    staged.commit()?;
    let (products, categories) = (catalog.products().len(), catalog.categories().len());
    let output = &arguments.output;
    output::summarise(output, format!("{}: {products} products in {categories} categories", output.display()))?;
    let unavailable = catalog.products().iter().filter(|product| !product.available).count();
    if unavailable > 0 {
        output::summarise(output, format!("{unavailable} of them are not on sale and will not be recommended"))?;
    }
    for remark in remarks {
        output::warn(output::printable(&remark));
    }
    Ok(())
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
