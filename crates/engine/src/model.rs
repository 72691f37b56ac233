//! A loaded bundle without its threads: what answers point into, and what is known without scoring.

use std::sync::Arc;

use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use crate::candidates::CandidateIds;
use crate::request::{Explanations, RecommendationRequest, Recommendations, ScoredProduct, Source, Timings};
use crate::selection::Filter;

/// Which model an engine serves, and everything that its workers share whatever computes.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) manifest: Manifest,
    /// SHA-256 of the manifest.
    pub(crate) sha256: String,
    pub(crate) catalog: Catalog,
    pub(crate) lookup: ItemLookup,
    /// Products that may be recommended, as indices of the catalogue in rising order: the candidates.
    pub(crate) candidates: Vec<usize>,
    /// Place of each candidate in the order of the handles: decides between equal scores.
    pub(crate) ties: Arc<[u32]>,
    /// Candidates by falling number of training interactions.
    popular: Vec<ScoredProduct>,
}

/// Which candidates may be answered.
#[derive(Debug)]
pub(crate) enum Chosen {
    All,
    /// Those in these rows.
    Few(Vec<usize>),
    /// Those in the rows that are true, and their number.
    Most(Arc<[bool]>, usize),
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
        let Bundle { manifest, sha256, catalog, vocabulary, .. } = bundle;
        let candidates = available(&catalog);
        let places = places_of_handles(&catalog);
        Self {
            popular: popular(&catalog, &vocabulary, &candidates),
            ties: candidates.iter().filter_map(|product| places.get(*product).copied()).collect(),
            manifest,
            sha256,
            catalog,
            lookup,
            candidates,
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
        let all = self.candidates.len();
        if let Some(excluded) = filter.excluded() {
            let (mut passes, mut count) = (vec![true; all], all);
            for row in excluded.filter_map(|product| self.row(product)) {
                if let Some(passes) = passes.get_mut(row).filter(|passes| **passes) {
                    (*passes, count) = (false, count - 1);
                }
            }
            if count > few {
                return Chosen::Most(passes.into(), count);
            }
        }
        let passing = |(row, product): (usize, &usize)| filter.passes(*product).then_some(row);
        let rows: Vec<usize> = match filter.named() {
            Some(named) => {
                named.filter(|product| filter.passes(*product)).filter_map(|product| self.row(product)).collect()
            }
            None => self.candidates.iter().enumerate().filter_map(passing).collect(),
        };
        if rows.len() <= few {
            return Chosen::Few(rows);
        }
        let mut passes = vec![false; all];
        for row in &rows {
            if let Some(passes) = passes.get_mut(*row) {
                *passes = true;
            }
        }
        Chosen::Most(passes.into(), rows.len())
    }

    /// Answers by popularity alone; cheap enough for any thread.
    pub(crate) fn popular(&self, request: &RecommendationRequest) -> Recommendations {
        let filter = Filter::new(&self.catalog, request);
        let passing =
            self.popular.iter().copied().filter(|scored| filter.passes_all() || filter.passes(scored.product));
        // As for the model: of the views that it uses.
        let used = request.history.last(self.longest_history());
        Recommendations {
            source: Source::Popular,
            products: filter.page(passing, request.limit),
            explanations: Explanations::default(),
            unknown_items: used.filter(|item| self.lookup.ids(item.handle).is_none()).count(),
            scored_candidates: 0,
            shortlist: None,
            spoiled_scores: 0,
            timings: Timings::default(),
        }
    }
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
