//! A payer takes money back: the wallet is frozen, what is there goes, the rest is owed and paid by whatever comes in.

use api::app::listings::listings_close_due;
use domain::ledger::AccountKind;
use serde_json::{Value, json};
use store::trades::trade_refund;

use super::{BALANCES, DEPOSIT, WITHDRAW, balances, deposit, eur, payee};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{assert_clean, balance, fund, on_trade, sell, stall};
use crate::market::stand::{LeadSpec, bid, buy, errors, lead, listed, money, placed, seen, vertical};

const CHARGEBACK: &str = "mutation ($input: ChargebackRecordInput!) { chargebackRecord(input: $input) {
    chargeback { id depositId amount { amount } taken { amount } owed { amount } reference } userErrors { code path } } }";
const UNFREEZE: &str = "mutation ($input: WalletUnfreezeInput!) { walletUnfreeze(input: $input) {
    wallet { frozenAt } userErrors { code path } } }";

fn input(of: &Actor, deposit: Option<&Value>, amount: &str, reference: &str, key: &str) -> Value {
    json!({ "input": { "organizationId": of.org().to_string(), "depositId": deposit, "amount": eur(amount),
        "reference": reference, "idempotencyKey": key } })
}

async fn charge_back(x: &Exchange, of: &Actor, amount: &str) -> Value {
    let operator = x.operator().await;
    let answer = operator.run(x, CHARGEBACK, input(of, None, amount, &format!("back {amount}"), amount)).await;
    assert_eq!(answer["chargebackRecord"]["userErrors"], json!([]));
    answer["chargebackRecord"]["chargeback"].clone()
}

on_each_backend! {
    async fn the_same_loss_is_recorded_once(x: Exchange) {
        let (operator, buyer, other) = (x.operator().await, x.organization("B").await, x.organization("O").await);
        let recorded = operator.run(&x, DEPOSIT, deposit(&buyer, "100", "IN 1", "d1")).await;
        let id = recorded["depositRecord"]["deposit"]["id"].clone();
        let refused = async |input: Value| {
            let answer = operator.run(&x, CHARGEBACK, input).await["chargebackRecord"].clone();
            assert_eq!(answer["chargeback"], Value::Null);
            errors(&answer)
        };
        let one = |code: &str, path: &str| vec![(code.to_owned(), path.to_owned())];
        let before = x.row_counts().await;
        assert_eq!(refused(input(&buyer, Some(&id), "100.01", "CB 1", "c0")).await, one("TOO_LARGE", "amount"));
        assert_eq!(refused(input(&other, Some(&id), "100", "CB 1", "c0")).await, one("NOT_FOUND", "depositId"));
        assert_eq!(refused(input(&buyer, None, "0", "CB 1", "c0")).await, one("INVALID", "amount.amount"));
        assert_eq!(refused(input(&buyer, None, "1", " ", "c0")).await, one("REQUIRED", "reference"));
        assert_eq!(x.row_counts().await, before);
        let first = operator.run(&x, CHARGEBACK, input(&buyer, Some(&id), "40", "CB 1", "c1")).await;
        let chargeback = first["chargebackRecord"]["chargeback"].clone();
        assert_eq!((&chargeback["taken"]["amount"], &chargeback["owed"]["amount"]), (&json!("40.00"), &json!("0.00")));
        assert_eq!(operator.run(&x, CHARGEBACK, input(&buyer, Some(&id), "40", "CB 1", "c1")).await, first);
        let before = x.row_counts().await;
        assert_eq!(refused(input(&buyer, Some(&id), "40", "CB 2", "c2")).await, one("TAKEN", "depositId"));
        assert_eq!(refused(input(&buyer, None, "40", "CB 1", "c2")).await, one("TAKEN", "reference"));
        assert_eq!(x.row_counts().await, before);
        assert_eq!(balances(&x, &buyer).await, json!([["EUR", ["60.00", "0.00", "0.00", "0.00", "0.00", "0.00"]]]));
        let list = "{ chargebacks { edges { node { id reference depositId } } } deposits { edges { node { id } } } }";
        let node = json!({ "id": chargeback["id"], "reference": "CB 1", "depositId": id });
        let mine = json!({ "chargebacks": { "edges": [{ "node": node }] }, "deposits": { "edges": [{ "node": { "id": id } }] } });
        assert_eq!(buyer.run(&x, list, json!({})).await, mine);
        assert_eq!(operator.run(&x, list, json!({})).await, mine);
        let nothing = json!({ "chargebacks": { "edges": [] }, "deposits": { "edges": [] } });
        assert_eq!(other.run(&x, list, json!({})).await, nothing);
        assert_clean(&x).await;
    }

    async fn a_frozen_wallet_buys_bids_and_withdraws_nothing_until_an_operator_has_looked(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 10_000).await;
        payee(&x, &buyer).await;
        let leads = [lead(&x, seller.org(), LeadSpec::of(v)).await, lead(&x, seller.org(), LeadSpec::of(v)).await];
        let fixed = listed(&x, &seller, leads[0], 1, None, json!({ "fixed": { "exclusivePrice": money("10") } })).await;
        let sealed = listed(&x, &seller, leads[1], 1, Some(60), json!({ "auction": { "exclusiveReserve": money("10") } })).await;
        placed(&x, &buyer, &sealed, None, Some("20")).await;
        charge_back(&x, &buyer, "30").await;
        assert!(!buyer.run(&x, "{ wallet { frozenAt } }", json!({})).await["wallet"]["frozenAt"].is_null());
        let frozen = vec![("WALLET_FROZEN".to_owned(), String::new())];
        let before = x.row_counts().await;
        assert_eq!(errors(&buy(&x, &buyer, &fixed, "EXCLUSIVE", "k").await), frozen);
        assert_eq!(errors(&bid(&x, &buyer, &sealed, None, Some("30"), "k").await), frozen);
        let out = json!({ "input": { "amount": eur("5"), "idempotencyKey": "w" } });
        assert_eq!(errors(&buyer.run(&x, WITHDRAW, out.clone()).await["withdrawalRequest"]), frozen);
        assert_eq!(x.row_counts().await, before);
        x.clock.advance_secs(60);
        assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!(seen(&x, &buyer, &sealed).await["ownBid"]["lossReason"], "INSUFFICIENT_FUNDS");
        assert_eq!(balance(&x, buyer.org(), AccountKind::Available).await, 7_000);
        let operator = x.operator().await;
        let whose = json!({ "input": { "organizationId": buyer.org().to_string() } });
        let done = operator.run(&x, UNFREEZE, whose.clone()).await;
        assert_eq!(done["walletUnfreeze"], json!({ "wallet": { "frozenAt": null }, "userErrors": [] }));
        let again = operator.run(&x, UNFREEZE, whose).await;
        assert_eq!(errors(&again["walletUnfreeze"]), vec![("WRONG_STATE".to_owned(), "organizationId".to_owned())]);
        assert_eq!(buy(&x, &buyer, &fixed, "EXCLUSIVE", "k").await["userErrors"], json!([]));
        assert_eq!(buyer.run(&x, WITHDRAW, out).await["withdrawalRequest"]["userErrors"], json!([]));
        assert_clean(&x).await;
    }

    async fn what_a_wallet_lacks_is_owed_and_paid_by_whatever_comes_in(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        fund(&x.app, buyer.org(), 6_000).await;
        payee(&x, &buyer).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        let of_seller = lead(&x, seller.org(), LeadSpec::of(v)).await;
        let sealed = listed(&x, &seller, of_seller, 1, Some(60), json!({ "auction": { "exclusiveReserve": money("10") } })).await;
        placed(&x, &buyer, &sealed, None, Some("20")).await;
        let asked = buyer.run(&x, WITHDRAW, json!({ "input": { "amount": eur("10"), "idempotencyKey": "w" } })).await;
        let withdrawal = asked["withdrawalRequest"]["withdrawal"]["id"].clone();
        let taken = charge_back(&x, &buyer, "60").await;
        assert_eq!((&taken["taken"]["amount"], &taken["owed"]["amount"]), (&json!("20.00"), &json!("40.00")));
        let owed = async || buyer.run(&x, BALANCES, json!({})).await["wallet"]["balances"][0]["owed"]["amount"].clone();
        on_trade!(x.app, trade_refund, trade.id).unwrap();
        assert_eq!((owed().await, balance(&x, buyer.org(), AccountKind::Available).await), (json!("30.00"), 0), "a refund pays it");
        x.clock.advance_secs(60);
        assert_eq!(listings_close_due(&x.app).await.unwrap(), 1);
        assert_eq!((owed().await, balance(&x, buyer.org(), AccountKind::Available).await), (json!("10.00"), 0), "a lost bid pays it");
        let fail = "mutation ($input: WithdrawalFailInput!) { withdrawalFail(input: $input) { withdrawal { state } userErrors { code } } }";
        let input = json!({ "input": { "withdrawalId": withdrawal, "reason": "account closed", "idempotencyKey": "f" } });
        assert_eq!(x.operator().await.run(&x, fail, input).await["withdrawalFail"]["withdrawal"]["state"], "FAILED");
        assert_eq!((owed().await, balance(&x, buyer.org(), AccountKind::Available).await), (json!("0.00"), 0), "a returned payout pays it");
        assert_eq!(balance(&x, seller.org(), AccountKind::Escrow).await, 0);
        assert_clean(&x).await;
    }
}
