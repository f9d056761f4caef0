//! Sealed auctions, cleared to the minor unit.

use api::app::listings::listings_close_due;
use domain::id::ListingId;
use domain::ledger::AccountKind;
use domain::receipt::{Receipt, replay};
use domain::reputation::Tally;
use serde_json::{Value, json};
use store::listings::listing_void_later;
use store::reputation::{Side, tally_add};

use super::stand::{LeadSpec, bid, buy, errors, lead, listed, money, one, placed, seen, vertical};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, balance, fund};

const RECEIPT: &str = "query($id: ID!) { clearingReceipt(listingId: $id) { rule replays json sharedReserve { amount } \
    exclusiveReserve { amount } bids { bidder mine bidId shared { amount } exclusive { amount } won price { amount } lossReason } } }";

async fn bidders(x: &Exchange, count: usize) -> Vec<Actor> {
    let mut bidders = Vec::new();
    for n in 0..count {
        let bidder = x.organization(&format!("Bidder {n}")).await;
        fund(&x.app, bidder.org(), 20_000).await;
        bidders.push(bidder);
    }
    bidders
}

async fn auction(x: &Exchange, seller: &Actor, max_sales: i64, terms: Value) -> String {
    let v = vertical(x, "insurance/auto").await;
    let lead = lead(x, seller.org(), LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) }).await;
    listed(x, seller, lead, max_sales, Some(60), json!({ "auction": terms })).await
}

async fn cleared(x: &Exchange) {
    let closes_at = x.app.store.listings_next_at().await.unwrap().unwrap();
    x.clock.set(closes_at - chrono::TimeDelta::microseconds(1));
    assert_eq!(listings_close_due(&x.app).await.unwrap(), 0);
    x.clock.set(closes_at);
    assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
    assert_eq!(listings_close_due(&x.app).await.unwrap(), 0);
}

async fn available(x: &Exchange, bidders: &[Actor]) -> Vec<i64> {
    let mut found = Vec::new();
    for bidder in bidders {
        found.push(balance(x, bidder.org(), AccountKind::Available).await);
        assert_eq!(balance(x, bidder.org(), AccountKind::Reserved).await, 0);
    }
    found
}

async fn receipt(x: &Exchange, viewer: &Actor, listing: &str) -> Value {
    viewer.run(x, RECEIPT, json!({ "id": listing })).await["clearingReceipt"].clone()
}

on_each_backend! {
    async fn the_best_bid_wins_at_the_second_price(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 3).await);
        let id = auction(&x, &seller, 1, json!({ "exclusiveReserve": money("10") })).await;
        placed(&x, &b[0], &id, None, Some("42")).await;
        placed(&x, &b[1], &id, None, Some("55.01")).await;
        placed(&x, &b[2], &id, None, Some("9.99")).await;
        assert_eq!(balance(&x, b[1].org(), AccountKind::Reserved).await, 5_501);
        assert_eq!(seen(&x, &seller, &id).await["ownBid"], json!(null));
        assert_eq!(receipt(&x, &seller, &id).await, json!(null), "nothing is told before the clearing");
        cleared(&x).await;

        assert_eq!(available(&x, &b).await, [20_000, 15_800, 20_000]);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 4_200);
        assert_eq!(seen(&x, &b[1], &id).await["ownBid"]["state"], "WON");
        assert_eq!(seen(&x, &b[0], &id).await["ownBid"]["lossReason"], "OUTBID");
        assert_eq!(seen(&x, &b[2], &id).await["ownBid"]["lossReason"], "BELOW_RESERVE");
        assert_clean(&x).await;
    }

    async fn shared_copies_pay_the_first_bid_left_out_and_the_receipt_replays(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 5).await);
        let id = auction(&x, &seller, 3, json!({ "sharedReserve": money("5"), "exclusiveReserve": money("20") })).await;
        for (bidder, (shared, exclusive)) in
            b.iter().zip([(Some("40"), None), (Some("30"), Some("31")), (Some("25"), None), (Some("20"), None), (None, Some("90"))])
        {
            placed(&x, bidder, &id, shared, exclusive).await;
            x.clock.advance_secs(1);
        }
        cleared(&x).await;
        // Shared 40 + 30 + 25 = 95 beats 90. Each displaces the exclusive 90 or the fourth copy, whichever is more:
        // 40 pays 90 - 55 = 35, 30 pays 90 - 65 = 25, 25 pays max(90 - 70, 20) = 20.
        assert_eq!(available(&x, &b).await, [16_500, 17_500, 18_000, 20_000, 20_000]);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 8_000);
        let listing = seen(&x, &seller, &id).await;
        assert_eq!((&listing["state"], &listing["soldCount"]), (&json!("SOLD"), &json!(3)));

        let shown = receipt(&x, &b[1], &id).await;
        assert_eq!((&shown["rule"], &shown["replays"]), (&json!(1), &json!(true)));
        let bids = shown["bids"].as_array().unwrap();
        let mine: Vec<bool> = bids.iter().map(|bid| bid["mine"].as_bool().unwrap()).collect();
        assert_eq!(mine, [false, true, false, false, false]);
        assert!(bids.iter().all(|bid| bid["bidId"].is_string() == bid["mine"].as_bool().unwrap()));
        assert_eq!(bids[0]["price"]["amount"], "35.00");
        assert_eq!((&bids[4]["exclusive"]["amount"], &bids[4]["lossReason"]), (&json!("90.00"), &json!("OUTBID")));
        let whole: Receipt = serde_json::from_str(shown["json"].as_str().unwrap()).unwrap();
        assert_eq!(replay(&whole).unwrap(), whole.result);
        for party in b.iter().map(|bidder| bidder.org()).chain([seller.org()]) {
            assert!(!shown.to_string().contains(&party.to_string()), "a receipt names nobody");
        }
        assert_eq!(receipt(&x, &seller, &id).await["bids"][0]["mine"], false);
        assert_eq!(receipt(&x, &x.organization("Stranger").await, &id).await, json!(null));
        assert_clean(&x).await;
    }

    async fn first_price_pays_the_bid_and_ties_go_to_the_earlier(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 2).await);
        let id = auction(&x, &seller, 1, json!({ "pricing": "FIRST_PRICE", "exclusiveReserve": money("10") })).await;
        placed(&x, &b[1], &id, None, Some("33.33")).await;
        x.clock.advance_secs(1);
        placed(&x, &b[0], &id, None, Some("33.33")).await;
        cleared(&x).await;
        assert_eq!(available(&x, &b).await, [20_000, 16_667]);
    }

    async fn a_bidder_that_disputes_without_ground_ranks_lower(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 2).await);
        let id = auction(&x, &seller, 1, json!({ "exclusiveReserve": money("10") })).await;
        // Ten rejected of ten: (1 + 10) / 20 are expected to be, so its weight is 45%; a newcomer's is 90%.
        let rejected = Tally { trades: 10, upheld: 0, rejected: 1_000 };
        let organization = b[0].org();
        let counted = x.app.store.write("tally", move |tx| async move { tally_add(&tx, organization, Side::Buyer, |_| rejected).await });
        assert_eq!(counted.await.unwrap(), rejected);
        placed(&x, &b[0], &id, None, Some("59")).await;
        placed(&x, &b[1], &id, None, Some("30")).await;
        cleared(&x).await;
        // 59 x 0.45 = 26.55 loses to 30 x 0.90 = 27; the winner pays 26.55 / 0.90 = 29.50.
        assert_eq!(available(&x, &b).await, [20_000, 17_050]);
    }

    async fn a_bid_can_be_replaced_and_taken_back_and_nothing_else(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 2).await);
        let id = auction(&x, &seller, 2, json!({ "sharedReserve": money("5"), "exclusiveReserve": money("20") })).await;
        let first = placed(&x, &b[0], &id, Some("50"), Some("100")).await;
        let second = placed(&x, &b[0], &id, Some("30"), None).await;
        assert_eq!(balance(&x, b[0].org(), AccountKind::Reserved).await, 3_000);
        let again = bid(&x, &b[0], &id, Some("30"), None, &format!("{id}-{:?}-{:?}", Some("30"), None::<&str>)).await;
        assert_eq!(again["bid"]["id"], json!(second), "the same key answers again");
        let before = x.row_counts().await;
        assert_eq!(errors(&bid(&x, &b[0], &id, Some("200.01"), None, "k").await)[0].0, "INSUFFICIENT_FUNDS");
        assert_eq!(errors(&bid(&x, &b[0], &id, None, None, "k").await), one("REQUIRED", ""));
        assert_eq!(errors(&bid(&x, &b[0], &id, Some("-1"), None, "k").await)[0].0, "INVALID");
        assert_eq!(errors(&bid(&x, &seller, &id, Some("30"), None, "k").await), one("OWN_LEAD", "listingId"));
        let withdraw = "mutation($input: BidWithdrawInput!) { bidWithdraw(input: $input) { bid { id state } userErrors { code path } } }";
        let take_back = |bid: &str| json!({ "input": { "bidId": bid, "idempotencyKey": format!("w-{bid}") } });
        assert_eq!(errors(&b[1].run(&x, withdraw, take_back(&second)).await["bidWithdraw"]), one("NOT_FOUND", "bidId"));
        assert_eq!(errors(&b[0].run(&x, withdraw, take_back(&first)).await["bidWithdraw"]), one("WRONG_STATE", "bidId"));
        assert_eq!(x.row_counts().await, before, "a refusal changed something");
        let done = b[0].run(&x, withdraw, take_back(&second)).await["bidWithdraw"].clone();
        assert_eq!(done["bid"], json!({ "id": second, "state": "WITHDRAWN" }));
        assert_eq!(available(&x, &b).await, [20_000, 20_000]);
        cleared(&x).await;
        let listing = seen(&x, &seller, &id).await;
        assert_eq!((&listing["state"], &listing["soldCount"]), (&json!("UNSOLD"), &json!(0)));
        assert_eq!(receipt(&x, &seller, &id).await["bids"], json!([]));
        assert_clean(&x).await;
    }

    async fn bids_are_sealed(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 2).await);
        let id = auction(&x, &seller, 1, json!({ "exclusiveReserve": money("20") })).await;
        placed(&x, &b[0], &id, None, Some("77.77")).await;
        let own = "{ bids { edges { node { exclusive { amount } } } } }";
        assert_eq!(b[0].run(&x, own, json!({})).await["bids"]["edges"][0]["node"]["exclusive"]["amount"], "77.77");
        for viewer in [&b[1], &seller] {
            assert_eq!(viewer.run(&x, own, json!({})).await["bids"]["edges"], json!([]));
            assert_eq!(seen(&x, viewer, &id).await["ownBid"], json!(null));
        }
        let listing: ListingId = id.parse().unwrap();
        let all = usize::try_from(x.count("event").await).unwrap();
        let told = x.events_behind(Default::default(), all).await;
        let told: Vec<_> = told.iter().filter(|event| event.subject_id == listing.0 && event.audience != [b[0].org()]).collect();
        assert_eq!(told.iter().map(|event| event.topic.as_str()).collect::<Vec<_>>(), ["listing.added"]);
    }

    async fn a_person_bought_meanwhile_and_a_spoiled_lead_are_not_sold(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 2).await);
        let id = auction(&x, &seller, 1, json!({ "exclusiveReserve": money("20") })).await;
        placed(&x, &b[0], &id, None, Some("50")).await;
        placed(&x, &b[1], &id, None, Some("30")).await;
        let v = vertical(&x, "other").await;
        let rival = x.organization("Rival").await;
        let same = lead(&x, rival.org(), LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) }).await;
        let elsewhere = listed(&x, &rival, same, 1, None, json!({ "fixed": { "exclusivePrice": money("1") } })).await;
        assert_eq!(buy(&x, &b[0], &elsewhere, "EXCLUSIVE", "k").await["userErrors"], json!([]));
        cleared(&x).await;
        assert_eq!(seen(&x, &b[0], &id).await["ownBid"]["lossReason"], "DUPLICATE_FOR_BUYER");
        assert_eq!(available(&x, &b).await, [19_900, 18_000], "the other one pays the reserve");

        let v = vertical(&x, "third").await;
        let spoiled = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let second = listed(&x, &seller, spoiled, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("20") } })).await;
        placed(&x, &b[1], &second, None, Some("30")).await;
        x.tamper("UPDATE lead SET state = 'QUARANTINED'").await.unwrap();
        cleared(&x).await;
        assert_eq!(seen(&x, &seller, &second).await["state"], "WITHDRAWN");
        assert_eq!(available(&x, &b).await, [19_900, 18_000]);
        assert_clean(&x).await;
    }

    async fn a_lead_found_fake_leaves_the_market_at_once(x: Exchange) {
        let (seller, b) = (x.organization("S").await, bidders(&x, 1).await);
        let v = vertical(&x, "insurance/auto").await;
        let fake = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, fake, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("20") } })).await;
        placed(&x, &b[0], &id, None, Some("50")).await;
        x.tamper("UPDATE lead SET state = 'QUARANTINED'").await.unwrap();
        let later: Result<(), store::WriteError> =
            x.app.store.write("void", move |tx| async move { Ok(listing_void_later(&tx, fake).await?) }).await;
        later.unwrap();
        assert_eq!(api::app::jobs::jobs_run(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &seller, &id).await["state"], "WITHDRAWN");
        assert_eq!(available(&x, &b).await, [20_000]);
        assert_eq!(x.app.store.jobs_waiting().await.unwrap(), 0);
        assert_clean(&x).await;
    }
}
