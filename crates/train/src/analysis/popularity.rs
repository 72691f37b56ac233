//! Popularity bias: what a model recommends enters, the share of its recommendations that each band of popularity gets
//! leaves, beside the share of what shoppers went on to view.

use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::Vocabulary;

use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::evaluation::RankedGroup;

/// Bands of equally many items, as far as there are items.
const BANDS: usize = 10;

/// Items of similar popularity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopularityBand {
    /// Items in the band; the first band is the most popular one.
    pub items: usize,
    /// Share of all recommendations (ten for each history).
    pub recommended: f64,
    /// Share of the positives.
    pub viewed: f64,
    /// Share of the band's items that were recommended at all.
    pub coverage: f64,
}

/// The bands, most popular first. A vocabulary stands in order of falling frequency, and candidates stand in its order.
pub(super) fn bands(
    ranked: &[RankedGroup],
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    vocabulary: &Vocabulary,
) -> Vec<PopularityBand> {
    let mut recommended = vec![0_usize; candidates.len()];
    for index in ranked.iter().flat_map(|group| &group.recommended) {
        if let Some(count) = recommended.get_mut(*index) {
            *count += 1;
        }
    }
    let mut viewed = vec![0_usize; vocabulary.item_rows()];
    for positive in groups.iter().filter_map(|group| group.candidates.first()) {
        if let Some(count) = viewed.get_mut(positive.item as usize) {
            *count += 1;
        }
    }
    let all_recommended = recommended.iter().sum::<usize>().max(1) as f64;
    let size = candidates.len().div_ceil(BANDS).max(1);
    let band = |(candidates, counts): (&[Candidate], &[usize])| PopularityBand {
        items: candidates.len(),
        recommended: counts.iter().sum::<usize>() as f64 / all_recommended,
        viewed: candidates.iter().filter_map(|candidate| viewed.get(candidate.item as usize)).sum::<usize>() as f64
            / groups.len().max(1) as f64,
        coverage: counts.iter().filter(|count| **count > 0).count() as f64 / candidates.len() as f64,
    };
    candidates.chunks(size).zip(recommended.chunks(size)).map(band).collect()
}
