//! What one dispute means for others: class refunds, rings, the return cap, reputation, automatic proof.

use domain::dispute::TradeParty;
use domain::ledger::AccountKind;
use domain::reputation::Tally;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::lead_key;

use super::case::{CALL, DISPUTE, HOUR, OPEN, RESPOND, WITHDRAW, case, claim, in_charge, lead_state, opened, place, rule, tick};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, Stall, assert_clean, balance, fund, sell};

const REPUTATION: &str = "query ($id: ID!) { reputation(organizationId: $id) { standing sold badSales { expectedBp }
    unfoundedDisputes { expectedBp lowBp highBp } bidderWeightBp } }";

async fn buyers(x: &Exchange, count: usize, minor: i64) -> Vec<Actor> {
    let mut buyers = Vec::new();
    for n in 0..count {
        let buyer = x.organization(&format!("Buyer {n}")).await;
        fund(&x.app, buyer.org(), minor).await;
        buyers.push(buyer);
    }
    buyers
}

async fn available(x: &Exchange, who: &[Actor]) -> Vec<i64> {
    let mut found = Vec::new();
    for actor in who {
        found.push(balance(x, actor.org(), AccountKind::Available).await);
    }
    found
}

/// Puts the leads of these stalls on one device.
async fn same_device(x: &Exchange, stalls: &[Stall]) {
    let now = x.app.store.now();
    let rows: Vec<_> = stalls
        .iter()
        .map(|stall| lead_key::ActiveModel {
            lead_id: Set(stall.lead.0),
            kind: Set("DEVICE".into()),
            hash: Set(vec![7; 32]),
            seller_id: Set(stall.seller.0),
            created_at: Set(now),
        })
        .collect();
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("device", move |tx| {
            let rows = rows.clone();
            async move {
                lead_key::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

async fn accept(x: &Exchange, seller: &Actor, id: &str) -> Value {
    let input = json!({ "disputeId": id, "answer": "ACCEPT", "idempotencyKey": format!("accept {id}") });
    seller.run(x, RESPOND, json!({ "input": input })).await["disputeRespond"]["dispute"]["status"].clone()
}

on_each_backend! {
    async fn a_fake_lead_refunds_everybody_who_bought_it(x: Exchange) {
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 3, 1_000).await;
        let place = place(&x, &seller, 3).await;
        let mut trades = Vec::new();
        for (buyer, minor) in buyers.iter().zip([1_000, 900, 800]) {
            trades.push(sell(&x.app, place, buyer.org(), minor).await.unwrap());
        }
        let other = opened(&x, &buyers[1], &trades[1], "OUT_OF_CRITERIA", "WRONG_REGION").await;
        let id = opened(&x, &buyers[0], &trades[0], "BOT", "GIBBERISH_ANSWERS").await;
        assert_eq!(accept(&x, &seller, &id).await, "REFUNDED");
        assert_eq!(available(&x, &buyers).await, [1_000, 1_000, 1_000]);
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 0);
        let seen = buyers[1].run(&x, DISPUTE, json!({ "id": other })).await["dispute"].clone();
        assert_eq!((seen["status"].clone(), seen["refundCause"].clone()), (json!("REFUNDED"), json!("CLASS_REFUND")));
        assert_eq!(lead_state(&x, place.lead).await, "QUARANTINED");
        assert_clean(&x).await;
    }

    async fn a_breach_refunds_its_buyer_only(x: Exchange) {
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 2, 1_000).await;
        let place = place(&x, &seller, 2).await;
        let first = sell(&x.app, place, buyers[0].org(), 1_000).await.unwrap();
        sell(&x.app, place, buyers[1].org(), 1_000).await.unwrap();
        let id = opened(&x, &buyers[0], &first, "OUT_OF_CRITERIA", "WRONG_REGION").await;
        accept(&x, &seller, &id).await;
        assert_eq!(available(&x, &buyers).await, [1_000, 0]);
        assert_clean(&x).await;
    }

    async fn a_class_refund_reaches_a_trade_that_was_released(x: Exchange) {
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 2, 1_000).await;
        let place = place(&x, &seller, 2).await;
        sell(&x.app, place, buyers[0].org(), 1_000).await.unwrap();
        x.clock.advance_secs(7 * DAY);
        let late = sell(&x.app, place, buyers[1].org(), 1_000).await.unwrap();
        x.clock.advance_secs(DAY);
        x.app.store.trades_advance(10).await.unwrap();
        assert_eq!(balance(&x, seller.org(), AccountKind::Available).await, 900);
        let id = opened(&x, &buyers[1], &late, "PRANK", "BOGUS_NAME").await;
        accept(&x, &seller, &id).await;
        assert_eq!(available(&x, &buyers).await, [1_000, 1_000]);
        assert_eq!(balance(&x, seller.org(), AccountKind::Available).await, 0);
        assert_clean(&x).await;
    }

    async fn a_class_refund_does_not_wait_for_commission_that_was_paid_out(x: Exchange) {
        let (operator, seller) = (x.operator().await, x.organization("Seller").await);
        let buyers = buyers(&x, 2, 1_000).await;
        let place = place(&x, &seller, 2).await;
        sell(&x.app, place, buyers[0].org(), 1_000).await.unwrap();
        x.clock.advance_secs(7 * DAY);
        let late = sell(&x.app, place, buyers[1].org(), 1_000).await.unwrap();
        x.clock.advance_secs(DAY);
        x.app.store.trades_advance(10).await.unwrap();
        let correct = "mutation ($input: CorrectionRecordInput!) { correctionRecord(input: $input) { correction { id } userErrors { code } } }";
        let paid_out = json!({ "from": { "kind": "FEES" }, "to": { "kind": "EXTERNAL_BANK" }, "memo": "commission of March",
            "amount": { "amount": "0.70", "currencyCode": "EUR" }, "idempotencyKey": "out" });
        let done = operator.run(&x, correct, json!({ "input": paid_out })).await;
        assert_eq!(done["correctionRecord"]["userErrors"], json!([]));
        let id = opened(&x, &buyers[1], &late, "PRANK", "BOGUS_NAME").await;
        assert_eq!(accept(&x, &seller, &id).await, "REFUNDED");
        assert_eq!(available(&x, &buyers).await, [1_000, 1_000]);
        let sums = x.app.store.balances_by_kind().await.unwrap();
        assert_eq!((sums["FEES"], sums["LOSSES"]), (0, -70), "the exchange bears what it had paid out");
        assert_clean(&x).await;
    }

    async fn siblings_of_a_fake_lead_are_reviewed_and_a_confirmed_ring_is_proof(x: Exchange) {
        let arbiter = x.arbiter().await;
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 4, 1_000).await;
        let mut stalls = Vec::new();
        for _ in 0..4 {
            stalls.push(place(&x, &seller, 1).await);
        }
        same_device(&x, &stalls).await;
        let mut trades = Vec::new();
        for (buyer, stall) in buyers.iter().zip(&stalls) {
            trades.push(sell(&x.app, *stall, buyer.org(), 1_000).await.unwrap());
        }
        let withdrawn = opened(&x, &buyers[3], &trades[3], "STALE", "RESUBMITTED").await;
        let id = opened(&x, &buyers[0], &trades[0], "HIRED", "PAID_TO_FILL").await;
        assert_eq!(accept(&x, &seller, &id).await, "REFUNDED");
        let mine = "query { disputes { edges { node { id status openedByExchange } } } }";
        let reviews = async |buyer: &Actor| buyer.run(&x, mine, json!({})).await["disputes"]["edges"].clone();
        let review = reviews(&buyers[1]).await[0]["node"].clone();
        assert_eq!((review["status"].clone(), review["openedByExchange"].clone()), (json!("UNDER_REVIEW"), json!(true)));
        assert_eq!(reviews(&buyers[3]).await.as_array().unwrap().len(), 1, "{withdrawn} is under way already");
        let review_id = review["id"].as_str().unwrap();
        rule(&x, &arbiter, review_id, 0).await;
        x.clock.advance_secs(72 * HOUR);
        tick(&x).await;
        let tally = x.app.store.tally(buyers[1].org(), TradeParty::Buyer).await.unwrap();
        assert_eq!(tally, Tally::default(), "who claimed nothing is not judged");
        let sixth = place(&x, &seller, 1).await;
        same_device(&x, &[sixth]).await;
        fund(&x.app, buyers[1].org(), 1_000).await;
        let trade = sell(&x.app, sixth, buyers[1].org(), 1_000).await.unwrap();
        let answer = buyers[1].run(&x, OPEN, json!({ "input": claim(&trade, "BOT", "MASS_SUBMISSION") })).await;
        assert_eq!(answer["disputeOpen"]["dispute"]["proof"], "CONFIRMED_RING");
        assert_eq!(answer["disputeOpen"]["dispute"]["status"], "REFUNDED");
        assert_clean(&x).await;
    }

    async fn a_review_is_no_claim_of_the_buyer_and_a_claim_no_review(x: Exchange) {
        let arbiter = x.arbiter().await;
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 3, 1_000).await;
        let mut stalls = Vec::new();
        for _ in 0..3 {
            stalls.push(place(&x, &seller, 1).await);
        }
        same_device(&x, &stalls).await;
        let mut trades = Vec::new();
        for (buyer, stall) in buyers.iter().zip(&stalls) {
            trades.push(sell(&x.app, *stall, buyer.org(), 1_000).await.unwrap());
        }
        let given_up = opened(&x, &buyers[2], &trades[2], "STALE", "RESUBMITTED").await;
        let input = json!({ "input": { "disputeId": given_up, "idempotencyKey": "w" } });
        buyers[2].run(&x, WITHDRAW, input).await;
        let id = opened(&x, &buyers[0], &trades[0], "HIRED", "PAID_TO_FILL").await;
        accept(&x, &seller, &id).await;
        let mine = "query ($id: ID!) { dispute(tradeId: $id) { id status openedByExchange } }";
        let latest = async |n: usize| buyers[n].run(&x, mine, json!({ "id": trades[n].id.to_string() })).await["dispute"].clone();
        for n in [1, 2] {
            let review = latest(n).await;
            assert_eq!((review["status"].clone(), review["openedByExchange"].clone()), (json!("UNDER_REVIEW"), json!(true)), "{n}");
            rule(&x, &arbiter, review["id"].as_str().unwrap(), 0).await;
        }
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 2);
        let own = opened(&x, &buyers[1], &trades[1], "STALE", "RESUBMITTED").await;
        assert_eq!(latest(1).await, json!({ "id": own, "status": "OPEN", "openedByExchange": false }));
        let again = buyers[2].run(&x, OPEN, json!({ "input": claim(&trades[2], "PRANK", "BOGUS_NAME") })).await;
        assert_ne!(again["disputeOpen"]["userErrors"], json!([]), "its own claim was withdrawn");
        assert_clean(&x).await;
    }

    async fn what_was_decided_before_a_class_refund_is_decided_anew(x: Exchange) {
        let arbiter = x.arbiter().await;
        let seller = x.organization("Seller").await;
        let buyers = buyers(&x, 3, 1_000).await;
        let place = place(&x, &seller, 3).await;
        let mut trades = Vec::new();
        for buyer in &buyers {
            trades.push(sell(&x.app, place, buyer.org(), 1_000).await.unwrap());
        }
        for (n, percent) in [(0, 0), (1, 30)] {
            let id = opened(&x, &buyers[n], &trades[n], "OUT_OF_CRITERIA", "WRONG_REGION").await;
            let answer = json!({ "disputeId": id, "answer": "CONTEST", "statement": "no", "idempotencyKey": format!("contest {id}") });
            seller.run(&x, RESPOND, json!({ "input": answer })).await;
            rule(&x, &arbiter, &id, percent).await;
        }
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 2);
        let tally = async |who: &Actor, side| x.app.store.tally(who.org(), side).await.unwrap();
        assert_eq!(tally(&buyers[0], TradeParty::Buyer).await, Tally { trades: 0, upheld: 0, rejected: 100 });
        assert_eq!(tally(&seller, TradeParty::Seller).await, Tally { trades: 1, upheld: 30, rejected: 170 });
        assert_eq!(available(&x, &buyers).await, [0, 300, 0]);
        let id = opened(&x, &buyers[2], &trades[2], "BOT", "GIBBERISH_ANSWERS").await;
        assert_eq!(accept(&x, &seller, &id).await, "REFUNDED");
        assert_eq!(available(&x, &buyers).await, [1_000, 1_000, 1_000]);
        for buyer in &buyers {
            assert_eq!(tally(buyer, TradeParty::Buyer).await, Tally { trades: 0, upheld: 100, rejected: 0 });
        }
        assert_eq!(tally(&seller, TradeParty::Seller).await, Tally { trades: 3, upheld: 300, rejected: 0 });
        assert_clean(&x).await;
    }

    async fn claims_made_at_once_do_not_slip_under_the_cap(x: Exchange) {
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        fund(&x.app, buyer.org(), 20_000).await;
        let mut trades = Vec::new();
        for _ in 0..20 {
            let place = place(&x, &seller, 1).await;
            trades.push(sell(&x.app, place, buyer.org(), 1_000).await.unwrap());
        }
        let open = async |n: usize| {
            let input = json!({ "input": claim(&trades[n], "STALE", "OLDER_THAN_LISTED") });
            buyer.run(&x, OPEN, input).await["disputeOpen"]["dispute"].is_object()
        };
        let opened = futures::future::join_all((0..8).map(open)).await;
        assert_eq!(opened.into_iter().filter(|opened| *opened).count(), 3, "15% of 20");
    }

    async fn missing_consent_refunds_at_once(x: Exchange) {
        let case = case(&x, 1_000).await;
        x.tamper("UPDATE lead SET consent = 'null'").await.unwrap();
        let answer = case.buyer.run(&x, OPEN, json!({ "input": claim(&case.trade, "NO_CONSENT", "DID_NOT_ASK") })).await;
        let dispute = &answer["disputeOpen"]["dispute"];
        assert_eq!((dispute["status"].clone(), dispute["proof"].clone()), (json!("REFUNDED"), json!("CONSENT_MISSING")));
        assert_eq!(dispute["refundCause"], "AUTOMATIC_PROOF");
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_clean(&x).await;
    }

    async fn the_return_cap_bites_above_its_share(x: Exchange) {
        let seller = x.organization("Seller").await;
        let buyer = x.organization("Buyer").await;
        fund(&x.app, buyer.org(), 20_000).await;
        let mut trades = Vec::new();
        for _ in 0..20 {
            let place = place(&x, &seller, 1).await;
            trades.push(sell(&x.app, place, buyer.org(), 1_000).await.unwrap());
        }
        for trade in &trades[..3] {
            opened(&x, &buyer, trade, "STALE", "OLDER_THAN_LISTED").await;
        }
        let before = x.row_counts().await;
        let fourth = async || buyer.run(&x, OPEN, json!({ "input": claim(&trades[3], "STALE", "OLDER_THAN_LISTED") })).await["disputeOpen"].clone();
        let refused = fourth().await;
        assert_eq!((refused["userErrors"][0]["code"].clone(), refused["userErrors"][0]["path"].clone()), (json!("REQUIRED"), json!(["evidence"])));
        assert_eq!(x.row_counts().await, before);
        let call = json!({ "tradeId": trades[3].id.to_string(), "at": x.app.now(), "durationSecs": 0, "disposition": "BUSY" });
        buyer.run(&x, CALL, json!({ "input": call })).await;
        assert_eq!(fourth().await["dispute"]["status"], "OPEN");
        x.tamper("UPDATE lead SET consent = 'null'").await.unwrap();
        let proved = buyer.run(&x, OPEN, json!({ "input": claim(&trades[4], "NO_CONSENT", "DID_NOT_ASK") })).await;
        assert_eq!(proved["disputeOpen"]["dispute"]["status"], "REFUNDED", "a proof needs no evidence");
    }

    async fn reputation_moves_with_each_decision(x: Exchange) {
        let arbiters = [x.arbiter().await];
        let case = case(&x, 1_000).await;
        let of = async |who: &Actor| case.buyer.run(&x, REPUTATION, json!({ "id": who.org().to_string() })).await["reputation"].clone();
        let newcomer = of(&case.buyer).await;
        assert_eq!(newcomer, json!({ "standing": "NEW", "sold": 0, "badSales": { "expectedBp": 500 }, "bidderWeightBp": 9000,
            "unfoundedDisputes": { "expectedBp": 1000, "lowBp": 56, "highBp": 2831 } }));
        let id = case.open(&x).await;
        case.respond(&x, &id, "CONTEST", Some("no")).await;
        rule(&x, in_charge(&x, &arbiters, &id).await, &id, 30).await;
        assert_eq!(of(&case.buyer).await, newcomer, "not before it is final");
        x.clock.advance_secs(48 * HOUR);
        tick(&x).await;
        let buyer = of(&case.buyer).await;
        assert_eq!(buyer["bidderWeightBp"], 8000, "1.70 of 11 unfounded leaves 8455, in steps of 500");
        let seller = of(&case.seller).await;
        assert_eq!((seller["sold"].clone(), seller["badSales"]["expectedBp"].clone()), (json!(1), json!(619)));
    }
}
