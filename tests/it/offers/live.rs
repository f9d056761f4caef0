//! Live bids: endpoints that answer, that are late, and that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api::app::App;
use api::config::Config;
use api::ports::HttpCallOuts;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::stand::{buyer, campaign, ledger_holds, offered, ping, ping_input};
use crate::harness::{Exchange, on_each_backend};

#[derive(Clone, Default)]
struct Desk {
    asked: Arc<AtomicU32>,
    last: Arc<std::sync::Mutex<Value>>,
}

async fn answer(State(desk): State<Desk>, Json(question): Json<Value>) -> Json<Value> {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    *desk.last.lock().unwrap() = question;
    Json(json!({ "exclusive": "11.00" }))
}

async fn slow(State(desk): State<Desk>) -> Json<Value> {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(5)).await;
    Json(json!({ "exclusive": "19.00" }))
}

async fn desk() -> (String, Desk) {
    let desk = Desk::default();
    let routes = Router::new().route("/bid", post(answer)).route("/slow", post(slow)).with_state(desk.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (format!("http://{address}"), desk)
}

/// The exchange with endpoints on this machine allowed, as for development.
fn developing(mut x: Exchange) -> Exchange {
    let settings =
        format!("[server]\ndata_dir = {:?}\n[dns]\nenabled = false\n[campaigns]\ncall_out_insecure = true\n", x.folder());
    let config = Arc::new(Config::from_toml(&settings).unwrap());
    let call_outs = Arc::new(HttpCallOuts::new(&config.campaigns).unwrap());
    let app = App { config: Arc::clone(&config), call_outs, ..App::clone(&x.app) };
    x.app = Arc::new(app);
    x.schema = api::graphql::schema(Arc::clone(&x.app));
    x
}

fn calling(url: &str, more: Value) -> Value {
    let mut fields = json!({ "callOut": { "url": url, "deadlineMillis": 200 } });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

on_each_backend! {
    async fn an_endpoint_names_its_price(x: Exchange) {
        let x = developing(x);
        x.verticals().await;
        let (url, desk) = desk().await;
        let seller = x.organization("Agency").await;
        let (_, id) = buyer(&x, "Live", 10_000, campaign(None, Some("20"), calling(&format!("{url}/bid"), json!({})))).await;
        buyer(&x, "Standing", 10_000, campaign(None, Some("9"), json!({}))).await;
        let offer = offered(&x, &seller, ping_input(&x, 1)).await;
        assert_eq!(offer["gross"]["amount"], "9.00");
        let question = desk.last.lock().unwrap().clone();
        assert_eq!((&question["campaignId"], &question["most"]["exclusive"]), (&json!(id), &json!("20.00")));
        assert_eq!((&question["lead"]["vertical"], &question["lead"]["city"]), (&json!("travel/tour"), &json!("Bergen")));
        let text = question.to_string();
        assert!(!text.contains("digest") && !text.contains("postal"), "{text}");
        // A bid above the campaign's own price is taken at that price, one below another's loses.
        buyer(&x, "Dear", 10_000, campaign(None, Some("12"), json!({}))).await;
        assert_eq!(offered(&x, &seller, ping_input(&x, 2)).await["gross"]["amount"], "11.00");
        ledger_holds(&x).await;
    }

    async fn who_answers_late_has_lost_and_is_left_alone_for_a_while(x: Exchange) {
        let x = developing(x);
        x.verticals().await;
        let (url, desk) = desk().await;
        let seller = x.organization("Agency").await;
        buyer(&x, "Late", 10_000, campaign(None, Some("20"), calling(&format!("{url}/slow"), json!({})))).await;
        let fails = json!({ "pauseAfterFailures": 3 });
        let gone = campaign(None, Some("30"), calling("http://127.0.0.1:9/none", fails));
        let (gone, id) = buyer(&x, "Gone", 10_000, gone).await;
        buyer(&x, "Standing", 10_000, campaign(None, Some("9"), json!({}))).await;
        for n in 1..=12 {
            assert_eq!(offered(&x, &seller, ping_input(&x, n)).await["gross"]["amount"], "5.00");
        }
        // After ten failures in a row nobody asks, until the pause is over.
        assert_eq!(desk.asked.load(Ordering::SeqCst), 10);
        x.clock.advance_secs(60);
        ping(&x, &seller, ping_input(&x, 13)).await;
        assert_eq!(desk.asked.load(Ordering::SeqCst), 11);
        // The one that is to pause after three failures has.
        let seen = gone.run(&x, "query ($id: ID!) { campaign(id: $id) { state pauseReason failures } }", json!({ "id": id })).await;
        assert_eq!(seen["campaign"], json!({ "state": "PAUSED", "pauseReason": "DELIVERIES_FAILING", "failures": 3 }));
        ledger_holds(&x).await;
    }

    async fn an_endpoint_in_the_exchanges_own_net_is_not_called(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let create = "mutation ($input: CampaignCreateInput!) { campaignCreate(input: $input) { campaign { id } userErrors { code path } } }";
        let plain = campaign(None, Some("20"), calling("http://bids.example/ask", json!({})));
        let input = json!({ "campaign": plain, "idempotencyKey": "a" });
        let refused = seller.run(&x, create, json!({ "input": input })).await["campaignCreate"].clone();
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID", "path": ["campaign", "callOut", "url"] }]));
        buyer(&x, "Inside", 10_000, campaign(None, Some("20"), calling("https://127.0.0.1:9/", json!({})))).await;
        assert_eq!(ping(&x, &seller, ping_input(&x, 1)).await["offer"], Value::Null);
    }
}
