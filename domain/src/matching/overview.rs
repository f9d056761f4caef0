//! What is known of the blocks of a partition without looking into them: which rows block every campaign of a block, and the most
//! that one of its campaigns bids. A lead skips all blocks that one of its rows bars, and an auction those that bid too little.

use std::cmp::Reverse;

use super::class_set::{bit, has};
use super::entry::Side;

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
    bars: Vec<u64>,
    /// Words of each row.
    width: usize,
    rows: usize,
    /// Of each block, shared and exclusive.
    dearest: Vec<[Dearest; 2]>,
    /// The blocks of each side, the dearest first.
    orders: [Vec<u32>; 2],
}

impl Overview {
    /// Adds the rows that are not here yet, each of which bars what its parent bars.
    pub(super) fn grow(&mut self, parents: &[Option<u16>]) {
        parents.iter().skip(self.rows).for_each(|parent| self.add_row(*parent));
    }

    fn add_row(&mut self, parent: Option<u16>) {
        let from = parent.map(|parent| usize::from(parent).saturating_mul(self.width));
        for word in 0..self.width {
            let barred = from.and_then(|from| self.bars.get(from.saturating_add(word))).copied();
            self.bars.push(barred.unwrap_or(0));
        }
        self.rows = self.rows.saturating_add(1);
    }

    pub(super) fn bar(&mut self, row: usize, block: usize, on: bool) {
        let at = row.saturating_mul(self.width).saturating_add(block / 64);
        if let Some(word) = self.bars.get_mut(at) {
            *word = if on { *word | bit(block) } else { *word & !bit(block) };
        }
    }

    /// Another block, which comes last.
    pub(super) fn add_block(&mut self) {
        let block = self.dearest.len();
        self.dearest.push(Default::default());
        [Side::Shared, Side::Exclusive].into_iter().for_each(|side| self.rank(side, block));
        if self.width.saturating_mul(64) <= block {
            let wider = self.width.saturating_add(1);
            let mut bars = Vec::with_capacity(self.rows.saturating_mul(wider));
            for row in 0..self.rows {
                bars.extend_from_slice(self.row(row));
                bars.push(0);
            }
            (self.bars, self.width) = (bars, wider);
        }
    }

    /// The last block takes the place of one that is gone.
    pub(super) fn drop_block(&mut self, place: usize) {
        let Some(last) = self.dearest.len().checked_sub(1) else { return };
        for row in 0..self.rows {
            let bars = has(self.row(row), last);
            self.bar(row, place, bars);
            self.bar(row, last, false);
        }
        let sides = [Side::Shared, Side::Exclusive];
        for side in sides {
            self.leave(side, place);
            if place != last {
                self.leave(side, last);
            }
        }
        self.dearest.swap_remove(place);
        if place != last {
            sides.into_iter().for_each(|side| self.rank(side, place));
        }
    }

    pub(super) fn dearest(&self, block: usize) -> [Dearest; 2] {
        self.dearest.get(block).copied().unwrap_or_default()
    }

    pub(super) fn set_dearest(&mut self, block: usize, dearest: [Dearest; 2]) {
        for side in [Side::Shared, Side::Exclusive] {
            let (old, new) = (side.of(self.dearest(block)), side.of(dearest));
            if old != new && block < self.dearest.len() {
                self.leave(side, block);
                if let Some(known) = self.dearest.get_mut(block) {
                    *side.of_mut(known) = new;
                }
                self.rank(side, block);
            }
        }
    }

    /// The blocks of each side, the dearest first.
    pub(super) fn order(&self, side: Side) -> &[u32] {
        let [shared, exclusive] = &self.orders;
        side.of([shared, exclusive])
    }

    /// Marks the blocks that neither one of `singles` bars, nor all rows of one of `groups`.
    pub(super) fn left(&self, singles: &[u16], groups: &[Vec<u16>], left: &mut Vec<u64>) {
        left.clear();
        left.resize(self.dearest.len() / 64, u64::MAX);
        left.push(bit(self.dearest.len()).wrapping_sub(1));
        for row in singles {
            left.iter_mut().zip(self.row(usize::from(*row))).for_each(|(left, barred)| *left &= !barred);
        }
        for group in groups {
            for (at, left) in left.iter_mut().enumerate() {
                let word = |row: &u16| self.row(usize::from(*row)).get(at).copied().unwrap_or(0);
                *left &= !group.iter().map(word).fold(u64::MAX, |all, one| all & one);
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let bars = self.bars.capacity().saturating_mul(size_of::<u64>());
        let orders = self.orders.iter().map(Vec::capacity).fold(0, usize::saturating_add).saturating_mul(size_of::<u32>());
        let dearest = self.dearest.capacity().saturating_mul(size_of::<[Dearest; 2]>());
        bars.saturating_add(orders).saturating_add(dearest)
    }

    /// Which blocks a row bars.
    fn row(&self, row: usize) -> &[u64] {
        let from = row.saturating_mul(self.width);
        self.bars.get(from..from.saturating_add(self.width)).unwrap_or_default()
    }

    /// Where a block stands, or should, in the order of a side.
    fn place(&self, side: Side, block: usize) -> Result<usize, usize> {
        let key = |block: usize| (Reverse(side.of(self.dearest(block)).worth), block);
        self.order(side).binary_search_by_key(&key(block), |&at| key(usize::try_from(at).unwrap_or(usize::MAX)))
    }

    fn leave(&mut self, side: Side, block: usize) {
        if let Ok(at) = self.place(side, block) {
            side.of_mut(&mut self.orders).remove(at);
        }
    }

    fn rank(&mut self, side: Side, block: usize) {
        if let (Err(at), Ok(block)) = (self.place(side, block), u32::try_from(block)) {
            side.of_mut(&mut self.orders).insert(at, block);
        }
    }
}
