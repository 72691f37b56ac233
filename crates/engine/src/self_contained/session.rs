//! `model.onnx` at work, as any runtime would run it: its bytes enter, then histories; answers leave.

use std::collections::BTreeMap;
use std::path::Path;

use ort::session::Session;
use ort::value::Tensor;
use slirec_core::bundle::{Bundle, GoldenRequest};
use slirec_core::parity;
use slirec_core::vocabulary::UserValue;

use super::{SELF_CONTAINED_GRAPH, users};
use crate::EngineError;
use crate::runtime::SessionMaker;
use crate::tensors::failed_in;

/// The best products with their scores, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// GIDs.
    pub item_ids: Vec<String>,
    /// Their scores.
    pub scores: Vec<f32>,
}

/// A self-contained graph, loaded.
#[derive(Debug)]
pub struct SelfContainedModel(Session);

impl SelfContainedModel {
    /// Loads the graph on the processor.
    ///
    /// # Errors
    /// [`EngineError`] when the graph or ONNX Runtime cannot be used.
    pub fn load(bytes: &[u8], onnxruntime: Option<&Path>) -> Result<Self, EngineError> {
        let maker = SessionMaker::on_processor(onnxruntime)?;
        Ok(Self(maker.session(SELF_CONTAINED_GRAPH, bytes)?))
    }

    /// Answers one history; `now` (Unix seconds or milliseconds) is the newest timestamp unless given.
    ///
    /// # Errors
    /// [`EngineError::Session`] for timestamps that are no numbers or are not as many as the items.
    pub fn recommend(
        &mut self,
        items: &[String],
        timestamps: &[String],
        now: Option<f64>,
    ) -> Result<Answer, EngineError> {
        self.recommend_to(&BTreeMap::new(), items, timestamps, now)
    }

    /// As [`SelfContainedModel::recommend`], to a shopper with these attributes.
    ///
    /// # Errors
    /// As there, and for attributes that the model does not have.
    pub fn recommend_to(
        &mut self,
        user: &BTreeMap<String, UserValue>,
        items: &[String],
        timestamps: &[String],
        now: Option<f64>,
    ) -> Result<Answer, EngineError> {
        let failed = failed_in(SELF_CONTAINED_GRAPH);
        let texts = |texts: &[String]| Tensor::from_string_array(([texts.len()], texts)).map_err(failed);
        let mut inputs = ort::inputs![
            "userId" => texts(&[String::new()])?,
            "items" => texts(items)?,
            "timestamps" => texts(timestamps)?,
        ];
        if let Some(now) = now {
            inputs.push(("now".into(), Tensor::from_array(([1], vec![now])).map_err(failed)?.into()));
        }
        for (name, value) in user {
            let tensor = match value {
                UserValue::Text(text) => texts(std::slice::from_ref(text))?.into_dyn(),
                UserValue::List(entries) => texts(entries)?.into_dyn(),
                UserValue::Number(number) => Tensor::from_array(([1], vec![*number])).map_err(failed)?.into_dyn(),
            };
            inputs.push((users::input(name).into(), tensor.into()));
        }
        let outputs = self.0.run(inputs).map_err(failed)?;
        let output = |name: &str| {
            outputs.get(name).ok_or_else(|| EngineError::SelfContained(format!("there is no output `{name}`")))
        };
        let (_, item_ids) = output("itemIds")?.try_extract_strings().map_err(failed)?;
        let (_, scores) = output("preds")?.try_extract_tensor::<f32>().map_err(failed)?;
        Ok(Answer { item_ids, scores: scores.to_vec() })
    }

    /// Compares the answers with the scores that training recorded. Products beyond the answer's end are not seen.
    ///
    /// # Errors
    /// [`EngineError::Golden`] for the first difference.
    pub fn check_golden(&mut self, bundle: &Bundle) -> Result<(), EngineError> {
        for (number, request) in (1..).zip(&bundle.manifest.golden_requests) {
            let timestamps: Vec<String> = request.timestamps.iter().map(f64::to_string).collect();
            let answer = self.recommend_to(&request.user, &request.items, &timestamps, Some(request.now))?;
            compare(bundle, request, &answer).map_err(|problem| EngineError::Golden { request: number, problem })?;
        }
        Ok(())
    }
}

fn compare(bundle: &Bundle, request: &GoldenRequest, answer: &Answer) -> Result<(), String> {
    let products = bundle.catalog.products();
    for (item, score) in answer.item_ids.iter().zip(&answer.scores) {
        let product = products.iter().find(|product| product.gid == *item).ok_or(format!("`{item}` is not sold"))?;
        let Some(expected) = request.top.iter().find(|golden| golden.handle == product.handle) else { continue };
        parity::compare_golden(*score, expected)?;
    }
    // Another product with the same score may stand before the best one.
    let best = request.top.iter().max_by(|left, right| left.score.total_cmp(&right.score));
    let found = answer.scores.first().copied().unwrap_or(f32::NAN);
    best.map_or(Ok(()), |best| parity::compare_golden(found, best))
}
