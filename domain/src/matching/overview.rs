//! What is known of the blocks of a partition without looking into them: which rows block every campaign of a block, and the most
//! that one of its campaigns bids. A lead skips all blocks that one of its rows bars, and an auction those that bid too little.

use super::class_set::{has, set};

/// The most that the campaigns of a block bid on one side: the largest amount, and the largest ranking value, which is that of
/// another campaign where weights differ; both `i64::MAX` when they cannot be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dearest {
    pub(super) amount: i64,
    pub(super) worth: i64,
}

impl Dearest {
    /// The larger of both, each by itself.
    pub(super) fn or(self, other: Self) -> Self {
        Self { amount: self.amount.max(other.amount), worth: self.worth.max(other.worth) }
    }

    /// The most that it can be worth when it must be `least_minor` or more; nothing is worth nothing.
    pub(super) fn worth_from(self, least_minor: i64) -> Option<i64> {
        (self.amount > 0 && self.amount >= least_minor).then_some(self.worth)
    }
}

#[derive(Debug, Default)]
pub(super) struct Overview {
    /// For each row a bit for every block, by its place in the partition: set when it bars the block.
    rows: Vec<Vec<u64>>,
    /// One for every block that there is.
    blocks: Vec<u64>,
    /// Of each block, shared and exclusive.
    dearest: Vec<[Dearest; 2]>,
}

impl Overview {
    /// Another row; it bars what `parent` bars.
    pub(super) fn add_row(&mut self, parent: Option<u16>) {
        let row = parent.and_then(|parent| self.rows.get(usize::from(parent))).cloned().unwrap_or_default();
        self.rows.push(row);
    }

    pub(super) fn bar(&mut self, row: usize, block: usize, on: bool) {
        if let Some(row) = self.rows.get_mut(row) {
            set(row, block, on);
        }
    }

    /// Another block, which comes last.
    pub(super) fn add_block(&mut self) {
        set(&mut self.blocks, self.dearest.len(), true);
        self.dearest.push(Default::default());
    }

    /// The last block takes the place of one that is gone.
    pub(super) fn drop_block(&mut self, place: usize) {
        let Some(last) = self.dearest.len().checked_sub(1) else { return };
        for row in self.rows.iter_mut().chain([&mut self.blocks]) {
            let bars = has(row, last);
            set(row, place, bars);
            set(row, last, false);
        }
        self.dearest.swap_remove(place);
    }

    pub(super) fn dearest(&self, block: usize) -> [Dearest; 2] {
        self.dearest.get(block).copied().unwrap_or_default()
    }

    pub(super) fn set_dearest(&mut self, block: usize, dearest: [Dearest; 2]) {
        if let Some(known) = self.dearest.get_mut(block) {
            *known = dearest;
        }
    }

    /// Marks the blocks that neither one of `singles` bars, nor all rows of one of `groups`.
    pub(super) fn left(&self, singles: &[u16], groups: &[Vec<u16>], left: &mut Vec<u64>) {
        left.clone_from(&self.blocks);
        let row = |row: &u16| self.rows.get(usize::from(*row)).map_or(&[][..], Vec::as_slice);
        for row in singles.iter().map(row) {
            left.iter_mut().zip(row).for_each(|(left, barred)| *left &= !barred);
        }
        for group in groups {
            for (at, left) in left.iter_mut().enumerate() {
                let word = |one: &u16| row(one).get(at).copied().unwrap_or(0);
                *left &= !group.iter().map(word).fold(u64::MAX, |all, one| all & one);
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let words = self.rows.iter().map(Vec::capacity).fold(self.blocks.capacity(), usize::saturating_add);
        let rows = self.rows.capacity().saturating_mul(size_of::<Vec<u64>>());
        let dearest = self.dearest.capacity().saturating_mul(size_of::<[Dearest; 2]>());
        words.saturating_mul(size_of::<u64>()).saturating_add(rows).saturating_add(dearest)
    }
}
