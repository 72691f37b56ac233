//! Metrics of slices: groups and their scores enter, metrics by history length and by category leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::Vocabulary;

use super::Scored;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::{RankedGroup, ranking_metrics, sampled_metrics};

/// Lengths of whole histories from which on a slice begins.
const LENGTHS: [usize; 6] = [1, 3, 6, 11, 26, 51];

/// Metrics of some of the groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What the groups have in common.
    pub name: String,
    /// How many they are.
    pub groups: usize,
    /// Group AUC of the model.
    pub group_auc: f64,
    /// Hit rate at 10 of the model over all items.
    pub hit_rate_10: f64,
    /// NDCG@10 of the model over all items.
    pub ndcg_10: f64,
    /// NDCG@10 of last-item co-occurrence.
    pub co_occurrence_ndcg_10: f64,
}

/// By length of the whole history, shortest first; empty slices are left out.
pub(super) fn by_history_length(groups: &[EvaluationGroup], model: &Scored, counts: &Scored) -> Vec<Slice> {
    let position = |group: &EvaluationGroup| LENGTHS.partition_point(|from| *from <= group.history_length());
    let name = |position: &usize| {
        let from = position.checked_sub(1).and_then(|position| LENGTHS.get(position)).copied().unwrap_or_default();
        match LENGTHS.get(*position) {
            Some(next) => format!("{from} to {}", next - 1),
            None => format!("{from} and more"),
        }
    };
    slices(groups, model, counts, position).iter().map(|(key, slice)| slice.named(name(key))).collect()
}

/// By category of the positive, the most frequent first.
pub(super) fn by_category(
    groups: &[EvaluationGroup],
    vocabulary: &Vocabulary,
    model: &Scored,
    counts: &Scored,
) -> Vec<Slice> {
    let values = vocabulary.features().first().map(|feature| feature.values.as_slice()).unwrap_or_default();
    let category = |group: &EvaluationGroup| {
        let id = group.candidates.first().and_then(|positive| positive.features.first()).copied().unwrap_or_default();
        let value = (id as usize).checked_sub(1).and_then(|index| values.get(index));
        value.map_or_else(|| "(unknown)".to_owned(), Clone::clone)
    };
    let slices = slices(groups, model, counts, category);
    let mut slices: Vec<Slice> = slices.into_iter().map(|(name, slice)| slice.named(name)).collect();
    slices.sort_by(|one, other| other.groups.cmp(&one.groups).then_with(|| one.name.cmp(&other.name)));
    slices
}

/// Answers to the groups of one slice.
#[derive(Default)]
struct Members<'a> {
    scored: Vec<(&'a EvaluationGroup, &'a [f32])>,
    ranked: Vec<RankedGroup>,
    counted: Vec<RankedGroup>,
}

impl Members<'_> {
    fn named(&self, name: String) -> Slice {
        let ranking = ranking_metrics(&self.ranked, 0);
        Slice {
            name,
            groups: self.scored.len(),
            group_auc: sampled_metrics(self.scored.iter().copied(), true).group_auc,
            hit_rate_10: ranking.hit_rate_10,
            ndcg_10: ranking.ndcg_10,
            co_occurrence_ndcg_10: ranking_metrics(&self.counted, 0).ndcg_10,
        }
    }
}

fn slices<'a, K: Ord>(
    groups: &'a [EvaluationGroup],
    model: &'a Scored,
    counts: &Scored,
    key: impl Fn(&EvaluationGroup) -> K,
) -> BTreeMap<K, Members<'a>> {
    let mut slices: BTreeMap<K, Members<'a>> = BTreeMap::new();
    let answers = model.scores.iter().zip(&model.ranked).zip(&counts.ranked);
    for (group, ((scores, ranked), counted)) in groups.iter().zip(answers) {
        let members = slices.entry(key(group)).or_default();
        members.scored.push((group, scores));
        members.ranked.push(ranked.clone());
        members.counted.push(counted.clone());
    }
    slices
}
