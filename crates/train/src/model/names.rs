//! Names of the weights that a fused part reads, in the order of its kernel's parameters.

/// The network of the candidate attention.
pub(super) const ATTENTION: &str = "candidate_attention";
/// The mixing gate's network.
pub(super) const MIXING: &str = "mixing";
/// The score's network.
pub(super) const SCORE: &str = "score";

/// Weights of the time-aware LSTM.
pub(super) fn lstm() -> Vec<String> {
    let of_time =
        ["time_input_weight", "time_input_bias", "time_bias", "time_kernel_input", "time_kernel_time", "output_kernel"];
    let of_times = ["1", "2"].into_iter().flat_map(|time| of_time.map(|name| format!("{name}_{time}")));
    let all = of_times.chain(["kernel".to_owned(), "bias".to_owned()]);
    all.map(|name| format!("time_lstm.{name}")).collect()
}

/// Weights of the long-term part.
pub(super) fn long_term() -> Vec<String> {
    vec!["long_term.attention_matrix".to_owned(), "long_term.query".to_owned()]
}

/// Weights of the candidate attention.
pub(super) fn attention() -> Vec<String> {
    let matrix = format!("{ATTENTION}.attention_matrix");
    [matrix].into_iter().chain(fully_connected(ATTENTION)).collect()
}

/// Weights of mixing and score.
pub(super) fn scoring() -> Vec<String> {
    fully_connected(MIXING).chain(fully_connected(SCORE)).collect()
}

/// A weight of a hidden layer, counted from 1.
pub(super) fn layer(network: &str, layer: usize, part: &str) -> String {
    format!("{network}.layer{layer}.{part}")
}

fn fully_connected(network: &str) -> impl Iterator<Item = String> {
    let layers = [1, 2]
        .into_iter()
        .flat_map(move |number| ["weight", "bias", "gamma", "beta"].map(|part| layer(network, number, part)));
    layers.chain(["weight", "bias"].map(|part| format!("{network}.output.{part}")))
}
