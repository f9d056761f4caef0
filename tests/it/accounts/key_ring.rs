//! A key ring that got a new key.

use std::sync::Arc;

use api::app::App;
use api::app::contact::contact_open;
use api::app::dispute::dispute_entries_many;
use api::app::envelopes::envelopes_rewrap;
use api::app::outcome::outcomes;
use api::ports::SeededEntropy;
use sea_orm::EntityTrait;
use serde_json::json;
use store::entity::lead_contact;

use crate::disputes::case::case;
use crate::harness::{caller, on_each_backend};
use crate::imports::put_for;

const RECORD: &str = "mutation ($input: OutcomeRecordInput!) { outcomeRecord(input: $input) { userErrors { code } } }";

on_each_backend! {
    async fn contacts_move_to_the_active_key_and_open_as_before(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        for n in 1..=3 {
            x.verified_lead(&seller, n).await;
        }
        assert_eq!(envelopes_rewrap(&x.app).await.unwrap(), 0);
        let rotated = x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap();
        let app = App { keys: Arc::new(rotated), ..(*x.app).clone() };
        let before = lead_contact::Entity::find().all(x.app.store.read()).await.unwrap();
        assert_eq!(envelopes_rewrap(&app).await.unwrap(), 3);
        assert_eq!(envelopes_rewrap(&app).await.unwrap(), 0);
        for old in before {
            let new = lead_contact::Entity::find_by_id(old.lead_id).one(app.store.read()).await.unwrap().unwrap();
            assert_eq!((old.key_id.as_str(), new.key_id.as_str(), &new.ciphertext), ("test", "next", &old.ciphertext));
            let names = |person: domain::lead::Sealed| serde_json::to_value(person).unwrap();
            assert_eq!(names(contact_open(&app.keys, &new).unwrap()), names(contact_open(&x.app.keys, &old).unwrap()));
            assert!(contact_open(&x.app.keys, &new).is_err(), "the old ring does not hold the new key");
        }
    }

    async fn what_is_written_about_people_and_files_move_to_the_active_key_too(x: Exchange) {
        let case = case(&x, 1_000).await;
        let trade = case.trade.id.to_string();
        let input = json!({ "tradeId": trade, "kind": "REFUSED_TO_BUY", "reason": "has one" });
        case.buyer.run(&x, RECORD, json!({ "input": input })).await;
        put_for(&x, &case.buyer, "EVIDENCE", "call.txt", b"nobody there").await;
        let dispute = case.open(&x).await;
        let entries = x.dump(&["outcome", "dispute_entry"]).await;
        let rotated = x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap();
        let app = App { keys: Arc::new(rotated), ..(*x.app).clone() };
        assert_eq!((envelopes_rewrap(&app).await.unwrap(), envelopes_rewrap(&app).await.unwrap()), (3, 0));
        assert_eq!(x.dump(&["outcome", "dispute_entry"]).await, entries, "histories are not touched");
        let caller = caller(case.buyer.principal.clone());
        let read = outcomes(&app, &caller, case.trade.id).await.unwrap();
        assert_eq!(read[0].outcome.reason(), Some("has one"));
        let id = dispute.parse().unwrap();
        let history = dispute_entries_many(&app, &caller, &[id]).await.unwrap().remove(&id).unwrap();
        let said = history.into_iter().find_map(|entry| entry.text);
        assert_eq!(said.as_deref(), Some("it is not what was listed"));
        assert!(!x.dump(&["dispute_entry"]).await.contains("wrapped_key"));
        assert!(outcomes(&x.app, &caller, case.trade.id).await.is_err(), "the old ring does not hold the new key");
    }
}
