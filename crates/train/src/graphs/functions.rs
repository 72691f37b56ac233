//! The two hot parts as functions of the file, in standard operators.
//!
//! `TimeLstm`: item embeddings `[L, X]` and two times `[L]` enter, states `[L, H]` leave.
//! `CandidateAttention`: candidates `[n, D]`, their share of the first layer, the states and the history's share enter;
//! attended states `[n, H]` and the attention weights `[n, L]` leave.

use slirec_onnx::builder::{Body, Element, Size, graph, integer, value};
use slirec_onnx::proto::FunctionProto;

/// Inputs of `TimeLstm`; the weights' names are those of the checkpoint without their prefix.
pub(super) const TIME_LSTM_WEIGHTS: [&str; 14] = [
    "time_input_weight_1",
    "time_input_bias_1",
    "time_kernel_input_1",
    "time_kernel_time_1",
    "time_bias_1",
    "output_kernel_1",
    "time_input_weight_2",
    "time_input_bias_2",
    "time_kernel_input_2",
    "time_kernel_time_2",
    "time_bias_2",
    "output_kernel_2",
    "kernel",
    "bias",
];

/// Inputs of `CandidateAttention`.
pub(super) const CANDIDATE_ATTENTION_INPUTS: [&str; 8] = [
    "query",
    "attention_query",
    "states",
    "attention_history",
    "product_weights",
    "layer2_weight",
    "layer2_bias",
    "output_weight",
];

/// Formulas in `docs/MODEL.md`, "Short-term part". Everything that does not depend on the previous state is computed
/// for all positions at once; the recurrence is a `Scan`.
pub(super) fn time_lstm() -> FunctionProto {
    let mut body = Body::new("");
    let (gate_1, output_1) = time_gate(&mut body, "1", "time_to_now");
    let (gate_2, output_2) = time_gate(&mut body, "2", "time_from_first");
    let output_times = body.node("Add", &[&output_1, &output_2]);
    // The kernel's first rows belong to the input, the last H to the state.
    let hidden = body.node("Shape", &["time_bias_1"]);
    let kernel_shape = body.node("Shape", &["kernel"]);
    let zero = body.integers(&[0]);
    let one = body.integers(&[1]);
    let kernel_rows = body.node("Slice", &[&kernel_shape, &zero, &one]);
    let input_rows = body.node("Sub", &[&kernel_rows, &hidden]);
    let input_kernel = body.node("Slice", &["kernel", &zero, &input_rows, &zero]);
    let state_kernel = body.node("Slice", &["kernel", &input_rows, &kernel_rows, &zero]);
    let projected = body.node("MatMul", &["inputs", &input_kernel]);
    let projected = body.node("Add", &[&projected, "bias"]);
    let start = body.node("ConstantOfShape", &[&hidden]);

    let step = scan_step(&state_kernel);
    let attributes = vec![graph("body", step), integer("num_scan_inputs", 4)];
    let inputs = [&*start, &*start, &*projected, &*gate_1, &*gate_2, &*output_times];
    body.named("Scan", &inputs, &["last_cell", "last_state", "states"], attributes);
    let mut names = vec!["inputs", "time_to_now", "time_from_first"];
    names.extend(TIME_LSTM_WEIGHTS);
    body.into_function("TimeLstm", &names, &["states"], "Time-aware LSTM of SLi-Rec: states of every position.")
}

/// G = sigmoid(x · Wx + n · Wt + bias) and n · O, with n = tanh(time · w + b).
fn time_gate(body: &mut Body, gate: &str, time: &str) -> (String, String) {
    let name = |part: &str| format!("{part}_{gate}");
    let axis = body.integers(&[1]);
    let column = body.node("Unsqueeze", &[time, &axis]);
    let scaled = body.node("Mul", &[&column, &name("time_input_weight")]);
    let shifted = body.node("Add", &[&scaled, &name("time_input_bias")]);
    let encoded = body.node("Tanh", &[&shifted]);
    let from_input = body.node("MatMul", &["inputs", &name("time_kernel_input")]);
    let from_time = body.node("MatMul", &[&encoded, &name("time_kernel_time")]);
    let sum = body.node("Add", &[&from_input, &from_time]);
    let sum = body.node("Add", &[&sum, &name("time_bias")]);
    let gate = body.node("Sigmoid", &[&sum]);
    (gate, body.node("MatMul", &[&encoded, &name("output_kernel")]))
}

/// One step of the recurrence: cell and state of the position before, and the position's precomputed rows.
fn scan_step(state_kernel: &str) -> slirec_onnx::proto::GraphProto {
    let mut body = Body::new("step_");
    let recurrent = body.node("MatMul", &["step_state_before", state_kernel]);
    let gates = body.node("Add", &["step_projected", &recurrent]);
    let parts = ["step_i", "step_j", "step_f", "step_o"];
    body.named("Split", &[&gates], &parts, vec![integer("axis", 0)]);
    let one = body.scalar(1.0);
    let forget = body.node("Add", &["step_f", &one]);
    let forget = body.node("Sigmoid", &[&forget]);
    let forget = body.node("Mul", &[&forget, "step_gate_2"]);
    let kept = body.node("Mul", &[&forget, "step_cell_before"]);
    let enter = body.node("Sigmoid", &["step_i"]);
    let enter = body.node("Mul", &[&enter, "step_gate_1"]);
    let fresh = body.node("Tanh", &["step_j"]);
    let added = body.node("Mul", &[&enter, &fresh]);
    body.named("Add", &[&kept, &added], &["step_cell"], Vec::new());
    let out = body.node("Add", &["step_o", "step_output_times"]);
    let out = body.node("Sigmoid", &[&out]);
    let squashed = body.node("Tanh", &["step_cell"]);
    body.named("Mul", &[&out, &squashed], &["step_state"], Vec::new());
    body.named("Identity", &["step_state"], &["step_state_out"], Vec::new());
    let vector = |name: &str| value(name, Element::Float, &[Size::Named("values")]);
    let inputs =
        ["step_cell_before", "step_state_before", "step_projected", "step_gate_1", "step_gate_2", "step_output_times"]
            .map(|name| value(name, Element::Float, &[Size::Named(name_of_size(name))]));
    body.into_graph("step", inputs.to_vec(), ["step_cell", "step_state", "step_state_out"].map(vector).to_vec())
}

/// The projected gates are four times as wide as the other rows.
fn name_of_size(input: &str) -> &'static str {
    if input == "step_projected" { "gates" } else { "values" }
}

/// Attention with the first layer already split: the pair's share is one product with `product_weights`
/// `[D, L · width]`, the other shares are added.
pub(super) fn candidate_attention() -> FunctionProto {
    let mut body = Body::new("");
    let history_shape = body.node("Shape", &["attention_history"]);
    let any = body.integers(&[-1]);
    let pair_shape = body.node_with("Concat", &[&any, &history_shape], vec![integer("axis", 0)]);
    let pairs = body.node("MatMul", &["query", "product_weights"]);
    let pairs = body.node("Reshape", &[&pairs, &pair_shape]);
    let pairs = body.node("Add", &[&pairs, "attention_history"]);
    let axis = body.integers(&[1]);
    let from_query = body.node("Unsqueeze", &["attention_query", &axis]);
    let first = body.node("Add", &[&pairs, &from_query]);
    let first = body.node("Relu", &[&first]);
    let second = body.node("MatMul", &[&first, "layer2_weight"]);
    let second = body.node("Add", &[&second, "layer2_bias"]);
    let second = body.node("Relu", &[&second]);
    // The output's bias is left out: it moves all logits alike, which no softmax sees.
    let logits = body.node("MatMul", &[&second, "output_weight"]);
    let last = body.integers(&[2]);
    let logits = body.node("Squeeze", &[&logits, &last]);
    body.named("Softmax", &[&logits], &["attention"], vec![integer("axis", -1)]);
    body.named("MatMul", &["attention", "states"], &["attended"], Vec::new());
    let outputs = ["attended", "attention"];
    let description = "Attention of candidates to the states of a history, with the first layer split.";
    body.into_function("CandidateAttention", &CANDIDATE_ATTENTION_INPUTS, &outputs, description)
}
