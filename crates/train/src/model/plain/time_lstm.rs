//! Short-term state: the time-aware LSTM. Item embeddings `[B, L, X]` and two times enter, states `[B, L, H]` leave.
//!
//! Time 1 is the time to now, time 2 the time from the first event. Empty slots have the state 0.

use candle_core::{Device, Result, Tensor};

use super::{Network, PaddedBatch, sigmoid};

/// All states of all histories; formulas in `docs/MODEL.md`, "Short-term part".
pub(super) fn forward(network: &Network, inputs: &Tensor, batch: &PaddedBatch) -> Result<Tensor> {
    let (groups, slots, width) = inputs.dims3()?;
    let rows = inputs.reshape((groups * slots, width))?;
    let bias = network.weight("time_lstm.bias")?;
    let hidden = bias.elem_count() / 4;
    let kernel = network.weight("time_lstm.kernel")?;
    let shaped = |tensor: Tensor| {
        let columns = tensor.dim(1)?;
        tensor.reshape((groups, slots, columns))
    };

    let (gate_1, output_1) = time_gate(network, "1", &rows, &batch.time_to_now)?;
    let (gate_2, output_2) = time_gate(network, "2", &rows, &batch.time_from_first)?;
    let (gate_1, gate_2, output_times) = (shaped(gate_1)?, shaped(gate_2)?, shaped((output_1 + output_2)?)?);
    let projected = shaped(rows.matmul(&kernel.narrow(0, 0, width)?)?.broadcast_add(bias)?)?;
    let recurrent_kernel = kernel.narrow(0, width, hidden)?.contiguous()?;

    let mut cell = Tensor::zeros((groups, hidden), candle_core::DType::F32, &Device::Cpu)?;
    let mut state = cell.clone();
    let mut states = Vec::with_capacity(slots);
    for slot in 0..slots {
        let at = |tensor: &Tensor| tensor.narrow(1, slot, 1)?.squeeze(1);
        let gates = (at(&projected)? + state.matmul(&recurrent_kernel)?)?;
        let part = |index: usize| gates.narrow(1, index * hidden, hidden);
        let forgotten = (sigmoid(&part(2)?.affine(1.0, 1.0)?)? * at(&gate_2)? * &cell)?;
        let added = (sigmoid(&part(0)?)? * at(&gate_1)? * part(1)?.tanh()?)?;
        cell = (forgotten + added)?;
        state = (sigmoid(&(part(3)? + at(&output_times)?)?)? * cell.tanh()?)?;
        states.push(state.clone());
    }
    Tensor::stack(&states, 1)?.broadcast_mul(&batch.used_slots()?)
}

/// The time gate G = sigmoid(x · Wx + n · Wt + bias) and the output's share n · O, with n = tanh(time · w + b).
fn time_gate(network: &Network, gate: &str, rows: &Tensor, times: &[f32]) -> Result<(Tensor, Tensor)> {
    let weight = |name: &str| network.weight(&format!("time_lstm.{name}_{gate}"));
    let times = Tensor::from_slice(times, (times.len(), 1), &Device::Cpu)?;
    let input_weight = weight("time_input_weight")?.unsqueeze(0)?;
    let time = times.broadcast_mul(&input_weight)?.broadcast_add(weight("time_input_bias")?)?.tanh()?;
    let from_input = rows.matmul(weight("time_kernel_input")?)?;
    let from_time = time.matmul(weight("time_kernel_time")?)?;
    let gate = sigmoid(&(from_input + from_time)?.broadcast_add(weight("time_bias")?)?)?;
    Ok((gate, time.matmul(weight("output_kernel")?)?))
}
