//! Whatever is done in whatever order, the money adds up and no ceiling is exceeded.

use serde_json::Value;
use stripe_double::{Fee, Options, StripeDouble};

use crate::harness::{double_with, get, id, onboarded, paid, post, text};

/// Steps of each run.
const STEPS: u64 = 150;

/// Numbers that follow from a seed alone.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<'a>(&mut self, ids: &'a [String]) -> Option<&'a String> {
        let count = u64::try_from(ids.len()).unwrap();
        (count > 0).then(|| &ids[usize::try_from(self.below(count)).unwrap()])
    }
}

async fn ids(double: &StripeDouble, path: &str, account: Option<&str>) -> Vec<String> {
    let list = get(double, &format!("/v1/{path}?limit=100"));
    let list = if let Some(account) = account { list.account(account).ok().await } else { list.ok().await };
    list["data"].as_array().unwrap().iter().map(id).collect()
}

async fn step(double: &StripeDouble, numbers: &mut Numbers, account: &str, charges: &mut Vec<String>) {
    let amount = 1 + numbers.below(900);
    match numbers.below(12) {
        0 | 1 => charges.push(text(&paid(double, i64::try_from(amount).unwrap()).await, "latest_charge")),
        2 | 3 => {
            if let Some(charge) = numbers.pick(charges) {
                post(double, "/v1/refunds", &format!("charge={charge}&amount={amount}")).send().await;
            }
        }
        4 => {
            post(double, "/v1/transfers", &format!("amount={amount}&currency=usd&destination={account}")).send().await;
        }
        5 => {
            if let Some(transfer) = numbers.pick(&ids(double, "transfers", None).await) {
                post(double, &format!("/v1/transfers/{transfer}/reversals"), &format!("amount={amount}")).send().await;
            }
        }
        6 => {
            post(double, "/v1/payouts", &format!("amount={amount}&currency=usd")).account(account).send().await;
        }
        7 => {
            let payouts = ids(double, "payouts", Some(account)).await;
            numbers.pick(&payouts).map(|payout| double.fail_payout(payout, "account_closed"));
        }
        8 => _ = numbers.pick(charges).map(|charge| double.open_dispute(charge, "fraudulent")),
        9 => {
            let won = numbers.below(2) == 0;
            let disputes = ids(double, "disputes", None).await;
            numbers.pick(&disputes).map(|dispute| double.decide_dispute(dispute, won));
        }
        10 => {
            let refunds = ids(double, "refunds", None).await;
            numbers.pick(&refunds).map(|refund| double.fail_refund(refund, "unknown"));
        }
        _ => double.advance_clock(u32::try_from(amount).unwrap() * 600),
    }
}

#[tokio::test]
async fn hold_after_every_step_of_random_runs() {
    for seed in 1..=3 {
        let fee = Fee { basis_points: 150, fixed_minor: 5 };
        let double =
            double_with(Options { fee, dispute_fee_minor: 15, available_after_secs: 90_000, ..Options::default() }).await;
        let account = onboarded(&double).await;
        let (mut numbers, mut charges) = (Numbers(seed), Vec::new());
        for number in 0..STEPS {
            step(&double, &mut numbers, &account, &mut charges).await;
            assert_eq!(double.check(), Ok(()), "seed {seed}, step {number}");
        }
        let total: i64 = double.postings().iter().flat_map(|posting| &posting.entries).map(|entry| entry.amount_minor).sum();
        assert_eq!(total, 0);
        assert!(double.postings().len() > 30, "the run did too little to mean anything");
    }
}

#[tokio::test]
async fn a_refused_request_changes_nothing() {
    let double = double_with(Options::default()).await;
    let customer = id(&post(&double, "/v1/customers", "name=Ada").ok().await);
    let snapshot = async || {
        let mut seen: Vec<Value> = Vec::new();
        for path in [&format!("customers/{customer}"), "events", "payment_intents", "refunds", "balance_transactions", "payouts"]
        {
            seen.push(get(&double, &format!("/v1/{path}")).ok().await);
        }
        seen
    };
    let before = snapshot().await;
    let keys: String = (0..51).map(|number| format!("&metadata[k{number}]=v")).collect();
    let long_value = format!("metadata[k]={}", "v".repeat(501));
    let long_key = format!("metadata[{}]=v", "k".repeat(41));
    for (path, form) in [
        (format!("customers/{customer}"), format!("name=Eve{keys}")),
        (format!("customers/{customer}"), format!("name=Eve&{long_value}")),
        (format!("customers/{customer}"), format!("name=Eve&{long_key}")),
        (format!("customers/{customer}"), "name=Eve&invoice_settings[default_payment_method]=pm_none".to_owned()),
        ("customers".to_owned(), "payment_method=pm_none".to_owned()),
        (
            "payment_intents".to_owned(),
            "amount=5&currency=usd&payment_method=pm_card_visa&setup_future_usage=x&confirm=true".to_owned(),
        ),
        ("payouts".to_owned(), format!("amount=5&currency=usd{keys}")),
        ("refunds".to_owned(), "payment_intent=pi_none".to_owned()),
    ] {
        let reply = post(&double, &format!("/v1/{path}"), &form).send().await;
        assert_eq!(reply.status, 400, "{path} {form}: {}", reply.text);
    }
    assert_eq!(snapshot().await, before);
    let limits = format!("metadata[{}]={}", "k".repeat(40), "v".repeat(500));
    assert_eq!(post(&double, &format!("/v1/customers/{customer}"), &limits).send().await.status, 200);
}

#[tokio::test]
async fn what_is_the_platforms_is_not_served_for_an_account() {
    let double = double_with(Options::default()).await;
    let account = onboarded(&double).await;
    for path in ["customers", "payment_intents", "refunds", "transfers", "checkout/sessions"] {
        let reply = post(&double, &format!("/v1/{path}"), "").account(&account).send().await;
        assert_eq!(reply.body["error"]["param"], "Stripe-Account", "{path}: {}", reply.text);
    }
}
