//! `POST /v1/recommendations:page`: a session and the rails of a page enter, the products of each rail leave, none of them
//! twice: what a rail shows, those behind it leave out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::de::SeqAccess;
use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::KnownUser;
use slirec_engine::{Priority, RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;

use super::answers::{Model, Session};
use super::arranging::arranged;
use super::bodies::{HistoryOrder, View};
use super::lists::{Bounded, Collect, Limits};
use super::names::{Resolver, Warnings};
use super::read;
use super::requests::{Filters, Placement, Question, in_order, limit};
use crate::http::call::Call;
use crate::http::caps::Caps;
use crate::http::error::{ApiError, Failure};
use crate::http::object::Object;
use crate::http::user::User;
use crate::http::values::{Count, Name, Probability, SessionId, Time, UserId};
use crate::state::AppState;

/// Rails of a page.
const MOST_RAILS: usize = 20;

/// Asks for the products of the rails of one page.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PageRequest)]
pub(crate) struct PageBody {
    /// What the shopper did, in the order of `history_order`.
    #[schema(value_type = Vec<View>)]
    history: Bounded<ViewHistory>,
    /// Who the shopper is, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = String, nullable)]
    user_id: Option<UserId>,
    /// What is known of the shopper, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    user: Option<User>,
    /// Which view came first; by_time unless given: in the order of the times, equal ones as they stand.
    #[serde(default)]
    #[schema(value_type = Option<HistoryOrder>, inline)]
    history_order: Option<HistoryOrder>,
    /// Time of the prediction, as in the history; by default the service's clock.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 99_999_999_999_999.0)]
    now: Option<Time>,
    /// The rails, from the top of the page: products of one are left out of those below it.
    #[schema(value_type = Vec<Rail>, max_items = 20)]
    rails: Bounded<Rails>,
}

/// One rail: what it shows is up to its scenario, whose `sources` may be what is in demand or bought again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rail {
    /// What the client calls this rail: echoed in the answer; a number is accepted too.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 128, example = "top")]
    id: Option<SessionId>,
    /// Placement of the shop whose settings and rules apply; fields of the rail go before its settings.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "home")]
    scenario: Option<Name>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100, example = 5)]
    limit: Option<Count<1, 100>>,
    /// Leaves out the products of the history; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    exclude_seen: Option<bool>,
    /// Leaves out what the history says was bought; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    exclude_purchased: Option<bool>,
    /// Handles, GIDs or numbers of products to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    exclude: Option<Bounded<Texts>>,
    /// The only categories to answer.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    categories: Option<Bounded<Texts>>,
    /// Categories to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    exclude_categories: Option<Bounded<Texts>>,
    /// Condition that the products must meet, such as `vendor == "Ochre" && price < 50`; docs/SCENARIOS.md has the language.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 8_192, example = "category != \"Books\"")]
    filter: Option<String>,
    /// Most products for each value of some attributes, such as `{"vendor": 2}`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    per: Option<Caps>,
    /// From 0, by score alone, to 1: how much a product counts less for being like those before it; 0 unless given.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 1)]
    diversity: Option<Probability>,
    /// Attributes that the answer shows of each product.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    attributes: Option<Bounded<Texts>>,
}

/// Rails, from the top.
#[derive(Debug, Default)]
pub(crate) struct Rails(Vec<Rail>);

impl Collect for Rails {
    fn most(_: Limits) -> usize {
        MOST_RAILS
    }

    fn take<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        let rail = elements.next_element::<Object<Rail>>()?;
        Ok(rail.map(|Object(rail)| self.0.push(rail)).is_some())
    }
}

/// The products of the rails of a page, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct PageAnswer<'a> {
    model: Model<'a>,
    /// One for each rail; no product stands in two of them.
    rails: Vec<Session<'a>>,
}

/// The products of the rails of one page, none of them twice.
#[utoipa::path(
    post, path = "/v1/recommendations:page", operation_id = "recommendPage", tag = "recommendations",
    request_body = PageBody,
    responses(
        (status = 200, description = "The best products of each rail, in the order of the rails", body = PageAnswer),
        Failure,
    ),
)]
pub(in crate::http) async fn recommend_page(
    State(state): State<AppState>,
    mut call: Call,
) -> Result<Response, ApiError> {
    let served = state.served();
    let questions = |body: PageBody, resolver: &mut Resolver<'_>, clock| body.into_questions(resolver, clock);
    let questions = read(&state, &served, call.admitted_body(&state, Priority::Interactive)?, questions).await??;
    let questions = arranged(&state, &served, questions).await;
    let questions = questions.map_err(|(place, error)| error.within(&format!("rails[{place}].")))?;
    let (requests, echoes): (Vec<_>, Vec<_>) =
        questions.into_iter().map(|Question { request, echo, .. }| (request, echo)).unzip();
    let found = call.scoring(&state, &served).recommend_apart(requests).await?;
    echoes.iter().zip(&found).for_each(|(echo, found)| echo.count(&state, found));
    let rails = echoes.iter().zip(&found).map(|(echo, found)| Session::new(&served, echo, found));
    call.json_response(&state, &PageAnswer { model: Model::new(&served), rails: rails.collect() })
}

impl PageBody {
    /// The questions, in the order of the rails.
    ///
    /// # Errors
    /// 400 for what the model cannot read of the shopper.
    fn into_questions(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Vec<Question>, ApiError> {
        let user = resolver.user(self.user_id.as_ref(), self.user.as_ref())?;
        let now = self.now.map_or(clock, |time| time.0);
        let history = Arc::new(in_order(resolver.history(self.history.0), self.history_order, now));
        let rails = self.rails.0.0.into_iter();
        Ok(rails.map(|rail| rail.into_question((&history, &user), now, resolver)).collect())
    }
}

impl Rail {
    fn into_question(
        self,
        (history, user): (&Arc<ViewHistory>, &KnownUser),
        now: f64,
        resolver: &mut Resolver<'_>,
    ) -> Question {
        let mut warnings = Warnings::default();
        let filters = Filters {
            exclude: self.exclude,
            categories: self.categories,
            exclude_categories: self.exclude_categories,
            per_category: None,
        };
        let placement = Placement {
            scenario: self.scenario,
            filter: self.filter,
            per: self.per,
            diversity: self.diversity,
            attributes: self.attributes,
        };
        let scenario = placement.scenario(resolver, now);
        let (seen, purchased) = (self.exclude_seen, self.exclude_purchased);
        let selection = Selection {
            exclude_seen: seen.or_else(|| scenario?.exclude_seen()).unwrap_or_default(),
            exclude_purchased: purchased.or_else(|| scenario?.exclude_purchased()).unwrap_or_default(),
            ..filters.into_selection(resolver, &mut warnings)
        };
        let request = RecommendationRequest {
            selection,
            history: Arc::clone(history),
            user: user.clone(),
            ..RecommendationRequest::new(ViewHistory::new(), now, limit(self.limit, scenario))
        };
        placement.into_question(self.id, request, resolver, warnings)
    }
}
