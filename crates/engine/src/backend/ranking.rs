//! A bundle's ranking network in our own kernels: the weights of its graphs enter, scores leave, without ONNX Runtime.

mod rows;
mod weights;

use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::{Bundle, HISTORY_GRAPH};
use slirec_core::history::{EncodedHistory, GAP_BUCKETS};
use slirec_core::lookup::ItemLookup;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request;
use slirec_kernels::request::ranking::{RankingHistory, RankingInputs, RankingNetwork, RoundedQuery, Scratch};

use super::initializers::Unknown;
use super::onnxruntime::OnnxRuntime;
use super::{Backend, PreparedCandidates, ShortlistSearch, parity};
use crate::candidates::{CandidateGraph, CandidateIds};
use crate::order::TakingPart;
use crate::shortlist::{Limits, Shortlist};
use crate::{EngineError, Explanations, Kernels};
use rows::{RankingRows, RoundedRows, unknown};

/// The model, whatever worker has it.
#[derive(Debug)]
struct RankingModel {
    network: RankingNetwork,
    /// Positions of a history at most.
    longest: usize,
}

impl RankingModel {
    fn recognise(bundle: &Bundle) -> Result<Self, Unknown> {
        let network = RankingNetwork::new(InstructionSet::detect(), weights::read(bundle)?);
        Ok(Self { network, longest: bundle.manifest.model.longest_history })
    }
}

/// Our own kernels with the memory of one worker.
#[derive(Debug)]
pub(crate) struct RankingKernels {
    model: Arc<RankingModel>,
    scratch: Scratch,
    /// Memory of the last history.
    spare: Option<RankingHistory>,
}

impl RankingKernels {
    /// The kernels, if they know the model and agree with ONNX Runtime about it; logs why not.
    pub(crate) fn agreeing(
        bundle: &Bundle,
        lookup: &ItemLookup,
        graph: &mut CandidateGraph,
        onnxruntime: &mut OnnxRuntime,
    ) -> Result<Option<Self>, EngineError> {
        let kernels = RankingModel::recognise(bundle).map(|model| Self::of_model(Arc::new(model)));
        parity::agreeing(kernels, onnxruntime, graph, bundle, lookup)
    }

    fn of_model(model: Arc<RankingModel>) -> Self {
        Self { model, scratch: Scratch::default(), spare: None }
    }
}

impl Backend for RankingKernels {
    const KERNELS: Kernels = Kernels::Fused;
    type Candidates = RankingRows;
    type History = RankingHistory;
    type Query = RoundedQuery;

    fn another(&self) -> Result<Self, EngineError> {
        Ok(Self::of_model(Arc::clone(&self.model)))
    }

    fn prepare(&self, _: &mut CandidateGraph, ids: &CandidateIds) -> Result<RankingRows, EngineError> {
        Ok(RankingRows::Whole(self.model.network.candidates(&ids.items, &ids.features).map_err(unknown)?))
    }

    fn prepare_many(
        &self,
        _: &mut CandidateGraph,
        ids: &CandidateIds,
        keep_rows: bool,
    ) -> Result<RankingRows, EngineError> {
        Ok(RankingRows::Rounded(Box::new(RoundedRows::new(Arc::clone(&self.model), ids, keep_rows)?)))
    }

    fn encode(&mut self, history: &EncodedHistory) -> Result<RankingHistory, EngineError> {
        let failed = |problem: String| EngineError::Session { graph: HISTORY_GRAPH, problem };
        let (length, longest) = (history.len(), self.model.longest);
        if length == 0 || length > longest {
            return Err(failed(format!("a history has {length} positions: expected 1 to {longest}")));
        }
        if let Some(bucket) =
            history.gaps.iter().chain([&history.age]).find(|bucket| usize::from(**bucket) >= GAP_BUCKETS)
        {
            return Err(failed(format!("a bucket is {bucket}: expected less than {GAP_BUCKETS}")));
        }
        let inputs = RankingInputs {
            items: &history.item_ids,
            features: &history.feature_ids,
            gaps: &history.gaps,
            age: history.age,
            user: &history.user_ids,
        };
        let mut prepared = self.spare.take().unwrap_or_default();
        let encoded = self.model.network.encode(&inputs, &mut self.scratch, &mut prepared);
        encoded.map_err(|id| failed(id.to_string()))?;
        Ok(prepared)
    }

    /// A candidate takes little: enough for the work to outweigh the taking, few enough that all workers end together.
    fn block_size(candidates: usize, _: &RankingHistory) -> usize {
        (candidates / 128 / request::BLOCK).clamp(16, 64) * request::BLOCK
    }

    fn score_block(
        &mut self,
        history: &RankingHistory,
        candidates: &RankingRows,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        match candidates {
            RankingRows::Whole(candidates) => self.model.network.scores(history, candidates, range, scores),
            RankingRows::Rounded(rows) => rows.scores(history, range, scores)?,
        }
        Ok(())
    }

    /// Attention and gate belong to the query: they are the same for all candidates. The terms are each candidate's own.
    fn explain(&mut self, history: &RankingHistory, candidates: &RankingRows) -> Result<Explanations, EngineError> {
        let shares = vec![history.long_term_share(); candidates.len()];
        let logits = self.model.network.explain(history, candidates.whole()?.as_ref());
        let logits = logits.map_err(|id| EngineError::Session { graph: HISTORY_GRAPH, problem: id.to_string() })?;
        Ok(Explanations::new(shares, history.attention().repeat(candidates.len())).with_logits(logits))
    }

    fn shortlist(
        &mut self,
        history: &RankingHistory,
        candidates: &RankingRows,
    ) -> Option<ShortlistSearch<RoundedQuery>> {
        let RankingRows::Rounded(rows) = candidates else { return None };
        let query = rows.query(history)?;
        let limits = Limits { temperature: query.temperature, ceiling: query.ceiling, floor: query.floor };
        Some(ShortlistSearch { query, limits, always: rows.raised(history) })
    }

    fn offer_block(
        &mut self,
        history: &RankingHistory,
        candidates: &RankingRows,
        query: &RoundedQuery,
        range: Range<usize>,
        taking_part: TakingPart<'_>,
        shortlist: &mut Shortlist,
    ) {
        if let RankingRows::Rounded(rows) = candidates {
            rows.offer(history, query, range, taking_part, shortlist);
        }
    }

    fn recycle(&mut self, history: RankingHistory) {
        self.spare = Some(history);
    }
}
