//! Which of the campaigns that a lead meets can win its auction.

use std::collections::{BTreeMap, BinaryHeap};

use super::block::Line;
use super::entry::{Lead, Side, Slot, StandingOffer};
use super::index::{Index, Scratch};
use super::partition::Query;
use super::residual::Known;
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

/// A block that may hold candidates.
#[derive(Debug)]
pub(super) struct Visit {
    block: u32,
    query: usize,
    hits: Option<Line>,
}

/// The best known so far on one side.
struct Ranking<K> {
    side: Side,
    least_minor: i64,
    depth: usize,
    best: Vec<(i128, Candidate<K>)>,
}

/// A block, or one of its places, with the most that it can be worth.
type Prospect = (i64, usize, Option<usize>);

/// Memory that selecting needs for a moment.
#[derive(Debug, Default)]
pub(super) struct Prospects {
    queries: Vec<Query>,
    visits: Vec<Visit>,
    queue: Vec<Prospect>,
}

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
        let prospects = &mut scratch.prospects;
        self.gather(lead, &known, prospects);
        let mut decided: BTreeMap<Slot, Option<Standing<K>>> = BTreeMap::new();
        let mut refused = Vec::new();
        let mut ask = |slot: Slot| {
            *decided.entry(slot).or_insert_with(|| match standing(slot) {
                Ok(standing) => Some(standing),
                Err(reason) => {
                    refused.push((slot, reason));
                    None
                }
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
            let mut ranking = Ranking { side, least_minor: reserve_minor.max(1), depth, best: Vec::new() };
            self.rank(&mut ranking, &known, prospects, &mut ask);
            ranking.best.into_iter().map(|(_, candidate)| candidate).collect()
        });
        Selection { shared, exclusive, refused }
    }

    /// Every block that the lead may find campaigns in.
    fn gather(&self, lead: Lead<'_>, known: &[Known<'_>], prospects: &mut Prospects) {
        prospects.visits.clear();
        for (query, partition) in self.partitions_over(lead).enumerate() {
            if prospects.queries.len() <= query {
                prospects.queries.push(Query::default());
            }
            let Some(rows) = prospects.queries.get_mut(query) else { continue };
            partition.resolve(known, &self.texts, rows);
            prospects.visits.extend(partition.blocks_left(rows).map(|block| Visit { block, query, hits: None }));
        }
    }

    /// Looks into blocks and asks about campaigns, whatever can be worth most first, until the rest cannot be among the best.
    fn rank<K: Ord + Copy>(
        &self,
        ranking: &mut Ranking<K>,
        known: &[Known<'_>],
        prospects: &mut Prospects,
        ask: &mut impl FnMut(Slot) -> Option<Standing<K>>,
    ) {
        let Prospects { queries, visits, queue: entries } = prospects;
        entries.clear();
        let worth = |visit: &Visit| self.block(visit.block)?.most_worth(ranking.side, ranking.least_minor);
        let blocks = visits.iter().map(worth).enumerate().filter_map(|(at, worth)| Some((worth?, at, None)));
        entries.extend(blocks);
        let mut queue = BinaryHeap::from(std::mem::take(entries));
        while let Some((worth, at, place)) = queue.pop() {
            if !ranking.wants(worth) {
                break;
            }
            let Some(visit) = visits.get_mut(at) else { continue };
            let Some(block) = self.block(visit.block) else { continue };
            let Some(place) = place else {
                let Some(query) = queries.get(visit.query) else { continue };
                let hits = *visit.hits.get_or_insert_with(|| block.hits(&query.singles, &query.groups));
                for place in hits.places() {
                    let worth = block.worth(place, ranking.side, ranking.least_minor).filter(|&worth| ranking.wants(worth));
                    queue.extend(worth.map(|worth| (worth, at, Some(place))));
                }
                continue;
            };
            if block.residual(place).is_none_or(|residual| residual.holds(known, &self.texts)) {
                let slot = block.slot(place);
                if let Some(standing) = ask(slot) {
                    ranking.add(Candidate { slot, standing });
                }
            }
        }
        *entries = queue.into_vec();
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
