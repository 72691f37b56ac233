//! Which candidates a request may be answered with: the catalogue and a [`Selection`] enter, products that pass leave.

use std::collections::{HashMap, HashSet};

use slirec_core::catalog::{Catalog, Product};

use crate::texts::Texts;
use crate::{RecommendationRequest, ScoredProduct, Selection};

/// The selection of one request, ready to be asked about products.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    catalog: &'a Catalog,
    selection: &'a Selection,
    /// Products of the history; those that the catalogue does not hold are not answered anyway.
    seen: HashSet<usize>,
    exclude: HashSet<&'a str>,
    include_only: Option<HashSet<&'a str>>,
    categories: Option<HashSet<&'a str>>,
    exclude_categories: HashSet<&'a str>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(catalog: &'a Catalog, request: &'a RecommendationRequest) -> Self {
        let RecommendationRequest { history, selection, .. } = request;
        let set = |names: &'a Texts| names.iter().collect();
        let seen = match selection.exclude_seen {
            true => history.iter().filter_map(|viewed| catalog.position(viewed.handle)).collect(),
            false => HashSet::new(),
        };
        Self {
            catalog,
            selection,
            seen,
            exclude: set(&selection.exclude),
            include_only: selection.include_only.as_ref().map(set),
            categories: selection.categories.as_ref().map(set),
            exclude_categories: set(&selection.exclude_categories),
        }
    }

    /// True when every product passes.
    pub(crate) fn passes_all(&self) -> bool {
        let Self { exclude, include_only, categories, exclude_categories, .. } = self;
        self.seen.is_empty()
            && exclude.is_empty()
            && include_only.is_none()
            && categories.is_none()
            && exclude_categories.is_empty()
    }

    /// Indices of the products that may not be answered, where the request has no other rule; the same one may come twice.
    pub(crate) fn excluded(&self) -> Option<impl Iterator<Item = usize>> {
        let Self { seen, exclude, include_only, categories, exclude_categories, .. } = self;
        let only_these = include_only.is_none() && categories.is_none() && exclude_categories.is_empty();
        let named = exclude.iter().filter_map(|handle| self.catalog.position(handle));
        only_these.then(|| seen.iter().copied().chain(named))
    }

    /// Whether a product may be answered, by its index in the catalogue.
    pub(crate) fn passes(&self, product: usize) -> bool {
        let known = self.catalog.products().get(product);
        !self.seen.contains(&product) && known.is_some_and(|product| self.admits(product))
    }

    fn admits(&self, product: &Product) -> bool {
        let Self { exclude, include_only, categories, exclude_categories, .. } = self;
        !exclude.contains(product.handle.as_str())
            && include_only.as_ref().is_none_or(|handles| handles.contains(product.handle.as_str()))
            && categories.as_ref().is_none_or(|names| names.contains(product.category.as_str()))
            && !exclude_categories.contains(product.category.as_str())
    }

    /// Indices of the products that are named as the only ones, without any other rule; none when all may be answered.
    pub(crate) fn named(&self) -> Option<impl Iterator<Item = usize>> {
        let handles = self.include_only.as_ref()?;
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
        // How many pass is not known before; nearly always it is the whole page.
        let mut products = Vec::with_capacity(page.size_hint().1.unwrap_or_default());
        products.extend(page);
        products
    }
}
