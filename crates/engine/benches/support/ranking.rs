//! The ranking network beside the bundle's own on the same catalogue: a bundle enters, a table of whole requests leaves.

use std::path::Path;

use slirec_engine::{Engine, EngineOptions, Kernels};

use crate::network::of_width;
use crate::{of_lengths, with_products};

const PRODUCTS: usize = 252;
const LENGTHS: [usize; 3] = [3, 10, 50];
const WIDTHS: [usize; 3] = [32, 64, 128];

pub(crate) fn report(bundle: &Path) {
    let own = with_products(bundle, PRODUCTS);
    let networks = std::iter::once(("the bundle's".to_owned(), own.clone()))
        .chain(WIDTHS.map(|width| (format!("ranking, width {width}"), of_width(&own, width))));
    println!(
        "{PRODUCTS} products, one core, fused kernels; times in ms: median (least, greatest), ratio of the medians"
    );
    println!("{:>20}  {}", "network", LENGTHS.map(|length| format!("{:>34}", format!("L = {length}"))).join(" "));
    let mut first: Option<Vec<f64>> = None;
    for (name, bundle) in networks {
        let options = EngineOptions { workers: 1, ..EngineOptions::default() };
        let engine = Engine::from_bundle(bundle, &options).expect("an engine");
        assert_eq!(engine.kernels(), Kernels::Fused, "the kernels take the network");
        let times = of_lengths(&engine, &LENGTHS);
        let medians = times.iter().map(|times| times.median).collect();
        let first = first.get_or_insert(medians);
        let cell = |(times, first): (&crate::Times, &f64)| {
            let text = format!("{:.4} ({:.4}, {:.4})", times.median, times.least, times.greatest);
            format!("{text:>26} {:>7.2}", first / times.median)
        };
        let cells: Vec<String> = times.iter().zip(first.iter()).map(cell).collect();
        println!("{name:>20}  {}", cells.join(" "));
    }
}
