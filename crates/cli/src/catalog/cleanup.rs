//! `slirec catalog cleanup`: deletes from a shop what `populate` made there. Without --delete it only says what it
//! would do.

use std::io::{self, BufRead, Write};

use anyhow::{Result, bail, ensure};
use slirec_connect::shopify::{Cleanup, Removal, cleanup_plan};

use crate::progress;
use crate::shop::ShopArguments;

/// Delete from a Shopify shop what `populate` made there
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Tag of the products, and start of the collections' handles
    #[arg(long, default_value = "slirec-demo", conflicts_with = "all")]
    tag: String,
    /// Every product and collection of the shop, made by any program; asks for the shop's name first
    #[arg(long)]
    all: bool,
    /// Delete; without it, only print what would be deleted
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    shop: ShopArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let shop = arguments.shop.connect()?;
    let cleanup = if arguments.all { Cleanup::Everything } else { Cleanup::Tagged(arguments.tag.clone()) };
    let removals = shop.wait(cleanup_plan(shop.client(), &cleanup))?;
    // A reader that has left does not stop what was asked for.
    let _ = print_plan(&removals);
    if removals.is_empty() {
        return Ok(());
    }
    if !arguments.delete {
        say!("nothing was deleted; --delete deletes them")?;
        return Ok(());
    }
    if arguments.all {
        confirm(&shop.wait(shop.client().shop(&[]))?.name)?;
    }
    let bar = progress::bar(removals.len() as u64, "deleted");
    let mut lines = progress::Lines::new();
    let failures = shop.wait(shop.client().remove(&removals, &mut |done| {
        bar.set_position(done);
        lines.print(|| format!("{done} of {} deleted", removals.len()));
    }));
    bar.finish_and_clear();
    let failures = failures?;
    say!("deleted {}", removals.len() - failures.len())?;
    for failure in &failures {
        note!("failed: {failure}");
    }
    if !failures.is_empty() {
        bail!("{} could not be deleted", failures.len());
    }
    Ok(())
}

fn print_plan(removals: &[Removal]) -> Result<()> {
    let collections = removals.iter().filter(|removal| removal.is_collection).count();
    say!("to delete: {} products, {collections} collections", removals.len() - collections)?;
    for removal in removals {
        say!("  {} {}", if removal.is_collection { "collection" } else { "product" }, removal.handle)?;
    }
    Ok(())
}

/// What is deleted is gone: the shop's name must be typed.
fn confirm(name: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    write!(output, "this deletes everything that the shop sells. Type the shop's name ({name}) to go on: ")?;
    output.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    ensure!(line.trim() == name, "`{}` is not the shop's name: nothing was deleted", line.trim());
    Ok(())
}
