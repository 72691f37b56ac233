//! Which histories go through time together, where their rows stand, and which rows an item has.

use super::Inputs;

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
    /// Rows of all blocks, one block behind the other, item by item.
    pub(super) rows_of_items: Vec<u32>,
    /// Where in `rows_of_items` an item begins; one more for the end.
    pub(super) items: Vec<usize>,
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
        let (rows_of_items, items) = rows_of_items(&blocks, inputs.items, distinct);
        Self { blocks, rows_of_items, items }
    }
}

/// Rows in the order of their items, by counting.
fn rows_of_items(blocks: &[Block], items: &[u32], distinct: usize) -> (Vec<u32>, Vec<usize>) {
    let mut ends = vec![0; distinct + 1];
    for item in items {
        ends[*item as usize + 1] += 1;
    }
    for item in 0..distinct {
        ends[item + 1] += ends[item];
    }
    let mut next = ends.clone();
    let mut rows = vec![0; items.len()];
    let mut row = 0;
    for block in blocks {
        for step in 0..block.length() {
            for position in block.positions(step) {
                let place = &mut next[items[position] as usize];
                rows[*place] = row;
                *place += 1;
                row += 1;
            }
        }
    }
    (rows, ends)
}
