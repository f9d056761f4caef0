//! Every path of a dispute, with exact money at its end.

use serde_json::{Value, json};

use super::case::{CALL, Case, DISPUTE, HOUR, OPEN, WITHDRAW, case, claim, in_charge, lead_state, opened, place, rule, tick};
use crate::harness::{Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, fund, sell};

async fn released(x: &Exchange) {
    x.app.store.trades_advance(10).await.unwrap();
}

async fn reviewed(x: &Exchange, case: &Case) -> String {
    let id = case.open(x).await;
    assert_eq!(case.respond(x, &id, "CONTEST", Some("he answered us")).await["dispute"]["status"], "UNDER_REVIEW");
    id
}

on_each_backend! {
    async fn the_seller_accepts(x: Exchange) {
        let case = case(&x, 999).await;
        let id = case.open(&x).await;
        assert_eq!(case.money(&x).await, (0, 0, 999));
        let answer = case.respond(&x, &id, "ACCEPT", None).await;
        assert_eq!(answer["dispute"]["status"], "REFUNDED");
        assert_eq!(answer["dispute"]["refundCause"], "SELLER_ACCEPTED");
        assert_eq!(case.money(&x).await, (999, 0, 0));
        assert_eq!(lead_state(&x, case.lead).await, "QUARANTINED");
        let before = x.row_counts().await;
        assert_eq!(case.respond(&x, &id, "ACCEPT", None).await, answer, "the same key answers the same");
        assert_eq!(x.row_counts().await, before);
        assert_clean(&x).await;
    }

    async fn the_sellers_silence_refunds_on_time_after_a_restart(x: Exchange) {
        let case = case(&x, 1_000).await;
        let id = case.open(&x).await;
        x.clock.advance_secs(48 * HOUR - 1);
        assert_eq!(tick(&x).await, 0);
        assert_eq!(case.see(&x, &id).await["status"], "OPEN");
        x.clock.advance_secs(1);
        assert_eq!(case.respond(&x, &id, "CONTEST", Some("late")).await["userErrors"][0]["code"], "OUTSIDE_WINDOW");
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.see(&x, &id).await["refundCause"], "SELLER_SILENT");
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_eq!(tick(&x).await, 0);
        assert_clean(&x).await;
    }

    async fn contesting_takes_evidence(x: Exchange) {
        let case = case(&x, 999).await;
        let id = case.open(&x).await;
        let before = x.row_counts().await;
        let bare = case.respond(&x, &id, "CONTEST", None).await;
        assert_eq!(bare["userErrors"], json!([{ "code": "REQUIRED", "path": ["evidence"] }]));
        assert_eq!(x.row_counts().await, before);
    }

    async fn an_arbiters_split_stands_when_nobody_appeals(x: Exchange) {
        let arbiter = x.arbiter().await;
        let case = case(&x, 999).await;
        let id = reviewed(&x, &case).await;
        assert_eq!(rule(&x, &arbiter, &id, 101).await["userErrors"], json!([{ "code": "INVALID", "path": ["refundPercent"] }]));
        assert_eq!(rule(&x, &arbiter, &id, 30).await["dispute"]["status"], "SPLIT");
        assert_eq!(case.money(&x).await, (0, 0, 999), "an appeal is possible");
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.see(&x, &id).await["ruling"], json!({ "refundPercent": 30, "byEvidence": false, "confirmed": false }));
        assert_eq!(case.money(&x).await, (299, 630, 0), "700 to the seller's side, less 10%");
        assert_eq!(lead_state(&x, case.lead).await, "VERIFIED");
        assert_clean(&x).await;
    }

    async fn a_rejected_claim_lets_the_hold_go_on(x: Exchange) {
        let arbiter = x.arbiter().await;
        let case = case(&x, 1_000).await;
        x.clock.advance_secs(2 * DAY);
        let id = reviewed(&x, &case).await;
        rule(&x, &arbiter, &id, 0).await;
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.see(&x, &id).await["status"], "FINAL");
        x.clock.advance_secs(6 * DAY - 1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 0, 1_000), "a day had run of seven");
        x.clock.advance_secs(1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 900, 0));
        assert_clean(&x).await;
    }

    async fn a_silent_arbiter_costs_the_exchange_its_commission(x: Exchange) {
        let _arbiter = x.arbiter().await;
        let case = case(&x, 1_000).await;
        let id = reviewed(&x, &case).await;
        x.clock.advance_secs(72 * HOUR - 1);
        assert_eq!(tick(&x).await, 0);
        x.clock.advance_secs(1);
        assert_eq!(tick(&x).await, 1);
        let seen = case.see(&x, &id).await;
        assert_eq!(seen["status"], "REJECTED", "a bare claim against a statement");
        assert_eq!(seen["ruling"], json!({ "refundPercent": 0, "byEvidence": true, "confirmed": false }));
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 1);
        x.clock.advance_secs(8 * DAY);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 1_000, 0));
        assert_clean(&x).await;
    }

    async fn where_nobody_has_read_a_word_more_words_are_an_appeal(x: Exchange) {
        let case = case(&x, 1_000).await;
        let id = reviewed(&x, &case).await;
        x.clock.advance_secs(72 * HOUR);
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.see(&x, &id).await["ruling"]["byEvidence"], true);
        let appealed = case.appeal_in_words(&x, &case.buyer, &id, Some("read this")).await;
        assert_eq!(appealed["dispute"]["status"], "UNDER_REVIEW");
    }

    async fn a_call_logged_since_the_ruling_is_new(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let call = async || {
            let input = json!({ "tradeId": case.trade.id.to_string(), "at": x.app.now(), "durationSecs": 0, "disposition": "OUT_OF_SERVICE" });
            case.buyer.run(&x, CALL, json!({ "input": input })).await;
        };
        call().await;
        let id = reviewed(&x, &case).await;
        rule(&x, in_charge(&x, &arbiters, &id).await, &id, 0).await;
        assert_eq!(case.appeal_in_words(&x, &case.buyer, &id, Some("he is wrong")).await["userErrors"][0]["code"], "REQUIRED");
        x.clock.advance_secs(HOUR);
        call().await;
        assert_eq!(case.appeal_in_words(&x, &case.buyer, &id, Some("we called again")).await["dispute"]["status"], "UNDER_REVIEW");
    }

    async fn without_any_arbiter_the_evidence_decides(x: Exchange) {
        let case = case(&x, 1_000).await;
        let id = reviewed(&x, &case).await;
        assert_eq!(tick(&x).await, 0, "nobody to assign");
        let late = x.arbiter().await;
        assert_eq!(tick(&x).await, 1, "an arbiter has come");
        assert_eq!(rule(&x, &late, &id, 100).await["dispute"]["status"], "UPHELD");
    }

    async fn a_review_that_cannot_be_assigned_holds_up_no_deadline(x: Exchange) {
        let (broken, sound) = (case(&x, 1_000).await, case(&x, 1_000).await);
        reviewed(&x, &broken).await;
        let id = sound.open(&x).await;
        x.tamper("UPDATE dispute SET body = '{}' WHERE state = 'UNDER_REVIEW'").await.unwrap();
        x.clock.advance_secs(48 * HOUR);
        assert!(api::app::dispute::disputes_advance(&x.app).await.is_err(), "the worker is told");
        assert_eq!(sound.see(&x, &id).await["refundCause"], "SELLER_SILENT");
        assert_eq!(sound.money(&x).await, (1_000, 0, 0));
    }

    async fn an_appeal_goes_to_another_arbiter_once(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let id = reviewed(&x, &case).await;
        let first = in_charge(&x, &arbiters, &id).await;
        rule(&x, first, &id, 0).await;
        let before = x.row_counts().await;
        assert_eq!(case.appeal_in_words(&x, &case.seller, &id, Some("more")).await["userErrors"][0]["code"], "WRONG_STATE");
        for words in [None, Some("he is wrong")] {
            let bare = case.appeal_in_words(&x, &case.buyer, &id, words).await;
            assert_eq!(bare["userErrors"], json!([{ "code": "REQUIRED", "path": ["evidence"] }]), "{words:?}");
        }
        assert_eq!(x.row_counts().await, before);
        x.clock.advance_secs(48 * HOUR - 1);
        let appealed = case.appeal(&x, &case.buyer, &id).await;
        assert_eq!(appealed["dispute"], json!({ "id": id, "status": "UNDER_REVIEW", "appealedRuling": { "refundPercent": 0 } }));
        let second = in_charge(&x, &arbiters, &id).await;
        assert_ne!(first.user, second.user);
        assert_eq!(rule(&x, first, &id, 100).await["userErrors"][0]["code"], "NOT_FOUND");
        assert_eq!(rule(&x, second, &id, 100).await["dispute"]["status"], "FINAL");
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_eq!(case.appeal(&x, &case.seller, &id).await["userErrors"][0]["code"], "WRONG_STATE");
        assert_clean(&x).await;
    }

    async fn a_withdrawn_claim_leaves_what_was_left_of_the_hold(x: Exchange) {
        let case = case(&x, 1_000).await;
        x.clock.advance_secs(3 * DAY);
        let id = case.open(&x).await;
        x.clock.advance_secs(DAY);
        let input = json!({ "input": { "disputeId": id, "idempotencyKey": "w" } });
        assert_eq!(case.seller.run(&x, WITHDRAW, input.clone()).await["disputeWithdraw"]["userErrors"][0]["code"], "WRONG_STATE");
        let input = json!({ "input": { "disputeId": id, "idempotencyKey": "w2" } });
        assert_eq!(case.buyer.run(&x, WITHDRAW, input).await["disputeWithdraw"]["dispute"]["status"], "WITHDRAWN");
        let again = case.buyer.run(&x, OPEN, json!({ "input": { "tradeId": case.trade.id.to_string(), "claim": "PRANK",
            "detail": "BOGUS_NAME", "idempotencyKey": "again" } })).await;
        assert_eq!(again["disputeOpen"]["userErrors"][0]["code"], "WRONG_STATE", "once per trade");
        x.clock.advance_secs(5 * DAY - 1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 0, 1_000));
        x.clock.advance_secs(1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 900, 0));
        assert_clean(&x).await;
    }

    async fn a_claim_before_the_delivery_starts_no_clock(x: Exchange) {
        let case = case(&x, 1_000).await;
        x.clock.advance_secs(HOUR);
        let id = case.open(&x).await;
        x.clock.advance_secs(HOUR);
        let input = json!({ "input": { "disputeId": id, "idempotencyKey": "w" } });
        case.buyer.run(&x, WITHDRAW, input).await;
        let hold = x.app.store.trade_any(case.trade.id).await.unwrap().unwrap().hold;
        assert_eq!(hold, case.trade.hold, "it waits for the delivery as before");
        x.clock.advance_secs(8 * DAY - 2 * HOUR - 1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 0, 1_000));
        x.clock.advance_secs(1);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 900, 0));
    }

    async fn at_the_instant_of_release_a_claim_is_late(x: Exchange) {
        let case = case(&x, 1_000).await;
        let other = place(&x, &case.seller, 1).await;
        fund(&x.app, case.buyer.org(), 1_000).await;
        let second = sell(&x.app, other, case.buyer.org(), 1_000).await.unwrap();
        x.clock.advance_secs(8 * DAY - 1);
        opened(&x, &case.buyer, &second, "MISTAKE", "WRONG_PERSON").await;
        x.clock.advance_secs(1);
        let before = x.row_counts().await;
        let late = case.buyer.run(&x, OPEN, json!({ "input": claim(&case.trade, "MISTAKE", "WRONG_PERSON") })).await;
        assert_eq!(late["disputeOpen"]["dispute"], Value::Null);
        let error = &late["disputeOpen"]["userErrors"][0];
        assert_eq!((error["code"].clone(), error["path"].clone()), (json!("OUTSIDE_WINDOW"), json!(["tradeId"])));
        assert_eq!(x.row_counts().await, before);
        released(&x).await;
        assert_eq!(case.money(&x).await, (0, 900, 1_000), "one was released, the disputed one is held");
        assert_clean(&x).await;
    }

    async fn strangers_see_nothing_and_a_pretext_is_an_outcome(x: Exchange) {
        let case = case(&x, 1_000).await;
        let stranger = x.organization("Stranger").await;
        let before = x.row_counts().await;
        for who in [&stranger, &case.seller] {
            let answer = who.run(&x, OPEN, json!({ "input": claim(&case.trade, "MISTAKE", "WRONG_PERSON") })).await;
            assert_eq!(answer["disputeOpen"]["userErrors"][0]["code"], "NOT_FOUND");
        }
        let pretext = case.buyer.run(&x, OPEN, json!({ "input": claim(&case.trade, "NO_ANSWER", "WRONG_PERSON") })).await;
        let error = &pretext["disputeOpen"]["userErrors"][0];
        assert_eq!((error["code"].clone(), error["path"].clone()), (json!("INVALID"), json!(["claim"])));
        assert!(error["message"].as_str().unwrap().contains("outcomeRecord"));
        let unfit = case.buyer.run(&x, OPEN, json!({ "input": claim(&case.trade, "STALE", "WRONG_PERSON") })).await;
        assert_eq!(unfit["disputeOpen"]["userErrors"][0]["path"], json!(["detail"]));
        assert_eq!(x.row_counts().await, before);
        let id = case.open(&x).await;
        assert_eq!(stranger.run(&x, DISPUTE, json!({ "id": id })).await["dispute"], Value::Null);
        let answer = stranger.run(&x, WITHDRAW, json!({ "input": { "disputeId": id, "idempotencyKey": "w" } })).await;
        assert_eq!(answer["disputeWithdraw"]["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["disputeId"] }]));
    }
}
