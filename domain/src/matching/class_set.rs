//! Sets of value classes of one field, and what a filter says of each class.

/// Classes that one field may have.
pub(super) const CLASSES_MAX: usize = 192;

const WORDS: usize = CLASSES_MAX / 64;

/// A set of classes by their ordinals, all below [`CLASSES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassSet([u64; WORDS]);

impl ClassSet {
    pub(super) const NONE: Self = Self([0; WORDS]);
    pub(super) const ALL: Self = Self([u64::MAX; WORDS]);

    /// The classes below `count`.
    pub(super) fn below(count: usize) -> Self {
        let mut set = Self::NONE;
        let mut left = count;
        for word in &mut set.0 {
            *word = if left >= 64 { u64::MAX } else { bit(left).wrapping_sub(1) };
            left = left.saturating_sub(64);
        }
        set
    }

    pub(super) fn insert(&mut self, class: u8) {
        if let Some(word) = self.0.get_mut(usize::from(class / 64)) {
            *word |= bit(usize::from(class % 64));
        }
    }

    pub(super) fn contains(&self, class: u8) -> bool {
        has(&self.0, usize::from(class))
    }

    pub(super) fn remove(&mut self, class: u8) {
        if let Some(word) = self.0.get_mut(usize::from(class / 64)) {
            *word &= !bit(usize::from(class % 64));
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        self.with(other, |a, b| a | b)
    }

    pub(super) fn intersection(self, other: Self) -> Self {
        self.with(other, |a, b| a & b)
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| a & !b)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// How many there are.
    pub(super) fn len(self) -> usize {
        let count = self.0.iter().map(|word| word.count_ones()).fold(0, u32::saturating_add);
        usize::try_from(count).unwrap_or(0)
    }

    /// A number that orders sets: by the first class, then by the second and by the third.
    pub(super) fn like(self) -> u32 {
        let mut first = self.ordinals().map(|ordinal| u8::try_from(ordinal).unwrap_or(u8::MAX));
        let mut next = || first.next().map_or(0, |ordinal| ordinal.saturating_add(1));
        u32::from_be_bytes([0, next(), next(), next()])
    }

    /// The ordinals, ascending.
    pub(super) fn ordinals(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().zip([0_usize, 64, 128]).flat_map(|(word, first)| bits(word).map(move |at| first.saturating_add(at)))
    }

    fn with(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        for (word, other) in words.iter_mut().zip(other.0) {
            *word = combine(*word, other);
        }
        Self(words)
    }
}

/// Under which classes of one field a filter may hold, and under which it may fail. A class in both is one that cannot tell:
/// it holds values of either kind, or another field decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) may_hold: ClassSet,
    pub(super) may_fail: ClassSet,
}

impl Verdict {
    pub(super) const HOLDS: Self = Self { may_hold: ClassSet::ALL, may_fail: ClassSet::NONE };
    pub(super) const FAILS: Self = Self { may_hold: ClassSet::NONE, may_fail: ClassSet::ALL };
    pub(super) const UNKNOWN: Self = Self { may_hold: ClassSet::ALL, may_fail: ClassSet::ALL };

    pub(super) fn and(self, other: Self) -> Self {
        Self { may_hold: self.may_hold.intersection(other.may_hold), may_fail: self.may_fail.union(other.may_fail) }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { may_hold: self.may_hold.union(other.may_hold), may_fail: self.may_fail.intersection(other.may_fail) }
    }

    pub(super) fn negated(self, negated: bool) -> Self {
        if negated { Self { may_hold: self.may_fail, may_fail: self.may_hold } } else { self }
    }

    /// Whether each of the first `count` classes decides.
    pub(super) fn is_exact(self, count: usize) -> bool {
        self.may_hold.intersection(self.may_fail).intersection(ClassSet::below(count)).is_empty()
    }
}

/// Turns 64 rows of 64 bits into as many columns.
fn transpose(words: &mut [u64; 64]) {
    let mut mask = u64::MAX.wrapping_shr(32);
    for width in [32_u32, 16, 8, 4, 2, 1] {
        let half = usize::try_from(width).unwrap_or(1);
        for part in words.chunks_exact_mut(half.saturating_mul(2)) {
            let (low, high) = part.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                let other = (low.wrapping_shr(width) ^ *high) & mask;
                *high ^= other;
                *low ^= other.wrapping_shl(width);
            }
        }
        mask ^= mask.wrapping_shl(width / 2);
    }
}

/// Turns up to 64 columns, each with its place among 64, into rows of 64 bits: at least `rows` of them.
pub(super) fn tiles<'a>(rows: usize, columns: impl Iterator<Item = (usize, &'a [u64])>) -> Vec<[u64; 64]> {
    let mut columns = columns.peekable();
    if columns.peek().is_none() {
        return Vec::new();
    }
    let mut tiles = vec![[0; 64]; rows.div_ceil(64)];
    for (at, column) in columns {
        for (tile, word) in tiles.iter_mut().zip(column) {
            tile.get_mut(at).into_iter().for_each(|place| *place = *word);
        }
    }
    tiles.iter_mut().for_each(transpose);
    tiles
}

/// The bits that are set, from the lowest.
pub(super) fn bits(word: u64) -> impl Iterator<Item = usize> {
    let mut left = word;
    std::iter::from_fn(move || {
        let at = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        if at == u64::BITS { None } else { usize::try_from(at).ok() }
    })
}

/// The bits of a row of bits that are set, from the lowest.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().zip((0_usize..).step_by(64)).flat_map(|(&word, first)| bits(word).map(move |at| first.saturating_add(at)))
}

/// Whether bit `at` of a row of bits is set.
pub(super) fn has(words: &[u64], at: usize) -> bool {
    words.get(at / 64).is_some_and(|word| word & bit(at) != 0)
}

/// Sets bit `at` of a row of bits, which grows as far as that needs, or clears it.
pub(super) fn set(words: &mut Vec<u64>, at: usize, on: bool) {
    if on && words.len() <= at / 64 {
        words.resize((at / 64).saturating_add(1), 0);
    }
    if let Some(word) = words.get_mut(at / 64) {
        *word = if on { *word | bit(at) } else { *word & !bit(at) };
    }
}

/// The word with bit `at % 64` set.
pub(super) fn bit(at: usize) -> u64 {
    1_u64.wrapping_shl(u32::try_from(at % 64).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_rows_again() {
        let rows: [u64; 64] = std::array::from_fn(|at| (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut turned = rows;
        transpose(&mut turned);
        for (row, word) in rows.iter().enumerate() {
            assert!(turned.iter().enumerate().all(|(column, turned)| (turned >> row) & 1 == (word >> column) & 1));
        }
        transpose(&mut turned);
        assert_eq!(turned, rows);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = ClassSet::below(65);
        set.remove(3);
        set.insert(191);
        assert_eq!(set.ordinals().collect::<Vec<_>>(), (0..65).filter(|&at| at != 3).chain([191]).collect::<Vec<_>>());
        assert_eq!(set.minus(ClassSet::below(64)).ordinals().collect::<Vec<_>>(), [64, 191]);
        assert!(ClassSet::below(0).is_empty());
        assert_eq!(ClassSet::below(CLASSES_MAX), ClassSet::ALL);
    }
}
