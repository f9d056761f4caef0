//! Which of the campaigns that a lead meets can win its auction.

use std::collections::{BTreeMap, BinaryHeap};

use super::block::Block;
use super::entry::{Lead, Side, Slot, StandingOffer};
use super::index::{Index, Scratch};
use super::overview::Dearest;
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
    /// Which of the queries is its partition's.
    query: usize,
    /// Whether its places are in the queues in its stead.
    is_open: bool,
}

/// The best known so far on one side.
struct Ranking<K> {
    side: Side,
    /// The least amount that counts; `None` when nothing is sold on this side.
    least_minor: Option<i64>,
    depth: usize,
    best: Vec<(i128, Candidate<K>)>,
}

/// A block, or one of its places, with the most that it can be worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prospect {
    worth: i64,
    /// Which visit.
    at: u32,
    /// Which place; [`WHOLE`] is the block.
    place: u32,
}

const WHOLE: u32 = u32::MAX;

/// Memory that selecting needs for a moment.
#[derive(Debug, Default)]
pub(super) struct Prospects {
    queries: Vec<Query>,
    visits: Vec<Visit>,
    /// What is to be looked at, shared and exclusive.
    queues: [Vec<Prospect>; 2],
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
        let copies = usize::from(auction.max_sales);
        let ranking = |side, reserve_minor: Option<i64>, depth: usize| Ranking {
            side,
            least_minor: reserve_minor.map(|reserve| reserve.max(1)),
            depth: depth.saturating_add(spare),
            best: Vec::new(),
        };
        let mut rankings = [
            ranking(Side::Shared, auction.shared_reserve_minor.filter(|_| copies > 0), copies.saturating_add(1)),
            ranking(Side::Exclusive, auction.exclusive_reserve_minor, 2),
        ];
        let prospects = &mut scratch.prospects;
        self.gather(lead, &known, &rankings, prospects);
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
        for at in 0..rankings.len() {
            self.rank(&mut rankings, at, &known, prospects, &mut ask);
        }
        let [shared, exclusive] = rankings.map(|ranking| ranking.best.into_iter().map(|(_, candidate)| candidate).collect());
        Selection { shared, exclusive, refused }
    }

    /// Every block that the lead may find campaigns in, with the most that it can be worth in each ranking.
    fn gather<K>(&self, lead: Lead<'_>, known: &[Known<'_>], rankings: &[Ranking<K>; 2], prospects: &mut Prospects) {
        let Prospects { queries, visits, queues } = prospects;
        visits.clear();
        queues.iter_mut().for_each(Vec::clear);
        for (query, partition) in self.markets.over(lead).enumerate() {
            if queries.len() <= query {
                queries.push(Query::default());
            }
            let Some(rows) = queries.get_mut(query) else { continue };
            partition.resolve(known, &self.texts, rows);
            for (place, block) in partition.blocks_left(rows) {
                let at = u32::try_from(visits.len()).unwrap_or(u32::MAX);
                for ((queue, ranking), dearest) in queues.iter_mut().zip(rankings).zip(partition.overview.dearest(place)) {
                    queue.extend(ranking.worth(dearest).map(|worth| Prospect { worth, at, place: WHOLE }));
                }
                visits.push(Visit { block, query, is_open: false });
            }
        }
    }

    /// Looks into blocks and asks about campaigns for one of the rankings, whatever can be worth most first, until the rest
    /// cannot be among the best.
    fn rank<K: Ord + Copy>(
        &self,
        rankings: &mut [Ranking<K>; 2],
        of: usize,
        known: &[Known<'_>],
        prospects: &mut Prospects,
        ask: &mut impl FnMut(Slot) -> Option<Standing<K>>,
    ) {
        let Prospects { queries, visits, queues } = prospects;
        let mut queue = BinaryHeap::from(queues.get_mut(of).map(std::mem::take).unwrap_or_default());
        while let Some(Prospect { worth, at, place }) = queue.pop() {
            if rankings.get(of).is_none_or(|ranking| !ranking.wants(worth)) {
                break;
            }
            let Some(visit) = usize::try_from(at).ok().and_then(|at| visits.get_mut(at)) else { continue };
            let Some(block) = self.block(visit.block) else { continue };
            if place == WHOLE {
                if let Some(query) = queries.get(visit.query).filter(|_| !visit.is_open) {
                    visit.is_open = true;
                    open(block, query, rankings, |ranking, worth, place| {
                        let prospect = Prospect { worth, at, place };
                        if ranking == of {
                            queue.push(prospect)
                        } else {
                            queues.get_mut(ranking).into_iter().for_each(|queue| queue.push(prospect))
                        }
                    });
                }
                continue;
            }
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            if block.residual(place).is_none_or(|residual| residual.holds(known, &self.texts)) {
                let slot = Slot::new(visit.block, place);
                if let (Some(standing), Some(ranking)) = (ask(slot), rankings.get_mut(of)) {
                    ranking.add(Candidate { slot, standing });
                }
            }
        }
        if let Some(entries) = queues.get_mut(of) {
            *entries = queue.into_vec();
        }
    }
}

/// Names the places of a block that the lead may buy from, with what each can be worth in the rankings that want it.
fn open<K: Ord + Copy>(block: &Block, query: &Query, rankings: &[Ranking<K>; 2], mut found: impl FnMut(usize, i64, u32)) {
    for place in block.hits(&query.singles, &query.groups).places() {
        let bids = block.bids(place);
        let place = u32::try_from(place).unwrap_or(WHOLE);
        for ((of, ranking), bid) in rankings.iter().enumerate().zip(bids) {
            if let Some(worth) = ranking.worth(bid).filter(|&worth| ranking.wants(worth)) {
                found(of, worth, place);
            }
        }
    }
}

impl<K> Ranking<K> {
    /// The most that a bid can be worth here.
    fn worth(&self, bid: Dearest) -> Option<i64> {
        self.least_minor.and_then(|least_minor| bid.worth_from(least_minor))
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
        if offer.amount_minor(self.side).is_none_or(|amount| self.least_minor.is_none_or(|least| amount < least)) {
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
