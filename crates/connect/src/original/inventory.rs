//! The original's inventory snapshot: `inventory.pkl` enters, a [`Catalog`] leaves.
//!
//! The snapshot is three dicts: handle → GID, title → handle, category → titles. Its categories list titles, and where
//! two products have one title its second dict keeps only the last of them. Handles and GIDs stand in order of
//! creation, and so do the titles of the categories, so both lists decide which handle a repeated title means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use slirec_core::catalog::{Attributes, Catalog, Product};

use super::OriginalError;
use crate::pickle::{self, Value};

const GIDS: &str = "handle_to_id_dict";
const HANDLES: &str = "title_to_handle_dict";
const TITLES: &str = "category_to_products_dict";

/// Category of products that the snapshot lists in no category.
const UNCATEGORISED: &str = "uncategorised";

/// A catalogue and what the snapshot left open.
#[derive(Debug)]
pub struct Inventory {
    /// The products in the snapshot's order.
    pub catalog: Catalog,
    /// Products of repeated titles, whose handles were assigned by their order.
    pub repeated_titles: Vec<String>,
    /// Handles that no category lists; they are in the catalogue as `uncategorised`.
    pub uncategorised: Vec<String>,
}

/// Reads the snapshot.
///
/// # Errors
/// [`OriginalError`] when the file is no plain pickle, lacks a dict, or contradicts itself.
pub fn read(path: &Path) -> Result<Inventory, OriginalError> {
    let snapshot = pickle::read_file(path)?;
    of_snapshot(&snapshot).map_err(|problem| OriginalError::Invalid { path: path.to_owned(), problem })
}

fn of_snapshot(snapshot: &Value) -> Result<Inventory, String> {
    let gids = names(snapshot, GIDS)?;
    let handle_of: HashMap<&str, &str> = names(snapshot, HANDLES)?.into_iter().collect();
    let listed = listed_titles(snapshot)?;
    let mut occurrences: HashMap<&str, usize> = HashMap::new();
    for (_, title) in &listed {
        *occurrences.entry(*title).or_default() += 1;
    }
    let families = families(&gids);
    let mut known: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut repeated_titles = Vec::new();
    for (category, title) in listed {
        let last = handle_of.get(title).ok_or_else(|| format!("{HANDLES}: has no handle for title `{title}`"))?;
        let repeated = occurrences.get(title).is_some_and(|count| *count > 1);
        let handle = if repeated { next_of_family(&families, last, &known) } else { Some(*last) };
        let handle =
            handle.ok_or_else(|| format!("{TITLES}: title `{title}` stands in more categories than it has handles"))?;
        if let Some((_, other)) = known.insert(handle, (title, category)) {
            return Err(format!("{TITLES}: handle `{handle}` stands in `{other}` and in `{category}`: expected one"));
        }
        if repeated {
            repeated_titles.push(handle.to_owned());
        }
    }
    let mut uncategorised = Vec::new();
    let product = |(handle, gid): &(&str, &str)| {
        let (title, category) = known.get(handle).copied().unwrap_or_else(|| {
            uncategorised.push((*handle).to_owned());
            (handle, UNCATEGORISED)
        });
        Product {
            handle: (*handle).to_owned(),
            gid: (*gid).to_owned(),
            title: title.to_owned(),
            category: category.to_owned(),
            available: true,
            attributes: Attributes::default(),
        }
    };
    let products = gids.iter().map(product).collect();
    let catalog = Catalog::new(products).map_err(|(index, problem)| format!("product {}: {problem}", index + 1))?;
    Ok(Inventory { catalog, repeated_titles, uncategorised })
}

/// A dict of text by text, in its order; of a repeated key the last counts.
fn names<'a>(snapshot: &'a Value, name: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let table = dict(snapshot, name)?;
    let mut seen = HashSet::new();
    let mut names = Vec::with_capacity(table.len());
    for (key, value) in table.iter().rev() {
        let text = |value: &'a Value| {
            value.as_text().ok_or_else(|| format!("{name}: holds a {}: expected text by text", value.kind()))
        };
        let (key, value) = (text(key)?, text(value)?);
        if seen.insert(key) {
            names.push((key, value));
        }
    }
    names.reverse();
    Ok(names)
}

/// Category and title of every listed product, in the snapshot's order.
fn listed_titles(snapshot: &Value) -> Result<Vec<(&str, &str)>, String> {
    let mut listed = Vec::new();
    for (category, titles) in dict(snapshot, TITLES)? {
        let category = category.as_text().ok_or_else(|| format!("{TITLES}: a category is a {}", category.kind()))?;
        let kind = titles.kind();
        let titles = titles.as_list().ok_or_else(|| format!("{TITLES}: `{category}` is a {kind}: expected a list"))?;
        for title in titles {
            let text = title.as_text().ok_or_else(|| format!("{TITLES}: a title is a {}", title.kind()))?;
            listed.push((category, text));
        }
    }
    Ok(listed)
}

fn dict<'a>(snapshot: &'a Value, name: &str) -> Result<&'a [(Value, Value)], String> {
    let table = snapshot.get(name).ok_or_else(|| format!("has no `{name}`: expected the snapshot of an inventory"))?;
    table.as_dict().ok_or_else(|| format!("{name}: is a {}: expected a dict", table.kind()))
}

/// Handles by what is left without the number that Shopify appends to a repeated one, in order of creation.
fn families<'a>(gids: &[(&'a str, &str)]) -> HashMap<&'a str, Vec<&'a str>> {
    let mut families: HashMap<&str, Vec<(u64, &str)>> = HashMap::new();
    for (handle, gid) in gids {
        // GIDs rise in order of creation; one without a number keeps its place in the dict.
        let number = gid.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
        families.entry(base(handle)).or_default().push((number, handle));
    }
    let in_order = |(base, mut members): (&'a str, Vec<(u64, &'a str)>)| {
        members.sort_by_key(|(number, _)| *number);
        (base, members.into_iter().map(|(_, handle)| handle).collect())
    };
    families.into_iter().map(in_order).collect()
}

/// The first handle of the family that has no product yet.
fn next_of_family<'a>(
    families: &HashMap<&'a str, Vec<&'a str>>,
    member: &str,
    known: &BTreeMap<&str, (&str, &str)>,
) -> Option<&'a str> {
    families.get(base(member))?.iter().find(|handle| !known.contains_key(**handle)).copied()
}

/// `towel-1` belongs to `towel`.
fn base(handle: &str) -> &str {
    match handle.rsplit_once('-') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => handle,
    }
}
