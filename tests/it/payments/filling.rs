//! Wallets that fill themselves.

use serde_json::{Value, json};
use stripe_double::PaymentBehavior;

use super::till::Till;
use crate::harness::{Actor, on_each_backend};
use crate::ledger::market::{sell, stall};
use crate::wallet::eur;

const SET: &str = "mutation ($input: AutoTopUpSetInput!) { autoTopUpSet(input: $input) {
    autoTopUp { state reason cardId amount { amount } } userErrors { code path } } }";
const SHOWN: &str = "{ autoTopUps { state reason } topUps { edges { node { id state automatic url amount { amount } } } } }";

async fn set(till: &Till, who: &Actor, card: &str, max: &str) -> Value {
    let input = json!({ "threshold": eur("15"), "amount": eur("40"), "monthlyMax": eur(max), "cardId": card });
    who.run(&till.x, SET, json!({ "input": input })).await["autoTopUpSet"].clone()
}

async fn spend(till: &Till, who: &Actor, minor: i64) {
    let seller = till.x.organization("S").await;
    sell(&till.x.app, stall(&till.x, seller.org(), 1).await, who.org(), minor).await.unwrap();
}

on_each_backend! {
    async fn a_low_wallet_fills_itself_within_the_months_ceiling(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::Succeeds).await;
        assert_eq!(set(&till, &buyer, "pm_other", "80").await["userErrors"][0]["path"], json!(["cardId"]));
        assert_eq!(set(&till, &buyer, &card, "39").await["userErrors"][0]["path"], json!(["monthlyMax"]));
        assert_eq!(set(&till, &buyer, &card, "80").await["autoTopUp"]["state"], "ACTIVE");
        assert_eq!((till.fill().await, till.fill().await), (1, 0));
        assert_eq!(till.available(&buyer).await, "50.00");
        spend(&till, &buyer, 3_600).await;
        assert_eq!(till.fill().await, 1);
        assert_eq!(till.available(&buyer).await, "54.00");
        spend(&till, &buyer, 4_000).await;
        assert_eq!(till.fill().await, 0, "the month leaves no room");
        till.wait(30 * 86_400);
        assert_eq!(till.fill().await, 1, "the next month does");
        assert_eq!(till.available(&buyer).await, "54.00");
        till.hear().await;
        till.close().await;
    }

    async fn a_decline_pauses_it_until_it_is_set_again(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::Declined { decline_code: "expired_card".into() }).await;
        set(&till, &buyer, &card, "80").await;
        assert_eq!(till.fill().await, 1);
        let shown = buyer.run(&till.x, SHOWN, json!({})).await;
        assert_eq!(shown["autoTopUps"], json!([{ "state": "PAUSED", "reason": "expired_card" }]));
        assert_eq!(till.fill().await, 0);
        till.hear().await;
        assert_eq!(till.x.outbox.mail.take().last().unwrap().subject, "Your wallet could not be filled");
        till.double.set_payment_method(&card, PaymentBehavior::Succeeds).unwrap();
        set(&till, &buyer, &card, "80").await;
        assert_eq!(till.fill().await, 1);
        assert_eq!(till.available(&buyer).await, "50.00");
        till.hear().await;
        till.close().await;
    }

    async fn when_the_bank_asks_its_holder_is_mailed_the_way(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::RequiresAuthentication).await;
        set(&till, &buyer, &card, "80").await;
        assert_eq!(till.fill().await, 1);
        till.hear().await;
        till.work_after(1).await;
        till.hear().await;
        let node = buyer.run(&till.x, SHOWN, json!({})).await["topUps"]["edges"][0]["node"].clone();
        assert_eq!((&node["state"], &node["automatic"]), (&json!("AUTHENTICATION_REQUIRED"), &json!(true)));
        let url = node["url"].as_str().unwrap().to_owned();
        let mail = till.x.outbox.mail.take().last().unwrap().clone();
        assert!(mail.text.contains(&url), "{}", mail.text);
        assert_eq!(till.fill().await, 0, "one is under way");
        till.double.complete_authentication(url.rsplit('/').next().unwrap(), true).unwrap();
        till.hear().await;
        assert_eq!(till.available(&buyer).await, "50.00");
        till.close().await;
    }

    async fn a_card_that_is_removed_fills_nothing_until_another_is_set(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let card = till.card(&buyer, PaymentBehavior::Succeeds).await;
        set(&till, &buyer, &card, "80").await;
        let other = till.x.organization("Other").await;
        let remove = async |who: &Actor, card: &str| {
            let mutation = "mutation ($id: ID!) { savedCardRemove(input: { cardId: $id }) { card { id } userErrors { code path } } }";
            who.run(&till.x, mutation, json!({ "id": card })).await["savedCardRemove"].clone()
        };
        assert_eq!(remove(&other, &card).await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["cardId"] }]));
        assert_eq!(buyer.run(&till.x, SHOWN, json!({})).await["autoTopUps"][0]["state"], "ACTIVE");
        assert_eq!(remove(&buyer, &card).await, json!({ "card": { "id": card }, "userErrors": [] }));
        let paused = json!([{ "state": "PAUSED", "reason": "card_removed" }]);
        assert_eq!(buyer.run(&till.x, SHOWN, json!({})).await["autoTopUps"], paused);
        assert_eq!((till.fill().await, till.available(&buyer).await), (0, "10.00".to_owned()));
        assert_eq!(set(&till, &buyer, &card, "80").await["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["cardId"] }]));
        let next = till.card(&buyer, PaymentBehavior::Succeeds).await;
        spend(&till, &buyer, 1_000).await;
        assert_eq!(till.fill().await, 0, "it is paused still");
        set(&till, &buyer, &next, "80").await;
        assert_eq!((till.fill().await, till.available(&buyer).await), (1, "50.00".to_owned()));
        till.hear().await;
        till.close().await;
    }
}
