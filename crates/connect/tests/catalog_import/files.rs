//! Files of all kinds: several of them, our own catalogues, encodings, archives, and what none of ours is.

use slirec_core::attributes::AttributeType;

use crate::*;

#[test]
fn several_files_and_our_own_catalogue_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one.csv", "two.csv", "catalog.json"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], "Handle,Title,Variant SKU\nhat,Hat,H\n").unwrap();
    std::fs::write(&paths[1], "Handle,Title,Variant SKU\nmug,Mug,M\n").unwrap();
    let run =
        |inputs: &[PathBuf], merge| CatalogImport { inputs: inputs.to_vec(), table: None, merge, encoding: None }.run();
    let both = run(&paths[..2], false).unwrap().catalog;
    assert_eq!(both.products().len(), 2);
    both.write(&paths[2]).unwrap();
    std::fs::write(&paths[1], "Handle,Title,Variant SKU,Status\nmug,Large Mug,M,archived\n").unwrap();
    assert!(run(&[paths[2].clone(), paths[1].clone()], false).is_err());
    let changed = run(&[paths[2].clone(), paths[1].clone()], true).unwrap().catalog;
    let mug = changed.product("mug").unwrap();
    assert_eq!((mug.title.as_str(), mug.available, changed.products().len()), ("Large Mug", false, 2));
}

#[test]
fn types_that_a_catalogue_declares_stay_and_are_held_against_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["catalog.json", "more.jsonl"].map(|name| folder.path().join(name));
    let catalog = r#"{"format": "slirec-catalog/1", "types": {"code": "text", "tags": "list"}, "products": [
        {"handle": "mug", "gid": "gid://shopify/Product/1", "title": "Mug", "category": "Home",
         "attributes": {"code": "7", "sku": "A, B"}}]}"#;
    std::fs::write(&paths[0], catalog).unwrap();
    let import = CatalogImport { inputs: vec![paths[0].clone()], table: None, merge: false, encoding: None };
    let types = import.run().unwrap().catalog.declared_types().clone();
    let declared = [("code", AttributeType::Text), ("sku", AttributeType::List), ("tags", AttributeType::List)];
    assert_eq!(types, declared.map(|(name, kind)| (name.to_owned(), kind)).into());

    std::fs::write(&paths[0], catalog.replace("\"code\": \"text\"", "\"code\": \"number\"")).unwrap();
    let other = catalog.replace("\"code\": \"text\", ", "").replace("mug", "hat").replace("Product/1", "Product/2");
    std::fs::write(&paths[1], other.replace("\"7\"", "\"A7\"")).unwrap();
    let error = CatalogImport { inputs: paths.to_vec(), ..import }.run().unwrap_err().to_string();
    let expected =
        "declares types that do not fit all files: product `hat`: attribute `code` is `A7`: expected a decimal";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn old_lists_in_latin_1_are_read_and_said_to_be() {
    let mut table = table("1", "2", "3", false);
    table.separator = Some("|".to_owned());
    let imported = of_case("g05_catalog/u.item", table, false).unwrap();
    assert_eq!(imported.catalog.products()[0].title, "Amélie (2001)");
    assert!(imported.remarks[0].ends_with("was read as Latin-1: --encoding names another one"));
}

#[test]
fn the_encoding_that_is_asked_for_is_that_of_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products.csv");
    let run = |bytes: &[u8], encoding: Option<&str>| {
        std::fs::write(&path, bytes).unwrap();
        let encoding = encoding.map(|name| name.parse().unwrap());
        let (inputs, table) = (vec![path.clone()], Some(of_columns("sku", Some("group"), None)));
        let imported = CatalogImport { inputs, table, merge: false, encoding }.run();
        imported.map(|imported| imported.catalog.products()[0].category.clone()).map_err(|error| error.to_string())
    };
    // Central Europe: the byte is another letter in Latin-1.
    assert_eq!(run(b"sku,group\nA,\x8aaty\n", Some("windows-1250")).as_deref(), Ok("Šaty"));
    let utf16: Vec<u8> = "sku,group\nA,Šaty\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(run(&[b"\xff\xfe".to_vec(), utf16.clone()].concat(), None).as_deref(), Ok("Šaty"));
    let message = run(&utf16, None).unwrap_err();
    assert!(
        message.ends_with("products.csv: looks like UTF-16 without a byte order mark: --encoding utf-16le reads it")
    );
    // Half of a pair of surrogates.
    let broken = [utf16, b"B\0,\0\x00\xd8\n\0".to_vec()].concat();
    let message = run(&broken, Some("utf-16le")).unwrap_err();
    assert!(message.contains("products.csv: found bytes that are not UTF-16LE"), "{message}");
}

#[test]
fn lists_in_archives_are_read_file_by_file() {
    let case = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases").join(name);
    for name in ["csv.zip", "csv.bz2", "csv.xz"] {
        let inputs = vec![case(&format!("b26_comp/x.{name}"))];
        let import = CatalogImport { inputs, table: Some(of_columns("item", None, None)), merge: true, encoding: None };
        assert!(!import.run().unwrap().catalog.products().is_empty(), "{name}");
    }
}

#[test]
fn other_formats_are_named_for_what_they_are() {
    for (bytes, named) in [
        ("PK\u{3}\u{4}rest", "is a zip archive that cannot be read"),
        ("PAR1rest", "is a Parquet file"),
        ("", "is empty: expected products"),
        ("a,b\n1,2\n", "is no product export of a shop and no inventory.pkl"),
        ("Handle,Title,Status\n", "holds no products"),
    ] {
        let message = text_import(bytes, None, false).unwrap_err();
        assert!(message.contains(named), "{message}");
    }
}
