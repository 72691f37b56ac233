//! What a wrong name may have meant: a name and a catalogue enter, the closest handles and titles leave.

use slirec_core::catalog::{Catalog, Product};
use strsim::{jaro_winkler, sorensen_dice};

/// How many products are suggested, at most.
const SUGGESTED: usize = 3;

/// From this likeness on (0 to 1) a second and third product are worth reading.
const ALIKE: f64 = 0.6;

/// Handles and titles of the products that resemble `name`, the closest first: one at least, unless the catalogue is
/// empty.
pub(crate) fn closest(name: &str, catalog: &Catalog) -> Vec<(String, String)> {
    let name = name.to_lowercase();
    let mut found: Vec<(f64, &Product)> =
        catalog.products().iter().map(|product| (likeness(&name, product), product)).collect();
    // Equal likeness: by handle, so that a message does not depend on the order of the catalogue.
    found.sort_by(|(left, one), (right, other)| right.total_cmp(left).then_with(|| one.handle.cmp(&other.handle)));
    let worth_reading = found.iter().enumerate().filter(|(rank, (likeness, _))| *rank == 0 || *likeness >= ALIKE);
    worth_reading.take(SUGGESTED).map(|(_, (_, product))| (product.handle.clone(), product.title.clone())).collect()
}

/// From 0 to 1: of handle and title, and of misspelt and reordered words, whatever is more alike.
fn likeness(name: &str, product: &Product) -> f64 {
    let title = product.title.to_lowercase();
    let names = [product.handle.as_str(), title.as_str()];
    names.iter().map(|other| jaro_winkler(name, other).max(sorensen_dice(name, other))).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {

    use super::*;

    fn catalog() -> Catalog {
        let titles = [("sleeping-bag", "Sleeping Bag"), ("teapot", "Teapot"), ("b-42", "Fountain Pen")];
        let product = |(handle, title): (&str, &str)| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            title: title.into(),
            category: "All".into(),
            available: true,
            attributes: slirec_core::catalog::Attributes::default(),
        };
        Catalog::new(titles.map(product).into()).unwrap()
    }

    fn first(name: &str) -> String {
        closest(name, &catalog())[0].0.clone()
    }

    #[test]
    fn misspelt_reordered_and_titled_products_are_recognised() {
        assert_eq!(first("tea-pot"), "teapot");
        assert_eq!(first("bag-sleeping"), "sleeping-bag");
        assert_eq!(first("Fountain Pen"), "b-42");
    }

    #[test]
    fn a_name_like_no_other_still_gets_one_suggestion() {
        assert_eq!(closest("xyz", &catalog()).len(), 1);
        assert!(closest("xyz", &Catalog::default()).is_empty());
    }
}
