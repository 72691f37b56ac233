//! Which candidates a request may be answered with: the catalogue and a [`Selection`] enter, products that pass leave.

use std::collections::HashSet;

use slirec_core::catalog::{Catalog, Product};
use slirec_core::event::Event;
use slirec_core::product_set::ProductSet;

use crate::RecommendationRequest;
use crate::texts::Texts;

/// The selection of one request, ready to be asked about products.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalog: &'a Catalog,
    allowed: Option<&'a ProductSet>,
    /// Products to leave out; those that the catalogue does not hold are not answered anyway.
    excluded: HashSet<usize>,
    include_only: Option<HashSet<&'a str>>,
    categories: Option<HashSet<&'a str>>,
    exclude_categories: HashSet<&'a str>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(catalog: &'a Catalog, request: &'a RecommendationRequest) -> Self {
        let RecommendationRequest { history, selection, .. } = request;
        let set = |names: &'a Texts| names.iter().collect();
        let is_left_out =
            |event: Event| selection.exclude_seen || (selection.exclude_purchased && event == Event::Purchase);
        let asks = selection.exclude_seen || selection.exclude_purchased;
        let seen = history.iter().filter(move |view| asks && is_left_out(view.event)).map(|view| view.handle);
        Self {
            catalog,
            allowed: selection.allowed.as_deref(),
            excluded: seen.chain(selection.exclude.iter()).filter_map(|handle| catalog.position(handle)).collect(),
            include_only: selection.include_only.as_ref().map(set),
            categories: selection.categories.as_ref().map(set),
            exclude_categories: set(&selection.exclude_categories),
        }
    }

    /// True when every product passes.
    pub(crate) fn passes_all(&self) -> bool {
        self.allowed.is_none() && self.excluded.is_empty() && self.include_only.is_none() && !self.asks_categories()
    }

    /// Whether a product's category decides.
    pub(crate) fn asks_categories(&self) -> bool {
        self.categories.is_some() || !self.exclude_categories.is_empty()
    }

    /// The only products that may pass; none when all may.
    pub(crate) fn allowed(&self) -> Option<&ProductSet> {
        self.allowed
    }

    /// Products that do not pass, whatever else holds.
    pub(crate) fn excluded(&self) -> impl Iterator<Item = usize> {
        self.excluded.iter().copied()
    }

    /// Whether a product may be answered, by its index in the catalogue.
    pub(crate) fn passes(&self, product: usize) -> bool {
        let known = || self.catalog.products().get(product);
        self.allowed.is_none_or(|allowed| allowed.contains(product))
            && !self.excluded.contains(&product)
            && known().is_some_and(|product| self.admits(product))
    }

    fn admits(&self, product: &Product) -> bool {
        let Self { include_only, categories, exclude_categories, .. } = self;
        include_only.as_ref().is_none_or(|handles| handles.contains(product.handle.as_str()))
            && categories.as_ref().is_none_or(|names| names.contains(product.category.as_str()))
            && !exclude_categories.contains(product.category.as_str())
    }

    /// Indices of the products that are named as the only ones, without any other rule; none when all may be answered.
    pub(crate) fn named(&self) -> Option<impl Iterator<Item = usize>> {
        let handles = self.include_only.as_ref()?;
        Some(handles.iter().filter_map(|handle| self.catalog.position(handle)))
    }
}
