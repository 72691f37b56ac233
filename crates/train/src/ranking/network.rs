//! The weights of a ranking network: sizes and a seed enter, tables and layers leave.

use rand::Rng;
use slirec_core::vocabulary::Vocabulary;
use slirec_kernels::ranking::{Layout, Part, Tables};

use crate::random::{Purpose, generator};

/// Standard deviation of embeddings and transitions at the start.
const DEVIATION: f32 = 0.05;

/// All weights; tables are row by row.
#[derive(Debug, Clone)]
pub struct RankingNetwork {
    pub(super) layout: Layout,
    /// Everything but the tables.
    pub(super) weights: Vec<f32>,
    pub(super) items: Vec<f32>,
    pub(super) features: Vec<Vec<f32>>,
    pub(super) from: Vec<f32>,
    pub(super) to: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// Feature ids of every item, row by row.
    pub(super) features_of: Vec<u32>,
}

impl RankingNetwork {
    /// A network that has learnt nothing.
    pub fn start(vocabulary: &Vocabulary, width: usize, longest: usize, seed: u64) -> Self {
        let layout = Layout::new(width, longest);
        let mut weight = 0;
        let mut normal = |count: usize, deviation: f32| -> Vec<f32> {
            weight += 1;
            let mut random = generator(seed, Purpose::Weight(weight));
            (0..count).map(|_| deviation * standard_normal(&mut random)).collect()
        };
        let rows = vocabulary.item_rows();
        let items = normal(rows * width, DEVIATION);
        let features = vocabulary.feature_rows().iter().map(|rows| normal(rows * width, DEVIATION)).collect();
        let from = normal(rows * width, DEVIATION);
        let to = normal(rows * width, DEVIATION);
        let mut weights = vec![0.0; layout.len()];
        for part in Part::ALL {
            let [inner, _] = layout.shape(part);
            let range = layout.range(part);
            let deviation = match part {
                Part::Input | Part::Recurrent | Part::Short | Part::Last | Part::Gate | Part::Mixing => {
                    1.0 / (inner as f32).sqrt()
                }
                Part::Gaps | Part::Now | Part::Attention => 0.02,
                _ => 0.0,
            };
            let values = normal(range.len(), deviation);
            if let Some(target) = weights.get_mut(range) {
                target.copy_from_slice(&values);
            }
        }
        if let Some(bias) =
            weights.get_mut(layout.range(Part::GatesBias)).and_then(|bias| bias.get_mut(width..2 * width))
        {
            bias.fill(1.0);
        }
        if let Some(recent) = weights.get_mut(layout.range(Part::Recent)) {
            recent.iter_mut().zip([1.0, 0.5, 0.3, 0.2, 0.1]).for_each(|(recent, start)| *recent = start);
        }
        let default = vec![0; vocabulary.feature_rows().len()];
        let features_of = std::iter::once(default.as_slice())
            .chain(vocabulary.items().iter().map(|item| item.features.as_slice()))
            .flatten()
            .copied()
            .collect();
        Self { layout, weights, items, features, from, to, bias: vec![0.0; rows], features_of }
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

    /// What [`Pass`](slirec_kernels::ranking::Pass) reads.
    pub(super) fn with_tables<R>(&self, run: impl FnOnce(&Tables<'_>) -> R) -> R {
        let features: Vec<&[f32]> = self.features.iter().map(Vec::as_slice).collect();
        run(&Tables { items: &self.items, features: &features, from: &self.from })
    }
}

/// A standard normal number (Box and Muller 1958).
fn standard_normal(random: &mut impl Rng) -> f32 {
    let (first, second): (f32, f32) = (random.random(), random.random());
    (-2.0 * (1.0 - first).ln()).sqrt() * (std::f32::consts::TAU * second).cos()
}
