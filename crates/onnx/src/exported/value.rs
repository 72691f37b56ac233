//! A tensor without its values: how large it is, and its numbers where they may become sizes. Constants of a file
//! enter.

use crate::proto::TensorProto;
use crate::proto::tensor_proto::DataType;

/// Integers of a constant that may become sizes.
const MOST_NUMBERS: usize = 16;

/// One dimension of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many.
    pub count: u64,
    /// Whether fewer candidates would make it smaller.
    pub of_candidates: bool,
}

impl Size {
    pub(super) const ONE: Self = Self::fixed(1);

    /// A size that is the same in every run.
    pub const fn fixed(count: u64) -> Self {
        Self { count, of_candidates: false }
    }

    /// As many as there are candidates, and that is at most.
    pub const fn candidates(count: u64) -> Self {
        Self { count, of_candidates: true }
    }

    /// A fixed size of at least 1.
    pub(super) fn of(count: i64) -> Option<Self> {
        u64::try_from(count).ok().filter(|count| *count > 0).map(Self::fixed)
    }
}

/// Dimensions of a tensor.
pub type Shape = Vec<Size>;

/// A tensor: how large it is, and its numbers where they may become sizes.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) shape: Shape,
    pub(super) numbers: Option<Vec<i64>>,
}

impl Value {
    pub(super) fn unknown(shape: Shape) -> Self {
        Self { shape, numbers: None }
    }

    /// Number of its values.
    pub(super) fn count(&self) -> Option<u64> {
        self.shape.iter().try_fold(1, |count: u64, size| count.checked_mul(size.count))
    }

    pub(super) fn constant(tensor: &TensorProto) -> Self {
        let size = |size: &i64| Size::fixed(u64::try_from(*size).unwrap_or_default());
        let bytes = tensor.raw_data().as_chunks().0;
        let known = tensor.data_type() == DataType::Int64 as i32 && bytes.len() <= MOST_NUMBERS;
        let numbers = known.then(|| bytes.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect());
        Self { shape: tensor.dims.iter().map(size).collect(), numbers }
    }
}
