//! What counts answer before the model or popularity ranks the rest: the steps of a chain enter, products in their order
//! leave, each with what was counted of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use slirec_core::activity::BASKET_GAP;
use slirec_core::activity::again::Bought;
use slirec_core::arrangement::Arrangement;
use slirec_core::event::Event;
use slirec_core::sources::Step;

use crate::model::Model;
use crate::order::Ranked;
use crate::request::RecommendationRequest;
use crate::selection::Filter;
use crate::source::{Counted, Evidence, Source};

/// Products of a history that others stand beside, the last ones.
const MOST_CART: usize = 100;

/// The products that counts answer.
#[derive(Debug, Default)]
pub(crate) struct Front {
    /// By falling key, none of them buried or at a position.
    ranked: Vec<Ranked>,
    /// Those that stand behind all others, by falling key, where nothing ranks all products.
    buried: Vec<Ranked>,
    /// What was counted of these.
    known: HashMap<usize, Counted>,
    /// All that were counted, wherever they stand: each list by falling score, behind the one before.
    by_score: Vec<usize>,
    counted: HashSet<usize>,
}

/// A product of one step: its score, and what was counted.
type Found = (usize, f32, Counted);

impl Front {
    /// Asks the counts of a chain's steps; other steps are passed over. What `ranks_rest`, the model or popularity, also
    /// ranks the products that stand behind all others.
    pub(crate) fn new(
        model: &Model,
        request: &RecommendationRequest,
        filter: &Filter<'_>,
        steps: &[Step],
        ranks_rest: bool,
    ) -> Self {
        let mut front = Self::default();
        for step in steps {
            let enough = enough(request).saturating_add(front.counted.len());
            for mut tier in tiers(model, (request, filter), *step, enough) {
                tier.retain(|(product, ..)| {
                    let may_be_answered = filter.passes_all() || filter.passes(*product);
                    model.row(*product).is_some() && may_be_answered && front.counted.insert(*product)
                });
                front.add(&request.arrangement, tier, ranks_rest);
            }
        }
        front
    }

    /// Adds products behind those that are there.
    fn add(&mut self, arrangement: &Arrangement, mut tier: Vec<Found>, ranks_rest: bool) {
        // Equal ones stand in the order of the catalogue.
        tier.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        self.by_score.extend(tier.iter().map(|(product, ..)| product));
        // Those at positions have the score of whatever ranks the rest.
        tier.retain(|(product, ..)| {
            !(arrangement.is_pinned(*product) || ranks_rest && arrangement.is_buried(*product))
        });
        self.known.extend(tier.iter().map(|(product, _, counted)| (*product, *counted)));
        let ranked =
            tier.into_iter().map(|(product, score, _)| Ranked { product, score, key: arrangement.key(product, score) });
        let mut ranked: Vec<Ranked> = ranked.collect();
        ranked.sort_by(|left, right| right.key.total_cmp(&left.key));
        let (buried, ranked): (Vec<Ranked>, Vec<Ranked>) =
            ranked.into_iter().partition(|one| arrangement.is_buried(one.product));
        self.buried.extend(buried);
        self.ranked = self.before(ranked.into_iter()).collect();
    }

    /// Where all products would stand by their scores alone: what was counted, and behind it the rest of a ranking.
    pub(crate) fn by_score(&self, ranking: impl Iterator<Item = usize>) -> Vec<usize> {
        let rest = ranking.filter(|product| !self.counted.contains(product));
        self.by_score.iter().copied().chain(rest).collect()
    }

    /// Number of products.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// What was counted of a product.
    pub(crate) fn counted(&self, product: usize) -> Option<&Counted> {
        self.known.get(&product)
    }

    /// The products of the front, and behind them those of a ranking that are not among them: their keys are made smaller,
    /// all in the same measure, so that keys fall.
    pub(crate) fn before<'a>(
        &'a self,
        ranking: impl Iterator<Item = Ranked> + 'a,
    ) -> impl Iterator<Item = Ranked> + 'a {
        let least = self.ranked.last().map(|last| last.key);
        let mut measure = None;
        let is_in_front: HashSet<usize> = self.ranked.iter().map(|ranked| ranked.product).collect();
        let rest = ranking.filter(move |ranked| !is_in_front.contains(&ranked.product)).map(move |ranked| {
            let Some(least) = least else { return ranked };
            let measure = *measure.get_or_insert(if ranked.key > least { least / ranked.key } else { 1.0 });
            Ranked { key: if ranked.key > 0.0 { ranked.key * measure } else { ranked.key }, ..ranked }
        });
        self.ranked.iter().copied().chain(rest)
    }

    /// The products that stand behind all others, where no ranking has them.
    pub(crate) fn buried(&self) -> impl Iterator<Item = Ranked> {
        self.buried.iter().copied()
    }

    /// What was counted of the products of an answer, in their order; nothing where nothing was.
    pub(crate) fn counted_of(&self, products: impl ExactSizeIterator<Item = usize>) -> Vec<Option<Counted>> {
        if self.known.is_empty() {
            return Vec::new();
        }
        products.map(|product| self.counted(product).copied()).collect()
    }
}

/// The source of an answer: that of its first product.
pub(crate) fn source_of(counted: &[Option<Counted>], rest: Source) -> Source {
    counted.first().copied().flatten().map_or(rest, |counted| counted.source)
}

/// Where the answer of a step comes from.
pub(crate) fn source_of_step(model: &Model, step: Step) -> Source {
    match step {
        Step::Model => Source::Model,
        Step::BoughtTogether if model.counts.baskets_of == Event::Purchase => Source::BoughtTogether,
        Step::BoughtTogether => Source::ViewedTogether,
        Step::BuyAgain => Source::BuyAgain,
        Step::TrendingInCategory => Source::TrendingInCategory,
        Step::Trending => Source::Trending,
        Step::Popular => Source::Popular,
    }
}

/// How many products of a list in falling order can be answered, or decide where others stand.
fn enough(request: &RecommendationRequest) -> usize {
    let RecommendationRequest { arrangement, selection, .. } = request;
    let keeps_order = !arrangement.reorders() && arrangement.caps.is_empty() && arrangement.diversity == 0.0;
    let takes_all = selection.per_category.is_none() && selection.min_score.is_none();
    match keeps_order && takes_all && !request.explain {
        true => request.limit.saturating_add(selection.offset).saturating_add(arrangement.pins.len()),
        false => usize::MAX,
    }
}

/// What the counts of a step answer: lists of which each stands behind the one before; of a list in falling order only so
/// many as are enough.
fn tiers(
    model: &Model,
    (request, filter): (&RecommendationRequest, &Filter<'_>),
    step: Step,
    enough: usize,
) -> Vec<Vec<Found>> {
    let source = source_of_step(model, step);
    match step {
        Step::Model | Step::Popular => Vec::new(),
        Step::BoughtTogether => vec![together(model, request, source)],
        Step::BuyAgain => again(model, request, source),
        Step::Trending => vec![demand(model, (request, filter), source, None, enough)],
        Step::TrendingInCategory => match category(model, request) {
            Some(category) => vec![demand(model, (request, filter), source, Some(category), enough)],
            None => Vec::new(),
        },
    }
}

/// What stands in the same baskets as the products of the history, and is not among them: by the mean confidence over these.
fn together(model: &Model, request: &RecommendationRequest, source: Source) -> Vec<Found> {
    let viewed = request.history.last(MOST_CART).map(|view| view.handle);
    let cart: BTreeSet<&str> = viewed.filter(|handle| model.knows(handle)).collect();
    let mut found: HashMap<usize, (f32, f32, Counted)> = HashMap::new();
    for handle in &cart {
        let Some(ids) = model.lookup.ids(handle) else { continue };
        let with = model.catalog.position(handle);
        for beside in model.counts.together(ids.item) {
            let evidence = Evidence::Together { with, support: beside.support, confidence: beside.confidence };
            let counted = Counted { source, evidence };
            let (sum, best, known) = found.entry(beside.product).or_insert((0.0, 0.0, counted));
            *sum += beside.confidence;
            if beside.confidence > *best {
                (*best, *known) = (beside.confidence, counted);
            }
        }
    }
    for product in cart.iter().filter_map(|handle| model.catalog.position(handle)) {
        found.remove(&product);
    }
    let known = cart.len().max(1) as f32;
    found.into_iter().map(|(product, (sum, _, counted))| (product, sum / known, counted)).collect()
}

/// What is in demand, of one category or of all, by falling demand.
fn demand(
    model: &Model,
    (request, filter): (&RecommendationRequest, &Filter<'_>),
    source: Source,
    category: Option<&str>,
    enough: usize,
) -> Vec<Found> {
    let counted = Counted { source, evidence: Evidence::Demand };
    let scored = model.counts.demand(request.window).iter();
    let of_category =
        scored.filter(|scored| category.is_none_or(|name| category_of(model, scored.product) == Some(name)));
    let passing = of_category.filter(|scored| filter.passes_all() || filter.passes(scored.product));
    passing.take(enough).map(|scored| (scored.product, scored.score, counted)).collect()
}

/// The category of the product that was viewed last.
fn category<'a>(model: &'a Model, request: &RecommendationRequest) -> Option<&'a str> {
    let mut viewed = request.history.last(MOST_CART).rev();
    viewed.find_map(|view| category_of(model, model.catalog.position(view.handle)?))
}

fn category_of(model: &Model, product: usize) -> Option<&str> {
    model.catalog.products().get(product).map(|product| product.category.as_str())
}

/// What the history's shopper bought: what is due, and behind it the rest.
fn again(model: &Model, request: &RecommendationRequest, source: Source) -> Vec<Vec<Found>> {
    let mut bought: HashMap<usize, Bought> = HashMap::new();
    for view in request.history.iter().filter(|view| view.event == Event::Purchase) {
        if let Some(product) = model.catalog.position(view.handle) {
            // Of what was bought without a time, each counts; otherwise a purchase is one basket's.
            let gap = if view.timestamp < request.now { BASKET_GAP } else { 0.0 };
            let known = bought.entry(product);
            known.and_modify(|bought| bought.add(view.timestamp, gap)).or_insert(Bought::once(view.timestamp));
        }
    }
    let due = bought.into_iter().map(|(product, bought)| {
        let handle = model.catalog.products().get(product).map_or("", |product| product.handle.as_str());
        let repeats = model.lookup.ids(handle).and_then(|ids| model.counts.repeats(ids.item));
        (product, bought, bought.due(request.now, repeats, model.counts.usual))
    });
    let due: Vec<_> = due.collect();
    let most = due.iter().map(|(.., due)| due.worth).fold(f64::MIN_POSITIVE, f64::max);
    let found = due.into_iter().map(|(product, bought, due)| {
        let Bought { count, last, .. } = bought;
        // A purchase without a time counts as one of this moment.
        let last = (last < request.now).then_some(last);
        let evidence = Evidence::Again { count, last, interval: due.interval, is_due: due.is_due };
        (due.is_due, (product, (due.worth / most) as f32, Counted { source, evidence }))
    });
    let (due, rest): (Vec<_>, Vec<_>) = found.partition(|(is_due, _)| *is_due);
    [due, rest].into_iter().map(|tier| tier.into_iter().map(|(_, found)| found).collect()).collect()
}
