//! The page of an answer: a ranking and what the request says of its arrangement enter, products in their final order leave.

use std::collections::HashMap;

use slirec_core::arrangement::{Arrangement, NO_GROUP};
use slirec_core::catalog::Catalog;

use crate::diversity::{Diversified, Similarity};
use crate::order::Ranked;
use crate::request::{RecommendationRequest, ScoredProduct, Selection};

/// Products that variety chooses from: the best ones. Behind them products stand in their order.
const POOL: usize = 400;

/// How many candidates must be known for so many products at the beginning of an answer.
pub(crate) fn reach(arrangement: &Arrangement, answered: usize) -> usize {
    let reach = answered.saturating_add(arrangement.pins.len());
    if arrangement.diversity > 0.0 { reach.max(POOL) } else { reach }
}

/// Puts one answer together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) request: &'a RecommendationRequest,
    /// Products at positions that may be answered, in the order of the positions, with their scores.
    pub(crate) pinned: &'a [(usize, ScoredProduct)],
}

impl<'a> Page<'a> {
    /// The part of a ranking that the request asks for; what may not be answered must have been left out before. Variety
    /// asks for the rows of products.
    pub(crate) fn products(
        self,
        ranking: impl Iterator<Item = Ranked> + 'a,
        rows: impl FnOnce(&[Ranked]) -> (Vec<f32>, usize) + 'a,
    ) -> Vec<ScoredProduct> {
        let Selection { offset, min_score, .. } = self.request.selection;
        let arrangement = &self.request.arrangement;
        let ranking = ranking
            .filter(move |ranked| min_score.is_none_or(|least| ranked.score >= least))
            .filter(|ranked| !arrangement.is_pinned(ranked.product));
        let varied: Box<dyn Iterator<Item = Ranked> + 'a> = match arrangement.diversity > 0.0 {
            true => Box::new(self.varied(ranking, rows)),
            false => Box::new(ranking),
        };
        let mut caps = Caps::new(self.catalog, self.request);
        let capped = varied.filter(move |ranked| caps.admit(ranked.product));
        let scored = capped.map(|Ranked { product, score, .. }| ScoredProduct { product, score });
        let page = with_pins(scored, self.pinned.iter().copied()).skip(offset).take(self.request.limit);
        // How many pass is not known before; nearly always it is the whole page.
        let mut products = Vec::with_capacity(self.request.limit.min(self.catalog.products().len()));
        products.extend(page);
        products
    }

    /// The best products that are not buried, chosen for variety, and then all others.
    fn varied(
        self,
        mut ranking: impl Iterator<Item = Ranked> + 'a,
        rows: impl FnOnce(&[Ranked]) -> (Vec<f32>, usize),
    ) -> impl Iterator<Item = Ranked> + 'a {
        let arrangement = &self.request.arrangement;
        let mut pool = Vec::new();
        let mut next = None;
        while pool.len() < POOL {
            next = ranking.next();
            match next.take_if(|ranked| !arrangement.is_buried(ranked.product)) {
                Some(ranked) => pool.push(ranked),
                // The buried ones stand behind all others: no more of these come.
                None => break,
            }
        }
        let (vectors, width) = rows(&pool);
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut number = |ranked: &Ranked| {
            let category = self.catalog.products().get(ranked.product).map_or("", |product| product.category.as_str());
            let next = numbers.len();
            *numbers.entry(category).or_insert(next)
        };
        let categories = pool.iter().map(&mut number).collect();
        let similarity = Similarity::new(vectors, width, categories);
        Diversified::new(pool, arrangement.diversity, similarity).chain(next).chain(ranking)
    }
}

/// How many products of each group an answer has so far.
struct Caps<'a> {
    catalog: &'a Catalog,
    per_category: Option<usize>,
    categories: HashMap<&'a str, usize>,
    arrangement: &'a Arrangement,
    groups: Vec<HashMap<u32, usize>>,
}

impl<'a> Caps<'a> {
    fn new(catalog: &'a Catalog, request: &'a RecommendationRequest) -> Self {
        let arrangement = &request.arrangement;
        Self {
            catalog,
            per_category: request.selection.per_category,
            categories: HashMap::new(),
            arrangement,
            groups: vec![HashMap::new(); arrangement.caps.len()],
        }
    }

    /// Counts a product, unless a group of its is full.
    fn admit(&mut self, product: usize) -> bool {
        let category = match self.per_category {
            None => None,
            Some(most) => {
                let Some(product) = self.catalog.products().get(product) else { return false };
                let category = product.category.as_str();
                if self.categories.get(category).is_some_and(|count| *count >= most) {
                    return false;
                }
                Some(category)
            }
        };
        let caps = self.arrangement.caps.iter().zip(&mut self.groups);
        let mut counted = Vec::with_capacity(self.arrangement.caps.len());
        for (cap, counts) in caps {
            let group = cap.groups.get(product).copied().filter(|group| *group != NO_GROUP);
            let Some(count) = group.map(|group| counts.entry(group).or_default()) else { continue };
            if *count >= cap.most {
                return false;
            }
            counted.push(count);
        }
        // Only once all of them have room for it.
        counted.into_iter().for_each(|count| *count += 1);
        if let Some(category) = category {
            *self.categories.entry(category).or_default() += 1;
        }
        true
    }
}

/// A ranking with products at positions, each in the place that it has from 0, or behind the last one.
fn with_pins(
    ranking: impl Iterator<Item = ScoredProduct>,
    pinned: impl Iterator<Item = (usize, ScoredProduct)>,
) -> impl Iterator<Item = ScoredProduct> {
    let (mut ranking, mut pinned) = (ranking.fuse(), pinned.peekable());
    let mut place = 0;
    std::iter::from_fn(move || {
        let pin = pinned.next_if(|(position, _)| *position <= place);
        let next = pin.map(|(_, product)| product).or_else(|| ranking.next());
        place += 1;
        next.or_else(|| pinned.next().map(|(_, product)| product))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_stand_at_their_positions_or_behind_the_last_product() {
        let product = |product| ScoredProduct { product, score: 0.5 };
        let order = |count: usize, pins: &[(usize, usize)]| -> Vec<usize> {
            let pinned = pins.iter().map(|(position, pin)| (*position, product(*pin)));
            with_pins((0..count).map(product), pinned).map(|scored| scored.product).collect()
        };
        assert_eq!(order(4, &[(0, 90), (2, 91)]), [90, 0, 91, 1, 2, 3]);
        assert_eq!(order(2, &[(1, 90), (50, 91), (60, 92)]), [0, 90, 1, 91, 92]);
        assert_eq!(order(0, &[(7, 90)]), [90]);
    }
}
