//! A placement: its settings and its rules for one catalogue; a moment and a viewed product enter, what applies leaves.

use slirec_core::arrangement::{Cap, Pin};
use slirec_core::product_set::ProductSet;
use slirec_core::sources::Sources;

use super::rule::{Base, Effect, Rule, Window};
use crate::columns::Columns;
use crate::filter::Filter;

/// A rule that acts on a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Applied<'a> {
    /// The name of the file, or its kind and place, such as `boost 2`.
    pub rule: &'a str,
    /// What it does.
    pub effect: Effect,
}

/// A product at a position.
#[derive(Debug)]
pub(super) struct PinRule {
    pub(super) name: String,
    pub(super) pin: Pin,
    pub(super) window: Window,
}

/// A placement of a shop.
#[derive(Debug)]
pub struct Scenario {
    pub(super) name: String,
    pub(super) limit: Option<usize>,
    pub(super) exclude_seen: Option<bool>,
    pub(super) exclude_purchased: Option<bool>,
    pub(super) diversity: Option<f32>,
    pub(super) caps: Vec<Cap>,
    pub(super) sources: Option<Sources>,
    pub(super) window: Window,
    pub(super) filter: Option<Filter>,
    pub(super) rules: Vec<Rule>,
    /// In the order of their positions.
    pub(super) pins: Vec<PinRule>,
    /// What holds at any time, whatever is viewed.
    pub(super) base: Base,
}

impl Scenario {
    /// The name that requests use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is in effect.
    pub fn is_in_effect(&self, now: f64) -> bool {
        self.window.holds(now)
    }

    /// Products to answer, unless the request says so.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Whether to leave the history out, unless the request says so.
    pub fn exclude_seen(&self) -> Option<bool> {
        self.exclude_seen
    }

    /// Whether to leave out what was bought, unless the request says so.
    pub fn exclude_purchased(&self) -> Option<bool> {
        self.exclude_purchased
    }

    pub(crate) fn diversity(&self) -> Option<f32> {
        self.diversity
    }

    pub(crate) fn caps(&self) -> &[Cap] {
        &self.caps
    }

    /// What answers, if the file says so.
    pub fn sources(&self) -> Option<&Sources> {
        self.sources.as_ref()
    }

    /// The rules that act on a product, in the order of the file: boosts, buries, hides, pins.
    pub fn applied(&self, columns: &Columns, product: usize, viewed: Option<usize>, now: f64) -> Vec<Applied<'_>> {
        let rules = self.rules.iter().filter(|rule| rule.window.holds(now));
        let rules = rules.filter(|rule| rule.when.matches(columns, product, viewed));
        let rules = rules.map(|rule| Applied { rule: &rule.name, effect: rule.effect });
        let pins = self.pins.iter().filter(|rule| rule.pin.product == product && rule.window.holds(now));
        let pins = pins.map(|rule| Applied { rule: &rule.name, effect: Effect::Pin(rule.pin.position) });
        rules.chain(pins).collect()
    }

    /// The pins that hold, each product and each position once.
    pub(crate) fn pins(&self, now: f64) -> Vec<Pin> {
        let mut pins: Vec<Pin> = Vec::new();
        for PinRule { pin, window, .. } in &self.pins {
            if !window.holds(now) || pins.iter().any(|known| known.product == pin.product) {
                continue;
            }
            // Where two hold at once, the later one takes the next position.
            let position = pins.last().map_or(pin.position, |last| pin.position.max(last.position + 1));
            pins.push(Pin { position, ..*pin });
        }
        pins
    }

    /// The products that the scenario's own filter admits; none when it has no filter.
    pub(super) fn filtered(&self, columns: &Columns, viewed: Option<usize>) -> Option<ProductSet> {
        self.filter.as_ref().map(|filter| filter.evaluate(columns, viewed))
    }
}
