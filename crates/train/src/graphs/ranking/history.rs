//! `history.onnx`: ids of a history and buckets of its times, `[L]` with 1 <= L <= longest, enter; the query, the views and
//! neighbours that add to a logit and the normaliser leave. Runs once per request, never padded.

use slirec_core::vocabulary::{UserFeature, Vocabulary};
use slirec_onnx::builder::{Body, Element, Size, encode_model, integer, value};

use super::super::candidates::table;
use super::super::history::last_rows;
use super::candidates::embed;
use super::gap_lstm::{GAP_LSTM, gap_lstm};
use super::logits::history_values;
use super::normaliser::normaliser;
use super::{RECENT, Sizes};
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &Sizes, weights: &Weights, vocabulary: &Vocabulary) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph { body: Body::new(""), sizes, weights, users: vocabulary.user_features() };
    let embedded = embed(&mut graph.body, vocabulary, weights)?;
    let short = graph.short_term(&embedded)?;
    let long = graph.long_term(&embedded)?;
    let query = graph.query(&embedded, &short, &long)?;
    let back = graph.back();
    let from = graph.transitions(&back)?;
    let both = graph.body.node_with("Concat", &[&query, &from], vec![integer("axis", 1)]);
    graph.body.named("Transpose", &[&both], &["query"], Vec::new());
    let known = graph.known_views();
    graph.repeats(&back, &known)?;
    if let Some([_, recent]) = sizes.neighbours {
        graph.cooccurrences(recent, &back, &known)?;
    }
    let mut body = graph.body;
    normaliser(&mut body, sizes, weights, vocabulary)?;

    let (one, length) = (Size::Fixed(1), Size::Named("length"));
    let mut inputs = vec![
        value("item_ids", Element::Int64, &[length]),
        value("feature_ids", Element::Int64, &[length, Size::Fixed(vocabulary.features().len())]),
        value("gaps", Element::Int64, &[length]),
        value("age", Element::Int64, &[one]),
    ];
    if !vocabulary.user_features().is_empty() {
        inputs.push(value("user_ids", Element::Int64, &[Size::Fixed(vocabulary.user_features().len())]));
    }
    let mut outputs = history_values(sizes);
    outputs.push(value("normaliser", Element::Float, &[one, one]));
    outputs.push(value("history_attention", Element::Float, &[one, length]));
    outputs.push(value("history_share", Element::Float, &[one, one]));
    Ok(encode_model(body.into_graph("history", inputs, outputs), vec![gap_lstm()]))
}

/// The graph as it grows.
struct Graph<'a> {
    body: Body,
    sizes: &'a Sizes,
    weights: &'a Weights,
    users: &'a [UserFeature],
}

impl Graph<'_> {
    fn table(&mut self, name: &str) -> Result<String, WeightsError> {
        table(&mut self.body, self.weights, name)
    }

    /// `inputs · weight + bias`
    fn layer(&mut self, inputs: &str, layer: &str) -> Result<String, WeightsError> {
        let (weight, bias) = (self.table(&format!("{layer}.weight"))?, self.table(&format!("{layer}.bias"))?);
        Ok(self.body.node("Gemm", &[inputs, &weight, &bias]))
    }

    /// `[1, D]` of the last state.
    fn short_term(&mut self, embedded: &str) -> Result<String, WeightsError> {
        let gaps = self.table("time_lstm.gaps")?;
        let of_gaps = self.body.node("Gather", &[&gaps, "gaps"]);
        let mut inputs = vec![embedded.to_owned(), of_gaps];
        for name in ["time_lstm.input", "time_lstm.recurrent", "time_lstm.bias"] {
            inputs.push(self.table(name)?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.body.call(GAP_LSTM, &inputs, &["states"]);
        let last = last_rows(&mut self.body, "states", 1);
        self.layer(&last, "short_term")
    }

    /// Weighted mean of the embeddings, `[1, D]`; the weights are the history's attention.
    fn long_term(&mut self, embedded: &str) -> Result<String, WeightsError> {
        let direction = self.table("long_term.query")?;
        let body = &mut self.body;
        let logits = body.node("MatMul", &[embedded, &direction]);
        let (quarter, four) = (body.scalar(0.25), body.scalar(4.0));
        let logits = body.node("Mul", &[&logits, &quarter]);
        let logits = body.node("Tanh", &[&logits]);
        let logits = body.node("Mul", &[&logits, &four]);
        let attention = body.node_with("Softmax", &[&logits], vec![integer("axis", 0)]);
        let axis = body.integers(&[0]);
        body.named("Unsqueeze", &[&attention, &axis], &["history_attention"], Vec::new());
        Ok(body.node("MatMul", &["history_attention", embedded]))
    }

    /// What the embedding of an item meets, `[1, D]`.
    fn query(&mut self, embedded: &str, short: &str, long: &str) -> Result<String, WeightsError> {
        let now = self.table("now")?;
        let now = self.body.node("Gather", &[&now, "age"]);
        let now = self.with_user(now)?;
        let joined = self.body.node_with("Concat", &[short, long, &now], vec![integer("axis", 1)]);
        let gate = self.layer(&joined, "gate")?;
        let gate = self.body.node("Sigmoid", &[&gate]);
        let width = self.sizes.width;
        let mean = self.body.floats("gate.mean", &[width, 1], &vec![1.0 / width as f32; width]);
        self.body.named("MatMul", &[&gate, &mean], &["history_share"], Vec::new());

        let last = last_rows(&mut self.body, embedded, 1);
        let moved = self.body.node("Mul", &[&now, short]);
        let moved = self.body.node("Add", &[&moved, &now]);
        let joined = self.body.node_with("Concat", &[short, &last, &moved], vec![integer("axis", 1)]);
        let mixed = self.body.node("Tanh", &[&joined]);
        let mixed = self.layer(&mixed, "mixing")?;
        let of_last = self.table("last_view.weight")?;
        let of_last = self.body.node("MatMul", &[&last, &of_last]);

        let body = &mut self.body;
        let distance = body.node("Sub", &[long, short]);
        let distance = body.node("Mul", &[&gate, &distance]);
        let query = body.node("Add", &[short, &distance]);
        let query = body.node("Add", &[&query, &mixed]);
        Ok(body.node("Add", &[&query, &of_last]))
    }

    /// The moment with the attributes of the shopper, `[1, D]`.
    fn with_user(&mut self, mut now: String) -> Result<String, WeightsError> {
        for (place, feature) in (0..).zip(self.users) {
            let table = self.table(&format!("user.{}", feature.name))?;
            let place = self.body.integers(&[place]);
            let id = self.body.node("Gather", &["user_ids", &place]);
            let row = self.body.node("Gather", &[&table, &id]);
            now = self.body.node("Add", &[&now, &row]);
        }
        Ok(now)
    }

    /// How many views lie behind each position: L - 1, …, 1, 0.
    fn back(&mut self) -> String {
        let longest = self.sizes.longest;
        let places: Vec<i64> = (0..).take(longest).collect();
        let places: Vec<i64> = places.into_iter().rev().collect();
        let body = &mut self.body;
        let places = body.integer_table("position.back", &[longest], &places);
        let count = body.node("Shape", &["item_ids"]);
        let start = body.node("Neg", &[&count]);
        let (end, axis) = (body.integers(&[i64::MAX]), body.integers(&[0]));
        body.node("Slice", &[&places, &start, &end, &axis])
    }

    /// Weighted sum of the factors of the last items, `[1, D]`.
    fn transitions(&mut self, back: &str) -> Result<String, WeightsError> {
        let (from, recent) = (self.table("transition.from")?, self.table("transition.recent")?);
        let items = self.last("item_ids", RECENT);
        let rows = self.body.node("Gather", &[&from, &items]);
        let back = self.last(back, RECENT);
        let recent = self.body.node("Gather", &[&recent, &back]);
        let axis = self.body.integers(&[0]);
        let recent = self.body.node("Unsqueeze", &[&recent, &axis]);
        Ok(self.body.node("MatMul", &[&recent, &rows]))
    }

    /// 1 for views of known items, 0 for others, `[L]`.
    fn known_views(&mut self) -> String {
        let zero = self.body.integers(&[0]);
        self.known("item_ids", &zero)
    }

    fn known(&mut self, ids: &str, zero: &str) -> String {
        let one = self.body.scalar(1.0);
        let unknown = self.body.node("Equal", &[ids, zero]);
        let unknown = self.body.node_with("Cast", &[&unknown], vec![integer("to", 1)]);
        self.body.node("Sub", &[&one, &unknown])
    }

    /// Ids of the views and what each adds to the logit of its item.
    fn repeats(&mut self, back: &str, known: &str) -> Result<(), WeightsError> {
        let (distance, age) = (self.table("repeat.distance")?, self.table("repeat.age")?);
        let body = &mut self.body;
        let by_distance = body.node("Gather", &[&distance, back]);
        let by_age = body.node("Gather", &[&age, "age"]);
        let weights = body.node("Add", &[&by_distance, &by_age]);
        let weights = body.node("Mul", &[&weights, known]);
        let (row, column) = (body.integers(&[0]), body.integers(&[1]));
        body.named("Unsqueeze", &[&weights, &column], &["repeat_weights"], Vec::new());
        let ids = body.node_with("Cast", &["item_ids"], vec![integer("to", 1)]);
        body.named("Unsqueeze", &[&ids, &row], &["viewed"], Vec::new());
        Ok(())
    }

    /// Neighbours of the last views and what each adds to the sum of its item.
    fn cooccurrences(&mut self, recent: usize, back: &str, known: &str) -> Result<(), WeightsError> {
        let [items, weights] = [self.table("cooccurrence.items")?, self.table("cooccurrence.weights")?];
        // As many as there are weights, or as many as a history has positions.
        let count = recent.min(self.sizes.longest);
        let viewed = self.last("item_ids", count);
        let neighbours = self.body.node("Gather", &[&items, &viewed]);
        let weights = self.body.node("Gather", &[&weights, &viewed]);
        let recent = self.table("cooccurrence.recent")?;
        let (back, known) = (self.last(back, count), self.last(known, count));
        let recent = self.body.node("Gather", &[&recent, &back]);
        let recent = self.body.node("Mul", &[&recent, &known]);
        let zero = self.body.scalar(0.0);
        let known = self.known(&neighbours, &zero);
        let body = &mut self.body;
        let axis = body.integers(&[1]);
        let recent = body.node("Unsqueeze", &[&recent, &axis]);
        let weights = body.node("Mul", &[&weights, &recent]);
        let weights = body.node("Mul", &[&weights, &known]);
        let (row, column) = (body.integers(&[1, -1]), body.integers(&[-1, 1]));
        body.named("Reshape", &[&neighbours, &row], &["cooccurring"], Vec::new());
        body.named("Reshape", &[&weights, &column], &["cooccurring_weights"], Vec::new());
        Ok(())
    }

    fn last(&mut self, tensor: &str, count: usize) -> String {
        last_rows(&mut self.body, tensor, i64::try_from(count).unwrap_or(i64::MAX))
    }
}
