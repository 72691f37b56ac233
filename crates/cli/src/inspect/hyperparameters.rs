//! Hyperparameters: a TOML file enters, every value leaves, beside the original's where it differs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use slirec_train::dataset::DataShape;
use slirec_train::hyperparameters::{Hyperparameters, Preset};

use super::page::Page;

/// What hyperparameters hold, with those that the file leaves out.
#[derive(Debug, Serialize)]
pub(crate) struct HyperparametersContents {
    hyperparameters: Hyperparameters,
}

impl HyperparametersContents {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let hyperparameters = Hyperparameters::read(path).or_else(|error| {
            // What the original's network cannot have may be of the ranking network.
            let ranking = Preset::Ranking.hyperparameters(&DataShape::default());
            Hyperparameters::read_over(path, &ranking).map_err(|_| error)
        });
        Ok(Self { hyperparameters: hyperparameters? })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        show(page, &self.hyperparameters);
    }
}

/// A table of all values; those that differ from the original's are marked.
pub(crate) fn show(page: &mut Page, hyperparameters: &Hyperparameters) {
    page.heading("Hyperparameters");
    let (values, defaults) = (flat(hyperparameters), flat(&Hyperparameters::default()));
    let row = |(key, value): (&String, &String)| {
        let original = defaults.get(key).filter(|default| *default != value);
        vec![key.clone(), value.clone(), original.map(|default| format!("original: {default}")).unwrap_or_default()]
    };
    page.table(&["key", "value", ""], &values.iter().map(row).collect::<Vec<_>>());
}

/// `table.key` and value of every hyperparameter.
fn flat(hyperparameters: &Hyperparameters) -> BTreeMap<String, String> {
    let Ok(Value::Object(tables)) = serde_json::to_value(hyperparameters) else { return BTreeMap::new() };
    let keys = tables.into_iter().flat_map(|(table, values)| {
        let values = if let Value::Object(values) = values { values } else { serde_json::Map::new() };
        values.into_iter().map(move |(key, value)| (format!("{table}.{key}"), text(&value)))
    });
    keys.collect()
}

/// A value as JSON; rows of settings, such as item features, by their values alone.
fn text(value: &Value) -> String {
    let row = |row: &Value| {
        let values: Vec<String> = row.as_object()?.values().rev().map(text).collect();
        Some(values.join(" ").replace('"', ""))
    };
    let rows: Option<Vec<String>> = value.as_array().and_then(|rows| rows.iter().map(row).collect());
    rows.map_or_else(|| value.to_string(), |rows| rows.join(", "))
}
