//! The index: campaigns come, change and go; leads ask which of them they meet.

use std::collections::BTreeMap;

use super::block::{Block, PLACES, Tenant};
use super::classes::Budget;
use super::cluster::Cluster;
use super::entry::{Entry, Lead, Slot};
use super::fields::Fields;
use super::partition::{Dictionaries, Partition, Query};
use super::residual::Residual;
use super::rows::Rows;
use super::select::Prospects;
use super::texts::Texts;
use crate::money::Currency;
use crate::vertical::VerticalPath;

/// No place: the slot is free.
const NOWHERE: u32 = u32::MAX;

/// All standing campaigns by what they ask of a lead.
#[derive(Debug)]
pub struct Index {
    pub(super) fields: Fields,
    pub(super) texts: Texts,
    budget: Budget,
    pub(super) partitions: Vec<Partition>,
    /// Partitions by currency and vertical.
    by_market: BTreeMap<Currency, BTreeMap<String, usize>>,
    blocks: Vec<Option<Block>>,
    free_blocks: Vec<u32>,
    /// Block and place of each slot, as `block * 512 + place`.
    places: Vec<u32>,
    free_slots: Vec<u32>,
}

/// Memory that matching needs for a moment, kept from lead to lead.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) query: Query,
    pub(super) prospects: Prospects,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_budget(Budget::STANDARD)
    }
}

impl Index {
    pub(super) fn with_budget(budget: Budget) -> Self {
        Self {
            fields: Fields::default(),
            texts: Texts::default(),
            budget,
            partitions: Vec::new(),
            by_market: BTreeMap::new(),
            blocks: Vec::new(),
            free_blocks: Vec::new(),
            places: Vec::new(),
            free_slots: Vec::new(),
        }
    }

    /// Takes a campaign in, open.
    pub fn insert(&mut self, entry: &Entry) -> Slot {
        let slot = self.next_slot();
        self.settle(slot, entry, true);
        slot
    }

    /// Takes many campaigns in, and answers their slots in the same order. Faster than one by one, and better laid out: each
    /// partition is filled place after place, and there from the dearest campaign on.
    pub fn insert_all(&mut self, entries: &[Entry]) -> Vec<Slot> {
        // Filters are read in the order in which they lie in memory, and columns are then put where they belong.
        let mut columns: Vec<u64> = Vec::new();
        let mut order = Vec::with_capacity(entries.len());
        let mut residuals = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let partition = self.partition_at(&entry.vertical, entry.currency);
            let slot = self.next_slot();
            residuals.push(self.judge(partition, entry));
            let rows = self.partitions.get(partition).map(|partition| &partition.rows);
            let begin = columns.len();
            columns.extend(rows.map_or(&[][..], Rows::column));
            let known = rows.map_or(0, Rows::len);
            order.push((partition, Cluster::of(entry), slot, at, begin..columns.len(), known));
        }
        let slots = order.iter().map(|&(_, _, slot, ..)| slot).collect();
        order.sort_unstable_by_key(|&(partition, cluster, slot, ..)| (partition, cluster, slot));
        let mut last = None;
        for (partition, cluster, slot, at, column, known) in order {
            if let Some(partition) = self.partitions.get_mut(partition) {
                partition.rows.resume_column(columns.get(column).unwrap_or_default(), known);
            }
            let Some(entry) = entries.get(at) else { continue };
            let residual = residuals.get_mut(at).and_then(Option::take);
            last = self.place(partition, cluster, Tenant { slot, offer: entry.offer, open: true, residual }, last);
        }
        slots
    }

    /// Gives a campaign another entry; it stays open or closed. Nothing happens when the slot is free.
    pub fn replace(&mut self, slot: Slot, entry: &Entry) {
        if let Some((block, place)) = self.place_of(slot) {
            let open = self.block(block).is_some_and(|block| block.is_open(place));
            self.settle(slot, entry, open);
            self.vacate(block, place);
        }
    }

    /// Takes a campaign out, and frees its slot. Nothing happens when it is free.
    pub fn remove(&mut self, slot: Slot) {
        if let Some((block, place)) = self.place_of(slot) {
            self.vacate(block, place);
            self.set_position(slot, NOWHERE);
            self.free_slots.push(slot.0);
        }
    }

    /// Lets a campaign buy, or not for now. Nothing happens when the slot is free.
    pub fn set_open(&mut self, slot: Slot, open: bool) {
        if let Some((block, place)) = self.place_of(slot)
            && let Some(block) = self.block_mut(block)
        {
            block.set_open(place, open);
        }
    }

    /// Names every open campaign whose filter the lead passes, once each, in no order.
    pub fn matches(&self, lead: Lead<'_>, scratch: &mut Scratch, mut out: impl FnMut(Slot)) {
        let known = self.fields.known(lead.facts);
        for partition in self.partitions_over(lead) {
            partition.resolve(&known, &self.texts, &mut scratch.query);
            for block in partition.blocks_left(&scratch.query).filter_map(|block| self.block(block)) {
                for place in block.hits(&scratch.query.singles, &scratch.query.groups).places() {
                    if block.residual(place).is_none_or(|residual| residual.holds(&known, &self.texts)) {
                        out(block.slot(place));
                    }
                }
            }
        }
    }

    /// Campaigns in the index, open or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free_slots.len())
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
        let partitions = self.partitions.iter().map(Partition::heap_bytes);
        let lists = [
            self.blocks.capacity().saturating_mul(size_of::<Option<Block>>()),
            self.partitions.capacity().saturating_mul(size_of::<Partition>()),
            self.places.capacity().saturating_mul(size_of::<u32>()),
            self.free_slots.capacity().saturating_mul(size_of::<u32>()),
            self.texts.heap_bytes(),
        ];
        blocks.chain(partitions).chain(lists).fold(0, usize::saturating_add)
    }

    /// The partitions of the lead's vertical and of those above it.
    pub(super) fn partitions_over(&self, lead: Lead<'_>) -> impl Iterator<Item = &Partition> {
        let market = self.by_market.get(&lead.currency);
        let paths = std::iter::successors(Some(lead.vertical.as_str()), |path| path.rsplit_once('/').map(|(above, _)| above));
        paths.filter_map(move |path| market?.get(path)).filter_map(|&at| self.partitions.get(at))
    }

    pub(super) fn block(&self, block: u32) -> Option<&Block> {
        self.blocks.get(usize::try_from(block).ok()?)?.as_ref()
    }

    fn block_mut(&mut self, block: u32) -> Option<&mut Block> {
        self.blocks.get_mut(usize::try_from(block).ok()?)?.as_mut()
    }

    fn next_slot(&mut self) -> Slot {
        if let Some(slot) = self.free_slots.pop() {
            return Slot(slot);
        }
        self.places.push(NOWHERE);
        Slot(u32::try_from(self.places.len().saturating_sub(1)).unwrap_or(NOWHERE))
    }

    fn place_of(&self, slot: Slot) -> Option<(u32, usize)> {
        let place = self.places.get(slot.at()).copied().filter(|&place| place != NOWHERE)?;
        let places = u32::try_from(PLACES).ok()?;
        Some((place.checked_div(places)?, usize::try_from(place.checked_rem(places)?).ok()?))
    }

    fn settle(&mut self, slot: Slot, entry: &Entry, open: bool) {
        let at = self.partition_at(&entry.vertical, entry.currency);
        let residual = self.judge(at, entry);
        self.place(at, Cluster::of(entry), Tenant { slot, offer: entry.offer, open, residual }, None);
    }

    /// Makes the column of a campaign; the blocks of its partition get the rows that are new.
    fn judge(&mut self, at: usize, entry: &Entry) -> Option<Residual> {
        let partition = self.partitions.get_mut(at)?;
        let mut dictionaries = Dictionaries { fields: &mut self.fields, texts: &mut self.texts, budget: &self.budget };
        let residual = partition.judge(&entry.filter, &mut dictionaries);
        let born = partition.rows.take_born();
        if !born.is_empty() {
            born.iter().for_each(|parent| partition.barred.add(*parent));
            for block in &partition.blocks {
                if let Some(Some(block)) = usize::try_from(*block).ok().and_then(|at| self.blocks.get_mut(at)) {
                    block.grow(&born);
                }
            }
        }
        residual
    }

    /// Finds a place for the campaign whose column was made last: in block `into`, when it has room and is of the same
    /// partition. Answers the block.
    fn place(&mut self, at: usize, cluster: Cluster, tenant: Tenant, into: Option<u32>) -> Option<u32> {
        let into = into.filter(|&id| self.block(id).is_some_and(|block| block.partition == at && block.has_room()));
        let partition = self.partitions.get_mut(at)?;
        let id = into.or_else(|| partition.roomy_block(cluster)).unwrap_or_else(|| {
            let block = Some(Block::new(at, partition.blocks.len(), cluster, partition.rows.len()));
            let id = new_block(&mut self.blocks, &mut self.free_blocks, block);
            partition.add_block(id, cluster);
            id
        });
        let block = self.blocks.get_mut(usize::try_from(id).ok()?)?.as_mut()?;
        let column = partition.rows.take_column();
        let slot = tenant.slot;
        let place = block.put(tenant, &column, &mut partition.rows, &mut partition.barred);
        partition.rows.return_column(column);
        if !block.has_room() {
            partition.set_roomy(block.cluster, id, false);
        }
        let place = place.and_then(|place| u32::try_from(place).ok());
        let position = place.and_then(|place| id.checked_mul(u32::try_from(PLACES).ok()?)?.checked_add(place));
        self.set_position(slot, position.unwrap_or(NOWHERE));
        Some(id)
    }

    fn set_position(&mut self, slot: Slot, position: u32) {
        if let Some(place) = self.places.get_mut(slot.at()) {
            *place = position;
        }
    }

    /// Empties a place, and drops its block when that was the last.
    fn vacate(&mut self, id: u32, place: usize) {
        let Some(Some(block)) = usize::try_from(id).ok().and_then(|at| self.blocks.get_mut(at)) else { return };
        let Some(partition) = self.partitions.get_mut(block.partition) else { return };
        if let Some(residual) = block.take(place) {
            residual.release(&mut self.texts);
        }
        if !block.is_empty() {
            block.sweep(&mut partition.rows, &mut partition.barred);
            partition.set_roomy(block.cluster, id, block.has_room());
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

    fn partition_at(&mut self, vertical: &VerticalPath, currency: Currency) -> usize {
        let market = self.by_market.entry(currency).or_default();
        if let Some(&at) = market.get(vertical.as_str()) {
            return at;
        }
        let at = self.partitions.len();
        self.partitions.push(Partition::default());
        market.insert(vertical.as_str().to_owned(), at);
        at
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
    u32::try_from(blocks.len().saturating_sub(1)).unwrap_or(NOWHERE)
}
