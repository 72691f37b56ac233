//! A loaded bundle without its threads: what answers point into, and what is known without scoring.

use std::collections::HashMap;
use std::sync::Arc;

use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::product_set::ProductSet;
use slirec_core::vocabulary::{DEFAULT_ID, UserLookup, Vocabulary};

use crate::candidates::CandidateIds;
use crate::counts::Counts;
use crate::request::{RecommendationRequest, ScoredProduct};
use crate::selection::Filter;

/// Which model an engine serves, and everything that its workers share whatever computes.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) manifest: Manifest,
    /// SHA-256 of the manifest.
    pub(crate) sha256: String,
    pub(crate) catalog: Catalog,
    pub(crate) lookup: ItemLookup,
    /// Attributes of shoppers.
    pub(crate) users: UserLookup,
    /// Products that may be recommended, as indices of the catalogue in rising order: the candidates.
    pub(crate) candidates: Arc<[usize]>,
    /// Place of each candidate in the order of the handles: decides between equal scores.
    pub(crate) ties: Arc<[u32]>,
    /// Candidates by falling number of training interactions.
    pub(crate) popular: Vec<ScoredProduct>,
    pub(crate) counts: Counts,
}

/// Which candidates may be answered.
#[derive(Debug)]
pub(crate) enum Chosen {
    All,
    /// Those in these rows.
    Few(Vec<usize>),
    /// Those in the rows of a set, and their number.
    Most(Arc<ProductSet>, usize),
}

impl Chosen {
    /// How many they are, of all.
    pub(crate) fn count(&self, all: usize) -> usize {
        match self {
            Self::All => all,
            Self::Few(rows) => rows.len(),
            Self::Most(_, count) => *count,
        }
    }
}

impl Model {
    pub(crate) fn new(bundle: Bundle, lookup: ItemLookup) -> Self {
        let Bundle { manifest, sha256, catalog, vocabulary, activity, known_users, .. } = bundle;
        let candidates = available(&catalog);
        let places = places_of_handles(&catalog);
        Self {
            popular: popular(&catalog, &vocabulary, &candidates),
            counts: Counts::new(activity.as_ref(), &catalog, &vocabulary, &candidates),
            ties: candidates.iter().filter_map(|product| places.get(*product).copied()).collect(),
            users: vocabulary.users().clone().with_known(known_users),
            manifest,
            sha256,
            catalog,
            lookup,
            candidates: candidates.into(),
        }
    }

    /// Ids of the candidates, in their order.
    pub(crate) fn candidate_ids(&self) -> CandidateIds {
        let mut candidates = CandidateIds::default();
        for product in self.candidates.iter().filter_map(|index| self.catalog.products().get(*index)) {
            if let Some(ids) = self.lookup.ids(&product.handle) {
                candidates.items.push(ids.item);
                candidates.features.extend(ids.features);
            }
        }
        candidates
    }

    /// Positions of a history that the model reads.
    pub(crate) fn longest_history(&self) -> usize {
        self.manifest.model.longest_history
    }

    /// Whether views of the product with this handle tell the model something.
    pub(crate) fn knows(&self, handle: &str) -> bool {
        self.lookup.ids(handle).is_some()
    }

    /// Row of a product among the candidates.
    pub(crate) fn row(&self, product: usize) -> Option<usize> {
        self.candidates.binary_search(&product).ok()
    }

    /// The candidates that pass: by their rows when there are no more than `few`.
    pub(crate) fn choose(&self, filter: &Filter<'_>, few: usize) -> Chosen {
        if filter.passes_all() {
            return Chosen::All;
        }
        let rows = self.passing(filter);
        match rows.len() {
            count if count <= few => Chosen::Few(rows.iter().collect()),
            count => Chosen::Most(Arc::new(rows), count),
        }
    }

    /// Rows of the candidates that pass.
    fn passing(&self, filter: &Filter<'_>) -> ProductSet {
        let rows = self.candidates.len();
        let passes = |product: &usize| filter.passes(*product);
        if let Some(named) = filter.named() {
            return ProductSet::of(rows, named.filter(passes).filter_map(|product| self.row(product)));
        }
        let numbered = || self.candidates.iter().enumerate();
        if filter.asks_categories() {
            return ProductSet::of(rows, numbered().filter(|(_, product)| passes(product)).map(|(row, _)| row));
        }
        let mut passing = match filter.allowed() {
            None => ProductSet::all(rows),
            // Every product is a candidate: rows are products.
            Some(allowed) if rows == self.catalog.products().len() => allowed.clone(),
            Some(allowed) => {
                ProductSet::of(rows, numbered().filter(|(_, product)| allowed.contains(**product)).map(|(row, _)| row))
            }
        };
        filter.excluded().filter_map(|product| self.row(product)).for_each(|row| passing.remove(row));
        passing
    }

    /// Products at positions that may be answered: position from 0 and row, in the order of the positions.
    pub(crate) fn pinned(&self, request: &RecommendationRequest, filter: &Filter<'_>) -> Vec<(usize, usize)> {
        let pins = request.arrangement.pins.iter().filter(|pin| filter.passes(pin.product));
        pins.filter_map(|pin| Some((pin.position.saturating_sub(1), self.row(pin.product)?))).collect()
    }
}

/// Positions of products, from 1, in the order by score; none when there is no other order.
pub(crate) fn positions(products: &[ScoredProduct], by_score: &[usize]) -> Vec<usize> {
    if by_score.is_empty() {
        return Vec::new();
    }
    let places: HashMap<usize, usize> = by_score.iter().copied().zip(1..).collect();
    // What was scored but not ranked, as it is not finite, stands behind all others.
    products.iter().map(|scored| places.get(&scored.product).copied().unwrap_or(by_score.len() + 1)).collect()
}

/// Indices of the products that may be recommended.
pub(crate) fn available(catalog: &Catalog) -> Vec<usize> {
    catalog.products().iter().enumerate().filter(|(_, product)| product.available).map(|(index, _)| index).collect()
}

pub(crate) fn places_of_handles(catalog: &Catalog) -> Vec<u32> {
    let products = catalog.products();
    let mut order: Vec<usize> = (0..products.len()).collect();
    order.sort_by_key(|index| products.get(*index).map(|product| product.handle.as_str()));
    let mut places = vec![0; products.len()];
    for (place, index) in (0..).zip(order) {
        if let Some(slot) = places.get_mut(index) {
            *slot = place;
        }
    }
    places
}

pub(crate) fn popular(catalog: &Catalog, vocabulary: &Vocabulary, candidates: &[usize]) -> Vec<ScoredProduct> {
    let interactions = |product: usize| {
        let id = catalog.products().get(product).map_or(DEFAULT_ID, |product| vocabulary.item_id(&product.handle));
        // Ids stand in order of frequency: they decide where counts are equal or unknown.
        (vocabulary.item(id).map_or(0, |item| item.interactions), id)
    };
    let most = candidates.iter().map(|product| interactions(*product).0).max().unwrap_or_default().max(1);
    let mut order = candidates.to_vec();
    order.sort_by_key(|product| {
        let (count, id) = interactions(*product);
        (std::cmp::Reverse(count), id == DEFAULT_ID, id, *product)
    });
    order
        .into_iter()
        .map(|product| ScoredProduct { product, score: (interactions(product).0 as f64 / most as f64) as f32 })
        .collect()
}
