//! Presets: named hyperparameters that a file builds on.

use serde::{Deserialize, Serialize};
use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::CATEGORY;
use toml::{Table, Value};

use super::{
    BestBy, GateTime, Hyperparameters, ModelHyperparameters, NetworkKind, Schedule, TrainingHyperparameters,
};
use crate::negatives::NegativeSource;

/// Named hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// What the original trains.
    #[default]
    Original,
    /// The original's network as it ranks best over all items.
    Improved,
    /// The ranking network; `docs/RESULTS.md` compares it.
    Ranking,
}

impl Preset {
    /// All values of the preset.
    pub fn hyperparameters(self) -> Hyperparameters {
        match self {
            Self::Original => Hyperparameters::default(),
            Self::Improved => improved(),
            Self::Ranking => ranking(),
        }
    }

    /// The preset's values, replaced by those of a table wherever it has some.
    pub(super) fn overlaid(self, table: Table) -> Table {
        let mut values = Table::try_from(self.hyperparameters()).unwrap_or_default();
        overlay(&mut values, table);
        values
    }
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

fn improved() -> Hyperparameters {
    Hyperparameters {
        model: ModelHyperparameters {
            long_term_padding: false,
            gate_time: GateTime::LastView,
            transition_size: 64,
            transition_positions: 5,
            ..ModelHyperparameters::default()
        },
        training: TrainingHyperparameters {
            epochs: 7,
            negatives: 19,
            negative_source: NegativeSource::Mixed,
            popularity_correction: true,
            learning_rate: 0.002,
            schedule: Schedule::Cosine,
            warmup_steps: 100,
            weight_average: 0.995,
            initial_deviation: 0.1,
            best_by: BestBy::Ndcg10,
            ..TrainingHyperparameters::default()
        },
    }
}

/// Width of the ranking network's embeddings and states.
const WIDTH: usize = 64;

fn ranking() -> Hyperparameters {
    Hyperparameters {
        model: ModelHyperparameters {
            network: NetworkKind::Ranking,
            item_embedding_size: WIDTH,
            features: vec![FeatureShape { name: CATEGORY.to_owned(), embedding_size: WIDTH }],
            ..ModelHyperparameters::default()
        },
        training: TrainingHyperparameters {
            epochs: 15,
            batch_size: 1024,
            negatives: 0,
            learning_rate: 0.002,
            schedule: Schedule::Cosine,
            warmup_steps: 100,
            weight_decay: 0.01,
            weight_average: 0.99,
            dropout: [0.2, 0.0],
            best_by: BestBy::Ndcg10,
            early_stop_epochs: 3,
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
        let built = Hyperparameters::from_table(table, Preset::Improved).unwrap();
        let expected = TrainingHyperparameters { epochs: 3, ..Preset::Improved.hyperparameters().training };
        assert_eq!(built.training, expected);
        assert_eq!(built.model, Preset::Improved.hyperparameters().model);
    }

    #[test]
    fn every_preset_can_be_used() {
        for preset in [Preset::Original, Preset::Improved, Preset::Ranking] {
            preset.hyperparameters().check().unwrap();
            assert_eq!(Hyperparameters::from_table(Table::new(), preset).unwrap(), preset.hyperparameters());
        }
    }
}
