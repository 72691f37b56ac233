//! Where the weights stand that are no tables: one slice has them all, one behind the other, so that the optimiser and
//! the sum of gradients need not know them.

use std::ops::Range;

use super::{GAPS, RECENT};

/// A weight of the network that is no embedding table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Wx `[width, 4 · width]`
    Input,
    /// Wh `[width, 4 · width]`
    Recurrent,
    /// `[GAPS, 4 · width]`
    Gaps,
    /// b `[4 · width]`
    GatesBias,
    /// Ws `[width, width]`
    Short,
    /// bs `[width]`
    ShortBias,
    /// a `[width]`
    Attention,
    /// `[GAPS, width]`
    Now,
    /// Wg `[3 · width, width]`
    Gate,
    /// bg `[width]`
    GateBias,
    /// Wm `[3 · width, width]`
    Mixing,
    /// bm `[width]`
    MixingBias,
    /// Wl `[width, width]`
    Last,
    /// `[RECENT]`
    Recent,
    /// `[longest]`
    Distance,
    /// `[GAPS]`
    Age,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 16] = [
        Self::Input,
        Self::Recurrent,
        Self::Gaps,
        Self::GatesBias,
        Self::Short,
        Self::ShortBias,
        Self::Attention,
        Self::Now,
        Self::Gate,
        Self::GateBias,
        Self::Mixing,
        Self::MixingBias,
        Self::Last,
        Self::Recent,
        Self::Distance,
        Self::Age,
    ];
}

impl Part {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "time_lstm.input",
            Self::Recurrent => "time_lstm.recurrent",
            Self::Gaps => "time_lstm.gaps",
            Self::GatesBias => "time_lstm.bias",
            Self::Short => "short_term.weight",
            Self::ShortBias => "short_term.bias",
            Self::Attention => "long_term.query",
            Self::Now => "now",
            Self::Gate => "gate.weight",
            Self::GateBias => "gate.bias",
            Self::Mixing => "mixing.weight",
            Self::MixingBias => "mixing.bias",
            Self::Last => "last_view.weight",
            Self::Recent => "transition.recent",
            Self::Distance => "repeat.distance",
            Self::Age => "repeat.age",
        }
    }
}

/// Sizes of the network, and where its weights stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Width of an embedding and of every state.
    pub width: usize,
    /// Longest sequence.
    pub longest: usize,
    offsets: [usize; Part::ALL.len() + 1],
}

impl Layout {
    /// A layout of these sizes.
    pub fn new(width: usize, longest: usize) -> Self {
        let mut layout = Self { width, longest, offsets: [0; Part::ALL.len() + 1] };
        for (index, part) in Part::ALL.into_iter().enumerate() {
            layout.offsets[index + 1] = layout.offsets[index] + layout.shape(part).iter().product::<usize>();
        }
        layout
    }

    /// Rows and columns of a weight; one row of a vector.
    pub fn shape(&self, part: Part) -> [usize; 2] {
        let width = self.width;
        match part {
            Part::Input | Part::Recurrent => [width, 4 * width],
            Part::Gaps => [GAPS, 4 * width],
            Part::GatesBias => [1, 4 * width],
            Part::Short | Part::Last => [width, width],
            Part::ShortBias | Part::Attention | Part::GateBias | Part::MixingBias => [1, width],
            Part::Now => [GAPS, width],
            Part::Gate | Part::Mixing => [3 * width, width],
            Part::Recent => [1, RECENT],
            Part::Distance => [1, self.longest],
            Part::Age => [1, GAPS],
        }
    }

    /// Number of weights.
    pub fn len(&self) -> usize {
        self.offsets[Part::ALL.len()]
    }

    /// Never: every network has weights.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a weight stands.
    pub fn range(&self, part: Part) -> Range<usize> {
        let index = part as usize;
        self.offsets[index]..self.offsets[index + 1]
    }

    pub(crate) fn of<'a>(&self, part: Part, weights: &'a [f32]) -> &'a [f32] {
        &weights[self.range(part)]
    }

    pub(super) fn of_mut<'a>(&self, part: Part, weights: &'a mut [f32]) -> &'a mut [f32] {
        &mut weights[self.range(part)]
    }
}
