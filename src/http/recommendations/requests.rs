//! From bodies to what the engine is asked: names are looked up in the model's catalogue, views are put in order,
//! defaults filled in. Leaves: the engine's request, and what the answer says beside its products.

use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};

use super::bodies::{BatchBody, HistoryOrder, RankBody, RecommendationBody, RelatedBody};
use super::lists::Bounded;
use super::names::{Resolver, Warning, Warnings};
use crate::http::error::ApiError;
use crate::http::values::{Count, SessionId};
use crate::memory::Held;

const DEFAULT_LIMIT: usize = 16;

/// What a session asks, and what its answer repeats.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: RecommendationRequest,
    pub(super) echo: Echo,
}

/// What an answer says beside its products.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub(super) id: Option<SessionId>,
    pub(super) warnings: Vec<Warning>,
    /// What explanations name: the history, if they were asked for.
    pub(super) explained: ViewHistory,
}

impl Question {
    fn new(id: Option<SessionId>, request: RecommendationRequest, warnings: Warnings) -> Self {
        let explained = if request.explain { request.history.clone() } else { ViewHistory::new() };
        Self { request, echo: Echo { id, warnings: warnings.into_list(), explained } }
    }
}

impl Held for Question {
    fn held_bytes(&self) -> usize {
        size_of::<Echo>() + self.request.held_bytes() + self.echo.explained.held_bytes()
    }
}

impl RecommendationBody {
    /// The question, predicted at `clock` unless the body says otherwise.
    pub(super) fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Question {
        let mut warnings = Warnings::default();
        let request = RecommendationRequest {
            history: in_order(resolver.history(self.history.0), self.history_order),
            now: self.now.map_or(clock, |time| time.0),
            limit: limit(self.limit),
            selection: Selection {
                offset: self.offset.map_or(0, |count| count.0),
                min_score: self.min_score.map(|score| score.0),
                exclude_seen: self.exclude_seen.unwrap_or_default(),
                include_only: self
                    .include_only
                    .map(|Bounded(names)| resolver.only_products("include_only", &names, &mut warnings)),
                ..Filters {
                    exclude: self.exclude,
                    categories: self.categories,
                    exclude_categories: self.exclude_categories,
                    per_category: self.per_category,
                }
                .into_selection(resolver, &mut warnings)
            },
            explain: self.explain.unwrap_or_default(),
        };
        Question::new(self.id, request, warnings)
    }
}

impl BatchBody {
    /// The questions, in the order of the sessions.
    pub(super) fn into_questions(self, resolver: &mut Resolver<'_>, clock: f64) -> Vec<Question> {
        self.sessions.0.into_iter().map(|session| session.into_question(resolver, clock)).collect()
    }
}

impl RankBody {
    /// The question, and the candidates that cannot be ranked, as they were given.
    pub(super) fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> (Question, Vec<String>) {
        let mut warnings = Warnings::default();
        let Bounded(candidates) = self.candidates;
        let include_only = Some(resolver.products("candidates", &candidates, &mut warnings));
        let unranked = candidates.iter().filter(|name| !resolver.is_answerable(name)).map(str::to_owned).collect();
        let request = RecommendationRequest {
            history: in_order(resolver.history(self.history.0), self.history_order),
            now: self.now.map_or(clock, |time| time.0),
            limit: candidates.len(),
            selection: Selection { include_only, ..Selection::default() },
            explain: self.explain.unwrap_or_default(),
        };
        (Question::new(None, request, warnings), unranked)
    }
}

impl RelatedBody {
    /// The question: a history of this one view, just now.
    ///
    /// # Errors
    /// 404 for a product that neither the catalogue nor the training has.
    pub(super) fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Question, ApiError> {
        let mut warnings = Warnings::default();
        let Some(handle) = resolver.handle(&self.item.0) else {
            return Err(ApiError::no_such(format!("item: {}", resolver.no_product(&self.item.0))));
        };
        let history = ViewHistory::from_iter([(handle, clock)]);
        let filters = Filters {
            exclude: self.exclude,
            categories: self.categories,
            exclude_categories: self.exclude_categories,
            per_category: self.per_category,
        };
        let selection = Selection {
            offset: self.offset.map_or(0, |count| count.0),
            exclude_seen: true,
            ..filters.into_selection(resolver, &mut warnings)
        };
        let request =
            RecommendationRequest { selection, ..RecommendationRequest::new(history, clock, limit(self.limit)) };
        Ok(Question::new(None, request, warnings))
    }
}

/// The filters that several bodies have.
struct Filters {
    exclude: Option<Bounded<Texts>>,
    categories: Option<Bounded<Texts>>,
    exclude_categories: Option<Bounded<Texts>>,
    per_category: Option<Count<1, 1_000>>,
}

impl Filters {
    fn into_selection(self, resolver: &mut Resolver<'_>, warnings: &mut Warnings) -> Selection {
        let Self { exclude, categories, exclude_categories, per_category } = self;
        Selection {
            exclude: resolver.products("exclude", &exclude.unwrap_or_default().0, warnings),
            categories: categories.map(|Bounded(names)| resolver.only_categories("categories", &names, warnings)),
            exclude_categories: resolver.categories(
                "exclude_categories",
                &exclude_categories.unwrap_or_default().0,
                warnings,
            ),
            per_category: per_category.map(|count| count.0),
            ..Selection::default()
        }
    }
}

fn limit(asked: Option<Count<1, 100>>) -> usize {
    asked.map_or(DEFAULT_LIMIT, |count| count.0)
}

/// The model reads a history oldest first.
fn in_order(mut history: ViewHistory, order: Option<HistoryOrder>) -> ViewHistory {
    match order.unwrap_or_default() {
        HistoryOrder::OldestFirst => {}
        HistoryOrder::NewestFirst => history.reverse(),
        HistoryOrder::ByTime => history.sort_by_time(),
    }
    history
}
