//! Which histories go through time together, where their rows stand, and which rows an item has.

use super::Inputs;
use crate::occurrences::Occurrences;

/// Histories of a block: a step's product has so many rows.
const HISTORIES_OF_BLOCK: usize = 16;

/// Histories that go through time together, the longest first: those that are still there at a step come first.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// First positions of its histories in the batch.
    pub(super) starts: Vec<usize>,
    /// Of each step, its first row in the block; one more for the end.
    pub(super) steps: Vec<usize>,
}

impl Block {
    /// Number of steps.
    pub(super) fn length(&self) -> usize {
        self.steps.len() - 1
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.steps[self.length()]
    }

    /// Rows of a step, one for each history that is still there.
    pub(super) fn step(&self, step: usize) -> std::ops::Range<usize> {
        self.steps[step]..self.steps[step + 1]
    }

    /// Positions of a step's rows in the batch.
    pub(super) fn positions(&self, step: usize) -> impl Iterator<Item = usize> + '_ {
        self.starts[..self.step(step).len()].iter().map(move |start| start + step)
    }
}

/// The plan of a batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) blocks: Vec<Block>,
    /// Rows of all blocks, one block behind the other, by their items.
    pub(super) rows_of_items: Occurrences,
}

impl Plan {
    pub(super) fn new(inputs: &Inputs<'_>, distinct: usize) -> Self {
        let mut histories: Vec<std::ops::Range<usize>> = inputs.histories.ranges().collect();
        histories.sort_by_key(|positions| std::cmp::Reverse(positions.len()));
        let blocks: Vec<Block> = histories
            .chunks(HISTORIES_OF_BLOCK)
            .map(|histories| {
                let longest = histories.first().map_or(0, ExactSizeIterator::len);
                let mut steps = vec![0];
                let mut rows = 0;
                for step in 0..longest {
                    rows += histories.iter().take_while(|positions| positions.len() > step).count();
                    steps.push(rows);
                }
                Block { starts: histories.iter().map(|positions| positions.start).collect(), steps }
            })
            .collect();
        let positions = blocks.iter().flat_map(|block| (0..block.length()).flat_map(|step| block.positions(step)));
        let rows_of_items =
            Occurrences::new(&positions.map(|position| inputs.items[position]).collect::<Vec<_>>(), distinct);
        Self { blocks, rows_of_items }
    }
}
