//! A bundle on the caller's thread, for evaluation and export: histories and any candidates enter, scores leave.

use std::fmt::Debug;
use std::path::Path;

use slirec_core::bundle::{Bundle, Network};
use slirec_core::history::EncodedHistory;
use slirec_core::lookup::ItemLookup;

use crate::backend::fused::Fused;
use crate::backend::onnxruntime::OnnxRuntime;
use crate::backend::ranking::RankingKernels;
use crate::backend::{Backend, PreparedCandidates};
use crate::candidates::{CandidateGraph, CandidateIds};
use crate::runtime::SessionMaker;
use crate::{EngineError, Explanations, Kernels, graphs};

/// Scores with a bundle, without its golden requests, on the processor.
#[derive(Debug)]
pub struct BundleScorer {
    kernels: Kernels,
    scorer: Box<dyn Scorer>,
}

impl BundleScorer {
    /// By ONNX Runtime, as every user of the files does.
    ///
    /// # Errors
    /// [`EngineError`] when a graph or ONNX Runtime cannot be used.
    pub fn from_bundle(bundle: &Bundle, onnxruntime: Option<&Path>) -> Result<Self, EngineError> {
        Self::with_kernels(bundle, onnxruntime, Kernels::OnnxRuntime)
    }

    /// As [`BundleScorer::from_bundle`], by other kernels where they can be used.
    ///
    /// # Errors
    /// As for [`BundleScorer::from_bundle`].
    pub fn with_kernels(bundle: &Bundle, onnxruntime: Option<&Path>, kernels: Kernels) -> Result<Self, EngineError> {
        graphs::check(bundle)?;
        let maker = SessionMaker::on_processor(onnxruntime)?;
        let mut graph = CandidateGraph::new(&maker, bundle)?;
        let mut onnxruntime = OnnxRuntime::new(&maker, bundle)?;
        if kernels == Kernels::Fused {
            let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
            match bundle.manifest.model.network {
                Network::SliRec => {
                    if let Some(fused) = Fused::agreeing(bundle, &lookup, &mut graph, &mut onnxruntime)? {
                        return Ok(Self::of_backend(graph, fused));
                    }
                }
                Network::Ranking => {
                    if let Some(kernels) = RankingKernels::agreeing(bundle, &lookup, &mut graph, &mut onnxruntime)? {
                        return Ok(Self::of_backend(graph, kernels));
                    }
                }
            }
        }
        Ok(Self::of_backend(graph, onnxruntime))
    }

    fn of_backend<B: Backend>(graph: CandidateGraph, backend: B) -> Self {
        Self { kernels: B::KERNELS, scorer: Box::new(OfBackend { graph, backend, prepared: None }) }
    }

    /// Which code computes.
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// A score for every candidate, in their order. What depends on the candidates alone is computed once, as long as the
    /// same ones are asked for again.
    ///
    /// # Errors
    /// [`EngineError::Session`] for ids beyond the embedding tables, or when ONNX Runtime fails.
    pub fn score(&mut self, history: &EncodedHistory, candidates: &CandidateIds) -> Result<Vec<f32>, EngineError> {
        self.scorer.score(history, candidates)
    }

    /// Why each candidate gets its score.
    ///
    /// # Errors
    /// As for [`BundleScorer::score`].
    pub fn explain(
        &mut self,
        history: &EncodedHistory,
        candidates: &CandidateIds,
    ) -> Result<Explanations, EngineError> {
        self.scorer.explain(history, candidates)
    }
}

/// Any backend with the candidates that it scored last.
trait Scorer: Debug + Send {
    fn score(&mut self, history: &EncodedHistory, candidates: &CandidateIds) -> Result<Vec<f32>, EngineError>;
    fn explain(&mut self, history: &EncodedHistory, candidates: &CandidateIds) -> Result<Explanations, EngineError>;
}

#[derive(Debug)]
struct OfBackend<B: Backend> {
    graph: CandidateGraph,
    backend: B,
    prepared: Option<(CandidateIds, B::Candidates)>,
}

impl<B: Backend> OfBackend<B> {
    /// The candidates, and the backend that is to score them.
    fn prepare(&mut self, ids: &CandidateIds) -> Result<(&B::Candidates, &mut B), EngineError> {
        let known = self.prepared.take().filter(|(known, _)| known == ids);
        let prepared = match known {
            Some(known) => known,
            None => (ids.clone(), self.backend.prepare(&mut self.graph, ids)?),
        };
        let (_, candidates) = self.prepared.insert(prepared);
        Ok((candidates, &mut self.backend))
    }
}

impl<B: Backend> Scorer for OfBackend<B> {
    fn score(&mut self, history: &EncodedHistory, ids: &CandidateIds) -> Result<Vec<f32>, EngineError> {
        let (candidates, backend) = self.prepare(ids)?;
        if candidates.len() == 0 {
            return Ok(Vec::new());
        }
        let history = backend.encode(history)?;
        backend.scores(&history, candidates)
    }

    fn explain(&mut self, history: &EncodedHistory, ids: &CandidateIds) -> Result<Explanations, EngineError> {
        let (candidates, backend) = self.prepare(ids)?;
        if candidates.len() == 0 {
            return Ok(Explanations::default());
        }
        let history = backend.encode(history)?;
        backend.explain(&history, candidates)
    }
}
