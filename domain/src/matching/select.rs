//! Which of the campaigns that a lead meets can win its auction.

use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;

use super::block::Block;
use super::entry::{Lead, Side, Slot, StandingOffer};
use super::index::{Index, Scratch};
use super::overview::Dearest;
use super::partition::{Partition, Query};
use crate::clearing::{Auction, LossReason};

/// What a campaign bids for the lead at hand, after its price rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<K> {
    /// Tells buyers apart: of the campaigns of one buyer the best stands, on each side.
    pub bidder: u32,
    /// What it bids: on no side more than the offer of its entry.
    pub offer: StandingOffer,
    /// Who comes first among equal ranking values: the smaller.
    pub tie: K,
}

/// A campaign that may win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<K> {
    /// The campaign.
    pub slot: Slot,
    /// What it bids.
    pub standing: Standing<K>,
}

/// The campaigns that may win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<K> {
    /// The best for shared copies, best first, one for each bidder.
    pub shared: Vec<Candidate<K>>,
    /// The best for the exclusive sale, best first, one for each bidder.
    pub exclusive: Vec<Candidate<K>>,
    /// Campaigns that would have been considered, and what kept each out.
    pub refused: Vec<(Slot, LossReason)>,
}

/// The best known so far on one side.
struct Ranking<K> {
    side: Side,
    /// The least amount that counts.
    least_minor: i64,
    depth: usize,
    best: Vec<(i128, Candidate<K>)>,
}

/// A campaign that the lead may pass, with the most that it can be worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prospect {
    worth: i64,
    slot: Slot,
}

/// The dearest block of a partition that nobody has looked into, with the most that it can be worth.
#[derive(Debug, Clone, Copy)]
struct Front<'a> {
    partition: &'a Partition,
    query: &'a Query,
    /// How many blocks of the partition's order were looked at.
    seen: usize,
    worth: i64,
    block: u32,
}

/// Memory that selecting needs for a moment.
#[derive(Debug, Default)]
pub(super) struct Prospects {
    queries: Vec<Query>,
    queue: BinaryHeap<Prospect>,
}

/// What was said of the campaigns that were asked about; nothing of those that do not pass.
type Decided<K> = HashMap<Slot, Option<Standing<K>>, RandomState>;

/// So many campaigns are asked about without asking for memory again.
const ASKED: usize = 50;

impl Index {
    /// The campaigns that can win `auction` or set a price in it, with `spare` more of each side.
    ///
    /// Clearing looks at the first `max_sales + 1` shared offers and at the first two exclusive ones and at no other
    /// (whoever wins is among them, and so is whoever a winner displaces), so clearing what is selected gives the sales of
    /// clearing everything. `standing` is asked about one campaign after the other, the most that it can be worth first, and
    /// only while the next could still be among the best: this is where caps, budgets and price rules belong. It is asked
    /// about no campaign twice.
    pub fn select<K: Ord + Copy>(
        &self,
        lead: Lead<'_>,
        auction: &Auction,
        spare: usize,
        scratch: &mut Scratch,
        mut standing: impl FnMut(Slot) -> Result<Standing<K>, LossReason>,
    ) -> Selection<K> {
        let known = self.fields.known(lead.facts);
        let Prospects { queries, queue } = &mut scratch.prospects;
        let mut partitions: Vec<&Partition> = Vec::new();
        for partition in self.markets.over(lead) {
            if queries.len() <= partitions.len() {
                queries.push(Query::default());
            }
            queries.get_mut(partitions.len()).into_iter().for_each(|query| partition.resolve(&known, &self.texts, query));
            partitions.push(partition);
        }
        let mut decided: Decided<K> = HashMap::with_capacity_and_hasher(ASKED, RandomState::default());
        let mut refused = Vec::new();
        let mut ask = |slot: Slot, block: &Block| {
            *decided.entry(slot).or_insert_with(|| {
                if block.residual(slot.place()).is_some_and(|residual| !residual.holds(&known, &self.texts)) {
                    return None;
                }
                standing(slot).map_err(|reason| refused.push((slot, reason))).ok()
            })
        };
        let copies = usize::from(auction.max_sales);
        let sides = [
            (Side::Shared, auction.shared_reserve_minor.filter(|_| copies > 0), copies.saturating_add(1)),
            (Side::Exclusive, auction.exclusive_reserve_minor, 2),
        ];
        let [shared, exclusive] = sides.map(|(side, reserve_minor, depth)| {
            let Some(reserve_minor) = reserve_minor else { return Vec::new() };
            let depth = depth.saturating_add(spare);
            let mut ranking =
                Ranking { side, least_minor: reserve_minor.max(1), depth, best: Vec::with_capacity(depth.min(ASKED)) };
            self.rank(&mut ranking, partitions.iter().copied().zip(&*queries), queue, &mut ask);
            ranking.best.into_iter().map(|(_, candidate)| candidate).collect()
        });
        Selection { shared, exclusive, refused }
    }

    /// Looks into blocks and asks about campaigns, whatever can be worth most first, until the rest cannot be among the best.
    fn rank<'a, K: Ord + Copy>(
        &self,
        ranking: &mut Ranking<K>,
        partitions: impl Iterator<Item = (&'a Partition, &'a Query)>,
        queue: &mut BinaryHeap<Prospect>,
        ask: &mut impl FnMut(Slot, &Block) -> Option<Standing<K>>,
    ) {
        queue.clear();
        let mut fronts: Vec<Front<'a>> =
            partitions.filter_map(|(partition, query)| Front::of(partition, query, 0, ranking)).collect();
        loop {
            let front = fronts.iter().enumerate().max_by_key(|(_, front)| front.worth);
            let (at, front) = front.map_or((0, None), |(at, front)| (at, Some(*front)));
            let next = queue.peek().map(|next| next.worth);
            if next.max(front.map(|front| front.worth)).is_none_or(|worth| !ranking.wants(worth)) {
                return;
            }
            if let Some(front) = front.filter(|front| next.is_none_or(|next| next < front.worth)) {
                match Front::of(front.partition, front.query, front.seen, ranking) {
                    Some(next) => fronts.get_mut(at).into_iter().for_each(|front| *front = next),
                    None => _ = fronts.swap_remove(at),
                }
                let Some(block) = self.block(front.block) else { continue };
                for place in block.hits(&front.query.singles, &front.query.groups).places() {
                    if let Some(worth) = ranking.worth(block.bid(place, ranking.side)).filter(|&worth| ranking.wants(worth)) {
                        queue.push(Prospect { worth, slot: Slot::new(front.block, place) });
                    }
                }
            } else if let Some(Prospect { slot, .. }) = queue.pop()
                && let Some(standing) = self.block(slot.block()).and_then(|block| ask(slot, block))
            {
                ranking.add(Candidate { slot, standing });
            }
        }
    }
}

impl<'a> Front<'a> {
    /// The next block after `seen` others.
    fn of<K>(partition: &'a Partition, query: &'a Query, seen: usize, ranking: &Ranking<K>) -> Option<Self> {
        let (seen, block, worth) = partition.dearest_left(query, ranking.side, seen, |dearest| ranking.worth(dearest))?;
        Some(Self { partition, query, seen, worth, block })
    }
}

impl<K> Ranking<K> {
    /// The most that a bid can be worth here.
    fn worth(&self, bid: Dearest) -> Option<i64> {
        bid.worth_from(self.least_minor)
    }
}

impl<K: Ord + Copy> Ranking<K> {
    /// Whether something worth at most `worth` could be among the best. An equal value may still win the tie.
    fn wants(&self, worth: i64) -> bool {
        let last = self.depth.checked_sub(1).and_then(|last| self.best.get(last));
        last.is_none_or(|(value, _)| worth == i64::MAX || i128::from(worth) >= *value)
    }

    fn add(&mut self, candidate: Candidate<K>) {
        let offer = &candidate.standing.offer;
        if offer.amount_minor(self.side).is_none_or(|amount| amount < self.least_minor) {
            return;
        }
        let Some(value) = offer.value(self.side) else { return };
        let order = |(value, one): &(i128, Candidate<K>)| (std::cmp::Reverse(*value), one.standing.tie, one.slot);
        let entry = (value, candidate);
        let rival = self.best.iter().position(|(_, one)| one.standing.bidder == candidate.standing.bidder);
        if let Some(rival) = rival {
            if self.best.get(rival).is_some_and(|rival| order(rival) <= order(&entry)) {
                return;
            }
            self.best.remove(rival);
        }
        let at = self.best.partition_point(|one| order(one) <= order(&entry));
        self.best.insert(at, entry);
        self.best.truncate(self.depth);
    }
}
