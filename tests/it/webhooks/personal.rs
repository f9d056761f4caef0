//! Who a person is: told to the buyer who asks for it, while it is the buyer's to know, and kept nowhere.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::{LOCAL, attempts, create, deliver, deliveries, later};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{buy, listed, money};

/// What tells who the person is.
const PERSONAL: &[&str] = &["Kari", "Nordmann", "+4791200077", "kari.77@"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A lead of a real person bought by `buyer`; answers the trade's id.
async fn bought(x: &Exchange, seller: &Actor, buyer: &Actor) -> String {
    fund(&x.app, buyer.org(), 10_000).await;
    let lead = x.verified_lead(seller, 77).await.parse().unwrap();
    let listing = listed(x, seller, lead, 1, None, json!({ "fixed": { "exclusivePrice": money("10.00") } })).await;
    let payload = buy(x, buyer, &listing, "EXCLUSIVE", "buy").await;
    assert_eq!(payload["userErrors"], json!([]));
    payload["trade"]["id"].as_str().unwrap().to_owned()
}

async fn trade(x: &Exchange, who: &Actor, id: &str) -> Value {
    who.run(x, "query ($id: ID!) { trade(id: $id) { state deliveredAt } }", json!({ "id": id })).await["trade"].clone()
}

on_each_backend! {
    async fn the_buyer_who_asks_is_told_and_the_hold_begins_when_it_arrives(x: Exchange) {
        let x = x.with(LOCAL).await;
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone()).finish();
        let _listening = tracing::subscriber::set_default(lines);
        x.verticals().await;
        let (seller, buyer, at) = (x.organization("Seller").await, x.organization("Buyer").await, Receiver::start().await);
        for (who, path, contact) in [(&buyer, "/asks", true), (&buyer, "/does-not", false), (&seller, "/seller", true)] {
            assert_eq!(create(&x, who, &at.url(path), &["*"], contact).await["userErrors"], json!([]));
        }
        // The endpoint says again what it was told, which is not kept.
        at.does(|got| Reply::Status(if got.path == "/asks" { 500 } else { 200 }, got.text.clone()));
        let id = bought(&x, &seller, &buyer).await;
        let looks = x.count("contact_reveal").await;
        assert_eq!(deliver(&x).await, 3);
        assert_eq!(trade(&x, &buyer, &id).await, json!({ "state": "HELD", "deliveredAt": null }), "it has not arrived");
        assert_eq!(x.count("contact_reveal").await, looks + 1, "but it was sent");
        let got = at.taken();
        let with = |path: &str| got.iter().find(|got| got.path == path && got.body["type"] == "lead.delivered");
        let told = with("/asks").unwrap();
        assert_eq!(told.body["data"]["tradeId"], id);
        let contact = &told.body["data"]["contact"];
        assert_eq!((&contact["name"], &contact["phones"], &contact["emails"], &contact["age"]),
            (&json!("Kari Nordmann"), &json!(["+4791200077"]), &json!(["kari.77@fjelltur.no"]), &json!(41)));
        assert_eq!(with("/does-not").unwrap().body["data"].get("contact"), None);
        assert!(with("/seller").is_none());
        for got in got.iter().filter(|got| got.path != "/asks") {
            assert!(PERSONAL.iter().all(|text| !got.text.contains(text)), "{}", got.text);
        }
        at.does(|got| Reply::Status(200, got.text.clone()));
        later(&x, 6);
        assert_eq!(deliver(&x).await, 1);
        assert_eq!(trade(&x, &buyer, &id).await, json!({ "state": "HELD", "deliveredAt": "2026-03-02T09:00:06+00:00" }));
        assert_eq!(x.count("contact_reveal").await, looks + 2);
        let reveals = seller.run(&x, "{ contactReveals { edges { node { tradeId organizationId } } } }", json!({})).await;
        assert_eq!(reveals["contactReveals"]["edges"], json!([]), "those of its leads are asked for by lead");
        let own = buyer.run(&x, "{ contactReveals { edges { node { tradeId } } } }", json!({})).await;
        assert_eq!(own["contactReveals"]["edges"].as_array().unwrap().iter().filter(|edge| edge["node"]["tradeId"] == id).count(), 2);
        for row in deliveries(&x, &buyer, ", eventType: \"lead.delivered\"").await {
            let log = attempts(&x, &buyer, &row["id"]).await;
            let quiet = log.iter().filter(|attempt| attempt["answer"].is_null()).count();
            assert!(quiet == log.len() || quiet == 0);
        }
        let kept = x.dump(store::TABLES).await;
        for text in PERSONAL {
            assert!(!kept.contains(text), "the database holds {text}");
            assert!(!String::from_utf8_lossy(&log.0.lock().unwrap()).contains(text), "the log holds {text}");
        }
    }

    async fn after_a_refund_nobody_is_told_any_more(x: Exchange) {
        let x = x.with(LOCAL).await;
        x.verticals().await;
        let (seller, buyer, at) = (x.organization("Seller").await, x.organization("Buyer").await, Receiver::start().await);
        create(&x, &buyer, &at.url("/"), &["lead.delivered"], true).await;
        at.answers(500, "");
        let id = bought(&x, &seller, &buyer).await;
        deliver(&x).await;
        at.taken();
        let refunded = id.parse().unwrap();
        let done: Result<(), store::WriteError> =
            x.app.store.write("refund", move |tx| async move { store::trades::trade_refund(&tx, refunded).await.map(drop) }).await;
        done.unwrap();
        at.answers(200, "");
        let looks = x.count("contact_reveal").await;
        later(&x, 6);
        assert_eq!(deliver(&x).await, 1);
        let got = at.taken().remove(0);
        assert_eq!(got.body["data"]["contact"], Value::Null);
        assert!(PERSONAL.iter().all(|text| !got.text.contains(text)));
        assert_eq!(x.count("contact_reveal").await, looks);
    }
}
