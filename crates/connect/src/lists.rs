//! Attributes that are lists of texts, written with commas: tags of a product enter, the attribute leaves; a catalogue
//! enters, and leaves with these attributes declared to be lists.

use std::collections::BTreeMap;

use slirec_core::attributes::AttributeType;
use slirec_core::catalog::Catalog;

/// Tags of a product that are no features.
pub(crate) const TAGS: &str = "tags";
/// Attributes that fetching and importing write as lists.
const LISTS: [&str; 3] = ["collections", "sku", TAGS];

/// The tags that are no features such as `colour:red`.
pub(crate) fn plain_tags(tags: &[String]) -> String {
    let plain = tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.contains([':', ',']) && !tag.is_empty());
    plain.collect::<Vec<_>>().join(", ")
}

/// Declares the lists that products of a catalogue have.
pub(crate) fn with_lists(catalog: Catalog) -> Catalog {
    let has = |name: &&str| catalog.products().iter().any(|product| product.attributes.contains_key(*name));
    let types: BTreeMap<String, AttributeType> =
        LISTS.into_iter().filter(has).map(|name| (name.to_owned(), AttributeType::List)).collect();
    // Every text is a list.
    catalog.clone().with_types(types).unwrap_or(catalog)
}
