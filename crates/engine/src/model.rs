//! A loaded bundle without its threads: handles and times become ids, scores become products.

use slirec_core::bundle::{Bundle, GoldenRequest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::ItemLookup;
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use crate::ranking::best;
use crate::request::{RecommendationRequest, Recommendations, ScoredProduct, Source};
use crate::scorer::{CandidateIds, PreparedCandidates, Scorer};
use crate::{EngineError, ModelInfo};

/// Scores may differ from training's by this much: other orders of summation, nothing else.
const GOLDEN_TOLERANCE: f32 = 1e-4;

/// Which model an engine serves, and everything that its workers share.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) info: ModelInfo,
    pub(crate) catalog: Catalog,
    longest_history: usize,
    lookup: ItemLookup,
    /// Products that may be recommended; the candidates, in the order of `prepared`.
    candidates: Vec<usize>,
    /// Set once the candidates graph has run.
    prepared: PreparedCandidates,
    /// Candidates by falling number of training interactions.
    popular: Vec<ScoredProduct>,
}

impl Model {
    pub(crate) fn new(
        bundle: Bundle,
        prepare: impl FnOnce(&CandidateIds) -> Result<PreparedCandidates, EngineError>,
    ) -> Result<Self, EngineError> {
        let Bundle { manifest, sha256, catalog, vocabulary, .. } = bundle;
        let candidates: Vec<usize> =
            catalog.products().iter().enumerate().filter(|(_, product)| product.available).map(|(i, _)| i).collect();
        let lookup = ItemLookup::new(&catalog, &vocabulary);
        let mut candidate_ids = CandidateIds::default();
        for product in candidates.iter().filter_map(|index| catalog.products().get(*index)) {
            if let Some(ids) = lookup.ids(&product.handle) {
                candidate_ids.items.push(ids.item);
                candidate_ids.features.extend(&ids.features);
            }
        }
        Ok(Self {
            info: ModelInfo { name: manifest.name, version: manifest.version, sha256, created: manifest.created },
            longest_history: manifest.model.longest_history,
            popular: popular(&catalog, &vocabulary, &candidates),
            prepared: prepare(&candidate_ids)?,
            candidates,
            lookup,
            catalog,
        })
    }

    /// Answers a request: by the model, or by popularity when the history says nothing.
    pub(crate) fn recommend(
        &self,
        scorer: &mut Scorer,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, EngineError> {
        let viewed: Vec<(&str, f64)> =
            request.history.iter().map(|item| (item.handle.as_str(), item.timestamp)).collect();
        let Some(resolved) = self.lookup.encode(&viewed, request.now, self.longest_history)? else {
            let products = self.popular.iter().take(request.limit).copied().collect();
            let unknown_items = request.history.len();
            return Ok(Recommendations { source: Source::Popular, products, unknown_items, scored_candidates: 0 });
        };
        let scores = scorer.score(&resolved.encoded, &self.prepared)?;
        let scored =
            self.candidates.iter().zip(scores).map(|(product, score)| ScoredProduct { product: *product, score });
        Ok(Recommendations {
            source: Source::Model,
            products: best(scored.collect(), request.limit, |left, right| self.handle(left).cmp(self.handle(right))),
            unknown_items: resolved.unknown_items,
            scored_candidates: self.candidates.len(),
        })
    }

    fn handle(&self, product: usize) -> &str {
        self.catalog.products().get(product).map_or("", |product| product.handle.as_str())
    }

    /// Compares the engine's answers with those that training recorded.
    pub(crate) fn check_golden(&self, scorer: &mut Scorer, golden: &[GoldenRequest]) -> Result<(), EngineError> {
        for (number, request) in (1..).zip(golden) {
            let wrong = |problem: String| EngineError::Golden { request: number, problem };
            let viewed = request.items.iter().map(String::as_str).zip(request.timestamps.iter().copied());
            let viewed: Vec<(&str, f64)> = viewed.collect();
            let resolved = self
                .lookup
                .encode(&viewed, request.now, self.longest_history)?
                .ok_or_else(|| wrong("has no known item: expected at least one".to_owned()))?;
            let scores = scorer.score(&resolved.encoded, &self.prepared)?;
            for expected in &request.top {
                let position = self.candidates.iter().position(|product| self.handle(*product) == expected.handle);
                let score = position
                    .and_then(|position| scores.get(position))
                    .ok_or_else(|| wrong(format!("`{}` is not a candidate", expected.handle)))?;
                // Written so that NaN is a difference too.
                let same = (score - expected.score).abs() <= GOLDEN_TOLERANCE;
                if !same {
                    let problem = format!("`{}` has score {score}: expected {}", expected.handle, expected.score);
                    return Err(wrong(problem));
                }
            }
        }
        Ok(())
    }
}

fn popular(catalog: &Catalog, vocabulary: &Vocabulary, candidates: &[usize]) -> Vec<ScoredProduct> {
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
