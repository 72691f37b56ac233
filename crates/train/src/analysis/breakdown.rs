//! Metrics of slices: ranked groups enter, metrics of repeats and explorations, by history length, by category and by what
//! is known of the shopper leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use super::comparison::{Bootstrap, Interval};
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::{RankedGroup, ranking_metrics};
use crate::metrics::gain_at_10;

/// Lengths of whole histories from which on a slice begins.
const LENGTHS: [usize; 6] = [1, 3, 6, 11, 26, 51];

/// Values of an attribute of shoppers that are shown.
const MOST_VALUES: usize = 20;

/// Metrics of some of the groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What the groups have in common.
    pub name: String,
    /// How many they are.
    pub groups: usize,
    /// Hit rate at 10 of the model over all items.
    pub hit_rate_10: f64,
    /// NDCG@10 of the model over all items.
    pub ndcg_10: f64,
    /// Where that lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// NDCG@10 of the baseline that is best on all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_ndcg_10: Option<f64>,
}

/// One slice of groups that are ranked.
pub(super) fn slice<'a>(
    name: String,
    groups: impl Iterator<Item = &'a EvaluationGroup>,
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
) -> Slice {
    let ranking = ranking_metrics(model, 0);
    let gains: Vec<f64> = model.iter().map(|group| gain_at_10(group.rank)).collect();
    Slice {
        name,
        groups: model.len(),
        hit_rate_10: ranking.hit_rate_10,
        ndcg_10: ranking.ndcg_10,
        interval: Some(Bootstrap::of(groups).interval(&gains)),
        baseline_ndcg_10: baseline.map(|ranked| ranking_metrics(ranked, 0).ndcg_10),
    }
}

/// Repeats and explorations.
pub(super) fn by_kind(
    groups: &[EvaluationGroup],
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
) -> Vec<Slice> {
    let explores = |group: &EvaluationGroup| !group.seen() || !group.history_items.contains(&group.target());
    let name = |explores: bool| if explores { "explorations" } else { "repeats" };
    slices(groups, model, baseline, explores).into_iter().map(|(key, members)| members.named(name(key))).collect()
}

/// By length of the whole history, shortest first; empty slices are left out.
pub(super) fn by_history_length(
    groups: &[EvaluationGroup],
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
) -> Vec<Slice> {
    let position = |group: &EvaluationGroup| LENGTHS.partition_point(|from| *from <= group.history_length());
    let name = |position: usize| {
        let from = position.checked_sub(1).and_then(|position| LENGTHS.get(position)).copied().unwrap_or_default();
        match LENGTHS.get(position) {
            Some(next) => format!("{from} to {}", next - 1),
            None => format!("{from} and more"),
        }
    };
    slices(groups, model, baseline, position).into_iter().map(|(key, members)| members.named(&name(key))).collect()
}

/// By category of the positive, the most frequent first.
pub(super) fn by_category(
    groups: &[EvaluationGroup],
    vocabulary: &Vocabulary,
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
) -> Vec<Slice> {
    let values = vocabulary.features().first().map(|feature| feature.values.as_slice()).unwrap_or_default();
    let category = |group: &EvaluationGroup| {
        let id = group.candidates.first().and_then(|positive| positive.features.first()).copied().unwrap_or_default();
        let value = (id as usize).checked_sub(1).and_then(|index| values.get(index));
        value.map_or_else(|| "(unknown)".to_owned(), Clone::clone)
    };
    let slices = slices(groups, model, baseline, category);
    let mut slices: Vec<Slice> = slices.into_iter().map(|(name, members)| members.named(&name)).collect();
    slices.sort_by(|one, other| other.groups.cmp(&one.groups).then_with(|| one.name.cmp(&other.name)));
    slices
}

/// By the values of each attribute of shoppers, those of most rows first; nothing without attributes.
pub(super) fn by_user(
    groups: &[EvaluationGroup],
    vocabulary: &Vocabulary,
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
) -> Vec<Slice> {
    let mut all = Vec::new();
    for (place, feature) in vocabulary.user_features().iter().enumerate() {
        let id = |group: &EvaluationGroup| group.history.user_ids.get(place).copied().unwrap_or_default();
        // What a part of a list lacks another part may have.
        let is_shown = |(id, _): &(u32, Members<'_>)| feature.list.is_none() || *id != DEFAULT_ID;
        let slices = slices(groups, model, baseline, id).into_iter().filter(is_shown);
        let named = |(id, members): (u32, Members<'_>)| {
            members.named(&format!("{}: {}", feature.attribute(), feature.label(id)))
        };
        let mut slices: Vec<Slice> = slices.map(named).collect();
        slices.sort_by_key(|slice| std::cmp::Reverse(slice.groups));
        slices.truncate(MOST_VALUES);
        all.extend(slices);
    }
    all
}

/// Answers to the groups of one slice.
#[derive(Default)]
struct Members<'a> {
    groups: Vec<&'a EvaluationGroup>,
    model: Vec<RankedGroup>,
    baseline: Option<Vec<RankedGroup>>,
}

impl Members<'_> {
    fn named(&self, name: &str) -> Slice {
        slice(name.to_owned(), self.groups.iter().copied(), &self.model, self.baseline.as_deref())
    }
}

fn slices<'a, K: Ord>(
    groups: &'a [EvaluationGroup],
    model: &[RankedGroup],
    baseline: Option<&[RankedGroup]>,
    key: impl Fn(&EvaluationGroup) -> K,
) -> BTreeMap<K, Members<'a>> {
    let mut slices: BTreeMap<K, Members<'a>> = BTreeMap::new();
    for (number, (group, ranked)) in groups.iter().zip(model).enumerate() {
        let members = slices.entry(key(group)).or_default();
        members.groups.push(group);
        members.model.push(ranked.clone());
        if let Some(ranked) = baseline.and_then(|baseline| baseline.get(number)) {
            members.baseline.get_or_insert_default().push(ranked.clone());
        }
    }
    slices
}
