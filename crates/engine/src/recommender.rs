//! The model at work on one thread: handles and times become ids, scores become products.

use std::sync::Arc;
use std::time::Instant;

use slirec_core::bundle::{CANDIDATES_GRAPH, GoldenRequest, Network};
use slirec_core::lookup::ResolvedHistory;
use slirec_core::parity::compare_golden;
use slirec_core::product_set::ProductSet;

use crate::EngineError;
use crate::arrangement::{Order, Ranked};
use crate::backend::{Backend, PreparedCandidates};
use crate::candidates::CandidateGraph;
use crate::model::{Model, positions};
use crate::page::Page;
use crate::ranking::{Best, Candidate};
use crate::request::{Explanations, RecommendationRequest, Recommendations, ScoredProduct, Source, Sources, Timings};
use crate::selection::Filter;
use crate::spread::{Helpers, Pass};

/// How many more candidates are scored exactly than are answered, where all were scored approximately before.
const RESCORED: usize = 4;
/// Scoring approximately pays as long as at most one in this many is scored once more.
const LEAST_RATIO: usize = 3;

/// What all recommenders of an engine share.
#[derive(Debug)]
pub(crate) struct Shared<B: Backend> {
    pub(crate) model: Arc<Model>,
    /// The model's candidates, in their order.
    prepared: Arc<B::Candidates>,
    /// From this many candidates on they are scored approximately first, where they can be.
    approximate_from: usize,
}

impl<B: Backend> Shared<B> {
    /// Prepares the model's candidates.
    pub(crate) fn new(
        model: Arc<Model>,
        backend: &B,
        graph: &mut CandidateGraph,
        approximate_from: usize,
    ) -> Result<Self, EngineError> {
        let prepared = backend.prepare(graph, &model.candidate_ids())?;
        if !prepared.is_finite() {
            return Err(EngineError::Output {
                graph: CANDIDATES_GRAPH,
                output: match model.manifest.model.network {
                    Network::SliRec => "query".to_owned(),
                    Network::Ranking => "embedding".to_owned(),
                },
                found: "not a number".to_owned(),
                expected: "finite values".to_owned(),
            });
        }
        Ok(Self { model, prepared: Arc::new(prepared), approximate_from })
    }
}

/// Answers requests; one for each worker thread.
#[derive(Debug)]
pub(crate) struct Recommender<B: Backend> {
    pub(crate) shared: Arc<Shared<B>>,
    pub(crate) backend: B,
    pub(crate) helpers: Helpers<B>,
}

impl<B: Backend> Recommender<B> {
    /// Answers a request: by the model, or by popularity when the history says nothing.
    pub(crate) fn recommend(&mut self, request: &RecommendationRequest) -> Result<Recommendations, EngineError> {
        let started = Instant::now();
        let model = Arc::clone(&self.shared.model);
        let longest = model.longest_history();
        if request.sources == Sources::Popular {
            return Ok(model.popular(request));
        }
        let history = &request.history;
        let handles = history.last(longest).map(|view| view.handle);
        let Some(resolved) = model.lookup.encode(handles, history.timestamps(), request.now, longest)? else {
            return Ok(match request.sources {
                Sources::Model => model.nothing(request),
                Sources::ModelThenPopular | Sources::Popular => model.popular(request),
            });
        };
        let history = Arc::new(self.backend.encode(&resolved.encoded)?);
        let encode = started.elapsed();
        let mut answer = self.by_model(&model, request, &resolved, &history)?;
        // Another worker may still hold it.
        if let Some(history) = Arc::into_inner(history) {
            self.backend.recycle(history);
        }
        answer.timings = Timings { encode, score: started.elapsed() - encode, ..Timings::default() };
        Ok(answer)
    }

    fn by_model(
        &mut self,
        model: &Model,
        request: &RecommendationRequest,
        resolved: &ResolvedHistory,
        history: &Arc<B::History>,
    ) -> Result<Recommendations, EngineError> {
        let filter = Filter::new(&model.catalog, request);
        let (mut best, scored_candidates) = self.best(model, request, &filter, history)?;
        let spoiled_scores = best.spoiled;
        let by_score = match request.explain && request.arrangement.reorders() {
            true => by_score(model, best.candidates()),
            false => Vec::new(),
        };
        let pinned = self.pinned(model, request, &filter, history)?;
        let page = Page { catalog: &model.catalog, request, pinned: &pinned };
        let prepared = &self.shared.prepared;
        let products = page.products(best.ranking().filter_map(|candidate| ranked(model, candidate)), |products| {
            let rows: Vec<usize> = products.iter().filter_map(|ranked| model.row(ranked.product)).collect();
            prepared.vectors(&rows)
        });
        let explanations = if request.explain && !products.is_empty() {
            let rows: Vec<usize> = products.iter().filter_map(|scored| model.row(scored.product)).collect();
            self.backend.explain(history, &self.shared.prepared.select(&rows))?
        } else {
            Explanations::default()
        };
        Ok(Recommendations {
            source: Source::Model,
            positions_by_score: positions(&products, &by_score),
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
        &mut self,
        model: &Model,
        request: &RecommendationRequest,
        filter: &Filter<'_>,
        history: &Arc<B::History>,
    ) -> Result<(Best, usize), EngineError> {
        let (passing, all) = (model.choose(filter), model.candidates.len());
        let count = passing.as_ref().map_or(all, ProductSet::len);
        let arrangement = &request.arrangement;
        // How far down a page with a cap for each category or other group reaches is not known before, nor where products
        // would stand by their scores.
        let all_count = request.selection.per_category.is_some()
            || arrangement.reaches_anywhere()
            || (request.explain && arrangement.reorders());
        let answered = arrangement.reach(request.limit.saturating_add(request.selection.offset));
        let keep = if all_count { count } else { answered.min(count) };
        // Few candidates are copied together, of many the rest is scored in vain: cheaper than copying them all.
        if let Some(rows) = passing.as_ref().filter(|_| count * B::COPY_FROM <= all) {
            return Ok((self.best_of(history, rows.iter(), keep, Order::new(arrangement, &model.candidates))?, count));
        }
        let pass = |approximate, keep, passing| Pass::<B> {
            history: Arc::clone(history),
            approximate,
            candidates: Arc::clone(&self.shared.prepared),
            ties: Arc::clone(&model.ties),
            passing,
            order: Order::new(arrangement, &model.candidates),
            keep,
        };
        let rescored = keep.saturating_mul(RESCORED);
        // Approximate scores are logits, which no factor may multiply.
        if all >= self.shared.approximate_from
            && !arrangement.reorders()
            && rescored.saturating_mul(LEAST_RATIO) <= all
            && let Some(approximate) = self.backend.approximate(history, &self.shared.prepared)
        {
            let pass = pass(Some(approximate), rescored, passing.clone());
            let mut approximate = self.helpers.best(&mut self.backend, pass)?;
            // What cannot be told approximately is told exactly.
            if approximate.spoiled == 0 {
                let rows: Vec<usize> = approximate.candidates().iter().map(|candidate| candidate.row).collect();
                return Ok((self.best_of(history, rows.into_iter(), keep, None)?, count));
            }
        }
        let pass = pass(None, keep, passing);
        Ok((self.helpers.best(&mut self.backend, pass)?, count))
    }

    /// The products at positions that may be answered, with their scores.
    fn pinned(
        &mut self,
        model: &Model,
        request: &RecommendationRequest,
        filter: &Filter<'_>,
        history: &B::History,
    ) -> Result<Vec<(usize, ScoredProduct)>, EngineError> {
        let pins = model.pinned(request, filter);
        if pins.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<usize> = pins.iter().map(|(_, row)| *row).collect();
        let scores = self.backend.scores(history, &self.shared.prepared.select(&rows))?;
        let scored = pins.into_iter().zip(scores).filter(|(_, score)| score.is_finite());
        let pinned = scored.filter_map(|((position, row), score)| {
            let product = *model.candidates.get(row)?;
            Some((position, ScoredProduct { product, score }))
        });
        Ok(pinned.collect())
    }

    /// The best of some rows.
    fn best_of(
        &mut self,
        history: &B::History,
        rows: impl Iterator<Item = usize>,
        keep: usize,
        order: Option<Order>,
    ) -> Result<Best, EngineError> {
        let Shared { model, prepared, .. } = &*self.shared;
        let mut rows: Vec<usize> = rows.collect();
        // In the order in which they lie in memory.
        rows.sort_unstable();
        let scores = self.backend.scores(history, &prepared.select(&rows))?;
        let mut best = Best::new(keep);
        for (row, score) in rows.into_iter().zip(scores) {
            let tie = model.ties.get(row).copied().unwrap_or(u32::MAX);
            let key = order.as_ref().map_or(score, |order| order.key(row, score));
            best.offer(Candidate { row, score, key, tie });
        }
        Ok(best)
    }

    /// Compares the answers with those that training recorded.
    pub(crate) fn check_golden(&mut self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        for (number, request) in (1..).zip(&shared.model.manifest.golden_requests) {
            let wrong = |problem: String| EngineError::Golden { request: number, problem };
            let scores = self.scores_of_golden(request)?;
            let scores = scores.ok_or_else(|| wrong("has no known item: expected at least one".to_owned()))?;
            if let Some(spoiled) = scores.iter().find(|score| !score.is_finite()) {
                return Err(wrong(format!("has a score of {spoiled}: expected finite scores")));
            }
            for expected in &request.top {
                let product = shared.model.catalog.position(&expected.handle);
                let row = product.and_then(|product| shared.model.row(product));
                let score = row
                    .and_then(|row| scores.get(row))
                    .ok_or_else(|| wrong(format!("`{}` is not a candidate", expected.handle)))?;
                compare_golden(*score, expected).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Scores of all candidates; none for a history without a known item.
    fn scores_of_golden(&mut self, request: &GoldenRequest) -> Result<Option<Vec<f32>>, EngineError> {
        let Shared { model, prepared, .. } = &*self.shared;
        let handles = request.items.iter().map(String::as_str);
        let resolved = model.lookup.encode(handles, &request.timestamps, request.now, model.longest_history())?;
        let Some(resolved) = resolved else { return Ok(None) };
        let history = self.backend.encode(&resolved.encoded)?;
        self.backend.scores(&history, prepared).map(Some)
    }
}

/// A candidate by its product.
fn ranked(model: &Model, Candidate { row, score, key, .. }: Candidate) -> Option<Ranked> {
    model.candidates.get(row).map(|product| Ranked { product: *product, score, key })
}

/// The products of candidates by falling score.
fn by_score(model: &Model, candidates: &[Candidate]) -> Vec<usize> {
    let mut by_score: Vec<Candidate> =
        candidates.iter().map(|candidate| Candidate { key: candidate.score, ..*candidate }).collect();
    by_score.sort_unstable_by(|left, right| right.cmp(left));
    by_score.into_iter().filter_map(|candidate| ranked(model, candidate)).map(|ranked| ranked.product).collect()
}
