//! `slirec catalog subscribe`: a shop's changes of products are sent to the service's webhook receiver from now on.

use anyhow::Result;
use slirec_connect::shopify::subscribe;

use crate::shop::ShopArguments;

/// Have a Shopify shop send its changes of products to the service
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Public https address of the service's receiver; its path is /webhooks/shopify
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    shop: ShopArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let shop = arguments.shop.connect()?;
    let new = shop.wait(subscribe(shop.client(), &arguments.address))?;
    say!("subscribed to products/create, products/update and products/delete; {new} of them are new")?;
    Ok(())
}
