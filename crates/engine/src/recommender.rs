//! The model at work on one thread: handles and times become ids, scores become products.

mod golden;

use std::sync::Arc;
use std::time::Instant;

use slirec_core::bundle::{CANDIDATES_GRAPH, Network};
use slirec_core::lookup::ResolvedHistory;
use slirec_core::sources::Step;

use crate::EngineError;
use crate::backend::{Backend, PreparedCandidates, ShortlistSearch};
use crate::candidates::CandidateGraph;
use crate::front::{Front, source_of};
use crate::model::{Chosen, Model, positions};
use crate::order::{Order, Ranked};
use crate::page::{Page, reach};
use crate::ranking::{Best, Candidate};
use crate::request::{Explanations, RecommendationRequest, Recommendations, ScoredProduct, Timings};
use crate::selection::Filter;
use crate::source::Source;
use crate::spread::{Helpers, Pass, Search};

/// Among so many candidates, one is scored exactly in less time than all of them are looked through: of many, and of those
/// that a shortlist is chosen from.
const DIRECT: [usize; 2] = [2, 64];
/// No shortlist for more of the best than one in so many candidates.
const SHORT: usize = 16;
/// Up to so many times the candidates from which on shortlists are scored, what exact scores read is kept: it takes little
/// memory, and requests that need all scores are answered sooner.
const ROWS_KEPT: usize = 20;
/// How many times as far down the next search goes, where a cap for each category left a page short.
const DEEPER: usize = 4;

/// What all recommenders of an engine share.
#[derive(Debug)]
pub(crate) struct Shared<B: Backend> {
    pub(crate) model: Arc<Model>,
    /// The model's candidates, in their order.
    prepared: Arc<B::Candidates>,
    /// Whether they are so many that shortlists of them are scored, where the backend can choose them.
    many: bool,
}

impl<B: Backend> Shared<B> {
    /// Prepares the model's candidates.
    pub(crate) fn new(
        model: Arc<Model>,
        backend: &B,
        graph: &mut CandidateGraph,
        shortlist_from: usize,
    ) -> Result<Self, EngineError> {
        let ids = model.candidate_ids();
        let (count, many) = (ids.items.len(), ids.items.len() >= shortlist_from);
        let keep_rows = count < shortlist_from.saturating_mul(ROWS_KEPT);
        let prepared = match many {
            true => backend.prepare_many(graph, &ids, keep_rows)?,
            false => backend.prepare(graph, &ids)?,
        };
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
        Ok(Self { model, prepared: Arc::new(prepared), many })
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
        let steps = request.sources.steps();
        let Some(before) = steps.iter().position(|step| *step == Step::Model).and_then(|place| steps.get(..place))
        else {
            return Ok(model.unscored(request));
        };
        let history = &request.history;
        let handles = history.last(longest).map(|view| view.handle);
        let Some(mut resolved) = model.lookup.encode(handles, history.timestamps(), request.now, longest)? else {
            return Ok(model.unscored(request));
        };
        resolved.encoded.user_ids.clone_from(&request.user.ids);
        let history = Arc::new(self.backend.encode(&resolved.encoded)?);
        let encode = started.elapsed();
        let mut answer = self.by_model(&model, (request, before), &resolved, &history)?;
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
        (request, before): (&RecommendationRequest, &[Step]),
        resolved: &ResolvedHistory,
        history: &Arc<B::History>,
    ) -> Result<Recommendations, EngineError> {
        let filter = Filter::new(&model.catalog, request);
        let front = Front::new(model, request, &filter, before, true);
        let few = model.candidates.len() / DIRECT.get(usize::from(self.shared.many)).copied().unwrap_or(1);
        let chosen = model.choose(&filter, few);
        let passing = chosen.count(model.candidates.len());
        let arrangement = &request.arrangement;
        let order = Order::new(arrangement, &model.candidates).map(Arc::new);
        let pinned = self.pinned(model, request, &filter, history)?;
        let page = Page { catalog: &model.catalog, request, pinned: &pinned };
        let tells_positions = request.explain && (order.is_some() || !pinned.is_empty());
        let is_capped = request.selection.per_category.is_some() || !arrangement.caps.is_empty();
        let wanted = request.limit.saturating_add(request.selection.offset);
        let mut keep = reach(arrangement, wanted).saturating_add(front.len()).min(passing);
        if tells_positions || (is_capped && (!self.shared.many || !pinned.is_empty())) {
            // How far down a page with caps reaches is not known before, nor where products would stand by their scores.
            keep = passing;
        }
        let (products, by_score, spoiled_scores, shortlist) = loop {
            let (mut best, shortlist) = self.best(model, &chosen, keep, order.as_ref(), history)?;
            let spoiled = best.spoiled;
            let least = best.candidates().iter().map(|candidate| candidate.score).fold(f32::INFINITY, f32::min);
            let by_score = if tells_positions { by_score(model, &front, best.candidates()) } else { Vec::new() };
            let ranking = front.before(best.ranking().filter_map(|candidate| ranked(model, candidate)));
            let prepared = &self.shared.prepared;
            let products = page.products(ranking, |products| {
                let rows: Vec<usize> = products.iter().filter_map(|ranked| model.row(ranked.product)).collect();
                prepared.vectors(&rows)
            });
            let is_last = !is_capped
                || keep >= passing
                || (order.is_none() && request.selection.min_score.is_some_and(|wanted| least < wanted));
            if products.len() >= request.limit || is_last {
                break (products, by_score, spoiled, shortlist);
            }
            keep = keep.saturating_mul(DEEPER).min(passing);
        };
        let explanations = if request.explain && !products.is_empty() {
            let rows: Vec<usize> = products.iter().filter_map(|scored| model.row(scored.product)).collect();
            self.backend.explain(history, &self.shared.prepared.select(&rows)?)?.by_position(&resolved.read)
        } else {
            Explanations::default()
        };
        let counted = front.counted_of(products.iter().map(|scored| scored.product));
        Ok(Recommendations {
            source: source_of(&counted, Source::Model),
            rest: Source::Model,
            counted,
            positions_by_score: positions(&products, &by_score),
            products,
            explanations,
            unknown_items: resolved.unknown_items,
            scored_candidates: passing,
            shortlist,
            spoiled_scores,
            timings: Timings::default(),
        })
    }

    /// So many of the best candidates that were chosen, with exact scores, and the length of their shortlist, if there is one.
    fn best(
        &mut self,
        model: &Model,
        chosen: &Chosen,
        keep: usize,
        order: Option<&Arc<Order>>,
        history: &Arc<B::History>,
    ) -> Result<(Best, Option<usize>), EngineError> {
        let passing = match chosen {
            Chosen::Few(rows) => return Ok((self.best_of(history, rows.clone(), keep, order)?, None)),
            Chosen::Most(passing, _) => Some(Arc::clone(passing)),
            Chosen::All => None,
        };
        let takes_part = |row: &usize| passing.as_ref().is_none_or(|passing| passing.contains(*row));
        let pass = |search| Pass::<B> {
            history: Arc::clone(history),
            candidates: Arc::clone(&self.shared.prepared),
            ties: Arc::clone(&model.ties),
            passing: passing.clone(),
            order: order.cloned(),
            search,
        };
        if keep > 0
            && keep.saturating_mul(SHORT) <= self.shared.prepared.len()
            && let Some(search) = self.backend.shortlist(history, &self.shared.prepared)
        {
            let ShortlistSearch { query, limits, always } = search;
            let found = self.helpers.shortlist(&mut self.backend, pass(Search::Shortlist(query, limits, keep)))?;
            if let Some(mut rows) = found.rows() {
                rows.extend(always.into_iter().filter(takes_part));
                let length = rows.len();
                return Ok((self.best_of(history, rows, keep, order)?, Some(length)));
            }
        }
        Ok((self.helpers.best(&mut self.backend, pass(Search::Best(keep)))?, None))
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
        let scores = self.backend.scores(history, &self.shared.prepared.select(&rows)?)?;
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
        mut rows: Vec<usize>,
        keep: usize,
        order: Option<&Arc<Order>>,
    ) -> Result<Best, EngineError> {
        let Shared { model, prepared, .. } = &*self.shared;
        // In the order in which they lie in memory, each once.
        rows.sort_unstable();
        rows.dedup();
        let scores = self.backend.scores(history, &prepared.select(&rows)?)?;
        let mut best = Best::new(keep);
        for (row, score) in rows.into_iter().zip(scores) {
            let tie = model.ties.get(row).copied().unwrap_or(u32::MAX);
            let key = order.as_ref().map_or(score, |order| order.key(row, score));
            best.offer(Candidate { row, score, key, tie });
        }
        Ok(best)
    }
}

/// A candidate by its product.
fn ranked(model: &Model, Candidate { row, score, key, .. }: Candidate) -> Option<Ranked> {
    model.candidates.get(row).map(|product| Ranked { product: *product, score, key })
}

/// The products of the front, and behind them those of candidates by falling score.
fn by_score(model: &Model, front: &Front, candidates: &[Candidate]) -> Vec<usize> {
    let mut by_score: Vec<Candidate> =
        candidates.iter().map(|candidate| Candidate { key: candidate.score, ..*candidate }).collect();
    by_score.sort_unstable_by(|left, right| right.cmp(left));
    front.by_score(by_score.into_iter().filter_map(|candidate| ranked(model, candidate)).map(|ranked| ranked.product))
}
