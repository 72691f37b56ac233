//! A checkpoint: weights, the optimiser's state and how far a run came enter and leave `last.safetensors`, one file that is
//! replaced as a whole. Everything random depends on seed, epoch and step alone, so nothing more is needed to go on as if
//! the run had never stopped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::optimizer::Adam;
use crate::weights::{Views, Weights, WeightsError};

const FIRST_MOMENT: &str = "adam.first.";
const SECOND_MOMENT: &str = "adam.second.";
const AVERAGE: &str = "average.";

/// How far a run came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The epoch that is going on, from 1; 0 before the untrained network is measured.
    pub epoch: usize,
    /// Its steps that are done.
    pub steps_of_epoch: u32,
    /// Steps of the whole run.
    pub steps: usize,
    /// Steps of the optimiser.
    optimizer_steps: i32,
    /// Bits of the sum of the losses of this epoch (JSON would round them).
    loss_sum_bits: u64,
    /// Losses in that sum.
    pub losses: u32,
    /// Epochs that were completed.
    pub epochs: usize,
    /// Epoch of the best weights.
    pub best_epoch: usize,
    /// Bits of the metric of the best weights.
    best_bits: u64,
    /// Bits of the group AUC of the best weights.
    best_group_auc_bits: u64,
    /// Lines of `metrics.jsonl`.
    pub metrics_lines: usize,
}

impl Progress {
    /// Sum of the losses of this epoch.
    pub fn loss_sum(&self) -> f64 {
        f64::from_bits(self.loss_sum_bits)
    }

    /// Adds a step's loss.
    pub fn add_loss(&mut self, loss: f32) {
        self.loss_sum_bits = (self.loss_sum() + f64::from(loss)).to_bits();
        self.losses += 1;
    }

    /// Mean loss of this epoch so far.
    pub fn mean_loss(&self) -> Option<f64> {
        (self.losses > 0).then(|| self.loss_sum() / f64::from(self.losses))
    }

    /// Goes on to an epoch.
    pub fn start_epoch(&mut self, epoch: usize) {
        (self.epoch, self.steps_of_epoch, self.loss_sum_bits, self.losses) = (epoch, 0, 0, 0);
    }

    /// What the best epoch is chosen by, and the group AUC of its weights.
    pub fn best(&self) -> (f64, f64) {
        (f64::from_bits(self.best_bits), f64::from_bits(self.best_group_auc_bits))
    }

    /// Keeps an epoch as the best one.
    pub fn set_best(&mut self, epoch: usize, metric: f64, group_auc: f64) {
        (self.best_epoch, self.best_bits, self.best_group_auc_bits) = (epoch, metric.to_bits(), group_auc.to_bits());
    }
}

/// A run at one moment.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The network's weights.
    pub weights: Weights,
    /// Their average over the last steps, for runs that keep one.
    pub average: Option<Weights>,
    /// The optimiser.
    pub optimizer: Adam,
    /// How far the run came.
    pub progress: Progress,
}

/// A run at one moment, whose values may belong to what learns.
#[derive(Debug, Default)]
pub struct State<'a> {
    /// The network's weights.
    pub weights: Views<'a>,
    /// Their average over the last steps, for runs that keep one.
    pub average: Option<Views<'a>>,
    /// Steps of the optimiser.
    pub optimizer_steps: i32,
    /// The optimiser's first and second moments of every weight, by its name.
    pub moments: Vec<(String, [Cow<'a, [f32]>; 2])>,
}

/// Writes a checkpoint, in place of the one before.
///
/// # Errors
/// [`WeightsError`] when the file cannot be written; the one before is then still there.
pub fn write(path: &Path, state: State<'_>, progress: &Progress) -> Result<(), WeightsError> {
    let State { weights: mut all, average, optimizer_steps, moments } = state;
    let progress = Progress { optimizer_steps, ..progress.clone() };
    let invalid = |problem: String| WeightsError::Invalid { path: path.to_owned(), problem };
    let note = serde_json::to_string(&progress).map_err(|error| invalid(error.to_string()))?;
    if let Some(average) = average {
        all.append(AVERAGE, average);
    }
    for (name, moments) in moments {
        for (prefix, values) in [FIRST_MOMENT, SECOND_MOMENT].into_iter().zip(moments) {
            all.insert(format!("{prefix}{name}"), vec![values.len()], values);
        }
    }
    all.write(path, Some(note))
}

/// Reads a checkpoint.
///
/// # Errors
/// [`WeightsError`] when the file cannot be read or is no checkpoint.
pub fn read(path: &Path) -> Result<Checkpoint, WeightsError> {
    let invalid = |problem: String| WeightsError::Invalid { path: path.to_owned(), problem };
    let progress: Progress = serde_json::from_str(&Weights::read_note(path)?)
        .map_err(|error| invalid(format!("is no checkpoint: {error}")))?;
    let mut weights = Weights::default();
    let mut average: Option<Weights> = None;
    let mut moments: [BTreeMap<String, Vec<f32>>; 2] = Default::default();
    for (name, array) in Weights::read(path)?.into_arrays() {
        let [first, second] = &mut moments;
        if let Some(weight) = name.strip_prefix(FIRST_MOMENT) {
            first.insert(weight.to_owned(), array.values);
        } else if let Some(weight) = name.strip_prefix(SECOND_MOMENT) {
            second.insert(weight.to_owned(), array.values);
        } else if let Some(weight) = name.strip_prefix(AVERAGE) {
            average.get_or_insert_default().insert(weight, array);
        } else {
            weights.insert(name, array);
        }
    }
    let [first, mut second] = moments;
    let mut moments = Vec::with_capacity(first.len());
    for (weight, first) in first {
        let second = second.remove(&weight).filter(|second| second.len() == first.len());
        let second = second.ok_or_else(|| invalid(format!("has no second moments that fit `{weight}`")))?;
        moments.push((weight, [first, second]));
    }
    let optimizer = Adam::restored(progress.optimizer_steps, moments.into_iter());
    Ok(Checkpoint { weights, average, optimizer, progress })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    #[test]
    fn a_checkpoint_reads_back_the_same_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        let mut weights = Weights::default();
        weights.insert("mixing.output.bias", Array { shape: vec![1], values: vec![0.1] });
        let moments = [("mixing.output.bias".to_owned(), [vec![0.3], vec![f32::MIN_POSITIVE]])];
        let optimizer = Adam::restored(17, moments.into_iter());
        let mut progress = Progress::default();
        progress.start_epoch(3);
        progress.add_loss(0.1);
        progress.add_loss(0.2);
        progress.set_best(2, 1.0 / 3.0, 0.7);
        let mut average = Weights::default();
        average.insert("mixing.output.bias", Array { shape: vec![1], values: vec![0.05] });
        let state = State {
            weights: Views::from(&weights),
            average: Some(Views::from(&average)),
            optimizer_steps: optimizer.steps(),
            moments: optimizer.state(),
        };
        write(&path, state, &progress).unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read.weights, weights);
        assert_eq!(read.average, Some(average));
        assert_eq!(read.optimizer.steps(), 17);
        assert!(read.optimizer.moments().eq(optimizer.moments()));
        assert_eq!(read.progress, Progress { optimizer_steps: 17, ..progress.clone() });
        assert_eq!(read.progress.loss_sum(), f64::from(0.1_f32) + f64::from(0.2_f32));
        assert_eq!(read.progress.best(), (1.0 / 3.0, 0.7));
    }

    #[test]
    fn weights_alone_are_no_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.safetensors");
        Weights::default().write(&path).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("best.safetensors: has no `slirec` among its metadata"), "{message}");
    }
}
