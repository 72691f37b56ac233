//! Histories through the forward pass of training: what enters is encoded, queries leave, and logits of all items without
//! the terms that the validation rows choose.

use slirec_core::history::EncodedHistory;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{Choices, Pass, Sequence, Sequences};
use slirec_kernels::request::history::UnknownId;

use super::choices::gather;
use super::network::RankingNetwork;

/// Some histories, encoded.
pub(super) struct Encoded<'a> {
    network: &'a RankingNetwork,
    sequences: Sequences,
    pass: Pass,
    /// Where each history ends.
    last: Vec<usize>,
}

impl<'a> Encoded<'a> {
    /// Encodes histories.
    pub(super) fn of(network: &'a RankingNetwork, histories: &[&EncodedHistory]) -> Result<Self, UnknownId> {
        let longest = histories.iter().map(|history| history.len()).max().unwrap_or_default();
        let next = vec![0; longest];
        // Only the last position's query is asked for, so only its age matters.
        let ages: Vec<Vec<u8>> = histories
            .iter()
            .map(|history| (1..=history.len()).map(|end| if end == history.len() { history.age } else { 0 }).collect())
            .collect();
        let mut all = Vec::with_capacity(histories.len());
        for (history, ages) in histories.iter().zip(&ages) {
            network.check_ids(&history.item_ids, &history.feature_ids)?;
            network.check_user(&history.user_ids)?;
            all.push(Sequence {
                items: &history.item_ids,
                features: &history.feature_ids,
                gaps: &history.gaps,
                ages,
                next: next.get(..history.len()).unwrap_or_default(),
                user: &history.user_ids,
            });
        }
        let mut sequences = Sequences::default();
        sequences.fill(&all);
        let mut pass = Pass::new(InstructionSet::detect(), network.layout.clone());
        network.with_tables(|tables| {
            pass.forward(&sequences, tables, &network.weights);
        });
        let last = sequences.last_positions();
        Ok(Self { network, sequences, pass, last })
    }

    /// Logits of each history's choices.
    pub(super) fn logits(&self, choices: &Choices) -> Vec<Vec<f32>> {
        let of = |last: &usize| {
            let mut logits = vec![0.0; choices.items.len()];
            self.pass.logits(*last, &self.sequences, &self.network.weights, choices, &mut logits);
            logits
        };
        self.last.iter().map(of).collect()
    }

    /// What the parts of the network gave, by their names.
    pub(super) fn activations(&self) -> Vec<(&'static str, Vec<f32>)> {
        self.pass.activations()
    }
}

/// All items of the vocabulary as choices.
pub(super) fn all_items(network: &RankingNetwork) -> Choices {
    let count = network.rows() - 1;
    let mut choices = Choices::default();
    choices.items.extend((1..).take(count));
    choices.choice_of.push(u32::MAX);
    choices.choice_of.extend((0..).take(count));
    let ids = choices.items.clone();
    gather(network, |index| network.ids_of(ids.get(index).copied().unwrap_or_default()), &mut choices);
    choices
}
