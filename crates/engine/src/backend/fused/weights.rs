//! The weights of a bundle's graphs, by the names that the exporter gives them: the bytes of the files enter, a model for
//! the kernels leaves, or what it is that they do not know.

use slirec_core::bundle::{Bundle, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::history::{HistoryNetwork, HistoryWeights, Transitions};
use slirec_kernels::request::scores::{NetworkWeights, Scoring};
use slirec_kernels::time_lstm::Sizes;
use slirec_kernels::time_lstm::inference::InferenceLstm;
use slirec_onnx::proto::NodeProto;

use super::super::initializers::{Tensors, Unknown};
use super::{FusedModel, GateTime};

/// Weights of the LSTM in the order of its kernel's parameters.
const LSTM: [&str; 14] = [
    "time_input_weight_1",
    "time_input_bias_1",
    "time_bias_1",
    "time_kernel_input_1",
    "time_kernel_time_1",
    "output_kernel_1",
    "time_input_weight_2",
    "time_input_bias_2",
    "time_bias_2",
    "time_kernel_input_2",
    "time_kernel_time_2",
    "output_kernel_2",
    "kernel",
    "bias",
];

impl Tensors {
    /// A network of the scores graph, by the names of its tensors.
    fn network(&self, inputs: usize, names: &NetworkNames) -> Result<NetworkWeights<'_>, Unknown> {
        let (first, width) = match names.first {
            Some(name) => self.wide(name, inputs)?,
            None => (&[][..], 0),
        };
        let (second, hidden) = self.wide(&names.second, width)?;
        let output_bias = match &names.output_bias {
            Some(name) => self.values(name, &[1])?.first().copied().unwrap_or_default(),
            None => 0.0,
        };
        Ok(NetworkWeights {
            first,
            second,
            second_bias: self.values(&names.second_bias, &[hidden])?,
            output: self.values(&names.output, &[hidden, 1])?,
            output_bias,
        })
    }

    fn node(&self, is_it: impl Fn(&NodeProto) -> bool) -> Option<&NodeProto> {
        self.nodes.iter().find(|node| is_it(node))
    }

    /// Which time the mixing gate reads: what is multiplied with its weight.
    fn gate_time(&self) -> Result<GateTime, Unknown> {
        let input = |node: &NodeProto, number: usize| node.input.get(number).cloned().unwrap_or_default();
        let product = |node: &NodeProto| node.op_type() == "Mul" && input(node, 1) == "mixing.layer1.last_slot_weight";
        let time = self.node(product).map(|node| input(node, 0)).ok_or(Unknown::GateTime)?;
        let cut = |node: &NodeProto| node.op_type() == "Slice" && node.output.contains(&time);
        match self.node(cut) {
            None if time == "last_slot_time_to_now" => Ok(GateTime::LastSlot),
            Some(node) if input(node, 0) == "time_to_now" => Ok(GateTime::LastView),
            _ => Err(Unknown::GateTime),
        }
    }

    /// Empty slots count if their number is taken the logarithm of.
    fn counts_empty_slots(&self) -> bool {
        self.node(|node| node.op_type() == "Log").is_some()
    }
}

/// What the tensors of a network are called.
struct NetworkNames {
    /// None where it is made by the history graph.
    first: Option<&'static str>,
    second: String,
    second_bias: String,
    output: String,
    output_bias: Option<String>,
}

impl NetworkNames {
    fn of(network: &str, first: &'static str) -> Self {
        Self {
            first: Some(first),
            second: format!("{network}.layer2.weight"),
            second_bias: format!("{network}.layer2.bias"),
            output: format!("{network}.output.weight"),
            output_bias: Some(format!("{network}.output.bias")),
        }
    }

    fn attention() -> Self {
        let [second, second_bias, output] = ["layer2_weight", "layer2_bias", "output_weight"].map(str::to_owned);
        Self { first: None, second, second_bias, output, output_bias: None }
    }
}

impl FusedModel {
    /// Takes the model out of a bundle's graphs.
    pub(super) fn recognise(bundle: &Bundle) -> Result<Self, Unknown> {
        let set = InstructionSet::detect();
        let history = Tensors::read(HISTORY_GRAPH, &bundle.history_graph)?;
        let scores = Tensors::read(SCORES_GRAPH, &bundle.scores_graph)?;
        let gate_time = history.gate_time()?;
        let (weights, target, product) = history_weights(set, &history, bundle)?;
        let transition = weights.transitions.as_ref().map_or(0, |transitions| transitions.from.width + 1);
        let attention = NetworkWeights { first: &product, ..scores.network(target, &NetworkNames::attention())? };
        if attention.second.len() * target != attention.output.len() * attention.first.len() {
            let width = attention.first.len() / target;
            scores.values("layer2_weight", &[width, attention.output.len()])?;
        }
        let mixing = scores.network(target, &NetworkNames::of("mixing", "mixing.layer1.short_term_weight"))?;
        if mixing.first.len() != weights.mixing_share.len() {
            history.values("mixing.layer1.long_term_weight", &[target, mixing.first.len() / target])?;
        }
        let score = scores.network(target, &NetworkNames::of("score", "score.layer1.user_weight"))?;
        let scoring = Scoring::new(set, target, [&attention, &mixing, &score]);
        let sizes = scoring.candidate_sizes(transition);
        Ok(Self { history: HistoryNetwork::new(set, weights), gate_time, scoring, sizes })
    }
}

/// The weights that a history goes through, the width of a target, and Wp of the attention's first layer.
fn history_weights(
    set: InstructionSet,
    history: &Tensors,
    bundle: &Bundle,
) -> Result<(HistoryWeights, usize, Vec<f32>), Unknown> {
    let shape = &bundle.manifest.model;
    let items = history.table("embedding.item")?;
    let tables = shape.features.iter().map(|feature| history.table(&format!("embedding.{}", feature.name)));
    let features = tables.collect::<Result<Vec<_>, _>>()?;
    let target = items.width + features.iter().map(|table| table.width).sum::<usize>();

    let sizes = Sizes { input: items.width, hidden: target };
    let mut parameters = Vec::new();
    for (name, length) in LSTM.iter().zip(sizes.lengths()) {
        let name = format!("time_lstm.{name}");
        let expected = match name.as_str() {
            name if name.contains("kernel_input") => vec![sizes.input, target],
            name if name.contains("kernel_time") || name.contains("output_kernel") => vec![target, target],
            "time_lstm.kernel" => vec![sizes.input + target, 4 * target],
            _ => vec![length],
        };
        parameters.extend_from_slice(history.values(&name, &expected)?);
    }

    let (attention_share, width) = history.wide("candidate_attention.layer1.history_weight", target)?;
    let product = history.values("candidate_attention.layer1.product_weight", &[target, 1, width])?;
    let (mixing_share, width) = history.wide("mixing.layer1.long_term_weight", target)?;
    let transitions = match history.has("transition.from") {
        true => {
            let (positions, _) = history.shaped("transition.position", &[0, 1])?;
            Some(Transitions { from: history.table("transition.from")?, positions: positions.to_vec() })
        }
        false => None,
    };
    let weights = HistoryWeights {
        lstm: InferenceLstm::new(set, sizes, &parameters),
        attention_matrix: history.values("candidate_attention.attention_matrix", &[target, target])?.to_vec(),
        attention_share: attention_share.to_vec(),
        long_term_matrix: history.values("long_term.attention_matrix", &[target, target])?.to_vec(),
        long_term_query: history.values("long_term.query", &[target, 1])?.to_vec(),
        padded_slots: history.counts_empty_slots().then_some(shape.longest_history),
        mixing_share: mixing_share.to_vec(),
        gate_time_share: history.values("mixing.layer1.last_slot_weight", &[1, width])?.to_vec(),
        transitions,
        items,
        features,
    };
    Ok((weights, target, product.to_vec()))
}
