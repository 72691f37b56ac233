//! Names of the tensors in the original's TensorFlow checkpoints enter; our names of them leave.

/// Whether a tensor of a TensorFlow checkpoint is a weight of the model: not a step counter, not the state of an
/// optimiser, which stands beside each weight under its name and another part.
pub fn is_tensorflow_weight(name: &str) -> bool {
    let optimizer = ["/Adam", "/Adam_1", "/Adadelta", "/Adadelta_1", "/Adagrad", "/Momentum", "/RMSProp", "/Ftrl"];
    name.starts_with("sequential/") && !optimizer.iter().any(|part| name.ends_with(part))
}

/// Our name of a tensor; none for tensors that the model does not use.
pub(super) fn our_name(name: &str) -> Option<String> {
    let Some(name) = name.strip_prefix("sequential/") else { return Some(name.to_owned()) };
    let fixed = match name {
        "embedding/item_embedding" => "embedding.item",
        "embedding/cate_embedding" => "embedding.category",
        "sli_rec/long_term_asvd/attention_mat" => "long_term.attention_matrix",
        "sli_rec/long_term_asvd/query" => "long_term.query",
        "sli_rec/attention_fcn/attention_fcn/attention_mat" => "candidate_attention.attention_matrix",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.to_owned());
    }
    if let Some(cell) = name.strip_prefix("sli_rec/rnn/time4lstm/time4lstm_cell/") {
        return lstm_name(cell);
    }
    let networks = [
        ("sli_rec/attention_fcn/attention_fcn/att_fcn/nn_part/", "candidate_attention"),
        ("sli_rec/fcn_alpha/nn_part/", "mixing"),
        ("logit_fcn/nn_part/", "score"),
    ];
    networks.iter().find_map(|(prefix, network)| Some(format!("{network}.{}", layer_name(name.strip_prefix(prefix)?)?)))
}

fn lstm_name(cell: &str) -> Option<String> {
    let ours = match cell {
        "kernel" | "bias" => cell,
        "_time_input_w1" => "time_input_weight_1",
        "_time_input_w2" => "time_input_weight_2",
        "_time_input_bias1" => "time_input_bias_1",
        "_time_input_bias2" => "time_input_bias_2",
        "_time_bias1" => "time_bias_1",
        "_time_bias2" => "time_bias_2",
        "_time_kernel_w1" => "time_kernel_input_1",
        "_time_kernel_w2" => "time_kernel_input_2",
        "_time_kernel_t1" => "time_kernel_time_1",
        "_time_kernel_t2" => "time_kernel_time_2",
        "_o_kernel_t1" => "output_kernel_1",
        "_o_kernel_t2" => "output_kernel_2",
        _ => return None,
    };
    Some(format!("time_lstm.{ours}"))
}

fn layer_name(name: &str) -> Option<String> {
    let ours = match name {
        "w_nn_layer0" => "layer1.weight",
        "w_nn_layer1" => "layer2.weight",
        "b_nn_layer0" => "layer1.bias",
        "b_nn_layer1" => "layer2.bias",
        "w_nn_output" => "output.weight",
        "b_nn_output" => "output.bias",
        _ => {
            let (layer, part) = name.split_once('/')?;
            let number = match layer {
                "batch_normalization" => 1,
                "batch_normalization_1" => 2,
                _ => return None,
            };
            return Some(format!("layer{number}.{part}"));
        }
    };
    Some(ours.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensorflow_names_become_ours_and_the_user_embedding_is_left_out() {
        let name = |name: &str| our_name(&format!("sequential/{name}"));
        assert_eq!(name("embedding/cate_embedding").as_deref(), Some("embedding.category"));
        assert_eq!(name("embedding/user_embedding"), None);
        assert_eq!(
            name("sli_rec/rnn/time4lstm/time4lstm_cell/_o_kernel_t2").as_deref(),
            Some("time_lstm.output_kernel_2")
        );
        assert_eq!(
            name("logit_fcn/nn_part/batch_normalization_1/moving_mean").as_deref(),
            Some("score.layer2.moving_mean")
        );
    }
}
