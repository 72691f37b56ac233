//! Frames of other libraries enter and ours leave, both through the Arrow C stream interface: nothing is copied.

use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_pyarrow::FromPyArrow;
use arrow_schema::SchemaRef;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};

/// The batches of a frame.
pub(crate) type Reader = arrow_array::ffi_stream::RecordBatchStreamReader;

/// Opens the stream of anything that has one.
pub(crate) fn read(frame: &Bound<'_, PyAny>) -> PyResult<Reader> {
    if !frame.hasattr("__arrow_c_stream__")? {
        let kind = frame.get_type().fully_qualified_name()?;
        return Err(PyTypeError::new_err(format!(
            "a frame is expected that hands out Arrow, of pandas, Polars, PyArrow or DuckDB: found {kind}"
        )));
    }
    Reader::from_pyarrow_bound(frame)
}

/// A table of answers, which any library takes that reads Arrow.
#[pyclass(frozen, module = "slirec._slirec")]
pub(crate) struct Frame {
    schema: SchemaRef,
    batches: Arc<[RecordBatch]>,
}

impl Frame {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches: batches.into() }
    }
}

#[pymethods]
impl Frame {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer keep its own schema.
        drop(requested_schema);
        let batches: Vec<_> = self.batches.iter().cloned().map(Ok).collect();
        let reader: Box<dyn RecordBatchReader + Send> =
            Box::new(RecordBatchIterator::new(batches, Arc::clone(&self.schema)));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Names of the columns.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyString>> {
        self.schema.fields().iter().map(|field| PyString::new(py, field.name())).collect()
    }
}
