//! One large request on several workers: the worker that has it invites the others, and all of them take block after
//! block until none is left. Workers that are busy do not come; then the inviting one does all blocks itself.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::EngineError;
use crate::scorer::{PreparedCandidates, PreparedHistory, Scorer};

type BlockScores = Result<(Range<usize>, Vec<f32>), EngineError>;

/// How a worker asks the others for help.
#[derive(Debug, Clone)]
pub(crate) struct Helpers {
    invitations: Sender<Arc<SharedWork>>,
    /// Other workers.
    count: usize,
    /// Requests with fewer candidates stay on one worker.
    threshold: usize,
}

impl Helpers {
    pub(crate) fn new(invitations: Sender<Arc<SharedWork>>, count: usize, threshold: usize) -> Self {
        Self { invitations, count, threshold }
    }

    /// A score for every candidate, in their order.
    pub(crate) fn score(
        &self,
        scorer: &mut Scorer,
        history: &Arc<PreparedHistory>,
        candidates: &Arc<PreparedCandidates>,
    ) -> Result<Vec<f32>, EngineError> {
        if self.count == 0 || candidates.len() < self.threshold {
            return scorer.score_encoded(history, candidates);
        }
        let (work, results) =
            SharedWork::new(history, candidates, scorer.block_size(candidates.len(), history.length()));
        for _ in 0..self.count {
            // A full channel holds enough invitations already.
            if self.invitations.try_send(Arc::clone(&work)).is_err() {
                break;
            }
        }
        work.help(scorer);
        let mut scores = vec![f32::NAN; candidates.len()];
        for _ in 0..work.blocks() {
            let (range, values) = results.recv().map_err(|_| EngineError::Worker)??;
            if let Some(slots) = scores.get_mut(range) {
                slots.copy_from_slice(&values);
            }
        }
        Ok(scores)
    }
}

/// A request whose blocks several workers take.
#[derive(Debug)]
pub(crate) struct SharedWork {
    history: Arc<PreparedHistory>,
    candidates: Arc<PreparedCandidates>,
    block: usize,
    next: AtomicUsize,
    results: Sender<BlockScores>,
}

impl SharedWork {
    fn new(
        history: &Arc<PreparedHistory>,
        candidates: &Arc<PreparedCandidates>,
        block: usize,
    ) -> (Arc<Self>, Receiver<BlockScores>) {
        let (results, answers) = unbounded();
        let (history, candidates) = (Arc::clone(history), Arc::clone(candidates));
        (Arc::new(Self { history, candidates, block, next: AtomicUsize::new(0), results }), answers)
    }

    fn blocks(&self) -> usize {
        self.candidates.len().div_ceil(self.block)
    }

    /// Takes blocks until none is left. Every block that was taken has a result, also when scoring panics.
    pub(crate) fn help(&self, scorer: &mut Scorer) {
        loop {
            let start = self.next.fetch_add(1, Ordering::Relaxed) * self.block;
            if start >= self.candidates.len() {
                return;
            }
            let range = start..(start + self.block).min(self.candidates.len());
            let mut scores = vec![f32::NAN; range.len()];
            let scored = catch_unwind(AssertUnwindSafe(|| {
                scorer.score_block(&self.history, &self.candidates, range.clone(), &mut scores)
            }));
            let result = match scored {
                Ok(Ok(())) => Ok((range, scores)),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(EngineError::Worker),
            };
            // Nobody listens once another block has failed.
            let _ = self.results.send(result);
        }
    }
}
