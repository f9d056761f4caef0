use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

use super::*;
use crate::clearing::Pricing;
use crate::money::Money;

fn at(secs: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(secs)
}

fn eur(minor: i64) -> Option<Money> {
    Some(Money::new(minor, Currency::EUR))
}

fn fixed(shared: Option<Money>, exclusive: Option<Money>) -> TermsDraft {
    TermsDraft::Fixed(FixedDraft { shared_price: shared, exclusive_price: exclusive })
}

fn auction(shared_reserve: Option<Money>, exclusive_reserve: Option<Money>, buy_now: Option<Money>) -> TermsDraft {
    TermsDraft::Auction(AuctionDraft { pricing: Pricing::SecondPrice, shared_reserve, exclusive_reserve, buy_now })
}

fn dutch(start: i64, floor: i64, step: i64, interval_secs: i64) -> TermsDraft {
    let money = |minor| Money::new(minor, Currency::EUR);
    TermsDraft::Dutch(DutchDraft { start: money(start), floor: money(floor), step: money(step), interval_secs })
}

const VERIFIED: LeadFacts = LeadFacts { verified: true, targeted: false, listed: false, sold_exclusive: false, sold_shared: 0 };

fn open(terms: TermsDraft, max_sales: i64, open_secs: Option<i64>, lead: &LeadFacts) -> Result<Opening, Vec<Refusal>> {
    listing_open(&ListingDraft { terms, max_sales, open_secs }, lead, &ListingLimits::default(), at(0))
}

fn refused(result: Result<Opening, Vec<Refusal>>) -> Vec<(Code, String)> {
    result.unwrap_err().into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect()
}

fn listing(opening: Opening) -> Listing {
    let Opening { terms, max_sales, opens_at, closes_at, .. } = opening;
    Listing { state: ListingState::Open, terms, max_sales, sold_count: 0, opens_at, closes_at }
}

const BUYER: BuyerFacts = BuyerFacts { is_seller: false, has_person: false, lead_verified: true, access: BuyerAccess::Full };

#[test]
fn limits_hold_at_the_limit_and_one_beyond() {
    for (max_sales, ok) in [(0, false), (1, false), (2, true), (5, true), (6, false), (i64::MAX, false), (-1, false)] {
        assert_eq!(open(fixed(eur(500), None), max_sales, None, &VERIFIED).is_ok(), ok, "{max_sales}");
    }
    for (secs, ok) in [(29, false), (30, true), (604_800, true), (604_801, false), (i64::MIN, false)] {
        assert_eq!(open(auction(None, eur(500), None), 1, Some(secs), &VERIFIED).is_ok(), ok, "{secs}");
    }
    let opening = open(auction(None, eur(500), None), 1, Some(30), &VERIFIED).unwrap();
    assert_eq!((opening.opens_at, opening.closes_at, opening.currency), (at(0), at(30), Currency::EUR));
}

#[test]
fn refusals_name_the_field() {
    let path = |code, path: &str| vec![(code, path.to_owned())];
    let usd = Some(Money::new(500, "USD".parse().unwrap()));
    let auction_of = |terms| refused(open(terms, 1, None, &VERIFIED));
    assert_eq!(refused(open(fixed(eur(0), None), 2, None, &VERIFIED)), path(Code::Invalid, "terms.fixed.sharedPrice"));
    assert_eq!(refused(open(fixed(None, None), 1, None, &VERIFIED)), path(Code::Required, "terms.fixed"));
    assert_eq!(refused(open(fixed(None, eur(5)), 2, None, &VERIFIED)), path(Code::Required, "terms.fixed.sharedPrice"));
    assert_eq!(refused(open(fixed(eur(5), usd), 2, None, &VERIFIED)), path(Code::CurrencyMismatch, "terms.fixed.exclusivePrice"));
    assert_eq!(auction_of(auction(None, eur(500), eur(499))), path(Code::Invalid, "terms.auction.buyNow"));
    assert_eq!(refused(open(auction(eur(5), None, eur(9)), 2, None, &VERIFIED)), path(Code::Invalid, "terms.auction.buyNow"));
    assert_eq!(auction_of(dutch(1_000, 1_000, 1, 60)), path(Code::Invalid, "terms.dutch.floor"));
    assert_eq!(auction_of(dutch(1_000, 400, 601, 60)), path(Code::Invalid, "terms.dutch.step"));
    assert_eq!(auction_of(dutch(1_000, 400, 100, 0)), path(Code::Invalid, "terms.dutch.intervalSecs"));
    let unverified = LeadFacts { verified: false, listed: true, ..VERIFIED };
    let both = vec![(Code::NotVerified, "leadId".to_owned()), (Code::Taken, "leadId".to_owned())];
    assert_eq!(refused(open(fixed(None, eur(5)), 1, None, &unverified)), both);
}

#[test]
fn prior_sales_and_a_target_narrow_what_can_be_listed() {
    let partly = LeadFacts { sold_shared: 4, ..VERIFIED };
    assert_eq!(open(fixed(eur(5), None), 1, None, &partly).unwrap().max_sales, 1);
    assert_eq!(refused(open(fixed(eur(5), None), 2, None, &partly)), [(Code::Invalid, "maxSales".into())]);
    let exclusive = refused(open(fixed(None, eur(5)), 1, None, &partly));
    assert_eq!(exclusive, [(Code::SoldOut, "terms.fixed.exclusivePrice".into())]);
    for gone in [LeadFacts { sold_exclusive: true, ..VERIFIED }, LeadFacts { sold_shared: 5, ..VERIFIED }] {
        assert!(refused(open(fixed(eur(5), None), 1, None, &gone)).contains(&(Code::SoldOut, "leadId".into())));
    }
    let targeted = LeadFacts { targeted: true, ..VERIFIED };
    assert_eq!(refused(open(fixed(eur(5), None), 2, None, &targeted)), [(Code::Invalid, "maxSales".into())]);
    assert!(open(fixed(None, eur(5)), 1, None, &targeted).is_ok());
}

#[test]
fn a_dutch_price_falls_by_its_step_to_its_floor() {
    let sale = listing(open(dutch(2_500, 500, 250, 900), 1, None, &VERIFIED).unwrap());
    for (secs, price) in [(0, 2_500), (899, 2_500), (900, 2_250), (8 * 900, 500), (9 * 900, 500), (7_000_000, 500)] {
        assert_eq!(sale.price_at(SaleKind::Exclusive, at(secs)), Some(price), "{secs}");
    }
    assert_eq!(sale.price_at(SaleKind::Shared, at(0)), None);
}

#[test]
fn copies_run_out_and_a_shared_sale_rules_out_the_exclusive_one() {
    let mut sale = listing(open(fixed(eur(500), eur(1_200)), 2, None, &VERIFIED).unwrap());
    let whole = listing_buy(&sale, BUYER, SaleKind::Exclusive, None, at(1)).unwrap();
    assert_eq!((whole.price_minor, whole.sold_count, whole.state), (1_200, 1, ListingState::Sold));
    let first = listing_buy(&sale, BUYER, SaleKind::Shared, Some(500), at(1)).unwrap();
    assert_eq!((first.price_minor, first.sold_count, first.state), (500, 1, ListingState::Open));
    sale.sold_count = 1;
    let late = listing_buy(&sale, BUYER, SaleKind::Exclusive, None, at(1)).unwrap_err();
    assert_eq!((late.code, late.path), (Code::SoldOut, vec!["kind".to_owned()]));
    assert_eq!(listing_buy(&sale, BUYER, SaleKind::Shared, None, at(1)).unwrap().state, ListingState::Sold);
}

#[test]
fn a_purchase_is_refused_for_its_reason() {
    let sale = listing(open(auction(eur(300), eur(900), eur(2_000)), 2, Some(60), &VERIFIED).unwrap());
    let code = |buyer, kind, most, secs| listing_buy(&sale, buyer, kind, most, at(secs)).unwrap_err().code;
    assert_eq!(listing_buy(&sale, BUYER, SaleKind::Exclusive, Some(2_000), at(59)).unwrap().price_minor, 2_000);
    assert_eq!(code(BUYER, SaleKind::Exclusive, Some(1_999), 1), Code::PriceMoved);
    assert_eq!(code(BUYER, SaleKind::Shared, None, 1), Code::Invalid);
    assert_eq!(code(BUYER, SaleKind::Exclusive, None, 60), Code::OutsideWindow);
    let suspended = BuyerFacts { access: BuyerAccess::Suspended, ..BUYER };
    assert_eq!(code(suspended, SaleKind::Exclusive, None, 1), Code::Suspended);
    let frozen = BuyerFacts { access: BuyerAccess::WalletFrozen, ..BUYER };
    assert_eq!(code(frozen, SaleKind::Exclusive, None, 1), Code::WalletFrozen);
    assert_eq!(code(BuyerFacts { is_seller: true, ..BUYER }, SaleKind::Exclusive, None, 1), Code::OwnLead);
    assert_eq!(code(BuyerFacts { has_person: true, ..BUYER }, SaleKind::Exclusive, None, 1), Code::DuplicateForBuyer);
    assert_eq!(code(BuyerFacts { lead_verified: false, ..BUYER }, SaleKind::Exclusive, None, 1), Code::NotVerified);
}

#[test]
fn a_listing_ends_once() {
    let mut sale = listing(open(fixed(eur(500), None), 2, Some(60), &VERIFIED).unwrap());
    assert_eq!(sale.expired_at(at(59)), None);
    assert_eq!(sale.expired_at(at(60)), Some(ListingState::Unsold));
    sale.sold_count = 1;
    assert_eq!(sale.expired_at(at(60)), Some(ListingState::Sold));
    assert_eq!(listing_withdraw(&sale, at(59)), Ok(ListingState::Withdrawn));
    assert_eq!(listing_withdraw(&sale, at(60)).unwrap_err().code, Code::OutsideWindow);
    assert_eq!(listing_relist(&sale).unwrap_err().code, Code::WrongState);
    for (state, code) in [
        (ListingState::Sold, Code::SoldOut),
        (ListingState::Unsold, Code::WrongState),
        (ListingState::Withdrawn, Code::WrongState),
    ] {
        sale.state = state;
        assert_eq!(listing_withdraw(&sale, at(1)).unwrap_err().code, code);
        assert_eq!(sale.expired_at(at(99)), None);
        assert_eq!(listing_relist(&sale), Ok(()));
    }
}

#[test]
fn terms_survive_the_database() {
    let drafts = [(fixed(eur(5), eur(9)), 2), (auction(None, eur(5), eur(9)), 1), (dutch(9, 5, 1, 60), 3)];
    for (draft, max_sales) in drafts {
        let terms = open(draft, max_sales, None, &VERIFIED).unwrap().terms;
        let json = serde_json::to_value(&terms).unwrap();
        assert_eq!(json["format"], terms.format().as_str());
        assert_eq!(serde_json::from_value::<Terms>(json).unwrap(), terms);
    }
}

proptest! {
    #[test]
    fn a_dutch_price_never_rises_and_stays_within_its_bounds(
        floor in 1i64..10_000, range in 1i64..10_000, step in 1i64..10_000, interval in 1i64..100_000,
        mut early in 0i64..7_000_000, mut late in 0i64..7_000_000,
    ) {
        if late < early {
            std::mem::swap(&mut early, &mut late);
        }
        let sale = listing(open(dutch(floor + range, floor, step.min(range), interval), 1, None, &VERIFIED).unwrap());
        let price = |secs| sale.price_at(SaleKind::Exclusive, at(secs)).unwrap();
        prop_assert!(price(late) <= price(early));
        prop_assert!((floor..=floor + range).contains(&price(early)));
    }
}
