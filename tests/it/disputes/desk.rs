//! The arbiter's desk: who gets a case, who sees it, two arbiters for a large price.

use domain::id::{MembershipId, SessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use store::WriteError;
use store::entity::{membership, organization, session};

use super::case::{HOUR, RESPOND, case, in_charge, opened, place, rule, tick};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, fund, sell};

const INSPECT: &str = "mutation ($input: DeskDisputeInput!) { disputeInspect(input: $input) {
    case { price { amount } entries { kind side text } calls { id } facts { consent siblings } } userErrors { code path } } }";
const RECUSE: &str = "mutation ($input: DeskDisputeInput!) { disputeRecuse(input: $input) {
    dispute { status dueAt } userErrors { code path } } }";
const CONFIRM: &str = "mutation ($input: DisputeConfirmInput!) { disputeConfirm(input: $input) {
    dispute { status } userErrors { code path } } }";

/// Makes the arbiter a member of the actor's organization too.
async fn joins(x: &Exchange, arbiter: &Actor, of: &Actor) {
    let (id, now): (MembershipId, _) = (x.app.store.id(), x.app.store.now());
    let row = membership::ActiveModel {
        id: Set(id.0),
        organization_id: Set(of.org().0),
        user_id: Set(arbiter.user.0),
        role: Set("AGENT".into()),
        created_at: Set(now),
        version: Set(0),
    };
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("join", move |tx| {
            let row = row.clone();
            async move {
                membership::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

/// Makes `by` the referrer of the actor's organization.
async fn referred(x: &Exchange, who: &Actor, by: &Actor) {
    let (id, referrer) = (who.org(), by.org());
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("refer", move |tx| async move {
            organization::Entity::update_many()
                .col_expr(organization::Column::ReferrerId, Expr::value(referrer.0))
                .filter(organization::Column::Id.eq(id.0))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await;
    done.unwrap();
}

/// A session in which the arbiter acted for the actor's organization, of which it is no member any more.
async fn worked_for(x: &Exchange, arbiter: &Actor, of: &Actor) {
    let (id, now): (SessionId, _) = (x.app.store.id(), x.app.store.now());
    let row = session::ActiveModel {
        id: Set(id.0),
        user_id: Set(arbiter.user.0),
        organization_id: Set(Some(of.org().0)),
        staff_role: Set(None),
        created_at: Set(now),
        last_used_at: Set(now),
        expires_at: Set(now),
        revoked_at: Set(Some(now)),
        revoked_reason: Set(None),
    };
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("session", move |tx| {
            let row = row.clone();
            async move {
                session::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

async fn contested(x: &Exchange, case: &super::case::Case) -> String {
    let id = case.open(x).await;
    assert_eq!(case.respond(x, &id, "CONTEST", Some("no")).await["dispute"]["status"], "UNDER_REVIEW");
    id
}

fn of(id: &str) -> Value {
    json!({ "input": { "disputeId": id } })
}

on_each_backend! {
    async fn nobody_tied_to_a_party_gets_the_case(x: Exchange) {
        let arbiters: Vec<Actor> = vec![x.arbiter().await, x.arbiter().await, x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let friend = x.organization("Friend").await;
        joins(&x, &arbiters[0], &case.buyer).await;
        joins(&x, &arbiters[1], &case.seller).await;
        joins(&x, &arbiters[2], &friend).await;
        referred(&x, &case.seller, &friend).await;
        let id = contested(&x, &case).await;
        assert_eq!(in_charge(&x, &arbiters, &id).await.user, arbiters[3].user);
        let gone = arbiters[3].run(&x, RECUSE, of(&id)).await["disputeRecuse"].clone();
        assert_eq!(gone["dispute"]["status"], "UNDER_REVIEW");
        for arbiter in &arbiters {
            assert_eq!(rule(&x, arbiter, &id, 0).await["userErrors"][0]["code"], "NOT_FOUND", "nobody is left");
        }
        x.clock.advance_secs(72 * HOUR);
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.see(&x, &id).await["ruling"]["byEvidence"], true);
    }

    async fn who_bought_the_same_lead_is_a_party_too(x: Exchange) {
        let (seller, first, second) = (x.organization("Seller").await, x.organization("First").await, x.organization("Second").await);
        fund(&x.app, first.org(), 1_000).await;
        fund(&x.app, second.org(), 1_000).await;
        let place = place(&x, &seller, 2).await;
        let trade = sell(&x.app, place, first.org(), 1_000).await.unwrap();
        sell(&x.app, place, second.org(), 1_000).await.unwrap();
        let arbiters = [x.arbiter().await, x.arbiter().await];
        joins(&x, &arbiters[0], &second).await;
        let id = opened(&x, &first, &trade, "MISTAKE", "WRONG_PERSON").await;
        let answer = json!({ "disputeId": id, "answer": "CONTEST", "statement": "no", "idempotencyKey": "a" });
        seller.run(&x, RESPOND, json!({ "input": answer })).await;
        assert_eq!(in_charge(&x, &arbiters, &id).await.user, arbiters[1].user);
    }

    async fn a_tie_of_later_takes_the_case_away(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let id = contested(&x, &case).await;
        let first = in_charge(&x, &arbiters, &id).await;
        joins(&x, first, &case.seller).await;
        assert_eq!(rule(&x, first, &id, 0).await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["disputeId"] }]));
        let second = in_charge(&x, &arbiters, &id).await;
        assert_ne!(second.user, first.user);
        joins(&x, second, &case.buyer).await;
        assert_eq!(second.run(&x, INSPECT, of(&id)).await["disputeInspect"]["userErrors"][0]["code"], "NOT_FOUND");
        let third = in_charge(&x, &arbiters, &id).await;
        assert_eq!(rule(&x, third, &id, 0).await["dispute"]["status"], "REJECTED");
        let kinds = x.dump(&["dispute_entry"]).await.lines().filter(|row| row.contains("RECUSED")).count();
        assert_eq!(kinds, 2, "each went without being asked");
    }

    async fn who_worked_for_a_party_once_is_tied_to_it(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        worked_for(&x, &arbiters[0], &case.seller).await;
        let id = contested(&x, &case).await;
        assert_eq!(in_charge(&x, &arbiters, &id).await.user, arbiters[1].user);
    }

    async fn an_arbiter_sees_its_case_and_each_look_is_logged(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 1_000).await;
        let id = contested(&x, &case).await;
        let chosen = in_charge(&x, &arbiters, &id).await;
        let other = arbiters.iter().find(|arbiter| arbiter.user != chosen.user).unwrap();
        let before = x.row_counts().await;
        assert_eq!(other.run(&x, INSPECT, of(&id)).await["disputeInspect"]["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["disputeId"] }]));
        let party = case.buyer.execute(&x, INSPECT, of(&id)).await;
        assert_eq!(party["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(x.row_counts().await, before);
        let seen = chosen.run(&x, INSPECT, of(&id)).await["disputeInspect"]["case"].clone();
        assert_eq!(seen["price"]["amount"], "10.00");
        assert_eq!(seen["facts"], json!({ "consent": "MATCHES", "siblings": 0 }));
        let texts: Vec<_> = seen["entries"].as_array().unwrap().iter().map(|e| json!([e["kind"], e["side"], e["text"]])).collect();
        assert_eq!(json!(texts), json!([
            ["OPENED", "BUYER", null],
            ["STATEMENT", "BUYER", "it is not what was listed"],
            ["STATEMENT", "SELLER", "no"],
            ["CONTESTED", "SELLER", null],
            ["ASSIGNED", "EXCHANGE", null],
            ["SEEN", "ARBITER", null],
        ]));
        let sealed = x.tamper("UPDATE dispute_entry SET kind = 'X'").await;
        assert!(sealed.is_err(), "history is only added to");
    }

    async fn a_large_price_takes_a_second_arbiter_and_a_third_when_they_differ(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await, x.arbiter().await];
        let case = case(&x, 100_001).await;
        let id = contested(&x, &case).await;
        let first = in_charge(&x, &arbiters, &id).await;
        assert_eq!(rule(&x, first, &id, 100).await["dispute"]["status"], "UNDER_REVIEW");
        let second = in_charge(&x, &arbiters, &id).await;
        assert_ne!(second.user, first.user);
        assert_eq!(rule(&x, second, &id, 0).await["userErrors"][0]["code"], "WRONG_STATE", "it is to confirm");
        let declined = json!({ "input": { "disputeId": id, "agrees": false, "idempotencyKey": "c" } });
        assert_eq!(second.run(&x, CONFIRM, declined).await["disputeConfirm"]["dispute"]["status"], "UNDER_REVIEW");
        let third = in_charge(&x, &arbiters, &id).await;
        assert!(third.user != first.user && third.user != second.user);
        assert_eq!(rule(&x, third, &id, 50).await["dispute"]["status"], "SPLIT");
        x.clock.advance_secs(48 * HOUR);
        assert_eq!(tick(&x).await, 1);
        assert_eq!(case.money(&x).await, (50_000, 45_001, 0));
        assert_clean(&x).await;
    }

    async fn two_arbiters_who_agree_rule_together(x: Exchange) {
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let case = case(&x, 100_001).await;
        let id = contested(&x, &case).await;
        rule(&x, in_charge(&x, &arbiters, &id).await, &id, 100).await;
        let agreed = json!({ "input": { "disputeId": id, "agrees": true, "idempotencyKey": "c" } });
        let second = in_charge(&x, &arbiters, &id).await;
        assert_eq!(second.run(&x, CONFIRM, agreed.clone()).await["disputeConfirm"]["dispute"]["status"], "UPHELD");
        assert_eq!(second.run(&x, CONFIRM, agreed).await["disputeConfirm"]["dispute"]["status"], "UPHELD", "the same key");
        assert_eq!(case.see(&x, &id).await["ruling"], json!({ "refundPercent": 100, "byEvidence": false, "confirmed": true }));
    }
}
