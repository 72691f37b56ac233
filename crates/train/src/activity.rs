//! What shoppers did, counted of a dataset: its interactions enter, all of them, the counts that a bundle carries leave.
//!
//! A basket is what one user bought without a pause of more than [`BASKET_GAP`]; where the data has no purchases, views
//! stand in. Items that training has not seen have no id and no counts.

mod baskets;
mod repeats;

use std::ops::Range;

use slirec_core::activity::{Activity, BASKET_GAP, ProductActivity, Window};
use slirec_core::event::Event;
use slirec_core::vocabulary::DEFAULT_ID;

use crate::dataset::Dataset;
use baskets::Baskets;
use repeats::Purchases;

/// Counts everything.
pub fn count(dataset: &Dataset) -> Activity {
    count_before(dataset, |_| f64::INFINITY)
}

/// What baskets of a dataset hold: purchases, if it has any.
pub fn sold(dataset: &Dataset) -> Event {
    let purchased = dataset.manifest.events.is_some_and(|events| events.purchase > 0);
    if purchased { Event::Purchase } else { Event::View }
}

/// Counts what each user, by number, did before a moment.
pub(crate) fn count_before(dataset: &Dataset, moment: impl Fn(usize) -> f64) -> Activity {
    let baskets_of = sold(dataset);
    let mut end = 0.0_f64;
    let (mut baskets, mut purchases) = (Baskets::default(), Purchases::default());
    for (number, user) in dataset.users().enumerate() {
        let moment = moment(number);
        let times = dataset.times(user.clone()).iter().copied().filter(|time| *time < moment);
        end = times.fold(end, f64::max);
        let before = baskets_of_user(dataset, user, baskets_of).into_iter();
        for basket in before.filter(|basket| basket.first().is_some_and(|(time, _)| *time < moment)) {
            baskets.add(basket.iter().map(|(_, item)| *item));
            if baskets_of == Event::Purchase {
                purchases.add(&basket);
            }
        }
        purchases.end_user();
    }
    let ids = (0..).take(dataset.vocabulary.item_rows());
    let mut products: Vec<ProductActivity> = ids.map(|id| ProductActivity { id, ..Default::default() }).collect();
    baskets.count(&mut products);
    purchases.count(&mut products);
    for (number, user) in dataset.users().enumerate() {
        let moment = moment(number);
        let rows = dataset.times(user.clone()).iter().zip(dataset.items(user.clone())).zip(user);
        for ((time, item), row) in rows.filter(|((time, _), _)| **time < moment) {
            let Some(product) = products.get_mut(*item as usize) else { continue };
            for (window, demand) in Window::ALL.into_iter().zip(&mut product.demand) {
                *demand += f64::from(dataset.event(row).weight()) * window.share(end - time);
            }
        }
    }
    products.retain(|product| product.id != DEFAULT_ID && product.demand.iter().any(|demand| *demand > 0.0));
    // Digits beyond what counts mean would only make the file longer.
    products
        .iter_mut()
        .flat_map(|product| &mut product.demand)
        .for_each(|demand| *demand = (*demand * 1e3).round() / 1e3);
    Activity::new(end, baskets_of, BASKET_GAP, baskets.len(), products)
}

/// A user's baskets, in the order of their times.
pub(crate) fn baskets_of_user(dataset: &Dataset, user: Range<usize>, of: Event) -> Vec<Vec<(f64, u32)>> {
    let rows = dataset.times(user.clone()).iter().zip(dataset.items(user.clone())).zip(user);
    // Where nothing was bought, whatever was done stands in.
    let rows = rows.filter(|(_, row)| of == Event::View || dataset.event(*row) == of);
    let mut events: Vec<(f64, u32)> = rows.map(|((time, item), _)| (*time, *item)).collect();
    events.sort_by(|left, right| left.0.total_cmp(&right.0));
    in_baskets(events.into_iter())
}

/// Baskets of times and items that stand in the order of the times.
fn in_baskets(events: impl Iterator<Item = (f64, u32)>) -> Vec<Vec<(f64, u32)>> {
    let mut baskets: Vec<Vec<(f64, u32)>> = Vec::new();
    for (time, item) in events {
        match baskets.last_mut() {
            Some(basket) if basket.last().is_some_and(|(before, _)| time - before <= BASKET_GAP) => {
                basket.push((time, item));
            }
            _ => baskets.push(vec![(time, item)]),
        }
    }
    baskets
}
