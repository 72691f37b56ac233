//! The bodies of `/v1` as clients write them: JSON enters, checked values leave, or a message that names the field. In
//! every optional field `null` is as good as leaving it out: stream engines and generated clients write it.
//!
//! Defaults stand in the descriptions, not in `default`: generators of TypeScript clients take a field with one for
//! required.

use serde::Deserialize;
use serde::de::SeqAccess;
use slirec_core::event::Event;
use slirec_engine::{Texts, ViewHistory};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object as ObjectSchema, ObjectBuilder, SchemaType, Type};

use super::lists::{Bounded, Collect, Limits};
use crate::http::caps::Caps;
use crate::http::object::Object;
use crate::http::user::User;
use crate::http::values::{Count, Name, Probability, SessionId, Time, UserId};

/// A product that the shopper viewed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = View)]
pub(crate) struct View {
    /// Handle of the product, its GID, or its number in Shopify; one that the service does not know is counted and
    /// otherwise ignored.
    #[schema(value_type = String, min_length = 1, example = "novel")]
    pub(super) item: Name,
    /// When it was viewed: Unix seconds, or milliseconds from 1e11 on; or as a string of digits or ISO 8601, UTC unless
    /// it says otherwise. Without one, as in a cart, it counts as just now.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 99_999_999_999_999.0, example = 1_730_807_061)]
    pub(super) time: Option<Time>,
    /// What the shopper did with it; view unless given.
    #[serde(default)]
    #[schema(schema_with = events)]
    pub(super) event: Option<Event>,
}

/// The schema of an optional field that has one of some names.
pub(super) fn one_of(names: impl IntoIterator<Item = &'static str>) -> ObjectSchema {
    let types = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(types).enum_values(Some(names.into_iter().map(Some).chain([None]))).build()
}

fn events() -> ObjectSchema {
    one_of(Event::ALL.map(Event::name))
}

/// Which of a history's views came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HistoryOrder {
    OldestFirst,
    NewestFirst,
    /// By their times; equal ones as they stand.
    #[default]
    ByTime,
}

/// Asks for the products that fit a session best.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecommendationRequest)]
pub(crate) struct RecommendationBody {
    /// What the client calls this session: echoed in the answer; a number is accepted too.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 128, example = "session-1")]
    pub(super) id: Option<SessionId>,
    /// Who the shopper is: what the model's table of known users says of them counts where `user` says nothing. Without
    /// such a table it is accepted and not used.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "shopper-1")]
    pub(super) user_id: Option<UserId>,
    /// What is known of the shopper, of the attributes that the model reads; the model's are listed in `GET /v1/status`.
    /// A value that training has not seen counts as unknown.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    pub(super) user: Option<User>,
    /// What the shopper viewed, in the order of `history_order`. Empty, or of unknown products only:
    /// the popular products are answered.
    #[schema(value_type = Vec<View>)]
    pub(super) history: Bounded<ViewHistory>,
    /// Which view came first; by_time unless given: in the order of the times, equal ones as they stand.
    #[serde(default)]
    #[schema(value_type = Option<HistoryOrder>, inline)]
    pub(super) history_order: Option<HistoryOrder>,
    /// Time of the prediction, as in the history; by default the service's clock.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 99_999_999_999_999.0, example = 1_730_809_300)]
    pub(super) now: Option<Time>,
    /// Products to answer at most; 16 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 100, example = 5)]
    pub(super) limit: Option<Count<1, 100>>,
    /// Products to leave out at the beginning, for further pages; 0 unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 0, maximum = 100_000)]
    pub(super) offset: Option<Count<0, 100_000>>,
    /// Lowest score to answer; any unless given.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 1)]
    pub(super) min_score: Option<Probability>,
    /// Leaves out the products of the history; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    pub(super) exclude_seen: Option<bool>,
    /// Leaves out what the history says was bought; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    pub(super) exclude_purchased: Option<bool>,
    /// Handles, GIDs or numbers of products to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) exclude: Option<Bounded<Texts>>,
    /// Handles, GIDs or numbers of the only products to answer.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) include_only: Option<Bounded<Texts>>,
    /// The only categories to answer.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) categories: Option<Bounded<Texts>>,
    /// Categories to leave out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) exclude_categories: Option<Bounded<Texts>>,
    /// Most products of one category; any number unless given.
    #[serde(default)]
    #[schema(value_type = i32, nullable, minimum = 1, maximum = 1_000)]
    pub(super) per_category: Option<Count<1, 1_000>>,
    /// Placement of the shop whose settings and rules apply; fields of the request go before its settings.
    #[serde(default)]
    #[schema(value_type = String, nullable, example = "cart")]
    pub(super) scenario: Option<Name>,
    /// Condition that the products must meet, such as `vendor == "Ochre" && price < 50`; docs/SCENARIOS.md has the language.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 8_192, example = "category != \"Books\"")]
    pub(super) filter: Option<String>,
    /// Most products for each value of some attributes, such as `{"vendor": 2}`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    pub(super) per: Option<Caps>,
    /// From 0, by score alone, to 1: how much a product counts less for being like those before it; 0 unless given.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 1)]
    pub(super) diversity: Option<Probability>,
    /// Attributes that the answer shows of each product.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) attributes: Option<Bounded<Texts>>,
    /// Adds to each product the views that weighed most, and the rules that acted on it; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    pub(super) explain: Option<bool>,
}

/// Asks for the best products of several sessions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchRequest)]
pub(crate) struct BatchBody {
    /// The sessions, each as in a request of its own.
    #[schema(value_type = Vec<RecommendationBody>, max_items = 100)]
    pub(super) sessions: Bounded<Vec<RecommendationBody>>,
}

/// Asks for the order of given products.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RankRequest)]
pub(crate) struct RankBody {
    /// Who the shopper is, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = String, nullable)]
    pub(super) user_id: Option<UserId>,
    /// What is known of the shopper, as for `/v1/recommendations`.
    #[serde(default)]
    #[schema(value_type = Object, nullable)]
    pub(super) user: Option<User>,
    /// What the shopper viewed, in the order of `history_order`.
    #[schema(value_type = Vec<View>)]
    pub(super) history: Bounded<ViewHistory>,
    /// Which view came first; by_time unless given: in the order of the times, equal ones as they stand.
    #[serde(default)]
    #[schema(value_type = Option<HistoryOrder>, inline)]
    pub(super) history_order: Option<HistoryOrder>,
    /// Handles, GIDs or numbers of the products to rank.
    #[schema(value_type = Vec<String>, max_items = 1_000, example = json!(["atlas", "novel", "brush"]))]
    pub(super) candidates: Bounded<Texts>,
    /// Time of the prediction, as in the history; by default the service's clock.
    #[serde(default)]
    #[schema(value_type = f64, nullable, minimum = 0, maximum = 99_999_999_999_999.0)]
    pub(super) now: Option<Time>,
    /// Condition that the products must meet, such as `vendor == "Ochre" && price < 50`; docs/SCENARIOS.md has the language.
    #[serde(default)]
    #[schema(value_type = String, nullable, max_length = 8_192, example = "category != \"Books\"")]
    pub(super) filter: Option<String>,
    /// Attributes that the answer shows of each product.
    #[serde(default)]
    #[schema(value_type = Vec<String>, nullable)]
    pub(super) attributes: Option<Bounded<Texts>>,
    /// Adds to each product the views that weighed most; false unless given.
    #[serde(default)]
    #[schema(nullable)]
    pub(super) explain: Option<bool>,
}

impl Collect for ViewHistory {
    fn most(limits: Limits) -> usize {
        limits.history
    }

    fn take<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        let Some(Object(View { item, time, event })) = elements.next_element::<Object<View>>()? else {
            return Ok(false);
        };
        // The latest of all, until the time of the answer is known.
        self.push_event(&item.0, time.map_or(f64::INFINITY, |time| time.0), event.unwrap_or_default());
        Ok(true)
    }
}

impl Collect for Vec<RecommendationBody> {
    fn most(limits: Limits) -> usize {
        limits.sessions
    }

    fn take<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        let session = elements.next_element::<Object<RecommendationBody>>()?;
        Ok(session.map(|Object(session)| self.push(session)).is_some())
    }
}

#[cfg(test)]
mod tests;
