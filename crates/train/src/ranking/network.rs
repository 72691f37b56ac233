//! The weights of a ranking network: sizes and a seed enter, tables and layers leave; as named arrays and back.

use std::borrow::Cow;

use rand::Rng;
use slirec_core::vocabulary::Vocabulary;
use slirec_kernels::ranking::{Layout, Part, Tables};
use slirec_kernels::request::history::UnknownId;

use crate::hyperparameters::ModelHyperparameters;
use crate::random::{Purpose, generator};
use crate::run::table_rows;
use crate::weights::{Views, Weights, WeightsError};

/// Standard deviation of embeddings and transitions at the start.
const DEVIATION: f32 = 0.05;
/// Standard deviation at the start of what is added to states: gaps, moments and attributes of shoppers.
const OF_MOMENT: f32 = 0.02;
/// Name of the slice of all layers.
const LAYERS: &str = "layers";
/// Weights of the last views among the transitions at the start, the last one first.
const RECENT: [f32; slirec_kernels::ranking::RECENT] = [1.0, 0.5, 0.3, 0.2, 0.1];

/// All weights; tables are row by row.
#[derive(Debug, Clone)]
pub struct RankingNetwork {
    pub(crate) layout: Layout,
    /// Everything but the tables.
    pub(super) weights: Vec<f32>,
    pub(super) items: Vec<f32>,
    pub(super) features: Vec<Vec<f32>>,
    pub(super) from: Vec<f32>,
    pub(super) to: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// Of each attribute of shoppers.
    pub(super) users: Vec<Vec<f32>>,
    /// Feature ids of every item, row by row.
    features_of: Vec<u32>,
    /// Names of the features.
    names: Vec<String>,
    /// Names of the attributes of shoppers.
    user_names: Vec<String>,
}

impl RankingNetwork {
    /// A network that has learnt nothing.
    pub fn start(sizes: &ModelHyperparameters, vocabulary: &Vocabulary, seed: u64) -> Self {
        let width = sizes.item_embedding_size;
        let layout = Layout::new(width, sizes.longest_history);
        let mut weight = 0;
        let mut normal = |count: usize, deviation: f32| -> Vec<f32> {
            weight += 1;
            let mut random = generator(seed, Purpose::Weight(weight));
            (0..count).map(|_| deviation * standard_normal(&mut random)).collect()
        };
        let rows = table_rows(vocabulary);
        let [mut items, mut from, mut to] = [(); 3].map(|()| normal(rows.items * width, DEVIATION));
        let mut features: Vec<Vec<f32>> = rows.features.iter().map(|rows| normal(rows * width, DEVIATION)).collect();
        // What is unknown says nothing: no training row has it, so it stays what it is at the start.
        for table in [&mut items, &mut from, &mut to].into_iter().chain(&mut features) {
            table.iter_mut().take(width).for_each(|value| *value = 0.0);
        }
        let mut weights = Vec::with_capacity(layout.len());
        for part in Part::ALL {
            let [inner, columns] = layout.shape(part);
            weights.extend(match part {
                Part::Recent => RECENT.to_vec(),
                // A long memory at first: the forget gates are open.
                Part::GatesBias => (0..columns).map(|column| f32::from(column / width == 1)).collect(),
                Part::Gaps | Part::Now | Part::Attention => normal(inner * columns, OF_MOMENT),
                Part::Input | Part::Recurrent | Part::Short | Part::Last | Part::Gate | Part::Mixing => {
                    normal(inner * columns, 1.0 / (inner as f32).sqrt())
                }
                Part::ShortBias | Part::GateBias | Part::MixingBias | Part::Distance | Part::Age => {
                    vec![0.0; inner * columns]
                }
            });
        }
        // Last, so that a network without attributes of shoppers begins as it always did.
        let mut users: Vec<Vec<f32>> = rows.users.iter().map(|rows| normal(rows * width, OF_MOMENT)).collect();
        for table in &mut users {
            table.iter_mut().take(width).for_each(|value| *value = 0.0);
        }
        let bias = vec![0.0; rows.items];
        let names = sizes.all_features().into_iter().map(|feature| feature.name).collect();
        let (features_of, user_names) = (features_of(vocabulary), user_names(sizes));
        Self { layout, weights, items, features, from, to, bias, users, features_of, names, user_names }
    }

    /// Of named weights.
    ///
    /// # Errors
    /// [`WeightsError`] when one is missing, misshapen or not finite.
    pub fn of(sizes: &ModelHyperparameters, vocabulary: &Vocabulary, weights: &Weights) -> Result<Self, WeightsError> {
        weights.check(sizes, &table_rows(vocabulary))?;
        let values = |name: &str| weights.required(name).map(|array| array.values.clone());
        let layout = Layout::new(sizes.item_embedding_size, sizes.longest_history);
        let names: Vec<String> = sizes.all_features().into_iter().map(|feature| feature.name).collect();
        let mut layers = Vec::with_capacity(layout.len());
        for part in Part::ALL {
            layers.extend(values(part.name())?);
        }
        Ok(Self {
            layout,
            weights: layers,
            items: values("embedding.item")?,
            features: names.iter().map(|name| values(&format!("embedding.{name}"))).collect::<Result<_, _>>()?,
            from: values("transition.from")?,
            to: values("transition.to")?,
            bias: values("item.bias")?,
            users: user_names(sizes).iter().map(|name| values(&format!("user.{name}"))).collect::<Result<_, _>>()?,
            features_of: features_of(vocabulary),
            names,
            user_names: user_names(sizes),
        })
    }

    /// Slices that have the place of [`RankingNetwork::tables`], by the names of the weights.
    pub(super) fn named<'a>(&self, tables: impl Iterator<Item = Cow<'a, [f32]>>) -> Views<'a> {
        let mut named = Views::default();
        for (name, values) in self.table_names().into_iter().zip(tables) {
            if name == LAYERS {
                self.name_layers(&values, &mut named);
                continue;
            }
            let width = self.layout.width;
            let shape = if name == "item.bias" { vec![values.len()] } else { vec![values.len() / width, width] };
            named.insert(name, shape, values);
        }
        named
    }

    fn name_layers(&self, layers: &[f32], named: &mut Views<'_>) {
        for part in Part::ALL {
            let shape = match self.layout.shape(part) {
                [1, columns] => vec![columns],
                shape => shape.to_vec(),
            };
            let values = layers.get(self.layout.range(part)).unwrap_or_default();
            named.insert(part.name(), shape, values.to_vec());
        }
    }

    /// Names of the slices that the optimiser moves, all layers first.
    pub(super) fn table_names(&self) -> Vec<String> {
        let features = self.names.iter().map(|name| format!("embedding.{name}"));
        let rest = ["transition.from", "transition.to", "item.bias"].map(str::to_owned);
        let users = self.user_names.iter().map(|name| format!("user.{name}"));
        [LAYERS, "embedding.item"].map(str::to_owned).into_iter().chain(features).chain(rest).chain(users).collect()
    }

    /// The slices that the optimiser moves, in the order of their names.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Vec<f32>> {
        let Self { weights, items, features, from, to, bias, users, .. } = self;
        [weights, items].into_iter().chain(features).chain([from, to, bias]).chain(users)
    }

    /// As [`RankingNetwork::tables`], to be moved.
    pub(super) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        let Self { weights, items, features, from, to, bias, users, .. } = self;
        [weights, items].into_iter().chain(features).chain([from, to, bias]).chain(users)
    }

    /// Number of items with the default one.
    pub(super) fn rows(&self) -> usize {
        self.bias.len()
    }

    /// Feature ids of an item.
    pub(super) fn features_of(&self, item: u32) -> &[u32] {
        let count = self.features.len();
        self.features_of.get(item as usize * count..(item as usize + 1) * count).unwrap_or_default()
    }

    /// An item's row and its feature ids.
    pub(super) fn ids_of(&self, item: u32) -> (u32, &[u32]) {
        (item, self.features_of(item))
    }

    /// Refuses ids of a shopper's attributes beyond the tables.
    pub(super) fn check_user(&self, ids: &[u32]) -> Result<(), UnknownId> {
        let width = self.layout.width;
        let mut known = ids.iter().zip(&self.users);
        known.find(|(id, table)| **id as usize >= table.len() / width).map_or(Ok(()), |(id, _)| Err(UnknownId(*id)))
    }

    /// Refuses ids beyond the tables.
    pub(super) fn check_ids(&self, items: &[u32], features: &[u32]) -> Result<(), UnknownId> {
        let unknown = items.iter().find(|item| **item as usize >= self.rows());
        let width = self.layout.width;
        let tables = self.features.iter().cycle();
        let unknown = unknown.or_else(|| {
            features.iter().zip(tables).find(|(id, table)| **id as usize >= table.len() / width).map(|(id, _)| id)
        });
        unknown.map_or(Ok(()), |id| Err(UnknownId(*id)))
    }

    /// What [`Pass`](slirec_kernels::ranking::Pass) reads.
    pub(super) fn with_tables<R>(&self, run: impl FnOnce(&Tables<'_>) -> R) -> R {
        let [features, users] =
            [&self.features, &self.users].map(|tables| tables.iter().map(Vec::as_slice).collect::<Vec<&[f32]>>());
        run(&Tables { items: &self.items, features: &features, from: &self.from, users: &users })
    }
}

fn user_names(sizes: &ModelHyperparameters) -> Vec<String> {
    sizes.user_features.iter().map(|feature| feature.name.clone()).collect()
}

fn features_of(vocabulary: &Vocabulary) -> Vec<u32> {
    let default = vec![0; vocabulary.features().len()];
    let items = vocabulary.items().iter().map(|item| item.features.as_slice());
    std::iter::once(default.as_slice()).chain(items).flatten().copied().collect()
}

/// A standard normal number (Box and Muller 1958).
fn standard_normal(random: &mut impl Rng) -> f32 {
    let (first, second): (f32, f32) = (random.random(), random.random());
    (-2.0 * (1.0 - first).ln()).sqrt() * (std::f32::consts::TAU * second).cos()
}
