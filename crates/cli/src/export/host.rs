//! What an export needs of this program: ONNX Runtime and the kernels, baselines, and a person who watches.

use std::path::Path;

use slirec_connect::signing::{SigningKey, sign_directory};
use slirec_core::bundle::Bundle;
use slirec_engine::{BundleScorer, Kernels};
use slirec_train::analysis::{Analysis, Subject};
use slirec_train::baselines::Fitted;
use slirec_train::dataset::Dataset;
use slirec_train::evaluation::{ScoreError, Scorer, Seen};
use slirec_train::export::bundle::{Host, Parity};

use crate::judging::{fit, judge};
use crate::output;
use crate::scorer::scorer_of_bundle;

/// This program.
pub(crate) struct Program<'a> {
    pub(crate) onnxruntime: Option<&'a Path>,
    /// Signs the bundle.
    pub(crate) key: Option<&'a SigningKey>,
}

impl Host for Program<'_> {
    fn graphs(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError> {
        Ok(scorer_of_bundle(BundleScorer::from_bundle(bundle, self.onnxruntime)?))
    }

    fn served(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError> {
        Ok(scorer_of_bundle(BundleScorer::with_kernels(bundle, self.onnxruntime, Kernels::Fused)?))
    }

    fn fit(&self, dataset: &Dataset) -> Result<Vec<Fitted>, ScoreError> {
        Ok(fit(dataset, Seen::Keep)?)
    }

    fn judge(
        &self,
        model: &mut dyn Scorer,
        subject: &Subject<'_>,
        baselines: &[Fitted],
    ) -> Result<Analysis, ScoreError> {
        Ok(judge(model, subject, baselines)?)
    }

    fn checked(&self, Parity { histories, candidates, worst }: Parity) {
        // The bundle is written although the reader has closed.
        let _ = output::print(format!(
            "parity: {histories} histories × {candidates} candidates differ by at most {worst:.1e} between training and \
             ONNX Runtime"
        ));
    }

    fn sealed(&self, directory: &Path) -> Result<(), ScoreError> {
        Ok(self.key.map_or(Ok(()), |key| sign_directory(directory, key))?)
    }

    fn warn(&self, warning: &str) {
        output::warn(output::printable(warning));
    }
}
