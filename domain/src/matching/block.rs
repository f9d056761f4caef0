//! Places for 512 campaigns of one partition: a cache line of bits for every row, and what ranking needs of each place.

use super::class_set::{bit, bits, has, ones, set, tiles};
use super::cluster::Cluster;
use super::entry::{Side, StandingOffer};
use super::fresh::Fresh;
use super::overview::{Dearest, Overview};
use super::residual::{Residual, Residuals};
use super::rows::Rows;
use super::short::Short;
use super::texts::Texts;
use crate::money::BP_WHOLE;

/// Places of one block.
pub(super) const PLACES: usize = 512;
/// The same, as slots count them.
pub(super) const PLACES_COUNT: u32 = 512;

const _: () = assert!(PLACES == 512 && PLACES_COUNT == 512, "every place of a block has a slot");

/// Places that somebody left are cleared together, so that a change does not have to visit every row.
const SWEPT: u32 = 64;

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
        ones(&self.0)
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
    /// How many places are used, and how many are written: who leaves need not look at them all.
    used_count: u32,
    written_count: u32,
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
    residuals: Residuals,
    /// For each row, the places that it blocks.
    rows: Vec<Line>,
    /// Campaigns that are not in the rows yet, and their places.
    fresh: Fresh,
    young: Line,
    /// What the campaign at each place bids, up to the last place that was ever used.
    bids: Vec<Bid>,
}

/// What a campaign bids, side by side, since a place is looked at for one side after the other.
#[derive(Debug, Clone, Copy, Default)]
struct Bid {
    shared: Short,
    exclusive: Short,
    weight_bp: u16,
}

/// What is written into a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant<'a> {
    pub(super) offer: StandingOffer,
    pub(super) open: bool,
    /// The code of its residual check; empty when it has none.
    pub(super) residual: &'a [u8],
}

impl Bid {
    fn of(offer: &StandingOffer) -> Self {
        Self {
            shared: Short::of(offer.shared_minor),
            exclusive: Short::of(offer.exclusive_minor),
            weight_bp: u16::try_from(offer.weight_bp.clamp(1, BP_WHOLE)).unwrap_or(1),
        }
    }
}

impl Block {
    pub(super) fn new(partition: usize, ordinal: usize, cluster: Cluster, rows: usize) -> Self {
        Self {
            partition,
            ordinal,
            cluster,
            used_count: 0,
            written_count: 0,
            used: Line::default(),
            open: Line::default(),
            written: Line::default(),
            barring: vec![0; rows.div_ceil(64)],
            partial: Line::default(),
            residuals: Residuals::default(),
            rows: vec![Line::default(); rows],
            fresh: Fresh::default(),
            young: Line::default(),
            bids: Vec::new(),
        }
    }

    /// Adds the rows that the partition got since.
    pub(super) fn grow(&mut self, born: &[Option<u16>], rows: &mut Rows) {
        self.write(rows);
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
        self.written_count < PLACES_COUNT
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used_count == 0
    }

    /// Puts a campaign into a free place and answers which.
    pub(super) fn put(&mut self, tenant: Tenant<'_>, column: &[u64], rows: &mut Rows, overview: &mut Overview) -> Option<usize> {
        let place = self.written.first_clear()?;
        rows.note(column);
        self.fresh.put(place, column);
        self.young.set(place, true);
        self.narrow(column, overview);
        let alone = self.is_empty();
        self.settle(place, tenant);
        let [shared, exclusive] = if alone { Default::default() } else { overview.dearest(self.ordinal) };
        let [own_shared, own_exclusive] = self.bids(place);
        overview.set_dearest(self.ordinal, [shared.or(own_shared), exclusive.or(own_exclusive)]);
        if self.fresh.is_full() || !self.has_room() {
            self.write_fresh(rows, overview);
        }
        if !self.has_room() {
            self.residuals.shrink();
            self.fresh = Fresh::default();
        }
        Some(place)
    }

    /// Writes the campaigns that came last into the rows, and bars what blocks all.
    pub(super) fn write_fresh(&mut self, rows: &mut Rows, overview: &mut Overview) {
        if !self.young.is_empty() {
            self.write(rows);
            self.bar(overview);
        }
    }

    /// Writes the campaigns that came last into the rows, word by word of those.
    fn write(&mut self, rows: &mut Rows) {
        let fresh = std::mem::take(&mut self.fresh);
        for (word, first) in (0..PLACES / 64).zip((0_usize..).step_by(64)) {
            let columns =
                fresh.each().filter_map(|(place, column)| Some((place.checked_sub(first).filter(|at| *at < 64)?, column)));
            let tiles = tiles(self.rows.len(), columns);
            for ((row, line), blocked) in self.rows.iter_mut().enumerate().zip(tiles.iter().flatten()) {
                if let Some(word) = line.0.get_mut(word).filter(|_| *blocked != 0) {
                    *word |= blocked;
                    rows.count(row, blocked.count_ones());
                }
            }
        }
        self.young = Line::default();
    }

    /// Bars whatever blocks every campaign, all of which are in the rows.
    fn bar(&mut self, overview: &mut Overview) {
        for (row, line) in self.rows.iter().enumerate() {
            let bars = self.used.without(line).is_empty();
            if has(&self.barring, row) != bars {
                set(&mut self.barring, row, bars);
                overview.bar(row, self.ordinal, bars);
            }
        }
    }

    /// Blocks 64 places by rows that each have a bit for every one of them.
    pub(super) fn fill(&mut self, word: usize, tiles: &[[u64; 64]]) {
        for (line, blocked) in self.rows.iter_mut().zip(tiles.iter().flatten()) {
            line.0.get_mut(word).into_iter().for_each(|word| *word = *blocked);
        }
    }

    /// Puts a campaign into a free place whose rows are written.
    pub(super) fn settle(&mut self, place: usize, tenant: Tenant<'_>) {
        self.used_count = self.used_count.saturating_add(1);
        self.written_count = self.written_count.saturating_add(1);
        self.used.set(place, true);
        self.written.set(place, true);
        self.open.set(place, tenant.open);
        if !tenant.residual.is_empty() {
            self.residuals.insert(self.partial.rank(place), tenant.residual);
            self.partial.set(place, true);
        }
        if self.bids.len() <= place {
            self.bids.resize(place.saturating_add(1), Bid::default());
        }
        self.bids.get_mut(place).into_iter().for_each(|bid| *bid = Bid::of(&tenant.offer));
    }

    /// Tells what is to be known of a block that was filled.
    pub(super) fn filled(&mut self, rows: &mut Rows, overview: &mut Overview) {
        for (row, line) in self.rows.iter().enumerate() {
            rows.count(row, line.count());
        }
        self.bar(overview);
        self.residuals.shrink();
        overview.set_dearest(self.ordinal, self.dearest());
    }

    /// The most that its campaigns bid.
    fn dearest(&self) -> [Dearest; 2] {
        self.used.places().map(|place| self.bids(place)).fold([Dearest::default(); 2], |[a, b], [c, d]| [a.or(c), b.or(d)])
    }

    /// Bars from now on only what the campaign with `column`, which comes in, is blocked by too. In a block without campaigns
    /// nothing is barred until the first are in the rows.
    fn narrow(&mut self, column: &[u64], overview: &mut Overview) {
        let alone = self.is_empty();
        for (at, barring) in self.barring.iter_mut().enumerate() {
            let column = if alone { 0 } else { column.get(at).copied().unwrap_or(0) };
            let before = *barring;
            *barring &= column;
            for row in bits(before ^ *barring) {
                overview.bar(at.saturating_mul(64).saturating_add(row), self.ordinal, false);
            }
        }
    }

    /// Clears the places that campaigns left, once there are enough of them and no other room; whether it did.
    pub(super) fn sweep(&mut self, rows: &mut Rows, overview: &mut Overview, texts: &mut Texts) -> bool {
        if self.has_room() || self.written_count.saturating_sub(self.used_count) < SWEPT {
            return false;
        }
        let left = self.written.without(&self.used);
        left.places().for_each(|place| self.uncheck(place, texts));
        self.write(rows);
        for (row, line) in self.rows.iter_mut().enumerate() {
            let kept = line.without(&left);
            rows.lose(row, line.without(&kept).count());
            *line = kept;
        }
        self.bar(overview);
        self.written = self.used;
        self.written_count = self.used_count;
        overview.set_dearest(self.ordinal, self.dearest());
        true
    }

    /// The most that the campaign at `place` bids, shared and exclusive.
    pub(super) fn bids(&self, place: usize) -> [Dearest; 2] {
        [Side::Shared, Side::Exclusive].map(|side| self.bid(place, side))
    }

    /// The most that the campaign at `place` bids on one side.
    pub(super) fn bid(&self, place: usize, side: Side) -> Dearest {
        let Bid { shared, exclusive, weight_bp } = self.bids.get(place).copied().unwrap_or_default();
        let amount = side.of([shared, exclusive]).minor();
        Dearest { amount, worth: amount.saturating_mul(i64::from(weight_bp)) }
    }

    /// Takes the campaign out of a used place. What it has in the rows, and its residual check, stay until the block is swept.
    pub(super) fn take(&mut self, place: usize, texts: &mut Texts) {
        if self.fresh.take(place) {
            self.uncheck(place, texts);
            self.young.set(place, false);
            self.written.set(place, false);
            self.written_count = self.written_count.saturating_sub(1);
        }
        self.used_count = self.used_count.saturating_sub(1);
        self.used.set(place, false);
        self.open.set(place, false);
    }

    /// Forgets the residual check of `place`, and gives its texts back.
    fn uncheck(&mut self, place: usize, texts: &mut Texts) {
        if self.partial.has(place) {
            self.residuals.remove(self.partial.rank(place), texts);
            self.partial.set(place, false);
        }
    }

    /// Gives back the texts of all residual checks: the block is gone.
    pub(super) fn release(&self, texts: &mut Texts) {
        self.residuals.release(texts);
    }

    /// Whether there is a campaign at `place`.
    pub(super) fn is_used(&self, place: usize) -> bool {
        self.used.has(place)
    }

    pub(super) fn is_open(&self, place: usize) -> bool {
        self.open.has(place)
    }

    pub(super) fn set_open(&mut self, place: usize, open: bool) {
        self.open.set(place, open && self.used.has(place));
    }

    /// The open places that none of `singles` blocks, nor all rows of one of `groups` together.
    pub(super) fn hits(&self, singles: &[u16], groups: &[Vec<u16>]) -> Line {
        let mut left = self.open.without(&self.young);
        self.rest(&mut left, singles, groups);
        if !self.young.is_empty() {
            self.fresh.hits(singles, groups).filter(|place| self.open.has(*place)).for_each(|place| left.set(place, true));
        }
        left
    }

    /// Leaves of the places in `left` those that no rows block.
    fn rest(&self, left: &mut Line, singles: &[u16], groups: &[Vec<u16>]) {
        for rows in singles.chunks(4) {
            for row in rows {
                if let Some(line) = self.rows.get(usize::from(*row)) {
                    for (left, blocked) in left.0.iter_mut().zip(line.0) {
                        *left &= !blocked;
                    }
                }
            }
            if left.is_empty() {
                return;
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
    }

    /// The residual check of a place that has one.
    pub(super) fn residual(&self, place: usize) -> Option<Residual<'_>> {
        if self.partial.has(place) { self.residuals.get(self.partial.rank(place)) } else { None }
    }

    /// How many places each row blocks, left ones included.
    pub(super) fn row_counts(&self) -> impl Iterator<Item = u32> {
        self.rows.iter().map(Line::count)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let bids = self.bids.capacity().saturating_mul(size_of::<Bid>());
        let lines = self.rows.capacity().saturating_mul(size_of::<Line>());
        let bars = self.barring.capacity().saturating_mul(size_of::<u64>());
        [bids, lines, bars, self.residuals.heap_bytes(), self.fresh.heap_bytes()].into_iter().fold(0, usize::saturating_add)
    }
}
