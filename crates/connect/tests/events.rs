//! Clickstreams and orders as they lie on disk enter; interactions and a summary of what was left out leave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy grants these to tests, but not to the helpers beside them"
)]

#[path = "events/cleaning.rs"]
mod cleaning;
#[path = "events/orders.rs"]
mod orders;
#[path = "events/shopify.rs"]
mod shopify;
#[path = "events/snowplow.rs"]
mod snowplow;
#[path = "events/tables.rs"]
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use slirec_connect::events::event::Weights;
use slirec_connect::events::products::{IdKind, Products};
use slirec_connect::events::{Cleaning, Import, ImportError, Meaning, Source, Summary};
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

    fn run(&self) -> (Vec<String>, Summary) {
        let summary = self.import.run(&mut |_| {}).unwrap();
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
