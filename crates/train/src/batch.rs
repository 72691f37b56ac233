//! Batches: encoded histories and candidates enter, columns leave that the network takes.
//!
//! A position and a candidate are the number of a *target*, an item with distinct features: everything that depends on a
//! target alone is looked up and computed once.

use std::collections::HashMap;

use slirec_core::history::EncodedHistory;
use slirec_kernels::histories::Histories;

use crate::dataset::evaluation::Candidate;
use crate::hyperparameters::{GateTime, ModelHyperparameters};

/// Number of the target that stands in empty slots: the default item and category.
pub const PADDING: u32 = 0;

/// Histories with equally many candidates each; the shape's names are those of `docs/MODEL.md`.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Slots of a history, L; a shorter history leaves its last slots empty.
    pub slots: usize,
    /// Candidates of a history, C.
    pub candidates: usize,
    /// Item ids of the distinct targets, `[V]`; the first is the [`PADDING`].
    pub target_items: Vec<u32>,
    /// Item features, F.
    pub features: usize,
    gate_time: GateTime,
    /// Feature ids of the distinct targets, `[V, F]`.
    pub target_features: Vec<u32>,
    /// Used positions of each history, `[B]`, each at least 1.
    pub lengths: Vec<u32>,
    /// Targets at the used positions, one history behind the other, `[positions]`.
    pub history_targets: Vec<u32>,
    /// `[positions]`
    pub time_from_first: Vec<f32>,
    /// `[positions]`
    pub time_to_now: Vec<f32>,
    /// What the mixing gate reads, `[B]`.
    pub gate_times: Vec<f32>,
    /// Targets of the candidates, `[B * C]`.
    pub candidate_targets: Vec<u32>,
    /// Numbers of the targets by item id and feature ids.
    numbers: HashMap<Vec<u32>, u32>,
    /// The target that is being looked up; kept so that a lookup needs no memory.
    key: Vec<u32>,
}

impl Batch {
    /// An empty batch for a model of these sizes, with so many candidates for each history.
    pub fn new(sizes: &ModelHyperparameters, candidates: usize) -> Self {
        let mut batch = Self {
            slots: sizes.longest_history,
            candidates,
            gate_time: sizes.gate_time,
            target_items: Vec::new(),
            features: sizes.features.len(),
            target_features: Vec::new(),
            lengths: Vec::new(),
            history_targets: Vec::new(),
            time_from_first: Vec::new(),
            time_to_now: Vec::new(),
            gate_times: Vec::new(),
            candidate_targets: Vec::new(),
            numbers: HashMap::new(),
            key: Vec::new(),
        };
        batch.target(0, &[]);
        batch
    }

    /// Adds a history; its candidates follow by [`Batch::push_candidate`].
    pub fn push_history(&mut self, history: &EncodedHistory) {
        for (position, item) in history.item_ids.iter().take(self.slots).enumerate() {
            let row = position * self.features..(position + 1) * self.features;
            let target = self.target(*item, history.feature_ids.get(row).unwrap_or_default());
            self.history_targets.push(target);
        }
        self.time_from_first.extend(history.time_from_first.iter().take(self.slots));
        self.time_to_now.extend(history.time_to_now.iter().take(self.slots));
        // At most `slots` positions, which a hyperparameter bounds far below 2^32.
        self.lengths.push(history.len().min(self.slots) as u32);
        self.gate_times.push(match self.gate_time {
            GateTime::LastSlot => history.last_slot_time_to_now,
            GateTime::LastView => history.time_to_now.last().copied().unwrap_or_default(),
        });
    }

    /// Adds a candidate of the last history.
    pub fn push_candidate(&mut self, candidate: &Candidate) {
        let target = self.target(candidate.item, &candidate.features);
        self.candidate_targets.push(target);
    }

    /// Number of histories, B.
    pub fn groups(&self) -> usize {
        self.lengths.len()
    }

    /// The histories as the kernels take them.
    pub fn histories(&self) -> Histories<'_> {
        Histories { slots: self.slots, lengths: &self.lengths }
    }

    /// The number of a target, which is a new one if it has not come before.
    fn target(&mut self, item: u32, features: &[u32]) -> u32 {
        self.key.clear();
        self.key.push(item);
        self.key.extend(features.iter().take(self.features));
        self.key.resize(1 + self.features, 0);
        if let Some(number) = self.numbers.get(&self.key) {
            return *number;
        }
        // Fewer than 2^32 targets: a batch holds fewer positions and candidates.
        let number = self.target_items.len() as u32;
        self.target_items.push(item);
        self.target_features.extend(self.key.iter().skip(1));
        self.numbers.insert(self.key.clone(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(items: &[u32]) -> EncodedHistory {
        let times: Vec<f32> = items.iter().map(|item| *item as f32).collect();
        EncodedHistory {
            item_ids: items.to_vec(),
            feature_ids: items.iter().map(|item| item % 2).collect(),
            time_from_first: times.clone(),
            time_to_now: times,
            last_slot_time_to_now: 0.0,
            gaps: vec![0; items.len()],
            age: 0,
            user_ids: Vec::new(),
        }
    }

    #[test]
    fn equal_targets_share_a_number_and_other_categories_of_an_item_do_not() {
        let sizes = ModelHyperparameters { longest_history: 4, ..ModelHyperparameters::default() };
        let mut batch = Batch::new(&sizes, 2);
        batch.push_history(&history(&[5, 8, 5]));
        batch.push_candidate(&Candidate { item: 8, features: vec![0] });
        batch.push_candidate(&Candidate { item: 8, features: vec![1] });
        assert_eq!(batch.history_targets, [1, 2, 1]);
        assert_eq!(batch.candidate_targets, [2, 3]);
        assert_eq!(batch.target_items, [0, 5, 8, 8]);
        assert_eq!(batch.target_features, [0, 1, 0, 1]);
        assert_eq!(batch.lengths, [3]);
    }
}
