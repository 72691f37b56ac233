//! Where the rows of a history and a candidate stand, and which histories a thread works on at once.

use crate::histories::Histories;

/// Histories of a block: enough for long sums, few enough for all threads to end at about the same time.
const HISTORIES_OF_BLOCK: usize = 8;

/// A history within its block; offsets count from the start of the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Number of the history in the batch.
    pub(super) index: usize,
    /// Used positions.
    pub(super) length: usize,
    /// Empty slots; when there are any, one more row stands for them.
    pub(super) empty: usize,
    /// Its first position.
    pub(super) first_position: usize,
    /// Its first row of a pair of candidate and position; candidates stand one behind the other.
    pub(super) first_row: usize,
    /// Its first pair of candidate and used position.
    pub(super) first_pair: usize,
}

impl Group {
    /// Rows of each candidate: the used positions and, last, the one for the empty slots.
    pub(super) fn rows(&self) -> usize {
        self.length + usize::from(self.empty > 0)
    }

    /// How often the last row counts.
    pub(super) fn last_weight(&self) -> f32 {
        if self.empty > 0 { self.empty as f32 } else { 1.0 }
    }
}

/// Histories that one thread works on.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    pub(super) groups: Vec<Group>,
    pub(super) positions: usize,
    pub(super) rows: usize,
    pub(super) pairs: usize,
}

/// All blocks of a batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) slots: usize,
    pub(super) candidates: usize,
    pub(super) blocks: Vec<Block>,
}

impl Layout {
    pub(super) fn new(histories: &Histories<'_>, candidates: usize) -> Self {
        let mut blocks = Vec::new();
        let mut index = 0;
        for lengths in histories.lengths.chunks(HISTORIES_OF_BLOCK) {
            let mut block = Block::default();
            for length in lengths {
                let length = *length as usize;
                let group = Group {
                    index,
                    length,
                    empty: histories.slots - length,
                    first_position: block.positions,
                    first_row: block.rows,
                    first_pair: block.pairs,
                };
                block.positions += length;
                block.rows += group.rows() * candidates;
                block.pairs += length * candidates;
                block.groups.push(group);
                index += 1;
            }
            blocks.push(block);
        }
        Self { slots: histories.slots, candidates, blocks }
    }

    /// A number for each block, such as the values of a slice that belong to it.
    pub(super) fn each(&self, of_block: impl Fn(&Block) -> usize) -> Vec<usize> {
        self.blocks.iter().map(of_block).collect()
    }

    /// The number of a row in the whole layer, whatever the blocks; the row for the empty slots is the last.
    pub(super) fn dropout_row(&self, group: &Group, candidate: usize, position: usize) -> u64 {
        ((group.index * self.candidates + candidate) * (self.slots + 1) + position) as u64
    }
}
