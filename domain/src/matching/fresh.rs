//! The columns of the campaigns that came into a block last: each lies by itself, so that a campaign that comes touches one place
//! in memory and not one for every row that blocks it. From time to time they are written into the block's rows together.

use super::class_set::has;

/// So many are written into the rows together.
const TOGETHER: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Fresh {
    places: Vec<usize>,
    /// The rows that block each of them, in the same order and of one length.
    columns: Vec<u64>,
}

impl Fresh {
    pub(super) fn is_full(&self) -> bool {
        self.places.len() >= TOGETHER
    }

    pub(super) fn put(&mut self, place: usize, column: &[u64]) {
        self.places.push(place);
        self.columns.extend_from_slice(column);
    }

    /// Forgets the campaign at `place`; whether it was one of these.
    pub(super) fn take(&mut self, place: usize) -> bool {
        let width = self.width();
        let Some(at) = self.places.iter().position(|known| *known == place) else { return false };
        self.places.remove(at);
        let begin = at.saturating_mul(width);
        self.columns.drain(begin..begin.saturating_add(width));
        true
    }

    /// Every campaign's place and column.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &[u64])> {
        let width = self.width();
        let begins = (0..self.places.len()).map(move |at| at.saturating_mul(width));
        let columns = begins.map(move |begin| self.columns.get(begin..begin.saturating_add(width)).unwrap_or_default());
        self.places.iter().copied().zip(columns)
    }

    /// The places that none of `singles` blocks, nor all rows of one of `groups` together.
    pub(super) fn hits(&self, singles: &[u16], groups: &[Vec<u16>]) -> impl Iterator<Item = usize> {
        let passes = |column: &[u64]| {
            let blocked = |row: &u16| has(column, usize::from(*row));
            !singles.iter().any(blocked) && !groups.iter().any(|group| group.iter().all(blocked))
        };
        self.each().filter(move |(_, column)| passes(column)).map(|(place, _)| place)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let words = self.places.capacity().saturating_add(self.columns.capacity());
        words.saturating_mul(size_of::<u64>())
    }

    fn width(&self) -> usize {
        self.columns.len().checked_div(self.places.len()).unwrap_or(0)
    }
}
