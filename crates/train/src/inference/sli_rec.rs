//! The original's network at work, by the kernels that the service scores with.

use rayon::prelude::*;
use slirec_core::history::EncodedHistory;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};
use slirec_kernels::request::BLOCK;
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::{self, HistoryInputs, HistoryNetwork, PreparedHistory, UnknownId};
use slirec_kernels::request::scores::{self, Explained, Scoring};

use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::evaluation::{ScoreError, ScoreRequest, Scorer};
use crate::folded::{Dense, Matrix};
use crate::hyperparameters::GateTime;

mod assemble;

/// Candidates that a thread scores at once.
const CANDIDATES_AT_ONCE: usize = 16 * BLOCK;

/// A network without training.
#[derive(Debug)]
pub(crate) struct SliRecInference {
    set: InstructionSet,
    history: HistoryNetwork,
    scoring: Scoring,
    gate_time: GateTime,
    /// The candidates' shares of the first layers of attention, mixing and score.
    shares: [Dense; 3],
    /// Factors of the transitions to an item with its bias `[items, S + 1]`; of no column without transitions.
    transition: Matrix,
    /// The last candidates that stood alone in a call: full ranking asks for the same ones again and again.
    prepared: Option<(Vec<Candidate>, Candidates)>,
}

/// Memory of a thread, reused from history to history.
#[derive(Default)]
struct Memory {
    of_history: history::Scratch,
    of_block: scores::Scratch,
    history: PreparedHistory,
}

impl SliRecInference {
    /// Everything that depends on a history alone.
    fn encode(&self, encoded: &EncodedHistory, memory: &mut Memory) -> Result<(), UnknownId> {
        let gate_time = match self.gate_time {
            GateTime::LastSlot => encoded.last_slot_time_to_now,
            GateTime::LastView => encoded.time_to_now.last().copied().unwrap_or_default(),
        };
        let inputs = HistoryInputs {
            items: &encoded.item_ids,
            features: &encoded.feature_ids,
            time_to_now: &encoded.time_to_now,
            time_from_first: &encoded.time_from_first,
            gate_time,
        };
        self.history.encode(&inputs, &mut memory.of_history, &mut memory.history)
    }

    /// Everything that depends on candidates alone.
    fn prepare(&self, candidates: &[Candidate]) -> Result<Candidates, UnknownId> {
        let sizes = self.scoring.candidate_sizes(self.transition.columns);
        let mut queries = Vec::with_capacity(candidates.len() * sizes.query);
        let mut transitions = Vec::with_capacity(candidates.len() * sizes.transition);
        for candidate in candidates {
            self.history.embed(candidate.item, &candidate.features, &mut queries)?;
            let row = candidate.item as usize * sizes.transition;
            let row = self.transition.values.get(row..row + sizes.transition);
            transitions.extend_from_slice(row.ok_or(UnknownId(candidate.item))?);
        }
        let [attention, mixing, score] = self.shares.each_ref().map(|Dense { weight, bias }| {
            let mut shares = vec![0.0; candidates.len() * bias.len()];
            let left = Left::new(&queries, candidates.len(), sizes.query);
            multiply(self.set, left, Right::new(&weight.values, bias.len()), Start::Row(bias), &mut shares, bias.len());
            shares
        });
        let mut prepared = Candidates::zeros(sizes, candidates.len());
        prepared.set(0, [&queries, &attention, &mixing, &score, &transitions]);
        Ok(prepared)
    }

    fn scores(
        &self,
        encoded: &EncodedHistory,
        candidates: &Candidates,
        memory: &mut Memory,
    ) -> Result<Vec<f32>, UnknownId> {
        self.encode(encoded, memory)?;
        let mut scores = vec![0.0; candidates.len()];
        let Memory { of_block, history, .. } = memory;
        if scores.len() <= CANDIDATES_AT_ONCE {
            self.scoring.scores(history, candidates, 0..scores.len(), of_block, &mut scores);
        } else {
            let parts = scores.par_chunks_mut(CANDIDATES_AT_ONCE).enumerate();
            parts.for_each_init(scores::Scratch::default, |of_block, (part, scores)| {
                let start = part * CANDIDATES_AT_ONCE;
                self.scoring.scores(history, candidates, start..start + scores.len(), of_block, scores);
            });
        }
        Ok(scores)
    }

    /// Attention of each candidate to the positions of a history `[N, L]`, and its share of the long-term interest `[N]`;
    /// the history stays in the memory.
    fn explain(
        &self,
        encoded: &EncodedHistory,
        candidates: &Candidates,
        memory: &mut Memory,
    ) -> Result<[Vec<f32>; 2], UnknownId> {
        self.encode(encoded, memory)?;
        let mut attention = vec![0.0; candidates.len() * encoded.len()];
        let mut long_term_share = vec![0.0; candidates.len()];
        let explained = Explained { attention: &mut attention, long_term_share: &mut long_term_share };
        self.scoring.explain(&memory.history, candidates, &mut memory.of_block, explained);
        Ok([attention, long_term_share])
    }

    /// The candidate's attention to each position of a history, oldest first; sums to 1.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub(super) fn attention(&self, history: &EncodedHistory, candidate: &Candidate) -> Result<Vec<f32>, UnknownId> {
        let prepared = self.prepare(std::slice::from_ref(candidate))?;
        let [attention, _] = self.explain(history, &prepared, &mut Memory::default())?;
        Ok(attention)
    }

    /// What the parts of the network give for some groups, by the part's name.
    ///
    /// # Errors
    /// [`UnknownId`] for an id beyond the embedding tables.
    pub(super) fn activations(&self, groups: &[EvaluationGroup]) -> Result<Vec<(&'static str, Vec<f32>)>, UnknownId> {
        let mut memory = Memory::default();
        let [mut viewed, mut candidates, mut long_term, mut states, mut short_term, mut read] =
            [const { Vec::new() }; 6];
        for group in groups {
            let history = &group.history;
            let features = history.feature_ids.len() / history.len().max(1);
            for (position, item) in history.item_ids.iter().enumerate() {
                let ids = history.feature_ids.get(position * features..).unwrap_or_default();
                self.history.embed(*item, ids, &mut viewed)?;
            }
            let [attention, shares] = self.explain(history, &self.prepare(&group.candidates)?, &mut memory)?;
            let of_history = memory.history.states();
            let (target, length) = (self.history.target(), history.len());
            let mut attended = vec![0.0; group.candidates.len() * target];
            let left = Left::new(&attention, group.candidates.len(), length);
            multiply(self.set, left, Right::new(&of_history, target), Start::Zero, &mut attended, target);
            for ((candidate, short), share) in group.candidates.iter().zip(attended.chunks_exact(target)).zip(&shares) {
                let interests = memory.history.long_term().iter().zip(short);
                read.extend(interests.map(|(long, short)| short + share * (long - short)));
                self.history.embed(candidate.item, &candidate.features, &mut read)?;
                self.history.embed(candidate.item, &candidate.features, &mut candidates)?;
            }
            long_term.extend_from_slice(memory.history.long_term());
            states.extend(of_history);
            short_term.extend(attended);
        }
        Ok(vec![
            ("history_embeddings", viewed),
            ("candidate_embeddings", candidates),
            ("long_term_interests", long_term),
            ("lstm_states", states),
            ("short_term_interests", short_term),
            ("user_and_candidate", read),
        ])
    }
}

impl Scorer for SliRecInference {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        if let [request] = requests
            && self.prepared.as_ref().is_none_or(|(known, _)| known != request.candidates)
        {
            self.prepared = Some((request.candidates.to_vec(), self.prepare(request.candidates)?));
        }
        let network = &*self;
        let scores = requests.par_iter().map_init(Memory::default, |memory, request| match &network.prepared {
            Some((known, prepared)) if known == request.candidates => network.scores(request.history, prepared, memory),
            _ => network.scores(request.history, &network.prepare(request.candidates)?, memory),
        });
        Ok(scores.collect::<Result<_, UnknownId>>()?)
    }
}
