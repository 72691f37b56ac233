//! What a wrong name may have meant: a name and a catalogue enter, the closest existing name leaves, if one is close.
//!
//! A call takes time in proportion to the catalogue: names are compared letter by letter only where their
//! length and their first or last letter fit.

use slirec_core::catalog::Catalog;
use strsim::osa_distance;

/// Longer names are compared with nothing.
const LONGEST: usize = 100;

/// The handle that was probably meant: of the product with this title, or the handle that takes the fewest changes.
pub(super) fn handle<'a>(name: &str, catalog: &'a Catalog) -> Option<&'a str> {
    let products = catalog.products();
    let titled = products.iter().find(|product| product.title.eq_ignore_ascii_case(name));
    let handles = || closest(name, products.iter().map(|product| product.handle.as_str()));
    titled.map(|product| product.handle.as_str()).or_else(handles)
}

/// The category that was probably meant.
pub(super) fn category<'a>(name: &str, catalog: &'a Catalog) -> Option<&'a str> {
    closest(name, catalog.categories().into_iter())
}

fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let shape = shape(name);
    let most = (shape.chars().count() / 3).clamp(1, 3);
    let near = known.filter(|known| known.len().abs_diff(shape.len()) <= 4 * most && shares_an_end(known, &shape));
    let distances = near.map(|known| (osa_distance(&shape, &self::shape(known)), known));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// What spellings of one name have in common.
fn shape(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '_'], "-")
}

fn shares_an_end(known: &str, shape: &str) -> bool {
    let same = |left: Option<&u8>, right: Option<&u8>| {
        // Letters beyond ASCII have several bytes, and may change them with their case.
        matches!((left, right), (Some(left), Some(right)) if left.eq_ignore_ascii_case(right) || !left.is_ascii())
    };
    let (known, shape) = (known.as_bytes(), shape.as_bytes());
    same(known.first(), shape.first()) || same(known.last(), shape.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["novel", "sleeping-bag", "Books", "Küche", "mug", "b-42"];

    #[test]
    fn what_was_meant_is_found_behind_common_slips() {
        for (name, expected) in [
            ("novle", Some("novel")),
            ("ovel", Some("novel")),
            ("Sleeping Bag", Some("sleeping-bag")),
            ("sleeping_bags", Some("sleeping-bag")),
            ("books", Some("Books")),
            ("BOOK", Some("Books")),
            ("küche", Some("Küche")),
            ("KÜCHE", Some("Küche")),
            ("mugs", Some("mug")),
            ("map", None),
            ("spaceship", None),
            ("", None),
        ] {
            assert_eq!(closest(name, NAMES.into_iter()), expected, "{name}");
        }
        assert_eq!(closest(&"x".repeat(1_000_000), NAMES.into_iter()), None);
    }
}
