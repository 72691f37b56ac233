//! Scores without training: a batch enters, the sigmoid of the logits leaves, by the kernels' inference passes.

use candle_core::Result;
use rayon::prelude::*;
use slirec_kernels::candidate_attention::inference::FoldedAttention;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::long_term::LongTerm;
use slirec_kernels::normalisation::Statistics;
use slirec_kernels::scoring::inference::FoldedScoring;
use slirec_kernels::time_lstm::TimeLstm;

use super::names::{ATTENTION, MIXING, SCORE};
use super::parts::{long_term_inputs, lstm_inputs};
use super::{Network, attention_sizes, lstm_sizes, names, scoring_sizes};
use crate::batch::Batch;

impl Network {
    /// Scores of all candidates, `[B * C]` row by row, with the moving statistics and without dropout.
    pub fn scores(&self, batch: &Batch) -> Result<Vec<f32>> {
        let target = self.sizes.target_size();
        let set = InstructionSet::detect();
        let targets: Vec<f32> = self.targets(batch)?.flatten_all()?.to_vec1()?;
        let items: Vec<f32> = self.items(batch)?.flatten_all()?.to_vec1()?;

        let mut states = vec![0.0; batch.history_targets.len() * target];
        let parameters = self.flat(&names::lstm())?;
        let mut lstm = TimeLstm::new(set, lstm_sizes(&self.sizes));
        lstm.forward(&lstm_inputs(batch, &items, &parameters), &mut states);
        let mut long_term = vec![0.0; batch.groups() * target];
        let parameters = self.flat(&names::long_term())?;
        LongTerm::new(set).forward(&long_term_inputs(batch, &self.sizes, &targets, &parameters), &mut long_term);

        let statistics = self.moving_statistics(ATTENTION)?;
        let parameters = self.flat(&names::attention())?;
        let attention = FoldedAttention::new(set, attention_sizes(&self.sizes), &parameters, &statistics);
        let statistics = [self.moving_statistics(MIXING)?, self.moving_statistics(SCORE)?];
        let parameters = self.flat(&names::scoring())?;
        let scoring = FoldedScoring::new(set, scoring_sizes(&self.sizes), &parameters, &statistics);

        let mut scores = vec![0.0; batch.candidate_targets.len()];
        let candidates = batch.candidates;
        let mut rest = states.as_slice();
        let histories: Vec<&[f32]> = batch
            .lengths
            .iter()
            .filter_map(|length| {
                let (states, others) = rest.split_at_checked(*length as usize * target)?;
                rest = others;
                Some(states)
            })
            .collect();
        scores
            .par_chunks_mut(candidates)
            .zip(batch.candidate_targets.par_chunks(candidates))
            .zip(histories)
            .zip(long_term.par_chunks(target))
            .zip(&batch.last_slot_time_to_now)
            .for_each(|((((scores, candidates), states), long_term), last_slot)| {
                let row = |number: &u32| targets.get(*number as usize * target..)?.get(..target);
                let queries: Vec<f32> = candidates.iter().filter_map(row).flatten().copied().collect();
                let mut short_term = vec![0.0; queries.len()];
                attention.pool(states, &queries, &mut short_term);
                scoring.scores(&queries, long_term, &short_term, *last_slot, scores);
            });
        Ok(scores)
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
