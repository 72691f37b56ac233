//! The parameters of a fully connected network with two hidden layers, in one flat slice: their order and their sizes.

/// Sizes of a network: inputs, then both hidden layers; the output is one logit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSizes {
    /// Width of an input row.
    pub inputs: usize,
    /// Widths of the hidden layers.
    pub hidden: [usize; 2],
}

impl NetworkSizes {
    /// Lengths of the parameters, in their order: weight, bias, gamma and beta of either layer, then the output's
    /// weight and bias.
    pub fn lengths(&self) -> [usize; 10] {
        let (inputs, [first, second]) = (self.inputs, self.hidden);
        [inputs * first, first, first, first, first * second, second, second, second, second, 1]
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.lengths().iter().sum()
    }
}

/// A hidden layer, as slices that are read or written.
#[derive(Debug, Default)]
pub(crate) struct Layer<T> {
    pub(crate) weight: T,
    pub(crate) bias: T,
    pub(crate) gamma: T,
    pub(crate) beta: T,
}

/// A network, as slices that are read or written.
#[derive(Debug, Default)]
pub(crate) struct Network<T> {
    pub(crate) first: Layer<T>,
    pub(crate) second: Layer<T>,
    pub(crate) output_weight: T,
    pub(crate) output_bias: T,
}

impl<T: Default> Network<T> {
    /// From parts in the order of [`NetworkSizes::lengths`].
    pub(crate) fn from_parts(parts: &mut impl Iterator<Item = T>) -> Self {
        let mut next = || parts.next().unwrap_or_default();
        Self {
            first: Layer { weight: next(), bias: next(), gamma: next(), beta: next() },
            second: Layer { weight: next(), bias: next(), gamma: next(), beta: next() },
            output_weight: next(),
            output_bias: next(),
        }
    }
}

/// Parts of a slice, of the given lengths.
pub(crate) fn parts(mut values: &[f32], lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = &[f32]> {
    lengths.into_iter().map(move |length| {
        let (part, rest) = values.split_at(length);
        values = rest;
        part
    })
}
