//! Bought leads and destinations as a client writes them.

use std::time::Duration;

use api::app::deliveries::files::delivery_files_write;
use api::app::deliveries::{deliveries_follow, deliveries_run};
use domain::id::TradeId;
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};
use crate::ledger::market::fund;
use crate::market::stand::{buy, listed, money};

pub const DELIVERY: &str = "id tradeId destinationId campaignId state reason externalId fileUrl failures dueAt endedAt
    attempts(first: 25) { edges { node { outcome status reason answer request { method target headers { name value } body } } } }";

const DESTINATION: &str =
    "id name kind settings schedule { hours timeZone notify } secretNames isDefault disabledAt disabledReason";

/// A market in which destinations may lie on this machine.
pub struct Scene {
    pub x: Exchange,
    pub seller: Actor,
    pub buyer: Actor,
}

impl Scene {
    pub async fn open(x: Exchange) -> Self {
        Self::with(x, "").await
    }

    /// With further settings of deliveries.
    pub async fn with(mut x: Exchange, settings: &str) -> Self {
        x.app = x.process_with(&format!("[delivery]\ninsecure = true\ntimeout_secs = 5\n{settings}")).await;
        x.schema = api::graphql::schema(x.app.clone());
        x.verticals().await;
        let (seller, buyer) = (x.organization("Agency").await, x.organization("Advertiser").await);
        fund(&x.app, buyer.org(), 100_000).await;
        Self { x, seller, buyer }
    }

    /// Makes a destination; answers the payload.
    pub async fn destination(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: DestinationCreateInput!) {{ destinationCreate(input: $input) {{ \
             destination {{ {DESTINATION} }} userErrors {{ code message path }} }} }}"
        );
        self.buyer.run(&self.x, &query, json!({ "input": input })).await["destinationCreate"].clone()
    }

    /// Makes the default destination, which must be possible; answers its id.
    pub async fn default_to(&self, destination: Value, secrets: &[(&str, &str)]) -> String {
        let secrets: Vec<Value> = secrets.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let input = json!({ "name": "CRM", "destination": destination, "secrets": secrets, "isDefault": true });
        let payload = self.destination(input).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        payload["destination"]["id"].as_str().unwrap().to_owned()
    }

    /// Runs a mutation of one destination; answers the payload.
    pub async fn turn(&self, mutation: &str, input: Value) -> Value {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let query = format!(
            "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ destination {{ {DESTINATION} }} userErrors {{ code path }} }} }}"
        );
        self.buyer.run(&self.x, &query, json!({ "input": input })).await[mutation].clone()
    }

    /// Lists the lead of person `n` and buys it; answers the trade.
    pub async fn bought(&self, n: u32) -> TradeId {
        let lead = self.x.verified_lead(&self.seller, n).await.parse().unwrap();
        self.bought_lead(lead).await
    }

    pub async fn bought_lead(&self, lead: domain::id::LeadId) -> TradeId {
        let terms = json!({ "fixed": { "exclusivePrice": money("20") } });
        let listing = listed(&self.x, &self.seller, lead, 1, None, terms).await;
        let payload = buy(&self.x, &self.buyer, &listing, "EXCLUSIVE", &listing).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        payload["trade"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Follows the feed until there are `count` deliveries: on Postgres transactions of other databases can hold events back.
    pub async fn made(&self, count: i64) {
        let follow = async {
            while self.x.count("delivery").await < count {
                deliveries_follow(&self.x.app).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), follow).await.unwrap();
        assert_eq!(self.x.count("delivery").await, count);
    }

    /// Does what is due; answers how many deliveries were tried.
    pub async fn run(&self) -> u64 {
        delivery_files_write(&self.x.app).await.unwrap();
        deliveries_run(&self.x.app).await.unwrap()
    }

    /// The deliveries of the buyer, the youngest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        self.deliveries_as(&self.buyer, json!({})).await
    }

    pub async fn deliveries_as(&self, who: &Actor, filter: Value) -> Vec<Value> {
        let query = format!(
            "query($filter: DeliveryFilterInput) {{ deliveries(filter: $filter, first: 8) {{ edges {{ node {{ {DELIVERY} }} }} }} }}"
        );
        let found = who.run(&self.x, &query, json!({ "filter": filter })).await;
        found["deliveries"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
    }

    /// The youngest delivery.
    pub async fn delivery(&self) -> Value {
        self.deliveries().await.remove(0)
    }

    /// What the buyer sees of a trade.
    pub async fn trade(&self, id: TradeId) -> Value {
        let query = "query($id: ID!) { trade(id: $id) { state deliveredAt holdWaitsForDelivery deliveries { state } } }";
        self.buyer.run(&self.x, query, json!({ "id": id.to_string() })).await["trade"].clone()
    }

    /// Tries a delivery again; answers the payload.
    pub async fn retry(&self, id: &Value) -> Value {
        let query = "mutation($input: DeliveryRetryInput!) { deliveryRetry(input: $input) { delivery { state } userErrors { code path } } }";
        self.buyer.run(&self.x, query, json!({ "input": { "deliveryId": id } })).await["deliveryRetry"].clone()
    }
}

/// Outcomes and statuses of the attempts of a delivery, the oldest first.
pub fn attempts(delivery: &Value) -> Vec<(String, Value)> {
    let edges = delivery["attempts"]["edges"].as_array().unwrap();
    let attempt = |edge: &Value| (edge["node"]["outcome"].as_str().unwrap().to_owned(), edge["node"]["status"].clone());
    edges.iter().rev().map(attempt).collect()
}

/// The seconds from now until a delivery is due.
pub fn due_in(x: &Exchange, delivery: &Value) -> i64 {
    let due: chrono::DateTime<chrono::Utc> = delivery["dueAt"].as_str().unwrap().parse().unwrap();
    due.signed_duration_since(x.app.now()).num_seconds()
}

/// A hook at `url`, as its own address and without answers of the form.
pub fn hook() -> Value {
    json!({ "settings": { "hook": { "attributes": false } } })
}
