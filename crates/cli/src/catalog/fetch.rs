//! `slirec catalog fetch`: a shop enters, a catalogue file leaves.

use std::path::PathBuf;

use anyhow::Result;
use slirec_connect::shopify::{FetchOptions, fetch};
use slirec_core::files::StagedFile;

use crate::shop::ShopArguments;
use crate::{output, progress};

/// Read all products of a Shopify shop
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Catalogue to write; - is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Collections that are categories, by title or handle, the most important first; without them a product's type is
    /// its category
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    category_collections: Vec<String>,
    /// Above so many products, ask for one bulk operation instead of pages
    #[arg(long, value_name = "NUMBER", default_value_t = 5000)]
    bulk_from: u64,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    shop: ShopArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let staged = StagedFile::create(&arguments.output, arguments.force)?;
    let shop = arguments.shop.connect()?;
    shop.wait(shop.client().shop(&["read_products"]))?;
    let options =
        FetchOptions { category_collections: arguments.category_collections.clone(), bulk_from: arguments.bulk_from };
    let bar = progress::bar(0, "products");
    let mut lines = progress::Lines::new();
    let fetched = shop.wait(fetch(shop.client(), &options, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        lines.print(|| format!("{done} of {total} products"));
    }));
    bar.finish_and_clear();
    let fetched = fetched?;
    fetched.catalog.write(staged.path())?;
    staged.commit()?;
    let (products, categories) = (fetched.catalog.products().len(), fetched.catalog.categories().len());
    let way = if fetched.bulk { "by a bulk operation" } else { "page by page" };
    let output = &arguments.output;
    let summary = format!("{}: {products} products in {categories} categories, {way}", output.display());
    output::summarise(output, summary)?;
    if fetched.unavailable > 0 {
        let unavailable = fetched.unavailable;
        output::summarise(output, format!("{unavailable} of them are not on sale and will not be recommended"))?;
    }
    Ok(())
}
