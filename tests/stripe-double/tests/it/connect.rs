use serde_json::json;
use stripe_double::Options;

use crate::harness::{available, call, double, double_with, event_types, get, id, onboarded, paid, platform, post, text};

#[tokio::test]
async fn an_account_is_onboarded_by_its_link() {
    let double = double().await;
    let account = post(&double, "/v1/accounts", "type=express&country=DE&email=s@example.com&metadata[seller]=3").ok().await;
    assert_eq!((&account["payouts_enabled"], &account["details_submitted"]), (&json!(false), &json!(false)));
    assert_eq!((&account["default_currency"], &account["capabilities"]["transfers"]), (&json!("eur"), &json!("inactive")));
    assert!(account["requirements"]["currently_due"].as_array().unwrap().contains(&json!("external_account")));
    assert_eq!(account["requirements"]["disabled_reason"], "requirements.past_due");
    let form = format!(
        "account={}&type=account_onboarding&return_url=https://example.com/back&refresh_url=https://example.com/again",
        id(&account)
    );
    let link = post(&double, "/v1/account_links", &form).ok().await;
    let path = text(&link, "url").strip_prefix(double.url.as_str()).unwrap().to_owned();
    assert_eq!(call(&double, "GET", &path, "").send().await.status, 200);
    let done = call(&double, "POST", &path, "").send().await;
    assert_eq!((done.status, done.header("location")), (303, Some("https://example.com/back")));
    let account = get(&double, &format!("/v1/accounts/{}", id(&account))).ok().await;
    assert_eq!((&account["payouts_enabled"], &account["requirements"]["currently_due"]), (&json!(true), &json!([])));
    assert_eq!(
        (&account["capabilities"]["transfers"], &account["requirements"]["disabled_reason"]),
        (&json!("active"), &json!(null))
    );

    // A link works once, and for minutes only.
    assert_eq!(call(&double, "GET", &path, "").send().await.header("location"), Some("https://example.com/again"));
    let late = post(&double, "/v1/account_links", &form).ok().await;
    double.advance_clock(300);
    let path = text(&late, "url").strip_prefix(double.url.as_str()).unwrap().to_owned();
    assert_eq!(call(&double, "POST", &path, "").send().await.header("location"), Some("https://example.com/again"));
}

#[tokio::test]
async fn an_account_is_disabled_by_new_requirements() {
    let double = double().await;
    let account = onboarded(&double).await;
    let document = "individual.verification.document";
    let asked = double.require_of_account(&account, &[document], false).unwrap();
    assert_eq!((&asked["payouts_enabled"], &asked["requirements"]["currently_due"]), (&json!(true), &json!([document])));
    let disabled = double.require_of_account(&account, &[document], true).unwrap();
    assert_eq!((&disabled["payouts_enabled"], &disabled["requirements"]["past_due"]), (&json!(false), &json!([document])));
    double.fund_platform(100, "usd").unwrap();
    let transfer = format!("amount=100&currency=usd&destination={account}");
    assert_eq!(post(&double, "/v1/transfers", &transfer).send().await.refusal(), (400, "insufficient_capabilities_for_transfer"));
    assert_eq!((platform(&double), available(&double, &account)), (100, 0));
    double.complete_onboarding(&account).unwrap();
    assert_eq!(post(&double, "/v1/transfers", &transfer).send().await.status, 200);
    // Events of an account are its own, and not the platform's.
    let events = get(&double, "/v1/events?type=account.updated").account(&account).ok().await;
    let events = events["data"].as_array().unwrap();
    assert_eq!(events.len(), 4);
    assert_eq!(
        (&events[3]["account"], &events[3]["data"]["previous_attributes"]["payouts_enabled"]),
        (&json!(account), &json!(false))
    );
    assert_eq!(event_types(&double).await, ["transfer.created"]);
}

#[tokio::test]
async fn accounts_other_than_express_are_refused() {
    let double = double().await;
    assert_eq!(post(&double, "/v1/accounts", "type=custom").send().await.status, 400);
    assert_eq!(post(&double, "/v1/accounts", "type=express&country=Germany").send().await.status, 400);
    let controller = "controller[stripe_dashboard][type]=express&country=US";
    assert_eq!(post(&double, "/v1/accounts", controller).ok().await["type"], "express");
    let updated =
        post(&double, &format!("/v1/accounts/{}", onboarded(&double).await), "email=n@example.com&metadata[a]=b").ok().await;
    assert_eq!((&updated["email"], &updated["metadata"]["a"]), (&json!("n@example.com"), &json!("b")));
    let link = "account=acct_none&type=account_onboarding&return_url=https://a&refresh_url=https://b";
    assert_eq!(post(&double, "/v1/account_links", link).send().await.refusal(), (400, "resource_missing"));
}

#[tokio::test]
async fn a_transfer_never_exceeds_the_available_balance() {
    let double = double().await;
    paid(&double, 1_000).await;
    let account = onboarded(&double).await;
    let form =
        |amount: i64| format!("amount={amount}&currency=usd&destination={account}&transfer_group=trade_1&metadata[intent]=9");
    let over = post(&double, "/v1/transfers", &form(1_001)).send().await;
    assert_eq!(over.refusal(), (400, "balance_insufficient"));
    let euros = post(&double, "/v1/transfers", &format!("amount=1&currency=eur&destination={account}")).send().await;
    assert_eq!(euros.refusal(), (400, "balance_insufficient"));
    let transfer = post(&double, "/v1/transfers", &form(1_000)).ok().await;
    assert_eq!((&transfer["destination"], &transfer["transfer_group"]), (&json!(account), &json!("trade_1")));
    assert_eq!((&transfer["reversed"], &transfer["metadata"]["intent"]), (&json!(false), &json!("9")));
    assert_eq!((platform(&double), available(&double, &account)), (0, 1_000));
    assert_eq!(get(&double, &format!("/v1/transfers/{}", id(&transfer))).ok().await, transfer);
    for (filter, expected) in [("transfer_group=trade_1", 1), ("transfer_group=trade_2", 0), ("destination=acct_other", 0)] {
        assert_eq!(
            get(&double, &format!("/v1/transfers?{filter}")).ok().await["data"].as_array().unwrap().len(),
            expected,
            "{filter}"
        );
    }
    // The payment that the account received is visible to the account only.
    let payment = format!("/v1/charges/{}", text(&transfer, "destination_payment"));
    assert_eq!(get(&double, &payment).account(&account).ok().await["source_transfer"], transfer["id"]);
    assert_eq!(get(&double, &payment).send().await.status, 404);
    let balance = get(&double, "/v1/balance").account(&account).ok().await;
    assert_eq!(balance["available"], json!([{ "amount": 1_000, "currency": "usd", "source_types": { "card": 1_000 } }]));
    double.check().unwrap();
}

#[tokio::test]
async fn a_transfer_from_a_charge_waits_for_its_funds_and_never_exceeds_it() {
    let double = double_with(Options { available_after_secs: 50, ..Options::default() }).await;
    let charge = text(&paid(&double, 1_000).await, "latest_charge");
    let account = onboarded(&double).await;
    let form = |amount: i64| format!("amount={amount}&currency=usd&destination={account}&source_transaction={charge}");
    assert_eq!(post(&double, "/v1/transfers", &form(1_001)).send().await.refusal(), (400, "balance_insufficient"));
    post(&double, "/v1/transfers", &form(700)).ok().await;
    assert_eq!(post(&double, "/v1/transfers", &form(301)).send().await.refusal(), (400, "balance_insufficient"));
    assert_eq!((platform(&double), available(&double, &account)), (0, 0));
    double.advance_clock(50);
    assert_eq!((platform(&double), available(&double, &account)), (300, 700));
    double.check().unwrap();
}

#[tokio::test]
async fn reversals_never_exceed_the_transfer_nor_what_the_account_has() {
    let double = double().await;
    double.fund_platform(1_000, "usd").unwrap();
    let account = onboarded(&double).await;
    let transfer = id(&post(&double, "/v1/transfers", &format!("amount=1000&currency=usd&destination={account}")).ok().await);
    let path = format!("/v1/transfers/{transfer}/reversals");
    let reversal = post(&double, &path, "amount=400&metadata[why]=x").ok().await;
    assert_eq!(
        (&reversal["amount"], &reversal["transfer"], &reversal["metadata"]["why"]),
        (&json!(400), &json!(transfer), &json!("x"))
    );
    assert_eq!(post(&double, &path, "amount=601").send().await.status, 400);
    let seen = get(&double, &format!("/v1/transfers/{transfer}")).ok().await;
    assert_eq!(
        (&seen["amount_reversed"], &seen["reversed"], &seen["reversals"]["data"][0]),
        (&json!(400), &json!(false), &reversal)
    );
    assert_eq!(get(&double, &format!("{path}/{}", id(&reversal))).ok().await, reversal);
    assert_eq!(get(&double, &path).ok().await["data"], json!([reversal]));

    post(&double, "/v1/payouts", "amount=500&currency=usd").account(&account).ok().await;
    assert_eq!(post(&double, &path, "").send().await.refusal(), (400, "balance_insufficient"));
    assert_eq!((platform(&double), available(&double, &account)), (400, 100));
    assert_eq!(double.reverse_transfer(&transfer, Some(100)).unwrap()["amount"], 100);
    assert!(double.reverse_transfer(&transfer, Some(-100)).is_err());
    assert_eq!((platform(&double), available(&double, &account)), (500, 0));
    assert_eq!(event_types(&double).await, ["transfer.created", "transfer.reversed", "transfer.reversed"]);
    double.check().unwrap();
}

#[tokio::test]
async fn a_transfer_is_reversed_whole_once() {
    let double = double().await;
    double.fund_platform(10, "usd").unwrap();
    let account = onboarded(&double).await;
    let transfer = id(&post(&double, "/v1/transfers", &format!("amount=10&currency=usd&destination={account}")).ok().await);
    let path = format!("/v1/transfers/{transfer}/reversals");
    assert_eq!(post(&double, &path, "").ok().await["amount"], 10);
    assert_eq!(post(&double, &path, "").send().await.status, 400);
    assert_eq!(get(&double, &format!("/v1/transfers/{transfer}")).ok().await["reversed"], true);
    assert_eq!((platform(&double), available(&double, &account)), (10, 0));
}
