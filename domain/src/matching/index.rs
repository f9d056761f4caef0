//! The index: campaigns come, change and go; leads ask which of them they meet.

use super::block::{Block, PLACES, PLACES_COUNT, Tenant};
use super::classes::Budget;
use super::cluster::{Cluster, Places};
use super::entry::{Entry, Lead, Slot};
use super::fields::Fields;
use super::markets::Markets;
use super::partition::{Judging, Partition, Query};
use super::select::Prospects;
use super::texts::Texts;

/// All standing campaigns by what they ask of a lead.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) fields: Fields,
    pub(super) texts: Texts,
    pub(super) budget: Budget,
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

impl Index {
    #[cfg(test)]
    pub(super) fn with_budget(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Takes a campaign in, open.
    pub fn insert(&mut self, entry: &Entry) -> Slot {
        self.count(1);
        self.settle(entry, true)
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
        if let Some(partition) = self.markets.partitions.get_mut(partition) {
            let (fields, texts, asked) = (&mut self.fields, &mut self.texts, &mut Vec::new());
            partition.judge(&entry.filter, &mut Judging { fields, texts, budget: &self.budget, code: &mut code, asked });
        }
        self.grow(partition);
        self.place(partition, Cluster::of(places, &entry.offer), Tenant { offer: entry.offer, open, residual: &code }, None)
    }

    /// Gives the blocks of a partition the rows that it got since this was done last.
    pub(super) fn grow(&mut self, at: usize) {
        let Some(partition) = self.markets.partitions.get_mut(at) else { return };
        let born = partition.rows.take_born();
        if !born.is_empty() {
            for block in &partition.blocks {
                if let Some(Some(block)) = usize::try_from(*block).ok().and_then(|at| self.blocks.get_mut(at)) {
                    block.grow(&born, &mut partition.rows);
                }
            }
        }
    }

    /// Finds a place for the campaign whose column was made last: in block `into`, when it has room and is of the same
    /// partition.
    pub(super) fn place(&mut self, at: usize, cluster: Cluster, tenant: Tenant<'_>, into: Option<u32>) -> Slot {
        let into = into.filter(|&id| self.block(id).is_some_and(|block| block.partition == at && block.has_room()));
        let Some(partition) = self.markets.partitions.get_mut(at) else { return Slot::NONE };
        partition.campaigns = partition.campaigns.saturating_add(1);
        let id = if let Some(id) = into.or_else(|| partition.roomy_block(cluster)) {
            id
        } else {
            let block = Block::new(at, partition.blocks.len(), cluster, partition.rows.len());
            partition.overview.add_block();
            self.add_block(at, block)
        };
        let Some(partition) = self.markets.partitions.get_mut(at) else { return Slot::NONE };
        let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)) else { return Slot::NONE };
        if block.cluster == Cluster::NONE {
            partition.set_roomy(block.cluster, id, false);
            block.cluster = cluster;
            partition.set_roomy(block.cluster, id, true);
        }
        let column = partition.rows.take_column();
        let place = block.put(tenant, &column, &mut partition.rows, &mut partition.overview);
        partition.rows.return_column(column);
        if !block.has_room() {
            partition.set_roomy(block.cluster, id, false);
        }
        place.map_or(Slot::NONE, |place| Slot::new(id, place))
    }

    /// Takes in a block that comes last in its partition, and answers its number.
    pub(super) fn add_block(&mut self, at: usize, block: Block) -> u32 {
        let (cluster, has_room) = (block.cluster, block.has_room());
        let id = new_block(&mut self.blocks, &mut self.free_blocks, Some(block));
        if let Some(partition) = self.markets.partitions.get_mut(at) {
            partition.blocks.push(id);
            partition.set_roomy(cluster, id, has_room);
        }
        id
    }

    /// Writes the campaigns of a partition that came last into its rows.
    pub(super) fn write_fresh(&mut self, at: usize) {
        let Some(partition) = self.markets.partitions.get_mut(at) else { return };
        for block in &partition.blocks {
            if let Some(Some(block)) = usize::try_from(*block).ok().and_then(|at| self.blocks.get_mut(at)) {
                block.write_fresh(&mut partition.rows, &mut partition.overview);
            }
        }
    }

    /// So many campaigns came.
    pub(super) fn count(&mut self, campaigns: usize) {
        self.campaigns = self.campaigns.saturating_add(campaigns);
    }

    /// Empties a place. A block without campaigns waits for others, unless enough blocks have room.
    fn vacate(&mut self, slot: Slot) {
        let id = slot.block();
        let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)) else { return };
        let at = block.partition;
        let Some(partition) = self.markets.partitions.get_mut(at) else { return };
        block.take(slot.place(), &mut self.texts);
        partition.campaigns = partition.campaigns.saturating_sub(1);
        if partition.campaigns == 0 {
            for id in partition.clear(&mut self.texts) {
                if let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get(at)) {
                    block.release(&mut self.texts);
                }
                drop_block(&mut self.blocks, &mut self.free_blocks, id);
            }
            return;
        }
        if block.sweep(&mut partition.rows, &mut partition.overview, &mut self.texts) {
            partition.set_roomy(block.cluster, id, true);
        }
        if !block.is_empty() {
            return;
        }
        partition.set_roomy(block.cluster, id, false);
        if partition.affords_room() {
            block.cluster = Cluster::NONE;
            partition.set_roomy(block.cluster, id, true);
            partition.overview.set_dearest(block.ordinal, Default::default());
            return;
        }
        block.release(&mut self.texts);
        let ordinal = block.ordinal;
        let moved = partition.drop_block(block);
        drop_block(&mut self.blocks, &mut self.free_blocks, id);
        if let Some(moved) = moved.and_then(|moved| self.block_mut(moved)) {
            moved.ordinal = ordinal;
        }
    }
}

impl Slot {
    /// Nowhere.
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) fn new(block: u32, place: usize) -> Self {
        let place = u32::try_from(place).ok().and_then(|place| block.checked_mul(PLACES_COUNT)?.checked_add(place));
        place.map_or(Self::NONE, Self)
    }

    pub(super) fn block(self) -> u32 {
        self.0 / PLACES_COUNT
    }

    pub(super) fn place(self) -> usize {
        usize::try_from(self.0 % PLACES_COUNT).unwrap_or(PLACES)
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

fn drop_block(blocks: &mut [Option<Block>], free: &mut Vec<u32>, id: u32) {
    if let Some(place) = usize::try_from(id).ok().and_then(|at| blocks.get_mut(at)) {
        *place = None;
        free.push(id);
    }
}
