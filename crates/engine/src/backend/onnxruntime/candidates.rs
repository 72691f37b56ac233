//! Candidates for the scores graph: what the candidates graph gave enters, inputs of a block leave. On the processor any
//! rows are a block, where they lie; a card gets blocks of one size, once, and keeps them.

use std::ops::Range;

use ort::memory::AllocationDevice;
use ort::session::SessionInputValue;
use ort::value::{DynTensorValueType, DynValue, Tensor, TensorRef};

use crate::EngineError;
use crate::backend::PreparedCandidates;
use crate::candidates::{Column, Columns};

/// Where candidates stay.
#[derive(Debug)]
pub(super) struct Residence {
    pub(super) device: AllocationDevice<'static>,
    /// Candidates of a block there.
    pub(super) block: usize,
}

impl Residence {
    /// A tensor as it is there.
    pub(super) fn bring(&self, tensor: DynValue) -> ort::Result<DynValue> {
        Ok(tensor.downcast::<DynTensorValueType>()?.to(self.device.clone(), 0)?.into_dyn())
    }
}

/// Candidates with all that does not depend on a history.
#[derive(Debug)]
pub(crate) struct StockCandidates {
    columns: Columns,
    resident: Vec<ResidentBlock>,
}

/// The rows of a block on a card.
#[derive(Debug)]
struct ResidentBlock {
    rows: Range<usize>,
    columns: Vec<(String, DynValue)>,
}

impl StockCandidates {
    pub(super) fn new(columns: Columns, residence: Option<&Residence>) -> ort::Result<Self> {
        let resident = residence.map_or(Ok(Vec::new()), |residence| {
            let starts = (0..columns.count).step_by(residence.block);
            let rows = starts.map(|start| start..(start + residence.block).min(columns.count));
            rows.map(|rows| ResidentBlock::new(&columns, rows, residence)).collect()
        })?;
        Ok(Self { columns, resident })
    }

    /// Rows of a column; none where no column has the name.
    pub(super) fn input(&self, name: &str, rows: &Range<usize>) -> Option<ort::Result<SessionInputValue<'_>>> {
        let resident = self.resident.iter().find(|block| block.rows == *rows);
        let resident = resident.and_then(|block| block.columns.iter().find(|(column, _)| column == name));
        if let Some((_, value)) = resident {
            return Some(Ok(value.into()));
        }
        let column = self.columns.columns.iter().find(|column| column.name == *name)?;
        let view = TensorRef::from_array_view(([rows.len(), column.width], column.rows(rows)));
        Some(view.map(SessionInputValue::from))
    }
}

impl ResidentBlock {
    fn new(columns: &Columns, rows: Range<usize>, residence: &Residence) -> ort::Result<Self> {
        let brought = columns.columns.iter().map(|column| {
            let here = Tensor::from_array(([rows.len(), column.width], column.rows(&rows).to_vec()))?;
            Ok((column.name.clone(), residence.bring(here.into_dyn())?))
        });
        Ok(Self { columns: brought.collect::<ort::Result<_>>()?, rows })
    }
}

impl PreparedCandidates for StockCandidates {
    fn len(&self) -> usize {
        self.columns.count
    }

    /// Few rows, which are brought to a card with each request.
    fn select(&self, rows: &[usize]) -> Result<Self, EngineError> {
        let select = |column: &Column| {
            let values = rows.iter().flat_map(|row| column.rows(&(*row..row + 1)));
            Column { name: column.name.clone(), width: column.width, values: values.copied().collect() }
        };
        let columns = self.columns.columns.iter().map(select).collect();
        Ok(Self { columns: Columns { count: rows.len(), columns }, resident: Vec::new() })
    }

    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize) {
        // Of the ranking network the first half is the embedding, as its kernels have it.
        let halved = |column: &Column| if column.name == "embedding" { column.width / 2 } else { column.width };
        let named = |column: &&Column| ["embedding", "query"].contains(&column.name.as_str());
        let Some(column) = self.columns.columns.iter().find(named) else { return (Vec::new(), 0) };
        let width = halved(column);
        let row = |row: &usize| column.rows(&(*row..row + 1)).get(..width);
        (rows.iter().filter_map(row).flatten().copied().collect(), width)
    }

    fn is_finite(&self) -> bool {
        self.columns.columns.iter().all(|column| column.values.iter().all(|value| value.is_finite()))
    }
}
