use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::caps::{Cap, Period};
use super::super::filter::{Filter, Predicate, Scalar, Test};
use super::super::schedule::Schedule;
use super::super::terms::Price;
use super::*;
use crate::clearing::Pricing;
use crate::listing::ListingState;

fn opening() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn amounts(shared: Option<i64>, exclusive: Option<i64>) -> Amounts {
    Amounts { shared_minor: shared, exclusive_minor: exclusive }
}

fn terms(offered: Amounts) -> Terms {
    Terms {
        filter: Filter::everything(),
        asked: None,
        price: Price { rules: vec![], otherwise: Some(offered) },
        caps: vec![],
        zone: chrono_tz::Tz::UTC,
        schedule: Schedule::default(),
        duplicate_window_secs: None,
        trial_leads: None,
        share_bp: BP_WHOLE,
        tie_weight: 1,
        pause_after_failures: None,
        call_out: None,
    }
}

fn past(lead: u128, asked: Asked) -> PastListing {
    let closes_at = opening() + TimeDelta::hours(1);
    let listing =
        Listing { state: ListingState::Sold, terms: asked, max_sales: 2, sold_count: 0, opens_at: opening(), closes_at };
    PastListing {
        lead: LeadId(Uuid::from_u128(lead)),
        listing,
        ended_at: None,
        facts: Facts::default(),
        sales: vec![],
        bids: None,
        person: BTreeSet::from([lead.to_be_bytes().to_vec()]),
        bought: vec![],
        blur_bp: 0,
    }
}

fn sale(kind: SaleKind, price_minor: i64, after_secs: i64) -> PastSale {
    PastSale { kind, price_minor, sold_at: plus_secs(opening(), after_secs), own: false }
}

const FIXED: Asked = Asked::Fixed { shared_minor: Some(500), exclusive_minor: Some(2_000) };
const DUTCH: Asked =
    Asked::Dutch { kind: SaleKind::Exclusive, start_minor: 1_000, floor_minor: 400, step_minor: 150, interval_secs: 60 };

fn auction() -> Asked {
    let pricing = Pricing::SecondPrice;
    Asked::Auction { pricing, shared_reserve_minor: Some(300), exclusive_reserve_minor: Some(800), buy_now_minor: None }
}

/// What the draft would pay for `past`.
fn pays(offered: Amounts, past: &PastListing) -> Option<i64> {
    Preview::new(terms(offered), BP_WHOLE, opening(), opening() + TimeDelta::days(9)).price_of(past, offered)
}

#[test]
fn a_fixed_price_is_taken_at_the_opening() {
    let free = past(1, FIXED);
    assert_eq!(pays(amounts(Some(499), None), &free), None);
    assert_eq!(pays(amounts(Some(500), None), &free), Some(500));
    assert_eq!(pays(amounts(Some(900), Some(1_999)), &free), Some(500));
    assert_eq!(pays(amounts(Some(900), Some(9_000)), &free), Some(2_000));
    let with = |sales: Vec<PastSale>| PastListing { sales, ..free.clone() };
    let both = amounts(Some(500), Some(2_000));
    assert_eq!(pays(both, &with(vec![sale(SaleKind::Exclusive, 2_000, INSTANT_SECS)])), Some(2_000), "whoever came later");
    assert_eq!(pays(both, &with(vec![sale(SaleKind::Exclusive, 2_000, INSTANT_SECS - 1)])), None);
    let shared = sale(SaleKind::Shared, 500, 0);
    assert_eq!(pays(both, &with(vec![shared])), Some(500));
    assert_eq!(pays(both, &with(vec![shared, shared])), None, "two copies were all");
}

#[test]
fn an_auction_is_cleared_again_with_one_more_bid() {
    let bid = |n: u32, shared, exclusive| SealedBid {
        bid: BidId(Uuid::from_u128(n.into())),
        bidder: n,
        placed_at: opening() + TimeDelta::seconds(1),
        shared_minor: shared,
        exclusive_minor: exclusive,
        weight_bp: BP_WHOLE,
        barred: None,
    };
    let cleared = PastListing { bids: Some(vec![bid(1, None, Some(1_200)), bid(2, Some(400), None)]), ..past(1, auction()) };
    assert_eq!(pays(amounts(None, Some(1_300)), &cleared), Some(1_200));
    assert_eq!(pays(amounts(None, Some(1_200)), &cleared), Some(1_200), "its bid is older");
    assert_eq!(pays(amounts(None, Some(1_199)), &cleared), None);
    assert_eq!(pays(amounts(Some(900), None), &cleared), Some(800), "together with the other copy it beats the exclusive bid");
    let blurred = PastListing { blur_bp: BLUR_BP, ..cleared.clone() };
    assert_eq!(pays(amounts(None, Some(1_319)), &blurred), None, "1,200 and a tenth");
    assert_eq!(pays(amounts(None, Some(1_320)), &blurred), Some(1_320));
    assert_eq!(pays(amounts(None, Some(9_999)), &PastListing { bids: None, ..cleared }), None, "nobody cleared it");
    assert_eq!(pays(amounts(None, Some(9_999)), &PastListing { bids: Some(vec![]), ..past(1, auction()) }), Some(800));
    assert_eq!(pays(amounts(None, Some(799)), &PastListing { bids: Some(vec![]), ..past(1, auction()) }), None);
}

#[test]
fn a_falling_price_is_taken_when_it_has_fallen_to_the_offer() {
    let falling = past(1, DUTCH);
    let exclusive = |minor| amounts(None, Some(minor));
    assert_eq!(pays(exclusive(2_000), &falling), Some(1_000));
    assert_eq!(pays(exclusive(850), &falling), Some(850));
    assert_eq!(pays(exclusive(849), &falling), Some(700));
    assert_eq!(pays(exclusive(400), &falling), Some(400));
    assert_eq!(pays(exclusive(399), &falling), None);
    assert_eq!(pays(amounts(Some(2_000), None), &falling), None, "another kind of sale");
    let sold = PastListing { sales: vec![sale(SaleKind::Exclusive, 850, 60)], ..falling.clone() };
    assert_eq!(pays(exclusive(850), &sold), Some(850), "at the same instant a standing order is there");
    assert_eq!(pays(exclusive(849), &sold), None);
    let early = Preview::new(terms(exclusive(850)), BP_WHOLE, opening(), opening() + TimeDelta::seconds(59));
    assert_eq!(early.price_of(&falling, exclusive(850)), None, "it has not fallen so far yet");
    let withdrawn = PastListing { ended_at: Some(plus_secs(opening(), 120)), ..falling };
    assert_eq!((pays(exclusive(850), &withdrawn), pays(exclusive(700), &withdrawn)), (Some(850), None));
}

#[test]
fn what_may_not_be_bought_is_not_won() {
    let offered = amounts(Some(500), None);
    let won = |terms: Terms, listings: &[PastListing]| {
        let mut preview = Preview::new(terms, BP_WHOLE, opening(), opening() + TimeDelta::days(9));
        for past in listings {
            assert!(preview.sees(past.lead, &past.facts));
            preview.meets(past);
        }
        preview.formats[&SaleFormat::Fixed].leads
    };
    let bought = |after_secs, stands| PersonBought { sold_at: plus_secs(opening(), after_secs), stands };
    let one = past(1, FIXED);
    let with = |bought: PersonBought| PastListing { bought: vec![bought], ..one.clone() };
    assert_eq!(won(terms(offered), &[one.clone(), one.clone()]), 1, "one person once");
    assert_eq!(won(terms(offered), &[with(bought(9_999, true))]), 0);
    assert_eq!(won(terms(offered), &[with(bought(-50, false))]), 1, "refunded, and no window");
    let window = Terms { duplicate_window_secs: Some(50), ..terms(offered) };
    assert_eq!(won(window.clone(), &[with(bought(-49, false))]), 0);
    assert_eq!(won(window, &[with(bought(-50, false))]), 1);
    let caps = |leads, spend_minor| Terms { caps: vec![Cap { period: Period::Day, leads, spend_minor }], ..terms(offered) };
    let days: Vec<PastListing> = (0..6_i64)
        .map(|n| {
            let mut later = past(u128::try_from(n).unwrap() + 1, FIXED);
            later.listing.opens_at = opening() + TimeDelta::hours(8 * n);
            later
        })
        .collect();
    // Noon, 20:00, then three on the next day, then 04:00.
    assert_eq!(won(caps(Some(1), None), &days), 3);
    assert_eq!(won(caps(None, Some(1_000)), &days), 5);
    assert_eq!(won(caps(None, Some(499)), &days), 0);
    let trial = Terms { trial_leads: Some(1), ..terms(offered) };
    assert_eq!(won(trial, &days), 6, "a trial counts as confirmed");
}

#[test]
fn what_is_not_known_of_the_past_counts_as_fulfilled() {
    let is = |field, test| Filter::Is(Predicate { field, test });
    let postal = is(Field::PostalCode, Test::StartsWith(BTreeSet::from(["01".to_owned()])));
    let seller = is(Field::Seller, Test::OneOf(BTreeSet::from([Scalar::Text("org".into())])));
    let sees = |filter: Filter| {
        let mut preview =
            Preview::new(Terms { filter, ..terms(amounts(Some(1), None)) }, BP_WHOLE, opening(), opening() + TimeDelta::days(9));
        preview.sees(LeadId(Uuid::from_u128(1)), &Facts::default())
    };
    assert!(sees(postal.clone()) && sees(Filter::Not(Box::new(postal.clone()))) && sees(seller));
    assert!(!sees(Filter::All(vec![postal, is(Field::City, Test::StartsWith(BTreeSet::from(["o".to_owned()])))])));
}

fn outlook(count: u128, price_minor: i64, own: bool) -> Outlook {
    let mut preview = Preview::new(terms(amounts(Some(9_999_999), None)), BP_WHOLE, opening(), opening() + TimeDelta::days(9));
    for lead in 1..=count {
        let asked = Asked::Fixed { shared_minor: Some(price_minor), exclusive_minor: None };
        let step = i64::try_from(lead).unwrap();
        let sold = PastSale { own, ..sale(SaleKind::Shared, price_minor + step, 99) };
        let past = PastListing { sales: vec![sold], ..past(lead, asked) };
        assert!(preview.sees(past.lead, &past.facts));
        preview.meets(&past);
    }
    preview.told()
}

#[test]
fn small_numbers_are_not_told() {
    let four = outlook(4, 1_234, false);
    assert_eq!((four.leads, four.matching, four.admitted, four.shared), (0, 0, 0, None));
    assert_eq!(four.won, Won::default());
    let nine = outlook(9, 1_234, false);
    assert_eq!((nine.leads, nine.matching, nine.admitted), (5, 5, 5));
    let spread = Spread { count: 5, least_minor: 1_200, median_minor: 1_200, greatest_minor: 1_300 };
    assert_eq!((nine.shared, nine.exclusive), (Some(spread), None));
    let won = Won { matching: 5, leads: 5, spent_minor: Some(11_000) };
    assert_eq!((nine.won, nine.formats), (won, BTreeMap::from([(SaleFormat::Fixed, won)])));
    assert_eq!(outlook(9, 1_234, true).shared, None, "what the buyer paid itself is no price of others");
}

#[test]
fn money_is_told_in_two_digits() {
    let all = |minor| [Rounding::Down, Rounding::Nearest, Rounding::Up].map(|rounding| coarse(minor, rounding));
    assert_eq!(all(7), [7, 7, 7]);
    assert_eq!(all(99), [99, 99, 99]);
    assert_eq!(all(101), [100, 100, 110]);
    assert_eq!(all(995), [990, 1_000, 1_000]);
    assert_eq!(all(1_250), [1_200, 1_300, 1_300]);
    assert_eq!(all(i64::MAX - 1)[0], 9_200_000_000_000_000_000);
}

proptest! {
    #[test]
    fn a_blur_stays_within_its_bounds_and_keeps_the_order(one in 1_i64..1_000_000, other in 1_i64..1_000_000, blur in -2_000_i64..2_000) {
        let (a, b) = (blurred(one, blur), blurred(other, blur));
        prop_assert!(one * 9 / 10 <= a && a <= one * 11 / 10 + 1, "{one} {a}");
        prop_assert!(one > other || a <= b);
    }

    #[test]
    fn nothing_is_won_above_the_offer(
        shared in proptest::option::of(1_i64..3_000), exclusive in proptest::option::of(1_i64..3_000),
        bids in proptest::collection::vec((1_i64..3_000, 1_i64..3_000), 0..5), blur_bp in -1_000_i64..1_000,
    ) {
        let sealed = |(n, (shared, exclusive)): (u32, &(i64, i64))| SealedBid {
            bid: BidId(Uuid::from_u128(n.into())),
            bidder: n,
            placed_at: opening(),
            shared_minor: Some(*shared),
            exclusive_minor: Some(*exclusive),
            weight_bp: BP_WHOLE,
            barred: None,
        };
        let bids = Some((1..).zip(&bids).map(sealed).collect());
        let offered = amounts(shared, exclusive);
        for asked in [FIXED, DUTCH, auction()] {
            let past = PastListing { bids: bids.clone(), blur_bp, ..past(1, asked) };
            if let Some(price) = pays(offered, &past) {
                prop_assert!(price <= offered.larger_minor());
            }
        }
    }
}
