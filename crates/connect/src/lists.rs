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

/// Declares the lists that products of a catalogue have, where no type is declared.
pub(crate) fn with_lists(mut catalog: Catalog) -> Catalog {
    let has = |name: &&str| catalog.products().iter().any(|product| product.attributes.get(name).is_some());
    let lists = LISTS.into_iter().filter(has).map(|name| (name.to_owned(), AttributeType::List));
    let declared = catalog.declared_types().iter().map(|(name, kind)| (name.clone(), *kind));
    let types: BTreeMap<String, AttributeType> = lists.chain(declared).collect();
    // Every text is a list, and the declared types were checked when they were declared: no value breaks them.
    let _ = catalog.declare(types);
    catalog
}
