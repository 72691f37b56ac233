//! What lists hold beyond hits: recommended items enter; how new, how evenly spread and how varied they are leaves.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::Vocabulary;

use crate::evaluation::RankedGroup;

/// Figures of the lists of the first ten.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Lists {
    /// Mean of -log2 of the share of training interactions that a recommended item has: the higher, the less known.
    pub novelty: f64,
    /// Gini coefficient of how often each item is recommended: 0 for all alike, 1 for one item alone.
    pub gini: f64,
    /// Distinct categories of a list over its length, on average.
    pub variety: f64,
}

impl Lists {
    pub(super) fn of(ranked: &[RankedGroup], vocabulary: &Vocabulary) -> Self {
        let items = vocabulary.items();
        let total = items.iter().map(|item| item.interactions).sum::<u64>().max(1) as f64;
        let mut times = vec![0_u64; items.len()];
        let (mut surprise, mut recommended, mut variety) = (0.0, 0_usize, 0.0);
        for group in ranked {
            let mut categories = HashSet::new();
            for index in &group.recommended {
                let Some((item, times)) = items.get(*index).zip(times.get_mut(*index)) else { continue };
                // An item without a count is as surprising as one that was seen once.
                surprise -= (item.interactions.max(1) as f64 / total).log2();
                recommended += 1;
                *times += 1;
                categories.insert(item.features.first());
            }
            variety += categories.len() as f64 / group.recommended.len().max(1) as f64;
        }
        Self {
            novelty: surprise / recommended.max(1) as f64,
            gini: gini(times),
            variety: variety / ranked.len().max(1) as f64,
        }
    }
}

/// Of counts in any order.
fn gini(mut counts: Vec<u64>) -> f64 {
    counts.sort_unstable();
    let number = counts.len() as f64;
    let total = counts.iter().sum::<u64>() as f64;
    let weighted: f64 = (1_u32..).zip(&counts).map(|(rank, count)| f64::from(rank) * *count as f64).sum();
    if total == 0.0 { 0.0 } else { (2.0 * weighted) / (number * total) - (number + 1.0) / number }
}

#[cfg(test)]
mod tests {
    use slirec_core::vocabulary::{Feature, Item};

    use super::*;

    #[test]
    fn figures_follow_their_formulas() {
        assert!(gini(vec![3, 3, 3, 3]).abs() < 1e-12);
        assert!((gini(vec![0, 0, 8, 0]) - 0.75).abs() < 1e-12);
        let features = vec![Feature::new("category", vec!["a".into(), "b".into()])];
        let item = |handle: &str, interactions, category| Item {
            handle: handle.into(),
            interactions,
            features: vec![category],
        };
        let items = vec![item("x", 4, 1), item("y", 2, 1), item("z", 2, 2)];
        let vocabulary = Vocabulary::new(features, items).unwrap();
        let list =
            |recommended: &[usize]| RankedGroup { rank: 1.0, recommended: recommended.to_vec(), scores: Vec::new() };
        let lists = Lists::of(&[list(&[0, 1]), list(&[0, 2])], &vocabulary);
        assert_eq!((lists.novelty, lists.variety), (1.5, 0.75));
    }
}
