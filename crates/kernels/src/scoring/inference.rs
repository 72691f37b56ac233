//! Mixing and score without training, for one history and any number of candidates.

use super::Sizes;
use crate::fully_connected::inference::FoldedNetwork;
use crate::functions::sigmoid_all;
use crate::instruction_set::InstructionSet;
use crate::normalisation::Statistics;

/// Both trained networks, ready to score.
#[derive(Debug)]
pub struct FoldedScoring {
    set: InstructionSet,
    sizes: Sizes,
    mixing: FoldedNetwork,
    score: FoldedNetwork,
}

impl FoldedScoring {
    /// From the parameters of both networks, one behind the other, and the statistics that their normalisations use.
    pub fn new(set: InstructionSet, sizes: Sizes, parameters: &[f32], statistics: &[[Statistics; 2]; 2]) -> Self {
        let [mixing, score] = sizes.networks();
        let (of_mixing, of_score) = parameters.split_at(mixing.parameters());
        Self {
            set,
            sizes,
            mixing: FoldedNetwork::from_parameters(set, mixing, of_mixing, &statistics[0]),
            score: FoldedNetwork::from_parameters(set, score, of_score, &statistics[1]),
        }
    }

    /// Replaces `logits` `[N]` for candidates `[N, D]`, a history's long-term interest `[D]`
    /// and time of its last slot, and the candidates' short-term interests `[N, D]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn logits(&self, queries: &[f32], long_term: &[f32], short_term: &[f32], last_slot: f32, logits: &mut [f32]) {
        assert_eq!(queries.len(), logits.len() * self.sizes.target, "length of the queries");
        let rows = self.user_and_candidates(queries, long_term, short_term, last_slot);
        self.score.logits(&rows, logits);
    }

    /// What the score's network reads: the user as each candidate meets it, then the candidate, `[N, 2 D]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn user_and_candidates(
        &self,
        queries: &[f32],
        long_term: &[f32],
        short_term: &[f32],
        last_slot: f32,
    ) -> Vec<f32> {
        let target = self.sizes.target;
        let candidates = queries.len() / target;
        assert_eq!(queries.len(), candidates * target, "length of the queries");
        assert_eq!(short_term.len(), queries.len(), "length of the short-term interests");
        assert_eq!(long_term.len(), target, "length of the long-term interest");
        let pairs = || queries.chunks_exact(target).zip(short_term.chunks_exact(target));
        let mut rows = Vec::with_capacity(candidates * (3 * target + 1));
        for (query, short_term) in pairs() {
            rows.extend([query, long_term, short_term, &[last_slot]].into_iter().flatten());
        }
        let mut shares = vec![0.0; candidates];
        self.mixing.logits(&rows, &mut shares);
        sigmoid_all(self.set, &mut shares);
        rows.clear();
        for ((query, short_term), share) in pairs().zip(&shares) {
            rows.extend(long_term.iter().zip(short_term).map(|(long, short)| short + (long - short) * share));
            rows.extend(query);
        }
        rows
    }
}
