//! Many campaigns at once: judged in the order in which they came, and then laid out so that a lead skips most of their blocks.
//!
//! The dearest of a partition come first, in tiers of which each is as large as all before it, since an auction begins with the
//! dearest and seldom comes to an end. Within a tier those that ask for the same share blocks, by the few fields that tell most
//! of the partition's campaigns apart: whole blocks are then barred.

use std::ops::Range;

use super::block::{Block, PLACES, Tenant};
use super::cluster::{Cluster, Places};
use super::entry::{Entry, Side, Slot, StandingOffer};
use super::index::Index;
use super::partition::Asked;

/// Fields by which the campaigns of a tier are ordered.
const FIELDS: usize = 5;

/// Bits of a place in the order that each of them has.
const BITS: u32 = 24;

/// Campaigns of the first tier; the others each double what comes before.
const DEAREST: usize = PLACES / 2;

/// Tiers that there are at most: an auction that has come so far looks at most of what is left, in whatever order.
const TIERS: usize = 8;

/// A campaign that was judged and has no place yet.
struct Judged {
    offer: StandingOffer,
    /// Where its column lies among all, and how many rows there were.
    column: Range<usize>,
    rows: usize,
    /// Where its residual check lies among all.
    residual: Range<usize>,
    /// Where the fields lie that it asks about.
    asked: Range<usize>,
}

/// All of them.
#[derive(Default)]
struct Bulk {
    judged: Vec<Judged>,
    columns: Vec<u64>,
    code: Vec<u8>,
    asked: Vec<Asked>,
    /// Of each partition, its campaigns by their places among the entries.
    members: Vec<Vec<u32>>,
}

impl Index {
    /// Takes many campaigns in, and answers their slots in the same order. Faster than one by one, and better laid out.
    pub fn insert_all(&mut self, entries: &[Entry]) -> Vec<Slot> {
        let mut bulk = Bulk::default();
        bulk.judged.reserve_exact(entries.len());
        for entry in entries {
            self.judge_one(entry, &mut bulk);
        }
        let mut slots = vec![Slot::NONE; entries.len()];
        for (partition, members) in std::mem::take(&mut bulk.members).into_iter().enumerate() {
            let order = bulk.order(&members);
            let mut chunks = order.chunks_exact(PLACES);
            for chunk in &mut chunks {
                self.fill(partition, chunk, entries, &bulk, &mut slots);
            }
            let mut last = None;
            for &at in chunks.remainder() {
                last = self.place_one(partition, at, entries, &bulk, &mut slots, last);
            }
            self.write_fresh(partition);
        }
        self.count(entries.len());
        slots
    }

    fn judge_one(&mut self, entry: &Entry, bulk: &mut Bulk) {
        let partition = self.markets.partition_at(&entry.vertical, entry.currency, Places::of(&entry.filter).home());
        let (begin, first) = (bulk.code.len(), bulk.asked.len());
        self.judge(partition, entry, &mut bulk.code, &mut bulk.asked);
        let Some(rows) = self.markets.partitions.get(partition).map(|partition| &partition.rows) else { return };
        let column = bulk.columns.len()..bulk.columns.len().saturating_add(rows.column().len());
        bulk.columns.extend_from_slice(rows.column());
        if bulk.members.len() <= partition {
            bulk.members.resize_with(partition.saturating_add(1), Vec::new);
        }
        if let (Some(members), Ok(at)) = (bulk.members.get_mut(partition), u32::try_from(bulk.judged.len())) {
            members.push(at);
        }
        let (residual, asked) = (begin..bulk.code.len(), first..bulk.asked.len());
        bulk.judged.push(Judged { offer: entry.offer, column, rows: rows.len(), residual, asked });
    }

    /// Makes a block of as many campaigns as it holds.
    fn fill(&mut self, at: usize, chunk: &[u32], entries: &[Entry], bulk: &Bulk, slots: &mut [Slot]) {
        let first = chunk.first().and_then(|&at| entries.get(usize::try_from(at).ok()?));
        let (Some(entry), Some(partition)) = (first, self.markets.partitions.get_mut(at)) else { return };
        let cluster = Cluster::of(Places::of(&entry.filter), &entry.offer);
        let mut block = Block::new(at, partition.blocks.len(), cluster, partition.rows.len());
        partition.overview.add_block();
        partition.campaigns = partition.campaigns.saturating_add(chunk.len());
        for (sixty_four, first) in chunk.chunks(64).zip((0_usize..).step_by(64)) {
            let judged = sixty_four.iter().filter_map(|&at| bulk.judged.get(usize::try_from(at).ok()?));
            block.fill(first / 64, &partition.rows.transposed(judged.clone().map(|one| (bulk.column(one), one.rows))));
            for (place, one) in (first..).zip(judged) {
                block.settle(place, Tenant { offer: one.offer, open: true, residual: bulk.residual(one) });
            }
        }
        block.filled(&mut partition.rows, &mut partition.overview);
        let id = self.add_block(at, block);
        for (place, &at) in chunk.iter().enumerate() {
            if let Some(slot) = usize::try_from(at).ok().and_then(|at| slots.get_mut(at)) {
                *slot = Slot::new(id, place);
            }
        }
    }

    /// Puts a campaign into block `into`, or wherever there is room, and answers which block that is.
    fn place_one(
        &mut self,
        partition: usize,
        at: u32,
        entries: &[Entry],
        bulk: &Bulk,
        slots: &mut [Slot],
        into: Option<u32>,
    ) -> Option<u32> {
        let at = usize::try_from(at).ok()?;
        let (one, entry) = (bulk.judged.get(at)?, entries.get(at)?);
        self.markets.partitions.get_mut(partition)?.rows.resume_column(bulk.column(one), one.rows);
        let cluster = Cluster::of(Places::of(&entry.filter), &entry.offer);
        let slot = self.place(partition, cluster, Tenant { offer: one.offer, open: true, residual: bulk.residual(one) }, into);
        *slots.get_mut(at)? = slot;
        Some(slot.block())
    }
}

impl Bulk {
    fn column(&self, one: &Judged) -> &[u64] {
        self.columns.get(one.column.clone()).unwrap_or_default()
    }

    fn residual(&self, one: &Judged) -> &[u8] {
        self.code.get(one.residual.clone()).unwrap_or_default()
    }

    fn asked(&self, one: &Judged) -> &[Asked] {
        self.asked.get(one.asked.clone()).unwrap_or_default()
    }

    /// The campaigns of a partition in the order in which they are to lie.
    fn order(&self, members: &[u32]) -> Vec<u32> {
        let one = |at: &u32| self.judged.get(usize::try_from(*at).ok()?);
        let judged = || members.iter().filter_map(one);
        let tiers =
            [Side::Shared, Side::Exclusive].map(|side| tiers(judged().filter_map(|one| worth(&one.offer, side)).collect()));
        let fields = telling(judged().flat_map(|one| self.asked(one)));
        let key = |at: &u32| {
            let Some(one) = one(at) else { return 0 };
            let tier = [Side::Shared, Side::Exclusive].into_iter().filter_map(|side| {
                let worth = worth(&one.offer, side)?;
                let [shared, exclusive] = &tiers;
                Some(side.of([shared, exclusive]).partition_point(|least| *least > worth))
            });
            let tier = u128::try_from(tier.min().unwrap_or(tiers.len())).unwrap_or(0);
            fields.iter().fold(tier, |key, field| {
                let asked = self.asked(one).iter().find(|asked| asked.field == *field && asked.blocked > 127);
                key.wrapping_shl(BITS) | asked.map_or(0xff_ffff, |asked| u128::from(asked.like))
            })
        };
        let mut order: Vec<(u128, u32)> = members.iter().map(|at| (key(at), *at)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, at)| at).collect()
    }
}

/// The least worth of each tier, the dearest tier first; whatever is worth less is in the last.
fn tiers(mut worths: Vec<i64>) -> Vec<i64> {
    worths.sort_unstable_by(|one, other| other.cmp(one));
    let ends = std::iter::successors(Some(DEAREST), |end| end.checked_mul(2));
    ends.take(TIERS.saturating_sub(1)).map_while(|end| worths.get(end).copied()).collect()
}

fn worth(offer: &StandingOffer, side: Side) -> Option<i64> {
    offer.value(side).map(|value| i64::try_from(value).unwrap_or(i64::MAX))
}

/// The fields that tell most campaigns apart.
fn telling<'a>(asked: impl Iterator<Item = &'a Asked>) -> [u8; FIELDS] {
    let mut told = vec![0_u64; 256];
    for one in asked {
        if let Some(sum) = told.get_mut(usize::from(one.field)) {
            *sum = sum.saturating_add(u64::from(one.blocked));
        }
    }
    let mut order: Vec<(u64, u8)> = told.into_iter().zip(0..=u8::MAX).collect();
    order.sort_unstable_by(|one, other| other.cmp(one));
    std::array::from_fn(|at| order.get(at).map_or(u8::MAX, |(_, field)| *field))
}
