//! Products that are named more than once: products enter one by one, a catalogue in which each stands once leaves.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use slirec_core::attributes::AttributeType;
use slirec_core::catalog::{Catalog, Product, gid_of_handle};

use crate::lists::with_lists;
use crate::product_table::UNCATEGORISED;

/// Joins products of one handle.
#[derive(Debug)]
pub(super) struct Merging {
    merge: bool,
    catalog: Vec<Product>,
    by_handle: HashMap<String, usize>,
    handle_of_gid: HashMap<String, String>,
    repeated: u64,
    changed: u64,
}

impl Merging {
    /// With `merge`, of what is said of a product the last counts; without it only the same may be said again.
    pub(super) fn new(merge: bool) -> Self {
        Self {
            merge,
            catalog: Vec::new(),
            by_handle: HashMap::new(),
            handle_of_gid: HashMap::new(),
            repeated: 0,
            changed: 0,
        }
    }

    /// Adds a product.
    ///
    /// # Errors
    /// The rule of a catalogue that it breaks.
    pub(super) fn add(&mut self, product: Product) -> Result<(), String> {
        product.check()?;
        if let Some(other) = self.handle_of_gid.get(&product.gid).filter(|other| **other != product.handle) {
            return Err(format!("gid `{}` is also that of product `{other}`: expected every gid once", product.gid));
        }
        let known = match self.by_handle.entry(product.handle.clone()) {
            Entry::Vacant(free) => {
                free.insert(self.catalog.len());
                self.handle_of_gid.insert(product.gid.clone(), product.handle.clone());
                self.catalog.push(product);
                return Ok(());
            }
            Entry::Occupied(known) => *known.get(),
        };
        self.repeated += 1;
        let place = known + 1;
        let Some(known) = self.catalog.get_mut(known).filter(|known| **known != product) else { return Ok(()) };
        if !self.merge {
            return Err(format!(
                "handle `{}` is also that of product {place}, with other values: expected every handle once, or --merge, \
                 by which the last value counts",
                product.handle
            ));
        }
        self.changed += 1;
        self.handle_of_gid.remove(&known.gid);
        join(known, product);
        self.handle_of_gid.insert(known.gid.clone(), known.handle.clone());
        Ok(())
    }

    /// How many rows were joined.
    pub(super) fn remarks(&self) -> Vec<String> {
        let Self { repeated, changed, .. } = self;
        let same = repeated - changed;
        let mut remarks = Vec::new();
        if same > 0 {
            remarks.push(format!("{same} rows say the same of a product again"));
        }
        if *changed > 0 {
            remarks
                .push(format!("{changed} rows say something else of a product than the rows before; the last counts"));
        }
        remarks
    }

    /// The products in order of first appearance, with declared types of attributes.
    ///
    /// # Errors
    /// A value of another file that is not of its attribute's type.
    pub(super) fn into_catalog(self, types: BTreeMap<String, AttributeType>) -> Result<Catalog, String> {
        let mut catalog = Catalog::new(self.catalog).map_err(|(_, problem)| problem)?;
        catalog.declare(types).map_err(|(index, problem)| {
            let handle = catalog.products().get(index).map_or("", |product| &product.handle);
            format!("declares types that do not fit all files: product `{handle}`: {problem}")
        })?;
        Ok(with_lists(catalog))
    }
}

/// Takes over what a later row says; what it does not say stays.
fn join(known: &mut Product, later: Product) {
    let Product { handle, gid, title, category, available, attributes } = later;
    if gid != gid_of_handle(&handle) {
        known.gid = gid;
    }
    if title != handle {
        known.title = title;
    }
    if category != UNCATEGORISED {
        known.category = category;
    }
    known.available = available;
    known.attributes.extend(&attributes);
}
