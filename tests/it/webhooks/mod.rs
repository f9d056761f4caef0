//! Webhooks out, and the consumers of the feed behind them.

mod alerts;
mod consumers;
mod endpoints;
mod events;
mod faults;
mod handing;
pub mod libraries;
mod personal;
mod process;
pub mod receiver;

use std::time::Duration;

use api::app::App;
use api::app::webhooks::{CONSUMER, Sender, webhooks_fan_out};
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};
use receiver::Receiver;

/// Endpoints of tests lie on this machine.
pub const LOCAL: &str = "[webhooks]\ninsecure = true\n";

const CREATE: &str = "mutation ($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) {
    webhookEndpoint { id name url eventTypes includeContact disabledAt pausedAt } secret userErrors { code path } } }";

/// An endpoint and its secret.
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

/// Makes an endpoint; answers the payload.
pub async fn create(x: &Exchange, who: &Actor, url: &str, types: &[&str], contact: bool) -> Value {
    let input = json!({ "name": "CRM", "url": url, "eventTypes": types, "includeContact": contact });
    who.run(x, CREATE, json!({ "input": input })).await["webhookEndpointCreate"].clone()
}

/// An endpoint at `path` of a receiver.
pub async fn endpoint(x: &Exchange, who: &Actor, at: &Receiver, path: &str, types: &[&str]) -> Endpoint {
    let made = create(x, who, &at.url(path), types, false).await;
    assert_eq!(made["userErrors"], json!([]));
    Endpoint {
        id: made["webhookEndpoint"]["id"].as_str().unwrap().to_owned(),
        secret: made["secret"].as_str().unwrap().to_owned(),
    }
}

/// Runs `webhookEndpoint{verb}` on an endpoint; answers the payload.
pub async fn act(x: &Exchange, who: &Actor, verb: &str, id: &str, shown: &str) -> Value {
    let field = format!("webhookEndpoint{verb}");
    let query = format!(
        "mutation ($input: WebhookEndpoint{verb}Input!) {{ {field}(input: $input) {{ {shown} userErrors {{ code path }} }} }}"
    );
    who.run(x, &query, json!({ "input": { "webhookEndpointId": id } })).await[&field].clone()
}

/// Makes messages of all events so far. On Postgres a transaction of another test may hold events back: they are waited for.
pub async fn fan_out(app: &App) {
    let all = async {
        loop {
            webhooks_fan_out(app).await.unwrap();
            let Some((position, _)) = app.store.feed_consumer(CONSUMER).await.unwrap() else { return };
            let read = app.store.feed_read(position, 1).await.unwrap();
            if read.events.is_empty() && read.ahead.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
}

/// Sends everything that is due; answers how many attempts that took.
pub async fn deliver(x: &Exchange) -> u64 {
    fan_out(&x.app).await;
    Sender::new(x.app.clone()).drain().await
}

/// Moves the clock on.
pub fn later(x: &Exchange, secs: i64) {
    let now = x.app.now();
    x.clock.set(domain::time::plus_secs(now, secs));
}

/// The messages of an organization, oldest first, with what came of them.
pub async fn deliveries(x: &Exchange, who: &Actor, filter: &str) -> Vec<Value> {
    let query = format!(
        "{{ webhookDeliveries(first: 100{filter}) {{ edges {{ node {{ id webhookEndpointId eventType objectId sequence data state attempts }} }} }} }}"
    );
    let page = who.run(x, &query, json!({})).await["webhookDeliveries"]["edges"].clone();
    page.as_array().unwrap().iter().rev().map(|edge| edge["node"].clone()).collect()
}

/// The attempts of a message, the latest first.
pub async fn attempts(x: &Exchange, who: &Actor, id: &Value) -> Vec<Value> {
    let query =
        "query ($id: ID!) { webhookAttempts(webhookDeliveryId: $id) { edges { node { attempt outcome status answer } } } }";
    let page = who.run(x, query, json!({ "id": id })).await["webhookAttempts"]["edges"].clone();
    page.as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}
