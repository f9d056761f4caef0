//! What must not be learned by putting together what may be seen.

use std::collections::BTreeSet;

use domain::access::{Permission, Principal};
use domain::id::ApiKeyId;
use domain::receipt::{Receipt, replay};
use domain::reputation::Tally;
use serde_json::{Value, json};
use store::reputation::{Side, tally_add};

use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{fund, sell, stall};
use crate::market::stand::{LeadSpec, buy, lead, listed, money, placed, vertical};

const RECEIPT: &str =
    "query ($id: ID!) { clearingReceipt(listingId: $id) { replays json bids { mine bidId weightBp lossReason } } }";
const REPUTATION: &str =
    "query ($id: ID!) { reputation(organizationId: $id) { sold unfoundedDisputes { expectedBp } bidderWeightBp } }";

async fn tallied(x: &Exchange, who: &Actor, side: Side, tally: Tally) {
    let organization = who.org();
    let done = x.app.store.write("tally", move |tx| async move { tally_add(&tx, organization, side, |_| tally).await });
    done.await.unwrap();
}

async fn receipt(x: &Exchange, who: &Actor, listing: &str) -> Value {
    who.run(x, RECEIPT, json!({ "id": listing })).await["clearingReceipt"].clone()
}

on_each_backend! {
    async fn a_receipt_tells_each_bidder_of_itself_and_nobody_of_others(x: Exchange) {
        let (seller, barred, winner, gone) =
            (x.organization("S").await, x.organization("Barred").await, x.organization("W").await, x.organization("Gone").await);
        for bidder in [&barred, &winner, &gone] {
            fund(&x.app, bidder.org(), 20_000).await;
        }
        tallied(&x, &winner, Side::Buyer, Tally { trades: 3, upheld: 170, rejected: 130 }).await;
        let v = vertical(&x, "auto").await;
        let spec = || LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) };
        let auctioned = lead(&x, seller.org(), spec()).await;
        let terms = json!({ "auction": { "exclusiveReserve": money("10") } });
        let id = listed(&x, &seller, auctioned, 1, Some(60), terms).await;
        let bids = [placed(&x, &barred, &id, None, Some("50")).await, placed(&x, &winner, &id, None, Some("40")).await];
        let withdrawn = placed(&x, &gone, &id, None, Some("30")).await;
        let withdraw = "mutation ($input: BidWithdrawInput!) { bidWithdraw(input: $input) { userErrors { code } } }";
        gone.run(&x, withdraw, json!({ "input": { "bidId": withdrawn, "idempotencyKey": "w" } })).await;
        // The same person from another seller: whoever has it already is out.
        let other_seller = x.organization("Other").await;
        let again = lead(&x, other_seller.org(), spec()).await;
        let fixed = listed(&x, &other_seller, again, 1, None, json!({ "fixed": { "exclusivePrice": money("9") } })).await;
        assert_eq!(buy(&x, &barred, &fixed, "EXCLUSIVE", "k").await["userErrors"], json!([]));
        x.clock.advance_secs(60);
        api::app::listings::listings_close_due(&x.app).await.unwrap();

        assert_eq!(receipt(&x, &gone, &id).await, Value::Null, "who took its bid back has no part in it");
        let seen = [receipt(&x, &barred, &id).await, receipt(&x, &winner, &id).await, receipt(&x, &seller, &id).await];
        let reasons = seen.iter().map(|seen| seen["bids"][0]["lossReason"].clone()).collect::<Vec<_>>();
        assert_eq!(json!(reasons), json!(["DUPLICATE_FOR_BUYER", "BARRED", "BARRED"]));
        assert_eq!((&seen[0]["bids"][0]["bidId"], &seen[1]["bids"][1]["bidId"]), (&json!(bids[0]), &json!(bids[1])));
        for receipt in &seen {
            assert_eq!(receipt["replays"], true);
            assert_eq!(receipt["bids"][1]["weightBp"], 8_000, "2.30 of 13 unfounded leaves 8231, in steps of 500");
            let json = receipt["json"].as_str().unwrap();
            let whole: Receipt = serde_json::from_str(json).unwrap();
            assert_eq!(replay(&whole).unwrap(), whole.result);
            assert!(bids.iter().all(|bid| !json.contains(bid)), "{json}");
        }
    }

    async fn how_a_buyer_argues_is_told_to_those_it_trades_with(x: Exchange) {
        let (seller, buyer, stranger) = (x.organization("S").await, x.organization("B").await, x.organization("Other").await);
        fund(&x.app, buyer.org(), 5_000).await;
        sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let of = json!({ "id": buyer.org().to_string() });
        let hidden = json!({ "sold": 0, "unfoundedDisputes": null, "bidderWeightBp": null });
        let told = json!({ "sold": 0, "unfoundedDisputes": { "expectedBp": 1000 }, "bidderWeightBp": 9000 });
        assert_eq!(stranger.run(&x, REPUTATION, of.clone()).await["reputation"], hidden);
        for who in [&seller, &buyer, &x.arbiter().await] {
            assert_eq!(who.run(&x, REPUTATION, of.clone()).await["reputation"], told);
        }
    }

    async fn a_listing_tells_of_its_seller_and_lead_in_bands(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        tallied(&x, &seller, Side::Seller, Tally { trades: 137, upheld: 400, rejected: 0 }).await;
        let v = vertical(&x, "auto").await;
        x.clock.advance_secs(1_234);
        let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let id = listed(&x, &seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("9") } })).await;
        let query = "query ($id: ID!) { listing(id: $id) { capturedAt sellerReputation { trades badTradesBp } } }";
        let seen = buyer.run(&x, query, json!({ "id": id })).await["listing"].clone();
        let coarse = json!({ "trades": 100, "badTradesBp": 400 });
        assert_eq!(seen, json!({ "capturedAt": "2026-03-02T09:00:00+00:00", "sellerReputation": coarse }), "5 of 157 is 318");
        let filtered = "query ($most: Int) { listings(filter: { maxSellerBadTradesBp: $most }) { edges { node { id } } } }";
        for (most, count) in [(318, 0), (399, 0), (400, 1)] {
            let found = buyer.run(&x, filtered, json!({ "most": most })).await;
            assert_eq!(found["listings"]["edges"].as_array().unwrap().len(), count, "{most}");
        }
    }

    async fn the_fee_is_the_sellers_business(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let query = "query ($id: ID!) { trade(id: $id) { commission { amount } } }";
        let id = json!({ "id": trade.id.to_string() });
        let fee = json!({ "amount": "1.00" });
        for (who, shown) in [(&seller, &fee), (&buyer, &Value::Null), (&x.operator().await, &fee)] {
            assert_eq!(who.run(&x, query, id.clone()).await["trade"]["commission"], *shown);
        }
        let scopes = BTreeSet::from([Permission::ContactsReveal]);
        let key = Principal::Key { key: ApiKeyId(uuid::Uuid::from_u128(9)), organization: buyer.org(), scopes };
        let reveal = "mutation ($input: ContactRevealInput!) { contactReveal(input: $input) { trade { price { amount } } userErrors { code } } }";
        let answer = x.execute(key, reveal, json!({ "input": { "tradeId": id["id"] } })).await;
        assert_eq!(answer["data"]["contactReveal"]["trade"], Value::Null, "{answer:#}");
    }
}
