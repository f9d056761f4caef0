//! Both books compared, each planted difference named.

use api::app::payments::reconcile::{Kind, stripe_reconcile_recent};
use reqwest::Client;
use serde_json::json;

use super::till::{Till, settings};
use crate::harness::on_each_backend;

/// Runs `clearlead stripe reconcile` as an operator does, on the exchange's database; answers whether it succeeded.
async fn reconciled_by_hand(till: &Till) -> bool {
    let file = till.x.folder().join("clearlead.toml");
    let server = format!("[server]\ndata_dir = {:?}\n[database]\nurl = {:?}\n", till.x.folder(), till.x.url);
    std::fs::write(&file, server + &settings(&till.double)).unwrap();
    let arguments =
        ["clearlead", "--config", file.to_str().unwrap(), "stripe", "reconcile", "--from", "2026-03-01", "--to", "2026-04-01"];
    let arguments = arguments.map(str::to_owned);
    let code = tokio::task::spawn_blocking(move || api::cli::run_with(arguments)).await.unwrap();
    code == std::process::ExitCode::SUCCESS
}

on_each_backend! {
    async fn each_difference_is_named(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let paid = till.paid(&buyer, "50", "k1").await;
        let gone = till.paid(&buyer, "30", "k2").await;
        assert_eq!(till.reconciled().await.differences, []);
        // A payment past the exchange, and rows that somebody changed by hand.
        let charge = [("amount", "700"), ("currency", "eur"), ("confirm", "true"), ("payment_method", "pm_card_visa")];
        let body = charge.map(|(name, value)| format!("{name}={value}")).join("&");
        let request = Client::new().post(format!("{}/v1/payment_intents", till.double.url)).bearer_auth(&till.double.secret_key);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let foreign: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        till.deafen();
        let id = |top_up: &serde_json::Value| {
            let id: domain::id::TopUpId = top_up["id"].as_str().unwrap().parse().unwrap();
            match till.x.database {
                crate::harness::Database::Postgres => format!("'{}'", id.0),
                crate::harness::Database::Sqlite => format!("X'{}'", id.0.simple()),
            }
        };
        till.x.tamper(&format!("UPDATE top_up SET paid_minor = 4900 WHERE id = {}", id(&paid))).await.unwrap();
        till.x.tamper(&format!("UPDATE top_up SET payment_intent = 'pi_gone' WHERE id = {}", id(&gone))).await.unwrap();
        let found = till.reconciled().await.differences;
        let kinds: Vec<_> = found.iter().map(|difference| (difference.kind, difference.noun)).collect();
        assert_eq!(kinds.len(), 4, "{found:#?}");
        assert_eq!(kinds.iter().filter(|(kind, _)| *kind == Kind::MissingHere).count(), 2);
        assert!(found.iter().any(|difference| difference.kind == Kind::MissingHere && difference.id == foreign["id"]), "{found:#?}");
        let differs = found.iter().find(|difference| difference.kind == Kind::AmountDiffers).unwrap();
        assert_eq!(differs.words, "49.00 EUR here, 50.00 EUR there");
        let missing = found.iter().find(|difference| difference.kind == Kind::MissingThere).unwrap();
        assert_eq!((missing.noun, missing.id.as_str()), ("top-up", "pi_gone"));
        till.wait(1_000);
        assert_eq!(stripe_reconcile_recent(&till.x.app).await.unwrap(), 4);
        assert!(till.x.app.store.ledger_verify().await.unwrap().first_broken().is_some(), "the ledger does not believe it either");
    }

    async fn a_state_that_was_missed_is_named_and_mended_by_its_news(x: Exchange) {
        let till = Till::open(x).await;
        let buyer = till.x.organization("B").await;
        let paid = till.paid(&buyer, "50", "k1").await;
        let refund = "mutation ($id: ID!) { walletRefund(input: { topUpId: $id, amount: { amount: \"20\", currencyCode: \"EUR\" },
            idempotencyKey: \"r\" }) { userErrors { code } } }";
        buyer.run(&till.x, refund, json!({ "id": paid["id"] })).await;
        till.hear().await;
        till.deafen();
        let id = till.there("/v1/refunds").await[0].clone();
        till.double.fail_refund(&id, "lost_or_stolen_card").unwrap();
        let found = till.reconciled().await.differences;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(!reconciled_by_hand(&till).await);
        assert_eq!((found[0].kind, found[0].words.as_str()), (Kind::StateDiffers, "SUCCEEDED here, FAILED there"));
        till.listen();
        let event = till.double.journal().into_iter().rev().find_map(|entry| match entry.what {
            stripe_double::Happening::Event { id, event_type, .. } if event_type.starts_with("refund.") => Some(id),
            _ => None,
        });
        till.double.resend_event(&event.unwrap()).unwrap();
        till.hear().await;
        assert!(reconciled_by_hand(&till).await);
        till.close().await;
    }
}
