//! Catalogues that are sound, and those that are refused, by their place.

use std::path::Path;

use super::*;

fn product(handle: &str, gid: &str) -> String {
    format!(r#"  {{"handle": "{handle}", "gid": "{gid}", "title": "A", "category": "Books"}}"#)
}

fn parse(products: &[String]) -> Result<Catalog, CatalogError> {
    let text = format!("{{\"format\": \"{FORMAT}\", \"products\": [\n{}\n]}}", products.join(",\n"));
    Catalog::parse(&text, Path::new("catalog.json"))
}

fn message(products: &[String]) -> String {
    parse(products).expect_err("the catalogue is wrong").to_string()
}

#[test]
fn products_with_equal_titles_are_kept_apart_by_their_handles() {
    let catalog = parse(&[product("towel", "gid://1"), product("towel-1", "gid://2")]).unwrap();
    assert_eq!(catalog.product("towel-1").map(|p| p.gid.as_str()), Some("gid://2"));
    assert_eq!(catalog.product("towel").map(|p| p.available), Some(true));
    assert_eq!(catalog.categories(), ["Books"]);
}

#[test]
fn products_are_found_by_their_gids_and_categories_by_their_names() {
    let other = r#"{"handle": "mug", "gid": "gid://2", "title": "M", "category": "Kitchen"}"#.to_owned();
    let catalog = parse(&[product("towel", "gid://3"), other, product("novel", "gid://1")]).unwrap();
    let handle = |gid: &str| catalog.product_of_gid(gid).map(|product| product.handle.as_str());
    assert_eq!(["gid://1", "gid://2", "gid://3"].map(handle), [Some("novel"), Some("mug"), Some("towel")]);
    assert_eq!(["", "gid://0", "gid://4", "novel"].map(handle), [None; 4]);
    assert_eq!(catalog.categories(), ["Books", "Kitchen"]);
    assert_eq!(["Books", "Kitchen", "books"].map(|name| catalog.has_category(name)), [true, true, false]);
}

#[test]
fn a_duplicate_handle_names_file_position_and_value() {
    let message = message(&[product("towel", "gid://1"), product("mug", "gid://2"), product("towel", "gid://3")]);
    assert_eq!(message, "catalog.json:4:3: handle `towel` is also that of product 1: expected every handle once");
}

#[test]
fn a_duplicate_gid_names_file_position_and_value() {
    let message = message(&[product("towel", "gid://1"), product("mug", "gid://1")]);
    assert_eq!(message, "catalog.json:3:3: gid `gid://1` is also that of product 1: expected every gid once");
}

#[test]
fn empty_handles_and_handles_with_tabs_are_refused_and_commas_are_not() {
    assert!(message(&[product(" ", "gid://1")]).contains("2:3: handle is ` `: expected a name that is not empty"));
    assert_eq!(parse(&[product("Crosby, Stills & Nash", "gid://1")]).unwrap().products().len(), 1);
    assert!(message(&[product("a\\tb", "gid://1")]).contains("expected no tabs"));
}

#[test]
fn an_unknown_key_is_named_with_its_position() {
    let wrong = r#"  {"handle": "a", "gid": "b", "title": "A", "category": "Books", "colour": "red"}"#.to_owned();
    let message = message(&[product("towel", "gid://1"), wrong]);
    assert!(message.starts_with("catalog.json:3:"), "{message}");
    assert!(message.contains("unknown field `colour`, expected one of `handle`"), "{message}");
}

#[test]
fn a_missing_key_a_wrong_type_and_broken_json_are_named() {
    assert!(message(&[r#"{"handle": "a"}"#.into()]).contains("missing field `gid`"));
    assert!(message(&[r#"{"handle": 7}"#.into()]).contains("invalid type: integer `7`, expected a string"));
    assert!(message(&["{".into()]).contains("catalog.json:"));
}

#[test]
fn a_written_catalogue_reads_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    let mut product: Product = serde_json::from_str(&product("towel", "gid://1")).unwrap();
    product.available = false;
    product.attributes.insert("colour", "red");
    let written = Catalog::new(vec![product]).unwrap();
    written.write(&path).unwrap();
    assert_eq!(Catalog::read(&path).unwrap().products(), written.products());
}

#[test]
fn types_of_attributes_are_declared_or_inferred_and_survive_writing() {
    let text = r#"{"format": "slirec-catalog/1", "types": {"tags": "list", "size": "text"}, "products": [
        {"handle": "tee", "gid": "g", "title": "T", "category": "C", "attributes": {"tags": "new, sale", "size": "42", "price": "3"}}]}"#;
    let catalog = Catalog::parse(text, Path::new("catalog.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.json");
    catalog.write(&path).unwrap();
    let types = Catalog::read(&path).unwrap().attribute_types();
    let names: Vec<_> = types.iter().map(|(name, kind)| (name.as_str(), kind.name())).collect();
    assert_eq!(names, [("price", "number"), ("size", "text"), ("tags", "list")]);
}

#[test]
fn a_value_that_is_not_of_its_declared_type_is_refused_by_its_place() {
    let text = "{\"format\": \"slirec-catalog/1\", \"types\": {\"new\": \"boolean\"}, \"products\": [\n\
        {\"handle\": \"a\", \"gid\": \"a\", \"title\": \"A\", \"category\": \"C\", \"attributes\": {\"new\": \"yes\"}}]}";
    let message = Catalog::parse(text, Path::new("catalog.json")).expect_err("a value is wrong").to_string();
    let expected = "catalog.json:2:1: attribute `new` is `yes`: expected `true` or `false`, as its type says";
    assert_eq!(message, expected);
    let unknown = text.replace("boolean", "bool");
    let message = Catalog::parse(&unknown, Path::new("catalog.json")).expect_err("a type is wrong").to_string();
    assert!(message.contains("unknown variant `bool`"), "{message}");
}
