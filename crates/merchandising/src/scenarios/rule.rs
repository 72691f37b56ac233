//! Rules of a scenario: a condition, an effect and a time; what some of them do together to the products of a catalogue
//! leaves. What never changes is computed once, with the scenario.

use slirec_core::product_set::ProductSet;

use crate::columns::Columns;
use crate::filter::Filter;

/// When something holds, Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Window {
    pub(super) from: Option<f64>,
    pub(super) until: Option<f64>,
}

impl Window {
    pub(super) fn holds(self, now: f64) -> bool {
        self.from.is_none_or(|from| now >= from) && self.until.is_none_or(|until| now < until)
    }

    pub(super) fn is_always(self) -> bool {
        self == Self::default()
    }
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Multiplies the score by this.
    Boost(f32),
    /// Puts the product behind all others.
    Bury,
    /// Leaves the product out.
    Hide,
    /// Puts the product at a position, from 1.
    Pin(usize),
}

/// A rule on all products that meet a condition.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) effect: Effect,
    pub(super) when: Filter,
    pub(super) window: Window,
}

/// Products are multiplied by no less and no more than this, whatever their boosts.
const FACTORS: (f32, f32) = (1e-6, 1e6);

/// What some rules do together.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    pub(super) factors: Option<Vec<f32>>,
    pub(super) buried: Option<ProductSet>,
    pub(super) hidden: Option<ProductSet>,
}

impl Base {
    /// Of the rules that hold at any time, whatever is viewed.
    pub(super) fn new<'a>(columns: &Columns, rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut base = Self::default();
        rules.filter(|rule| !is_changing(rule)).for_each(|rule| base.add(columns, rule, None));
        base
    }

    /// Adds what a rule does, for a viewed product.
    pub(super) fn add(&mut self, columns: &Columns, rule: &Rule, viewed: Option<usize>) {
        let products = rule.when.evaluate(columns, viewed);
        let set = match rule.effect {
            Effect::Boost(by) => {
                let factors = self.factors.get_or_insert_with(|| vec![1.0; columns.products()]);
                for product in products.iter() {
                    if let Some(factor) = factors.get_mut(product) {
                        *factor = (*factor * by).clamp(FACTORS.0, FACTORS.1);
                    }
                }
                return;
            }
            Effect::Bury => &mut self.buried,
            Effect::Hide => &mut self.hidden,
            Effect::Pin(_) => return,
        };
        match set {
            Some(set) => set.unite(&products),
            None => *set = Some(products),
        }
    }
}

/// Whether a rule's products change with time or with the viewed product.
pub(super) fn is_changing(rule: &Rule) -> bool {
    !rule.window.is_always() || rule.when.refers_to_viewed()
}
