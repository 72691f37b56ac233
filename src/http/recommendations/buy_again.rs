//! `POST /v1/buy-again`: what a shopper bought enters, with its times or without, the products that are bought again leave:
//! those that are due, and behind them the others.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use slirec_core::event::Event;
use slirec_core::sources::{Sources, Step};
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;

use super::answer;
use super::answers::RecommendationAnswer;
use super::bodies::View;
use super::lists::Bounded;
use super::names::{Resolver, Warnings};
use super::requests::{Placement, Question, in_order, limit};
use crate::http::call::Call;
use crate::http::caps::Caps;
use crate::http::error::{ApiError, Failure};
use crate::http::values::{Count, Name, Time};
use crate::state::AppState;

/// Asks for the products that a shopper buys again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BuyAgainRequest, example = json!({"items": ["novel", "mug", "mug"], "limit": 5}))]
pub(crate) struct BuyAgainBody {
    /// What the shopper did, in any order; only items with `"event": "purchase"` count. One of it and `items` must be given.
    #[serde(default)]
    #[schema(value_type = Vec<View>, nullable)]
    history: Option<Bounded<ViewHistory>>,
    /// Handles, GIDs or numbers of what the shopper bought, as often as it was bought, where times are not known: then
    /// nothing is due.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable, example = json!(["novel", "mug", "mug"]))]
    items: Option<Bounded<Texts>>,
    /// Time of the answer, as in the history; by default the service's clock.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 99_999_999_999_999.0)]
    now: Option<Time>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100, example = 5)]
    limit: Option<Count<1, 100>>,
    /// Handles, GIDs or numbers of products to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    exclude: Option<Bounded<Texts>>,
    /// Placement of the shop whose settings and rules apply, except its sources and what it leaves out of the history;
    /// fields of the request go before them.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "home")]
    scenario: Option<Name>,
    /// Condition that the products must meet, such as `vendor == "Ochre" && price < 50`; docs/SCENARIOS.md has the language.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 8_192, example = "category != \"Books\"")]
    filter: Option<String>,
    /// Most products for each value of some attributes, such as `{"vendor": 2}`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    per: Option<Caps>,
    /// Attributes that the answer shows of each product.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    attributes: Option<Bounded<Texts>>,
}

/// The products that a shopper buys again, those that are due first.
#[utoipa::path(
    post, path = "/v1/buy-again", operation_id = "buyAgain", tag = "recommendations",
    request_body = BuyAgainBody,
    responses(
        (status = 200, description = "Products of the shopper's own purchases", body = RecommendationAnswer),
        Failure,
    ),
)]
pub(in crate::http) async fn buy_again(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    answer(&state, &mut call, BuyAgainBody::into_question).await
}

impl BuyAgainBody {
    /// The question.
    ///
    /// # Errors
    /// 400 for a body that says nothing of purchases.
    fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Question, ApiError> {
        if self.history.is_none() && self.items.is_none() {
            return Err(ApiError::bad_request(
                "body: has neither `history` nor `items`, expected one of them".to_owned(),
            ));
        }
        let mut warnings = Warnings::default();
        let now = self.now.map_or(clock, |time| time.0);
        let says_history = self.history.is_some();
        let mut history = in_order(resolver.history(self.history.unwrap_or_default().0), None, now);
        for name in self.items.unwrap_or_default().0.iter() {
            match resolver.handle(name) {
                Some(handle) => history.push_event(handle, now, Event::Purchase),
                None => warnings.add("items", || resolver.no_product(name)),
            }
        }
        if says_history && !history.iter().any(|view| view.event == Event::Purchase) {
            warnings
                .add("history", || "has no item with `\"event\": \"purchase\"`: nothing is bought again".to_owned());
        }
        let exclude = resolver.products("exclude", &self.exclude.unwrap_or_default().0, &mut warnings);
        let placement = Placement {
            scenario: self.scenario,
            filter: self.filter,
            per: self.per,
            diversity: None,
            attributes: self.attributes,
        };
        let scenario = placement.scenario(resolver, now);
        let request = RecommendationRequest {
            selection: Selection { exclude, ..Selection::default() },
            sources: Sources::of(&[Step::BuyAgain]),
            ..RecommendationRequest::new(history, now, limit(self.limit, scenario))
        };
        Ok(placement.into_question(None, request, resolver, warnings).with_own_sources())
    }
}
