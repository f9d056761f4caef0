use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn instant(secs: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(secs)
}

fn bid(n: u32, shared: Option<i64>, exclusive: Option<i64>) -> SealedBid {
    SealedBid {
        bid: BidId(Uuid::from_u128(u128::from(n))),
        bidder: n,
        placed_at: instant(i64::from(n)),
        shared_minor: shared,
        exclusive_minor: exclusive,
        weight_bp: BP_WHOLE,
        barred: None,
    }
}

fn second_price(max_sales: u8, shared: Option<i64>, exclusive: Option<i64>) -> Auction {
    Auction { pricing: Pricing::SecondPrice, max_sales, shared_reserve_minor: shared, exclusive_reserve_minor: exclusive }
}

fn outcome(clearing: &Clearing) -> Vec<(u128, SaleKind, i64)> {
    clearing.sales.iter().map(|sale| (sale.bid.0.as_u128(), sale.kind, sale.price_minor)).collect()
}

fn reason(clearing: &Clearing, n: u32) -> Option<LossReason> {
    clearing.losses.iter().find(|loss| loss.bid.0.as_u128() == u128::from(n)).map(|loss| loss.reason)
}

#[test]
fn the_exclusive_winner_pays_the_second_bid_or_the_reserve() {
    let bids = [bid(1, None, Some(5_000)), bid(2, None, Some(7_000)), bid(3, None, Some(900))];
    let clearing = clear(&second_price(1, None, Some(1_000)), &bids);
    assert_eq!(outcome(&clearing), [(2, SaleKind::Exclusive, 5_000)]);
    assert_eq!(reason(&clearing, 1), Some(LossReason::Outbid));
    assert_eq!(reason(&clearing, 3), Some(LossReason::BelowReserve));
    assert_eq!(outcome(&clear(&second_price(1, None, Some(6_000)), &bids)), [(2, SaleKind::Exclusive, 6_000)]);
}

#[test]
fn shared_winners_pay_the_first_bid_left_out() {
    let bids: Vec<_> = [4_000, 3_000, 2_500, 2_000].into_iter().zip(1..).map(|(m, n)| bid(n, Some(m), None)).collect();
    let clearing = clear(&second_price(3, Some(500), None), &bids);
    let expected = [(1, SaleKind::Shared, 2_000), (2, SaleKind::Shared, 2_000), (3, SaleKind::Shared, 2_000)];
    assert_eq!(outcome(&clearing), expected);
    assert_eq!(reason(&clearing, 4), Some(LossReason::Outbid));
}

#[test]
fn between_the_kinds_each_pays_what_it_displaces() {
    let auction = second_price(2, Some(100), Some(100));
    // Shared 4000 + 3000 beats the exclusive 6500; without bid 1 the exclusive would win: 6500 - 3000 = 3500.
    let shared = [bid(1, Some(4_000), None), bid(2, Some(3_000), None), bid(3, None, Some(6_500))];
    assert_eq!(outcome(&clear(&auction, &shared)), [(1, SaleKind::Shared, 3_500), (2, SaleKind::Shared, 2_500)]);
    // The exclusive 9000 displaces the two shared copies.
    let exclusive = [bid(1, Some(4_000), None), bid(2, Some(3_000), None), bid(3, None, Some(9_000))];
    assert_eq!(outcome(&clear(&auction, &exclusive)), [(3, SaleKind::Exclusive, 7_000)]);
}

#[test]
fn equal_sums_go_to_the_exclusive_sale_and_equal_bids_to_the_earlier() {
    let auction = second_price(2, Some(100), Some(100));
    let bids = [bid(1, Some(4_000), None), bid(2, Some(3_000), None), bid(3, None, Some(7_000))];
    assert_eq!(outcome(&clear(&auction, &bids)), [(3, SaleKind::Exclusive, 7_000)]);
    let mut tied = [bid(2, None, Some(500)), bid(1, None, Some(500)), bid(3, None, Some(500))];
    assert_eq!(outcome(&clear(&auction, &tied)), [(1, SaleKind::Exclusive, 500)]);
    for bid in &mut tied {
        bid.placed_at = instant(9);
    }
    assert_eq!(outcome(&clear(&auction, &tied)), [(1, SaleKind::Exclusive, 500)]);
    tied[2].placed_at = instant(8);
    assert_eq!(outcome(&clear(&auction, &tied)), [(3, SaleKind::Exclusive, 500)]);
}

#[test]
fn a_low_weight_ranks_lower_and_pays_more() {
    let mut bids = [bid(1, None, Some(10_000)), bid(2, None, Some(9_000))];
    bids[0].weight_bp = 8_000;
    let auction = second_price(1, None, Some(100));
    assert_eq!(outcome(&clear(&auction, &bids)), [(2, SaleKind::Exclusive, 8_000)]);
    bids[0].exclusive_minor = Some(12_001);
    // 9000 x 10000 / 8000 = 11250.
    assert_eq!(outcome(&clear(&auction, &bids)), [(1, SaleKind::Exclusive, 11_250)]);
    bids[0].weight_bp = 9_999;
    // 9000.9001 rounds up.
    assert_eq!(outcome(&clear(&auction, &bids)), [(1, SaleKind::Exclusive, 9_001)]);
}

#[test]
fn barred_and_doubled_bids_stay_out() {
    let mut bids = [bid(1, None, Some(9_000)), bid(2, None, Some(8_000)), bid(3, None, Some(7_000)), bid(4, None, Some(9_999))];
    bids[0].barred = Some(LossReason::DuplicateForBuyer);
    bids[3].barred = Some(LossReason::OwnLead);
    bids[2].bidder = 2;
    let clearing = clear(&second_price(1, None, Some(100)), &bids);
    assert_eq!(outcome(&clearing), [(3, SaleKind::Exclusive, 100)]);
    assert_eq!(reason(&clearing, 1), Some(LossReason::DuplicateForBuyer));
    assert_eq!(reason(&clearing, 2), Some(LossReason::DuplicateForBuyer));
    assert_eq!(reason(&clearing, 4), Some(LossReason::OwnLead));
}

#[test]
fn amounts_at_the_edge_of_i64_do_not_overflow() {
    let bids: Vec<_> = (1..=6).map(|n| bid(n, Some(i64::MAX), Some(i64::MAX))).collect();
    let clearing = clear(&second_price(5, Some(1), Some(1)), &bids);
    assert_eq!(clearing.sales.len(), 5);
    assert!(clearing.sales.iter().all(|sale| sale.price_minor == i64::MAX));
    assert_eq!(clear(&second_price(5, Some(1), Some(1)), &[]), Clearing::default());
}

fn amount() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 3 => (1i64..60).prop_map(Some)]
}

fn bids() -> impl Strategy<Value = Vec<SealedBid>> {
    let one = (amount(), amount(), prop_oneof![Just(BP_WHOLE), 1i64..=BP_WHOLE], 0i64..3, prop::bool::weighted(0.1));
    prop::collection::vec(one, 0..7).prop_map(|rows| {
        let sealed = |(n, (shared, exclusive, weight_bp, at, barred)): (u32, _)| {
            let barred = if barred { Some(LossReason::InsufficientFunds) } else { None };
            SealedBid { weight_bp, barred, placed_at: instant(at), ..bid(n, shared, exclusive) }
        };
        (1..).zip(rows).map(sealed).collect()
    })
}

fn auction() -> impl Strategy<Value = Auction> {
    let pricing = prop_oneof![Just(Pricing::SecondPrice), Just(Pricing::FirstPrice)];
    let reserve = || prop_oneof![1 => Just(None), 4 => (0i64..30).prop_map(Some)];
    (pricing, 1u8..=5, reserve(), reserve()).prop_map(|(pricing, max_sales, shared_reserve_minor, exclusive_reserve_minor)| {
        Auction { pricing, max_sales, shared_reserve_minor, exclusive_reserve_minor }
    })
}

fn side(bid: &SealedBid, reserve: Option<i64>, amount: Option<i64>) -> Option<i128> {
    let amount = amount.filter(|&a| bid.barred.is_none() && reserve.is_some_and(|r| a >= r))?;
    Some(i128::from(amount) * i128::from(bid.weight_bp))
}

/// The best value over every subset of shared copies and every exclusive sale, tried one by one.
fn brute_force(auction: &Auction, bids: &[SealedBid]) -> i128 {
    let exclusive = bids.iter().filter_map(|b| side(b, auction.exclusive_reserve_minor, b.exclusive_minor)).max();
    let mut best = exclusive.unwrap_or(0);
    for subset in 0u32..1 << bids.len() {
        let chosen: Vec<_> = bids.iter().enumerate().filter(|(i, _)| subset & (1 << i) != 0).map(|(_, b)| b).collect();
        let values: Option<Vec<i128>> = chosen.iter().map(|b| side(b, auction.shared_reserve_minor, b.shared_minor)).collect();
        if chosen.len() <= usize::from(auction.max_sales) {
            best = best.max(values.map_or(0, |values| values.iter().sum()));
        }
    }
    best
}

fn won(clearing: &Clearing, bid: BidId) -> Option<Sale> {
    clearing.sales.iter().find(|sale| sale.bid == bid).copied()
}

fn own_amount(bid: &SealedBid, kind: SaleKind) -> i64 {
    match kind {
        SaleKind::Exclusive => bid.exclusive_minor.unwrap(),
        SaleKind::Shared => bid.shared_minor.unwrap(),
    }
}

fn utility(auction: &Auction, bids: &[SealedBid], truth: &SealedBid) -> i64 {
    won(&clear(auction, bids), truth.bid).map_or(0, |sale| {
        let value = match sale.kind {
            SaleKind::Exclusive => truth.exclusive_minor,
            SaleKind::Shared => truth.shared_minor,
        };
        value.unwrap_or(0) - sale.price_minor
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn prices_stay_between_the_reserve_and_the_bid(auction in auction(), bids in bids()) {
        let clearing = clear(&auction, &bids);
        for sale in &clearing.sales {
            let bid = bids.iter().find(|b| b.bid == sale.bid).unwrap();
            let reserve = match sale.kind {
                SaleKind::Exclusive => auction.exclusive_reserve_minor.unwrap(),
                SaleKind::Shared => auction.shared_reserve_minor.unwrap(),
            };
            prop_assert!(sale.price_minor <= own_amount(bid, sale.kind));
            prop_assert!(sale.price_minor >= reserve);
            if auction.pricing == Pricing::FirstPrice {
                prop_assert_eq!(sale.price_minor, own_amount(bid, sale.kind));
            }
        }
    }

    #[test]
    fn every_bid_wins_or_loses_and_sales_stay_within_the_limit(auction in auction(), bids in bids()) {
        let clearing = clear(&auction, &bids);
        let exclusive = clearing.sales.iter().filter(|sale| sale.kind == SaleKind::Exclusive).count();
        prop_assert!(clearing.sales.len() <= usize::from(auction.max_sales));
        prop_assert!(exclusive == 0 || clearing.sales.len() == 1);
        let mut seen: Vec<BidId> = clearing.sales.iter().map(|s| s.bid).chain(clearing.losses.iter().map(|l| l.bid)).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, bids.iter().map(|b| b.bid).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        auction in auction(),
        (bids, shuffled) in bids().prop_flat_map(|bids| (Just(bids.clone()), Just(bids).prop_shuffle())),
    ) {
        prop_assert_eq!(clear(&auction, &bids), clear(&auction, &shuffled));
    }

    #[test]
    fn the_allocation_and_the_prices_equal_brute_force(auction in auction(), bids in bids()) {
        let clearing = clear(&auction, &bids);
        let value = |sale: &Sale| {
            let bid = bids.iter().find(|b| b.bid == sale.bid).unwrap();
            i128::from(own_amount(bid, sale.kind)) * i128::from(bid.weight_bp)
        };
        let sum: i128 = clearing.sales.iter().map(value).sum();
        prop_assert_eq!(sum, brute_force(&auction, &bids));
        for sale in clearing.sales.iter().filter(|_| auction.pricing == Pricing::SecondPrice) {
            let bid = bids.iter().find(|b| b.bid == sale.bid).unwrap();
            let rest: Vec<_> = bids.iter().filter(|b| b.bid != sale.bid).cloned().collect();
            let displaced = brute_force(&auction, &rest) - (sum - value(sale));
            let reserve = match sale.kind {
                SaleKind::Exclusive => auction.exclusive_reserve_minor.unwrap(),
                SaleKind::Shared => auction.shared_reserve_minor.unwrap(),
            };
            let weight = i128::from(bid.weight_bp);
            prop_assert_eq!(i128::from(sale.price_minor), i128::from(reserve).max((displaced + weight - 1) / weight));
        }
    }

    #[test]
    fn no_sampled_deviation_beats_the_truth_for_a_bidder_of_one_kind(
        mut auction in auction(), mut bids in bids(), value in 1i64..60, exclusive: bool,
        deviations in prop::collection::vec((amount(), amount()), 1..8),
    ) {
        auction.pricing = Pricing::SecondPrice;
        let (shared, exclusive) = if exclusive { (None, Some(value)) } else { (Some(value), None) };
        let truth = bid(99, shared, exclusive);
        bids.push(truth.clone());
        let honest = utility(&auction, &bids, &truth);
        for (shared, exclusive) in deviations {
            *bids.last_mut().unwrap() = bid(99, shared, exclusive);
            prop_assert!(utility(&auction, &bids, &truth) <= honest);
        }
    }

    #[test]
    fn no_sampled_deviation_beats_the_truth_without_reserves(
        max_sales in 1u8..=5, mut bids in bids(), shared in 1i64..60, exclusive in 1i64..60, weight_bp in 1i64..=BP_WHOLE,
        deviations in prop::collection::vec((amount(), amount()), 1..8),
    ) {
        let auction = second_price(max_sales, Some(0), Some(0));
        let truth = SealedBid { weight_bp, ..bid(99, Some(shared), Some(exclusive)) };
        bids.push(truth.clone());
        let honest = utility(&auction, &bids, &truth);
        for (shared, exclusive) in deviations {
            *bids.last_mut().unwrap() = SealedBid { weight_bp, ..bid(99, shared, exclusive) };
            prop_assert!(utility(&auction, &bids, &truth) <= honest);
        }
    }
}
