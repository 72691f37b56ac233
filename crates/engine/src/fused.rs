//! The model without ONNX Runtime: the weights of a bundle's graphs enter, by their names; scores by fused kernels leave.
//!
//! Only graphs of the shapes that `slirec export` writes are known here. For any other there is no fused model, and one that is
//! known must give the same scores as its graphs before it serves ([`FusedModel::new`] says which, the engine compares).

use std::collections::{HashMap, HashSet};

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH};
use slirec_core::history::EncodedHistory;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::serving::{
    CandidateScorer, Candidates, Encoded, HistoryEncoder, HistoryWeights, LayersWeights, Padding, Reasons,
    ScorerWeights, Views, Workspace,
};
use slirec_onnx::check::decode_checked;
use slirec_onnx::proto::tensor_proto::DataType;
use slirec_onnx::proto::{GraphProto, TensorProto};

use crate::scorer::PreparedCandidates;
use crate::{EngineError, Explanation};

/// Parameters of the LSTM in the order of the kernel, without their prefix.
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

/// A matrix of a graph.
#[derive(Debug)]
struct Table {
    columns: usize,
    values: Vec<f32>,
}

impl Table {
    fn row(&self, id: u32) -> Option<&[f32]> {
        let start = usize::try_from(id).ok()?.checked_mul(self.columns)?;
        self.values.get(start..start.checked_add(self.columns)?)
    }
}

/// A model in kernels; shared by all workers.
#[derive(Debug)]
pub(crate) struct FusedModel {
    set: InstructionSet,
    /// Embeddings of the items, then of each feature.
    tables: Vec<Table>,
    /// Transition factors of the items, and how many views they are of.
    transitions: Option<(Table, usize)>,
    /// Whether the gate reads the time of the last view instead of the last slot.
    gate_reads_last_view: bool,
    encoder: HistoryEncoder,
    scorer: CandidateScorer,
}

impl FusedModel {
    /// Takes the weights out of a bundle's graphs, or says why this model is not known here.
    pub(crate) fn new(bundle: &Bundle) -> Result<Self, String> {
        let set = InstructionSet::detect();
        let [candidates, history, scores] = [
            (CANDIDATES_GRAPH, &bundle.candidates_graph),
            (HISTORY_GRAPH, &bundle.history_graph),
            (SCORES_GRAPH, &bundle.scores_graph),
        ]
        .map(|(name, bytes)| Graph::read(name, bytes));
        let (candidates, history, scores) = (candidates?, history?, scores?);
        let item = history.table("embedding.item")?;
        let mut tables = vec![item];
        for feature in &bundle.manifest.model.features {
            tables.push(history.table(&format!("embedding.{}", feature.name))?);
        }
        let target: usize = tables.iter().map(|table| table.columns).sum();
        let transitions = match history.tensors.contains_key("transition.from") {
            true => Some((history.table("transition.from")?, history.vector("transition.position")?.len())),
            false => None,
        };
        Ok(Self {
            set,
            encoder: encoder(set, &tables, target, bundle.manifest.model.longest_history, &history, &candidates)?,
            scorer: scorer(set, target, &history, &candidates, &scores)?,
            gate_reads_last_view: !history.used.contains("last_slot_time_to_now"),
            tables,
            transitions,
        })
    }

    /// The instructions that the kernels use.
    pub(crate) fn instructions(&self) -> &'static str {
        self.set.name()
    }

    /// Encodes a history.
    pub(crate) fn encode(&self, history: &EncodedHistory) -> Result<Encoded, EngineError> {
        let unknown = |what: &str, id: u32| EngineError::Session {
            graph: HISTORY_GRAPH,
            problem: format!("{what} id {id} is beyond the embeddings"),
        };
        let width: usize = self.tables.iter().map(|table| table.columns).sum();
        let features = self.tables.len() - 1;
        let mut embeddings = Vec::with_capacity(history.len() * width);
        let (items, of_features) = self.tables.split_first().ok_or_else(|| unknown("item", 0))?;
        for (position, item) in history.item_ids.iter().enumerate() {
            embeddings.extend_from_slice(items.row(*item).ok_or_else(|| unknown("item", *item))?);
            let ids = history.feature_ids.get(position * features..).unwrap_or_default();
            for (table, id) in of_features.iter().zip(ids) {
                embeddings.extend_from_slice(table.row(*id).ok_or_else(|| unknown("feature", *id))?);
            }
        }
        let mut factors = Vec::new();
        if let Some((table, positions)) = &self.transitions {
            let first = history.len().saturating_sub(*positions);
            for item in history.item_ids.iter().skip(first) {
                factors.push(table.row(*item).ok_or_else(|| unknown("item", *item))?);
            }
        }
        let last_view = history.time_to_now.last().copied().unwrap_or_default();
        Ok(self.encoder.encode(&Views {
            embeddings: &embeddings,
            time_to_now: &history.time_to_now,
            time_from_first: &history.time_from_first,
            gate_time: if self.gate_reads_last_view { last_view } else { history.last_slot_time_to_now },
            transitions: &factors,
        }))
    }

    /// Replaces `scores`, of the candidates from `start` on.
    pub(crate) fn score(
        &self,
        history: &Encoded,
        candidates: &PreparedCandidates,
        start: usize,
        workspace: &mut Workspace,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        let columns = self.columns(candidates, start, scores.len())?;
        self.scorer.score(history, &columns, workspace, scores, None);
        Ok(())
    }

    /// Why candidates got their scores.
    pub(crate) fn explain(
        &self,
        history: &Encoded,
        candidates: &PreparedCandidates,
        workspace: &mut Workspace,
    ) -> Result<Vec<Explanation>, EngineError> {
        let (count, length) = (candidates.len(), history.length());
        let [mut scores, mut long_term_share] = [0; 2].map(|_| vec![0.0; count]);
        let mut attention = vec![0.0; count * length];
        let reasons = Reasons { attention: &mut attention, long_term_share: &mut long_term_share };
        let columns = self.columns(candidates, 0, count)?;
        self.scorer.score(history, &columns, workspace, &mut scores, Some(reasons));
        let rows = long_term_share.iter().zip(attention.chunks_exact(length));
        Ok(rows.map(|(share, row)| Explanation { long_term_share: *share, attention: row.to_vec() }).collect())
    }

    fn columns<'a>(
        &self,
        candidates: &'a PreparedCandidates,
        start: usize,
        count: usize,
    ) -> Result<Candidates<'a>, EngineError> {
        let rows = |name: &'static str| candidates.rows(name, start, count);
        Ok(Candidates {
            queries: rows("query")?,
            mixing: rows("mixing_query")?,
            score: rows("score_query")?,
            transitions: if self.transitions.is_some() { rows("transition_candidate")? } else { &[] },
        })
    }
}

fn encoder(
    set: InstructionSet,
    tables: &[Table],
    target: usize,
    slots: usize,
    history: &Graph,
    candidates: &Graph,
) -> Result<HistoryEncoder, String> {
    let item = tables.first().map_or(0, |table| table.columns);
    let mut lstm = Vec::new();
    for (name, length) in LSTM.iter().zip(slirec_kernels::time_lstm::Sizes { input: item, hidden: target }.lengths()) {
        lstm.extend(history.sized(&format!("time_lstm.{name}"), length)?);
    }
    let empty = history.vector("embedding.default")?;
    let pads = history.operators.contains("Log");
    let bias = candidates.vector("attention_query.bias")?;
    let mixing_time = history.vector("mixing.layer1.last_slot_weight")?;
    let square = target * target;
    let positions = match history.tensors.contains_key("transition.position") {
        true => history.vector("transition.position")?,
        false => Vec::new(),
    };
    Ok(HistoryEncoder::new(
        set,
        &HistoryWeights {
            item,
            lstm: &lstm,
            long_term_matrix: &history.sized("long_term.attention_matrix", square)?,
            long_term_query: &history.sized("long_term.query", target)?,
            padding: pads.then_some(Padding { slots, embedding: empty.get(..target).ok_or("embedding.default")? }),
            key_matrix: &history.sized("candidate_attention.attention_matrix", square)?,
            attention_key: &history.sized("candidate_attention.layer1.history_weight", target * bias.len())?,
            attention_bias: &bias,
            mixing_long_term: &history.sized("mixing.layer1.long_term_weight", target * mixing_time.len())?,
            mixing_time: &mixing_time,
            transition_position: &positions,
        },
    ))
}

fn scorer(
    set: InstructionSet,
    target: usize,
    history: &Graph,
    candidates: &Graph,
    scores: &Graph,
) -> Result<CandidateScorer, String> {
    let attention_width = candidates.vector("attention_query.bias")?.len();
    let mixing_width = candidates.vector("mixing_query.bias")?.len();
    let score_width = candidates.vector("score_query.bias")?.len();
    // The attention's output bias is not in the graph: it moves all logits alike, which no softmax sees.
    let attention = Rest::read(scores, attention_width, ["layer2_weight", "layer2_bias", "output_weight"], None)?;
    let network = |name: &str, width| {
        let part = |part: &str| format!("{name}.{part}");
        let names = [part("layer2.weight"), part("layer2.bias"), part("output.weight")];
        Rest::read(scores, width, names.each_ref().map(String::as_str), Some(&part("output.bias")))
    };
    let (mixing, score) = (network("mixing", mixing_width)?, network("score", score_width)?);
    Ok(CandidateScorer::new(
        set,
        target,
        &ScorerWeights {
            attention_product: &history.sized("candidate_attention.layer1.product_weight", target * attention_width)?,
            attention_query: &candidates.sized("attention_query.weight", target * attention_width)?,
            attention: attention.weights(),
            mixing_short_term: &scores.sized("mixing.layer1.short_term_weight", target * mixing_width)?,
            mixing: mixing.weights(),
            score_user: &scores.sized("score.layer1.user_weight", target * score_width)?,
            score: score.weights(),
        },
    ))
}

/// A network behind its first layer.
struct Rest {
    weight: Vec<f32>,
    bias: Vec<f32>,
    output: Vec<f32>,
    output_bias: f32,
}

impl Rest {
    fn read(graph: &Graph, inputs: usize, names: [&str; 3], output_bias: Option<&str>) -> Result<Self, String> {
        let [weight, bias, output] = names;
        let bias = graph.vector(bias)?;
        let output_bias = output_bias.map(|name| graph.sized(name, 1)).transpose()?;
        Ok(Self {
            weight: graph.sized(weight, inputs * bias.len())?,
            output: graph.sized(output, bias.len())?,
            output_bias: output_bias.and_then(|values| values.first().copied()).unwrap_or_default(),
            bias,
        })
    }

    fn weights(&self) -> LayersWeights<'_> {
        let Self { weight, bias, output, output_bias } = self;
        LayersWeights { weight, bias, output, output_bias: *output_bias }
    }
}

/// The float tensors of a graph by name, and what its nodes are and read.
struct Graph {
    name: &'static str,
    tensors: HashMap<String, TensorProto>,
    operators: HashSet<String>,
    used: HashSet<String>,
}

impl Graph {
    fn read(name: &'static str, bytes: &[u8]) -> Result<Self, String> {
        let model = decode_checked(bytes).map_err(|error| format!("{name}: {error}"))?;
        let GraphProto { initializer, node, .. } = model.graph.ok_or_else(|| format!("{name} holds no graph"))?;
        let named = initializer.into_iter().filter_map(|tensor| Some((tensor.name.clone()?, tensor)));
        Ok(Self {
            name,
            tensors: named.collect(),
            operators: node.iter().map(|node| node.op_type().to_owned()).collect(),
            used: node.into_iter().flat_map(|node| node.input).collect(),
        })
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, String> {
        let problem = |what: &str| format!("{}: `{name}` {what}", self.name);
        let tensor = self.tensors.get(name).ok_or_else(|| problem("is missing"))?;
        let bytes = tensor.raw_data.as_deref().filter(|_| tensor.data_type() == DataType::Float as i32);
        let (values, rest) = bytes.ok_or_else(|| problem("is no tensor of raw floats"))?.as_chunks();
        if values.is_empty() || !rest.is_empty() {
            return Err(problem("holds no whole values"));
        }
        Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn sized(&self, name: &str, length: usize) -> Result<Vec<f32>, String> {
        let values = self.vector(name)?;
        if values.len() != length {
            return Err(format!("{}: `{name}` holds {} values: expected {length}", self.name, values.len()));
        }
        Ok(values)
    }

    fn table(&self, name: &str) -> Result<Table, String> {
        let values = self.vector(name)?;
        let columns = self.tensors.get(name).and_then(|tensor| tensor.dims.last().copied());
        let columns = columns.and_then(|columns| usize::try_from(columns).ok()).filter(|columns| *columns > 0);
        let columns = columns.filter(|columns| values.len() % columns == 0);
        Ok(Table { columns: columns.ok_or_else(|| format!("{}: `{name}` is no matrix", self.name))?, values })
    }
}
