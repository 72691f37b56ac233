//! Lists of products in any form become a catalogue: tables, exports of shops, several files.

#![cfg(test)]

#[path = "catalog_import/files.rs"]
mod files;

use std::path::PathBuf;

use slirec_connect::catalog_import::{CatalogImport, ImportedCatalog};
use slirec_connect::product_table::ProductTable;
use slirec_core::catalog::Catalog;

fn table(handle: &str, title: &str, category: &str, header: bool) -> ProductTable {
    ProductTable {
        handle: handle.parse().unwrap(),
        title: Some(title.parse().unwrap()),
        category: Some(category.parse().unwrap()),
        category_separator: Some("|".to_owned()),
        gid: None,
        available: None,
        attributes: Vec::new(),
        separator: None,
        header,
    }
}

fn read(table: &ProductTable, text: &[u8]) -> Result<Catalog, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products");
    std::fs::write(&path, text).unwrap();
    let import = CatalogImport { inputs: vec![path], table: Some(table.clone()), merge: false, encoding: None };
    import.run().map(|imported| imported.catalog).map_err(|error| error.to_string())
}

#[test]
fn movielens_lists_need_flags_alone() {
    let dat = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Am\u{e9}lie, the film::Drama\n";
    let latin: Vec<u8> = dat.chars().map(|character| character as u8).collect();
    let csv =
        "movieId,title,genres\n1,Toy Story (1995),Animation|Children's|Comedy\n2,\"Am\u{e9}lie, the film\",Drama\n";
    for catalog in [
        read(&table("1", "2", "3", false), dat.as_bytes()).unwrap(),
        read(&table("1", "2", "3", false), &latin).unwrap(),
        read(&table("movieId", "title", "genres", true), csv.as_bytes()).unwrap(),
    ] {
        let titles: Vec<&str> = catalog.products().iter().map(|product| product.title.as_str()).collect();
        assert_eq!(titles, ["Toy Story (1995)", "Amélie, the film"]);
        assert_eq!(catalog.categories(), ["Animation", "Drama"]);
        assert_eq!(catalog.product("1").unwrap().gid, "gid://catalog/Product/1");
    }
}

#[test]
fn json_lines_availability_and_attributes_are_read() {
    let mut table = table("id", "name", "group", true);
    table.available = Some("stock".parse().unwrap());
    table.attributes = vec!["colour".parse().unwrap()];
    let text = concat!(
        r#"{"id": 7, "name": "Mug", "group": "Home", "stock": true, "colour": "red"}"#,
        "\n",
        r#"{"id": "cup", "name": null, "stock": 0}"#
    );
    let catalog = read(&table, text.as_bytes()).unwrap();
    let (mug, cup) = (catalog.product("7").unwrap(), catalog.product("cup").unwrap());
    assert_eq!((mug.available, mug.attributes.get("colour").unwrap()), (true, "red"));
    assert_eq!((cup.available, cup.title.as_str(), cup.category.as_str()), (false, "cup", "uncategorised"));
}

#[test]
fn wrong_columns_and_repeated_handles_are_named_with_their_lines() {
    let named = table("id", "title", "group", true);
    let message = read(&named, b"id,name,group\n1,Mug,Home\n").unwrap_err();
    assert!(message.ends_with("products:1: has no column `title`: found id, name, group"), "{message}");
    let message = read(&named, b"id,title,group\n1,Mug,Home\n2,Cup,Home\n1,Jug,Home\n").unwrap_err();
    assert!(message.contains("products:4: handle `1` is also that of product 1, with other values"), "{message}");
    let message = read(&named, b"id,title,group\n,Mug,Home\n").unwrap_err();
    assert!(message.ends_with("products:2: no value in column `id`"), "{message}");
}

fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases").join(name)
}

/// Imports files whose form is known.
fn import(names: &[&str]) -> Result<ImportedCatalog, String> {
    let inputs = names.iter().map(|name| case(name)).collect();
    CatalogImport { inputs, table: None, merge: false, encoding: None }.run().map_err(|error| error.to_string())
}

fn text_import(text: &str, table: Option<ProductTable>, merge: bool) -> Result<ImportedCatalog, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products");
    std::fs::write(&path, text).unwrap();
    CatalogImport { inputs: vec![path], table, merge, encoding: None }.run().map_err(|error| error.to_string())
}

/// Handle, title, category, availability and SKUs of each product.
fn summary(catalog: &Catalog) -> Vec<(&str, &str, &str, bool, &str)> {
    catalog
        .products()
        .iter()
        .map(|product| {
            let skus = product.attributes.get("sku").unwrap_or_default();
            (product.handle.as_str(), product.title.as_str(), product.category.as_str(), product.available, skus)
        })
        .collect()
}

#[test]
fn a_product_csv_gives_one_product_a_handle_with_its_skus_and_status() {
    for name in ["d01_products/products_export.csv", "d01_products/products_export_bom_crlf.csv"] {
        let imported = import(&[name]).unwrap();
        let expected = [
            ("rain-coat", "Rain Coat, Long", "Coats", true, "RC-S,RC-M,RC-L"),
            ("mug", "Speckled Mug", "Mugs", true, "00123"),
            ("old-hat", "Old Hat", "Hats", false, "HAT-1"),
            ("new-hat", "New Hat", "uncategorised", false, "HAT-2"),
            ("gift-card", "Gift Card", "Gift Cards", true, ""),
        ];
        assert_eq!(summary(&imported.catalog), expected, "{name}");
        assert!(imported.remarks[0].contains("3 rows are further variants and images of the 5 products"), "{name}");
        let coat = imported.catalog.product("rain-coat").unwrap();
        assert_eq!((coat.attributes.get("vendor").unwrap(), coat.attributes.get("price").unwrap()), ("Nord", "79.00"));
    }
    let imported = import(&["d01_products/products_new_header.csv"]).unwrap();
    let expected = [("rain-coat", "Rain Coat", "Coats", true, "RC-S,RC-M"), ("mug", "Mug", "Mugs", false, "MUG")];
    assert_eq!(summary(&imported.catalog), expected);
    // All of its products are drafts, archived or gift cards; they are there all the same.
    assert_eq!(import(&["d01_products/single.csv"]).unwrap().catalog.products().len(), 3);
}

#[test]
fn the_rows_of_a_product_may_stand_apart_and_in_any_order_and_with_any_separator() {
    let text = "Title;Handle;Variant SKU;Status;Type\n;mug;M-2;;\nHat;hat;H;active;Hats\nMug;mug;M-1;active;Mugs\n";
    for text in [text.to_owned(), text.replace(';', "\t"), text.replace(';', ",")] {
        let catalog = text_import(&text, None, false).unwrap().catalog;
        let expected = [("mug", "Mug", "Mugs", true, "M-2,M-1"), ("hat", "Hat", "Hats", true, "H")];
        assert_eq!(summary(&catalog), expected);
    }
}

#[test]
fn stock_is_counted_where_it_is_tracked_and_may_not_go_below_nothing() {
    let head =
        "Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Status\n";
    let available =
        |rows: &str| text_import(&format!("{head}{rows}"), None, false).unwrap().catalog.products()[0].available;
    assert!(!available("a,A,1,shopify,0,deny,active\na,,2,shopify,-3,deny,\n"));
    assert!(available("a,A,1,shopify,0,deny,active\na,,2,shopify,4,deny,\n"));
    assert!(available("a,A,1,shopify,0,continue,active\n"));
    assert!(available("a,A,1,,0,deny,active\n"));
    assert!(available("a,A,1,shopify,,deny,active\n"));
    assert!(!available("a,A,1,shopify,9,deny,Archived\n"));
    let message = text_import(&format!("{head}a,A,1,shopify,many,deny,active\n"), None, false).unwrap_err();
    assert!(message.ends_with("products:2: stock is `many`: expected a number"), "{message}");
}

#[test]
fn bulk_lines_and_rest_answers_give_one_product_with_its_variants() {
    let catalog = import(&["d02_bulk_products/bulk.jsonl"]).unwrap().catalog;
    let expected =
        [("rain-coat", "Rain Coat", "Coats", true, "RC-S,RC-M"), ("mug", "Mug", "uncategorised", false, "MUG")];
    assert_eq!(summary(&catalog), expected);
    assert_eq!(catalog.products()[0].gid, "gid://shopify/Product/1");
    let catalog = import(&["d02_bulk_products/rest_products.json"]).unwrap().catalog;
    let expected = [("rain-coat", "Rain Coat", "Coats", true, "RC-S"), ("mug", "Mug", "uncategorised", false, "")];
    assert_eq!(summary(&catalog), expected);
    assert_eq!(catalog.products()[0].gid, "gid://shopify/Product/1");
}

#[test]
fn children_may_stand_before_their_parents_and_those_without_any_are_counted() {
    let lines = [
        r#"{"id": "gid://shopify/ProductVariant/11", "sku": "A", "inventoryQuantity": 0, "inventoryPolicy": "DENY", "__parentId": "gid://shopify/Product/1"}"#,
        r#"{"id": "gid://shopify/MediaImage/5", "__parentId": "gid://shopify/Product/1"}"#,
        r#"{"id": "gid://shopify/Product/1", "handle": "hat", "title": "Hat", "status": "ACTIVE"}"#,
        r#"{"id": "gid://shopify/ProductVariant/91", "sku": "Z", "__parentId": "gid://shopify/Product/9"}"#,
        r#"{"id": "gid://shopify/Collection/3", "title": "Headwear", "__parentId": "gid://shopify/Product/1"}"#,
    ];
    let imported = text_import(&lines.join("\n"), None, false).unwrap();
    assert_eq!(summary(&imported.catalog), [("hat", "Hat", "Headwear", false, "A")]);
    assert!(imported.remarks[0].starts_with("1 variants belong to products that are not in the file"));
    let graphql = r#"{"data": {"products": {"edges": [{"node": {"id": "gid://shopify/Product/1", "handle": "hat",
        "title": "Hat", "publishedAt": null, "variants": {"nodes": [{"sku": "A"}]}}}]}}}"#;
    let catalog = text_import(graphql, None, false).unwrap().catalog;
    assert_eq!(summary(&catalog), [("hat", "Hat", "uncategorised", false, "A")]);
    let message = text_import("{\"id\": 1}\n", None, false).unwrap_err();
    assert!(message.ends_with("products:1: has no handle: expected a product, found the keys id"), "{message}");
}

fn of_columns(handle: &str, category: Option<&str>, available: Option<&str>) -> ProductTable {
    ProductTable {
        title: None,
        category: category.map(|name| name.parse().unwrap()),
        available: available.map(|name| name.parse().unwrap()),
        ..table(handle, "title", "category", true)
    }
}

fn of_case(name: &str, table: ProductTable, merge: bool) -> Result<ImportedCatalog, String> {
    CatalogImport { inputs: vec![case(name)], table: Some(table), merge, encoding: None }
        .run()
        .map_err(|error| error.to_string())
}

#[test]
fn names_with_commas_are_names() {
    let catalog = of_case("g05_catalog/comma.csv", of_columns("artist", Some("genre"), None), false).unwrap().catalog;
    assert_eq!(catalog.product("Crosby, Stills & Nash").unwrap().category, "Folk");
}

#[test]
fn words_and_stocks_say_whether_a_product_is_on_sale() {
    let catalog = of_case("g05_catalog/avail.csv", of_columns("sku", None, Some("ok")), false).unwrap().catalog;
    let on_sale: Vec<&str> =
        catalog.products().iter().filter(|product| product.available).map(|product| product.handle.as_str()).collect();
    assert_eq!(on_sale, ["A0", "A2", "A9", "A10"]);
    let message = text_import("sku,ok\nA,maybe\n", Some(of_columns("sku", None, Some("ok"))), false).unwrap_err();
    assert!(message.contains("products:2: column `ok` is `maybe`: expected a stock, or a word"), "{message}");
}

#[test]
fn what_a_spreadsheet_has_shortened_is_refused_and_what_is_said_twice_is_counted() {
    let message = of_case("g05_catalog/excel.csv", of_columns("sku", None, None), false).unwrap_err();
    assert!(message.contains("excel.csv:3: column `sku` is `6.93E+12`: a spreadsheet has shortened"), "{message}");
    let imported = of_case("g05_catalog/dup_identical.csv", of_columns("sku", Some("group"), None), false).unwrap();
    assert_eq!((imported.catalog.products().len(), imported.remarks.len()), (2, 1));
    assert!(imported.remarks[0].contains("1 rows say the same of a product again"));
    let padded = of_case("g05_catalog/space.tsv", of_columns("sku", None, None), false).unwrap().catalog;
    assert_eq!(padded.products()[0].handle, "A1");
}

#[test]
fn a_table_with_products_in_every_row_makes_a_catalogue() {
    let events = "user,item,time,group\nu1,A,1,\nu2,A,2,Home\nu1,B,3,Garden\nu3,A,4,\nu4,B,5,Outdoor\n";
    let table = of_columns("item", Some("group"), None);
    let message = text_import(events, Some(table.clone()), false).unwrap_err();
    assert!(message.contains("handle `A` is also that of product 1, with other values") && message.contains("--merge"));
    let imported = text_import(events, Some(table), true).unwrap();
    let expected = [("A", "A", "Home", true, ""), ("B", "B", "Outdoor", true, "")];
    assert_eq!(summary(&imported.catalog), expected);
    assert!(imported.remarks.iter().any(|remark| remark.contains("the last counts")), "{:?}", imported.remarks);
}

#[test]
fn json_columns_are_checked_lists_have_a_first_entry_and_compressed_files_are_read() {
    let mut table = table("parent_asin", "title", "categories", true);
    table.category_separator = None;
    table.attributes = vec!["details.Brand".parse().unwrap()];
    let catalog = of_case("g05_catalog/meta.jsonl.gz", table.clone(), false).unwrap().catalog;
    let expected = [("B01", "Beauty"), ("B02", "uncategorised"), ("B03", "Beauty"), ("B04", "Books")];
    let found: Vec<(&str, &str)> =
        catalog.products().iter().map(|product| (product.handle.as_str(), product.category.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(catalog.products()[0].attributes.get("details.Brand"), Some("X"));
    table.title = Some("titel".parse().unwrap());
    let message = of_case("g05_catalog/meta.jsonl.gz", table, false).unwrap_err();
    assert!(
        message.contains("has no column `titel`, did you mean `title`: found categories, details.Brand"),
        "{message}"
    );
}
