//! `POST /v1/complements`: a cart enters, the products that go with it leave: those of the same baskets, and behind them
//! those that the model finds for a shopper who has just viewed the cart.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use slirec_core::sources::{Sources, Step};
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;

use super::answer;
use super::answers::RecommendationAnswer;
use super::lists::Bounded;
use super::names::{Resolver, Warnings};
use super::requests::{Filters, Placement, Question, limit};
use crate::http::call::Call;
use crate::http::caps::Caps;
use crate::http::error::{ApiError, Failure};
use crate::http::user::User;
use crate::http::values::{Count, Name, Probability, UserId};
use crate::state::AppState;

/// What answers unless the scenario says so.
const SOURCES: Sources = Sources::of(&[Step::BoughtTogether, Step::Model, Step::Popular]);

/// Asks for the products that go with a cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ComplementsRequest, example = json!({"items": ["novel", "mug"], "limit": 5}))]
pub(crate) struct ComplementsBody {
    /// Handles, GIDs or numbers of the products in the cart, which are never answered themselves. Empty, or of unknown
    /// products only: the popular products are answered.
    #[schema(value_type = Vec<String>, example = json!(["novel", "mug"]))]
    items: Bounded<Texts>,
    /// Who the shopper is, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = String, nullable)]
    user_id: Option<UserId>,
    /// What is known of the shopper, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    user: Option<User>,
    /// Leaves out the categories of the cart, whose products may stand in for what is in it; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    strict: Option<bool>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100, example = 5)]
    limit: Option<Count<1, 100>>,
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
    /// Placement of the shop whose settings and rules apply; fields of the request go before its settings.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "cart")]
    scenario: Option<Name>,
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
    /// Adds to each product the products of the cart that weighed most with the model, and the rules that acted on it; false
    /// unless given.
    #[serde(default)]
    #[schema(nullable)]
    explain: Option<bool>,
}

/// The products that go with a cart: those of the same baskets, and behind them the model's.
#[utoipa::path(
    post, path = "/v1/complements", operation_id = "complements", tag = "recommendations",
    request_body = ComplementsBody,
    responses(
        (status = 200, description = "The best products beside the cart", body = RecommendationAnswer),
        Failure,
    ),
)]
pub(in crate::http) async fn complements(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    answer(&state, &mut call, ComplementsBody::into_question).await
}

impl ComplementsBody {
    fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Question, ApiError> {
        let mut warnings = Warnings::default();
        let cart = cart(&self.items.0, resolver, clock, &mut warnings);
        let filters = Filters {
            exclude: self.exclude,
            categories: self.categories,
            exclude_categories: self.exclude_categories,
            per_category: None,
        };
        let mut selection = Selection { exclude_seen: true, ..filters.into_selection(resolver, &mut warnings) };
        if self.strict.unwrap_or_default() {
            let categories: HashSet<&str> = cart.iter().filter_map(|view| resolver.category(view.handle)).collect();
            categories.into_iter().for_each(|category| selection.exclude_categories.push(category));
        }
        let placement = Placement {
            scenario: self.scenario,
            filter: self.filter,
            per: self.per,
            diversity: self.diversity,
            attributes: self.attributes,
        };
        let scenario = placement.scenario(resolver, clock);
        let request = RecommendationRequest {
            selection,
            sources: SOURCES,
            user: resolver.user(self.user_id.as_ref(), self.user.as_ref())?,
            explain: self.explain.unwrap_or_default(),
            ..RecommendationRequest::new(cart, clock, limit(self.limit, scenario))
        };
        Ok(placement.into_question(None, request, resolver, warnings))
    }
}

/// The known products of a cart, each once, as if they had just been viewed.
fn cart(names: &Texts, resolver: &mut Resolver<'_>, clock: f64, warnings: &mut Warnings) -> ViewHistory {
    let mut known = HashSet::new();
    let mut cart = ViewHistory::new();
    for name in names.iter() {
        match resolver.handle(name) {
            Some(handle) if known.insert(handle) => cart.push(handle, clock),
            Some(_) => {}
            None => warnings.add("items", || resolver.no_product(name)),
        }
    }
    cart
}
