//! What a run tells TensorBoard: losses, metrics, distributions of weights and activations.
//!
//! The activations are those that the original summarised: embeddings, the LSTM's states, both interests and what the
//! score's network reads, here of the first validation rows, without dropout.

use std::path::Path;

use super::learner::Learner;
use super::{Summaries, TrainError};
use crate::dataset::evaluation::EvaluationGroup;
use crate::hyperparameters::Hyperparameters;
use crate::inference::InferenceNetwork;
use crate::run::{EpochMetrics, RunError};
use crate::summaries::EventWriter;
use crate::weights::Weights;

/// Folder of the event files in a run directory.
const EVENTS: &str = "events";

/// Validation rows whose activations are summarised.
const ROWS_OF_ACTIVATIONS: usize = 64;

/// Writes what was asked for.
#[derive(Debug)]
pub(super) struct SummaryWriter {
    events: Option<EventWriter>,
    full: bool,
}

impl SummaryWriter {
    pub(super) fn create(
        summaries: Summaries,
        run: &Path,
        continued_from: Option<u64>,
        hyperparameters: &Hyperparameters,
    ) -> Result<Self, TrainError> {
        if summaries == Summaries::Off {
            return Ok(Self { events: None, full: false });
        }
        let mut events = EventWriter::create(&run.join(EVENTS), continued_from).map_err(RunError::from)?;
        events.hyperparameters(&flat(hyperparameters)).map_err(RunError::from)?;
        Ok(Self { events: Some(events), full: summaries == Summaries::Full })
    }

    /// After a step.
    pub(super) fn step(
        &mut self,
        step: usize,
        loss: f32,
        learning_rate: f64,
        learner: &impl Learner,
    ) -> Result<(), TrainError> {
        let Some(events) = &mut self.events else { return Ok(()) };
        let step = step as u64;
        let penalty = learner.penalty()?;
        for (tag, value) in [
            ("loss/data", loss),
            ("loss/penalty", penalty),
            ("loss/total", loss + penalty),
            ("learning_rate", learning_rate as f32),
        ] {
            events.scalar(tag, step, value).map_err(RunError::from)?;
        }
        Ok(())
    }

    /// After an epoch was evaluated.
    pub(super) fn epoch(
        &mut self,
        metrics: &EpochMetrics,
        weights: &Weights,
        network: &InferenceNetwork,
        valid: &[EvaluationGroup],
    ) -> Result<(), TrainError> {
        let Some(events) = &mut self.events else { return Ok(()) };
        let step = metrics.steps as u64;
        let ranking = metrics.ranking.as_ref().map(|ranking| ranking.by_name()).unwrap_or_default();
        for (name, value) in metrics.valid.by_name().iter().chain(&ranking) {
            events.scalar(&format!("valid/{name}"), step, *value as f32).map_err(RunError::from)?;
        }
        if self.full {
            for (name, array) in weights.iter() {
                events.histogram(&format!("weights/{name}"), step, &array.values).map_err(RunError::from)?;
            }
            let rows = valid.get(..ROWS_OF_ACTIVATIONS).unwrap_or(valid);
            let activations = network.activations(rows).map_err(|error| TrainError::Evaluation(error.into()))?;
            for (name, values) in activations {
                events.histogram(&format!("activations/{name}"), step, &values).map_err(RunError::from)?;
            }
        }
        Ok(events.flush().map_err(RunError::from)?)
    }
}

/// Every hyperparameter under its dotted key.
fn flat(hyperparameters: &Hyperparameters) -> Vec<(String, serde_json::Value)> {
    let Ok(serde_json::Value::Object(tables)) = serde_json::to_value(hyperparameters) else { return Vec::new() };
    let of_table = |(table, values): (String, serde_json::Value)| -> Vec<(String, serde_json::Value)> {
        let serde_json::Value::Object(values) = values else { return Vec::new() };
        values.into_iter().map(|(key, value)| (format!("{table}.{key}"), value)).collect()
    };
    tables.into_iter().flat_map(of_table).collect()
}
