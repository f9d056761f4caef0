//! Fixed prices, Dutch prices, buy-now, withdrawal, expiry, re-listing, and what must not be sold.

use domain::ledger::AccountKind;
use serde_json::json;

use super::stand::{LeadSpec, bid, buy, buy_for, create, errors, lead, listed, money, one, placed, seen, vertical};
use crate::harness::on_each_backend;
use crate::ledger::market::{assert_clean, balance, fund, on_trade};

on_each_backend! {
    async fn a_fixed_price_sells_shared_copies_until_none_is_left(x: Exchange) {
        let (seller, v) = (x.organization("Seller").await, vertical(&x, "auto").await);
        let buyers = [x.organization("A").await, x.organization("B").await, x.organization("C").await];
        for buyer in &buyers {
            fund(&x.app, buyer.org(), 10_000).await;
        }
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let terms = json!({ "fixed": { "sharedPrice": money("12.50"), "exclusivePrice": money("40") } });
        let id = listed(&x, &seller, lead, 2, None, terms).await;

        let first = buy(&x, &buyers[0], &id, "SHARED", "k1").await;
        assert_eq!(first["userErrors"], json!([]));
        assert_eq!((&first["listing"]["state"], &first["listing"]["soldCount"]), (&json!("OPEN"), &json!(1)));
        assert_eq!(first["listing"]["offersExclusive"], false);
        assert_eq!(buy(&x, &buyers[0], &id, "SHARED", "k1").await["trade"]["id"], first["trade"]["id"], "the same key answers again");
        assert_eq!(errors(&buy(&x, &buyers[0], &id, "EXCLUSIVE", "k1").await), one("IDEMPOTENCY_MISMATCH", "idempotencyKey"));
        assert_eq!(errors(&buy(&x, &buyers[0], &id, "SHARED", "k2").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        assert_eq!(errors(&buy(&x, &buyers[1], &id, "EXCLUSIVE", "k3").await), one("SOLD_OUT", "kind"));

        let last = buy(&x, &buyers[1], &id, "SHARED", "k4").await;
        assert_eq!((&last["listing"]["state"], &last["listing"]["soldCount"]), (&json!("SOLD"), &json!(2)));
        assert_eq!(errors(&buy(&x, &buyers[2], &id, "SHARED", "k5").await), one("SOLD_OUT", "listingId"));
        assert_eq!(balance(&x, buyers[0].org(), AccountKind::Available).await, 8_750);
        assert_eq!(balance(&x, buyers[2].org(), AccountKind::Available).await, 10_000);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 2_500);
        assert_eq!(x.count("trade").await, 2);
        assert_clean(&x).await;
    }

    async fn a_refused_purchase_changes_nothing(x: Exchange) {
        let (seller, buyer, v) = (x.organization("Seller").await, x.organization("Buyer").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 999).await;
        fund(&x.app, seller.org(), 5_000).await;
        let person = |phone| LeadSpec { phone: Some(phone), ..LeadSpec::of(v) };
        let one_lead = lead(&x, seller.org(), person("+1")).await;
        let terms = || json!({ "fixed": { "exclusivePrice": money("10") } });
        let id = listed(&x, &seller, one_lead, 1, Some(60), terms()).await;
        let before = x.row_counts().await;
        let refused = [
            (errors(&buy(&x, &buyer, &id, "EXCLUSIVE", "k").await), "INSUFFICIENT_FUNDS"),
            (errors(&buy(&x, &seller, &id, "EXCLUSIVE", "k").await), "OWN_LEAD"),
            (errors(&buy(&x, &buyer, &id, "SHARED", "k").await), "INVALID"),
            (errors(&buy_for(&x, &buyer, &id, "EXCLUSIVE", "k", money("9.99")).await), "PRICE_MOVED"),
            (errors(&buy_for(&x, &buyer, &id, "EXCLUSIVE", "k", json!({ "amount": "99", "currencyCode": "USD" })).await), "CURRENCY_MISMATCH"),
            (errors(&buy(&x, &buyer, &id, "EXCLUSIVE", &"k".repeat(129)).await), "TOO_LARGE"),
            (errors(&buy(&x, &buyer, &seller.org().to_string(), "EXCLUSIVE", "k").await), "INVALID"),
            (errors(&bid(&x, &buyer, &id, None, Some("10"), "k").await), "WRONG_STATE"),
        ];
        for (index, (found, code)) in refused.iter().enumerate() {
            assert_eq!(found[0].0, *code, "case {index}");
        }
        x.clock.advance_secs(60);
        assert_eq!(errors(&buy(&x, &buyer, &id, "EXCLUSIVE", "k").await), one("OUTSIDE_WINDOW", "listingId"));
        assert_eq!(x.row_counts().await, before);
        assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, 999);
        assert_eq!(seen(&x, &seller, &id).await["soldCount"], 0);
    }

    async fn one_buyer_never_buys_a_person_twice_whoever_sells(x: Exchange) {
        let (a, b, buyer) = (x.organization("A").await, x.organization("B").await, x.organization("Buyer").await);
        let v = vertical(&x, "auto").await;
        fund(&x.app, buyer.org(), 10_000).await;
        let person = LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) };
        let (first, second) = (lead(&x, a.org(), person.clone()).await, lead(&x, b.org(), person).await);
        let terms = || json!({ "fixed": { "sharedPrice": money("10") } });
        let (first, second) = (listed(&x, &a, first, 2, None, terms()).await, listed(&x, &b, second, 2, None, terms()).await);
        assert_eq!(buy(&x, &buyer, &first, "SHARED", "k1").await["userErrors"], json!([]));
        assert_eq!(errors(&buy(&x, &buyer, &second, "SHARED", "k2").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        assert_eq!(x.count("trade").await, 1);
    }

    async fn a_targeted_lead_exists_only_for_its_advertiser(x: Exchange) {
        let (seller, target, other) = (x.organization("S").await, x.organization("T").await, x.organization("O").await);
        let v = vertical(&x, "auto").await;
        fund(&x.app, target.org(), 10_000).await;
        fund(&x.app, other.org(), 10_000).await;
        let lead = lead(&x, seller.org(), LeadSpec { target: Some(target.org()), ..LeadSpec::of(v) }).await;
        let shared = create(&x, &seller, lead, 2, None, json!({ "fixed": { "sharedPrice": money("10") } })).await;
        assert_eq!(errors(&shared), one("INVALID", "maxSales"));
        let id = listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await;
        assert_eq!(seen(&x, &other, &id).await, json!(null));
        assert_eq!(errors(&buy(&x, &other, &id, "EXCLUSIVE", "k").await), one("NOT_FOUND", "listingId"));
        assert_eq!(seen(&x, &target, &id).await["exclusivePrice"]["amount"], "10.00");
        assert_eq!(buy(&x, &target, &id, "EXCLUSIVE", "k").await["userErrors"], json!([]));
    }

    async fn a_dutch_price_falls_until_somebody_takes_it(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let terms = json!({ "dutch": { "start": money("25"), "floor": money("5"), "step": money("2.50"), "intervalSecs": 900 } });
        let id = listed(&x, &seller, lead, 1, None, terms).await;
        x.clock.advance_secs(899);
        assert_eq!(seen(&x, &buyer, &id).await["exclusivePrice"]["amount"], "25.00");
        x.clock.advance_secs(1);
        assert_eq!(seen(&x, &buyer, &id).await["exclusivePrice"]["amount"], "22.50");
        assert_eq!(errors(&buy_for(&x, &buyer, &id, "EXCLUSIVE", "k", money("20")).await), one("PRICE_MOVED", "maxPrice"));
        x.clock.advance_secs(900);
        assert_eq!(buy_for(&x, &buyer, &id, "EXCLUSIVE", "k", money("20")).await["userErrors"], json!([]));
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 2_000);
        assert_eq!(seen(&x, &seller, &id).await["state"], "SOLD");
        assert_clean(&x).await;
    }

    async fn buying_an_auction_now_returns_every_bid(x: Exchange) {
        let (seller, v) = (x.organization("S").await, vertical(&x, "auto").await);
        let (a, b) = (x.organization("A").await, x.organization("B").await);
        fund(&x.app, a.org(), 3_000).await;
        fund(&x.app, b.org(), 3_000).await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let terms = json!({ "auction": { "exclusiveReserve": money("10"), "buyNow": money("30") } });
        let id = listed(&x, &seller, lead, 1, Some(3_600), terms).await;
        let (lost, own) = (placed(&x, &a, &id, None, Some("20")).await, placed(&x, &b, &id, None, Some("25")).await);
        assert_eq!(balance(&x, b.org(), AccountKind::Available).await, 500, "what B bid pays for what B buys");
        let bought = buy(&x, &b, &id, "EXCLUSIVE", "k").await;
        assert_eq!((&bought["userErrors"], &bought["listing"]["state"]), (&json!([]), &json!("SOLD")));
        assert_eq!((&bought["listing"]["ownBid"]["id"], &bought["listing"]["ownBid"]["state"]), (&json!(own), &json!("WITHDRAWN")));
        let other = seen(&x, &a, &id).await["ownBid"].clone();
        assert_eq!((&other["id"], &other["lossReason"]), (&json!(lost), &json!("OUTBID")));
        assert_eq!((balance(&x, a.org(), AccountKind::Available).await, balance(&x, b.org(), AccountKind::Available).await), (3_000, 0));
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 3_000);
        x.clock.advance_secs(3_600);
        assert_eq!(api::app::listings::listings_close_due(&x.app).await.unwrap(), 0);
        assert_clean(&x).await;
    }

    async fn what_is_not_sold_ends_and_is_listed_again(x: Exchange) {
        let (seller, v) = (x.organization("S").await, vertical(&x, "auto").await);
        let (a, b) = (x.organization("A").await, x.organization("B").await);
        fund(&x.app, a.org(), 10_000).await;
        fund(&x.app, b.org(), 10_000).await;
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let fixed = json!({ "fixed": { "sharedPrice": money("10"), "exclusivePrice": money("30") } });
        let first = listed(&x, &seller, lead, 3, Some(60), fixed.clone()).await;
        assert_eq!(errors(&create(&x, &seller, lead, 3, None, fixed).await), one("TAKEN", "leadId"));
        assert_eq!(buy(&x, &a, &first, "SHARED", "k1").await["userErrors"], json!([]));
        x.clock.advance_secs(60);
        assert_eq!(api::app::listings::listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &seller, &first).await["state"], "SOLD");
        assert_eq!(seen(&x, &b, &first).await, json!(null), "an ended listing is for those whom it concerned");

        let again = "mutation($input: ListingRelistInput!) { listingRelist(input: $input) \
            { listing { id maxSales offersExclusive sharedPrice { amount } relistedFromId } userErrors { code path } } }";
        let relisted = seller.run(&x, again, json!({ "input": { "listingId": first, "maxSales": 5 } })).await["listingRelist"].clone();
        assert_eq!(errors(&relisted), one("INVALID", "maxSales"), "one of five copies is sold");
        let relisted = seller.run(&x, again, json!({ "input": { "listingId": first } })).await["listingRelist"].clone();
        let second = relisted["listing"]["id"].as_str().unwrap().to_owned();
        let expected = json!({ "id": second, "maxSales": 3, "offersExclusive": false, "sharedPrice": { "amount": "10.00" }, "relistedFromId": first });
        assert_eq!(relisted["listing"], expected);
        assert_eq!(errors(&buy(&x, &a, &second, "SHARED", "k2").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        assert_eq!(buy(&x, &b, &second, "SHARED", "k3").await["userErrors"], json!([]));

        let withdraw = "mutation($input: ListingWithdrawInput!) { listingWithdraw(input: $input) { listing { state } userErrors { code path } } }";
        let input = json!({ "input": { "listingId": second, "idempotencyKey": "w" } });
        assert_eq!(errors(&b.run(&x, withdraw, input.clone()).await["listingWithdraw"]), one("NOT_FOUND", "listingId"));
        for _ in 0..2 {
            let done = seller.run(&x, withdraw, input.clone()).await["listingWithdraw"].clone();
            assert_eq!(done, json!({ "listing": { "state": "WITHDRAWN" }, "userErrors": [] }));
        }
        assert_eq!(errors(&buy(&x, &b, &second, "SHARED", "k4").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        assert_clean(&x).await;
    }

    async fn who_was_refunded_for_a_wrong_record_may_buy_the_person_listed_right(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let mut ids = Vec::new();
        for rival in [&seller, &x.organization("Rival").await] {
            let same = lead(&x, rival.org(), LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) }).await;
            ids.push(listed(&x, rival, same, 2, None, json!({ "fixed": { "sharedPrice": money("10") } })).await);
        }
        let bought = buy(&x, &buyer, &ids[0], "SHARED", "k1").await;
        assert_eq!(errors(&buy(&x, &buyer, &ids[1], "SHARED", "k2").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        let trade = bought["trade"]["id"].as_str().unwrap().parse().unwrap();
        on_trade!(x.app, store::trades::trade_refund, trade).unwrap();
        assert_eq!(errors(&buy(&x, &buyer, &ids[0], "SHARED", "k3").await), one("DUPLICATE_FOR_BUYER", "listingId"));
        assert_eq!(buy(&x, &buyer, &ids[1], "SHARED", "k4").await["userErrors"], json!([]));
        assert_clean(&x).await;
    }

    async fn only_verified_leads_are_sold(x: Exchange) {
        let (seller, other, v) = (x.organization("S").await, x.organization("O").await, vertical(&x, "auto").await);
        fund(&x.app, other.org(), 10_000).await;
        let terms = || json!({ "fixed": { "exclusivePrice": money("10") } });
        let raw = lead(&x, seller.org(), LeadSpec { state: "UNQUALIFIED", ..LeadSpec::of(v) }).await;
        assert_eq!(errors(&create(&x, &seller, raw, 1, None, terms()).await), one("NOT_VERIFIED", "leadId"));
        let good = lead(&x, seller.org(), LeadSpec::of(v)).await;
        assert_eq!(errors(&create(&x, &other, good, 1, None, terms()).await), one("NOT_FOUND", "leadId"));
        let id = listed(&x, &seller, good, 1, None, terms()).await;
        x.tamper("UPDATE lead SET state = 'QUARANTINED'").await.unwrap();
        assert_eq!(errors(&buy(&x, &other, &id, "EXCLUSIVE", "k").await), one("NOT_VERIFIED", "listingId"));
        assert_eq!(x.count("trade").await, 0);
    }
}
