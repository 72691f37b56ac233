//! The bodies of `/v1`: bytes enter, checked requests leave, or a message that names the field.

use serde::Deserialize;
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};
use utoipa::ToSchema;

use crate::config::LimitSettings;
use crate::http::object::Object;
use crate::http::values::{Count, Name, Probability, Time, present};

const DEFAULT_LIMIT: usize = 16;

type Names = Option<Vec<String>>;

/// A product that the shopper viewed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = View)]
pub(crate) struct View {
    /// Handle of the product; one that the service does not know is counted and otherwise ignored.
    #[schema(value_type = String, min_length = 1, example = "novel")]
    item: Name,
    /// When it was viewed: Unix seconds, or milliseconds from 1e11 on.
    #[schema(value_type = f64, minimum = 0, maximum = 99_999_999_999_999.0, example = 1_730_807_061)]
    time: Time,
}

/// Asks for the products that fit a session best.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecommendationRequest)]
pub(crate) struct RecommendationBody {
    /// Who the shopper is; accepted for the clients' sake, the model has no use for it.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, example = "shopper-1")]
    #[expect(dead_code, reason = "accepted for the clients' sake; the model has no use for users")]
    user_id: Option<String>,
    /// What the shopper viewed, oldest first. Empty, or of unknown products only: the popular products are answered.
    #[schema(value_type = Vec<View>)]
    history: Vec<Object<View>>,
    /// Time of the prediction, as in the history; by default the service's clock.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = f64, nullable = false, minimum = 0, maximum = 99_999_999_999_999.0, example = 1_730_809_300)]
    now: Option<Time>,
    /// Products to answer at most.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 1, maximum = 100, default = 16, example = 5)]
    limit: Option<Count<1, 100>>,
    /// Products to leave out at the beginning, for further pages.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 0, maximum = 100_000, default = 0)]
    offset: Option<Count<0, 100_000>>,
    /// Lowest score to answer.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = f64, nullable = false, minimum = 0, maximum = 1)]
    min_score: Option<Probability>,
    /// Leaves out the products of the history.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, default = false)]
    exclude_seen: Option<bool>,
    /// Handles to leave out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    exclude: Names,
    /// The only handles to answer.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    include_only: Names,
    /// The only categories to answer.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    categories: Names,
    /// Categories to leave out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    exclude_categories: Names,
    /// Most products of one category.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 1, maximum = 1_000)]
    per_category: Option<Count<1, 1_000>>,
    /// Adds to each product the views that weighed most.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, default = false)]
    explain: Option<bool>,
}

/// Asks for the best products of several sessions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchRequest)]
pub(crate) struct BatchBody {
    /// The sessions, each as in a request of its own.
    #[schema(value_type = Vec<RecommendationBody>, max_items = 100)]
    sessions: Vec<Object<RecommendationBody>>,
}

/// Asks for the order of given products.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RankRequest)]
pub(crate) struct RankBody {
    /// Who the shopper is; accepted for the clients' sake, the model has no use for it.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    #[expect(dead_code, reason = "accepted for the clients' sake; the model has no use for users")]
    user_id: Option<String>,
    /// What the shopper viewed, oldest first.
    #[schema(value_type = Vec<View>)]
    history: Vec<Object<View>>,
    /// Handles of the products to rank.
    #[schema(value_type = Vec<String>, max_items = 1_000, example = json!(["atlas", "novel", "brush"]))]
    candidates: Vec<String>,
    /// Time of the prediction, as in the history; by default the service's clock.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = f64, nullable = false, minimum = 0, maximum = 99_999_999_999_999.0)]
    now: Option<Time>,
    /// Adds to each product the views that weighed most.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, default = false)]
    explain: Option<bool>,
}

/// Asks for the products that go with one product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RelatedRequest)]
pub(crate) struct RelatedBody {
    /// Handle of the product, which is never answered itself.
    #[schema(value_type = String, min_length = 1, example = "novel")]
    item: Name,
    /// Products to answer at most.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 1, maximum = 100, default = 16)]
    limit: Option<Count<1, 100>>,
    /// Products to leave out at the beginning, for further pages.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 0, maximum = 100_000, default = 0)]
    offset: Option<Count<0, 100_000>>,
    /// Handles to leave out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    exclude: Names,
    /// The only categories to answer.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    categories: Names,
    /// Categories to leave out.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, nullable = false)]
    exclude_categories: Names,
    /// Most products of one category.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = i32, nullable = false, minimum = 1, maximum = 1_000)]
    per_category: Option<Count<1, 1_000>>,
}

/// Limits of the service that are not part of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) history: usize,
    pub(crate) sessions: usize,
    pub(crate) names: usize,
}

impl From<&LimitSettings> for Limits {
    fn from(settings: &LimitSettings) -> Self {
        Self { history: settings.history, sessions: settings.sessions, names: settings.candidates }
    }
}

impl RecommendationBody {
    /// The engine's request, predicted at `clock` unless the body says otherwise.
    pub(crate) fn into_request(self, limits: Limits, clock: f64) -> Result<RecommendationRequest, String> {
        let selection = Selection {
            offset: self.offset.map_or(0, |count| count.0),
            min_score: self.min_score.map(|score| score.0),
            exclude_seen: self.exclude_seen.unwrap_or_default(),
            exclude: set("exclude", self.exclude, limits)?.unwrap_or_default(),
            include_only: set("include_only", self.include_only, limits)?,
            categories: set("categories", self.categories, limits)?,
            exclude_categories: set("exclude_categories", self.exclude_categories, limits)?.unwrap_or_default(),
            per_category: self.per_category.map(|count| count.0),
        };
        Ok(RecommendationRequest {
            history: views(self.history, limits)?,
            now: self.now.map_or(clock, |time| time.0),
            limit: self.limit.map_or(DEFAULT_LIMIT, |count| count.0),
            selection,
            explain: self.explain.unwrap_or_default(),
        })
    }
}

impl BatchBody {
    /// The engine's requests, in the order of the sessions.
    pub(crate) fn into_requests(self, limits: Limits, clock: f64) -> Result<Vec<RecommendationRequest>, String> {
        check_length("sessions", self.sessions.len(), limits.sessions)?;
        let sessions = self.sessions.into_iter().enumerate();
        let request = |(index, Object(session)): (usize, Object<RecommendationBody>)| {
            session.into_request(limits, clock).map_err(|message| format!("sessions[{index}].{message}"))
        };
        sessions.map(request).collect()
    }
}

impl RankBody {
    /// The engine's request, and the candidates as they were given.
    pub(crate) fn into_request(
        self,
        limits: Limits,
        clock: f64,
    ) -> Result<(RecommendationRequest, Vec<String>), String> {
        check_length("candidates", self.candidates.len(), limits.names)?;
        let candidates = self.candidates;
        let include_only = Some(candidates.iter().collect());
        let request = RecommendationRequest {
            history: views(self.history, limits)?,
            now: self.now.map_or(clock, |time| time.0),
            limit: candidates.len(),
            selection: Selection { include_only, ..Selection::default() },
            explain: self.explain.unwrap_or_default(),
        };
        Ok((request, candidates))
    }
}

impl RelatedBody {
    /// The engine's request: a history of this one view, just now.
    pub(crate) fn into_request(self, limits: Limits, clock: f64) -> Result<RecommendationRequest, String> {
        let selection = Selection {
            offset: self.offset.map_or(0, |count| count.0),
            exclude_seen: true,
            exclude: set("exclude", self.exclude, limits)?.unwrap_or_default(),
            categories: set("categories", self.categories, limits)?,
            exclude_categories: set("exclude_categories", self.exclude_categories, limits)?.unwrap_or_default(),
            per_category: self.per_category.map(|count| count.0),
            ..Selection::default()
        };
        let history = ViewHistory::from_iter([(self.item.0, clock)]);
        let limit = self.limit.map_or(DEFAULT_LIMIT, |count| count.0);
        Ok(RecommendationRequest { selection, ..RecommendationRequest::new(history, clock, limit) })
    }
}

fn views(history: Vec<Object<View>>, limits: Limits) -> Result<ViewHistory, String> {
    check_length("history", history.len(), limits.history)?;
    Ok(history.into_iter().map(|Object(view)| (view.item.0, view.time.0)).collect())
}

fn set(field: &str, names: Names, limits: Limits) -> Result<Option<Texts>, String> {
    let Some(names) = names else { return Ok(None) };
    check_length(field, names.len(), limits.names)?;
    Ok(Some(names.into_iter().collect()))
}

fn check_length(field: &str, found: usize, most: usize) -> Result<(), String> {
    if found > most { Err(format!("{field}: has {found} elements, expected at most {most}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
