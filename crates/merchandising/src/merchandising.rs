//! Columns, filters and scenarios of one catalogue together: wishes of requests enter, arrangements leave. Filters and
//! plans that were computed before are kept, within bounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use slirec_core::arrangement::{Arrangement, Cap};
use slirec_core::catalog::Catalog;
use slirec_core::product_set::ProductSet;

use crate::cache::Cache;
use crate::columns::Columns;
use crate::filter::{Filter, FilterError};
use crate::scenarios::{Plan, PlanKey, Scenario, ScenarioError, ScenarioFile, no_attribute, wrong_type};
use crate::wish::{Arranged, FilterUse, Wish, WishError};

/// Filters that are kept.
const KEPT_FILTERS: usize = 512;
/// Bytes that kept plans take, about, and how many are kept at most.
const PLAN_BYTES: usize = 64 << 20;
const KEPT_PLANS: usize = 1_024;

/// What a shop's rules say about one catalogue.
#[derive(Debug)]
pub struct Merchandising {
    columns: Columns,
    scenarios: BTreeMap<String, Scenario>,
    filters: Cache<String, Arc<KnownFilter>>,
    plans: Cache<PlanKey, Arc<Plan>>,
}

/// A filter that was read, with its products unless they depend on the viewed one.
#[derive(Debug)]
struct KnownFilter {
    filter: Filter,
    products: Option<Arc<ProductSet>>,
}

impl Merchandising {
    /// For a catalogue; also what of the scenarios was passed over.
    ///
    /// # Errors
    /// When the scenarios do not fit the catalogue, with line and key.
    pub fn new(catalog: &Catalog, file: Option<&ScenarioFile>) -> Result<(Self, Vec<String>), ScenarioError> {
        let columns = Columns::new(catalog);
        let (scenarios, remarks) = file.map(|file| file.scenarios(catalog, &columns)).transpose()?.unwrap_or_default();
        // Factors, and a few sets.
        let bytes = columns.products() * 5 + 1;
        let plans = Cache::new((PLAN_BYTES / bytes).min(KEPT_PLANS));
        Ok((Self { columns, scenarios, filters: Cache::new(KEPT_FILTERS), plans }, remarks))
    }

    /// The catalogue's attributes.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The scenarios, by name.
    pub fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.scenarios.values()
    }

    /// The scenario of this name.
    ///
    /// # Errors
    /// [`WishError::Scenario`] with the names that there are.
    pub fn scenario(&self, name: &str) -> Result<&Scenario, WishError> {
        self.scenarios.get(name).ok_or_else(|| {
            let names: Vec<String> = self.scenarios.keys().take(20).map(|name| format!("`{name}`")).collect();
            let expected = match names.is_empty() {
                true => "the service has no scenarios".to_owned(),
                false => format!("expected one of {}", names.join(", ")),
            };
            WishError::Scenario(format!("`{}` is no scenario: {expected}", slirec_core::text::shortened(name)))
        })
    }

    /// Whether a wish can be answered from what is kept, in microseconds whatever the catalogue.
    pub fn is_at_hand(&self, wish: &Wish) -> bool {
        let filter = wish.filter.as_deref().is_none_or(|text| self.filters.get(text).is_some());
        let plan = wish.scenario.as_ref().and_then(|name| self.scenarios.get(name)).is_none_or(|scenario| {
            let key = PlanKey::new(scenario, &self.columns, wish.viewed, wish.now);
            !scenario.is_in_effect(wish.now) || self.plans.get(&key).is_some()
        });
        filter && plan && wish.per.is_none()
    }

    /// How the products are to be arranged.
    ///
    /// # Errors
    /// [`WishError`] for what the request wishes and cannot have.
    pub fn arrange(&self, wish: &Wish) -> Result<Arranged, WishError> {
        let named = wish.scenario.as_deref().map(|name| self.scenario(name)).transpose()?;
        let scenario = named.filter(|scenario| scenario.is_in_effect(wish.now));
        let plan = scenario.map(|scenario| self.plan(scenario, wish));
        let filter = wish.filter.as_deref().map(|text| self.filter(text)).transpose().map_err(WishError::Filter)?;
        let mut allowed = match (&filter, &plan) {
            (Some((known, _)), _) => Some(known.products(&self.columns, wish.viewed)),
            (None, Some(plan)) => plan.filtered.clone().map(Arc::new),
            (None, None) => None,
        };
        if let Some(hidden) = plan.as_ref().and_then(|plan| plan.hidden.as_ref()) {
            let allowed = allowed.get_or_insert_with(|| Arc::new(ProductSet::all(self.columns.products())));
            Arc::make_mut(allowed).subtract(hidden);
        }
        let caps = match &wish.per {
            Some(per) => per.iter().map(|(column, most)| self.cap(column, *most)).collect::<Result<_, _>>()?,
            None => scenario.map(|scenario| scenario.caps().to_vec()).unwrap_or_default(),
        };
        let diversity = wish.diversity.or_else(|| scenario?.diversity());
        Ok(Arranged {
            allowed,
            arrangement: Arrangement {
                factors: plan.as_ref().and_then(|plan| plan.factors.clone()),
                buried: plan.as_ref().and_then(|plan| plan.buried.clone()),
                pins: scenario.map(|scenario| scenario.pins(wish.now)).unwrap_or_default(),
                caps,
                diversity: diversity.unwrap_or_default(),
            },
            sources: scenario.and_then(Scenario::sources).cloned(),
            filter: filter.map(|(_, found)| found),
            out_of_effect: named.is_some() && scenario.is_none(),
        })
    }

    fn plan(&self, scenario: &Scenario, wish: &Wish) -> Arc<Plan> {
        let key = PlanKey::new(scenario, &self.columns, wish.viewed, wish.now);
        self.plans.get(&key).unwrap_or_else(|| {
            let plan = Arc::new(Plan::new(scenario, &self.columns, wish.viewed, wish.now));
            self.plans.insert(key, Arc::clone(&plan));
            plan
        })
    }

    fn filter(&self, text: &str) -> Result<(Arc<KnownFilter>, FilterUse), FilterError> {
        if let Some(known) = self.filters.get(text) {
            return Ok((known, FilterUse::Known));
        }
        let filter = Filter::new(text, &self.columns)?;
        let products = (!filter.refers_to_viewed()).then(|| Arc::new(filter.evaluate(&self.columns, None)));
        let known = Arc::new(KnownFilter { filter, products });
        self.filters.insert(text.to_owned(), Arc::clone(&known));
        Ok((known, FilterUse::New))
    }

    fn cap(&self, column: &str, most: usize) -> Result<Cap, WishError> {
        match self.columns.groups(column) {
            Some(Ok(groups)) => Ok(Cap { groups, most }),
            Some(Err(kind)) => Err(WishError::Per(wrong_type(column, kind))),
            None => Err(WishError::Per(no_attribute(column, &self.columns))),
        }
    }
}

impl KnownFilter {
    fn products(&self, columns: &Columns, viewed: Option<usize>) -> Arc<ProductSet> {
        self.products.clone().unwrap_or_else(|| Arc::new(self.filter.evaluate(columns, viewed)))
    }
}
