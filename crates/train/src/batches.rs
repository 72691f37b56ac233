//! Training batches: the rows of an epoch in their order enter, batches with negatives leave, built on a thread of its own
//! while the step before them runs.
//!
//! A batch depends on the seed, the epoch and the step alone, so that it is the same whenever and on whichever thread it is built.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::batch::Batch;
use crate::dataset::evaluation::Candidate;
use crate::dataset::{Dataset, DatasetError};
use crate::hyperparameters::{Hyperparameters, SMALLEST_BATCH};
use crate::negatives::NegativeSampler;
use crate::random::{self, Purpose};

/// Batches that wait for their step.
const AHEAD: usize = 2;

/// Where batches come from.
#[derive(Debug, Clone, Copy)]
pub struct BatchSource<'a> {
    /// The data.
    pub dataset: &'a Dataset,
    /// Slots, negatives and size of a batch.
    pub hyperparameters: &'a Hyperparameters,
    /// Where negatives come from.
    pub negatives: &'a NegativeSampler,
    /// Seed of the negatives.
    pub seed: u64,
}

/// A batch and the step, from 1, that it is for.
pub type NumberedBatch = (u32, Batch);

impl BatchSource<'_> {
    /// Calls `consume` with the batches of an epoch behind the first `done` steps, in their order. Steps whose rows give no
    /// batch are left out. When `consume` is done, so is the epoch.
    pub fn ahead<T>(
        &self,
        rows: &[u32],
        epoch: u32,
        done: u32,
        consume: impl FnOnce(Receiver<Result<NumberedBatch, DatasetError>>) -> T,
    ) -> T {
        let (sender, receiver) = sync_channel(AHEAD);
        thread::scope(|scope| {
            scope.spawn(move || {
                let chunks = (1..).zip(rows.chunks(self.hyperparameters.training.batch_size));
                for (step, rows) in chunks.skip(done as usize) {
                    let batch = self.batch(rows, (epoch, step)).transpose();
                    let Some(batch) = batch.map(|batch| batch.map(|batch| (step, batch))) else { continue };
                    // The receiver is gone when training was interrupted or failed.
                    if sender.send(batch).is_err() {
                        break;
                    }
                }
            });
            consume(receiver)
        })
    }

    /// The rows with their negatives, never the own target. None for a batch that cannot give negatives.
    ///
    /// # Errors
    /// [`DatasetError`] for a row without a history.
    pub fn batch(&self, rows: &[u32], (epoch, step): (u32, u32)) -> Result<Option<Batch>, DatasetError> {
        let positives: Vec<Candidate> = rows.iter().filter_map(|row| self.dataset.candidate(*row as usize)).collect();
        let Some(first) = positives.first() else { return Ok(None) };
        if positives.len() < SMALLEST_BATCH || positives.iter().all(|positive| positive.item == first.item) {
            return Ok(None);
        }
        let slots = self.hyperparameters.model.longest_history;
        let negatives = self.hyperparameters.training.negatives;
        let mut random = random::generator(self.seed, Purpose::Negatives(epoch, step));
        let mut batch = Batch::new(&self.hyperparameters.model, negatives + 1);
        for (row, positive) in rows.iter().zip(&positives) {
            let history = self.dataset.history_before(*row as usize, slots)?;
            batch.push_history(&history);
            batch.push_candidate(positive);
            for _ in 0..negatives {
                batch.push_candidate(self.negatives.draw(positive.item, &positives, &mut random));
            }
        }
        Ok(Some(batch))
    }
}
