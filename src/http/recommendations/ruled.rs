//! What the shop's rules did: an arrangement and an answer enter, what explanations show and what is counted leaves.

use serde::Serialize;
use slirec_core::arrangement::Arrangement;
use slirec_engine::Recommendations;
use slirec_merchandising::{Applied, Effect};
use utoipa::ToSchema;

use crate::metrics::Acted;
use crate::serving::Served;
use crate::state::AppState;

/// What rules did to a session.
#[derive(Debug)]
pub(super) struct Ruled {
    /// The scenario, if one is in effect.
    pub(super) scenario: Option<String>,
    pub(super) viewed: Option<usize>,
    pub(super) now: f64,
    pub(super) arrangement: Arrangement,
}

/// What rules did to a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rules)]
pub(super) struct Acting<'a> {
    /// What all boosts multiply the score by.
    factor: f32,
    /// Where the product would stand by its score alone, from 1; left out when scores decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position_by_score: Option<usize>,
    /// The rules that act on it.
    applied: Vec<ActingRule<'a>>,
}

/// A rule that acts on a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
struct ActingRule<'a> {
    #[schema(example = "own brand")]
    name: &'a str,
    /// `boost`, `bury` or `pin`.
    #[schema(example = "boost")]
    effect: &'static str,
    /// Of a boost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    factor: Option<f32>,
    /// Of a pin, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<usize>,
}

impl Ruled {
    /// What the scenario's rules did to a product of an answer; none without a scenario.
    pub(super) fn acting<'a>(&self, served: &'a Served, product: usize, position: Option<usize>) -> Option<Acting<'a>> {
        let scenario = served.merchandising.scenario(self.scenario.as_deref()?).ok()?;
        let applied = scenario.applied(served.merchandising.columns(), product, self.viewed, self.now);
        let applied = applied.into_iter().filter_map(ActingRule::new).collect();
        Some(Acting { factor: self.arrangement.factor(product), position_by_score: position, applied })
    }

    /// Counts what the rules did to an answer.
    pub(super) fn count(&self, state: &AppState, found: &Recommendations) {
        let Some(scenario) = &self.scenario else { return };
        let arrangement = &self.arrangement;
        let mut acted = Acted::default();
        for scored in &found.products {
            acted.boosted += u64::from(arrangement.factor(scored.product) != 1.0);
            acted.buried += u64::from(arrangement.is_buried(scored.product));
            acted.pinned += u64::from(arrangement.is_pinned(scored.product));
        }
        state.metrics.placed(scenario, found.source, acted);
    }
}

impl<'a> ActingRule<'a> {
    fn new(Applied { rule, effect }: Applied<'a>) -> Option<Self> {
        let (effect, factor, position) = match effect {
            Effect::Boost(by) => ("boost", Some(by), None),
            Effect::Bury => ("bury", None, None),
            Effect::Pin(position) => ("pin", None, Some(position)),
            // Of what is hidden nothing is answered.
            Effect::Hide => return None,
        };
        Some(Self { name: rule, effect, factor, position })
    }
}
