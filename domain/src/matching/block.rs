//! Places for 512 campaigns of one partition: a cache line of bits for every row, and what ranking needs of each place.

use super::barred::Barred;
use super::class_set::{bit, bits, has, set};
use super::cluster::Cluster;
use super::entry::{Side, Slot, StandingOffer};
use super::residual::Residual;
use super::rows::{Rows, rows_of};
use crate::money::BP_WHOLE;

/// Places of one block.
pub(super) const PLACES: usize = 512;

/// Places that somebody left are cleared together, so that a change does not have to visit every row.
const SWEPT: u32 = 64;

/// Stands for an amount that cannot win: none, or nothing.
const NOTHING: u32 = 0;

/// Stands for this amount and every larger one.
const VAST: u32 = u32::MAX;

/// One bit for every place of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [u64; PLACES / 64]);

impl Line {
    pub(super) fn has(&self, place: usize) -> bool {
        has(&self.0, place)
    }

    pub(super) fn set(&mut self, place: usize, on: bool) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word = if on { *word | bit(place) } else { *word & !bit(place) };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).fold(0, u32::saturating_add)
    }

    /// The places that are set here and not there.
    fn without(&self, other: &Self) -> Self {
        let mut left = *self;
        left.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        left
    }

    /// The places that are set, from the lowest.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let words = self.0.into_iter().zip((0_usize..).step_by(64));
        words.flat_map(|(word, first)| super::class_set::bits(word).map(move |at| first.saturating_add(at)))
    }

    /// How many of the set places lie below `place`.
    fn rank(&self, place: usize) -> usize {
        let below = |(word, first): (&u64, usize)| {
            let mask = match place.saturating_sub(first) {
                0 => 0,
                part @ 1..64 => bit(part).wrapping_sub(1),
                _ => u64::MAX,
            };
            (word & mask).count_ones()
        };
        let count: u32 = self.0.iter().zip((0_usize..).step_by(64)).map(below).fold(0, u32::saturating_add);
        usize::try_from(count).unwrap_or(0)
    }

    fn first_clear(&self) -> Option<usize> {
        let words = self.0.iter().zip((0_usize..).step_by(64));
        let mut free = words.filter(|(word, _)| **word != u64::MAX);
        free.next().and_then(|(word, first)| Some(first.saturating_add(usize::try_from(word.trailing_ones()).ok()?)))
    }
}

#[derive(Debug)]
pub(super) struct Block {
    /// The partition that it belongs to.
    pub(super) partition: usize,
    /// Its place in the partition.
    pub(super) ordinal: usize,
    /// Where its first campaign belongs: its like lie together.
    pub(super) cluster: Cluster,
    /// The largest amount of each side that it ever held, in minor units.
    dearest_minor: [u32; 2],
    /// Places with a campaign.
    used: Line,
    /// Places with a campaign that buys now.
    open: Line,
    /// Places that have held a campaign: whoever leaves lets its bits lie until the block is swept.
    written: Line,
    /// The rows that block every campaign here.
    barring: Vec<u64>,
    /// Places whose campaign has a residual check.
    partial: Line,
    /// The residual checks, in the order of their places.
    residuals: Vec<Residual>,
    /// For each row, the places that it blocks.
    rows: Vec<Line>,
    slots: Box<[u32; PLACES]>,
    shared_minor: Box<[u32; PLACES]>,
    exclusive_minor: Box<[u32; PLACES]>,
    weight_bp: Box<[u16; PLACES]>,
}

/// What is written into a place.
pub(super) struct Tenant {
    pub(super) slot: Slot,
    pub(super) offer: StandingOffer,
    pub(super) open: bool,
    pub(super) residual: Option<Residual>,
}

impl Block {
    pub(super) fn new(partition: usize, ordinal: usize, cluster: Cluster, rows: usize) -> Self {
        Self {
            partition,
            ordinal,
            cluster,
            dearest_minor: [NOTHING; 2],
            used: Line::default(),
            open: Line::default(),
            written: Line::default(),
            barring: vec![0; rows.div_ceil(64)],
            partial: Line::default(),
            residuals: Vec::new(),
            rows: vec![Line::default(); rows],
            slots: Box::new([0; PLACES]),
            shared_minor: Box::new([NOTHING; PLACES]),
            exclusive_minor: Box::new([NOTHING; PLACES]),
            weight_bp: Box::new([0; PLACES]),
        }
    }

    /// Adds the rows that the partition got since.
    pub(super) fn grow(&mut self, born: &[Option<u16>]) {
        self.rows.reserve_exact(born.len());
        for parent in born {
            let line = parent.and_then(|parent| self.rows.get(usize::from(parent))).copied().unwrap_or_default();
            if parent.is_some_and(|parent| has(&self.barring, usize::from(parent))) {
                set(&mut self.barring, self.rows.len(), true);
            }
            self.rows.push(line);
        }
    }

    /// Whether another campaign can be put in.
    pub(super) fn has_room(&self) -> bool {
        self.written.0.iter().any(|word| *word != u64::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// Puts a campaign into a free place and answers which.
    pub(super) fn put(&mut self, tenant: Tenant, column: &[u64], rows: &mut Rows, barred: &mut Barred) -> Option<usize> {
        let place = self.written.first_clear()?;
        for row in rows_of(column) {
            if let Some(line) = self.rows.get_mut(row) {
                line.set(place, true);
                rows.count(row, 1);
            }
        }
        self.narrow(column, barred);
        self.used.set(place, true);
        self.written.set(place, true);
        self.open.set(place, tenant.open);
        if let Some(residual) = tenant.residual {
            self.residuals.insert(self.partial.rank(place), residual);
            self.partial.set(place, true);
        }
        *self.slots.get_mut(place)? = tenant.slot.0;
        *self.shared_minor.get_mut(place)? = short(tenant.offer.shared_minor);
        *self.exclusive_minor.get_mut(place)? = short(tenant.offer.exclusive_minor);
        *self.weight_bp.get_mut(place)? = u16::try_from(tenant.offer.weight_bp.clamp(1, BP_WHOLE)).unwrap_or(1);
        for (dearest, side) in self.dearest_minor.iter_mut().zip([Side::Shared, Side::Exclusive]) {
            *dearest = short(tenant.offer.amount_minor(side)).max(*dearest);
        }
        Some(place)
    }

    /// Bars from now on only what the campaign with `column`, which comes in, is blocked by too.
    fn narrow(&mut self, column: &[u64], barred: &mut Barred) {
        let alone = self.is_empty();
        for (at, barring) in self.barring.iter_mut().enumerate() {
            let column = column.get(at).copied().unwrap_or(0);
            let before = *barring;
            *barring = if alone { column } else { before & column };
            for row in bits(before ^ *barring) {
                barred.set(at.saturating_mul(64).saturating_add(row), self.ordinal, *barring & bit(row) != 0);
            }
        }
    }

    /// Clears the places that campaigns left, once there are enough of them and no other room.
    pub(super) fn sweep(&mut self, rows: &mut Rows, barred: &mut Barred) {
        let left = self.written.without(&self.used);
        if self.has_room() || left.count() < SWEPT {
            return;
        }
        for (row, line) in self.rows.iter_mut().enumerate() {
            let kept = line.without(&left);
            rows.lose(row, line.without(&kept).count());
            *line = kept;
            let bars = self.used.without(line).is_empty();
            if has(&self.barring, row) != bars {
                set(&mut self.barring, row, bars);
                barred.set(row, self.ordinal, bars);
            }
        }
        self.written = self.used;
    }

    /// Takes the campaign out of `place`; its residual check, if it had one.
    pub(super) fn take(&mut self, place: usize) -> Option<Residual> {
        let residual = self.partial.has(place).then(|| self.residuals.remove(self.partial.rank(place)));
        self.used.set(place, false);
        self.open.set(place, false);
        self.partial.set(place, false);
        residual
    }

    pub(super) fn is_open(&self, place: usize) -> bool {
        self.open.has(place)
    }

    pub(super) fn set_open(&mut self, place: usize, open: bool) {
        self.open.set(place, open && self.used.has(place));
    }

    /// The open places that none of `singles` blocks, nor all rows of one of `groups` together.
    pub(super) fn hits(&self, singles: &[u16], groups: &[Vec<u16>]) -> Line {
        let mut left = self.open;
        for rows in singles.chunks(4) {
            for row in rows {
                if let Some(line) = self.rows.get(usize::from(*row)) {
                    for (left, blocked) in left.0.iter_mut().zip(line.0) {
                        *left &= !blocked;
                    }
                }
            }
            if left.is_empty() {
                return left;
            }
        }
        for group in groups {
            let mut blocked = Line([u64::MAX; PLACES / 64]);
            for line in group.iter().filter_map(|row| self.rows.get(usize::from(*row))) {
                for (all, one) in blocked.0.iter_mut().zip(line.0) {
                    *all &= one;
                }
            }
            for (left, blocked) in left.0.iter_mut().zip(blocked.0) {
                *left &= !blocked;
            }
        }
        left
    }

    pub(super) fn slot(&self, place: usize) -> Slot {
        Slot(self.slots.get(place).copied().unwrap_or(u32::MAX))
    }

    /// The residual check of a place that has one.
    pub(super) fn residual(&self, place: usize) -> Option<&Residual> {
        if self.partial.has(place) { self.residuals.get(self.partial.rank(place)) } else { None }
    }

    /// The most that a place can be worth on a side, in ranking value, when it bids `least_minor` or more; `i64::MAX` when
    /// that cannot be told.
    pub(super) fn worth(&self, place: usize, side: Side, least_minor: i64) -> Option<i64> {
        let amounts = match side {
            Side::Shared => &self.shared_minor,
            Side::Exclusive => &self.exclusive_minor,
        };
        let weight = i64::from(self.weight_bp.get(place).copied()?);
        worth(amounts.get(place).copied()?, weight, least_minor)
    }

    /// How many places each row blocks, left ones included.
    pub(super) fn row_counts(&self) -> impl Iterator<Item = u32> {
        self.rows.iter().map(Line::count)
    }

    /// The most that any of its places can be worth on a side, as in [`Self::worth`].
    pub(super) fn most_worth(&self, side: Side, least_minor: i64) -> Option<i64> {
        let [shared, exclusive] = self.dearest_minor;
        let dearest = match side {
            Side::Shared => shared,
            Side::Exclusive => exclusive,
        };
        worth(dearest, BP_WHOLE, least_minor)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let places = size_of_val(&*self.slots)
            .saturating_add(size_of_val(&*self.shared_minor))
            .saturating_add(size_of_val(&*self.exclusive_minor))
            .saturating_add(size_of_val(&*self.weight_bp));
        let lines = self.rows.capacity().saturating_mul(size_of::<Line>());
        let residuals = self.residuals.capacity().saturating_mul(size_of::<Residual>());
        let code = self.residuals.iter().map(Residual::heap_bytes).fold(0, usize::saturating_add);
        let bars = self.barring.capacity().saturating_mul(size_of::<u64>());
        places.saturating_add(lines).saturating_add(bars).saturating_add(residuals).saturating_add(code)
    }
}

/// An amount in four bytes, which all that are not vast fit.
fn short(amount_minor: Option<i64>) -> u32 {
    amount_minor.map_or(NOTHING, |amount| u32::try_from(amount.max(0)).unwrap_or(VAST))
}

fn worth(short_minor: u32, weight_bp: i64, least_minor: i64) -> Option<i64> {
    match short_minor {
        NOTHING => None,
        VAST => Some(i64::MAX),
        amount => Some(i64::from(amount)).filter(|amount| *amount >= least_minor)?.checked_mul(weight_bp),
    }
}
