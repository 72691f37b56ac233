//! A bundle's ranking network in our own kernels: the weights of its graphs enter, scores leave, without ONNX Runtime.

mod weights;

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH, HISTORY_GRAPH};
use slirec_core::history::{EncodedHistory, GAP_BUCKETS};
use slirec_core::lookup::ItemLookup;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request;
use slirec_kernels::request::ranking::{RankingCandidates, RankingHistory, RankingInputs, RankingNetwork, Scratch};

use super::initializers::Unknown;
use super::onnxruntime::OnnxRuntime;
use super::{Backend, PreparedCandidates, parity};
use crate::candidates::{CandidateGraph, CandidateIds};
use crate::{EngineError, Explanations, Kernels, Precision};

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
    /// A candidate is a few values, which lie far apart.
    const COPY_FROM: usize = 32;
    type Candidates = RankingCandidates;
    type History = RankingHistory;
    type Approximate = Infallible;

    fn another(&self) -> Result<Self, EngineError> {
        Ok(Self::of_model(Arc::clone(&self.model)))
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn prepare(&self, graph: &mut CandidateGraph, ids: &CandidateIds) -> Result<RankingCandidates, EngineError> {
        let width = self.model.network.candidate_width();
        let mut candidates = RankingCandidates::zeros(width, &ids.items);
        for part in graph.parts(ids) {
            let (first, columns) = part?;
            let (rows, bias) = (columns.named("embedding"), columns.named("bias"));
            for (output, values, size) in [("embedding", rows, width), ("bias", bias, 1)] {
                if values.len() != columns.count * size {
                    return Err(EngineError::Output {
                        graph: CANDIDATES_GRAPH,
                        output: output.to_owned(),
                        found: format!("{} values", values.len()),
                        expected: format!("{size} values for each of {} candidates", columns.count),
                    });
                }
            }
            candidates.set(first, rows, bias);
        }
        Ok(candidates)
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
        candidates: &RankingCandidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        self.model.network.scores(history, candidates, range, scores);
        Ok(())
    }

    /// Attention and gate belong to the query: they are the same for all candidates.
    fn explain(
        &mut self,
        history: &RankingHistory,
        candidates: &RankingCandidates,
    ) -> Result<Explanations, EngineError> {
        let shares = vec![history.long_term_share(); candidates.len()];
        Ok(Explanations::new(shares, history.attention().repeat(candidates.len())))
    }

    fn approximate(&mut self, _: &RankingHistory, _: &RankingCandidates) -> Option<Infallible> {
        None
    }

    fn approximate_block(&mut self, _: &RankingHistory, never: &Infallible, _: Range<usize>, _: &mut [f32]) {
        match *never {}
    }

    fn recycle(&mut self, history: RankingHistory) {
        self.spare = Some(history);
    }
}

impl PreparedCandidates for RankingCandidates {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self::select(self, rows)
    }

    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize) {
        self.embeddings(rows)
    }

    fn is_finite(&self) -> bool {
        Self::is_finite(self)
    }
}
