//! The model at work on one thread: handles and times become ids, scores become products.

use std::sync::Arc;
use std::time::Instant;

use slirec_core::bundle::{CANDIDATES_GRAPH, GoldenRequest, Network};
use slirec_core::lookup::ResolvedHistory;
use slirec_core::parity::compare_golden;

use crate::EngineError;
use crate::backend::{Backend, PreparedCandidates};
use crate::candidates::CandidateGraph;
use crate::model::Model;
use crate::ranking::{Best, Candidate};
use crate::request::{Explanations, RecommendationRequest, Recommendations, ScoredProduct, Source, Timings};
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
        let history = &request.history;
        let handles = history.last(longest).map(|view| view.handle);
        let Some(resolved) = model.lookup.encode(handles, history.timestamps(), request.now, longest)? else {
            return Ok(model.popular(request));
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
        let (best, scored_candidates) = self.best(model, request, &filter, history)?;
        let spoiled_scores = best.spoiled;
        let scored_product = |candidate: Candidate| {
            let product = *model.candidates.get(candidate.row)?;
            Some(ScoredProduct { product, score: candidate.score })
        };
        let products = filter.page(best.ranking().filter_map(scored_product), request.limit);
        let explanations = if request.explain && !products.is_empty() {
            let rows: Vec<usize> = products.iter().filter_map(|scored| model.row(scored.product)).collect();
            self.backend.explain(history, &self.shared.prepared.select(&rows))?.by_position(&resolved.read)
        } else {
            Explanations::default()
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
        &mut self,
        model: &Model,
        request: &RecommendationRequest,
        filter: &Filter<'_>,
        history: &Arc<B::History>,
    ) -> Result<(Best, usize), EngineError> {
        let (chosen, all) = (model.choose(filter), model.candidates.len());
        let passing = chosen.as_ref().map_or(all, Vec::len);
        // How far down a page with a cap for each category reaches is not known before.
        let answered = request.limit.saturating_add(request.selection.offset);
        let keep = if request.selection.per_category.is_some() { passing } else { answered.min(passing) };
        // Few candidates are copied together, of many the rest is scored in vain: cheaper than copying them all.
        if let Some(rows) = chosen.as_ref().filter(|rows| rows.len() * 2 <= all) {
            return Ok((self.best_of(history, rows.iter().copied(), keep)?, passing));
        }
        let passes = chosen.map(|rows| {
            let mut passes = vec![false; all];
            for row in rows {
                if let Some(passes) = passes.get_mut(row) {
                    *passes = true;
                }
            }
            passes
        });
        let pass = |approximate, keep, passing| Pass::<B> {
            history: Arc::clone(history),
            approximate,
            candidates: Arc::clone(&self.shared.prepared),
            ties: Arc::clone(&model.ties),
            passing,
            keep,
        };
        let rescored = keep.saturating_mul(RESCORED);
        if all >= self.shared.approximate_from
            && rescored.saturating_mul(LEAST_RATIO) <= all
            && let Some(approximate) = self.backend.approximate(history, &self.shared.prepared)
        {
            let pass = pass(Some(approximate), rescored, passes.clone());
            let mut approximate = self.helpers.best(&mut self.backend, pass)?;
            // What cannot be told approximately is told exactly.
            if approximate.spoiled == 0 {
                let rows: Vec<usize> = approximate.candidates().iter().map(|candidate| candidate.row).collect();
                return Ok((self.best_of(history, rows.into_iter(), keep)?, passing));
            }
        }
        let pass = pass(None, keep, passes);
        Ok((self.helpers.best(&mut self.backend, pass)?, passing))
    }

    /// The best of some rows.
    fn best_of(
        &mut self,
        history: &B::History,
        rows: impl Iterator<Item = usize>,
        keep: usize,
    ) -> Result<Best, EngineError> {
        let Shared { model, prepared, .. } = &*self.shared;
        let mut rows: Vec<usize> = rows.collect();
        // In the order in which they lie in memory.
        rows.sort_unstable();
        let scores = self.backend.scores(history, &prepared.select(&rows))?;
        let mut best = Best::new(keep);
        for (row, score) in rows.into_iter().zip(scores) {
            let tie = model.ties.get(row).copied().unwrap_or(u32::MAX);
            best.offer(Candidate { row, score, tie });
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
