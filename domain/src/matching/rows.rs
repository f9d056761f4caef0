//! The rows of one partition: how many there are, how many campaigns each blocks, and the column of the campaign that is
//! being written.

use std::borrow::Cow;

use super::class_set::{bit, has, set, tiles};

#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How many places of the partition's blocks have a bit in each row, about.
    blocked: Vec<u32>,
    /// The rows that block somebody, or did.
    noted: Vec<u64>,
    /// The one that each row began as a copy of.
    parents: Vec<Option<u16>>,
    /// The rows that blocks know of.
    told: usize,
    /// The rows that block the campaign at hand.
    column: Vec<u64>,
    /// Rows that are about to be added to them.
    kept: Vec<u64>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.blocked.len()
    }

    /// A row like `parent`, or one that blocks nobody.
    pub(super) fn add(&mut self, parent: Option<u16>) -> Option<u16> {
        let row = u16::try_from(self.len()).ok()?;
        let count = parent.map_or(0, |parent| self.blocked(parent));
        self.blocked.push(count);
        let noted = parent.is_some_and(|parent| self.blocks_any(parent));
        set(&mut self.noted, usize::from(row), noted);
        self.parents.push(parent);
        if self.column.len().saturating_mul(64) < self.len() {
            self.column.push(0);
        }
        if parent.is_some_and(|parent| self.blocks(parent)) {
            self.block(row);
        }
        Some(row)
    }

    /// How many places have a bit in `row`.
    pub(super) fn blocked(&self, row: u16) -> u32 {
        self.blocked.get(usize::from(row)).copied().unwrap_or(0)
    }

    /// Whether `row` may block somebody.
    pub(super) fn blocks_any(&self, row: u16) -> bool {
        has(&self.noted, usize::from(row))
    }

    /// Notes that there is a campaign with this column.
    pub(super) fn note(&mut self, column: &[u64]) {
        self.noted.resize(self.noted.len().max(column.len()), 0);
        self.noted.iter_mut().zip(column).for_each(|(noted, column)| *noted |= column);
    }

    /// Counts places that got their bit in `row`.
    pub(super) fn count(&mut self, row: usize, places: u32) {
        if let Some(count) = self.blocked.get_mut(row) {
            *count = count.saturating_add(places);
            if places > 0 {
                set(&mut self.noted, row, true);
            }
        }
    }

    /// Places that are no more had `count` bits in `row`.
    pub(super) fn lose(&mut self, row: usize, count: u32) {
        if let Some(blocked) = self.blocked.get_mut(row) {
            *blocked = blocked.saturating_sub(count);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let counts = self.blocked.capacity().saturating_add(self.parents.capacity()).saturating_mul(size_of::<u32>());
        let words = self.column.capacity().saturating_add(self.kept.capacity()).saturating_add(self.noted.capacity());
        counts.saturating_add(words.saturating_mul(size_of::<u64>()))
    }

    /// The row that each began as a copy of.
    pub(super) fn parents(&self) -> &[Option<u16>] {
        &self.parents
    }

    /// The rows that blocks do not have yet.
    pub(super) fn take_born(&mut self) -> Vec<Option<u16>> {
        let born = self.parents.get(self.told..).unwrap_or_default().to_vec();
        self.told = self.parents.len();
        born
    }

    /// Begins the column of another campaign.
    pub(super) fn begin_column(&mut self) {
        self.column.fill(0);
    }

    /// Lets `row` block the campaign at hand.
    pub(super) fn block(&mut self, row: u16) {
        if let Some(word) = self.column.get_mut(usize::from(row / 64)) {
            *word |= bit(usize::from(row));
        }
    }

    /// Lets all rows in `mask` but those in `allowed` block the campaign at hand.
    pub(super) fn block_all_but(&mut self, mask: &[u64], allowed: impl Iterator<Item = u16>) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        kept.extend_from_slice(mask);
        for row in allowed {
            if let Some(word) = kept.get_mut(usize::from(row / 64)) {
                *word &= !bit(usize::from(row));
            }
        }
        self.column.iter_mut().zip(&kept).for_each(|(word, blocked)| *word |= blocked);
        self.kept = kept;
    }

    /// Whether `row` blocks the campaign at hand.
    pub(super) fn blocks(&self, row: u16) -> bool {
        has(&self.column, usize::from(row))
    }

    /// The column of the campaign at hand.
    pub(super) fn column(&self) -> &[u64] {
        &self.column
    }

    /// Makes the column of a campaign that was judged when there were `known` rows the one at hand.
    pub(super) fn resume_column(&mut self, words: &[u64], known: usize) {
        self.begin_column();
        self.column.iter_mut().zip(words).for_each(|(word, old)| *word = *old);
        for row in known..self.len() {
            let parent = self.parents.get(row).copied().flatten();
            if let (Some(parent), Ok(row)) = (parent, u16::try_from(row))
                && self.blocks(parent)
            {
                self.block(row);
            }
        }
    }

    /// The rows of up to 64 campaigns, of which each has its column and the number of rows when that was made: for each row a bit
    /// for every campaign that it blocks.
    pub(super) fn transposed<'a>(&mut self, columns: impl Iterator<Item = (&'a [u64], usize)>) -> Vec<[u64; 64]> {
        let grown = columns.map(|(words, known)| {
            if known == self.len() {
                return Cow::Borrowed(words);
            }
            self.resume_column(words, known);
            Cow::Owned(self.column.clone())
        });
        let grown: Vec<Cow<'_, [u64]>> = grown.collect();
        tiles(self.len(), grown.iter().map(|column| &**column).enumerate())
    }

    /// Ends the column: its words, to be given back.
    pub(super) fn take_column(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.column)
    }

    /// Gives the words back.
    pub(super) fn return_column(&mut self, column: Vec<u64>) {
        self.column = column;
    }
}
