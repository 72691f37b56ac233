//! The sizes of a model enter; name, shape and start of each of its weights leave.

use slirec_kernels::ranking::{Layout, Part};

use crate::hyperparameters::{ModelHyperparameters, NetworkKind};

/// Rows of the embedding tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// Items and the default.
    pub items: usize,
    /// Values of each item feature and the default.
    pub features: Vec<usize>,
    /// Values of each attribute of shoppers and the default.
    pub users: Vec<usize>,
}

/// How a weight starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Truncated normal with the configured deviation.
    Normal,
    /// Normal, but the default item's row is 0.
    Factors,
    /// Uniform within ±sqrt(6 / (inputs + outputs)), as TensorFlow computes them.
    Glorot,
    /// The same value everywhere.
    Constant(f32),
}

/// Name, shape and start of a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Specification {
    /// Our name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its start.
    pub start: Start,
    /// Whether gradients move it; the moving statistics are moved by the batches instead.
    pub trained: bool,
}

/// All weights of a model, in a fixed order.
pub fn specifications(sizes: &ModelHyperparameters, rows: &TableRows) -> Vec<Specification> {
    match sizes.network {
        NetworkKind::SliRec => sli_rec(sizes, rows),
        NetworkKind::Ranking => ranking(sizes, rows),
    }
}

/// Those of the ranking network; what [`crate::ranking`] adds when a run ends is not among them.
fn ranking(sizes: &ModelHyperparameters, rows: &TableRows) -> Vec<Specification> {
    let width = sizes.item_embedding_size;
    let mut all = Vec::new();
    let mut add = |name: &str, shape: &[usize]| {
        let (name, shape) = (name.to_owned(), shape.to_vec());
        all.push(Specification { name, shape, start: Start::Normal, trained: true });
    };
    add("embedding.item", &[rows.items, width]);
    for (feature, rows) in sizes.all_features().iter().zip(&rows.features) {
        add(&format!("embedding.{}", feature.name), &[*rows, width]);
    }
    add("transition.from", &[rows.items, width]);
    add("transition.to", &[rows.items, width]);
    add("item.bias", &[rows.items]);
    let layout = Layout::new(width, sizes.longest_history);
    for part in Part::ALL {
        match layout.shape(part) {
            [1, columns] => add(part.name(), &[columns]),
            shape => add(part.name(), &shape),
        }
    }
    for (feature, rows) in sizes.user_features.iter().zip(&rows.users) {
        add(&format!("user.{}", feature.name), &[*rows, width]);
    }
    all
}

fn sli_rec(sizes: &ModelHyperparameters, rows: &TableRows) -> Vec<Specification> {
    let target = sizes.target_size();
    let hidden = target;
    let items = sizes.item_embedding_size;
    let mut all = Vec::new();
    let mut add = |name: &str, shape: &[usize], start: Start| {
        let trained = !name.contains("moving_");
        all.push(Specification { name: name.to_owned(), shape: shape.to_vec(), start, trained });
    };
    add("embedding.item", &[rows.items, items], Start::Normal);
    for (feature, rows) in sizes.features.iter().zip(&rows.features) {
        add(&format!("embedding.{}", feature.name), &[*rows, feature.embedding_size], Start::Normal);
    }
    add("long_term.attention_matrix", &[target, target], Start::Normal);
    add("long_term.query", &[target], Start::Normal);
    for gate in ["1", "2"] {
        for name in ["time_input_weight", "time_input_bias", "time_bias"] {
            add(&format!("time_lstm.{name}_{gate}"), &[hidden], Start::Glorot);
        }
        add(&format!("time_lstm.time_kernel_input_{gate}"), &[items, hidden], Start::Glorot);
        add(&format!("time_lstm.time_kernel_time_{gate}"), &[hidden, hidden], Start::Glorot);
        add(&format!("time_lstm.output_kernel_{gate}"), &[hidden, hidden], Start::Glorot);
    }
    add("time_lstm.kernel", &[items + hidden, 4 * hidden], Start::Glorot);
    add("time_lstm.bias", &[4 * hidden], Start::Constant(0.0));
    add("candidate_attention.attention_matrix", &[hidden, target], Start::Normal);
    let networks = [
        ("candidate_attention", 4 * target, sizes.attention_layers),
        ("mixing", 3 * target + 1, sizes.attention_layers),
        ("score", 2 * target, sizes.score_layers),
    ];
    for (network, inputs, layers) in networks {
        let mut width = inputs;
        for (layer, size) in (1..).zip(layers) {
            let name = |part: &str| format!("{network}.layer{layer}.{part}");
            add(&name("weight"), &[width, size], Start::Normal);
            add(&name("bias"), &[size], Start::Constant(0.0));
            add(&name("gamma"), &[size], Start::Constant(1.0));
            add(&name("beta"), &[size], Start::Constant(0.0));
            add(&name("moving_mean"), &[size], Start::Constant(0.0));
            add(&name("moving_variance"), &[size], Start::Constant(1.0));
            width = size;
        }
        add(&format!("{network}.output.weight"), &[width, 1], Start::Normal);
        add(&format!("{network}.output.bias"), &[1], Start::Constant(0.0));
    }
    if sizes.transition_size > 0 {
        add("transition.from", &[rows.items, sizes.transition_size], Start::Factors);
        add("transition.to", &[rows.items, sizes.transition_size], Start::Factors);
        add("transition.bias", &[rows.items], Start::Constant(0.0));
        add("transition.position", &[sizes.transition_positions], Start::Constant(1.0));
    }
    all
}
