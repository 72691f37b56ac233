//! Which candidates a request may be answered with: the catalogue and a [`Selection`] enter, products that pass leave.

use std::collections::{HashMap, HashSet};

use slirec_core::catalog::{Catalog, Product};

use crate::{RecommendationRequest, ScoredProduct, Selection};

/// The selection of one request, ready to be asked about products.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalog: &'a Catalog,
    selection: &'a Selection,
    seen: HashSet<&'a str>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(catalog: &'a Catalog, request: &'a RecommendationRequest) -> Self {
        let seen = match request.selection.exclude_seen {
            true => request.history.iter().map(|viewed| viewed.handle.as_str()).collect(),
            false => HashSet::new(),
        };
        Self { catalog, selection: &request.selection, seen }
    }

    /// True when every product passes.
    pub(crate) fn passes_all(&self) -> bool {
        let Selection { exclude, include_only, categories, exclude_categories, .. } = self.selection;
        self.seen.is_empty()
            && exclude.is_empty()
            && include_only.is_none()
            && categories.is_none()
            && exclude_categories.is_empty()
    }

    /// Whether a product may be answered, by its index in the catalogue.
    pub(crate) fn passes(&self, product: usize) -> bool {
        self.catalog.products().get(product).is_some_and(|product| self.admits(product))
    }

    fn admits(&self, product: &Product) -> bool {
        let Selection { exclude, include_only, categories, exclude_categories, .. } = self.selection;
        !self.seen.contains(product.handle.as_str())
            && !exclude.contains(&product.handle)
            && include_only.as_ref().is_none_or(|handles| handles.contains(&product.handle))
            && categories.as_ref().is_none_or(|names| names.contains(&product.category))
            && !exclude_categories.contains(&product.category)
    }

    /// Indices of the products that are named as the only ones, without any other rule; none when all may be answered.
    pub(crate) fn named(&self) -> Option<impl Iterator<Item = usize>> {
        let handles = self.selection.include_only.as_ref()?;
        Some(handles.iter().filter_map(|handle| self.catalog.position(handle)))
    }

    /// The part of a ranking that the request asks for; what does not pass must have been left out before.
    pub(crate) fn page(&self, ranking: impl Iterator<Item = ScoredProduct>, limit: usize) -> Vec<ScoredProduct> {
        let Selection { offset, min_score, per_category, .. } = *self.selection;
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut under_cap = |scored: &ScoredProduct| {
            let Some(cap) = per_category else { return true };
            let Some(product) = self.catalog.products().get(scored.product) else { return false };
            let count = counts.entry(&product.category).or_default();
            *count += 1;
            *count <= cap
        };
        let page = ranking
            .take_while(|scored| min_score.is_none_or(|least| scored.score >= least))
            .filter(|scored| under_cap(scored))
            .skip(offset)
            .take(limit);
        // Nobody knows how many pass; nearly always it is the whole page.
        let mut products = Vec::with_capacity(page.size_hint().1.unwrap_or_default());
        products.extend(page);
        products
    }
}
