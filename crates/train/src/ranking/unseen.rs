//! How likely a product is that training has not seen: a network, its terms and validation rows enter, the bias of the
//! default item leaves.
//!
//! Nothing is known of how popular such a product will be, so it counts as neither more nor less than others: if the content
//! of all known items stood alone, it would get as much of the probability as these items have.

use rayon::prelude::*;
use slirec_core::vocabulary::DEFAULT_ID;
use slirec_kernels::ranking::Choices;

use super::choices::gather;
use super::encoded::{Encoded, all_items};
use super::network::RankingNetwork;
use super::terms::Terms;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::ScoreError;

/// The bias of the default item: with Sc the sum of the exponentials of what the known items' logits would be by their
/// content alone, without any bias, and S that of their logits, the one under which the mean of Sc / S is 1.
pub(super) fn bias(network: &RankingNetwork, terms: &Terms, groups: &[EvaluationGroup]) -> Result<f32, ScoreError> {
    let (known, by_content) = (all_items(network), by_content(network));
    let factor = f64::from(terms.inverse_temperature);
    let of_part = |part: &[EvaluationGroup]| -> Result<Vec<f64>, ScoreError> {
        let histories: Vec<_> = part.iter().map(|group| &group.history).collect();
        let encoded = Encoded::of(network, &histories)?;
        let ratio = |((group, mut logits), content): ((&EvaluationGroup, Vec<f32>), Vec<f32>)| {
            terms.add(&group.history.item_ids, &known, &mut logits);
            logarithm_of_sum(&content, factor) - logarithm_of_sum(&logits, factor)
        };
        Ok(part.iter().zip(encoded.logits(&known)).zip(encoded.logits(&by_content)).map(ratio).collect())
    };
    let parts: Vec<_> = groups.par_chunks(16).map(of_part).collect();
    let ratios: Vec<f64> = parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    if ratios.is_empty() {
        return Ok(0.0);
    }
    let mean = ratios.iter().map(|ratio| ratio.exp()).sum::<f64>() / ratios.len() as f64;
    Ok((-mean.ln() / factor) as f32)
}

/// All items with the default item's row and without a bias, so that their features alone tell them apart.
fn by_content(network: &RankingNetwork) -> Choices {
    let mut choices = Choices::default();
    choices.items.extend((1..).take(network.rows() - 1));
    choices.choice_of.resize(network.rows(), u32::MAX);
    let ids = choices.items.clone();
    let of = |index: usize| (DEFAULT_ID, network.features_of(ids.get(index).copied().unwrap_or_default()));
    gather(network, of, &mut choices);
    choices.bias.fill(0.0);
    choices
}

/// ln Σ exp(factor · logit)
fn logarithm_of_sum(logits: &[f32], factor: f64) -> f64 {
    let greatest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (factor * (f64::from(*logit) - greatest)).exp()).sum();
    factor * greatest + sum.ln()
}
