//! The LSTM over a history as a function of the file, in standard operators: embeddings `[L, D]` and what the gaps add to
//! the gates `[L, 4 D]` enter, states `[L, D]` leave.

use slirec_onnx::builder::{Body, Element, Size, graph, integer, value};
use slirec_onnx::proto::{FunctionProto, GraphProto};

/// Name of the function.
pub(super) const GAP_LSTM: &str = "GapLstm";

/// The gates stand in the order input, forget, output, candidate. What does not depend on the state before is computed for
/// all positions at once; the recurrence is a `Scan`.
pub(super) fn gap_lstm() -> FunctionProto {
    let mut body = Body::new("");
    let projected = body.node("MatMul", &["embedded", "input"]);
    let projected = body.node("Add", &[&projected, "bias"]);
    let projected = body.node("Add", &[&projected, "of_gaps"]);
    let (zero, one) = (body.integers(&[0]), body.integers(&[1]));
    let shape = body.node("Shape", &["recurrent"]);
    let width = body.node("Slice", &[&shape, &zero, &one]);
    let start = body.node("ConstantOfShape", &[&width]);
    let attributes = vec![graph("body", step()), integer("num_scan_inputs", 1)];
    body.named("Scan", &[&start, &start, &projected], &["last_cell", "last_state", "states"], attributes);
    let inputs = ["embedded", "of_gaps", "input", "recurrent", "bias"];
    body.into_function(GAP_LSTM, &inputs, &["states"], "LSTM whose gates know the time between two views.")
}

/// One step: cell and state of the position before, and the position's gates without the state's part.
fn step() -> GraphProto {
    let mut body = Body::new("step_");
    let recurrent = body.node("MatMul", &["step_state_before", "recurrent"]);
    let gates = body.node("Add", &["step_projected", &recurrent]);
    let parts = ["step_input", "step_forget", "step_output", "step_candidate"];
    body.named("Split", &[&gates], &parts, vec![integer("axis", 0)]);
    let forget = body.node("Sigmoid", &["step_forget"]);
    let kept = body.node("Mul", &[&forget, "step_cell_before"]);
    let enter = body.node("Sigmoid", &["step_input"]);
    let fresh = body.node("Tanh", &["step_candidate"]);
    let added = body.node("Mul", &[&enter, &fresh]);
    body.named("Add", &[&kept, &added], &["step_cell"], Vec::new());
    let out = body.node("Sigmoid", &["step_output"]);
    let bounded = body.node("Tanh", &["step_cell"]);
    body.named("Mul", &[&out, &bounded], &["step_state"], Vec::new());
    body.named("Identity", &["step_state"], &["step_state_out"], Vec::new());
    let vector = |name: &str, size| value(name, Element::Float, &[Size::Named(size)]);
    let inputs = ["step_cell_before", "step_state_before"].map(|name| vector(name, "values"));
    let inputs = inputs.into_iter().chain([vector("step_projected", "gates")]).collect();
    let outputs = ["step_cell", "step_state", "step_state_out"].map(|name| vector(name, "values"));
    body.into_graph("step", inputs, outputs.to_vec())
}
