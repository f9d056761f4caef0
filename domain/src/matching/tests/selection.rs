//! What is selected for an auction, and what clearing makes of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::super::classes::Budget;
use super::super::entry::Side;
use super::super::{Candidate, Entry, Lead, Scratch, Slot, Standing, StandingOffer};
use super::world::{BUDGETS, World, currency, entry, facts, path};
use crate::campaign::{Facts, Filter};
use crate::clearing::{Auction, LossReason, Pricing, SealedBid, clear};
use crate::time::Timestamp;

type Tie = (i64, u32);

/// What the campaigns' counters and rules say, by slot.
#[derive(Debug, Clone)]
struct Rule {
    bidder: u32,
    refused: bool,
    discount: i64,
    served: i64,
}

fn rule() -> impl Strategy<Value = Rule> {
    (0_u32..12, prop::bool::weighted(0.2), prop_oneof![3 => Just(0_i64), 1 => 0_i64..20], 0_i64..3)
        .prop_map(|(bidder, refused, discount, served)| Rule { bidder, refused, discount, served })
}

fn auction() -> impl Strategy<Value = Auction> {
    let reserve = || prop_oneof![1 => Just(None), 4 => (0_i64..40).prop_map(Some)];
    let pricing = prop_oneof![Just(Pricing::SecondPrice), Just(Pricing::FirstPrice)];
    (pricing, 0_u8..=5, reserve(), reserve()).prop_map(|(pricing, max_sales, shared_reserve_minor, exclusive_reserve_minor)| {
        Auction { pricing, max_sales, shared_reserve_minor, exclusive_reserve_minor }
    })
}

/// The weight is the buyer's, so it is the same for all campaigns of one.
fn standing(offer: StandingOffer, rule: &Rule, slot: Slot) -> Result<Standing<Tie>, LossReason> {
    if rule.refused {
        return Err(LossReason::CapReached);
    }
    let less = |amount: Option<i64>| amount.map(|amount| amount - rule.discount);
    let offer = StandingOffer { shared_minor: less(offer.shared_minor), exclusive_minor: less(offer.exclusive_minor), ..offer };
    Ok(Standing { bidder: rule.bidder, offer, tie: (rule.served, slot.0) })
}

/// The best of each bidder on one side, best first.
fn ranked(all: &[Candidate<Tie>], side: Side, reserve_minor: Option<i64>) -> Vec<Candidate<Tie>> {
    let Some(reserve_minor) = reserve_minor else { return Vec::new() };
    let mut order: Vec<Candidate<Tie>> = all.to_vec();
    order.retain(|one| one.standing.offer.amount_minor(side).is_some_and(|amount| amount >= reserve_minor.max(1)));
    order.sort_by_key(|one| (Reverse(one.standing.offer.value(side)), one.standing.tie));
    let mut seen = BTreeSet::new();
    order.retain(|one| seen.insert(one.standing.bidder));
    order
}

/// One bid for every bidder, with the best amount of each side.
fn bids(shared: &[Candidate<Tie>], exclusive: &[Candidate<Tie>]) -> Vec<SealedBid> {
    let mut bids: BTreeMap<u32, SealedBid> = BTreeMap::new();
    for (candidates, side) in [(shared, Side::Shared), (exclusive, Side::Exclusive)] {
        for one in candidates {
            let bid = bids.entry(one.standing.bidder).or_insert_with(|| SealedBid {
                bid: Uuid::from_u128(u128::from(one.standing.bidder)).into(),
                bidder: one.standing.bidder,
                placed_at: Timestamp::default(),
                shared_minor: None,
                exclusive_minor: None,
                weight_bp: one.standing.offer.weight_bp,
                barred: None,
            });
            match side {
                Side::Shared => bid.shared_minor = one.standing.offer.shared_minor,
                Side::Exclusive => bid.exclusive_minor = one.standing.offer.exclusive_minor,
            }
        }
    }
    bids.into_values().collect()
}

/// A world with `entries`, and which of them is in each slot.
fn world(budget: Budget, entries: Vec<Entry>) -> (World, BTreeMap<Slot, usize>) {
    let mut world = World::new(budget);
    let mut order = BTreeMap::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let known: BTreeSet<Slot> = world.campaigns.keys().copied().collect();
        world.insert(entry);
        order.extend(world.campaigns.keys().filter(|slot| !known.contains(slot)).map(|slot| (*slot, at)));
    }
    (world, order)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_best_of_each_side_are_selected(
        budget in 0..BUDGETS.len(),
        entries in vec(entry(), 0..60),
        rules in vec(rule(), 60),
        auction in auction(),
        spare in 0_usize..3,
        facts in facts(),
    ) {
        let (world, order) = world(BUDGETS[budget], entries);
        let (vertical, currency) = (path(2), currency(false));
        let judge = |slot: Slot| standing(world.campaigns[&slot].0.offer, &rules[order[&slot]], slot);
        let mut asked = BTreeSet::new();
        let selection = world.index.select(Lead { vertical: &vertical, currency, facts: &facts }, &auction, spare, &mut Scratch::default(), |slot| {
            assert!(asked.insert(slot), "asked twice");
            judge(slot)
        });
        let plain = world.plain(&vertical, currency, &facts);
        prop_assert!(asked.iter().all(|slot| plain.contains(slot)));
        let refused: Vec<Slot> = asked.iter().filter(|slot| rules[order[slot]].refused).copied().collect();
        let mut told: Vec<Slot> = selection.refused.iter().map(|(slot, _)| *slot).collect();
        told.sort_unstable();
        prop_assert_eq!(told, refused);
        let all: Vec<_> = plain.iter().filter_map(|&slot| Some(Candidate { slot, standing: judge(slot).ok()? })).collect();
        let copies = usize::from(auction.max_sales);
        let mut shared = ranked(&all, Side::Shared, auction.shared_reserve_minor.filter(|_| copies > 0));
        let mut exclusive = ranked(&all, Side::Exclusive, auction.exclusive_reserve_minor);
        shared.truncate(copies + 1 + spare);
        exclusive.truncate(2 + spare);
        prop_assert_eq!(selection.shared, shared);
        prop_assert_eq!(selection.exclusive, exclusive);
    }

    #[test]
    fn clearing_the_selected_gives_the_sales_of_clearing_all(
        offers in vec((super::world::offer(), rule()), 0..40),
        auction in auction(),
    ) {
        let (vertical, currency) = (path(0), currency(false));
        let weights: BTreeMap<u32, i64> = offers.iter().map(|(offer, rule)| (rule.bidder, offer.weight_bp)).collect();
        let entry = |(offer, rule): &(StandingOffer, Rule)| Entry {
            vertical: vertical.clone(),
            currency,
            filter: Filter::everything(),
            offer: StandingOffer { weight_bp: weights[&rule.bidder], ..*offer },
        };
        let (world, order) = world(Budget::STANDARD, offers.iter().map(entry).collect());
        // Equal values go by the bidder, as they do in the bids made of them.
        let judge = |slot: Slot| {
            let rule = &offers[order[&slot]].1;
            let standing = standing(world.campaigns[&slot].0.offer, rule, slot)?;
            Ok(Standing { tie: (i64::from(rule.bidder), slot.0), ..standing })
        };
        let selection =
            world.index.select(Lead { vertical: &vertical, currency, facts: &Facts::default() }, &auction, 0, &mut Scratch::default(), judge);
        let all: Vec<_> =
            world.campaigns.keys().filter_map(|&slot| Some(Candidate { slot, standing: judge(slot).ok()? })).collect();
        let shared = ranked(&all, Side::Shared, auction.shared_reserve_minor);
        let exclusive = ranked(&all, Side::Exclusive, auction.exclusive_reserve_minor);
        let everything = clear(&auction, &bids(&shared, &exclusive));
        prop_assert_eq!(clear(&auction, &bids(&selection.shared, &selection.exclusive)).sales, everything.sales);
    }
}

#[test]
fn only_campaigns_that_could_be_among_the_best_are_asked_about() {
    let offer = |amount| StandingOffer { shared_minor: Some(amount), exclusive_minor: Some(amount * 2), weight_bp: 10_000 };
    let entries = (0..5_000).map(|at| Entry {
        vertical: path(0),
        currency: currency(false),
        filter: Filter::everything(),
        offer: offer(100 + (at * 7_919) % 5_000),
    });
    let mut world = World::new(Budget::STANDARD);
    world.insert_all(entries.collect());
    let auction =
        Auction { pricing: Pricing::SecondPrice, max_sales: 3, shared_reserve_minor: Some(1), exclusive_reserve_minor: Some(1) };
    let mut asked = Vec::new();
    let facts = Facts::default();
    let selection = world.index.select(
        Lead { vertical: &path(0), currency: currency(false), facts: &facts },
        &auction,
        0,
        &mut Scratch::default(),
        |slot| {
            asked.push(world.campaigns[&slot].0.offer.shared_minor.unwrap());
            if asked.len() == 2 {
                return Err(LossReason::BudgetExhausted);
            }
            Ok(Standing { bidder: slot.0, offer: world.campaigns[&slot].0.offer, tie: slot })
        },
    );
    assert_eq!(asked, [5_099, 5_098, 5_097, 5_096, 5_095]);
    let amounts = |side: &[Candidate<Slot>]| side.iter().map(|one| one.standing.offer.shared_minor.unwrap()).collect::<Vec<_>>();
    assert_eq!(amounts(&selection.shared), [5_099, 5_097, 5_096, 5_095]);
    assert_eq!(amounts(&selection.exclusive), [5_099, 5_097]);
    assert_eq!(selection.refused.iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [LossReason::BudgetExhausted]);
}
