//! The counts of a bundle by the products of its catalogue: what is known without scoring beside popularity. A bundle
//! without counts has none of them.

use std::collections::HashMap;

use slirec_core::activity::again::usual_interval;
use slirec_core::activity::{Activity, Repeats, Window, confidence};
use slirec_core::catalog::Catalog;
use slirec_core::event::Event;
use slirec_core::vocabulary::Vocabulary;

use crate::request::ScoredProduct;

/// A product that stands in the same baskets as another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beside {
    /// Index of the product in the catalogue.
    pub(crate) product: usize,
    /// Baskets with both.
    pub(crate) support: u32,
    /// Their share of the other one's baskets.
    pub(crate) confidence: f32,
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Counts {
    /// What baskets hold.
    pub(crate) baskets_of: Event,
    /// By the ids of the vocabulary.
    together: HashMap<u32, Vec<Beside>>,
    /// Candidates by falling demand in each window, with their share of the greatest one.
    demand: [Vec<ScoredProduct>; 4],
    repeats: HashMap<u32, Repeats>,
    /// Seconds between two purchases of a product of which nothing is known.
    pub(crate) usual: f64,
}

impl Counts {
    /// Of a bundle; `candidates` may be answered.
    pub(crate) fn new(
        activity: Option<&Activity>,
        catalog: &Catalog,
        vocabulary: &Vocabulary,
        candidates: &[usize],
    ) -> Self {
        let products = activity.map(|activity| activity.products.as_slice()).unwrap_or_default();
        let place = |id: u32| catalog.position(&vocabulary.item(id)?.handle);
        let together = products.iter().filter(|product| !product.together.is_empty()).map(|product| {
            let beside = product.together.iter().filter_map(|(other, support)| {
                Some(Beside {
                    product: place(*other)?,
                    support: *support,
                    confidence: confidence(*support, product.baskets) as f32,
                })
            });
            (product.id, beside.collect())
        });
        let demand = Window::ALL.map(|window| {
            let demand = products.iter().filter_map(|product| {
                let demand = of_window(&product.demand, window).copied().filter(|demand| *demand > 0.0)?;
                Some((place(product.id).filter(|place| candidates.binary_search(place).is_ok())?, demand))
            });
            by_demand(demand.collect())
        });
        Self {
            baskets_of: activity.map(|activity| activity.baskets_of).unwrap_or_default(),
            together: together.collect(),
            demand,
            repeats: products.iter().filter_map(|product| Some((product.id, product.again?))).collect(),
            usual: usual_interval(activity),
        }
    }

    /// What stands in the same baskets as an item.
    pub(crate) fn together(&self, item: u32) -> &[Beside] {
        self.together.get(&item).map(Vec::as_slice).unwrap_or_default()
    }

    /// Candidates by falling demand.
    pub(crate) fn demand(&self, window: Window) -> &[ScoredProduct] {
        of_window(&self.demand, window).map(Vec::as_slice).unwrap_or_default()
    }

    /// How an item is bought again.
    pub(crate) fn repeats(&self, item: u32) -> Option<&Repeats> {
        self.repeats.get(&item)
    }
}

/// What stands at the place of a window, in the order of [`Window::ALL`].
fn of_window<T>(values: &[T; 4], window: Window) -> Option<&T> {
    Window::ALL.iter().position(|known| *known == window).and_then(|place| values.get(place))
}

fn by_demand(mut demand: Vec<(usize, f64)>) -> Vec<ScoredProduct> {
    demand.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    let most = demand.first().map_or(1.0, |(_, most)| *most);
    demand.into_iter().map(|(product, demand)| ScoredProduct { product, score: (demand / most) as f32 }).collect()
}
