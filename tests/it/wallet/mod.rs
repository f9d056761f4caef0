//! Money in and out through the public API: deposits, withdrawals, corrections, statements, the money stop.

mod chargebacks;
mod download;
mod payouts;
pub mod reveal;

use serde_json::{Value, json};

use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::{DAY, assert_clean, fund, sell, stall};

pub const DEPOSIT: &str = "mutation ($input: DepositRecordInput!) { depositRecord(input: $input) {
    deposit { id organizationId amount { amount currencyCode } bankReference } userErrors { code path message } } }";
pub const WITHDRAW: &str = "mutation ($input: WithdrawalRequestInput!) { withdrawalRequest(input: $input) {
    withdrawal { id state amount { amount } } userErrors { code path message } } }";
const CONFIRM: &str = "mutation ($input: WithdrawalConfirmInput!) { withdrawalConfirm(input: $input) {
    withdrawal { id state bankReference } userErrors { code path } } }";
const FAIL: &str = "mutation ($input: WithdrawalFailInput!) { withdrawalFail(input: $input) {
    withdrawal { id state failure } userErrors { code path } } }";
const CORRECT: &str = "mutation ($input: CorrectionRecordInput!) { correctionRecord(input: $input) {
    correction { id memo } userErrors { code path } } }";
const BALANCES: &str = "{ wallet { organizationId balances { currencyCode available { amount } reserved { amount }
    escrow { amount } heldAsBuyer { amount } payout { amount } owed { amount } } } }";

pub fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "EUR" })
}

pub fn deposit(to: &Actor, amount: &str, reference: &str, key: &str) -> Value {
    json!({ "input": { "organizationId": to.org().to_string(), "amount": eur(amount), "bankReference": reference, "idempotencyKey": key } })
}

/// Says where the organization is paid.
pub async fn payee(x: &Exchange, who: &Actor) {
    let query = "mutation { payoutAccountSet(input: { iban: \"PT50 0002 0123 1234 5678 9015 4\", holderName: \"Company\" }) {
        payoutAccount { lastFour } userErrors { code path } } }";
    let done = who.run(x, query, json!({})).await["payoutAccountSet"].clone();
    assert_eq!(done, json!({ "payoutAccount": { "lastFour": "0154" }, "userErrors": [] }));
}

pub async fn balances(x: &Exchange, who: &Actor) -> Value {
    let wallet = who.run(x, BALANCES, json!({})).await["wallet"].clone();
    assert_eq!(wallet["organizationId"], who.org().to_string());
    let flat = |b: &Value| ["available", "reserved", "escrow", "heldAsBuyer", "payout", "owed"].map(|f| b[f]["amount"].clone());
    wallet["balances"].as_array().unwrap().iter().map(|b| json!([b["currencyCode"], flat(b)])).collect()
}

on_each_backend! {
    async fn a_deposit_is_recorded_once_whatever_is_repeated(x: Exchange) {
        let (operator, buyer) = (x.operator().await, x.organization("B").await);
        let first = operator.run(&x, DEPOSIT, deposit(&buyer, "100.50", "REF 1", "k1")).await;
        assert_eq!(first["depositRecord"]["userErrors"], json!([]));
        assert_eq!(first["depositRecord"]["deposit"]["amount"], eur("100.50"));
        let before = x.row_counts().await;
        let again = operator.run(&x, DEPOSIT, deposit(&buyer, "100.50", " REF 1 ", "k1")).await;
        assert_eq!(again, first);
        let codes = async |input: Value| {
            let answer = operator.run(&x, DEPOSIT, input).await;
            assert_eq!(answer["depositRecord"]["deposit"], Value::Null);
            let error = answer["depositRecord"]["userErrors"][0].clone();
            json!([error["code"], error["path"]])
        };
        assert_eq!(codes(deposit(&buyer, "100.51", "REF 1", "k1")).await, json!(["IDEMPOTENCY_MISMATCH", ["idempotencyKey"]]));
        assert_eq!(codes(deposit(&buyer, "1", "REF 1", "k2")).await, json!(["TAKEN", ["bankReference"]]));
        assert_eq!(codes(deposit(&buyer, "0", "REF 2", "k2")).await, json!(["INVALID", ["amount", "amount"]]));
        assert_eq!(codes(deposit(&buyer, "1.001", "REF 2", "k2")).await, json!(["INVALID", ["amount", "amount"]]));
        assert_eq!(codes(deposit(&buyer, "1", &"r".repeat(141), "k2")).await, json!(["TOO_LARGE", ["bankReference"]]));
        assert_eq!(codes(deposit(&buyer, "1", "REF 2", "")).await, json!(["REQUIRED", ["idempotencyKey"]]));
        assert_eq!(codes(deposit(&buyer, "1", "REF 2", &"k".repeat(129))).await, json!(["TOO_LARGE", ["idempotencyKey"]]));
        assert_eq!(x.row_counts().await, before);
        assert_eq!(balances(&x, &buyer).await, json!([["EUR", ["100.50", "0.00", "0.00", "0.00", "0.00", "0.00"]]]));
        let denied = buyer.execute(&x, DEPOSIT, deposit(&buyer, "1", "REF 3", "k3")).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn money_goes_out_over_the_bank_or_comes_back(x: Exchange) {
        let (operator, seller) = (x.operator().await, x.organization("S").await);
        fund(&x.app, seller.org(), 10_000).await;
        payee(&x, &seller).await;
        let ask = async |amount: &str, key: &str| {
            seller.run(&x, WITHDRAW, json!({ "input": { "amount": eur(amount), "idempotencyKey": key } })).await["withdrawalRequest"].clone()
        };
        assert_eq!(ask("100.01", "w0").await["userErrors"][0]["code"], "INSUFFICIENT_FUNDS");
        let paid = ask("60", "w1").await["withdrawal"]["id"].clone();
        assert_eq!(ask("60", "w1").await["withdrawal"]["id"], paid);
        let failed = ask("40", "w2").await["withdrawal"]["id"].clone();
        assert_eq!(balances(&x, &seller).await, json!([["EUR", ["0.00", "0.00", "0.00", "0.00", "100.00", "0.00"]]]));
        let confirm = |id: &Value, key: &str| json!({ "input": { "withdrawalId": id, "bankReference": "OUT 1", "idempotencyKey": key } });
        let fail = |id: &Value, key: &str| json!({ "input": { "withdrawalId": id, "reason": "account closed", "idempotencyKey": key } });
        let done = operator.run(&x, CONFIRM, confirm(&paid, "c1")).await;
        assert_eq!(done["withdrawalConfirm"]["withdrawal"]["state"], "PAID");
        assert_eq!(operator.run(&x, CONFIRM, confirm(&paid, "c1")).await, done);
        assert_eq!(operator.run(&x, FAIL, fail(&paid, "c2")).await["withdrawalFail"]["userErrors"][0]["code"], "WRONG_STATE");
        let back = operator.run(&x, FAIL, fail(&failed, "c3")).await;
        assert_eq!(back["withdrawalFail"]["withdrawal"]["failure"], "account closed");
        assert_eq!(balances(&x, &seller).await, json!([["EUR", ["40.00", "0.00", "0.00", "0.00", "0.00", "0.00"]]]));
        let list = "query ($state: WithdrawalState) { withdrawals(state: $state) { edges { node { id state } } } }";
        let listed = seller.run(&x, list, json!({ "state": "PAID" })).await;
        assert_eq!(listed["withdrawals"]["edges"], json!([{ "node": { "id": paid, "state": "PAID" } }]));
        let stranger = x.organization("Other").await;
        assert_eq!(stranger.run(&x, list, json!({})).await["withdrawals"]["edges"], json!([]));
        assert_clean(&x).await;
    }

    async fn a_debt_blocks_withdrawals_until_it_is_paid(x: Exchange) {
        let (operator, seller) = (x.operator().await, x.organization("S").await);
        let correct = async |from: Value, to: Value, amount: &str, key: &str| {
            let input = json!({ "input": { "from": from, "to": to, "amount": eur(amount), "memo": "a mistake", "idempotencyKey": key } });
            operator.run(&x, CORRECT, input).await["correctionRecord"].clone()
        };
        let own = |kind: &str| json!({ "kind": kind, "organizationId": seller.org().to_string() });
        let exchange = |kind: &str| json!({ "kind": kind });
        let recorded = correct(own("RECEIVABLE"), exchange("LOSSES"), "30", "c1").await;
        assert_eq!(recorded["correction"]["memo"], "a mistake");
        operator.run(&x, DEPOSIT, deposit(&seller, "50", "REF", "d1")).await;
        assert_eq!(balances(&x, &seller).await, json!([["EUR", ["20.00", "0.00", "0.00", "0.00", "0.00", "0.00"]]]));
        correct(own("RECEIVABLE"), exchange("LOSSES"), "1", "c2").await;
        payee(&x, &seller).await;
        let refused = seller.run(&x, WITHDRAW, json!({ "input": { "amount": eur("5"), "idempotencyKey": "w" } })).await;
        assert_eq!(refused["withdrawalRequest"]["userErrors"][0]["code"], "WRONG_STATE");
        let code = async |from: Value, to: Value, amount: &str| correct(from, to, amount, "c3").await["userErrors"][0]["code"].clone();
        assert_eq!(code(own("ESCROW"), own("AVAILABLE"), "1").await, "INVALID");
        assert_eq!(code(own("AVAILABLE"), exchange("FEES"), "20.01").await, "INSUFFICIENT_FUNDS");
        assert_eq!(code(exchange("AVAILABLE"), exchange("FEES"), "1").await, "REQUIRED");
        assert_eq!(code(exchange("FEES"), own("AVAILABLE"), "1").await, "INSUFFICIENT_FUNDS");
        assert_clean(&x).await;
    }

    async fn operators_read_the_accounts_of_the_exchange(x: Exchange) {
        let (operator, seller, buyer) = (x.operator().await, x.organization("S").await, x.organization("B").await);
        operator.run(&x, DEPOSIT, deposit(&buyer, "50", "REF 1", "d1")).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        x.clock.advance_secs(8 * DAY);
        x.app.store.trades_advance(10).await.unwrap();
        let list = "{ exchangeAccounts { kind stripe currencyCode balance { amount } } }";
        let accounts = operator.run(&x, list, json!({})).await["exchangeAccounts"].clone();
        let stripe = trade.sides().fees().stripe;
        assert_eq!(accounts, json!([
            { "kind": "EXTERNAL_BANK", "stripe": 0, "currencyCode": "EUR", "balance": { "amount": "-50.00" } },
            { "kind": "FEES", "stripe": stripe, "currencyCode": "EUR", "balance": { "amount": "1.00" } },
        ]));
        let statement = "query ($account: AccountKind!, $stripe: Int) { exchangeStatement(account: $account, stripe: $stripe) {
            edges { node { kind subjectId amount { amount } balance { amount } } } } }";
        let read = operator.run(&x, statement, json!({ "account": "FEES", "stripe": stripe })).await;
        let node = json!({ "kind": "RELEASE", "subjectId": trade.id.to_string(), "amount": { "amount": "1.00" }, "balance": { "amount": "1.00" } });
        assert_eq!(read["exchangeStatement"]["edges"], json!([{ "node": node }]));
        let wrong = operator.execute(&x, statement, json!({ "account": "FEES", "stripe": 16 })).await;
        assert_eq!(wrong["errors"][0]["extensions"]["code"], "INVALID");
        let not_its_own = operator.execute(&x, statement, json!({ "account": "AVAILABLE" })).await;
        assert_eq!(not_its_own["errors"][0]["extensions"]["code"], "INVALID");
    }

    async fn a_debt_in_any_currency_blocks_withdrawals(x: Exchange) {
        let (operator, seller) = (x.operator().await, x.organization("S").await);
        fund(&x.app, seller.org(), 1_000).await;
        let own = json!({ "kind": "RECEIVABLE", "organizationId": seller.org().to_string() });
        let debt = json!({ "from": own, "to": { "kind": "LOSSES" }, "amount": { "amount": "3", "currencyCode": "USD" },
            "memo": "a mistake", "idempotencyKey": "c" });
        assert_eq!(operator.run(&x, CORRECT, json!({ "input": debt })).await["correctionRecord"]["userErrors"], json!([]));
        payee(&x, &seller).await;
        let before = x.row_counts().await;
        let refused = seller.run(&x, WITHDRAW, json!({ "input": { "amount": eur("5"), "idempotencyKey": "w" } })).await;
        let error = &refused["withdrawalRequest"]["userErrors"][0];
        assert_eq!(error["code"], "WRONG_STATE");
        assert_eq!(error["message"], "the organization owes the exchange 3.00 USD: deposits and income pay it first");
        assert_eq!(x.row_counts().await, before);
    }

    async fn a_correction_takes_from_every_stripe_and_pays_no_more_than_is_owed(x: Exchange) {
        let (operator, seller, buyer) = (x.operator().await, x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 6_000).await;
        for _ in 0..6 {
            sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        }
        x.clock.advance_secs(8 * DAY);
        x.app.store.trades_advance(10).await.unwrap();
        let correct = async |from: Value, to: Value, amount: &str, key: &str| {
            let input = json!({ "input": { "from": from, "to": to, "amount": eur(amount), "memo": "commission", "idempotencyKey": key } });
            operator.run(&x, CORRECT, input).await["correctionRecord"]["userErrors"].clone()
        };
        let kind = |kind: &str| json!({ "kind": kind });
        let own = |kind: &str| json!({ "kind": kind, "organizationId": seller.org().to_string() });
        assert_eq!(correct(kind("FEES"), kind("EXTERNAL_BANK"), "6.01", "k0").await[0]["code"], "INSUFFICIENT_FUNDS");
        assert_eq!(correct(kind("FEES"), kind("EXTERNAL_BANK"), "6", "k1").await, json!([]));
        assert_eq!(x.app.store.balances_by_kind().await.unwrap()["FEES"], 0);
        assert_eq!(correct(own("RECEIVABLE"), kind("LOSSES"), "2", "k2").await, json!([]));
        assert_eq!(correct(kind("LOSSES"), own("RECEIVABLE"), "2.01", "k3").await[0]["code"], "TOO_LARGE");
        assert_eq!(correct(kind("LOSSES"), own("RECEIVABLE"), "2", "k4").await, json!([]), "a write-off");
        assert_clean(&x).await;
    }

    async fn withdrawals_sent_again_at_once_answer_the_same(x: Exchange) {
        let seller = x.organization("S").await;
        fund(&x.app, seller.org(), 1_000).await;
        payee(&x, &seller).await;
        let ask = || seller.run(&x, WITHDRAW, json!({ "input": { "amount": eur("10"), "idempotencyKey": "once" } }));
        let answers = futures::future::join_all((0..8).map(|_| ask())).await;
        assert_eq!(answers[0]["withdrawalRequest"]["userErrors"], json!([]));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(x.count("withdrawal").await, 1);
    }

    async fn a_statement_says_each_movement_with_the_balance_after_it(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        fund(&x.app, buyer.org(), 5_000).await;
        let trade = sell(&x.app, stall(&x, seller.org(), 1).await, buyer.org(), 1_000).await.unwrap();
        x.clock.advance_secs(8 * DAY);
        x.app.store.trades_advance(10).await.unwrap();
        let query = "query ($account: WalletAccount, $after: String) { walletStatement(account: $account, first: 1, after: $after) {
            pageInfo { hasNextPage endCursor } edges { node { at kind subjectId amount { amount } balance { amount } } } } }";
        let first = buyer.run(&x, query, json!({})).await["walletStatement"].clone();
        let row = &first["edges"][0]["node"];
        assert_eq!(*row, json!({ "at": "2026-03-02T09:00:00+00:00", "kind": "TRADE", "subjectId": trade.id.to_string(),
            "amount": { "amount": "-10.00" }, "balance": { "amount": "40.00" } }));
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let after = first["pageInfo"]["endCursor"].clone();
        let second = buyer.run(&x, query, json!({ "after": after })).await["walletStatement"].clone();
        assert_eq!(second["edges"][0]["node"]["balance"]["amount"], "50.00");
        assert_eq!(second["pageInfo"]["hasNextPage"], false);
        let wrong = buyer.execute(&x, query, json!({ "after": after, "account": "ESCROW" })).await;
        assert_eq!(wrong["errors"][0]["extensions"]["code"], "INVALID");
        let escrow = seller.run(&x, query, json!({ "account": "ESCROW" })).await["walletStatement"]["edges"][0]["node"].clone();
        assert_eq!((escrow["kind"].clone(), escrow["balance"]["amount"].clone()), (json!("RELEASE"), json!("0.00")));
        let stranger = x.organization("Other").await;
        assert_eq!(stranger.run(&x, query, json!({})).await["walletStatement"]["edges"], json!([]));
        let named = "query ($id: ID!) { wallet(organizationId: $id) { organizationId } }";
        let denied = stranger.execute(&x, named, json!({ "id": buyer.org().to_string() })).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }

    async fn a_broken_ledger_stops_money_until_an_operator_lifts_it(x: Exchange) {
        let (operator, buyer) = (x.operator().await, x.organization("B").await);
        operator.run(&x, DEPOSIT, deposit(&buyer, "10", "REF 1", "k1")).await;
        x.tamper("UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'AVAILABLE'").await.unwrap();
        let verify = "mutation { ledgerVerify { report { clean checks { invariant broken } } userErrors { code } } }";
        let report = operator.run(&x, verify, json!({})).await["ledgerVerify"]["report"].clone();
        assert_eq!(report["clean"], false);
        let stopped = operator.execute(&x, DEPOSIT, deposit(&buyer, "1", "REF 2", "k2")).await;
        assert_eq!(stopped["errors"][0]["extensions"]["code"], "MONEY_STOPPED");
        assert_eq!(operator.run(&x, DEPOSIT, deposit(&buyer, "10", "REF 1", "k1")).await["depositRecord"]["userErrors"], json!([]));
        assert_eq!(balances(&x, &buyer).await[0][0], "EUR");
        let stop = "{ moneyStop { reason } }";
        assert_eq!(operator.run(&x, stop, json!({})).await["moneyStop"]["reason"], "every currency sums to zero: EUR sums to 1");
        let lift = "mutation { moneyStopLift { report { clean } userErrors { code } } }";
        assert_eq!(operator.run(&x, lift, json!({})).await["moneyStopLift"]["userErrors"][0]["code"], "WRONG_STATE");
        x.tamper("UPDATE account SET balance_minor = balance_minor - 1 WHERE kind = 'AVAILABLE'").await.unwrap();
        assert_eq!(operator.run(&x, lift, json!({})).await["moneyStopLift"]["report"]["clean"], true);
        assert_eq!(operator.run(&x, stop, json!({})).await["moneyStop"], Value::Null);
        let done = operator.run(&x, DEPOSIT, deposit(&buyer, "1", "REF 2", "k2")).await;
        assert_eq!(done["depositRecord"]["userErrors"], json!([]));
    }
}
