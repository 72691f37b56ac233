//! Random weights of a ranking network for any vocabulary, the same everywhere; tests and benchmarks share them.

use slirec_core::vocabulary::Vocabulary;
use slirec_train::weights::{Array, Weights};

/// Numbers between -1 and 1, the same everywhere.
fn random() -> impl FnMut() -> f32 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1_u32 << 30) as f32 - 1.0
    }
}

/// Weights of about the size that training leaves, with so many neighbours of each item among the co-occurrences, and last
/// views that they are of.
pub(crate) fn ranking_weights(
    vocabulary: &Vocabulary,
    width: usize,
    longest: usize,
    neighbours: Option<[usize; 2]>,
) -> Weights {
    let mut random = random();
    let (rows, of_width) = (vocabulary.item_rows(), 1.0 / (width as f32).sqrt());
    let mut shapes = vec![
        ("embedding.item".to_owned(), vec![rows, width], 0.3),
        ("transition.from".to_owned(), vec![rows, width], 0.3),
        ("transition.to".to_owned(), vec![rows, width], 0.3),
        ("item.bias".to_owned(), vec![rows], 1.0),
        ("time_lstm.input".to_owned(), vec![width, 4 * width], 2.0 * of_width),
        ("time_lstm.recurrent".to_owned(), vec![width, 4 * width], 2.0 * of_width),
        ("time_lstm.gaps".to_owned(), vec![20, 4 * width], 0.5),
        ("time_lstm.bias".to_owned(), vec![4 * width], 0.5),
        ("short_term.weight".to_owned(), vec![width, width], 2.0 * of_width),
        ("short_term.bias".to_owned(), vec![width], 0.5),
        ("long_term.query".to_owned(), vec![width], 2.0),
        ("now".to_owned(), vec![20, width], 0.5),
        ("gate.weight".to_owned(), vec![3 * width, width], of_width),
        ("gate.bias".to_owned(), vec![width], 0.5),
        ("mixing.weight".to_owned(), vec![3 * width, width], of_width),
        ("mixing.bias".to_owned(), vec![width], 0.5),
        ("last_view.weight".to_owned(), vec![width, width], of_width),
        ("transition.recent".to_owned(), vec![5], 1.0),
        ("repeat.distance".to_owned(), vec![longest], 1.0),
        ("repeat.age".to_owned(), vec![20], 1.0),
    ];
    for (feature, rows) in vocabulary.features().iter().zip(vocabulary.feature_rows()) {
        shapes.push((format!("embedding.{}", feature.name), vec![rows, width], 0.2));
    }
    if let Some([count, recent]) = neighbours {
        shapes.push(("cooccurrence.weights".to_owned(), vec![rows, count], 1.0));
        shapes.push(("cooccurrence.recent".to_owned(), vec![recent], 1.0));
    }
    for (feature, rows) in vocabulary.user_features().iter().zip(vocabulary.user_feature_rows()) {
        shapes.push((format!("user.{}", feature.name), vec![rows, width], 0.5));
    }
    let mut weights = Weights::default();
    for (name, shape, scale) in shapes {
        let count = shape.iter().product();
        let positive = name.starts_with("cooccurrence");
        let value = |value: f32| scale * if positive { value.abs() } else { value };
        weights.insert(name, Array { shape, values: (0..count).map(|_| value(random())).collect() });
    }
    for feature in vocabulary.user_features() {
        // What is unknown says nothing.
        let unknown = weights.entry(&format!("user.{}", feature.name), || unreachable!("it was made"));
        unknown.values[..width].fill(0.0);
    }
    weights.insert("score.temperature", Array { shape: vec![1], values: vec![0.8] });
    if let Some([count, _]) = neighbours {
        // The default item is among them, as where an item has fewer.
        let mut id = || ((random() + 1.0) * 0.5 * rows as f32).floor().min((rows - 1) as f32);
        let items = Array { shape: vec![rows, count], values: (0..rows * count).map(|_| id()).collect() };
        weights.insert("cooccurrence.items", items);
        weights.insert("cooccurrence.scale", Array { shape: vec![1], values: vec![0.9] });
    }
    weights
}
