//! What integrators are told, each side its own, each thing once, and in order.

use api::app::trade::trades_advance;
use serde_json::{Value, json};

use super::receiver::{Received, Receiver, Reply};
use super::{LOCAL, deliver, deliveries, endpoint, fan_out, later};
use crate::disputes::case::{RESPOND, case, tick};
use crate::harness::on_each_backend;
use crate::ledger::market::fund;
use crate::market::stand::{LeadSpec, lead, listed, money, placed, vertical};

on_each_backend! {
    async fn both_sides_follow_a_trade_to_its_end(x: Exchange) {
        let x = x.with(LOCAL).await;
        let at = Receiver::start().await;
        let early = case(&x, 1_000).await;
        later(&x, 1);
        let buyer_end = endpoint(&x, &early.buyer, &at, "/buyer", &["*"]).await;
        let seller_end = endpoint(&x, &early.seller, &at, "/seller", &["*"]).await;
        // What happened before an endpoint was made is not told to it.
        assert_eq!(deliver(&x).await, 0);
        let dispute = early.open(&x).await;
        let input = json!({ "disputeId": dispute, "answer": "ACCEPT", "idempotencyKey": "accept" });
        early.seller.run(&x, RESPOND, json!({ "input": input })).await;
        deliver(&x).await;
        let (buyers, sellers): (Vec<_>, Vec<_>) = at.taken().into_iter().partition(|got| got.path == "/buyer");
        let told = |got: &[Received]| got.iter().map(|got| got.body["type"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>();
        let expected = ["dispute.opened", "dispute.refunded", "trade.refunded"].map(str::to_owned).into();
        assert_eq!((told(&buyers), told(&sellers)), (expected, ["dispute.opened", "dispute.refunded", "trade.refunded"].map(str::to_owned).into()));
        assert!(buyers.iter().all(|got| got.signed_by(&buyer_end.secret) == 1 && got.signed_by(&seller_end.secret) == 0));
        assert!(sellers.iter().all(|got| got.signed_by(&seller_end.secret) == 1));
        let of_dispute: Vec<_> = buyers.iter().filter(|got| got.body["object"] == dispute).collect();
        assert_eq!(of_dispute.iter().map(|got| got.body["type"].clone()).collect::<Vec<_>>(), ["dispute.opened", "dispute.refunded"]);
        let sequence = |got: &Received| got.body["sequence"].as_i64().unwrap();
        assert!(sequence(of_dispute[0]) < sequence(of_dispute[1]));
        let refund = buyers.iter().find(|got| got.body["type"] == "trade.refunded").unwrap();
        assert_eq!(refund.body["data"], json!({
            "tradeId": early.trade.id, "leadId": early.lead, "listingId": early.trade.listing, "side": "BUYER", "state": "REFUNDED",
            "exclusive": false, "price": money("10.00"), "refunded": money("10.00"),
        }));
        // Once each, whoever looks how often.
        let second = x.second_process().await;
        fan_out(&second).await;
        assert_eq!(deliver(&x).await, 0);
    }

    async fn a_release_is_told_with_what_the_exchange_took(x: Exchange) {
        let x = x.with(LOCAL).await;
        let at = Receiver::start().await;
        let case = case(&x, 1_000).await;
        endpoint(&x, &case.seller, &at, "/seller", &["trade.released"]).await;
        later(&x, 30 * 86_400);
        while trades_advance(&x.app).await.unwrap() > 0 {}
        tick(&x).await;
        assert_eq!(deliver(&x).await, 1);
        let data = at.taken().remove(0).body["data"].clone();
        assert_eq!((&data["side"], &data["commission"], &data["refunded"]), (&json!("SELLER"), &money("1.00"), &money("0.00")));
    }

    async fn an_auction_is_told_to_its_seller_and_to_each_bidder(x: Exchange) {
        let x = x.with(LOCAL).await;
        let at = Receiver::start().await;
        let (seller, winner, loser) = (x.organization("Seller").await, x.organization("Winner").await, x.organization("Loser").await);
        for (actor, path) in [(&seller, "/seller"), (&winner, "/winner"), (&loser, "/loser")] {
            fund(&x.app, actor.org(), 20_000).await;
            endpoint(&x, actor, &at, path, &["auction.cleared", "lead.delivered", "trade.opened"]).await;
        }
        let v = vertical(&x, "insurance/auto").await;
        let lead = lead(&x, seller.org(), LeadSpec { phone: Some("+351911"), ..LeadSpec::of(v) }).await;
        let listing = listed(&x, &seller, lead, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("10.00") } })).await;
        let won = placed(&x, &winner, &listing, None, Some("30.00")).await;
        let lost = placed(&x, &loser, &listing, None, Some("20.00")).await;
        later(&x, 60);
        assert_eq!(api::app::listings::listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(deliver(&x).await, 5);
        let mut told: Vec<(String, Value)> =
            at.taken().into_iter().map(|got| (format!("{} {}", got.path, got.body["type"].as_str().unwrap()), got.body["data"].clone())).collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["/loser auction.cleared", "/seller auction.cleared", "/seller trade.opened", "/winner auction.cleared", "/winner lead.delivered"]);
        let bid = |id: &str, state: &str, reason: Value| json!({ "listingId": listing, "side": "BUYER", "state": "SOLD", "bidId": id, "bidState": state, "lossReason": reason });
        assert_eq!(told[0].1, bid(&lost, "LOST", json!("OUTBID")));
        assert_eq!(told[1].1, json!({ "listingId": listing, "side": "SELLER", "state": "SOLD", "soldCount": 1 }));
        assert_eq!(told[3].1, bid(&won, "WON", Value::Null));
        assert_eq!((&told[4].1["leadId"], &told[4].1["price"], told[4].1.get("contact")), (&json!(lead.to_string()), &money("20.00"), None));
    }

    async fn a_later_message_about_an_object_waits_for_the_earlier_one(x: Exchange) {
        let x = x.with(&format!("{LOCAL}failures_max = 1000\n")).await;
        let at = Receiver::start().await;
        let case = case(&x, 1_000).await;
        endpoint(&x, &case.seller, &at, "/", &["dispute.*"]).await;
        at.does(|got| if got.body["type"] == "dispute.opened" { Reply::Status(503, "not now".into()) } else { Reply::Status(200, String::new()) });
        let dispute = case.open(&x).await;
        assert_eq!(deliver(&x).await, 1);
        let input = json!({ "disputeId": dispute, "answer": "ACCEPT", "idempotencyKey": "accept" });
        case.seller.run(&x, RESPOND, json!({ "input": input })).await;
        assert_eq!(deliver(&x).await, 0, "the refund of the dispute is not told before its opening");
        let states = async || deliveries(&x, &case.seller, "").await.iter().map(|row| (row["eventType"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned())).collect::<Vec<_>>();
        assert_eq!(states().await, [("dispute.opened".into(), "PENDING".into()), ("dispute.refunded".into(), "PENDING".into())] as [(String, String); 2]);
        at.answers(200, "");
        at.taken();
        later(&x, 6);
        assert_eq!(deliver(&x).await, 2);
        assert_eq!(at.types(), ["dispute.opened", "dispute.refunded"]);
        // One that is given up lets the next go.
        at.does(|got| if got.body["type"] == "dispute.opened" { Reply::Status(500, String::new()) } else { Reply::Status(200, String::new()) });
        let replay = "mutation ($input: WebhookReplayInput!) { webhookReplay(input: $input) { replayed userErrors { code } } }";
        for row in deliveries(&x, &case.seller, "").await {
            case.seller.run(&x, replay, json!({ "input": { "webhookDeliveryId": row["id"] } })).await;
        }
        for _ in 0..9 {
            assert_eq!(deliver(&x).await, 1);
            later(&x, 100_000);
        }
        assert_eq!(deliver(&x).await, 2, "the tenth try was the last");
        assert_eq!(at.types().last().unwrap(), "dispute.refunded");
    }
}
