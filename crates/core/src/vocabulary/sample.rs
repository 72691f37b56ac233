//! A small shop for tests of item features: a vocabulary of four items, of which the catalogue knows three.

use super::{Feature, Item, Vocabulary};
use crate::catalog::{Catalog, Product};

pub(super) fn vocabulary() -> Vocabulary {
    let features = vec![Feature::new("category", vec!["Books".into()])];
    let item = |handle: &str, interactions| Item { handle: handle.into(), interactions, features: vec![1] };
    Vocabulary::new(features, vec![item("novel", 9), item("atlas", 7), item("gone", 3), item("diary", 2)]).unwrap()
}

pub(super) fn catalog() -> Catalog {
    let product = |handle: &str, vendor: &str| Product {
        handle: handle.into(),
        gid: format!("gid://{handle}"),
        title: handle.into(),
        category: "Books".into(),
        available: true,
        attributes: [("vendor", vendor)].into(),
    };
    Catalog::new(vec![product("novel", "Quill"), product("atlas", "Maps & Co"), product("diary", "Maps & Co")]).unwrap()
}
