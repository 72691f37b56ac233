//! Faults in every position: nothing doubled, nothing lost.

use std::collections::BTreeMap;

use slirec_connect::shopify::{
    Cleanup, Client, Credentials, FetchOptions, PopulateOptions, Secret, cleanup_plan, fetch, populate, populate_plan,
};

use crate::mock::{Fault, MockShop};
use crate::{catalog, client_as, wait};

const PRODUCTS: usize = 7;

fn client(mock: &MockShop) -> Client {
    client_as(mock, Credentials::Client { id: "client".into(), secret: Secret::new("shpss_right") })
}

/// Populates, fetches and cleans up a shop in which these requests fail.
fn round(faults: &BTreeMap<u64, Fault>) -> u64 {
    let mock = MockShop::start();
    mock.state().faults.clone_from(faults);
    let client = client(&mock);
    let (catalog, options) = (catalog(PRODUCTS), PopulateOptions::default());
    wait(async {
        let plan = populate_plan(&client, &catalog, &options).await.unwrap();
        let done = populate(&client, &plan, &options, &mut |_| {}).await.unwrap();
        assert_eq!((done.products, done.failures.len()), (PRODUCTS, 0), "{faults:?}");
    });
    {
        let state = mock.state();
        assert_eq!(state.shop.collections.len(), 3, "{faults:?}");
        let mut handles: Vec<&str> = state.shop.products.values().map(|product| product.handle.as_str()).collect();
        handles.sort_unstable();
        let expected: Vec<&str> = catalog.products().iter().map(|product| product.handle.as_str()).collect();
        assert_eq!(handles, expected, "{faults:?}");
        for product in state.shop.products.values() {
            assert_eq!(product.published, product.handle != "product-4", "{faults:?}");
            assert_eq!(product.collections.len(), 1, "{faults:?}");
        }
    }
    wait(async {
        let fetched = fetch(&client, &FetchOptions::default(), &mut |_, _| {}).await.unwrap();
        assert_eq!(fetched.catalog.products().len(), PRODUCTS, "{faults:?}");
        let removals = cleanup_plan(&client, &Cleanup::Tagged("slirec-demo".into())).await.unwrap();
        assert_eq!(client.remove(&removals, &mut |_| {}).await.unwrap(), [] as [String; 0], "{faults:?}");
    });
    let state = mock.state();
    assert!(state.shop.products.is_empty() && state.shop.collections.is_empty(), "{faults:?}");
    let requests = state.requests;
    drop(state);
    mock.assert_correct();
    requests
}

#[test]
fn one_fault_of_every_kind_in_every_position_doubles_nothing_and_loses_nothing() {
    let requests = round(&BTreeMap::new());
    assert!(requests > 25, "{requests}");
    let mut rounds = 0;
    for fault in Fault::ALL {
        for position in 0..requests {
            round(&BTreeMap::from([(position, fault)]));
            rounds += 1;
        }
    }
    println!("{rounds} rounds of {requests} requests, each with one fault");
}

#[test]
fn faults_in_a_row_up_to_the_limit_are_endured() {
    for fault in [Fault::LostAnswer, Fault::Failed, Fault::HalfAnswer] {
        // Four lost answers, then the fifth try.
        round(&(6..10).map(|position| (position, fault)).collect());
    }
    round(&(0..12).map(|position| (position, Fault::Throttled)).collect());
}

#[test]
fn pages_of_every_size_hold_every_product_once() {
    // The dearer a product, the smaller the pages.
    for cost in [3.0, 100.0, 300.0, 900.0] {
        let mock = MockShop::start();
        mock.state().product_cost = cost;
        mock.state().bucket = (1e6, 1e6, 1e6);
        for number in 0..23 {
            mock.state().shop.add(&format!("p{number}"), "P", &[]);
        }
        let fetched = wait(fetch(&client(&mock), &FetchOptions::default(), &mut |_, _| {})).unwrap();
        assert_eq!(fetched.catalog.products().len(), 23, "{cost}");
    }
}
