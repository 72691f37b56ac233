//! From the file to scenarios: values with their places and the columns of a catalogue enter, checked scenarios leave, or
//! the first thing that is wrong with its line and key. Pins of products that the catalogue does not have are passed over
//! and named, because products come and go.

use std::collections::BTreeMap;

use slirec_core::arrangement::{Cap, Pin};
use slirec_core::attributes::AttributeType;
use slirec_core::catalog::Catalog;
use slirec_core::sources::{Sources, Step};
use slirec_core::timestamp::from_iso;
use toml::Spanned;

use super::error::{ScenarioError, Source};
use super::file::{RawBoost, RawPin, RawRule, RawScenario, ScenarioFile};
use super::rule::{Base, Effect, Rule, Window};
use super::scenario::{PinRule, Scenario};
use crate::columns::Columns;
use crate::filter::Filter;

/// Products of an answer.
const LIMITS: (i64, i64) = (1, 100);
/// Products of one value.
const CAPS: (i64, i64) = (1, 1_000);
/// Positions of pins.
const POSITIONS: (i64, i64) = (1, 1_000);
/// What a score may be multiplied by.
const BOOSTS: (f64, f64) = (0.001, 1_000.0);
/// Longest name of a scenario or a rule, in bytes.
const LONGEST_NAME: usize = 100;

/// A time as it stands in the file.
type RawTime = Option<Spanned<toml::Value>>;

/// Scenarios by their names, and what was passed over.
pub(crate) type Read = (BTreeMap<String, Scenario>, Vec<String>);

impl ScenarioFile {
    /// The scenarios for a catalogue.
    ///
    /// # Errors
    /// The first value that cannot be used, with its line and key.
    pub(crate) fn scenarios(&self, catalog: &Catalog, columns: &Columns) -> Result<Read, ScenarioError> {
        let mut reader = Reader { source: self.source(), catalog, columns, remarks: Vec::new() };
        let mut scenarios = BTreeMap::new();
        for (name, raw) in self.document()? {
            reader.check_name(&name)?;
            let name = name.into_inner();
            scenarios.insert(name.clone(), reader.scenario(name, raw)?);
        }
        Ok((scenarios, reader.remarks))
    }
}

struct Reader<'a> {
    source: Source<'a>,
    catalog: &'a Catalog,
    columns: &'a Columns,
    remarks: Vec<String>,
}

impl Reader<'_> {
    fn scenario(&mut self, name: String, raw: RawScenario) -> Result<Scenario, ScenarioError> {
        let limit = raw.limit.as_ref().map(|limit| self.count(limit, LIMITS)).transpose()?;
        let filter = raw.filter.as_ref().map(|filter| self.filter(filter)).transpose()?;
        let sources = raw.sources.as_ref().map(|sources| self.sources(sources)).transpose()?;
        let diversity = raw.diversity.as_ref().map(|diversity| self.diversity(diversity)).transpose()?;
        let caps = raw.per.unwrap_or_default();
        let caps = caps.iter().map(|(column, most)| self.cap(column, most)).collect::<Result<_, _>>()?;
        let window = self.window(&raw.from, &raw.until)?;
        let mut rules = Vec::with_capacity(raw.boost.len() + raw.bury.len() + raw.hide.len());
        for (place, boost) in (1..).zip(&raw.boost) {
            let RawBoost { name, when, by, from, until } = boost.get_ref();
            let effect = Effect::Boost(self.factor(by)?);
            rules.push(self.rule(name.as_ref(), ("boost", place), effect, when, (from, until))?);
        }
        for (kind, effect, raw) in [("bury", Effect::Bury, &raw.bury), ("hide", Effect::Hide, &raw.hide)] {
            for (place, rule) in (1..).zip(raw) {
                let RawRule { name, when, from, until } = rule.get_ref();
                rules.push(self.rule(name.as_ref(), (kind, place), effect, when, (from, until))?);
            }
        }
        let pins = self.pins(&raw.pin)?;
        let base = Base::new(self.columns, rules.iter());
        let (exclude_seen, exclude_purchased) = (raw.exclude_seen, raw.exclude_purchased);
        Ok(Scenario {
            name,
            limit,
            exclude_seen,
            exclude_purchased,
            diversity,
            caps,
            sources,
            window,
            filter,
            rules,
            pins,
            base,
        })
    }

    fn error<T>(&self, value: &Spanned<T>, problem: impl ToString) -> ScenarioError {
        self.source.error(value.span().start, problem)
    }

    fn count(&self, value: &Spanned<i64>, (least, most): (i64, i64)) -> Result<usize, ScenarioError> {
        let number = Some(*value.get_ref()).filter(|number| (least..=most).contains(number));
        number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| {
            self.error(value, format!("found {}, expected a whole number from {least} to {most}", value.get_ref()))
        })
    }

    fn check_name(&self, name: &Spanned<String>) -> Result<(), ScenarioError> {
        let text = name.get_ref();
        if text.trim().is_empty() || text.len() > LONGEST_NAME || text.chars().any(char::is_control) {
            let problem = format!("found a name of {} bytes, expected visible text of 1 to {LONGEST_NAME}", text.len());
            return Err(self.error(name, problem));
        }
        Ok(())
    }

    fn filter(&self, text: &Spanned<String>) -> Result<Filter, ScenarioError> {
        Filter::new(text.get_ref(), self.columns).map_err(|error| self.error(text, error))
    }

    fn factor(&self, by: &Spanned<f64>) -> Result<f32, ScenarioError> {
        let (least, most) = BOOSTS;
        if !(least..=most).contains(by.get_ref()) {
            return Err(self.error(by, format!("found {}, expected a number from {least} to {most}", by.get_ref())));
        }
        Ok(*by.get_ref() as f32)
    }

    fn diversity(&self, diversity: &Spanned<f64>) -> Result<f32, ScenarioError> {
        if !(0.0..=1.0).contains(diversity.get_ref()) {
            return Err(self.error(diversity, format!("found {}, expected 0 to 1", diversity.get_ref())));
        }
        Ok(*diversity.get_ref() as f32)
    }

    fn cap(&self, column: &Spanned<String>, most: &Spanned<i64>) -> Result<Cap, ScenarioError> {
        let groups = match self.columns.groups(column.get_ref()) {
            Some(Ok(groups)) => groups,
            Some(Err(kind)) => return Err(self.error(column, wrong_type(column.get_ref(), kind))),
            None => return Err(self.error(column, no_attribute(column.get_ref(), self.columns))),
        };
        Ok(Cap { groups, most: self.count(most, CAPS)? })
    }

    fn sources(&self, sources: &Spanned<Vec<String>>) -> Result<Sources, ScenarioError> {
        let names: Vec<&str> = sources.get_ref().iter().map(String::as_str).collect();
        Sources::of_names(&names).ok_or_else(|| {
            let known = Step::ALL.map(Step::name).join(", ");
            let found = slirec_core::text::shortened(&format!("{names:?}"));
            self.error(
                sources,
                format!("found {found}, expected some of {known}, each once, `popular` as the last one"),
            )
        })
    }

    fn window(&self, from: &RawTime, until: &RawTime) -> Result<Window, ScenarioError> {
        let time = |value: &RawTime| value.as_ref().map(|value| self.time(value)).transpose();
        let window = Window { from: time(from)?, until: time(until)? };
        match (window.from, window.until, until) {
            (Some(from), Some(end), Some(until)) if end <= from => {
                Err(self.error(until, "found a time that is not after `from`, expected a later one"))
            }
            _ => Ok(window),
        }
    }

    fn time(&self, value: &Spanned<toml::Value>) -> Result<f64, ScenarioError> {
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Datetime(time) => time.to_string(),
            other => other.to_string(),
        };
        from_iso(&text).ok_or_else(|| {
            let expected = "a date with or without a time, such as 2026-11-27T08:00:00Z";
            self.error(value, format!("found `{}`, expected {expected}", slirec_core::text::shortened(&text)))
        })
    }

    fn rule(
        &self,
        name: Option<&Spanned<String>>,
        (kind, place): (&str, usize),
        effect: Effect,
        when: &Spanned<String>,
        (from, until): (&RawTime, &RawTime),
    ) -> Result<Rule, ScenarioError> {
        let name = self.rule_name(name, kind, place)?;
        Ok(Rule { name, effect, when: self.filter(when)?, window: self.window(from, until)? })
    }

    fn rule_name(&self, name: Option<&Spanned<String>>, kind: &str, place: usize) -> Result<String, ScenarioError> {
        let Some(name) = name else { return Ok(format!("{kind} {place}")) };
        self.check_name(name)?;
        Ok(name.get_ref().clone())
    }

    fn pins(&mut self, raw: &[Spanned<RawPin>]) -> Result<Vec<PinRule>, ScenarioError> {
        let mut pins: Vec<PinRule> = Vec::new();
        for (place, pin) in (1..).zip(raw) {
            let RawPin { name, product, position, from, until } = pin.get_ref();
            let name = self.rule_name(name.as_ref(), "pin", place)?;
            let (window, number) = (self.window(from, until)?, self.count(position, POSITIONS)?);
            let named = product.get_ref();
            let of_gid =
                || self.catalog.product_of_gid(named).and_then(|product| self.catalog.position(&product.handle));
            let Some(found) = self.catalog.position(named).or_else(of_gid) else {
                let remark = self.error(product, format!("`{}` is no product of the catalogue", product.get_ref()));
                self.remarks.push(remark.to_string());
                continue;
            };
            let pin = Pin { product: found, position: number };
            for known in pins.iter().filter(|known| known.window.is_always() && window.is_always()) {
                if known.pin.position == pin.position {
                    return Err(self.error(position, format!("found position {number} again, expected each once")));
                }
                if known.pin.product == pin.product {
                    return Err(self.error(product, "found the product again, expected each once"));
                }
            }
            pins.push(PinRule { name, pin, window });
        }
        // Of equal positions a pin for some time goes before a standing one, and then the earlier one of the file.
        pins.sort_by_key(|rule| (rule.pin.position, rule.window.is_always()));
        Ok(pins)
    }
}

/// Why products cannot be counted by a column.
pub(crate) fn wrong_type(name: &str, kind: AttributeType) -> String {
    format!("`{name}` is of type {}: expected an attribute with one value for each product", kind.name())
}

/// That there is no such column.
pub(crate) fn no_attribute(name: &str, columns: &Columns) -> String {
    let name_shown = slirec_core::text::shortened(name);
    format!("`{name_shown}` is no attribute of the catalogue: {}", columns.expected(name))
}
