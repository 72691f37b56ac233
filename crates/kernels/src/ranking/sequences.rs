//! A few sequences side by side: each with its items, features, gaps and what follows enter; positions in order of time
//! leave, of all sequences that are that long, the longest first, so that a step of time is one product.

/// A sequence; all slices but the features and the user are of its length.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// Ids of the items.
    pub items: &'a [u32],
    /// Ids of their features, position by position.
    pub features: &'a [u32],
    /// Bucket of the time since the position before; 0 for the first.
    pub gaps: &'a [u8],
    /// Bucket of the time from each position to the moment of the prediction.
    pub ages: &'a [u8],
    /// The item that follows each position; 0 where there is nothing to learn.
    pub next: &'a [u32],
    /// Ids of the shopper's attributes; empty where nothing is known.
    pub user: &'a [u32],
}

/// Sequences in order of time.
#[derive(Debug, Default)]
pub struct Sequences {
    /// Where each step of time begins, and the end.
    pub(super) steps: Vec<usize>,
    pub(super) items: Vec<u32>,
    pub(super) features: Vec<u32>,
    pub(super) gaps: Vec<u8>,
    pub(super) ages: Vec<u8>,
    pub(super) next: Vec<u32>,
    /// Ids of the shopper's attributes, of each sequence in the order of the rows.
    users: Vec<Vec<u32>>,
    /// Which of the sequences stands in each row, the longest first.
    order: Vec<usize>,
    lengths: Vec<usize>,
}

impl Sequences {
    /// Takes the place of what was there.
    pub fn fill(&mut self, sequences: &[Sequence<'_>]) {
        self.order.clear();
        self.order.extend(0..sequences.len());
        self.order.sort_by_key(|index| (std::cmp::Reverse(sequences[*index].items.len()), *index));
        self.lengths.clear();
        self.lengths.extend(self.order.iter().map(|index| sequences[*index].items.len()));
        self.users.clear();
        self.users.extend(self.order.iter().map(|index| sequences[*index].user.to_vec()));
        self.steps.clear();
        for values in [&mut self.items, &mut self.features, &mut self.next] {
            values.clear();
        }
        self.gaps.clear();
        self.ages.clear();
        for step in 0..self.lengths.first().copied().unwrap_or_default() {
            self.steps.push(self.items.len());
            for index in
                self.order.iter().zip(&self.lengths).filter(|(_, length)| **length > step).map(|(index, _)| index)
            {
                let sequence = &sequences[*index];
                let features = sequence.features.len() / sequence.items.len();
                self.items.push(sequence.items[step]);
                self.features.extend_from_slice(&sequence.features[step * features..(step + 1) * features]);
                self.gaps.push(sequence.gaps[step]);
                self.ages.push(sequence.ages[step]);
                self.next.push(sequence.next[step]);
            }
        }
        self.steps.push(self.items.len());
    }

    /// Item of each position.
    pub fn items(&self) -> &[u32] {
        &self.items
    }

    /// Features of each position, row by row.
    pub fn features(&self) -> &[u32] {
        &self.features
    }

    /// Ids of the shoppers' attributes, of each sequence in the order of [`Gradients::users`](super::Gradients::users).
    pub fn users(&self) -> impl Iterator<Item = &[u32]> {
        self.users.iter().map(Vec::as_slice)
    }

    /// Number of positions.
    pub fn positions(&self) -> usize {
        self.items.len()
    }

    /// Steps of time, each with the positions that it has and the first of the step before.
    pub(super) fn steps(&self) -> impl DoubleEndedIterator<Item = Step> + ExactSizeIterator + '_ {
        (0..self.steps.len() - 1).map(|step| Step {
            start: self.steps[step],
            end: self.steps[step + 1],
            before: step.checked_sub(1).map(|before| self.steps[before]),
        })
    }

    /// The position so many steps before the one in this row of a step.
    pub(super) fn back(&self, step: usize, row: usize, distance: usize) -> Option<usize> {
        Some(self.steps[step.checked_sub(distance)?] + row)
    }

    /// Step and row of a position.
    pub(super) fn place(&self, position: usize) -> (usize, usize) {
        let step = self.steps.partition_point(|start| *start <= position) - 1;
        (step, position - self.steps[step])
    }

    /// The last position of each sequence, in the order in which they came.
    pub fn last_positions(&self) -> Vec<usize> {
        let mut last = vec![0; self.order.len()];
        for (row, (index, length)) in self.order.iter().zip(&self.lengths).enumerate() {
            last[*index] = self.steps[length - 1] + row;
        }
        last
    }
}

/// A step of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) before: Option<usize>,
}

impl Step {
    pub(super) fn rows(&self) -> usize {
        self.end - self.start
    }
}
