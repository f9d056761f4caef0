//! Verified leads to sell, and the market's operations as a client writes them.

use domain::id::{LeadId, OrganizationId, VerticalId};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::{lead, lead_key, vertical, vertical_version};

use crate::harness::{Actor, Exchange};

pub const LISTING: &str = "id state soldCount maxSales offersShared offersExclusive sharedPrice { amount } \
    exclusivePrice { amount } closesAt endedAt mine leadId ownBid { id state reserved { amount } lossReason }";

/// What a lead of a test is like.
#[derive(Debug, Clone)]
pub struct LeadSpec {
    pub vertical: VerticalId,
    pub attributes: Value,
    pub score: i64,
    pub region: &'static str,
    pub state: &'static str,
    pub target: Option<OrganizationId>,
    /// Tells the person behind the lead.
    pub phone: Option<&'static str>,
}

impl LeadSpec {
    pub fn of(vertical: VerticalId) -> Self {
        Self { vertical, attributes: json!({}), score: 50, region: "Lisboa", state: "VERIFIED", target: None, phone: None }
    }
}

/// A vertical with a small schema.
pub async fn vertical(x: &Exchange, path: &str) -> VerticalId {
    let id: VerticalId = x.app.store.id();
    let (path, now) = (path.to_owned(), x.app.store.now());
    let attribute = |key: &str, kind: &str, more: Value| {
        let mut attribute = json!({ "key": key, "kind": kind, "labels": { "en": key }, "filterable": true });
        attribute.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        attribute
    };
    let definition = json!({
        "labels": { "en": "Test" },
        "attributes": [
            attribute("car", "ENUM", json!({ "values": [{ "value": "VAN" }, { "value": "SEDAN" }] })),
            attribute("horsepower", "INT", json!({ "min": 1, "max": 1000 })),
            attribute("renewal", "DATE", json!({})),
            attribute("garage", "BOOL", json!({})),
            attribute("note", "TEXT", json!({ "filterable": false })),
        ],
    });
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("vertical", move |tx| {
            let row = vertical::ActiveModel {
                id: Set(id.0),
                path: Set(path.clone()),
                parent_id: Set(None),
                current_version: Set(1),
                created_at: Set(now),
            };
            let version = vertical_version::ActiveModel {
                vertical_id: Set(id.0),
                version: Set(1),
                definition: Set(definition.clone()),
                created_by: Set(None),
                created_at: Set(now),
            };
            async move {
                vertical::Entity::insert(row).exec_without_returning(tx.db()).await?;
                vertical_version::Entity::insert(version).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    done.unwrap();
    id
}

/// A lead of `seller`.
pub async fn lead(x: &Exchange, seller: OrganizationId, spec: LeadSpec) -> LeadId {
    let id: LeadId = x.app.store.id();
    let now = x.app.store.now();
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("lead", move |tx| {
            let spec = spec.clone();
            async move {
                let row = lead::ActiveModel {
                    id: Set(id.0),
                    seller_id: Set(seller.0),
                    vertical_id: Set(spec.vertical.0),
                    vertical_version: Set(1),
                    audience: Set("CONSUMER".into()),
                    contact_kind: Set("QUICK".into()),
                    interest: Set("CALLBACK".into()),
                    offering: Set(if spec.target.is_some() { "TARGETED" } else { "CONSUMER_DEMOGRAPHIC" }.into()),
                    target_id: Set(spec.target.map(|target| target.0)),
                    source_kind: Set("DIRECT".into()),
                    source: Set(json!({})),
                    country: Set("PT".into()),
                    region: Set(Some(spec.region.into())),
                    attributes: Set(spec.attributes),
                    channels: Set(json!([])),
                    consent: Set(json!({})),
                    session: Set(json!({})),
                    seller_reference: Set(Some(format!("private-{id}"))),
                    fingerprint: Set(id.0.as_bytes().to_vec()),
                    synthetic: Set(true),
                    state: Set(spec.state.into()),
                    level: Set("FORMAT".into()),
                    score: Set(spec.score),
                    temperature: Set("WARM".into()),
                    score_reasons: Set(json!([])),
                    checks: Set(json!([{ "kind": "PHONE", "outcome": "PASS", "evidence": {}, "at": now }])),
                    captured_at: Set(now),
                    created_at: Set(now),
                    updated_at: Set(now),
                    version: Set(0),
                    ..Default::default()
                };
                lead::Entity::insert(row).exec_without_returning(tx.db()).await?;
                if let Some(phone) = spec.phone {
                    let key = lead_key::ActiveModel {
                        lead_id: Set(id.0),
                        kind: Set("PHONE".into()),
                        hash: Set(phone.as_bytes().to_vec()),
                        seller_id: Set(seller.0),
                        created_at: Set(now),
                    };
                    lead_key::Entity::insert(key).exec_without_returning(tx.db()).await?;
                }
                Ok(())
            }
        })
        .await;
    done.unwrap();
    id
}

/// An amount in euros as clients write it.
pub fn money(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "EUR" })
}

/// Lists a lead; answers the payload.
pub async fn create(x: &Exchange, seller: &Actor, lead: LeadId, max_sales: i64, open_secs: Option<i64>, terms: Value) -> Value {
    let query = format!(
        "mutation($input: ListingCreateInput!) {{ listingCreate(input: $input) {{ listing {{ {LISTING} }} userErrors {{ code path }} }} }}"
    );
    let input = json!({ "leadId": lead.to_string(), "maxSales": max_sales, "openSecs": open_secs, "terms": terms });
    seller.run(x, &query, json!({ "input": input })).await["listingCreate"].clone()
}

/// Lists a lead that may be listed; answers the listing's id.
pub async fn listed(x: &Exchange, seller: &Actor, lead: LeadId, max_sales: i64, open_secs: Option<i64>, terms: Value) -> String {
    let payload = create(x, seller, lead, max_sales, open_secs, terms).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["listing"]["id"].as_str().unwrap().to_owned()
}

/// Buys at once; answers the payload.
pub async fn buy(x: &Exchange, buyer: &Actor, listing: &str, kind: &str, key: &str) -> Value {
    buy_for(x, buyer, listing, kind, key, Value::Null).await
}

/// Buys at once for at most `max_price`; answers the payload.
pub async fn buy_for(x: &Exchange, buyer: &Actor, listing: &str, kind: &str, key: &str, max_price: Value) -> Value {
    let query = format!(
        "mutation($input: ListingBuyInput!) {{ listingBuy(input: $input) {{ trade {{ id price {{ amount }} }} listing {{ {LISTING} }} userErrors {{ code path }} }} }}"
    );
    let input = json!({ "listingId": listing, "kind": kind, "maxPrice": max_price, "idempotencyKey": key });
    buyer.run(x, &query, json!({ "input": input })).await["listingBuy"].clone()
}

/// Places a bid; answers the payload.
pub async fn bid(x: &Exchange, buyer: &Actor, listing: &str, shared: Option<&str>, exclusive: Option<&str>, key: &str) -> Value {
    let query = "mutation($input: BidPlaceInput!) { bidPlace(input: $input) \
        { bid { id state reserved { amount } } userErrors { code path } } }";
    let input = json!({
        "listingId": listing, "shared": shared.map(money), "exclusive": exclusive.map(money), "idempotencyKey": key,
    });
    buyer.run(x, query, json!({ "input": input })).await["bidPlace"].clone()
}

/// Places a bid that may be placed.
pub async fn placed(x: &Exchange, buyer: &Actor, listing: &str, shared: Option<&str>, exclusive: Option<&str>) -> String {
    let key = format!("{listing}-{shared:?}-{exclusive:?}");
    let payload = bid(x, buyer, listing, shared, exclusive, &key).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["bid"]["id"].as_str().unwrap().to_owned()
}

/// A listing as `viewer` sees it; null when there is none.
pub async fn seen(x: &Exchange, viewer: &Actor, listing: &str) -> Value {
    let query = format!("query($id: ID!) {{ listing(id: $id) {{ {LISTING} }} }}");
    viewer.run(x, &query, json!({ "id": listing })).await["listing"].clone()
}

/// The codes and places of a payload's user errors.
pub fn errors(payload: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = |error: &Value| error["path"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(".");
    payload["userErrors"].as_array().unwrap().iter().map(|error| (text(&error["code"]), path(error))).collect()
}

/// One expected user error.
pub fn one(code: &str, path: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), path.to_owned())]
}
