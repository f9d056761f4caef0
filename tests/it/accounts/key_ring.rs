//! A key ring that got a new key.

use std::sync::Arc;

use api::app::App;
use api::app::contact::contact_open;
use api::app::envelopes::envelopes_rewrap;
use api::ports::SeededEntropy;
use sea_orm::EntityTrait;
use store::entity::lead_contact;

use crate::harness::on_each_backend;

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
}
