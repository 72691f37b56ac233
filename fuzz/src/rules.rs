//! The filter language and the file of scenarios: texts enter; both ways to evaluate a filter say the same.

use std::path::Path;
use std::sync::LazyLock;

use slirec_core::catalog::Catalog;
use slirec_merchandising::{Columns, Filter, Merchandising, ScenarioFile, Wish};

use super::said;

/// Attributes of every type, and products that lack some.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let text = r#"{"format": "slirec-catalog/1", "types": {"tags": "list"}, "products": [
        {"handle": "novel", "gid": "gid://shopify/Product/1", "title": "Novel", "category": "Books",
         "attributes": {"price": "12.50", "new": "true", "tags": "gift, sale", "colour": "red", "launch": "2026-11-02"}},
        {"handle": "mug", "gid": "gid://shopify/Product/2", "title": "Mug", "category": "Home", "available": false,
         "attributes": {"price": "8", "new": "false", "tags": "gift", "colour": "blue", "launch": "2026-10-01"}},
        {"handle": "yoga-mat", "gid": "gid://shopify/Product/3", "title": "Yoga mat", "category": "Sports"}]}"#;
    Catalog::parse(text, Path::new("catalog.json")).unwrap()
});
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::new(&CATALOG));

/// Unix seconds of the wishes.
const NOW: f64 = 1_793_610_900.0;

/// The text of a filter.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let filter = match Filter::new(text, &COLUMNS) {
        Ok(filter) => filter,
        Err(error) => return said(&error),
    };
    for viewed in [None, Some(0), Some(2)] {
        let found = filter.evaluate(&COLUMNS, viewed);
        for product in 0..COLUMNS.products() {
            let matches = filter.matches(&COLUMNS, product, viewed);
            assert_eq!(found.contains(product), matches, "product {product}, viewed {viewed:?}");
        }
    }
}

/// A file of scenarios, each of which is then asked for.
pub fn scenarios(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = match ScenarioFile::parse(text, Path::new("scenarios.toml")) {
        Ok(file) => file,
        Err(error) => return said(&error),
    };
    let (merchandising, warnings) = match Merchandising::new(&CATALOG, Some(&file)) {
        Ok(made) => made,
        Err(error) => return said(&error),
    };
    warnings.iter().for_each(said);
    for scenario in merchandising.scenarios() {
        for viewed in [None, Some(1)] {
            let wish = Wish { scenario: Some(scenario.name().to_owned()), viewed, now: NOW, ..Wish::default() };
            if let Err(error) = merchandising.arrange(&wish) {
                said(&error);
            }
            for product in 0..COLUMNS.products() {
                scenario.applied(merchandising.columns(), product, viewed, NOW);
            }
        }
    }
}
