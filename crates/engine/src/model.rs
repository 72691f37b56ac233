//! A loaded bundle without its threads: handles and times become ids, scores become products.

use std::sync::Arc;
use std::time::Instant;

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, GoldenRequest};
use slirec_core::catalog::Catalog;
use slirec_core::lookup::{ItemLookup, ResolvedHistory};
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use crate::candidates::CandidateIds;
use crate::ranking::{Best, Contender};
use crate::request::{RecommendationRequest, Recommendations, ScoredProduct, Source, Timings};
use crate::scorer::{PreparedCandidates, PreparedHistory, Scorer};
use crate::selection::Filter;
use crate::spread::{Helpers, Pass};
use crate::{EngineError, ModelInfo};

/// Scores may differ from training's by this much: other orders of summation, nothing else.
const GOLDEN_TOLERANCE: f32 = 1e-4;
/// How many more candidates are scored exactly than are answered, where all were scored roughly before.
const RESCORED: usize = 4;
/// Scoring roughly pays as long as at most one in this many is scored once more.
const LEAST_RATIO: usize = 3;

/// Which model an engine serves, and everything that its workers share.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) info: ModelInfo,
    pub(crate) catalog: Catalog,
    longest_history: usize,
    lookup: ItemLookup,
    /// Products that may be recommended; the candidates, in the order of `prepared`.
    candidates: Vec<usize>,
    /// Place of each candidate in the order of the handles: decides between equal scores.
    ties: Arc<[u32]>,
    prepared: Arc<PreparedCandidates>,
    /// From this many candidates on they are scored roughly first, where they can be.
    approximate_from: usize,
    /// Candidates by falling number of training interactions.
    popular: Vec<ScoredProduct>,
}

impl Model {
    pub(crate) fn new(
        bundle: Bundle,
        approximate_from: usize,
        prepare: impl FnOnce(&CandidateIds) -> Result<PreparedCandidates, EngineError>,
    ) -> Result<Self, EngineError> {
        let Bundle { manifest, sha256, catalog, vocabulary, .. } = bundle;
        let candidates = available(&catalog);
        let lookup = ItemLookup::new(&catalog, &vocabulary);
        let mut candidate_ids = CandidateIds::default();
        for product in candidates.iter().filter_map(|index| catalog.products().get(*index)) {
            if let Some(ids) = lookup.ids(&product.handle) {
                candidate_ids.items.push(ids.item);
                candidate_ids.features.extend(&ids.features);
            }
        }
        let prepared = prepare(&candidate_ids)?;
        if !prepared.is_finite() {
            return Err(EngineError::Output {
                graph: CANDIDATES_GRAPH,
                output: "query".to_owned(),
                found: "not a number".to_owned(),
                expected: "finite values".to_owned(),
            });
        }
        let places = places_of_handles(&catalog);
        Ok(Self {
            info: ModelInfo { name: manifest.name, version: manifest.version, sha256, created: manifest.created },
            longest_history: manifest.model.longest_history,
            popular: popular(&catalog, &vocabulary, &candidates),
            ties: candidates.iter().filter_map(|product| places.get(*product).copied()).collect(),
            prepared: Arc::new(prepared),
            approximate_from,
            candidates,
            lookup,
            catalog,
        })
    }

    /// Whether views of the product with this handle tell the model something.
    pub(crate) fn knows(&self, handle: &str) -> bool {
        self.lookup.ids(handle).is_some()
    }

    /// Answers a request: by the model, or by popularity when the history says nothing.
    pub(crate) fn recommend(
        &self,
        scorer: &mut Scorer,
        helpers: &Helpers,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, EngineError> {
        let started = Instant::now();
        // The views before the last ones count by the time of the first alone.
        let (history, last) = (&request.history, request.history.last(self.longest_history));
        let first = history.get(0).filter(|_| history.len() > last.len());
        let viewed: Vec<(&str, f64)> =
            first.into_iter().chain(last).map(|view| (view.handle, view.timestamp)).collect();
        let Some(resolved) = self.lookup.encode(&viewed, request.now, self.longest_history)? else {
            return Ok(self.popular(request));
        };
        let history = Arc::new(scorer.encode(&resolved.encoded)?);
        let encode = started.elapsed();
        let mut answer = self.by_model(scorer, helpers, request, &resolved, &history)?;
        scorer.recycle(history);
        answer.timings = Timings { encode, score: started.elapsed() - encode, ..Timings::default() };
        Ok(answer)
    }

    fn by_model(
        &self,
        scorer: &mut Scorer,
        helpers: &Helpers,
        request: &RecommendationRequest,
        resolved: &ResolvedHistory,
        history: &Arc<PreparedHistory>,
    ) -> Result<Recommendations, EngineError> {
        let filter = Filter::new(&self.catalog, request);
        let (best, scored_candidates) = self.best(scorer, helpers, request, &filter, history)?;
        let spoiled_scores = best.spoiled;
        let scored_product = |contender: Contender| {
            let product = *self.candidates.get(contender.row)?;
            Some(ScoredProduct { product, score: contender.score })
        };
        let products = filter.page(best.ranking().filter_map(scored_product), request.limit);
        let explanations = match request.explain {
            true => scorer.explain(history, &self.prepared.select(&self.rows(&products)))?,
            false => Vec::new(),
        };
        Ok(Recommendations {
            source: Source::Model,
            products,
            explanations,
            unknown_items: resolved.unknown_items,
            scored_candidates,
            spoiled_scores,
            timings: Timings::default(),
        })
    }

    /// The candidates that a page is taken from, with exact scores, and how many were scored for it.
    fn best(
        &self,
        scorer: &mut Scorer,
        helpers: &Helpers,
        request: &RecommendationRequest,
        filter: &Filter<'_>,
        history: &Arc<PreparedHistory>,
    ) -> Result<(Best, usize), EngineError> {
        let chosen = self.choose(filter);
        let passing = chosen.as_ref().map_or(self.candidates.len(), Vec::len);
        // Nobody knows how far down a page with a cap for each category reaches.
        let answered = request.limit.saturating_add(request.selection.offset);
        let keep = if request.selection.per_category.is_some() { passing } else { answered.min(passing) };
        // Few candidates are copied together, of many the rest is scored in vain: cheaper than copying them all.
        if let Some(rows) = chosen.as_ref().filter(|rows| rows.len() * 2 <= self.candidates.len()) {
            return Ok((self.best_of(scorer, history, rows.iter().copied(), keep)?, passing));
        }
        let passes = chosen.as_ref().map(|rows| {
            let mut passes = vec![false; self.candidates.len()];
            for row in rows {
                if let Some(passes) = passes.get_mut(*row) {
                    *passes = true;
                }
            }
            passes
        });
        let pass = |approximate, keep, passing| Pass {
            history: Arc::clone(history),
            approximate,
            candidates: Arc::clone(&self.prepared),
            ties: Arc::clone(&self.ties),
            passing,
            keep,
        };
        let rescored = keep.saturating_mul(RESCORED);
        if self.prepared.have_approximate()
            && self.candidates.len() >= self.approximate_from
            && rescored.saturating_mul(LEAST_RATIO) <= self.candidates.len()
        {
            let approximate = scorer.approximate(history)?;
            let mut rough = helpers.best(scorer, pass(Some(approximate), rescored, passes.clone()))?;
            // What cannot be told roughly is told exactly.
            if rough.spoiled == 0 {
                let rows = rough.contenders().iter().map(|contender| contender.row);
                return Ok((self.best_of(scorer, history, rows, keep)?, passing));
            }
        }
        Ok((helpers.best(scorer, pass(None, keep, passes))?, passing))
    }

    /// The best of some rows.
    fn best_of(
        &self,
        scorer: &mut Scorer,
        history: &PreparedHistory,
        rows: impl Iterator<Item = usize>,
        keep: usize,
    ) -> Result<Best, EngineError> {
        let mut rows: Vec<usize> = rows.collect();
        // In the order in which they lie in memory.
        rows.sort_unstable();
        let scores = scorer.score_encoded(history, &self.prepared.select(&rows))?;
        let mut best = Best::new(keep);
        for (row, score) in rows.into_iter().zip(scores) {
            let tie = self.ties.get(row).copied().unwrap_or(u32::MAX);
            best.offer(Contender { row, score, tie });
        }
        Ok(best)
    }

    /// Rows of the candidates that pass; none for all of them.
    fn choose(&self, filter: &Filter<'_>) -> Option<Vec<usize>> {
        if filter.passes_all() {
            return None;
        }
        // Candidates stand in the catalogue's order, so that a product's row can be searched for.
        let row = |product: usize| self.candidates.binary_search(&product).ok();
        let passing = |(row, product): (usize, &usize)| filter.passes(*product).then_some(row);
        Some(match filter.named() {
            Some(named) => named.filter(|product| filter.passes(*product)).filter_map(row).collect(),
            None => self.candidates.iter().enumerate().filter_map(passing).collect(),
        })
    }

    fn rows(&self, products: &[ScoredProduct]) -> Vec<usize> {
        products.iter().filter_map(|scored| self.candidates.binary_search(&scored.product).ok()).collect()
    }

    /// Answers by popularity alone; cheap enough for any thread.
    pub(crate) fn popular(&self, request: &RecommendationRequest) -> Recommendations {
        let filter = Filter::new(&self.catalog, request);
        let passing =
            self.popular.iter().copied().filter(|scored| filter.passes_all() || filter.passes(scored.product));
        // As for the model: of the views that it uses.
        let used = request.history.last(self.longest_history);
        Recommendations {
            source: Source::Popular,
            products: filter.page(passing, request.limit),
            explanations: Vec::new(),
            unknown_items: used.filter(|item| self.lookup.ids(item.handle).is_none()).count(),
            scored_candidates: 0,
            spoiled_scores: 0,
            timings: Timings::default(),
        }
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
            if let Some(spoiled) = scores.iter().find(|score| !score.is_finite()) {
                return Err(wrong(format!("has a score of {spoiled}: expected finite scores")));
            }
            for expected in &request.top {
                let product = self.catalog.position(&expected.handle);
                let row = product.and_then(|product| self.candidates.binary_search(&product).ok());
                let score = row
                    .and_then(|row| scores.get(row))
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
