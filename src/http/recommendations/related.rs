//! `POST /v1/related`: a product enters, the best products beside it for a shopper who has just viewed it and nothing else
//! leave.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;

use super::answer;
use super::answers::RecommendationAnswer;
use super::lists::Bounded;
use super::names::{Resolver, Warnings};
use super::requests::{Filters, Placement, Question, limit};
use crate::http::call::Call;
use crate::http::caps::Caps;
use crate::http::error::{ApiError, Failure, NoSuchProduct};
use crate::http::user::User;
use crate::http::values::{Count, Name, Probability, UserId};
use crate::state::AppState;

/// Asks for the products that go with one product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RelatedRequest)]
pub(crate) struct RelatedBody {
    /// Handle, GID or number of the product, which is never answered itself.
    #[schema(value_type = String, min_length = 1, example = "novel")]
    item: Name,
    /// Who the shopper is, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = String, nullable)]
    user_id: Option<UserId>,
    /// What is known of the shopper, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    user: Option<User>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100)]
    limit: Option<Count<1, 100>>,
    /// Products to leave out at the beginning, for further pages; 0 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 0, maximum = 100_000)]
    offset: Option<Count<0, 100_000>>,
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
    /// Most products of one category; any number unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 1_000)]
    per_category: Option<Count<1, 1_000>>,
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
    /// Adds to each product the rules that acted on it; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    explain: Option<bool>,
}

/// The products that go with one product: the best for a shopper who has just viewed it and nothing else.
#[utoipa::path(
    post, path = "/v1/related", operation_id = "related", tag = "recommendations",
    request_body = RelatedBody,
    responses(
        (status = 200, description = "The best products beside it", body = RecommendationAnswer),
        NoSuchProduct,
        Failure,
    ),
)]
pub(in crate::http) async fn related(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    answer(&state, &mut call, RelatedBody::into_question).await
}

impl RelatedBody {
    /// The question: a history of this one view, just now.
    ///
    /// # Errors
    /// 400 for what the model cannot read of the shopper, 404 for a product that neither the catalogue nor the training has.
    fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Result<Question, ApiError> {
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
            user: resolver.user(self.user_id.as_ref(), self.user.as_ref())?,
            explain: self.explain.unwrap_or_default(),
            ..RecommendationRequest::new(history, clock, limit(self.limit, scenario))
        };
        Ok(placement.into_question(None, request, resolver, warnings))
    }
}
