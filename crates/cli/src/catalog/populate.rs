//! `slirec catalog populate`: a catalogue enters, products and collections of a shop leave. Running it twice doubles
//! nothing.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use slirec_connect::shopify::{Plan, PopulateOptions, populate, populate_plan};
use slirec_core::catalog::Catalog;

use crate::progress;
use crate::shop::ShopArguments;

/// Handles that are listed one by one.
const LISTED: usize = 20;

/// Make the products of a catalogue in a Shopify shop
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Catalogue, such as data/demo/catalog.json
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    /// Tag of the products, and start of the collections' handles, by which `cleanup` finds them
    #[arg(long, default_value = "slirec-demo")]
    tag: String,
    /// Where to publish the products, as gid://shopify/Publication/…; by default the Online Store
    #[arg(long, value_name = "ID")]
    publication_id: Option<String>,
    /// Only print what would happen
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    shop: ShopArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let catalog = Catalog::read(&arguments.catalog).context("the catalogue cannot be used")?;
    let shop = arguments.shop.connect()?;
    let options = PopulateOptions { tag: arguments.tag.clone(), publication: arguments.publication_id.clone() };
    let plan = shop.wait(populate_plan(shop.client(), &catalog, &options))?;
    // A reader that has left does not stop what was asked for.
    let _ = print_plan(&plan);
    if arguments.dry_run {
        say!("nothing was changed")?;
        return Ok(());
    }
    let started = Instant::now();
    let total = plan.products.len() as u64;
    let bar = progress::bar(total, "products");
    let mut lines = progress::Lines::new();
    let done = shop.wait(populate(shop.client(), &plan, &options, &mut |done| {
        bar.set_position(done);
        lines.print(|| format!("{done} of {total} products"));
    }));
    bar.finish_and_clear();
    let done = done?;
    say!(
        "made {} collections and {} products, published {}, with {} requests in {:.1} s",
        done.collections,
        done.products,
        done.published,
        shop.client().requests(),
        started.elapsed().as_secs_f64()
    )?;
    for failure in &done.failures {
        note!("failed: {failure}");
    }
    if !done.failures.is_empty() || !plan.taken.is_empty() {
        bail!("{} products were not made", done.failures.len() + plan.taken.len());
    }
    Ok(())
}

fn print_plan(plan: &Plan) -> Result<()> {
    say!(
        "to make: {} collections, {} products; to publish: {}; right already: {}",
        plan.collections.len(),
        plan.products.len(),
        plan.to_publish(),
        plan.unchanged
    )?;
    for category in &plan.collections {
        say!("  collection {category}")?;
    }
    for product in plan.products.iter().take(LISTED) {
        say!("  product {} ({})", product.handle, product.title)?;
    }
    if plan.products.len() > LISTED {
        say!("  … and {} more", plan.products.len() - LISTED)?;
    }
    for handle in &plan.taken {
        say!("  left alone: {handle} is a product of the shop's own")?;
    }
    Ok(())
}
