//! A wallet that is low is told once.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{LOCAL, deliver, endpoint, fan_out};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::wallet::{WITHDRAW, eur, payee};

const SET: &str = "mutation ($input: WalletAlertSetInput!) { walletAlertSet(input: $input) {
    walletAlert { threshold { amount currencyCode } isLow } userErrors { code path } } }";

async fn alert(x: &Exchange, who: &Actor, amount: &str) -> Value {
    who.run(x, SET, json!({ "input": { "threshold": eur(amount) } })).await["walletAlertSet"].clone()
}

on_each_backend! {
    async fn a_low_wallet_is_told_once_until_it_has_recovered(x: Exchange) {
        let x = x.with(LOCAL).await;
        let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
        fund(&x.app, owner.org(), 10_000).await;
        payee(&x, &owner).await;
        endpoint(&x, &owner, &at, "/", &["wallet.low"]).await;
        assert_eq!(alert(&x, &owner, "50").await, json!({ "walletAlert": { "threshold": eur("50.00"), "isLow": false }, "userErrors": [] }));
        let withdraw = async |amount: &str| {
            let input = json!({ "amount": eur(amount), "idempotencyKey": format!("{amount} {}", x.app.entropy.uuid(x.app.now())) });
            let done = owner.run(&x, WITHDRAW, json!({ "input": input })).await;
            assert_eq!(done["withdrawalRequest"]["userErrors"], json!([]));
        };
        withdraw("50").await;
        assert_eq!(deliver(&x).await, 0, "50 is not below 50");
        withdraw("1").await;
        assert_eq!(deliver(&x).await, 1);
        let got = at.taken().remove(0);
        assert_eq!((&got.body["type"], &got.body["data"]), (&json!("wallet.low"), &json!({ "available": eur("49.00"), "threshold": eur("50.00") })));
        withdraw("2").await;
        assert_eq!(deliver(&x).await, 0, "it was told");
        fund(&x.app, owner.org(), 1_000).await;
        fan_out(&x.app).await;
        withdraw("20").await;
        assert_eq!(deliver(&x).await, 1, "it had recovered");
        // An alert that is set above what is there tells at once.
        assert_eq!(alert(&x, &owner, "500").await["walletAlert"]["isLow"], true);
        assert_eq!(deliver(&x).await, 1);
        let seen = owner.run(&x, "{ walletAlerts { threshold { amount } isLow } }", json!({})).await;
        assert_eq!(seen["walletAlerts"], json!([{ "threshold": { "amount": "500.00" }, "isLow": true }]));
        assert_eq!(alert(&x, &owner, "0").await["userErrors"], json!([{ "code": "INVALID", "path": ["threshold", "amount"] }]));
        let remove = "mutation { walletAlertRemove(input: { currencyCode: \"EUR\" }) { removed userErrors { code } } }";
        for removed in [true, false] {
            assert_eq!(owner.run(&x, remove, json!({})).await["walletAlertRemove"], json!({ "removed": removed, "userErrors": [] }));
        }
    }
}
