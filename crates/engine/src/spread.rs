//! One request over all candidates: block after block is scored, exactly or within bounds, and only the best are kept, on the
//! worker that has the request or, when it is large, on all that come. Each takes blocks until none is left and keeps its
//! own best; the parts are merged at the end. Workers that are busy do not come; then the inviting one does all blocks itself.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use slirec_core::product_set::ProductSet;

use crate::EngineError;
use crate::backend::{Backend, PreparedCandidates};
use crate::blocks::Blocks;
use crate::order::{Order, TakingPart};
use crate::ranking::{Best, Candidate};
use crate::shortlist::{Limits, Shortlist};

/// What a request asks of all candidates.
#[derive(Debug)]
pub(crate) struct Pass<B: Backend> {
    pub(crate) history: Arc<B::History>,
    pub(crate) candidates: Arc<B::Candidates>,
    /// Which of equal scores go first, `[N]`.
    pub(crate) ties: Arc<[u32]>,
    /// Candidates that take part; none for all.
    pub(crate) passing: Option<Arc<ProductSet>>,
    /// What decides the order of the best; none for the scores.
    pub(crate) order: Option<Arc<Order>>,
    pub(crate) search: Search<B::Query>,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Search<Q> {
    /// So many of the best, by their scores.
    Best(usize),
    /// Those that can be among so many of the best, by what a query says of them.
    Shortlist(Q, Limits, usize),
}

/// What was found.
#[derive(Debug)]
enum Found {
    Best(Best),
    Shortlist(Shortlist),
}

impl Found {
    /// Takes in what another worker found in the same pass.
    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Best(best), Self::Best(other)) => best.merge(other),
            (Self::Shortlist(shortlist), Self::Shortlist(other)) => shortlist.merge(other),
            _ => {}
        }
    }
}

/// Scores of a block; reused from block to block.
type Scores = Vec<f32>;

impl<B: Backend> Pass<B> {
    /// Nothing yet.
    fn start(&self) -> Found {
        match &self.search {
            Search::Best(keep) => Found::Best(Best::new(*keep)),
            Search::Shortlist(_, limits, count) => {
                let raise = self.order.as_ref().map_or(0.0, |order| order.greatest_raise(limits.temperature));
                Found::Shortlist(Shortlist::new(*limits, raise, *count, self.candidates.len()))
            }
        }
    }

    /// Offers the candidates of a block.
    fn block(
        &self,
        backend: &mut B,
        range: Range<usize>,
        scores: &mut Scores,
        found: &mut Found,
    ) -> Result<(), EngineError> {
        if self.passing.as_ref().is_some_and(|passing| passing.has_none_of(&range)) {
            return Ok(());
        }
        let taking_part =
            TakingPart { passing: self.passing.as_deref(), order: self.order.as_deref(), ties: &self.ties };
        match (&self.search, found) {
            (Search::Shortlist(query, ..), Found::Shortlist(shortlist)) => {
                backend.offer_block(&self.history, &self.candidates, query, range, taking_part, shortlist);
            }
            (Search::Best(_), Found::Best(best)) => {
                scores.clear();
                scores.resize(range.len(), f32::NAN);
                backend.score_block(&self.history, &self.candidates, range.clone(), scores)?;
                for (row, score) in range.zip(scores.iter().copied()) {
                    if taking_part.contains(row) {
                        let (key, tie) = (taking_part.key(row, score), taking_part.tie(row));
                        best.offer(Candidate { row, score, key, tie });
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn block_size(&self) -> usize {
        B::block_size(self.candidates.len(), &self.history)
    }
}

/// How a worker asks the others for help.
#[derive(Debug)]
pub(crate) struct Helpers<B: Backend> {
    invitations: Sender<Arc<SharedWork<B>>>,
    /// Other workers.
    count: usize,
    /// Requests with fewer candidates stay on one worker.
    threshold: usize,
}

impl<B: Backend> Helpers<B> {
    pub(crate) fn new(invitations: Sender<Arc<SharedWork<B>>>, count: usize, threshold: usize) -> Self {
        Self { invitations, count, threshold }
    }

    /// The best candidates by their scores, for a pass that looks for them.
    pub(crate) fn best(&self, backend: &mut B, pass: Pass<B>) -> Result<Best, EngineError> {
        match self.find(backend, pass)? {
            Found::Best(best) => Ok(best),
            Found::Shortlist(_) => Err(EngineError::Worker),
        }
    }

    /// The candidates that can be among the best, for a pass that looks for them.
    pub(crate) fn shortlist(&self, backend: &mut B, pass: Pass<B>) -> Result<Shortlist, EngineError> {
        match self.find(backend, pass)? {
            Found::Shortlist(shortlist) => Ok(shortlist),
            Found::Best(_) => Err(EngineError::Worker),
        }
    }

    fn find(&self, backend: &mut B, pass: Pass<B>) -> Result<Found, EngineError> {
        let (count, block) = (pass.candidates.len(), pass.block_size());
        if self.count == 0 || count < self.threshold {
            let (mut found, mut scores) = (pass.start(), Scores::new());
            for start in (0..count).step_by(block) {
                pass.block(backend, start..(start + block).min(count), &mut scores, &mut found)?;
            }
            return Ok(found);
        }
        let (work, finished) = SharedWork::new(pass, block);
        for _ in 0..self.count {
            // A full channel holds enough invitations already.
            if self.invitations.try_send(Arc::clone(&work)).is_err() {
                break;
            }
        }
        work.help(backend);
        finished.recv().map_err(|_| EngineError::Worker)??;
        Ok(work.blocks.found(Found::Best(Best::default())))
    }
}

/// A pass whose blocks several workers take.
#[derive(Debug)]
pub(crate) struct SharedWork<B: Backend> {
    pass: Pass<B>,
    blocks: Blocks<Found>,
    finished: Sender<Result<(), EngineError>>,
}

impl<B: Backend> SharedWork<B> {
    fn new(pass: Pass<B>, block: usize) -> (Arc<Self>, Receiver<Result<(), EngineError>>) {
        let (finished, end) = bounded(1);
        let blocks = Blocks::new(pass.candidates.len(), block, pass.start());
        (Arc::new(Self { pass, blocks, finished }), end)
    }

    /// Takes blocks until none is left. Every block that was taken is accounted for, also when scoring panics. False when the
    /// backend failed.
    pub(crate) fn help(&self, backend: &mut B) -> bool {
        let (mut found, mut scores, mut taken) = (self.pass.start(), Scores::new(), 0);
        let mut sound = true;
        while let Some(range) = self.blocks.take() {
            let scored = catch_unwind(AssertUnwindSafe(|| self.pass.block(backend, range, &mut scores, &mut found)));
            if let Err(error) = scored.unwrap_or(Err(EngineError::Worker)) {
                // The first error ends the request; the channel has no room for another.
                let _ = self.finished.try_send(Err(error));
                sound = false;
            }
            taken += 1;
        }
        if self.blocks.merge(taken, |merged| merged.merge(&found)) {
            let _ = self.finished.try_send(Ok(()));
        }
        sound
    }
}
