//! The parts of the ONNX format that the exporter writes: the bytes of a file enter before they are decoded; fields
//! that no exported graph has, and more of them than any would have, are refused.
//!
//! Decoding comes second because it turns the two bytes of an empty attribute into a kilobyte of memory.

use prost::encoding::{WireType, decode_key, decode_varint};

use crate::check::GraphError;

/// The demo model has 2,600 fields in all three graphs; each further item feature adds about 100.
const MOST_FIELDS: usize = 1 << 16;
/// Longest name or description, in bytes.
const LONGEST_TEXT: usize = 1_024;
/// Messages in messages: the constant of a loop's body in a function is 7 deep.
const DEEPEST: usize = 12;

/// Messages of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    OperatorSet,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Entry,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Dimension,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Number,
    Text,
    Weights,
    Of(Message),
}

impl Message {
    /// What a field holds, by its number in `proto.rs`; none for those that the exporter does not write.
    fn field(self, number: u32) -> Option<Content> {
        use Content::{Number, Of, Text, Weights};
        Some(match (self, number) {
            (Self::Model, 1) => Number,
            (Self::Model, 2 | 3) => Text,
            (Self::Model, 7) => Of(Self::Graph),
            (Self::Model, 8) | (Self::Function, 9) => Of(Self::OperatorSet),
            (Self::Model, 25) => Of(Self::Function),
            (Self::OperatorSet, 1) => Text,
            (Self::OperatorSet, 2) => Number,
            (Self::Function, 1 | 4 | 5 | 8 | 10) => Text,
            (Self::Function, 7) | (Self::Graph, 1) => Of(Self::Node),
            (Self::Graph, 2) => Text,
            (Self::Graph, 5) => Of(Self::Tensor),
            (Self::Graph, 11 | 12) => Of(Self::ValueInfo),
            (Self::Node, 1..=4 | 7) => Text,
            (Self::Node, 5) => Of(Self::Attribute),
            (Self::Attribute, 1) => Text,
            (Self::Attribute, 3 | 20) => Number,
            (Self::Attribute, 5) => Of(Self::Tensor),
            (Self::Attribute, 6) => Of(Self::Graph),
            (Self::Tensor, 1 | 2) => Number,
            (Self::Tensor, 8) => Text,
            (Self::Tensor, 9) => Weights,
            (Self::ValueInfo, 1) => Text,
            (Self::ValueInfo, 2) => Of(Self::Type),
            (Self::Type, 1) => Of(Self::TensorType),
            (Self::TensorType, 1) | (Self::Dimension, 1) => Number,
            (Self::TensorType, 2) => Of(Self::Shape),
            (Self::Shape, 1) => Of(Self::Dimension),
            (Self::Dimension, 2) => Text,
            // Refused after decoding, where the tensor can be named.
            (Self::Tensor, 13) => Of(Self::Entry),
            (Self::Tensor, 14) | (Self::SparseTensor, 3) => Number,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Of(Self::SparseTensor),
            (Self::SparseTensor, 1 | 2) => Of(Self::Tensor),
            (Self::Entry, 1 | 2) => Text,
            _ => return None,
        })
    }
}

/// Refuses files that hold anything else than exported graphs do, or much more of it.
///
/// # Errors
/// [`GraphError`] for the first offence.
pub(super) fn check(file: &[u8]) -> Result<(), GraphError> {
    message(Message::Model, file, 0, &mut 0)
}

fn message(kind: Message, mut bytes: &[u8], depth: usize, fields: &mut usize) -> Result<(), GraphError> {
    let refused = |problem: String| Err(GraphError::NotExported(problem));
    if depth > DEEPEST {
        return Err(GraphError::Depth);
    }
    while !bytes.is_empty() {
        *fields += 1;
        if *fields > MOST_FIELDS {
            return refused(format!("has more than {MOST_FIELDS} fields"));
        }
        let (number, wire) = decode_key(&mut bytes)?;
        match (kind.field(number), wire) {
            (Some(Content::Number), WireType::Varint) => {
                decode_varint(&mut bytes)?;
            }
            (Some(content), WireType::LengthDelimited) if content != Content::Number => {
                let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
                let Some((inner, rest)) = bytes.split_at_checked(length) else {
                    return refused(format!("ends within field {number} of {kind:?}"));
                };
                bytes = rest;
                match content {
                    Content::Of(kind) => message(kind, inner, depth + 1, fields)?,
                    Content::Text if length > LONGEST_TEXT => {
                        return refused(format!("has a text of {length} bytes: expected at most {LONGEST_TEXT}"));
                    }
                    _ => {}
                }
            }
            _ => return refused(format!("has field {number} of {kind:?} as {wire:?}: no exported graph has that")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TrainingInfoProto};

    fn refusal(model: &ModelProto) -> String {
        check(&model.encode_to_vec()).unwrap_err().to_string()
    }

    fn with_graph(graph: GraphProto) -> ModelProto {
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn a_small_file_that_would_take_much_memory_is_refused_before_it_is_decoded() {
        let node = NodeProto { attribute: vec![AttributeProto::default(); MOST_FIELDS], ..NodeProto::default() };
        let model = with_graph(GraphProto { node: vec![node], ..GraphProto::default() });
        assert!(model.encoded_len() < 140_000);
        assert!(refusal(&model).contains("has more than 65536 fields"));
    }

    #[test]
    fn parts_of_the_format_that_no_exported_graph_has_are_refused() {
        let training = ModelProto { training_info: vec![TrainingInfoProto::default()], ..ModelProto::default() };
        assert!(refusal(&training).contains("field 20 of Model"), "{}", refusal(&training));
        let tensor = TensorProto { float_data: vec![1.0], ..TensorProto::default() };
        let listed = with_graph(GraphProto { initializer: vec![tensor], ..GraphProto::default() });
        assert!(refusal(&listed).contains("field 4 of Tensor"), "{}", refusal(&listed));
        assert!(check(b"\x80\x04\x95pickle").unwrap_err().to_string().starts_with("is not an ONNX file"));
    }

    #[test]
    fn long_texts_endless_nesting_and_cut_files_are_refused() {
        let long = with_graph(GraphProto { name: Some("a".repeat(1_025)), ..GraphProto::default() });
        assert!(refusal(&long).contains("has a text of 1025 bytes"));
        let mut inner = GraphProto::default();
        for _ in 0..40 {
            let attribute = AttributeProto { g: Some(inner), ..AttributeProto::default() };
            let node = NodeProto { attribute: vec![attribute], ..NodeProto::default() };
            inner = GraphProto { node: vec![node], ..GraphProto::default() };
        }
        assert!(matches!(check(&with_graph(inner).encode_to_vec()), Err(GraphError::Depth)));
        let whole = with_graph(GraphProto { name: Some("graph".into()), ..GraphProto::default() }).encode_to_vec();
        assert!(check(&whole).is_ok());
        assert!((1..whole.len()).all(|length| check(&whole[..length]).is_err()));
    }
}
