//! Batches: encoded histories and candidates enter, padded columns leave that a network takes as tensors.

use slirec_core::history::EncodedHistory;

use crate::dataset::evaluation::Candidate;

/// Histories with equally many candidates each; the shape's names are those of `docs/MODEL.md`.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Histories, B.
    pub groups: usize,
    /// Slots of a history, L; a shorter history leaves its last slots empty.
    pub slots: usize,
    /// Candidates of a history, C.
    pub candidates: usize,
    /// Item features, F.
    pub features: usize,
    /// Item ids of the histories, `[B, L]`; 0 in empty slots, as all that follows.
    pub history_items: Vec<u32>,
    /// Feature ids, `[B, L, F]`.
    pub history_features: Vec<u32>,
    /// `[B, L]`
    pub time_from_first: Vec<f32>,
    /// `[B, L]`
    pub time_to_now: Vec<f32>,
    /// Used slots, `[B]`, each at least 1.
    pub lengths: Vec<u32>,
    /// What the mixing gate reads, `[B]`.
    pub last_slot_time_to_now: Vec<f32>,
    /// Item ids of the candidates, `[B, C]`.
    pub candidate_items: Vec<u32>,
    /// Feature ids, `[B, C, F]`.
    pub candidate_features: Vec<u32>,
}

impl Batch {
    /// An empty batch for histories of up to `slots` positions with `candidates` candidates each, of items with so many
    /// `features`.
    pub fn new(slots: usize, candidates: usize, features: usize) -> Self {
        Self { slots, candidates, features, ..Self::default() }
    }

    /// Adds a history; its candidates follow by [`Batch::push_candidate`].
    pub fn push_history(&mut self, history: &EncodedHistory) {
        self.groups += 1;
        let filled = self.groups * self.slots;
        self.history_items.extend(history.item_ids.iter().take(self.slots));
        self.history_features.extend(history.feature_ids.iter().take(self.slots * self.features));
        self.time_from_first.extend(history.time_from_first.iter().take(self.slots));
        self.time_to_now.extend(history.time_to_now.iter().take(self.slots));
        self.history_items.resize(filled, 0);
        self.history_features.resize(filled * self.features, 0);
        self.time_from_first.resize(filled, 0.0);
        self.time_to_now.resize(filled, 0.0);
        // At most `slots` positions, which a hyperparameter bounds far below 2^32.
        self.lengths.push(history.len().min(self.slots) as u32);
        self.last_slot_time_to_now.push(history.last_slot_time_to_now);
    }

    /// Adds a candidate of the last history.
    pub fn push_candidate(&mut self, candidate: &Candidate) {
        self.candidate_items.push(candidate.item);
        let filled = self.candidate_items.len() * self.features;
        self.candidate_features.extend(candidate.features.iter().take(self.features));
        self.candidate_features.resize(filled, 0);
    }
}
