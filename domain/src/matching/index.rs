//! The index: campaigns come, change and go; leads ask which of them they meet.

use std::ops::Range;

use super::block::{Block, PLACES, Tenant};
use super::classes::Budget;
use super::cluster::{Cluster, Places};
use super::entry::{Entry, Lead, Slot};
use super::fields::Fields;
use super::markets::Markets;
use super::partition::{Dictionaries, Partition, Query};
use super::select::Prospects;
use super::texts::Texts;

/// The places of a block, as slots count them.
const PLACES_IN_SLOT: u32 = 512;

const _: () = assert!(PLACES == 512 && PLACES_IN_SLOT == 512, "every place of a block has a slot");

/// All standing campaigns by what they ask of a lead.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) fields: Fields,
    pub(super) texts: Texts,
    budget: Budget,
    pub(super) markets: Markets,
    blocks: Vec<Option<Block>>,
    free_blocks: Vec<u32>,
    campaigns: usize,
}

/// Memory that matching needs for a moment, kept from lead to lead.
#[derive(Debug, Default)]
pub struct Scratch {
    query: Query,
    pub(super) prospects: Prospects,
}

/// A campaign of many that was judged and has no place yet.
struct Judged {
    partition: usize,
    cluster: Cluster,
    /// Its place among the entries.
    at: usize,
    /// Where its column lies among all, and how many rows there were.
    column: Range<usize>,
    rows: usize,
    /// Where its residual check lies among all.
    residual: Range<usize>,
}

impl Index {
    #[cfg(test)]
    pub(super) fn with_budget(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Takes a campaign in, open.
    pub fn insert(&mut self, entry: &Entry) -> Slot {
        self.campaigns = self.campaigns.saturating_add(1);
        self.settle(entry, true)
    }

    /// Takes many campaigns in, and answers their slots in the same order. Faster than one by one, and better laid out: each
    /// partition is filled place after place, and there from the dearest campaign on.
    pub fn insert_all(&mut self, entries: &[Entry]) -> Vec<Slot> {
        // Filters are read in the order in which they lie in memory, and columns are then put where they belong.
        let (mut columns, mut code) = (Vec::with_capacity(entries.len().saturating_mul(4)), Vec::new());
        let mut judged = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let places = Places::of(&entry.filter);
            let partition = self.markets.partition_at(&entry.vertical, entry.currency, places.home());
            let begin = code.len();
            self.judge(partition, entry, &mut code);
            let Some(rows) = self.markets.partitions.get(partition).map(|partition| &partition.rows) else { continue };
            let column = columns.len()..columns.len().saturating_add(rows.column().len());
            columns.extend_from_slice(rows.column());
            let cluster = Cluster::of(places, &entry.offer);
            judged.push(Judged { partition, cluster, at, column, rows: rows.len(), residual: begin..code.len() });
        }
        let mut order: Vec<(usize, Cluster, usize)> =
            (0..).zip(&judged).map(|(at, one)| (one.partition, one.cluster, at)).collect();
        order.sort_unstable();
        let mut slots = vec![Slot::NONE; entries.len()];
        let mut last = None;
        for one in order.into_iter().filter_map(|(.., at)| judged.get(at)) {
            let (Some(partition), Some(entry)) = (self.markets.partitions.get_mut(one.partition), entries.get(one.at)) else {
                continue;
            };
            partition.rows.resume_column(columns.get(one.column.clone()).unwrap_or_default(), one.rows);
            let residual = code.get(one.residual.clone()).unwrap_or_default();
            let slot = self.place(one.partition, one.cluster, Tenant { offer: entry.offer, open: true, residual }, last);
            last = Some(slot.block());
            if let Some(known) = slots.get_mut(one.at) {
                *known = slot;
            }
        }
        self.campaigns = self.campaigns.saturating_add(entries.len());
        slots
    }

    /// Gives a campaign another entry, and answers where it is now; it stays open or closed. `None` when the slot is free.
    pub fn replace(&mut self, slot: Slot, entry: &Entry) -> Option<Slot> {
        let open = self.block(slot.block()).filter(|block| block.is_used(slot.place()))?.is_open(slot.place());
        let new = self.settle(entry, open);
        self.vacate(slot);
        Some(new)
    }

    /// Takes a campaign out, and frees its slot. Nothing happens when it is free.
    pub fn remove(&mut self, slot: Slot) {
        if self.block(slot.block()).is_some_and(|block| block.is_used(slot.place())) {
            self.vacate(slot);
            self.campaigns = self.campaigns.saturating_sub(1);
        }
    }

    /// Lets a campaign buy, or not for now. Nothing happens when the slot is free.
    pub fn set_open(&mut self, slot: Slot, open: bool) {
        if let Some(block) = self.block_mut(slot.block()) {
            block.set_open(slot.place(), open);
        }
    }

    /// Names every open campaign whose filter the lead passes, once each, in no order.
    pub fn matches(&self, lead: Lead<'_>, scratch: &mut Scratch, mut out: impl FnMut(Slot)) {
        let known = self.fields.known(lead.facts);
        for partition in self.markets.over(lead) {
            partition.resolve(&known, &self.texts, &mut scratch.query);
            for (id, block) in partition.blocks_left(&scratch.query).filter_map(|(_, id)| Some((id, self.block(id)?))) {
                for place in block.hits(&scratch.query.singles, &scratch.query.groups).places() {
                    if block.residual(place).is_none_or(|residual| residual.holds(&known, &self.texts)) {
                        out(Slot::new(id, place));
                    }
                }
            }
        }
    }

    /// Campaigns in the index, open or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.campaigns
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, about: what the capacities of its lists come to.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let blocks = self.blocks.iter().flatten().map(Block::heap_bytes);
        let partitions = self.markets.partitions.iter().map(Partition::heap_bytes);
        let lists = [
            self.blocks.capacity().saturating_mul(size_of::<Option<Block>>()),
            self.markets.partitions.capacity().saturating_mul(size_of::<Partition>()),
            self.texts.heap_bytes(),
        ];
        blocks.chain(partitions).chain(lists).fold(0, usize::saturating_add)
    }

    pub(super) fn block(&self, block: u32) -> Option<&Block> {
        self.blocks.get(usize::try_from(block).ok()?)?.as_ref()
    }

    fn block_mut(&mut self, block: u32) -> Option<&mut Block> {
        self.blocks.get_mut(usize::try_from(block).ok()?)?.as_mut()
    }

    fn settle(&mut self, entry: &Entry, open: bool) -> Slot {
        let places = Places::of(&entry.filter);
        let partition = self.markets.partition_at(&entry.vertical, entry.currency, places.home());
        let mut code = Vec::new();
        self.judge(partition, entry, &mut code);
        self.place(partition, Cluster::of(places, &entry.offer), Tenant { offer: entry.offer, open, residual: &code }, None)
    }

    /// Makes the column of a campaign, and its residual check at the end of `code`; the blocks of its partition get the rows that
    /// are new.
    fn judge(&mut self, at: usize, entry: &Entry, code: &mut Vec<u8>) {
        let Some(partition) = self.markets.partitions.get_mut(at) else { return };
        let mut dictionaries = Dictionaries { fields: &mut self.fields, texts: &mut self.texts, budget: &self.budget };
        partition.judge(&entry.filter, &mut dictionaries, code);
        let born = partition.rows.take_born();
        if !born.is_empty() {
            born.iter().for_each(|parent| partition.overview.add_row(*parent));
            for block in &partition.blocks {
                if let Some(Some(block)) = usize::try_from(*block).ok().and_then(|at| self.blocks.get_mut(at)) {
                    block.grow(&born);
                }
            }
        }
    }

    /// Finds a place for the campaign whose column was made last: in block `into`, when it has room and is of the same
    /// partition.
    fn place(&mut self, at: usize, cluster: Cluster, tenant: Tenant<'_>, into: Option<u32>) -> Slot {
        let into = into.filter(|&id| self.block(id).is_some_and(|block| block.partition == at && block.has_room()));
        let Some(partition) = self.markets.partitions.get_mut(at) else { return Slot::NONE };
        let id = into.or_else(|| partition.roomy_block(cluster)).unwrap_or_else(|| {
            let block = Some(Block::new(at, partition.blocks.len(), cluster, partition.rows.len()));
            let id = new_block(&mut self.blocks, &mut self.free_blocks, block);
            partition.add_block(id, cluster);
            id
        });
        let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)) else { return Slot::NONE };
        let column = partition.rows.take_column();
        let place = block.put(tenant, &column, &mut partition.rows, &mut partition.overview);
        partition.rows.return_column(column);
        if !block.has_room() {
            partition.set_roomy(block.cluster, id, false);
        }
        place.map_or(Slot::NONE, |place| Slot::new(id, place))
    }

    /// Empties a place, and drops its block when that was the last.
    fn vacate(&mut self, slot: Slot) {
        let id = slot.block();
        let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)) else { return };
        let Some(partition) = self.markets.partitions.get_mut(block.partition) else { return };
        block.take(slot.place(), &mut self.texts);
        if !block.is_empty() {
            if block.sweep(&mut partition.rows, &mut partition.overview) {
                partition.set_roomy(block.cluster, id, true);
            }
            return;
        }
        partition.set_roomy(block.cluster, id, false);
        let Some(block) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)?.take()) else { return };
        let moved = partition.drop_block(&block, &mut self.texts);
        self.free_blocks.push(id);
        if let Some(moved) = moved.and_then(|moved| self.block_mut(moved)) {
            moved.ordinal = block.ordinal;
        }
    }
}

impl Slot {
    /// Nowhere.
    const NONE: Self = Self(u32::MAX);

    pub(super) fn new(block: u32, place: usize) -> Self {
        let place = u32::try_from(place).ok().and_then(|place| block.checked_mul(PLACES_IN_SLOT)?.checked_add(place));
        place.map_or(Self::NONE, Self)
    }

    fn block(self) -> u32 {
        self.0 / PLACES_IN_SLOT
    }

    fn place(self) -> usize {
        usize::try_from(self.0 % PLACES_IN_SLOT).unwrap_or(PLACES)
    }
}

fn new_block(blocks: &mut Vec<Option<Block>>, free: &mut Vec<u32>, block: Option<Block>) -> u32 {
    if let Some(id) = free.pop()
        && let Some(place) = usize::try_from(id).ok().and_then(|at| blocks.get_mut(at))
    {
        *place = block;
        return id;
    }
    blocks.push(block);
    u32::try_from(blocks.len().saturating_sub(1)).unwrap_or(u32::MAX)
}
