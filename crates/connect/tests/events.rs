//! Clickstreams and orders as they lie on disk enter; interactions and a summary of what was left out leave.

#![cfg(test)]

#[path = "events/cases.rs"]
mod cases;
#[path = "events/cleaning.rs"]
mod cleaning;
#[path = "events/mistakes.rs"]
mod mistakes;
#[path = "events/orders.rs"]
mod orders;
#[cfg(feature = "parquet")]
#[path = "events/parquet.rs"]
mod parquet_files;
#[path = "events/paths.rs"]
mod paths;
#[path = "events/shopify.rs"]
mod shopify;
#[path = "events/snowplow.rs"]
mod snowplow;
#[path = "events/snowplow_meaning.rs"]
mod snowplow_meaning;
#[path = "events/tables.rs"]
mod tables;
#[path = "events/times.rs"]
mod times;

use std::fs;
use std::path::{Path, PathBuf};

use slirec_connect::events::event::Weights;
use slirec_connect::events::products::{IdKind, Products};
use slirec_connect::events::table::{Column, Order, Table};
use slirec_connect::events::{Cleaning, Import, ImportError, Limits, Meaning, Source, Summary};
use slirec_connect::time::TimeUnit;
use slirec_core::catalog::Catalog;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

/// The three products of the fixtures.
fn catalog() -> Catalog {
    let text = r#"{"format": "slirec-catalog/1", "products": [
        {"handle": "running-shoes", "gid": "gid://shopify/Product/10334956716363", "title": "Running Shoes", "category": "Sports"},
        {"handle": "yoga-mat", "gid": "gid://shopify/Product/7", "title": "Yoga Mat", "category": "Sports"},
        {"handle": "water-bottle-1", "gid": "gid://shopify/Product/10334952456523", "title": "Water Bottle", "category": "Food"}]}"#;
    Catalog::parse(text, Path::new("catalog.json")).unwrap()
}

/// The day of all tests: 2026-11-29.
const NOW: f64 = 1_795_910_400.0;

fn column(name: &str) -> Column {
    name.parse().unwrap()
}

/// A table with times.
fn table(user: &str, item: &str, time: &str) -> Table {
    Table::new(column(user), column(item), Order::Time(column(time)))
}

/// A table whose times are small numbers of seconds, for tests of other things.
fn of_seconds(mut table: Table) -> Table {
    table.times.unit = Some(TimeUnit::Seconds);
    table
}

/// An import with everything at its default.
struct Case {
    folder: tempfile::TempDir,
    import: Import,
}

impl Case {
    fn new(source: Source, inputs: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let import = Import {
            source,
            inputs: inputs.to_vec(),
            meaning: Meaning { products: Products::new(Some(catalog()), IdKind::Auto), weights: Weights::default() },
            cleaning: Cleaning { collapse_seconds: 10.0, most_daily_events: 2000 },
            limits: Limits::of_day(NOW),
            encoding: None,
            output: folder.path().join("interactions.tsv"),
            bad_rows: folder.path().join("bad-rows.tsv"),
            replace: false,
        };
        Self { folder, import }
    }

    /// An import of one file with this content.
    fn of_text(source: Source, content: impl AsRef<[u8]>) -> Self {
        let mut case = Self::new(source, &[]);
        let path = case.folder.path().join("input");
        fs::write(&path, content).unwrap();
        case.import.inputs = vec![path];
        case
    }

    fn without_catalog(mut self) -> Self {
        self.import.meaning.products = Products::new(None, IdKind::Auto);
        self
    }

    /// Takes whatever share of bad rows and of early times.
    fn lenient(mut self) -> Self {
        (self.import.limits.max_bad, self.import.limits.max_odd_times) = (1.0, 1.0);
        self
    }

    /// The interactions and the summary, in which every row is accounted for.
    fn run(&self) -> (Vec<String>, Summary) {
        let summary = self.import.run(&mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        let left: u64 = summary.reasons().iter().map(|(_, count)| count).sum();
        let events = summary.counts.events();
        assert_eq!(events, summary.totals.interactions + left, "{:?}\n{summary}", summary.reasons());
        let text = fs::read_to_string(&self.import.output).unwrap();
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
        (text.lines().map(str::to_owned).collect(), summary)
    }

    fn failure(&self) -> ImportError {
        let error = self.import.run(&mut |_| {}).expect_err("expected a failure");
        assert!(!self.import.output.exists(), "a failed import leaves no output");
        error
    }
}
