//! Next baskets: a dataset enters; how much of each user's last basket the counts before it find leaves, for what the user
//! had bought before and for what is new apart, beside popularity and the user's own frequency.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use slirec_core::activity::again::Bought;
use slirec_core::activity::{Activity, ProductActivity, confidence};
use slirec_core::event::Event;
use slirec_core::vocabulary::DEFAULT_ID;

use crate::activity::{baskets_of_user, count_before, sold};
use crate::dataset::Dataset;

/// Products of a list.
const LISTED: usize = 10;

/// How well next baskets are found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextBaskets {
    /// What baskets hold.
    pub baskets_of: Event,
    /// Users with a basket before their last one.
    pub users: usize,
    /// Products of last baskets that training has not seen: they cannot be found and are left out.
    pub unseen: usize,
    /// What was bought before, what was not, and both.
    pub kinds: Vec<KindOfProducts>,
}

/// Some products of the last baskets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindOfProducts {
    /// `repeats`, `explorations` or `whole baskets`.
    pub name: &'static str,
    /// Users whose last basket has such products.
    pub users: usize,
    /// Mean share of them among ten products, by what lists these.
    pub recall_10: Vec<Recall>,
}

/// How much one kind of list finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recall {
    /// What lists the products.
    pub by: &'static str,
    /// Mean over the users.
    pub recall: f64,
}

/// Measures the last basket of every user, by counts of all baskets before the last ones.
pub fn measure(dataset: &Dataset) -> NextBaskets {
    let of = sold(dataset);
    let baskets: Vec<Vec<Vec<(f64, u32)>>> = dataset.users().map(|user| baskets_of_user(dataset, user, of)).collect();
    let moment = |baskets: &Vec<Vec<(f64, u32)>>| match baskets.as_slice() {
        [_, .., last] => last.first().map_or(f64::INFINITY, |(time, _)| *time),
        _ => f64::INFINITY,
    };
    let counts = Counts::new(count_before(dataset, |user| baskets.get(user).map_or(f64::INFINITY, moment)));
    let mut measured = NextBaskets { baskets_of: of, users: 0, unseen: 0, kinds: Vec::new() };
    let (mut repeats, mut explorations, mut whole) =
        (Found::new("repeats"), Found::new("explorations"), Found::new("whole baskets"));
    for baskets in &baskets {
        let [before @ .., cart, last] = baskets.as_slice() else { continue };
        measured.users += 1;
        let Some((now, _)) = last.first() else { continue };
        let bought = bought(before.iter().chain([cart]));
        measured.unseen += last.iter().filter(|(_, item)| *item == DEFAULT_ID).count();
        let next: HashSet<u32> = last.iter().map(|(_, item)| *item).filter(|item| *item != DEFAULT_ID).collect();
        let (again, new): (HashSet<u32>, HashSet<u32>) = next.iter().partition(|item| bought.contains_key(item));
        let (frequent, due) = (own_frequency(&bought), counts.due(&bought, *now));
        let is_new = |item: &u32| !bought.contains_key(item);
        let popular_again = counts.popular.iter().copied().filter(|item| !is_new(item));
        repeats.add(
            &again,
            [
                ("popularity", first(popular_again)),
                ("own frequency", first(frequent.iter().copied())),
                ("buy again", first(due.iter().copied())),
            ],
        );
        let cart: HashSet<u32> = cart.iter().map(|(_, item)| *item).collect();
        let beside = counts.together(&cart).into_iter().chain(counts.popular.iter().copied());
        explorations.add(
            &new,
            [
                ("popularity", first(counts.popular.iter().copied().filter(is_new))),
                ("bought together", first(beside.filter(is_new))),
            ],
        );
        whole.add(
            &next,
            [
                ("popularity", first(counts.popular.iter().copied())),
                ("own frequency", first(frequent.into_iter().chain(counts.popular.iter().copied()))),
                ("buy again", first(due.into_iter().chain(counts.popular.iter().copied()))),
            ],
        );
    }
    measured.kinds = [repeats, explorations, whole].map(Found::into_kind).into();
    measured
}

/// The first products of a list, each once.
fn first(list: impl Iterator<Item = u32>) -> HashSet<u32> {
    let mut listed = HashSet::new();
    for item in list {
        if listed.len() == LISTED {
            break;
        }
        listed.insert(item);
    }
    listed
}

/// A user's purchases of each item, one for each basket.
fn bought<'a>(baskets: impl Iterator<Item = &'a Vec<(f64, u32)>>) -> HashMap<u32, Bought> {
    let mut bought: HashMap<u32, Bought> = HashMap::new();
    for basket in baskets {
        let Some((time, _)) = basket.first() else { continue };
        let items: HashSet<u32> = basket.iter().map(|(_, item)| *item).filter(|item| *item != DEFAULT_ID).collect();
        for item in items {
            bought.entry(item).and_modify(|bought| bought.add(*time, 0.0)).or_insert(Bought::once(*time));
        }
    }
    bought
}

/// Items by falling number of purchases, of equal ones the one that was bought later.
fn own_frequency(bought: &HashMap<u32, Bought>) -> Vec<u32> {
    let mut items: Vec<(u32, &Bought)> = bought.iter().map(|(item, bought)| (*item, bought)).collect();
    items.sort_by(|(left, of_left), (right, of_right)| {
        let later = of_right.last.total_cmp(&of_left.last);
        of_right.count.cmp(&of_left.count).then(later).then(left.cmp(right))
    });
    items.into_iter().map(|(item, _)| item).collect()
}

/// Counts by item.
struct Counts {
    products: HashMap<u32, ProductActivity>,
    /// Items by falling number of baskets.
    popular: Vec<u32>,
    usual: f64,
}

impl Counts {
    fn new(activity: Activity) -> Self {
        let usual = activity.usual_interval();
        let mut popular: Vec<(u32, u32)> =
            activity.products.iter().map(|product| (product.baskets, product.id)).collect();
        popular.sort_by_key(|(baskets, item)| (Reverse(*baskets), *item));
        let products = activity.products.into_iter().map(|product| (product.id, product)).collect();
        Self { products, popular: popular.into_iter().map(|(_, item)| item).collect(), usual }
    }

    /// Items as `/v1/buy-again` orders them.
    fn due(&self, bought: &HashMap<u32, Bought>, now: f64) -> Vec<u32> {
        let due = bought.iter().map(|(item, bought)| {
            let repeats = self.products.get(item).and_then(|product| product.again.as_ref());
            (*item, bought.due(now, repeats, self.usual))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by(|(left, of_left), (right, of_right)| {
            let worth = of_right.worth.total_cmp(&of_left.worth);
            of_right.is_due.cmp(&of_left.is_due).then(worth).then(left.cmp(right))
        });
        due.into_iter().map(|(item, _)| item).collect()
    }

    /// Items as `/v1/complements` orders those of the same baskets as a cart.
    fn together(&self, cart: &HashSet<u32>) -> Vec<u32> {
        let mut sums: HashMap<u32, f64> = HashMap::new();
        let mut cart: Vec<u32> = cart.iter().copied().collect();
        // Sums of numbers depend on their order.
        cart.sort_unstable();
        for product in cart.iter().filter_map(|item| self.products.get(item)) {
            for (other, support) in &product.together {
                *sums.entry(*other).or_default() += confidence(*support, product.baskets);
            }
        }
        let mut items: Vec<(u32, f64)> = sums.into_iter().collect();
        items.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        items.into_iter().map(|(item, _)| item).collect()
    }
}

/// Sums of recalls.
struct Found {
    name: &'static str,
    users: usize,
    sums: Vec<(&'static str, f64)>,
}

impl Found {
    fn new(name: &'static str) -> Self {
        Self { name, users: 0, sums: Vec::new() }
    }

    /// Adds what lists find of a user's products.
    fn add<const LISTS: usize>(&mut self, wanted: &HashSet<u32>, lists: [(&'static str, HashSet<u32>); LISTS]) {
        if self.sums.is_empty() {
            self.sums.extend(lists.iter().map(|(by, _)| (*by, 0.0)));
        }
        if wanted.is_empty() {
            return;
        }
        self.users += 1;
        for ((_, sum), (_, list)) in self.sums.iter_mut().zip(&lists) {
            *sum += list.intersection(wanted).count() as f64 / wanted.len() as f64;
        }
    }

    fn into_kind(self) -> KindOfProducts {
        let users = self.users.max(1) as f64;
        let recall_10 = self.sums.into_iter().map(|(by, sum)| Recall { by, recall: sum / users });
        KindOfProducts { name: self.name, users: self.users, recall_10: recall_10.collect() }
    }
}
