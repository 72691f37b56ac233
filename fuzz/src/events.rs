//! Data of other systems: files enter as imports read them, whole; what an import writes can be read.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use slirec_connect::catalog_import::CatalogImport;
use slirec_connect::events::event::Weights;
use slirec_connect::events::products::{IdKind, Products};
use slirec_connect::events::snowplow::{Identifier, Snowplow};
use slirec_connect::events::table::{Order, Table};
use slirec_connect::events::{Cleaning, Import, ImportError, Limits, Meaning, Source};
use slirec_connect::partitions::ParquetInteractions;
use slirec_connect::product_table::ProductTable;
use slirec_connect::time::TimeRule;
use slirec_core::catalog::Catalog;
use slirec_core::interactions::{InteractionReader, InteractionSource};

use super::{choose, said};

/// A day of the fixtures.
const NOW: f64 = 1_793_700_000.0;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let text = r#"{"format": "slirec-catalog/1", "products": [
        {"handle": "running-shoes", "gid": "gid://shopify/Product/10334956716363", "title": "Running Shoes",
         "category": "Sports", "attributes": {"sku": "RS-1"}},
        {"handle": "yoga-mat", "gid": "gid://shopify/Product/2", "title": "Yoga Mat", "category": "Sports"}]}"#;
    Catalog::parse(text, Path::new("catalog.json")).unwrap()
});

/// Imports a file; what leaves is read again.
fn import(source: Source, catalog: Option<Catalog>, name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let output = folder.path().join("interactions.tsv");
    let import = Import {
        source,
        inputs: vec![path],
        meaning: Meaning { products: Products::new(catalog, IdKind::Auto), weights: Weights::default() },
        cleaning: Cleaning { collapse_seconds: 10.0, most_daily_events: 1_000 },
        limits: Limits { max_bad: 0.5, max_odd_times: 0.5, now: NOW },
        encoding: None,
        output: output.clone(),
        bad_rows: folder.path().join("bad_rows.tsv"),
        replace: true,
    };
    match import.run(&mut |_| ()) {
        Ok(summary) => {
            let mut reader = InteractionReader::new(BufReader::new(std::fs::File::open(&output).unwrap()));
            let mut rows = 0;
            while let Some(row) = reader.next() {
                row.unwrap();
                rows += 1;
            }
            assert_eq!(rows, summary.totals.interactions);
        }
        Err(ImportError::Nothing(summary)) => drop(summary.to_string()),
        Err(error) => said(&error),
    }
}

/// Events of Snowplow in any of their forms; the first byte says how they are read.
pub fn snowplow(data: &[u8]) {
    let plain = Snowplow::default();
    let stitched =
        Snowplow { user_order: vec![Identifier::UserId, Identifier::DomainUserId], stitch: true, ..plain.clone() };
    let ways = [(plain, true), (stitched, false)];
    let Some(((snowplow, catalog), bytes)) = choose(data, &ways) else { return };
    import(Source::Snowplow(snowplow.clone()), catalog.then(|| CATALOG.clone()), "events", bytes);
}

/// Orders and customer events of Shopify; the first byte says which.
pub fn orders(data: &[u8]) {
    let sources = [Source::BulkOrders, Source::OrderCsv(TimeRule::default()), Source::WebPixel];
    let Some((source, bytes)) = choose(data, &sources) else { return };
    import(source.clone(), Some(CATALOG.clone()), "orders", bytes);
}

/// Any table; the first byte says which of its columns are used.
pub fn table(data: &[u8]) {
    let column = |name: &str| name.parse().unwrap();
    let usual = || Table::new(column("user"), column("item"), Order::Time(column("time")));
    let more = Table {
        category: Some(column("category")),
        kind: Some(column("event")),
        weight: Some(column("weight")),
        id: Some(column("id")),
        minimum: Some((column("rating"), 3.0)),
        ..usual()
    };
    let ordinal = Table::new(column("user"), column("item"), Order::Ordinal(column("order")));
    let headless = Table { header: false, ..Table::new(column("1"), column("2"), Order::Time(column("3"))) };
    let tables = [usual(), more, ordinal, headless];
    let Some((table, bytes)) = choose(data, &tables) else { return };
    import(Source::Table(table.clone()), None, "table", bytes);
}

/// A list of products: of a shop, or any table; the first byte says which.
pub fn product_list(data: &[u8]) {
    let column = |name: &str| name.parse().unwrap();
    let table = ProductTable {
        handle: column("handle"),
        title: Some(column("title")),
        category: Some(column("category")),
        category_separator: Some("/".to_owned()),
        gid: None,
        available: Some(column("available")),
        attributes: vec![column("price")],
        separator: None,
        header: true,
    };
    let tables = [None, Some(table)];
    let Some((table, bytes)) = choose(data, &tables) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products");
    std::fs::write(&path, bytes).unwrap();
    let import = CatalogImport { inputs: vec![path], table: table.clone(), merge: true, encoding: None };
    match import.run() {
        Ok(imported) => {
            imported.remarks.iter().for_each(said);
            let path: PathBuf = folder.path().join("catalog.json");
            imported.catalog.write(&path).unwrap();
            assert_eq!(Catalog::read(&path).unwrap().products(), imported.catalog.products());
        }
        Err(error) => said(&error),
    }
}

/// A Parquet file: of interactions, of Snowplow's lake, or any table; the first byte says which.
pub fn parquet(data: &[u8]) {
    let Some((kind, bytes)) = choose(data, &[0, 1, 2]) else { return };
    match kind {
        0 => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("part-0.parquet");
            std::fs::write(&path, bytes).unwrap();
            let Ok(mut rows) = ParquetInteractions::open(&path) else { return };
            while let Some(row) = rows.next_weighted() {
                if let Err(error) = row {
                    said(&error);
                }
            }
        }
        1 => import(Source::Snowplow(Snowplow::default()), Some(CATALOG.clone()), "events.parquet", bytes),
        _ => {
            let column = |name: &str| name.parse().unwrap();
            let table = Table::new(column("user"), column("item"), Order::Time(column("timestamp")));
            import(Source::Table(table), None, "table.parquet", bytes);
        }
    }
}
