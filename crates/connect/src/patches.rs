//! New products, and changes of prices, stocks and other attributes, as operators send them: batches of patches enter, a
//! catalogue that has them leaves. The file of patches survives restarts and new bundles.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use slirec_core::attributes::AttributeType;
use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Attributes, Catalog, Product, gid_of_handle};
use thiserror::Error;

use crate::lines::{LineFile, StoreError};
use crate::webhooks::serve_catalog;

/// Bytes by which the file may be longer than twice what it says, before it is written anew.
const OUTDATED: usize = 1 << 20;
/// Attributes that patches may give a product.
const MOST_ATTRIBUTES: usize = 1_000;

/// What is new of a product, or, with a title and a category, a new product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Handle of the product.
    pub handle: String,
    /// Unix seconds.
    pub at: f64,
    /// The GID of a new product; one of its handle if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<String>,
    /// The title, if that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The category, if that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Whether it may be recommended, if that is new; a new product may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Attributes by name; none for those that it has no longer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Option<String>>,
}

impl Patch {
    /// The product that this adds to a catalogue without it; none where the title or the category is not said.
    fn product(&self) -> Option<Product> {
        Some(Product {
            handle: self.handle.clone(),
            gid: self.gid.clone().unwrap_or_else(|| gid_of_handle(&self.handle)),
            title: self.title.clone()?,
            category: self.category.clone()?,
            available: true,
            attributes: Attributes::default(),
        })
    }

    /// The product with what is new of it; `types` are those of the catalogue's attributes. What is not of its attribute's
    /// type is left out and named.
    fn changed(
        &self,
        product: &Product,
        types: &BTreeMap<String, AttributeType>,
        problems: &mut Vec<Problem>,
    ) -> Product {
        let mut changed = product.clone();
        changed.available = self.available.unwrap_or(product.available);
        for (text, new) in [(&mut changed.title, &self.title), (&mut changed.category, &self.category)] {
            if let Some(new) = new {
                text.clone_from(new);
            }
        }
        let fitting = self.attributes.iter().filter(|(name, value)| match (types.get(*name), value) {
            (Some(kind), Some(text)) if kind.read(text).is_none() => {
                problems.push(self.problem(format!("{name}: is not of type {}", kind.name())));
                false
            }
            _ => true,
        });
        changed.attributes.change(fitting.map(|(name, value)| (name.as_str(), value.as_deref())));
        changed
    }

    fn problem(&self, problem: String) -> Problem {
        Problem { handle: self.handle.clone(), problem }
    }
}

/// What cannot be laid over a product.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{handle}: {problem}")]
pub struct Problem {
    /// Handle of the product.
    pub handle: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What is new of all products, by handle.
#[derive(Debug, Clone, Default)]
pub struct Patches(Arc<BTreeMap<String, Patch>>);

impl Patches {
    /// With a batch that is not kept yet.
    pub fn with(&self, batch: &[Patch]) -> Self {
        let mut all = self.clone();
        all.extend(batch.iter().cloned());
        all
    }

    fn extend(&mut self, batch: impl IntoIterator<Item = Patch>) {
        let products = Arc::make_mut(&mut self.0);
        batch.into_iter().for_each(|patch| add(products, patch));
    }

    /// Lays all patches over a catalogue; new products stand behind its own. Patches of products that it does not have and
    /// that do not add them wait for one that has them; the availability of a product that the shop itself has changed
    /// later, by what `changed_at` says of its GID, is the shop's. Products that would break the catalogue's rules stay as
    /// they are and are named, as are values that are not of their attribute's type.
    pub fn apply(&self, catalog: &Catalog, changed_at: impl Fn(&str) -> Option<f64>) -> (Catalog, Vec<Problem>) {
        let types = catalog.attribute_types();
        let mut products = catalog.products().to_vec();
        let (mut problems, mut new_gids) = (Vec::new(), HashSet::new());
        for patch in self.0.values() {
            let known = catalog.position(&patch.handle).filter(|place| *place < products.len());
            let before = known.and_then(|place| products.get(place).cloned()).or_else(|| patch.product());
            let Some(before) = before else { continue };
            let mut changed = patch.changed(&before, &types, &mut problems);
            if changed_at(&before.gid).is_some_and(|at| at > patch.at) {
                changed.available = before.available;
            }
            let few = changed.attributes.len() <= MOST_ATTRIBUTES.max(before.attributes.len());
            let mut has_other =
                || catalog.product_of_gid(&before.gid).is_some() || !new_gids.insert(before.gid.clone());
            if let Err(problem) = changed.check() {
                problems.push(patch.problem(problem));
            } else if !few {
                problems.push(patch.problem(format!("has more than {MOST_ATTRIBUTES} attributes")));
            } else if let Some(place) = known.and_then(|place| products.get_mut(place)) {
                *place = changed;
            } else if has_other() {
                problems.push(patch.problem(format!("gid: another product has `{}`", before.gid)));
            } else {
                products.push(changed);
            }
        }
        match Catalog::new(products) {
            Ok(patched) => (patched.with_types_of(catalog), problems),
            // Handles and GIDs are there once, and every product was checked.
            Err((index, problem)) => {
                let handle = catalog.products().get(index).map_or("", |product| &product.handle).to_owned();
                (catalog.clone(), vec![Problem { handle, problem }])
            }
        }
    }

    /// As [`Patches::apply`], over a bundle that was read, before an engine is made of it.
    pub fn apply_to(&self, bundle: &mut Bundle, changed_at: impl Fn(&str) -> Option<f64>) -> Vec<Problem> {
        let (catalog, problems) = self.apply(&bundle.catalog, changed_at);
        serve_catalog(bundle, catalog);
        problems
    }
}

/// The patches of all products, on disk.
#[derive(Debug)]
pub struct PatchStore {
    file: LineFile,
    patches: Patches,
    /// Bytes of the file when it was last written anew.
    written: usize,
}

impl PatchStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] naming the file and line.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut patches = Patches::default();
        let file = LineFile::open(path, |batch: Vec<Patch>| patches.extend(batch))?;
        Ok(Self { file, patches, written: 0 })
    }

    /// Takes a batch, all of it or nothing; when it returns, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then nothing of it counts.
    pub fn accept(&mut self, batch: Vec<Patch>) -> Result<(), StoreError> {
        self.file.append(&batch)?;
        self.patches.extend(batch);
        if self.file.bytes() > 2 * self.written + OUTDATED {
            let all: [Vec<&Patch>; 1] = [self.patches.0.values().collect()];
            // The batch is on the disk all the same: a file that cannot be written anew only stays longer.
            if self.file.rewrite(all.iter()).is_ok() {
                self.written = self.file.bytes();
            }
        }
        Ok(())
    }

    /// All patches so far.
    pub fn patches(&self) -> Patches {
        self.patches.clone()
    }
}

/// Adds what is new of a product to what was new before.
fn add(products: &mut BTreeMap<String, Patch>, patch: Patch) {
    match products.get_mut(&patch.handle) {
        None => drop(products.insert(patch.handle.clone(), patch)),
        Some(known) => {
            if patch.available.is_some() {
                (known.available, known.at) = (patch.available, patch.at);
            }
            let texts =
                [(&mut known.gid, patch.gid), (&mut known.title, patch.title), (&mut known.category, patch.category)];
            texts.into_iter().filter(|(_, new)| new.is_some()).for_each(|(text, new)| *text = new);
            known.attributes.extend(patch.attributes);
        }
    }
}
