//! Lead ads of Meta: the handshake, notices, and leads that are read from a Graph API of our own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::app::App;
use api::app::jobs::{jobs_run, lane_run};
use api::http::hooks::routes;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use store::job::Lane;

use super::hooks::{address, mapping};
use super::signed::{hmac, made_with, posted};
use crate::harness::{Actor, Exchange, on_each_backend};

const APP_SECRET: &str = "the app's secret";
const TOKEN: &str = "EAAG-page-token";
const META: &[(&str, &str)] = &[("name", "full_name"), ("phone", "phone_number"), ("seller_reference", "id")];

/// What a Graph API answers: for each lead its answers one after another, the last one for ever.
#[derive(Clone, Default)]
struct Graph(Arc<Mutex<GraphState>>);

#[derive(Default)]
struct GraphState {
    answers: HashMap<String, Vec<(u16, Value)>>,
    asked: Vec<(String, String, String)>,
}

impl Graph {
    async fn start(x: &Exchange) -> (Self, Arc<App>) {
        let graph = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/{version}/{id}", get(answered)).with_state(graph.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let app =
            x.process_with(&format!("[meta]\ngraph_url = \"{url}\"\ngraph_version = \"v30.1\"\ntimeout_millis = 300\n")).await;
        (graph, app)
    }

    fn answer(&self, id: &str, answers: &[(u16, Value)]) {
        self.0.lock().unwrap().answers.insert(id.to_owned(), answers.to_vec());
    }

    fn asked(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

async fn answered(
    State(graph): State<Graph>,
    Path((version, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let (status, answer) = {
        let mut state = graph.0.lock().unwrap();
        let token = headers["authorization"].to_str().unwrap().to_owned();
        state.asked.push((format!("{version}/{id}"), query.unwrap_or_default(), token));
        let answers = state.answers.get_mut(&id).unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    };
    if status == 0 {
        // Says nothing for longer than anybody waits.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    (StatusCode::from_u16(status).unwrap(), answer.to_string())
}

fn lead(n: u32) -> Value {
    let field = |name: &str, value: &str| json!({ "name": name, "values": [value] });
    json!({ "id": n.to_string(), "created_time": "2026-03-02T09:00:00+0000", "field_data": [
        field("full_name", "Kari Nordmann"), field("phone_number", &format!("+479120{n:04}")), field("email", &format!("kari.{n}@fjelltur.no")),
        field("city", "Bergen"), field("nights", "7"), field("adults", "2"), field("destination_country", "Greece"),
    ] })
}

fn error(code: i64, subcode: i64) -> Value {
    json!({ "error": { "message": "m", "type": "OAuthException", "code": code, "error_subcode": subcode } })
}

fn notice(ids: &[u32]) -> Vec<u8> {
    let change = |id: &u32| json!({ "field": "leadgen", "value": { "leadgen_id": id.to_string(), "page_id": "7", "form_id": "8", "ad_id": "9" } });
    let changes: Vec<Value> = ids.iter().map(change).collect();
    json!({ "object": "page", "entry": [{ "id": "7", "time": 1, "changes": changes }] }).to_string().into_bytes()
}

fn signature(body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(APP_SECRET, &[body])))
}

/// An agency with an address for Meta, on an exchange that asks this Graph API.
struct Stage {
    x: Exchange,
    graph: Graph,
    seller: Actor,
    url: String,
    hook: Value,
}

impl Stage {
    async fn set(mut x: Exchange) -> Self {
        let (graph, app) = Graph::start(&x).await;
        x.app = app;
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (url, hook) = hook(&x, &seller).await;
        Self { x, graph, seller, url, hook }
    }
}

/// A hook of Meta and where the exchange listens.
async fn hook(x: &Exchange, seller: &Actor) -> (String, Value) {
    let meta = json!({ "meta": { "appSecret": APP_SECRET, "verifyToken": "our own word", "pageToken": TOKEN } });
    let hook = made_with(x, seller, "META", &mapping(META), meta).await;
    assert_eq!((&hook["userErrors"], &hook["secret"], &hook["leadHook"]["signed"]), (&json!([]), &Value::Null, &json!(true)));
    (x.listen(routes, &[]).await, hook)
}

async fn told(url: &str, hook: &Value, ids: &[u32]) -> (u16, Value) {
    let body = notice(ids);
    posted(url, hook, None, &[("x-hub-signature-256", &signature(&body))], body).await
}

async fn trouble(x: &Exchange, seller: &Actor) -> Value {
    let shown = seller.run(x, "{ leadHooks { edges { node { lastError lastErrorAt } } } }", json!({})).await;
    let node = &shown["leadHooks"]["edges"][0]["node"];
    assert_eq!(node["lastError"].is_null(), node["lastErrorAt"].is_null());
    node["lastError"].clone()
}

/// Jobs that ask for leads: the checks of leads that were taken wait, too.
async fn waiting(x: &Exchange) -> usize {
    x.dump(&["job"]).await.lines().filter(|line| line.contains("meta_lead")).count()
}

on_each_backend! {
    async fn meta_tries_the_address(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let (url, hook) = hook(&x, &seller).await;
        let shake = async |hook: &Value, mode: &str, token: &str, challenge: &str| {
            let base = address(&url, hook, None);
            let asked = [("hub.mode", mode), ("hub.verify_token", token), ("hub.challenge", challenge)];
            let response = Client::new().get(Url::parse_with_params(base.as_str(), asked).unwrap()).send().await.unwrap();
            let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
            (response.status().as_u16(), kind, response.text().await.unwrap())
        };
        let (status, kind, text) = shake(&hook, "subscribe", "our own word", "1158201444").await;
        assert_eq!((status, text.as_str()), (200, "1158201444"));
        assert!(kind.starts_with("text/plain"), "{kind}");
        assert_eq!(shake(&hook, "subscribe", "another word", "1").await.0, 401);
        assert_eq!(shake(&hook, "subscribe", "", "1").await.0, 401);
        for (mode, challenge) in [("unsubscribe", "1"), ("subscribe", ""), ("subscribe", "<b>x y</b>"), ("subscribe", &"1".repeat(257))] {
            assert_eq!(shake(&hook, mode, "our own word", challenge).await.0, 422, "{mode} {challenge}");
        }
        let form = made_with(&x, &seller, "FORM", &mapping(&[]), json!({})).await;
        assert_eq!(shake(&form, "subscribe", "our own word", "1").await.0, 404);
        // There is no key to give anybody.
        let query = "mutation ($input: LeadHookRotateSecretInput!) { leadHookRotateSecret(input: $input) { secret userErrors { code path } } }";
        let rotated = seller.run(&x, query, json!({ "input": { "leadHookId": hook["leadHook"]["id"] } })).await;
        assert_eq!(rotated["leadHookRotateSecret"]["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["leadHookId"] }]));
    }

    async fn a_lead_is_read_once_behind_its_notice(x: Exchange) {
        let Stage { x, graph, seller, url, hook } = Stage::set(x).await;
        graph.answer("101", &[(200, lead(101))]);
        graph.answer("102", &[(200, lead(102))]);
        let body = notice(&[101, 102]);
        let forged = format!("sha256={}", hex::encode(hmac("another", &[&body])));
        for headers in [vec![], vec![("x-hub-signature-256", forged.as_str())], vec![("x-hub-signature-256", "sha256=zz")]] {
            assert_eq!(posted(&url, &hook, None, &headers, body.clone()).await.0, 401);
        }
        let huge = vec![b' '; (1 << 20) + 1];
        assert_eq!(posted(&url, &hook, None, &[("x-hub-signature-256", &signature(&huge))], huge.clone()).await.0, 413);
        let odd = b"{\"entry\":1}".to_vec();
        assert_eq!(posted(&url, &hook, None, &[("x-hub-signature-256", &signature(&odd))], odd.clone()).await.0, 422);
        assert_eq!((waiting(&x).await, x.count("lead_hook_message").await), (0, 0));

        // Answered at once, before anybody asks Meta for anything.
        assert_eq!(told(&url, &hook, &[101, 102]).await, (200, json!({ "status": "RECEIVED", "leads": 2, "new": 2 })));
        assert_eq!(told(&url, &hook, &[102, 101]).await, (200, json!({ "status": "RECEIVED", "leads": 2, "new": 0 })));
        assert_eq!((graph.asked().len(), waiting(&x).await), (0, 2));
        jobs_run(&x.app).await.unwrap();
        let proof = hex::encode(hmac(APP_SECRET, &[TOKEN.as_bytes()]));
        let mut asked = graph.asked();
        asked.sort();
        assert_eq!(asked.len(), 2);
        assert_eq!((asked[0].0.as_str(), asked[0].2.as_str()), ("v30.1/101", "Bearer EAAG-page-token"));
        assert!(asked[0].1.ends_with(&format!("&appsecret_proof={proof}")) && !asked[0].1.contains(TOKEN), "{}", asked[0].1);
        let shown = seller.run(&x, "{ leads { edges { node { sellerReference city state } } } }", json!({})).await;
        let mut references: Vec<&str> =
            shown["leads"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["sellerReference"].as_str().unwrap()).collect();
        references.sort_unstable();
        assert_eq!(references, ["101", "102"]);
        // Meta repeats itself for hours.
        x.clock.advance_secs(7_200);
        assert_eq!(told(&url, &hook, &[101]).await, (200, json!({ "status": "RECEIVED", "leads": 1, "new": 0 })));
        jobs_run(&x.app).await.unwrap();
        assert_eq!((graph.asked().len(), x.count("lead").await, trouble(&x, &seller).await), (0, 2, Value::Null));
        let kept = x.dump(&["lead_hook", "lead_hook_secret", "lead_hook_message", "job"]).await;
        for secret in [APP_SECRET, TOKEN, "our own word", "Nordmann", "fjelltur"] {
            assert!(!kept.contains(secret), "{secret}");
        }
    }

    async fn a_slow_graph_delays_no_verification(x: Exchange) {
        let Stage { x, graph, seller, url, hook } = Stage::set(x).await;
        graph.answer("301", &[(0, json!(null))]);
        assert_eq!(told(&url, &hook, &[301]).await.0, 200);
        x.lead_submit(&seller, x.lead_input(1)).await;
        let look_ups = async || x.dump(&["job"]).await.lines().filter(|line| line.contains("LOOK_UPS")).count();
        assert_eq!(look_ups().await, 1);
        // What is looked up about a lead does not wait for the lead of another.
        assert_eq!(lane_run(&x.app, Lane::LookUps).await.unwrap(), 1);
        assert_eq!((look_ups().await, graph.asked().len(), waiting(&x).await), (0, 0, 1));
        lane_run(&x.app, Lane::Retrievals).await.unwrap();
        assert_eq!((graph.asked().len(), waiting(&x).await), (1, 1));
    }

    async fn what_fails_at_meta_is_asked_for_again(x: Exchange) {
        let Stage { x, graph, seller, url, hook } = Stage::set(x).await;
        // 5xx, silence, what is no JSON, too many calls: each lead is taken in the end, and the later one before.
        graph.answer("201", &[(500, error(2, 0)), (0, json!(null)), (200, json!("odd")), (400, error(613, 0)), (200, lead(201))]);
        graph.answer("202", &[(200, lead(202))]);
        assert_eq!(told(&url, &hook, &[201]).await.0, 200);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, waiting(&x).await), (json!("UNREACHABLE"), 1));
        assert_eq!(told(&url, &hook, &[202]).await.0, 200);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((x.count("lead").await, trouble(&x, &seller).await), (1, Value::Null));
        for (pause, expected) in [(15, json!("UNREACHABLE")), (30, json!("UNREACHABLE")), (60, json!("RATE_LIMITED"))] {
            x.clock.advance_secs(pause - 1);
            let before = graph.asked().len();
            jobs_run(&x.app).await.unwrap();
            assert!(graph.asked().is_empty(), "too early: {before}");
            x.clock.advance_secs(1);
            jobs_run(&x.app).await.unwrap();
            assert_eq!((trouble(&x, &seller).await, waiting(&x).await, x.count("lead").await), (expected, 1, 1));
        }
        x.clock.advance_secs(300);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, waiting(&x).await, x.count("lead").await), (Value::Null, 0, 2));
        assert!(x.outbox.mail.take().is_empty(), "nobody can do anything about it");
        // One that Meta does not have is given up, and asked for anew when it is named again.
        graph.answer("203", &[(400, error(100, 33)), (200, lead(203))]);
        assert_eq!(told(&url, &hook, &[203]).await.1["new"], 1);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, waiting(&x).await), (json!("GONE"), 0));
        assert_eq!(told(&url, &hook, &[203]).await.1["new"], 1);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, x.count("lead").await), (Value::Null, 3));
    }

    async fn an_expired_token_is_told_to_the_owner_and_replaced(x: Exchange) {
        let Stage { x, graph, seller, url, hook } = Stage::set(x).await;
        graph.answer("301", &[(400, error(190, 463)), (200, lead(301))]);
        graph.answer("302", &[(400, error(190, 463)), (200, lead(302))]);
        assert_eq!(told(&url, &hook, &[301, 302]).await.0, 200);
        // The mail is enqueued by the job, in the lane that comes first.
        jobs_run(&x.app).await.unwrap();
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, waiting(&x).await), (json!("TOKEN_EXPIRED"), 2));
        let mails = x.outbox.mail.take();
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(mails[0].to == format!("{}@example.com", seller.user) && mails[0].text.contains("\"Spring\""), "{}", mails[0].text);
        let query = "mutation ($input: LeadHookUpdateInput!) { leadHookUpdate(input: $input) { leadHook { lastError } userErrors { code } } }";
        let input = json!({ "leadHookId": hook["leadHook"]["id"], "meta": { "pageToken": "EAAG-another" } });
        let updated = seller.run(&x, query, json!({ "input": input })).await["leadHookUpdate"].clone();
        assert_eq!(updated, json!({ "leadHook": { "lastError": null }, "userErrors": [] }));
        graph.asked();
        x.clock.advance_secs(900);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((trouble(&x, &seller).await, waiting(&x).await, x.count("lead").await), (Value::Null, 0, 2));
        assert!(graph.asked().iter().all(|(_, _, token)| token == "Bearer EAAG-another"));
        assert!(x.outbox.mail.take().is_empty());
        // A disabled hook asks for nothing any more.
        graph.answer("303", &[(200, lead(303))]);
        assert_eq!(told(&url, &hook, &[303]).await.0, 200);
        let query = "mutation ($input: LeadHookDisableInput!) { leadHookDisable(input: $input) { userErrors { code } } }";
        seller.run(&x, query, json!({ "input": { "leadHookId": hook["leadHook"]["id"] } })).await;
        jobs_run(&x.app).await.unwrap();
        assert_eq!((graph.asked().len(), x.count("lead").await, waiting(&x).await), (0, 2, 0));
        assert_eq!(told(&url, &hook, &[304]).await.0, 404);
    }

    async fn what_does_not_fit_waits_for_a_better_mapping_and_tests_leave_nothing(x: Exchange) {
        let Stage { x, graph, seller, url, hook } = Stage::set(x).await;
        let mut odd = lead(401);
        odd["field_data"][0]["name"] = json!("what_is_your_name?");
        graph.answer("401", &[(200, odd)]);
        let mut test = lead(402);
        test["field_data"][0]["values"][0] = json!("<test lead: dummy data for full_name>");
        graph.answer("402", &[(200, test)]);
        assert_eq!(told(&url, &hook, &[401]).await.0, 200);
        jobs_run(&x.app).await.unwrap();
        let first = x.count("lead").await;
        assert_eq!(told(&url, &hook, &[402]).await.0, 200);
        let before = trouble(&x, &seller).await;
        jobs_run(&x.app).await.unwrap();
        // The lead of Meta's tool is looked at and kept nowhere.
        assert_eq!(x.count("lead").await, first);
        assert_eq!((before, first), (json!("REFUSED"), 0));
        let query = "mutation ($input: LeadHookUpdateInput!) { leadHookUpdate(input: $input) { userErrors { code } } }";
        let better = mapping(&[&[("name", "what_is_your_name?")], META].concat());
        seller.run(&x, query, json!({ "input": { "leadHookId": hook["leadHook"]["id"], "mapping": better } })).await;
        x.clock.advance_secs(86_400);
        jobs_run(&x.app).await.unwrap();
        assert_eq!((x.count("lead").await, trouble(&x, &seller).await, waiting(&x).await), (1, Value::Null, 0));
    }
}
