//! For each row the blocks in which it blocks every campaign: a lead skips all blocks that one of its rows bars.

use super::class_set::{bits, has, set};

#[derive(Debug, Default)]
pub(super) struct Barred {
    /// A bit for every block, by its place in the partition.
    rows: Vec<Vec<u64>>,
    /// One for every block that there is.
    blocks: Vec<u64>,
}

impl Barred {
    /// Another row; it bars what `parent` bars.
    pub(super) fn add(&mut self, parent: Option<u16>) {
        let row = parent.and_then(|parent| self.rows.get(usize::from(parent))).cloned().unwrap_or_default();
        self.rows.push(row);
    }

    pub(super) fn set(&mut self, row: usize, block: usize, on: bool) {
        if let Some(row) = self.rows.get_mut(row) {
            set(row, block, on);
        }
    }

    /// Another block.
    pub(super) fn put_block(&mut self, block: usize) {
        set(&mut self.blocks, block, true);
    }

    /// Block `last` takes the place of a block that is gone.
    pub(super) fn move_block(&mut self, last: usize, place: usize) {
        for row in self.rows.iter_mut().chain([&mut self.blocks]) {
            let bars = has(row, last);
            set(row, place, bars);
            set(row, last, false);
        }
    }

    /// The places of the blocks that neither one of `singles` bars, nor all rows of one of `groups`.
    pub(super) fn left(&self, singles: &[u16], groups: &[Vec<u16>]) -> impl Iterator<Item = usize> {
        let row = |row: &u16| self.rows.get(usize::from(*row)).map(Vec::as_slice);
        let singles: Vec<&[u64]> = singles.iter().filter_map(row).filter(|row| !row.is_empty()).collect();
        let groups: Vec<Vec<&[u64]>> = groups.iter().map(|group| group.iter().filter_map(row).collect()).collect();
        self.blocks.iter().enumerate().flat_map(move |(at, blocks)| {
            let word = |row: &&[u64]| row.get(at).copied().unwrap_or(0);
            let single = singles.iter().fold(0, |all, row| all | word(row));
            let group = groups.iter().fold(0, |all, group| all | group.iter().fold(u64::MAX, |both, row| both & word(row)));
            bits(blocks & !single & !group).map(move |place| at.saturating_mul(64).saturating_add(place))
        })
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let words = self.rows.iter().map(Vec::capacity).fold(self.blocks.capacity(), usize::saturating_add);
        let rows = self.rows.capacity().saturating_mul(size_of::<Vec<u64>>());
        words.saturating_mul(size_of::<u64>()).saturating_add(rows)
    }
}
