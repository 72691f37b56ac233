//! The answer to an inference request: recommendations enter, the bytes of the answer leave: JSON, and behind it the
//! tensors that the client asks for in binary form.

use serde::Serialize;
use slirec_engine::{Engine, Recommendations, ScoredProduct, Source};

use super::binary;
use super::input::Form;
use super::metadata::OUTPUTS;
use super::request::WantedOutput;

/// The JSON of an answer.
#[derive(Debug, Serialize)]
struct InferenceResponse<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    parameters: ResponseParameters,
    outputs: Vec<Output<'a>>,
}

#[derive(Debug, Serialize)]
struct ResponseParameters {
    /// `popular` when popularity answered one of the sessions.
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    name: &'static str,
    shape: [usize; 2],
    datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Values<'a>>,
}

#[derive(Debug, Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Values<'a> {
    Texts(Vec<&'a str>),
    Numbers(Vec<f32>),
}

/// How the sessions are to be answered.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    /// As the client calls the model.
    pub(super) model: &'a str,
    pub(super) id: Option<String>,
    pub(super) form: Form,
    pub(super) outputs: &'a [WantedOutput],
}

/// The bytes of an answer.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    /// How many of them are JSON; none when all are.
    pub(super) json_length: Option<usize>,
}

/// Writes the answer.
///
/// # Errors
/// Never for what is written here; passed on for completeness.
pub(super) fn write(engine: &Engine, wish: Wish<'_>, found: &[Recommendations]) -> Result<Written, serde_json::Error> {
    let width = found.iter().map(|answer| answer.products.len()).min().unwrap_or_default();
    // MLServer answers one session with a column; so do we.
    let shape = if wish.form == Form::Flat { [width, 1] } else { [found.len(), width] };
    let scored = || found.iter().flat_map(|answer| answer.products.iter().take(width));
    let gid = |scored: &ScoredProduct| {
        engine.catalog().products().get(scored.product).map_or("", |product| product.gid.as_str())
    };
    let mut tensors = Vec::new();
    let [handles, _] = OUTPUTS;
    let outputs = wish.outputs.iter().map(|output| {
        let is_handles = output.name == handles;
        let datatype = if is_handles { "BYTES" } else { "FP32" };
        let (parameters, data) = match (output.binary, is_handles) {
            (false, true) => (None, Some(Values::Texts(scored().map(gid).collect()))),
            (false, false) => (None, Some(Values::Numbers(scored().map(|scored| scored.score).collect()))),
            (true, true) => (Some(binary::write_texts(&mut tensors, scored().map(gid))), None),
            (true, false) => (Some(binary::write_numbers(&mut tensors, scored().map(|scored| scored.score))), None),
        };
        let parameters = parameters.map(|binary_data_size| BinarySize { binary_data_size });
        Output { name: output.name, shape, datatype, parameters, data }
    });
    let popular = found.iter().any(|answer| answer.source == Source::Popular);
    let answer = InferenceResponse {
        model_name: wish.model,
        model_version: &engine.model().version,
        id: wish.id,
        parameters: ResponseParameters { source: if popular { "popular" } else { "model" } },
        outputs: outputs.collect(),
    };
    let mut body = serde_json::to_vec(&answer)?;
    let json_length = wish.outputs.iter().any(|output| output.binary).then_some(body.len());
    body.append(&mut tensors);
    Ok(Written { body, json_length })
}
