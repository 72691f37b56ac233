//! Presets: named hyperparameters that a file builds on.

use serde::{Deserialize, Serialize};
use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::CATEGORY;
use toml::{Table, Value};

use super::{BestBy, Hyperparameters, ModelHyperparameters, NetworkKind, Schedule, TrainingHyperparameters};
use crate::dataset::DataShape;

/// Named hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The ranking network; `docs/RESULTS.md` compares it.
    #[default]
    Ranking,
    /// What the original trains.
    Original,
}

impl Preset {
    /// All values of the preset, as they suit data of this shape.
    pub fn hyperparameters(self, shape: &DataShape) -> Hyperparameters {
        match self {
            Self::Original => Hyperparameters::default(),
            Self::Ranking => ranking(shape),
        }
    }
}

/// The values of `base`, replaced by those of a table wherever it has some.
pub(super) fn overlaid(base: &Hyperparameters, table: Table) -> Table {
    let mut values = Table::try_from(base).unwrap_or_default();
    overlay(&mut values, table);
    values
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Width of the ranking network's embeddings and states.
const WIDTH: usize = 64;

/// Up to so many items every position is trained against all of them; beyond it a sample learns faster.
const MOST_ITEMS: usize = 10_000;
/// Sampled items of a step.
const NEGATIVES: usize = 1_024;
/// Steps of an epoch that small data gets, by smaller batches.
const STEPS_OF_EPOCH: usize = 64;
/// Positions of a step.
const POSITIONS: std::ops::RangeInclusive<usize> = 64..=1_024;
/// Positions that a run trains, about: more data needs fewer passes.
const POSITIONS_OF_RUN: usize = 5_000_000;
/// Passes over the data.
const EPOCHS: std::ops::RangeInclusive<usize> = 4..=15;

/// Views that the ranking network reads: twice the original's, as its cost grows with them far less.
const LONGEST_HISTORY: usize = 100;

fn ranking(shape: &DataShape) -> Hyperparameters {
    let positions = shape.positions.max(1);
    Hyperparameters {
        model: ModelHyperparameters {
            network: NetworkKind::Ranking,
            item_embedding_size: WIDTH,
            features: vec![FeatureShape { name: CATEGORY.to_owned(), embedding_size: WIDTH }],
            longest_history: LONGEST_HISTORY,
            ..ModelHyperparameters::default()
        },
        training: TrainingHyperparameters {
            epochs: (POSITIONS_OF_RUN / positions).clamp(*EPOCHS.start(), *EPOCHS.end()),
            batch_size: (positions / STEPS_OF_EPOCH).clamp(*POSITIONS.start(), *POSITIONS.end()),
            negatives: if shape.items <= MOST_ITEMS { 0 } else { NEGATIVES },
            learning_rate: 0.002,
            schedule: Schedule::Cosine,
            warmup_steps: 100,
            weight_decay: 0.01,
            weight_average: 0.99,
            dropout: [0.2, 0.0],
            best_by: BestBy::Ndcg10,
            early_stop_epochs: 5,
            largest_gradient_norm: 1.0,
            ..TrainingHyperparameters::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_builds_on_a_preset() {
        let table: Table = toml::from_str("[training]\nepochs = 3\n").unwrap();
        let base = Preset::Ranking.hyperparameters(&DataShape::default());
        let built = Hyperparameters::from_table(table, &base).unwrap();
        let expected = TrainingHyperparameters { epochs: 3, ..base.training.clone() };
        assert_eq!((built.training, built.model), (expected, base.model));
    }

    #[test]
    fn every_preset_can_be_used_with_data_of_any_shape() {
        for preset in [Preset::Original, Preset::Ranking] {
            for (items, positions) in [(1, 1), (50, 1_000), (250, 70_000), (20_000, 500_000), (1_000_000, 50_000_000)] {
                let base = preset.hyperparameters(&DataShape { items, positions });
                base.check().unwrap();
                assert_eq!(Hyperparameters::from_table(Table::new(), &base).unwrap(), base);
            }
        }
    }

    #[test]
    fn small_data_is_passed_often_in_small_steps_and_many_items_are_sampled() {
        let of = |items, positions| Preset::Ranking.hyperparameters(&DataShape { items, positions }).training;
        let [small, large] = [of(250, 3_200), of(100_000, 1_000_000)];
        assert_eq!((small.epochs, small.batch_size, small.negatives), (15, 64, 0));
        assert_eq!((large.epochs, large.batch_size, large.negatives), (5, 1_024, 1_024));
    }
}
