//! From bodies to what the engine is asked: names are looked up in the model's catalogue, views are put in order,
//! defaults filled in. Leaves: the engine's request, and what the answer says beside its products.

use std::sync::Arc;

use slirec_engine::{RecommendationRequest, Recommendations, Selection, Texts, ViewHistory};
use slirec_merchandising::{Scenario, Wish};

use super::bodies::{BatchBody, HistoryOrder, RankBody, RecommendationBody};
use super::lists::Bounded;
use super::names::{Resolver, Warning, Warnings};
use super::ruled::Ruled;
use crate::attributes::TypedName;
use crate::http::caps::Caps;
use crate::http::error::ApiError;
use crate::http::values::{Count, Name, Probability, SessionId};
use crate::memory::Held;
use crate::state::AppState;

const DEFAULT_LIMIT: usize = 16;

/// What a session asks, and what its answer repeats.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: RecommendationRequest,
    /// What is to be made of it before it is answered; none when nothing is.
    pub(super) wish: Option<Wish>,
    /// Whether a scenario says what answers.
    pub(super) follows_sources: bool,
    pub(super) echo: Echo,
}

impl Question {
    /// As it is, whatever a scenario says of what answers.
    pub(super) fn with_own_sources(self) -> Self {
        Self { follows_sources: false, ..self }
    }
}

/// What an answer says beside its products.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub(super) id: Option<SessionId>,
    pub(super) warnings: Vec<Warning>,
    /// What explanations name: the history, if they were asked for.
    pub(super) explained: Arc<ViewHistory>,
    /// Whether they were asked for.
    pub(super) is_explained: bool,
    /// Attributes that are shown.
    pub(super) attributes: Vec<TypedName>,
    /// What rules did.
    pub(super) ruled: Option<Ruled>,
}

impl Echo {
    /// Counts what rules did to the answer.
    pub(super) fn count(&self, state: &AppState, found: &Recommendations) {
        if let Some(ruled) = &self.ruled {
            ruled.count(state, found);
        }
    }
}

impl Held for Question {
    fn held_bytes(&self) -> usize {
        let wish = self.wish.as_ref().map_or(0, |wish| {
            let texts = [&wish.filter, &wish.scenario].into_iter().flatten().map(String::capacity).sum::<usize>();
            let per = wish.per.iter().flatten().map(|(name, _)| name.capacity() + size_of::<(String, usize)>());
            size_of::<Wish>() + texts + per.sum::<usize>()
        });
        size_of::<Echo>() + wish + self.request.held_bytes() + self.echo.explained.held_bytes()
    }
}

impl RecommendationBody {
    /// The question, predicted at `clock` unless the body says otherwise.
    ///
    /// # Errors
    /// 400 for what the model cannot read of the shopper.
    pub(super) fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Question, ApiError> {
        let user = resolver.user(self.user_id.as_ref(), self.user.as_ref())?;
        let mut warnings = Warnings::default();
        let now = self.now.map_or(clock, |time| time.0);
        let history = in_order(resolver.history(self.history.0), self.history_order, now);
        let placement = Placement {
            scenario: self.scenario,
            filter: self.filter,
            per: self.per,
            diversity: self.diversity,
            attributes: self.attributes,
        };
        let scenario = placement.scenario(resolver, now);
        let seen = self.exclude_seen.or_else(|| scenario?.exclude_seen());
        let purchased = self.exclude_purchased.or_else(|| scenario?.exclude_purchased());
        let selection = Selection {
            offset: self.offset.map_or(0, |count| count.0),
            min_score: self.min_score.map(|score| score.0),
            exclude_seen: seen.unwrap_or_default(),
            exclude_purchased: purchased.unwrap_or_default(),
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
        };
        let request = RecommendationRequest {
            selection,
            user,
            explain: self.explain.unwrap_or_default(),
            ..RecommendationRequest::new(history, now, limit(self.limit, scenario))
        };
        Ok(placement.into_question(self.id, request, resolver, warnings))
    }
}

impl BatchBody {
    /// The questions, in the order of the sessions; 400 for what the model cannot read of a shopper.
    pub(super) fn into_questions(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Vec<Question>, ApiError> {
        let sessions = self.sessions.0.into_iter().enumerate();
        let question = |(place, session): (usize, RecommendationBody)| {
            session.into_question(resolver, clock).map_err(|error| error.within(&format!("sessions[{place}].")))
        };
        sessions.map(question).collect()
    }
}

impl RankBody {
    /// The question, and the names of its candidates; 400 for what the model cannot read of the shopper.
    pub(super) fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Ranking, ApiError> {
        let mut warnings = Warnings::default();
        let Bounded(candidates) = self.candidates;
        let include_only = Some(resolver.products("candidates", &candidates, &mut warnings));
        let now = self.now.map_or(clock, |time| time.0);
        let history = in_order(resolver.history(self.history.0), self.history_order, now);
        let request = RecommendationRequest {
            selection: Selection { include_only, ..Selection::default() },
            user: resolver.user(self.user_id.as_ref(), self.user.as_ref())?,
            explain: self.explain.unwrap_or_default(),
            ..RecommendationRequest::new(history, now, candidates.len())
        };
        let placement = Placement { filter: self.filter, attributes: self.attributes, ..Placement::default() };
        Ok(Ranking { question: placement.into_question(None, request, resolver, warnings), candidates })
    }
}

/// Candidates that are to be ranked.
#[derive(Debug)]
pub(super) struct Ranking {
    pub(super) question: Question,
    /// As they were given.
    pub(super) candidates: Texts,
}

impl Held for Ranking {
    fn held_bytes(&self) -> usize {
        self.question.held_bytes() + self.candidates.held_bytes()
    }
}

/// Candidates that cannot be ranked, as they were given.
pub(super) fn unranked(candidates: &Texts, question: &Question, resolver: &Resolver<'_>) -> Vec<String> {
    let allowed = question.request.selection.allowed.as_ref();
    let is_ranked = |name: &str| {
        let product = resolver.position(name).filter(|_| resolver.is_answerable(name));
        product.is_some_and(|product| allowed.is_none_or(|allowed| allowed.contains(product)))
    };
    candidates.iter().filter(|name| !is_ranked(name)).map(str::to_owned).collect()
}

/// What the shop's rules take of a body.
#[derive(Default)]
pub(super) struct Placement {
    pub(super) scenario: Option<Name>,
    pub(super) filter: Option<String>,
    pub(super) per: Option<Caps>,
    pub(super) diversity: Option<Probability>,
    pub(super) attributes: Option<Bounded<Texts>>,
}

impl Placement {
    /// The scenario that is named, if it is in effect.
    pub(super) fn scenario<'a>(&self, resolver: &Resolver<'a>, now: f64) -> Option<&'a Scenario> {
        resolver.scenario(self.scenario.as_ref().map(|name| name.0.as_str()), now)
    }

    pub(super) fn into_question(
        self,
        id: Option<SessionId>,
        request: RecommendationRequest,
        resolver: &Resolver<'_>,
        mut warnings: Warnings,
    ) -> Question {
        let Self { scenario, filter, per, diversity, attributes } = self;
        let attributes = resolver.attributes(&attributes.unwrap_or_default().0, &mut warnings);
        let wishes = scenario.is_some() || filter.is_some() || per.is_some() || diversity.is_some();
        let wish = wishes.then(|| Wish {
            scenario: scenario.map(|name| name.0),
            filter,
            per: per.map(|caps| caps.0),
            diversity: diversity.map(|diversity| diversity.0),
            viewed: resolver.viewed_last(&request.history),
            now: request.now,
        });
        let explained = if request.explain { Arc::clone(&request.history) } else { Arc::default() };
        let warnings = warnings.into_list();
        let echo = Echo { id, warnings, explained, is_explained: request.explain, attributes, ruled: None };
        Question { request, wish, follows_sources: true, echo }
    }
}

/// The filters that several bodies have.
pub(super) struct Filters {
    pub(super) exclude: Option<Bounded<Texts>>,
    pub(super) categories: Option<Bounded<Texts>>,
    pub(super) exclude_categories: Option<Bounded<Texts>>,
    pub(super) per_category: Option<Count<1, 1_000>>,
}

impl Filters {
    pub(super) fn into_selection(self, resolver: &mut Resolver<'_>, warnings: &mut Warnings) -> Selection {
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

/// Products to answer: as the request says, or the scenario.
pub(super) fn limit(asked: Option<Count<1, 100>>, scenario: Option<&Scenario>) -> usize {
    let asked = asked.map(|count| count.0);
    asked.or_else(|| scenario?.limit()).unwrap_or(DEFAULT_LIMIT)
}

/// The model reads a history oldest first. What has no time is the last thing that happened.
pub(super) fn in_order(mut history: ViewHistory, order: Option<HistoryOrder>, now: f64) -> ViewHistory {
    match order.unwrap_or_default() {
        HistoryOrder::OldestFirst => {}
        HistoryOrder::NewestFirst => history.reverse(),
        HistoryOrder::ByTime => history.sort_by_time(),
    }
    history.fill_times(now);
    history
}
