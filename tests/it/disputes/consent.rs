//! A person takes consent back.

use api::app::trade::trades_advance;
use domain::id::{ConfirmationId, LeadId};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::{lead_confirmation, lead_key};
use store::trades::trade_deliver;

use super::case::{DISPUTE, case, lead_state, opened, place};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, fund, on_trade, sell};

const WITHDRAW: &str = "mutation ($input: ConsentWithdrawInput!) { consentWithdraw(input: $input) {
    leadId leadState refundedTrades userErrors { code path } } }";

/// A phone of the person, and a link that was sent to it.
async fn known(x: &Exchange, lead: LeadId, seller: &Actor, token: &str) {
    let (id, now): (ConfirmationId, _) = (x.app.store.id(), x.app.store.now());
    let key = lead_key::ActiveModel {
        lead_id: Set(lead.0),
        kind: Set("PHONE".into()),
        hash: Set(vec![9; 32]),
        seller_id: Set(seller.org().0),
        created_at: Set(now),
    };
    let link = lead_confirmation::ActiveModel {
        id: Set(id.0),
        lead_id: Set(lead.0),
        seller_id: Set(seller.org().0),
        channel: Set("PHONE".into()),
        code_hash: Set(vec![1; 32]),
        token_hash: Set(api::crypto::token_hash(token).to_vec()),
        attempts: Set(0),
        created_at: Set(now),
        expires_at: Set(now),
        confirmed_at: Set(None),
    };
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("known", move |tx| {
            let (key, link) = (key.clone(), link.clone());
            async move {
                lead_key::Entity::insert(key).exec_without_returning(tx.db()).await?;
                lead_confirmation::Entity::insert(link).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
}

/// The same input under an idempotency key.
fn keyed(mut input: Value, key: &str) -> Value {
    input["idempotencyKey"] = json!(key);
    input
}

on_each_backend! {
    async fn the_person_withdraws_by_link_and_what_was_not_delivered_is_undone(x: Exchange) {
        let case = case(&x, 1_000).await;
        known(&x, case.lead, &case.seller, "clc_secret").await;
        let withdraw = async |input: Value| x.anonymous(WITHDRAW, json!({ "input": keyed(input, "first") })).await;
        let wrong = withdraw(json!({ "token": "clc_other" })).await["data"]["consentWithdraw"].clone();
        assert_eq!(wrong["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["token"] }]));
        let denied = withdraw(json!({ "leadId": case.lead.to_string() })).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        let done = withdraw(json!({ "token": "clc_secret" })).await["data"]["consentWithdraw"].clone();
        assert_eq!((done["leadState"].clone(), done["refundedTrades"].clone()), (json!("ERASED"), json!(1)));
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_eq!((x.count("suppression").await, x.count("lead_contact").await, x.count("lead_key").await), (1, 0, 1));
        assert_eq!(withdraw(json!({ "token": "clc_secret" })).await["data"]["consentWithdraw"], done, "the same call");
        let before = x.row_counts().await;
        let again = x.anonymous(WITHDRAW, json!({ "input": keyed(json!({ "token": "clc_secret" }), "second") })).await;
        let again = again["data"]["consentWithdraw"].clone();
        assert_eq!((again["leadState"].clone(), again["refundedTrades"].clone()), (json!("ERASED"), json!(0)));
        let after = x.row_counts().await;
        let changed: Vec<_> = store::TABLES.iter().filter(|table| before[**table] != after[**table]).collect();
        assert_eq!(changed, [&"idempotency"]);
        assert_clean(&x).await;
    }

    async fn what_was_delivered_stays_sold_and_a_dispute_on_the_rest_is_overtaken(x: Exchange) {
        let seller = x.organization("Seller").await;
        let (first, second) = (x.organization("First").await, x.organization("Second").await);
        fund(&x.app, first.org(), 1_000).await;
        fund(&x.app, second.org(), 1_000).await;
        let place = place(&x, &seller, 2).await;
        let delivered = sell(&x.app, place, first.org(), 1_000).await.unwrap();
        on_trade!(x.app, trade_deliver, delivered.id).unwrap();
        let waiting = sell(&x.app, place, second.org(), 1_000).await.unwrap();
        let id = opened(&x, &second, &waiting, "STALE", "RESUBMITTED").await;
        let stranger = x.organization("Stranger").await;
        let input = json!({ "input": keyed(json!({ "leadId": place.lead.to_string() }), "k") });
        let before = x.row_counts().await;
        assert_eq!(stranger.run(&x, WITHDRAW, input.clone()).await["consentWithdraw"]["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["leadId"] }]));
        assert_eq!(x.row_counts().await, before);
        assert_eq!(seller.run(&x, WITHDRAW, input).await["consentWithdraw"]["refundedTrades"], 1);
        assert_eq!(lead_state(&x, place.lead).await, "ERASED");
        let seen = second.run(&x, DISPUTE, json!({ "id": id })).await["dispute"].clone();
        assert_eq!(seen["refundCause"], "CONSENT_WITHDRAWN");
        assert_eq!(x.app.store.trade_any(delivered.id).await.unwrap().unwrap().hold.state().as_str(), "HELD");
        assert_clean(&x).await;
    }

    async fn a_hold_that_ran_out_before_anybody_looked_is_refunded(x: Exchange) {
        let case = case(&x, 1_000).await;
        x.clock.advance_secs(30 * DAY);
        trades_advance(&x.app).await.unwrap();
        assert_eq!(case.money(&x).await, (0, 900, 0), "released");
        let input = keyed(json!({ "leadId": case.lead.to_string() }), "k");
        let done = case.seller.run(&x, WITHDRAW, json!({ "input": input })).await["consentWithdraw"].clone();
        assert_eq!((done["refundedTrades"].clone(), done["userErrors"].clone()), (json!(1), json!([])));
        assert_eq!(case.money(&x).await, (1_000, 0, 0));
        assert_clean(&x).await;
    }
}
