//! The network without training: a batch enters; scores, attention weights or all activations leave, by the kernels'
//! inference passes, with the moving statistics and without dropout.

use std::ops::Range;

use candle_core::Result;
use rayon::prelude::*;
use slirec_core::history::EncodedHistory;
use slirec_kernels::candidate_attention::inference::FoldedAttention;
use slirec_kernels::functions::sigmoid_all;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::long_term::LongTerm;
use slirec_kernels::normalisation::Statistics;
use slirec_kernels::scoring::inference::FoldedScoring;
use slirec_kernels::time_lstm::TimeLstm;

use super::names::{ATTENTION, MIXING, SCORE};
use super::parts::{long_term_inputs, lstm_inputs};
use super::{Network, attention_sizes, lstm_sizes, names, scoring_sizes, transitions};
use crate::batch::Batch;
use crate::dataset::evaluation::{Candidate, EvaluationGroup};

/// A batch with everything that depends on its histories alone.
struct Encoded<'a> {
    batch: &'a Batch,
    target: usize,
    /// Embeddings of the targets, `[V, D]`.
    targets: Vec<f32>,
    /// States of all positions, `[positions, H]`.
    states: Vec<f32>,
    /// `[B, D]`
    long_term: Vec<f32>,
    /// The positions of each history.
    ranges: Vec<Range<usize>>,
    attention: FoldedAttention,
    scoring: FoldedScoring,
}

impl<'a> Encoded<'a> {
    fn new(network: &Network, batch: &'a Batch) -> Result<Self> {
        let target = network.sizes.target_size();
        let set = InstructionSet::detect();
        let targets: Vec<f32> = network.targets(batch)?.flatten_all()?.to_vec1()?;
        let items: Vec<f32> = network.items(batch)?.flatten_all()?.to_vec1()?;

        let mut states = vec![0.0; batch.history_targets.len() * target];
        let parameters = network.flat(&names::lstm())?;
        let mut lstm = TimeLstm::new(set, lstm_sizes(&network.sizes));
        lstm.forward(&lstm_inputs(batch, &items, &parameters), &mut states);
        let mut long_term = vec![0.0; batch.groups() * target];
        let parameters = network.flat(&names::long_term())?;
        LongTerm::new(set).forward(&long_term_inputs(batch, &network.sizes, &targets, &parameters), &mut long_term);

        let statistics = network.moving_statistics(ATTENTION)?;
        let parameters = network.flat(&names::attention())?;
        let attention = FoldedAttention::new(set, attention_sizes(&network.sizes), &parameters, &statistics);
        let statistics = [network.moving_statistics(MIXING)?, network.moving_statistics(SCORE)?];
        let parameters = network.flat(&names::scoring())?;
        let scoring = FoldedScoring::new(set, scoring_sizes(&network.sizes), &parameters, &statistics);
        let ranges = batch.lengths.iter().scan(0, |end, length| {
            let start = *end;
            *end += *length as usize;
            Some(start..*end)
        });
        let ranges = ranges.collect();
        Ok(Self { batch, target, targets, states, long_term, ranges, attention, scoring })
    }

    /// Embeddings of some targets, `[n, D]`.
    fn rows(&self, numbers: &[u32]) -> Vec<f32> {
        let row = |number: &u32| self.targets.get(*number as usize * self.target..)?.get(..self.target);
        numbers.iter().filter_map(row).flatten().copied().collect()
    }

    /// Candidates `[C, D]`, states `[L, H]`, long-term interest `[D]` and gate time of each history.
    fn histories(&self) -> impl IndexedParallelIterator<Item = (Vec<f32>, &[f32], &[f32], f32)> {
        self.batch
            .candidate_targets
            .par_chunks(self.batch.candidates)
            .zip(&self.ranges)
            .zip(self.long_term.par_chunks(self.target))
            .zip(&self.batch.gate_times)
            .map(|(((candidates, range), long_term), gate_time)| {
                let states = self.states.get(range.start * self.target..range.end * self.target).unwrap_or_default();
                (self.rows(candidates), states, long_term, *gate_time)
            })
    }

    /// Short-term interests of the candidates of a history, `[C, H]`.
    fn short_term(&self, queries: &[f32], states: &[f32]) -> Vec<f32> {
        let mut short_term = vec![0.0; queries.len()];
        self.attention.pool(states, queries, &mut short_term);
        short_term
    }
}

impl Network {
    /// Scores of all candidates, `[B * C]` row by row.
    pub fn scores(&self, batch: &Batch) -> Result<Vec<f32>> {
        let encoded = Encoded::new(self, batch)?;
        let mut scores = vec![0.0; batch.candidate_targets.len()];
        let histories = scores.par_chunks_mut(batch.candidates).zip(encoded.histories());
        histories.for_each(|(logits, (queries, states, long_term, gate_time))| {
            let short_term = encoded.short_term(&queries, states);
            encoded.scoring.logits(&queries, long_term, &short_term, gate_time, logits);
        });
        if let Some(transitions) = transitions::logits(self, batch)? {
            let transitions: Vec<f32> = transitions.flatten_all()?.to_vec1()?;
            scores.iter_mut().zip(transitions).for_each(|(logit, transition)| *logit += transition);
        }
        sigmoid_all(InstructionSet::detect(), &mut scores);
        Ok(scores)
    }

    /// The candidate's attention to each position of a history, oldest first; sums to 1.
    pub fn attention(&self, history: &EncodedHistory, candidate: &Candidate) -> Result<Vec<f32>> {
        let mut batch = Batch::new(&self.sizes, 1);
        batch.push_history(history);
        batch.push_candidate(candidate);
        let encoded = Encoded::new(self, &batch)?;
        Ok(encoded.attention.weights(&encoded.states, &encoded.rows(&batch.candidate_targets)))
    }

    /// What the parts of the network give for some groups, by the part's name.
    pub fn activations(&self, groups: &[EvaluationGroup]) -> Result<Vec<(&'static str, Vec<f32>)>> {
        let candidates = groups.iter().map(|group| group.candidates.len()).min().unwrap_or_default();
        let mut batch = Batch::new(&self.sizes, candidates.max(1));
        for group in groups.iter().filter(|_| candidates > 0) {
            batch.push_history(&group.history);
            group.candidates.iter().take(candidates).for_each(|candidate| batch.push_candidate(candidate));
        }
        let encoded = Encoded::new(self, &batch)?;
        let of_candidates: Vec<(Vec<f32>, Vec<f32>)> = encoded
            .histories()
            .map(|(queries, states, long_term, gate_time)| {
                let short_term = encoded.short_term(&queries, states);
                let read = encoded.scoring.user_and_candidates(&queries, long_term, &short_term, gate_time);
                (short_term, read)
            })
            .collect();
        let (short_term, read): (Vec<Vec<f32>>, Vec<Vec<f32>>) = of_candidates.into_iter().unzip();
        Ok(vec![
            ("history_embeddings", encoded.rows(&batch.history_targets)),
            ("candidate_embeddings", encoded.rows(&batch.candidate_targets)),
            ("long_term_interests", encoded.long_term.clone()),
            ("lstm_states", encoded.states.clone()),
            ("short_term_interests", short_term.concat()),
            ("user_and_candidate", read.concat()),
        ])
    }

    /// The moving statistics of a fully connected network.
    fn moving_statistics(&self, network: &str) -> Result<[Statistics; 2]> {
        let of = |layer: usize| -> Result<Statistics> {
            let of = |part: &str| self.weight(&names::layer(network, layer, part))?.to_vec1();
            Ok(Statistics { mean: of("moving_mean")?, variance: of("moving_variance")? })
        };
        Ok([of(1)?, of(2)?])
    }

    /// The values of some weights, one behind the other.
    fn flat(&self, names: &[String]) -> Result<Vec<f32>> {
        self.parameters(names)?.to_vec1()
    }
}
