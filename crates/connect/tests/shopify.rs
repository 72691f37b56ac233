//! The Shopify client against a shop of our own that checks every document, keeps state and misbehaves on request.

#![cfg(test)]

#[path = "shopify/answers.rs"]
mod answers;
#[path = "shopify/faults.rs"]
mod faults;
#[path = "shopify/mock.rs"]
mod mock;
#[path = "shopify/shops.rs"]
mod shops;

use std::future::Future;
use std::time::Duration;

use mock::MockShop;
use slirec_connect::shopify::{Client, ClientOptions, Credentials, Secret};
use slirec_core::catalog::{Catalog, Product};

fn client_as(mock: &MockShop, credentials: Credentials) -> Client {
    let mut options = ClientOptions::new(&mock.url, credentials);
    options.first_pause = Duration::from_millis(5);
    Client::new(options).unwrap()
}

fn client(mock: &MockShop) -> Client {
    client_as(mock, Credentials::Token(Secret::new("shpat_static")))
}

/// Waits for a future in a runtime of its own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

/// Products of three categories, two of them with one title, one of them not available.
fn catalog(count: usize) -> Catalog {
    let products = (0..count).map(|number| Product {
        handle: format!("product-{number}"),
        gid: format!("gid://ours/{number}"),
        title: format!("Product {}", number / 2),
        category: ["Books", "Home & Garden", "Café"][number % 3].to_owned(),
        available: number != 4,
        attributes: [("colour", "red".to_owned()), ("vendor", format!("Vendor {}", number % 4))].into(),
    });
    Catalog::new(products.collect()).unwrap()
}
