//! Many campaigns at once, each partition's by themselves and side by side: judged in the order in which they came, and then laid out
//! so that a lead skips most of their blocks.
//!
//! The dearest of a partition come first, in tiers of which each is as large as all before it, since an auction begins with the
//! dearest and seldom comes to an end. Within a tier those that ask for the same share blocks, by the few fields that tell most
//! of the partition's campaigns apart: whole blocks are then barred.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::block::{Block, PLACES, Tenant};
use super::classes::Budget;
use super::cluster::{Cluster, Places};
use super::entry::{Entry, Side, Slot, StandingOffer};
use super::index::Index;
use super::partition::{Asked, Judging, Partition};
use super::{fields, texts};
use crate::money::Currency;
use crate::vertical::VerticalPath;

/// Fields by which the campaigns of a tier are ordered.
const FIELDS: usize = 5;

/// Bits of a place in the order that each of them has.
const BITS: u32 = 24;

/// Campaigns of the first tier; the others each double what comes before.
const DEAREST: usize = PLACES / 2;

/// Tiers that there are at most: an auction that has come so far looks at most of what is left, in whatever order.
const TIERS: usize = 8;

/// Entries that are assigned to partitions together.
const TOGETHER: usize = 1 << 14;

/// What a partition is for.
type Market<'a> = (Currency, &'a VerticalPath, Option<&'a str>);

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

/// Those of one partition.
struct Bulk<'a> {
    entries: &'a [Entry],
    /// Which of the entries each is.
    members: Vec<u32>,
    judged: Vec<Judged>,
    columns: Vec<u64>,
    code: Vec<u8>,
    asked: Vec<Asked>,
}

/// Where those of one partition lie.
struct Laid {
    /// Full blocks, with the places of their campaigns among the entries.
    full: Vec<(Block, Vec<u32>)>,
    rest: Vec<Rest>,
}

/// A campaign that is left when all blocks are full.
struct Rest {
    /// Which of the entries it is.
    at: u32,
    column: Vec<u64>,
    rows: usize,
    residual: Vec<u8>,
}

impl Index {
    /// Takes many campaigns in, and answers their slots in the same order. Faster than one by one, and better laid out.
    pub fn insert_all(&mut self, entries: &[Entry]) -> Vec<Slot> {
        let mut members: Vec<Vec<u32>> = Vec::new();
        for some in entries.par_chunks(TOGETHER).zip(0..entries.len().div_ceil(TOGETHER)).map(by_market).collect::<Vec<_>>() {
            for ((currency, vertical, home), own) in some {
                let at = self.markets.partition_at(vertical, currency, home);
                members.resize_with(members.len().max(at.saturating_add(1)), Vec::new);
                members.get_mut(at).into_iter().for_each(|members| members.extend(&own));
            }
        }
        let (budget, fields, new) = (&self.budget, Mutex::new(std::mem::take(&mut self.fields)), texts::New::default());
        let partitions = self.markets.partitions.par_iter_mut().with_max_len(1).zip(members.into_par_iter().with_max_len(1));
        let laid = partitions.enumerate().map(|(at, (partition, members))| {
            let (mut fields, mut texts) = (fields::Share::new(&fields), texts::Share::new(&self.texts, &new));
            let bulk = Bulk::judge(partition, (&mut fields, &mut texts, budget), entries, members);
            (bulk.lay(at, partition), texts.end())
        });
        let (laid, taken): (Vec<Laid>, Vec<texts::Taken>) = laid.unzip();
        self.fields = fields.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.texts.learn(new, taken);
        let mut slots = vec![Slot::NONE; entries.len()];
        for (partition, laid) in laid.into_iter().enumerate() {
            self.take_in(partition, laid, entries, &mut slots);
        }
        self.count(entries.len());
        slots
    }

    fn take_in(&mut self, partition: usize, laid: Laid, entries: &[Entry], slots: &mut [Slot]) {
        self.grow(partition);
        let mut set = |at: u32, slot: Slot| {
            usize::try_from(at).ok().and_then(|at| slots.get_mut(at)).into_iter().for_each(|place| *place = slot);
        };
        for (block, members) in laid.full {
            let id = self.add_block(partition, block);
            members.into_iter().enumerate().for_each(|(place, at)| set(at, Slot::new(id, place)));
        }
        let mut last = None;
        for Rest { at, column, rows, residual } in laid.rest {
            let entry = usize::try_from(at).ok().and_then(|at| entries.get(at));
            let (Some(entry), Some(known)) = (entry, self.markets.partitions.get_mut(partition)) else { continue };
            known.rows.resume_column(&column, rows);
            let cluster = Cluster::of(Places::of(&entry.filter), &entry.offer);
            let slot = self.place(partition, cluster, Tenant { offer: entry.offer, open: true, residual: &residual }, last);
            last = Some(slot.block());
            set(at, slot);
        }
        self.write_fresh(partition);
    }
}

/// Some entries, counted from `chunk` times [`TOGETHER`], by what their partitions are for.
fn by_market((entries, chunk): (&[Entry], usize)) -> BTreeMap<Market<'_>, Vec<u32>> {
    let mut markets: BTreeMap<Market<'_>, Vec<u32>> = BTreeMap::new();
    for (entry, at) in entries.iter().zip(chunk.saturating_mul(TOGETHER)..) {
        let own = markets.entry((entry.currency, &entry.vertical, Places::of(&entry.filter).home())).or_default();
        own.extend(u32::try_from(at).ok());
    }
    markets
}

impl<'a> Bulk<'a> {
    /// Judges the campaigns of one partition.
    fn judge(
        partition: &mut Partition,
        (fields, texts, budget): (&mut fields::Share<'_>, &mut texts::Share<'_>, &Budget),
        entries: &'a [Entry],
        members: Vec<u32>,
    ) -> Self {
        let judged = Vec::with_capacity(members.len());
        let mut bulk = Self { entries, members, judged, columns: Vec::new(), code: Vec::new(), asked: Vec::new() };
        for entry in bulk.members.iter().filter_map(|at| entries.get(usize::try_from(*at).ok()?)) {
            let (residual, column, asked) = (bulk.code.len(), bulk.columns.len(), bulk.asked.len());
            let (code, told) = (&mut bulk.code, &mut bulk.asked);
            partition.judge(&entry.filter, &mut Judging { fields, texts, budget, code, asked: told });
            bulk.columns.extend_from_slice(partition.rows.column());
            bulk.judged.push(Judged {
                offer: entry.offer,
                column: column..bulk.columns.len(),
                rows: partition.rows.len(),
                residual: residual..bulk.code.len(),
                asked: asked..bulk.asked.len(),
            });
        }
        bulk
    }

    /// Makes full blocks, which come last in their partition, the one numbered `at`.
    fn lay(&self, at: usize, partition: &mut Partition) -> Laid {
        let order = self.order();
        let mut chunks = order.chunks_exact(PLACES);
        let first = partition.blocks.len();
        let full = (&mut chunks).zip(first..).map(|(chunk, ordinal)| self.fill(partition, (at, ordinal), chunk)).collect();
        let rest = chunks.remainder().iter().filter_map(|&at| {
            let one = self.judged.get(at)?;
            let (column, residual) = (self.column(one).to_vec(), self.residual(one).to_vec());
            Some(Rest { at: *self.members.get(at)?, column, rows: one.rows, residual })
        });
        Laid { full, rest: rest.collect() }
    }

    /// Makes a block of as many campaigns as it holds.
    fn fill(&self, partition: &mut Partition, (at, ordinal): (usize, usize), chunk: &[usize]) -> (Block, Vec<u32>) {
        let members: Vec<u32> = chunk.iter().filter_map(|&at| self.members.get(at).copied()).collect();
        let first = members.first().and_then(|&at| self.entries.get(usize::try_from(at).ok()?));
        let cluster = first.map_or(Cluster::NONE, |entry| Cluster::of(Places::of(&entry.filter), &entry.offer));
        let mut block = Block::new(at, ordinal, cluster, partition.rows.len());
        partition.overview.add_block();
        partition.campaigns = partition.campaigns.saturating_add(chunk.len());
        for (sixty_four, first) in chunk.chunks(64).zip((0_usize..).step_by(64)) {
            let judged = sixty_four.iter().filter_map(|&at| self.judged.get(at));
            block.fill(first / 64, &partition.rows.transposed(judged.clone().map(|one| (self.column(one), one.rows))));
            for (place, one) in (first..).zip(judged) {
                block.settle(place, Tenant { offer: one.offer, open: true, residual: self.residual(one) });
            }
        }
        block.filled(&mut partition.rows, &mut partition.overview);
        (block, members)
    }

    fn column(&self, one: &Judged) -> &[u64] {
        self.columns.get(one.column.clone()).unwrap_or_default()
    }

    fn residual(&self, one: &Judged) -> &[u8] {
        self.code.get(one.residual.clone()).unwrap_or_default()
    }

    fn asked(&self, one: &Judged) -> &[Asked] {
        self.asked.get(one.asked.clone()).unwrap_or_default()
    }

    /// The order in which the campaigns are to lie, by their places among the members.
    fn order(&self) -> Vec<usize> {
        let tiers = [Side::Shared, Side::Exclusive]
            .map(|side| tiers(self.judged.iter().filter_map(|one| worth(&one.offer, side)).collect()));
        let fields = telling(&self.asked);
        let key = |one: &Judged| {
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
        let mut order: Vec<(u128, usize)> = self.judged.iter().map(key).zip(0..).collect();
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
fn telling(asked: &[Asked]) -> [u8; FIELDS] {
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
