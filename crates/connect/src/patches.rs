//! Changes of prices, stocks and other attributes, as operators send them: batches of patches enter, a catalogue that has
//! them leaves. The file of patches survives restarts and new bundles.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};
use slirec_core::bundle::Bundle;
use slirec_core::catalog::Catalog;

use crate::lines::{LineFile, StoreError};
use crate::webhooks::serve_catalog;

/// Outdated lines that are borne before the file is written anew.
const OUTDATED: usize = 10_000;

/// What is new of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Handle of the product.
    pub handle: String,
    /// Unix seconds.
    pub at: f64,
    /// Whether it may be recommended, if that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Attributes by name; none for those that it has no longer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Option<String>>,
}

/// The patches of all products.
#[derive(Debug)]
pub struct PatchStore {
    file: LineFile,
    /// All that is new of each product, by handle.
    products: BTreeMap<String, Patch>,
    /// Grows with every batch.
    version: u64,
}

impl PatchStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] naming the file and line.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut products = BTreeMap::new();
        let file =
            LineFile::open(path, |batch: Vec<Patch>| batch.into_iter().for_each(|patch| add(&mut products, patch)))?;
        Ok(Self { file, products, version: 0 })
    }

    /// Takes a batch, all of it or nothing; when it returns, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then nothing of it counts.
    pub fn accept(&mut self, batch: Vec<Patch>) -> Result<(), StoreError> {
        self.file.append(&batch)?;
        batch.into_iter().for_each(|patch| add(&mut self.products, patch));
        self.version += 1;
        if self.file.lines() > OUTDATED {
            let all: Vec<Vec<Patch>> = vec![self.products.values().cloned().collect()];
            // The batch is on the disk all the same: a file that cannot be written anew only stays longer.
            let _ = self.file.rewrite(all.iter());
        }
        Ok(())
    }

    /// Grows with every batch.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Lays all patches over a catalogue. Patches of products that it does not have wait for one that has them; the
    /// availability of a product that the shop itself has changed later, by what `changed_at` says of its GID, is the
    /// shop's. Patches that would break the catalogue's rules or types are left out and named.
    pub fn apply(&self, catalog: &Catalog, changed_at: impl Fn(&str) -> Option<f64>) -> (Catalog, Vec<String>) {
        let types: HashMap<String, _> = catalog.attribute_types().into_iter().collect();
        let mut products = catalog.products().to_vec();
        let mut problems = Vec::new();
        for patch in self.products.values() {
            let Some(product) = catalog.position(&patch.handle).and_then(|place| products.get_mut(place)) else {
                continue;
            };
            let is_latest = changed_at(&product.gid).is_none_or(|at| at <= patch.at);
            product.available = patch.available.filter(|_| is_latest).unwrap_or(product.available);
            for (name, value) in &patch.attributes {
                match (value, types.get(name)) {
                    (None, _) => product.attributes.remove(name),
                    (Some(text), Some(kind)) if kind.read(text).is_none() => {
                        problems.push(format!("{}: {name}: is not of type {}", patch.handle, kind.name()));
                    }
                    (Some(text), _) => product.attributes.insert(name, text),
                }
            }
        }
        match Catalog::new(products) {
            Ok(patched) => (patched.with_types_of(catalog), problems),
            Err((_, problem)) => (catalog.clone(), vec![problem]),
        }
    }

    /// As [`PatchStore::apply`], over a bundle that was read, before an engine is made of it.
    pub fn apply_to(&self, bundle: &mut Bundle, changed_at: impl Fn(&str) -> Option<f64>) -> Vec<String> {
        let (catalog, problems) = self.apply(&bundle.catalog, changed_at);
        serve_catalog(bundle, catalog);
        problems
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
            known.attributes.extend(patch.attributes);
        }
    }
}
