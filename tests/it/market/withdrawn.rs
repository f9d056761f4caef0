//! A lead whose person withdraws consent while it is being listed and bought.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::stand::{LeadSpec, buy, create, lead, money, vertical};
use crate::harness::on_each_backend;
use crate::ledger::market::{assert_clean, fund};

const WITHDRAW: &str = "mutation ($input: ConsentWithdrawInput!) { consentWithdraw(input: $input) {
    leadState userErrors { code } } }";

on_each_backend! {
    async fn nothing_of_it_stays_for_sale_or_sold(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 50_000).await;
        for round in 0..8_u64 {
            let lead = lead(&x, seller.org(), LeadSpec::of(v)).await;
            x.tamper(r#"UPDATE lead SET source = '{"kind":"DIRECT","origin":"OWN_ACCORD"}'"#).await.unwrap();
            let sale = async {
                let terms = json!({ "fixed": { "exclusivePrice": money("40") } });
                let made = create(&x, &seller, lead, 1, None, terms).await;
                match made["listing"]["id"].as_str() {
                    Some(id) => buy(&x, &buyer, id, "EXCLUSIVE", &format!("buy {round}")).await,
                    None => Value::Null,
                }
            };
            let withdrawal = async {
                tokio::time::sleep(std::time::Duration::from_millis(2 * round)).await;
                let input = json!({ "leadId": lead.to_string(), "idempotencyKey": format!("withdraw {round}") });
                seller.run(&x, WITHDRAW, json!({ "input": input })).await["consentWithdraw"].clone()
            };
            let (_, withdrawn) = tokio::join!(sale, withdrawal);
            assert_eq!(withdrawn, json!({ "leadState": "ERASED", "userErrors": [] }));
        }
        let left = |sql: &'static str| {
            let db = x.app.store.read();
            async move { db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().len() }
        };
        assert_eq!(left("SELECT 1 FROM trade WHERE state <> 'REFUNDED'").await, 0);
        assert_eq!(left("SELECT 1 FROM listing WHERE state = 'OPEN'").await, 0);
        assert_clean(&x).await;
    }
}
