//! Answers without scores of the model: a request enters, what counts give leaves, and behind it the popular products.

use slirec_core::sources::Step;

use crate::front::{Front, source_of, source_of_step};
use crate::model::{Model, positions};
use crate::order::Ranked;
use crate::page::Page;
use crate::request::{Explanations, RecommendationRequest, Recommendations, ScoredProduct, Timings};
use crate::selection::Filter;
use crate::source::{Counted, Evidence, Source};

impl Model {
    /// Answers without the model, for which popularity stands in. Its time grows with the history, not with the network.
    pub(crate) fn popular(&self, request: &RecommendationRequest) -> Recommendations {
        let ranks_all = request.sources.steps().iter().any(|step| step.ranks_all());
        self.counted(request, if ranks_all { Some(Step::Popular) } else { None })
    }

    /// Answers as far as counts and popularity go, because the model is not asked or knows nothing of the history.
    pub(crate) fn unscored(&self, request: &RecommendationRequest) -> Recommendations {
        self.counted(request, request.sources.has(Step::Popular).then_some(Step::Popular))
    }

    /// Answers by the counts of the chain, and by popularity, if that is to rank the rest.
    fn counted(&self, request: &RecommendationRequest, rest: Option<Step>) -> Recommendations {
        let filter = Filter::new(&self.catalog, request);
        let arrangement = &request.arrangement;
        let front = Front::new(self, request, &filter, request.sources.steps(), rest.is_some());
        let listed = if rest.is_some() { self.popular.as_slice() } else { &[] };
        let passing = listed.iter().filter(|scored| filter.passes_all() || filter.passes(scored.product));
        let ranked = passing.map(|ScoredProduct { product, score }| Ranked {
            product: *product,
            score: *score,
            key: arrangement.key(*product, *score),
        });
        let pinned = request.arrangement.pins.iter().filter_map(|pin| {
            let scored = self.popular.iter().find(|scored| scored.product == pin.product)?;
            filter.passes(pin.product).then_some((pin.position.saturating_sub(1), *scored))
        });
        let pinned: Vec<(usize, ScoredProduct)> = pinned.collect();
        let page = Page { catalog: &self.catalog, request, pinned: &pinned };
        let only_categories = |_: &[Ranked]| (Vec::new(), 0);
        let tells_positions = request.explain && (arrangement.reorders() || !pinned.is_empty());
        let by_score: Vec<usize> = match tells_positions {
            true => front.by_score(ranked.clone().map(|ranked| ranked.product)),
            false => Vec::new(),
        };
        // A ranking of all products has the buried ones at its end.
        let buried = front.buried().filter(|_| rest.is_none());
        let products = if arrangement.reorders() {
            let mut all: Vec<Ranked> = ranked.collect();
            // Equal ones keep the order of popularity.
            all.sort_by(|left, right| right.key.total_cmp(&left.key));
            page.products(front.before(all.into_iter()).chain(buried), only_categories)
        } else {
            page.products(front.before(ranked).chain(buried), only_categories)
        };
        let last = rest.or(request.sources.steps().last().copied());
        let last = last.map_or(Source::Popular, |step| source_of_step(self, step));
        let mut counted = front.counted_of(products.iter().map(|scored| scored.product));
        if !pinned.is_empty() && last != Source::Popular {
            // Nothing was counted of a product at a position: it has the score of its popularity.
            let popular = Counted { source: Source::Popular, evidence: Evidence::Demand };
            counted.resize(products.len(), None);
            let pinned = counted.iter_mut().zip(&products).filter(|(_, scored)| arrangement.is_pinned(scored.product));
            pinned.for_each(|(counted, _)| *counted = Some(popular));
        }
        // As for the model: of the views that it uses.
        let used = request.history.last(self.longest_history());
        Recommendations {
            source: source_of(&counted, last),
            rest: last,
            positions_by_score: positions(&products, &by_score),
            products,
            counted,
            explanations: Explanations::default(),
            unknown_items: used.filter(|item| self.lookup.ids(item.handle).is_none()).count(),
            scored_candidates: 0,
            shortlist: None,
            spoiled_scores: 0,
            timings: Timings::default(),
        }
    }
}
