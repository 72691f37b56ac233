//! The order of an answer's products: an arrangement and scores enter, the keys by which products are put in order leave.

use std::ops::Range;
use std::sync::Arc;

use slirec_core::arrangement::Arrangement;
use slirec_core::product_set::ProductSet;

/// A product in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) product: usize,
    pub(crate) score: f32,
    /// What decides the order, falling.
    pub(crate) key: f32,
}

/// Which candidates take part, and what decides among them beside their scores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakingPart<'a> {
    pub(crate) passing: Option<&'a ProductSet>,
    pub(crate) order: Option<&'a Order>,
    pub(crate) ties: &'a [u32],
}

impl TakingPart<'_> {
    pub(crate) fn contains(self, row: usize) -> bool {
        self.passing.is_none_or(|passing| passing.contains(row))
    }

    /// What decides the place of a candidate with this score.
    pub(crate) fn key(self, row: usize, score: f32) -> f32 {
        self.order.map_or(score, |order| order.key(row, score))
    }

    /// As [`Order::raises`]; nothing where scores decide the order.
    pub(crate) fn raises(self, first: usize, temperature: f32, raises: &mut [f32]) {
        if let Some(order) = self.order {
            order.raises(first, temperature, raises);
        }
    }

    /// Whether a candidate stands behind all that are not buried.
    pub(crate) fn is_buried(self, row: usize) -> bool {
        self.order.is_some_and(|order| order.is_buried(row))
    }

    /// Which of equal keys goes first: the least.
    pub(crate) fn tie(self, row: usize) -> u32 {
        self.ties.get(row).copied().unwrap_or(u32::MAX)
    }
}

/// The keys of candidates, by their rows.
#[derive(Debug)]
pub(crate) struct Order {
    arrangement: Arrangement,
    /// The product of each row, in rising order.
    candidates: Arc<[usize]>,
}

impl Order {
    /// Of an arrangement that puts products into another order than that of their scores; none of others.
    pub(crate) fn new(arrangement: &Arrangement, candidates: &Arc<[usize]>) -> Option<Self> {
        let order = || Self { arrangement: arrangement.clone(), candidates: Arc::clone(candidates) };
        arrangement.reorders().then(order)
    }

    /// Replaces `raises` by how much the factors of the candidates from `first` on raise their logits, where a score is e to
    /// the power of a logit times `temperature`; the lowest number for a factor of 0.
    fn raises(&self, first: usize, temperature: f32, raises: &mut [f32]) {
        let products = self.candidates.get(first..).unwrap_or_default();
        match &self.arrangement.factors {
            Some(factors) => {
                let inverse = 1.0 / temperature;
                let raised = |logarithm: f32| (logarithm * inverse).max(f32::MIN);
                match neighbours(products, raises.len()).and_then(|range| factors.logarithms_of(range)) {
                    Some(logarithms) => {
                        raises.iter_mut().zip(logarithms).for_each(|(raise, logarithm)| *raise = raised(*logarithm));
                    }
                    None => {
                        let logarithms = products.iter().map(|product| factors.logarithm_of(*product));
                        raises.iter_mut().zip(logarithms).for_each(|(raise, logarithm)| *raise = raised(logarithm));
                    }
                }
            }
            None => raises.fill(0.0),
        }
    }

    fn is_buried(&self, row: usize) -> bool {
        self.candidates.get(row).is_some_and(|product| self.arrangement.is_buried(*product))
    }

    /// No candidate is raised by more.
    pub(crate) fn greatest_raise(&self, temperature: f32) -> f32 {
        self.arrangement.factors.as_ref().map_or(0.0, |factors| factors.greatest().ln() / temperature)
    }

    /// What decides the place of a candidate with this score.
    pub(crate) fn key(&self, row: usize, score: f32) -> f32 {
        self.candidates.get(row).map_or(score, |product| self.arrangement.key(*product, score))
    }
}

/// The first so many of products in rising order, where none between them is left out.
fn neighbours(products: &[usize], count: usize) -> Option<Range<usize>> {
    let (first, last) = (*products.first()?, *products.get(count.checked_sub(1)?)?);
    (last - first == count - 1).then_some(first..last + 1)
}
