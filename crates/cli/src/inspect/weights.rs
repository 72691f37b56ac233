//! Weights: a safetensors file enters, the names, shapes and ranges of its tensors leave.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_train::weights::{Array, Weights};

use super::page::{Page, number};

/// What a file of weights holds. Names of TensorFlow stand as ours.
#[derive(Debug, Serialize)]
pub(crate) struct WeightsContents {
    tensors: Vec<Tensor>,
    values: u64,
    not_finite: u64,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    /// None when no value is finite.
    smallest: Option<f32>,
    mean: Option<f64>,
    largest: Option<f32>,
    not_finite: u64,
}

impl WeightsContents {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let weights = Weights::read(path)?;
        let tensors: Vec<Tensor> = weights.iter().map(|(name, array)| tensor(name, array)).collect();
        Ok(Self {
            values: weights.iter().map(|(_, array)| array.values.len() as u64).sum(),
            not_finite: tensors.iter().map(|tensor| tensor.not_finite).sum(),
            tensors,
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("tensors", self.tensors.len());
        page.field("values", number(self.values));
        if self.not_finite > 0 {
            page.field("not finite", format!("{} values: these weights cannot be used", number(self.not_finite)));
        }
        page.heading("Tensors");
        let cells = |tensor: &Tensor| {
            let small = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
            let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
            vec![
                tensor.name.clone(),
                shape.join(" × "),
                small(tensor.smallest.map(f64::from)),
                small(tensor.mean),
                small(tensor.largest.map(f64::from)),
            ]
        };
        let rows: Vec<Vec<String>> = self.tensors.iter().map(cells).collect();
        page.table(&["name", "shape", "smallest", "mean", "largest"], &rows);
    }
}

fn tensor(name: &str, array: &Array) -> Tensor {
    let finite = || array.values.iter().copied().filter(|value| value.is_finite());
    let count = finite().count();
    Tensor {
        name: name.to_owned(),
        shape: array.shape.clone(),
        smallest: finite().reduce(f32::min),
        mean: (count > 0).then(|| finite().map(f64::from).sum::<f64>() / count as f64),
        largest: finite().reduce(f32::max),
        not_finite: (array.values.len() - count) as u64,
    }
}
