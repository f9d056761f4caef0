//! The certificate of a form's lead, to those who argue about the lead.

use domain::access::{Permission, Principal, Role};
use domain::id::ApiKeyId;
use serde_json::{Value, json};

use super::{configured, content, filled, leads, published, serve, typed};
use crate::disputes::case::{OPEN, RESPOND, in_charge};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{buy, listed, money};

const CERTIFICATE: &str = "consentCertificate { id payload signature keyId }";

/// A lead that a hosted form brought, sold and disputed.
struct Quarrel {
    seller: Actor,
    buyer: Actor,
    dispute: String,
    /// What the seller sees at the lead.
    certificate: Value,
}

async fn quarrel(x: &mut Exchange) -> Quarrel {
    configured(x, |_| ());
    x.verticals().await;
    let (seller, buyer) = (x.organization("Agency").await, x.organization("Buyer").await);
    let url = serve(x).await;
    let form = published(x, &seller, content()).await;
    let typed_by_hand = json!({ "keys": 11, "pastes": 0, "focuses": 1, "changes": 0 });
    let report = json!({ "fields": { "name": typed_by_hand, "phone": typed_by_hand }, "focus_changes": 9, "pointers": 3, "millis": 58_000 });
    filled(x, &url, &form, typed(1), Some(report)).await.certificate();
    let lead = leads(x, &seller).await.pop().unwrap();
    assert_eq!(lead["state"], "VERIFIED");
    let terms = json!({ "fixed": { "exclusivePrice": money("10") } });
    let listing = listed(x, &seller, lead["id"].as_str().unwrap().parse().unwrap(), 1, None, terms).await;
    fund(&x.app, buyer.org(), 1_000).await;
    let trade = buy(x, &buyer, &listing, "EXCLUSIVE", "b").await["trade"]["id"].clone();
    let claim = json!({ "tradeId": trade, "claim": "MISTAKE", "detail": "WRONG_PERSON", "statement": "somebody else answers", "idempotencyKey": "o" });
    let opened = buyer.run(x, OPEN, json!({ "input": claim })).await["disputeOpen"].clone();
    assert_eq!(opened["userErrors"], json!([]));
    let query = format!("query ($id: ID!) {{ lead(id: $id) {{ {CERTIFICATE} }} }}");
    let certificate = seller.run(x, &query, json!({ "id": lead["id"] })).await["lead"]["consentCertificate"].clone();
    assert!(certificate["payload"].as_str().unwrap().contains("text_sha256"), "{certificate}");
    Quarrel { dispute: opened["dispute"]["id"].as_str().unwrap().to_owned(), seller, buyer, certificate }
}

/// Another identity of the actor's organization.
fn key(of: &Actor, scopes: &[Permission]) -> Actor {
    let principal = Principal::Key {
        key: ApiKeyId(uuid::Uuid::from_u128(7)),
        organization: of.org(),
        scopes: scopes.iter().copied().collect(),
    };
    Actor { principal, ..of.clone() }
}

on_each_backend! {
    async fn both_sides_of_a_dispute_see_what_was_certified_and_nobody_else_does(x: Exchange) {
        let mut x = x;
        let Quarrel { seller, buyer, dispute, certificate } = quarrel(&mut x).await;
        let query = format!("query ($id: ID!) {{ dispute(id: $id) {{ {CERTIFICATE} }} }}");
        let asked = async |who: &Actor| who.execute(&x, &query, json!({ "id": dispute })).await;
        let viewer = x.member(seller.org(), Role::Viewer).await;
        // It names nobody, so that everybody sees it who sees the dispute.
        for who in [&seller, &buyer, &viewer, &key(&buyer, &[Permission::TradesRead])] {
            assert_eq!(asked(who).await, json!({ "data": { "dispute": { "consentCertificate": certificate } } }));
        }
        assert_eq!(asked(&x.organization("Other").await).await, json!({ "data": { "dispute": null } }));
        for who in [key(&buyer, &[Permission::LeadsRead]), x.arbiter().await, x.operator().await] {
            assert_eq!(asked(&who).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
        let anonymous = x.anonymous(&query, json!({ "id": dispute })).await;
        assert_eq!(anonymous["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        // The buyer's way to the lead leads over the trade and the dispute alone.
        let lead = format!("query ($id: ID!) {{ lead(id: $id) {{ {CERTIFICATE} }} }}");
        let id = buyer.run(&x, "query ($id: ID!) { dispute(id: $id) { leadId } }", json!({ "id": dispute })).await["dispute"]["leadId"].clone();
        assert_eq!(buyer.execute(&x, &lead, json!({ "id": id })).await["data"]["lead"], Value::Null);
    }

    async fn the_arbiter_in_charge_sees_what_was_certified_and_no_other_does(x: Exchange) {
        let mut x = x;
        let Quarrel { seller, dispute, certificate, .. } = quarrel(&mut x).await;
        let arbiters = [x.arbiter().await, x.arbiter().await];
        let query = format!("mutation ($input: DeskDisputeInput!) {{ disputeInspect(input: $input) {{ case {{ {CERTIFICATE} }} userErrors {{ code }} }} }}");
        let asked = async |who: &Actor| who.execute(&x, &query, json!({ "input": { "disputeId": dispute } })).await;
        let nothing = json!({ "data": { "disputeInspect": { "case": null, "userErrors": [{ "code": "NOT_FOUND" }] } } });
        for arbiter in &arbiters {
            assert_eq!(asked(arbiter).await, nothing, "it is on nobody's desk yet");
        }
        let contest = json!({ "disputeId": dispute, "answer": "CONTEST", "statement": "she asked", "idempotencyKey": "c" });
        assert_eq!(seller.run(&x, RESPOND, json!({ "input": contest })).await["disputeRespond"]["userErrors"], json!([]));
        let mine = in_charge(&x, &arbiters, &dispute).await;
        let seen = json!({ "data": { "disputeInspect": { "case": { "consentCertificate": certificate }, "userErrors": [] } } });
        assert_eq!(asked(mine).await, seen);
        let other = arbiters.iter().find(|arbiter| arbiter.user != mine.user).unwrap();
        assert_eq!(asked(other).await, nothing);
        for who in [&seller, &x.operator().await] {
            assert_eq!(asked(who).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
    }
}
