//! Codes and links.

use api::app::jobs::jobs_run;
use serde_json::{Value, json};

use super::{act, errors, lead, outcome};
use crate::harness::{Actor, Exchange, on_each_backend};

const SEND: &str = "mutation($input: ConfirmationSendInput!) { confirmationSend(input: $input) {
    confirmation { id channel expiresAt } userErrors { code path } } }";
const ANSWER: &str = "mutation($input: ConfirmationAnswerInput!) { confirmationAnswer(input: $input) {
    confirmed userErrors { code path } } }";

async fn send(x: &Exchange, seller: &Actor, lead: &str, channel: &str) -> Value {
    seller.run(x, SEND, json!({ "input": { "leadId": lead, "channel": channel } })).await["confirmationSend"].clone()
}

async fn answer(x: &Exchange, input: Value) -> Value {
    let response = x.anonymous(ANSWER, json!({ "input": input })).await;
    assert!(response.get("errors").is_none(), "{response:#}");
    response["data"]["confirmationAnswer"].clone()
}

/// The code and the token of the last message that left.
async fn last_message(x: &Exchange) -> (String, String) {
    while jobs_run(&x.app).await.unwrap() > 0 {}
    let mail = x.outbox.mail.take().into_iter().map(|mail| (mail.to, mail.text));
    let sms = x.outbox.sms.take().into_iter().map(|sms| (sms.to, sms.text));
    let (_, text) = mail.chain(sms).last().expect("a message");
    // The persons of these tests read Norwegian.
    let code = text.split("Koden din er ").nth(1).unwrap()[..6].to_owned();
    let token = text.split("/confirm?lang=no&token=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    (code, token)
}

fn wrong(code: &str) -> String {
    if code == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

on_each_backend! {
    async fn a_code_by_sms_confirms_the_person(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        let sent = send(&x, &seller, &id, "PHONE").await;
        let confirmation = sent["confirmation"]["id"].clone();
        let (code, _) = last_message(&x).await;
        let missed = answer(&x, json!({ "confirmationId": confirmation, "code": wrong(&code) })).await;
        assert_eq!((errors(&missed), &missed["confirmed"]), (vec![("INVALID".to_owned(), "code".to_owned())], &Value::Null));
        assert_eq!(lead(&x, &seller, &id).await["level"], "FORMAT");
        let done = answer(&x, json!({ "confirmationId": confirmation, "code": code })).await;
        assert_eq!((errors(&done), &done["confirmed"]), (vec![], &json!(true)));
        let confirmed = lead(&x, &seller, &id).await;
        assert_eq!((&confirmed["level"], outcome(&confirmed, "CONFIRMED")), (&json!("CONFIRMED"), Some("PASS".to_owned())));
        let repeated = answer(&x, json!({ "confirmationId": confirmation, "code": code })).await;
        assert_eq!(repeated["confirmed"], true);
    }

    async fn a_link_by_mail_confirms_the_person(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        send(&x, &seller, &id, "EMAIL").await;
        let (_, token) = last_message(&x).await;
        assert_eq!(errors(&answer(&x, json!({ "token": "clc_none" })).await), [("NOT_FOUND".to_owned(), "token".to_owned())]);
        assert_eq!(answer(&x, json!({ "token": token })).await["confirmed"], true);
        assert_eq!(lead(&x, &seller, &id).await["level"], "CONFIRMED");
    }

    async fn a_mail_scanner_that_opens_the_link_confirms_nothing(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        send(&x, &seller, &id, "EMAIL").await;
        let (_, token) = last_message(&x).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let page = format!("http://{}/confirm", listener.local_addr().unwrap());
        let routes = api::http::confirm::routes(x.app.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let opened = reqwest::get(format!("{page}?lang=no&token={token}")).await.unwrap();
        assert_eq!((opened.status().as_u16(), opened.headers()["referrer-policy"].to_str().unwrap()), (200, "no-referrer"));
        let text = opened.text().await.unwrap();
        assert!(text.contains(&format!("value=\"{token}\"")) && text.contains("<html lang=\"no\" dir=\"ltr\">"), "{text}");
        assert!(text.contains("Nei, det var ikke meg"), "{text}");
        assert_eq!(lead(&x, &seller, &id).await["level"], "FORMAT");
        let spoiled = reqwest::get(format!("{page}?token=%22%3E%3Cscript%3E")).await.unwrap();
        assert_eq!(spoiled.status().as_u16(), 400);
        assert!(!spoiled.text().await.unwrap().contains("script"));
        let press = |token: String| {
            let request = reqwest::Client::new().post(&page).header("content-type", "application/x-www-form-urlencoded");
            async move { request.body(format!("token={token}")).send().await.unwrap().status().as_u16() }
        };
        assert_eq!(press("clc_unknown".into()).await, 404);
        assert_eq!(press(token.clone()).await, 200);
        assert_eq!(lead(&x, &seller, &id).await["level"], "CONFIRMED");
        assert_eq!(press(token.clone()).await, 200, "a second press is no fault");
        assert_eq!(press(format!("{token}&answer=no&lang=no")).await, 200);
        assert_eq!(lead(&x, &seller, &id).await["state"], "ERASED", "the person did not ask");
        let mut again = x.lead_input(1);
        again["comments"] = json!("Once more");
        assert_eq!(x.lead_submit(&seller, again).await["lead"]["state"], "REJECTED", "and may not be brought again");
    }

    async fn an_expired_code_is_refused(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        let sent = send(&x, &seller, &id, "PHONE").await;
        let (code, token) = last_message(&x).await;
        x.clock.advance_secs(86_400);
        let late = answer(&x, json!({ "confirmationId": sent["confirmation"]["id"], "code": code })).await;
        assert_eq!(errors(&late), [("OUTSIDE_WINDOW".to_owned(), String::new())]);
        assert_eq!(errors(&answer(&x, json!({ "token": token })).await), [("OUTSIDE_WINDOW".to_owned(), String::new())]);
        assert_eq!(lead(&x, &seller, &id).await["level"], "FORMAT");
    }

    async fn a_code_cannot_be_guessed(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let id = x.verified_lead(&seller, 1).await;
        let sent = send(&x, &seller, &id, "PHONE").await;
        let (code, _) = last_message(&x).await;
        let guess = json!({ "confirmationId": sent["confirmation"]["id"], "code": wrong(&code) });
        for _ in 0..5 {
            assert_eq!(errors(&answer(&x, guess.clone()).await), [("INVALID".to_owned(), "code".to_owned())]);
        }
        let right = json!({ "confirmationId": sent["confirmation"]["id"], "code": code });
        assert_eq!(errors(&answer(&x, right).await), [("RATE_LIMITED".to_owned(), String::new())]);
        assert_eq!(lead(&x, &seller, &id).await["level"], "FORMAT");
    }

    async fn a_person_is_not_pestered(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("Seller").await, x.organization("Other").await);
        let mut input = x.lead_input(1);
        input["consent"]["refusedChannels"] = json!(["EMAIL"]);
        let id = x.lead_submit(&seller, input).await["lead"]["id"].as_str().unwrap().to_owned();
        let invalid = vec![("INVALID".to_owned(), "channel".to_owned())];
        assert_eq!(errors(&send(&x, &seller, &id, "EMAIL").await), invalid, "the person refused this channel");
        assert_eq!(errors(&send(&x, &seller, &id, "MESSENGER").await), invalid);
        assert_eq!(errors(&send(&x, &other, &id, "PHONE").await), [("NOT_FOUND".to_owned(), "leadId".to_owned())]);
        for _ in 0..3 {
            assert_eq!(errors(&send(&x, &seller, &id, "PHONE").await), []);
        }
        assert_eq!(errors(&send(&x, &seller, &id, "PHONE").await), [("RATE_LIMITED".to_owned(), String::new())]);
        x.clock.advance_secs(86_400);
        assert_eq!(errors(&send(&x, &seller, &id, "PHONE").await), []);
    }

    async fn a_person_is_not_pestered_by_two_sellers(x: Exchange) {
        x.verticals().await;
        let (one, two) = (x.organization("One").await, x.organization("Two").await);
        let first = x.verified_lead(&one, 1).await;
        for _ in 0..2 {
            assert_eq!(errors(&send(&x, &one, &first, "PHONE").await), []);
        }
        act(&x, &one, "leadWithdraw", json!({ "leadId": first })).await;
        let second = x.verified_lead(&two, 1).await;
        assert_eq!(errors(&send(&x, &two, &second, "EMAIL").await), []);
        assert_eq!(errors(&send(&x, &two, &second, "EMAIL").await), [("RATE_LIMITED".to_owned(), String::new())]);
    }

    async fn a_seller_has_only_so_many_messages_sent(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let mut config = (*x.app.config).clone();
        config.verification.confirmations_per_seller_max = 1;
        let app = api::app::App { config: std::sync::Arc::new(config), ..(*x.app).clone() };
        let caller = crate::harness::caller(seller.principal.clone());
        let send = async |n: u32| {
            let id = x.verified_lead(&seller, n).await.parse().unwrap();
            api::app::confirmations::confirmation_send(&app, &caller, id, domain::lead::Channel::Phone).await
        };
        assert!(send(1).await.is_ok());
        let Err(api::app::AppError::Refused(refused)) = send(2).await else { panic!("sent") };
        assert_eq!(refused[0].code, domain::refusal::Code::RateLimited);
    }
}
