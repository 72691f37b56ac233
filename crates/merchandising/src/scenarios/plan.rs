//! What a scenario does to the products of a catalogue at a moment, for a viewed product: a scenario enters, sets and
//! factors leave, once for each combination that is asked for.

use std::sync::Arc;

use slirec_core::arrangement::Factors;
use slirec_core::product_set::ProductSet;

use super::rule::is_changing;
use super::scenario::Scenario;
use crate::columns::{ColumnId, Columns};

/// What all rules do together.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The products that the scenario's own filter admits.
    pub(crate) filtered: Option<ProductSet>,
    pub(crate) hidden: Option<ProductSet>,
    pub(crate) buried: Option<Arc<ProductSet>>,
    pub(crate) factors: Option<Factors>,
}

/// What a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    scenario: String,
    /// Rules with a time that hold now.
    holding: Vec<usize>,
    /// What the viewed product has of the columns that rules refer to.
    viewed: Vec<u32>,
}

impl Plan {
    pub(crate) fn new(scenario: &Scenario, columns: &Columns, viewed: Option<usize>, now: f64) -> Self {
        let mut all = scenario.base.clone();
        let changing = scenario.rules.iter().filter(|rule| is_changing(rule) && rule.window.holds(now));
        changing.for_each(|rule| all.add(columns, rule, viewed));
        Self {
            filtered: scenario.filtered(columns, viewed),
            hidden: all.hidden,
            buried: all.buried.map(Arc::new),
            factors: all.factors.map(Factors::new),
        }
    }
}

impl PlanKey {
    pub(crate) fn new(scenario: &Scenario, columns: &Columns, viewed: Option<usize>, now: f64) -> Self {
        let timed = scenario.rules.iter().enumerate().filter(|(_, rule)| !rule.window.is_always());
        let holding = timed.filter(|(_, rule)| rule.window.holds(now)).map(|(place, _)| place).collect();
        let filters = scenario.rules.iter().map(|rule| &rule.when).chain(&scenario.filter);
        let mut referred: Vec<ColumnId> = filters.flat_map(|filter| filter.viewed_columns()).copied().collect();
        referred.sort_unstable();
        referred.dedup();
        let of_viewed = |viewed: usize| referred.iter().flat_map(move |column| columns.key(*column, viewed)).collect();
        Self { scenario: scenario.name.clone(), holding, viewed: viewed.map(of_viewed).unwrap_or_default() }
    }
}
