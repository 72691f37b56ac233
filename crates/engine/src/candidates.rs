//! Which products are scored: ids of a vocabulary enter, what the candidates graph makes of them leaves, column by column.

use std::ops::Range;

use ort::session::Session;
use ort::value::Tensor;
use slirec_core::bundle::{Bundle, CANDIDATES_GRAPH};

use crate::EngineError;
use crate::runtime::SessionMaker;
use crate::tensors::{failed_in, floats, missing, signed};

/// Candidates that go through the graph at once: its results stay in the caches, and its memory in bounds.
pub(crate) const CANDIDATES_AT_ONCE: usize = 4_096;

/// Ids of candidates, as columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CandidateIds {
    /// Vocabulary ids of the items, `[N]`.
    pub items: Vec<u32>,
    /// Vocabulary ids of the features, `[N, F]` row by row.
    pub features: Vec<u32>,
}

/// What the candidates graph gives, column by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub(crate) count: usize,
    pub(crate) columns: Vec<Column>,
}

/// One output of the candidates graph.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) width: usize,
    /// `[N, width]`
    pub(crate) values: Vec<f32>,
}

impl Column {
    /// The values of some candidates; none beyond the last.
    pub(crate) fn rows(&self, rows: &Range<usize>) -> &[f32] {
        self.values.get(rows.start * self.width..rows.end * self.width).unwrap_or_default()
    }
}

impl Columns {
    /// The values of a column, row by row, or nothing.
    pub(crate) fn named(&self, name: &str) -> &[f32] {
        self.columns.iter().find(|column| column.name == name).map_or(&[], |column| &column.values)
    }

    /// These candidates, and then those.
    ///
    /// # Errors
    /// [`EngineError::Output`] when they have other columns.
    pub(crate) fn followed_by(mut self, next: Self) -> Result<Self, EngineError> {
        if self.count == 0 {
            return Ok(next);
        }
        for column in &mut self.columns {
            let more = next.columns.iter().find(|more| more.name == column.name && more.width == column.width);
            column.values.extend_from_slice(&more.ok_or_else(|| missing(CANDIDATES_GRAPH, &column.name))?.values);
        }
        self.count += next.count;
        Ok(self)
    }
}

/// Computes what depends on the candidates alone.
#[derive(Debug)]
pub(crate) struct CandidateGraph {
    session: Session,
    feature_count: usize,
}

impl CandidateGraph {
    pub(crate) fn new(maker: &SessionMaker, bundle: &Bundle) -> Result<Self, EngineError> {
        // What it gives is kept here, also where a card gets it.
        let session = maker.processor().session(CANDIDATES_GRAPH, &bundle.candidates_graph)?;
        Ok(Self { session, feature_count: bundle.manifest.model.features.len() })
    }

    /// The candidates' columns, in parts; each with the number of its first candidate.
    pub(crate) fn parts(&mut self, ids: &CandidateIds) -> impl Iterator<Item = Result<(usize, Columns), EngineError>> {
        let parts = (0..).step_by(CANDIDATES_AT_ONCE).zip(ids.items.chunks(CANDIDATES_AT_ONCE));
        parts.map(move |(first, items)| {
            let features = first * self.feature_count..(first + items.len()) * self.feature_count;
            Ok((first, self.columns(items, ids.features.get(features).unwrap_or_default())?))
        })
    }

    fn columns(&mut self, items: &[u32], features: &[u32]) -> Result<Columns, EngineError> {
        let (count, failed) = (items.len(), failed_in(CANDIDATES_GRAPH));
        let names: Vec<String> = self.session.outputs().iter().map(|output| output.name().to_owned()).collect();
        let inputs = ort::inputs![
            "item_ids" => Tensor::from_array(([count], signed(items))).map_err(failed)?,
            "feature_ids" => Tensor::from_array(([count, self.feature_count], signed(features))).map_err(failed)?,
        ];
        let outputs = self.session.run(inputs).map_err(failed)?;
        let column = |name: String| {
            let values = floats(CANDIDATES_GRAPH, &outputs, &name)?;
            if values.len() % count != 0 || values.is_empty() {
                let found = format!("{} values", values.len());
                let expected = format!("a row for each of {count} candidates");
                return Err(EngineError::Output { graph: CANDIDATES_GRAPH, output: name, found, expected });
            }
            Ok(Column { name, width: values.len() / count, values: values.to_vec() })
        };
        let columns = names.into_iter().map(column).collect::<Result<_, _>>()?;
        Ok(Columns { count, columns })
    }
}
