//! Tensors of ONNX Runtime: what goes in and comes out of a graph, with errors that name graph and output.

use ort::session::SessionOutputs;

use crate::EngineError;

/// The floats of an output.
pub(crate) fn floats<'a>(
    graph: &'static str,
    outputs: &'a SessionOutputs<'_>,
    output: &str,
) -> Result<&'a [f32], EngineError> {
    let value = outputs.get(output).ok_or_else(|| missing(graph, output))?;
    let (_, values) = value.try_extract_tensor::<f32>().map_err(failed_in(graph))?;
    Ok(values)
}

/// As many floats of an output as expected.
pub(crate) fn floats_of_length<'a>(
    graph: &'static str,
    outputs: &'a SessionOutputs<'_>,
    output: &str,
    expected: usize,
) -> Result<&'a [f32], EngineError> {
    let values = floats(graph, outputs, output)?;
    if values.len() != expected {
        let (found, expected) = (format!("{} values", values.len()), format!("{expected} values"));
        return Err(EngineError::Output { graph, output: output.to_owned(), found, expected });
    }
    Ok(values)
}

pub(crate) fn missing(graph: &'static str, output: &str) -> EngineError {
    let (found, expected) = ("missing".to_owned(), "a tensor of floats".to_owned());
    EngineError::Output { graph, output: output.to_owned(), found, expected }
}

/// What ONNX Runtime says of a graph.
pub(crate) fn failed_in(graph: &'static str) -> impl Fn(ort::Error) -> EngineError + Copy {
    move |error| EngineError::Session { graph, problem: error.to_string() }
}

/// Ids as graphs take them.
pub(crate) fn signed(ids: &[u32]) -> Vec<i64> {
    ids.iter().map(|id| i64::from(*id)).collect()
}
