//! A vocabulary: names and ids enter by their file, counts, the most frequent names and sample rows leave.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_core::vocabulary::Vocabulary;

use super::frequency::{self, Frequency};
use super::page::{Page, number};
use super::sample::Sample;

/// What a vocabulary holds.
#[derive(Debug, Serialize)]
pub(crate) struct VocabularyContents {
    items: usize,
    training_interactions: u64,
    features: Vec<Feature>,
    top_items: Vec<Frequency>,
    top_categories: Vec<Frequency>,
    sample: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Feature {
    name: String,
    values: usize,
    /// Items without a known value.
    unknown: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    id: u32,
    handle: String,
    interactions: u64,
    features: Vec<String>,
}

impl VocabularyContents {
    pub(crate) fn read(path: &Path, rows: usize) -> Result<Self> {
        let vocabulary = Vocabulary::read(path)?;
        let mut sample = Sample::new(rows);
        for (id, item) in (1..).zip(vocabulary.items()) {
            sample.offer(|| Row {
                id,
                handle: item.handle.clone(),
                interactions: item.interactions,
                features: (0..).zip(&item.features).map(|(position, id)| value(&vocabulary, position, *id)).collect(),
            });
        }
        let feature = |(position, feature): (usize, &slirec_core::vocabulary::Feature)| Feature {
            name: feature.name.clone(),
            values: feature.values.len(),
            unknown: vocabulary.items().iter().filter(|item| item.features.get(position) == Some(&0)).count(),
        };
        Ok(Self {
            items: vocabulary.items().len(),
            training_interactions: vocabulary.items().iter().map(|item| item.interactions).sum(),
            features: (0..).zip(vocabulary.features()).map(feature).collect(),
            top_items: top_items(&vocabulary, rows),
            top_categories: top_categories(&vocabulary, rows),
            sample: sample.into_rows(),
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("items", number(self.items as u64));
        page.field("training rows", number(self.training_interactions));
        for Feature { name, values, unknown } in &self.features {
            page.field(&format!("feature {name}"), format!("{values} values, {unknown} items without one"));
        }
        frequency::show(page, "Items by training interactions", &self.top_items);
        frequency::show(page, "Categories by training interactions", &self.top_categories);
        if !self.sample.is_empty() {
            page.heading("Sample");
            let cells = |row: &Row| {
                vec![row.id.to_string(), row.handle.clone(), number(row.interactions), row.features.join(", ")]
            };
            let rows: Vec<Vec<String>> = self.sample.iter().map(cells).collect();
            page.table(&["id", "handle", "interactions", "features"], &rows);
        }
    }
}

/// The items with the most training interactions.
pub(crate) fn top_items(vocabulary: &Vocabulary, rows: usize) -> Vec<Frequency> {
    frequency::most(vocabulary.items().iter().map(|item| (item.handle.as_str(), item.interactions)), rows)
}

/// The values of the first feature, the category, by the training interactions of their items.
pub(crate) fn top_categories(vocabulary: &Vocabulary, rows: usize) -> Vec<Frequency> {
    let Some(feature) = vocabulary.features().first() else { return Vec::new() };
    let interactions = |id: u32| -> u64 {
        let of_value = vocabulary.items().iter().filter(|item| item.features.first() == Some(&id));
        of_value.map(|item| item.interactions).sum()
    };
    let counts = (1..).zip(&feature.values).map(|(id, value)| (value.as_str(), interactions(id)));
    frequency::most(counts, rows)
}

/// The value of a feature id; of id 0, that training has not seen it.
pub(crate) fn value(vocabulary: &Vocabulary, position: usize, id: u32) -> String {
    let values = vocabulary.features().get(position).map(|feature| feature.values.as_slice()).unwrap_or_default();
    let name = (id as usize).checked_sub(1).and_then(|index| values.get(index));
    name.map_or_else(|| UNSEEN.to_owned(), Clone::clone)
}

/// What stands for the default id.
pub(crate) const UNSEEN: &str = "(not in training)";
