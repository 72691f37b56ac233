//! `POST /v1/trending`: a time and perhaps a category enter, the products that are in demand leave, and behind them the
//! popular ones.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use slirec_core::activity::Window;
use slirec_core::sources::{Sources, Step};
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::answer;
use super::answers::RecommendationAnswer;
use super::bodies::one_of;
use super::lists::Bounded;
use super::names::{Resolver, Warnings};
use super::requests::{Placement, Question, limit};
use crate::http::call::Call;
use crate::http::caps::Caps;
use crate::http::error::{ApiError, Failure};
use crate::http::values::{Count, Name};
use crate::state::AppState;

fn windows() -> Object {
    one_of(Window::ALL.map(Window::name))
}

/// Asks for the products that are in demand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrendingRequest, example = json!({"window": "7d", "limit": 5}))]
pub(crate) struct TrendingBody {
    /// Time before the end of the model's data; 7d unless given.
    #[serde(default)]
    #[schema(schema_with = windows)]
    window: Option<Window>,
    /// The only category to answer.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "Books")]
    category: Option<Name>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100, example = 5)]
    limit: Option<Count<1, 100>>,
    /// Products to leave out at the beginning, for further pages; 0 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 0, maximum = 100_000)]
    offset: Option<Count<0, 100_000>>,
    /// Handles, GIDs or numbers of products to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    exclude: Option<Bounded<Texts>>,
    /// Placement of the shop whose settings and rules apply, except its sources; fields of the request go before them.
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

/// The products that are in demand.
#[utoipa::path(
    post, path = "/v1/trending", operation_id = "trending", tag = "recommendations",
    request_body = TrendingBody,
    responses(
        (status = 200, description = "The products by falling demand", body = RecommendationAnswer),
        Failure,
    ),
)]
pub(in crate::http) async fn trending(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    answer(&state, &mut call, |body: TrendingBody, resolver, clock| Ok(body.into_question(resolver, clock))).await
}

impl TrendingBody {
    fn into_question(self, resolver: &mut Resolver<'_>, clock: f64) -> Question {
        let mut warnings = Warnings::default();
        let categories = self.category.map(|Name(name)| {
            let mut names = Texts::default();
            names.push(&name);
            resolver.only_categories("category", &names, &mut warnings)
        });
        let selection = Selection {
            offset: self.offset.map_or(0, |count| count.0),
            exclude: resolver.products("exclude", &self.exclude.unwrap_or_default().0, &mut warnings),
            categories,
            ..Selection::default()
        };
        let placement = Placement {
            scenario: self.scenario,
            filter: self.filter,
            per: self.per,
            diversity: None,
            attributes: self.attributes,
        };
        let scenario = placement.scenario(resolver, clock);
        let request = RecommendationRequest {
            selection,
            sources: Sources::of(&[Step::Trending, Step::Popular]),
            window: self.window.unwrap_or_default(),
            ..RecommendationRequest::new(ViewHistory::new(), clock, limit(self.limit, scenario))
        };
        placement.into_question(None, request, resolver, warnings).with_own_sources()
    }
}
