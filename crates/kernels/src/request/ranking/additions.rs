//! What few items get on top of the query's product, because the history holds them or their neighbours: ids and weights
//! enter, the sum of an item leaves. A small table by id, as a catalogue has many items without any.

/// Sums by item; reused from request to request.
#[derive(Debug, Default)]
pub(super) struct Additions {
    /// Item of each slot; 0 for none.
    items: Vec<u32>,
    sums: Vec<Sum>,
    /// Slots that hold an item.
    used: Vec<usize>,
    /// Of a product of 32 bits, how many do not count.
    shift: u32,
}

/// What an item gets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) repeats: f32,
    pub(super) neighbours: f32,
}

impl Additions {
    /// Forgets all items and makes room for so many.
    pub(super) fn clear(&mut self, most: usize) {
        for slot in self.used.drain(..) {
            self.items[slot] = 0;
        }
        // At most half full, so that an item is found soon.
        let slots = (2 * most).next_power_of_two().max(64);
        if self.items.len() < slots {
            self.items = vec![0; slots];
            self.sums = vec![Sum::default(); slots];
            self.used.reserve(most);
            self.shift = u32::BITS - slots.trailing_zeros();
        }
    }

    /// The sum of an item, to be added to; the default item has none.
    pub(super) fn of(&mut self, item: u32) -> Option<&mut Sum> {
        if item == 0 {
            return None;
        }
        let mut slot = self.first_slot(item);
        while self.items[slot] != item {
            if self.items[slot] == 0 {
                self.items[slot] = item;
                self.sums[slot] = Sum::default();
                self.used.push(slot);
                break;
            }
            slot = (slot + 1) % self.items.len();
        }
        Some(&mut self.sums[slot])
    }

    /// Adds the logarithms of the neighbours' sums to the repeats.
    pub(super) fn finish(&mut self, scale: f32) {
        for slot in &self.used {
            let sum = &mut self.sums[*slot];
            sum.repeats += scale * (1.0 + sum.neighbours).ln();
        }
    }

    /// What is added to the logit of an item.
    #[inline(always)]
    pub(super) fn get(&self, item: u32) -> f32 {
        let mut slot = self.first_slot(item);
        loop {
            match self.items[slot] {
                0 => return 0.0,
                found if found == item => return self.sums[slot].repeats,
                _ => slot = (slot + 1) % self.items.len(),
            }
        }
    }

    /// Items that have a sum.
    pub(super) fn items(&self) -> impl Iterator<Item = u32> {
        self.used.iter().map(|slot| self.items[*slot])
    }

    /// By the golden ratio (Knuth 1973): ids that lie close together are spread.
    #[inline(always)]
    fn first_slot(&self, item: u32) -> usize {
        (item.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }
}
