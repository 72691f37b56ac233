//! Orders as shops export and people re-save them: titles with variants, other separators, any order of rows, several files,
//! refunds, no SKUs.

use std::path::{Path, PathBuf};

use slirec_connect::events::Source;
use slirec_connect::events::products::{IdKind, Products};
use slirec_connect::time::TimeRule;
use slirec_core::catalog::Catalog;

use crate::Case;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases").join(name)
}

fn of_files(source: Source, names: &[&str]) -> Case {
    let inputs: Vec<PathBuf> = names.iter().map(|name| case(name)).collect();
    let mut import = Case::new(source, &inputs);
    let catalog = Catalog::read(&case("d03_orders/catalog.json")).unwrap();
    import.import.meaning.products = Products::new(Some(catalog), IdKind::Auto);
    import
}

/// Items with the number of different users.
fn items(lines: &[String]) -> (Vec<&str>, usize) {
    let mut items: Vec<&str> = lines.iter().map(|line| line.split('\t').nth(2).unwrap()).collect();
    items.sort_unstable();
    let mut users: Vec<&str> = lines.iter().map(|line| line.split('\t').nth(1).unwrap()).collect();
    users.sort_unstable();
    users.dedup();
    (items, users.len())
}

#[test]
fn orders_are_matched_by_title_before_the_variant_and_refunds_are_left_out() {
    for name in ["export", "semicolon", "bom", "blank_continuation", "blank_created"] {
        let (lines, summary) =
            of_files(Source::OrderCsv(TimeRule::default()), &[&format!("d03_orders/orders_{name}.csv")]).run();
        assert_eq!(items(&lines), (vec!["mug", "rain-coat", "tee", "tee", "tee-pro"], 3), "{name}");
        let ignored = &summary.counts.ignored;
        let reasons = [ignored["no user"], ignored["refund"], ignored["cancelled or test order"]];
        assert_eq!((summary.counts.rows, summary.counts.bad_rows, reasons), (8, 0, [1, 1, 1]), "{name}");
        assert_eq!(summary.counts.unknown_events, 0, "{name}");
    }
}

#[test]
fn the_rows_of_an_order_may_stand_apart_and_in_several_files() {
    let (resorted, summary) =
        of_files(Source::OrderCsv(TimeRule::default()), &["d03_orders/orders_resorted.csv"]).run();
    assert_eq!(items(&resorted), (vec!["rain-coat", "tee", "tee"], 2));
    assert_eq!(summary.counts.bad_rows, 0);
    for files in
        [["d03_orders/split/1.csv", "d03_orders/split/2.csv"], ["d03_orders/split/2.csv", "d03_orders/split/1.csv"]]
    {
        let (lines, summary) = of_files(Source::OrderCsv(TimeRule::default()), &files).run();
        assert_eq!(items(&lines), (vec!["rain-coat", "tee", "tee"], 2), "{files:?}");
        assert_eq!((summary.counts.rows, summary.counts.bad_rows), (3, 0));
    }
    let item =
        r#"{"id":"gid://shopify/LineItem/1","sku":"RC-M","currentQuantity":1,"__parentId":"gid://shopify/Order/1"}"#;
    let order = r#"{"id":"gid://shopify/Order/1","createdAt":"2026-11-02T09:19:01Z","email":"a@x.example"}"#;
    let folder = tempfile::tempdir().unwrap();
    let paths = ["items.jsonl", "orders.jsonl"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], item).unwrap();
    std::fs::write(&paths[1], order).unwrap();
    let mut bulk = of_files(Source::BulkOrders, &[]);
    bulk.import.inputs = paths.to_vec();
    assert_eq!(items(&bulk.run().0), (vec!["rain-coat"], 1));
}

#[test]
fn refunds_and_what_was_taken_out_of_a_bulk_order_are_left_out() {
    let order = |id: u32, status: &str| {
        format!(
            r#"{{"id":"gid://shopify/Order/{id}","createdAt":"2026-11-02T09:19:01Z","email":"a@x.example","displayFinancialStatus":"{status}"}}"#
        )
    };
    let item = |id: u32, left: u32| {
        format!(
            r#"{{"id":"gid://shopify/LineItem/{id}{left}","title":"Old Hat","currentQuantity":{left},"__parentId":"gid://shopify/Order/{id}"}}"#
        )
    };
    let text =
        [order(1, "REFUNDED"), item(1, 1), order(2, "VOIDED"), item(2, 1), order(3, "PAID"), item(3, 0), item(3, 2)];
    let mut bulk = Case::of_text(Source::BulkOrders, text.join("\n"));
    let catalog = Catalog::read(&case("d03_orders/catalog.json")).unwrap();
    bulk.import.meaning.products = Products::new(Some(catalog), IdKind::Auto);
    let (lines, summary) = bulk.run();
    assert_eq!(items(&lines), (vec!["hat"], 1));
    let ignored = &summary.counts.ignored;
    assert_eq!((ignored["refund"], ignored["cancelled or test order"]), (2, 1));
}

#[test]
fn without_a_catalogue_every_name_is_taken() {
    let names = |source: Source, name: &str| {
        let (lines, summary) = of_files(source, &[name]).without_catalog().run();
        assert_eq!(summary.counts.unknown_events, 0, "{name}");
        items(&lines).0.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(Source::OrderCsv(TimeRule::default()), "d06_sku/orders.csv"), ["Basic Tee", "Hat", "Mug"]);
    assert_eq!(names(Source::OrderCsv(TimeRule::default()), "d06_sku/orders_nosku.csv"), ["Basic Tee", "Hat"]);
    assert_eq!(names(Source::BulkOrders, "d06_sku/bulk.jsonl"), ["Basic Tee", "Mug"]);
}

#[test]
fn a_row_without_an_order_is_named() {
    let message =
        Case::of_text(Source::OrderCsv(TimeRule::default()), "Name,Created at,Lineitem name\n,2026-11-02,Hat\n")
            .failure()
            .to_string();
    assert!(message.contains("no order: expected a name, or a row before that has one"), "{message}");
}

#[test]
fn dates_that_a_spreadsheet_wrote_are_told_or_asked_for() {
    let excel = "d03_orders/orders_excel.csv";
    let usual = || Source::OrderCsv(TimeRule::default());
    let message = of_files(usual(), &[excel]).failure().to_string();
    assert!(
        message.contains("no date tells whether the day or the month stands first, such as `02/11/2026"),
        "{message}"
    );
    assert!(message.contains("--time-format day-first or month-first says which is meant"), "{message}");
    let of_format = |format: &str| {
        let times = TimeRule { unit: None, formats: vec![format.parse().unwrap()] };
        let (lines, summary) = of_files(Source::OrderCsv(times), &[excel]).run();
        assert_eq!(summary.counts.bad_rows, 0, "{format}");
        lines[0].split('\t').nth(3).unwrap().to_owned()
    };
    assert_eq!(of_format("day-first"), "1793614740");
    assert_eq!(of_format("%d/%m/%Y %H:%M"), "1793614740");
    let rows = "#1,a@x.example,02/11/2026 10:19,Hat\n#2,b@x.example,13/11/2026 10:19,Hat\n";
    let text = format!("Name,Email,Created at,Lineitem name\n{rows}");
    let (lines, _) = Case::of_text(usual(), text).without_catalog().run();
    let mut times: Vec<&str> = lines.iter().map(|line| line.split('\t').nth(3).unwrap()).collect();
    times.sort_unstable();
    assert_eq!(times, ["1793614740", "1794565140"], "the thirteenth tells that the day stands first");
    let message =
        Case::of_text(usual(), "Name,Email,Created at,Lineitem name\n#1,a@x,soon,Hat\n").failure().to_string();
    assert!(message.contains("order #1: time: `soon` is no time"), "{message}");
}
