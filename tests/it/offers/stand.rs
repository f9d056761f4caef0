//! Campaigns with money behind them, and pings, as clients write them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Actor, Exchange};
use crate::ledger::market::fund;

pub const OFFER: &str = "id state kind copies net { amount currencyCode } gross { amount } vertical leadId listingId expiresAt";

/// An amount in euros as clients write it.
pub fn euros(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "EUR" })
}

/// A campaign for tours at these prices; `more` are further fields.
pub fn campaign(shared: Option<&str>, exclusive: Option<&str>, more: Value) -> Value {
    let mut campaign = json!({
        "name": "Tours",
        "vertical": "travel",
        "currencyCode": "EUR",
        "price": { "shared": shared.map(euros), "exclusive": exclusive.map(euros) },
    });
    campaign.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    campaign
}

/// Makes a campaign; answers its id.
pub async fn campaign_create(x: &Exchange, buyer: &Actor, key: &str, campaign: Value) -> String {
    const CREATE: &str = "mutation ($input: CampaignCreateInput!) { campaignCreate(input: $input) {
        campaign { id } userErrors { code message path } } }";
    let input = json!({ "campaign": campaign, "idempotencyKey": key });
    let payload = buyer.run(x, CREATE, json!({ "input": input })).await["campaignCreate"].clone();
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["campaign"]["id"].as_str().unwrap().to_owned()
}

/// A buyer with a wallet and a campaign; answers both.
pub async fn buyer(x: &Exchange, name: &str, wallet_minor: i64, campaign: Value) -> (Actor, String) {
    let buyer = x.organization(name).await;
    fund(&x.app, buyer.org(), wallet_minor).await;
    let id = campaign_create(x, &buyer, "first", campaign).await;
    (buyer, id)
}

/// The ping of the lead that [`Exchange::lead_input`] makes of `n`, sold exclusively from 5 euros on.
pub fn ping_input(x: &Exchange, n: u32) -> Value {
    let lead = x.lead_input(n);
    let ways = [&lead["contact"]["phones"][0], &lead["contact"]["emails"][0]];
    let digests = ways.map(|way| digest(way.as_str().unwrap()));
    json!({
        "lead": {
            "vertical": lead["vertical"], "contactKind": lead["contactKind"], "interest": lead["interest"],
            "demographics": lead["demographics"], "attributes": lead["attributes"], "geography": lead["geography"],
            "source": lead["source"],
        },
        "consent": "TEXT",
        "digests": digests,
        "terms": { "exclusiveReserve": euros("5") },
    })
}

/// Pings; answers the payload.
pub async fn ping(x: &Exchange, seller: &Actor, input: Value) -> Value {
    let query = format!(
        "mutation ($input: LeadPingInput!) {{ leadPing(input: $input) {{ offer {{ {OFFER} }} userErrors {{ code message path }} }} }}"
    );
    seller.run(x, &query, json!({ "input": input })).await["leadPing"].clone()
}

/// Pings for an offer that must come; answers it.
pub async fn offered(x: &Exchange, seller: &Actor, input: Value) -> Value {
    let payload = ping(x, seller, input).await;
    assert!(payload["offer"].is_object(), "{payload:#}");
    payload["offer"].clone()
}

/// Posts a lead under an offer; answers the payload.
pub async fn post(x: &Exchange, seller: &Actor, offer: &Value, lead: Value) -> Value {
    let query = format!(
        "mutation ($input: LeadPostInput!) {{ leadPost(input: $input) {{ leadId leadState offer {{ {OFFER} }}
            sales {{ tradeId kind price {{ amount }} net {{ amount }} instead: insteadOf }} fallen
            userErrors {{ code message path }} }} }}"
    );
    seller.run(x, &query, json!({ "input": { "offerId": offer["id"], "lead": lead } })).await["leadPost"].clone()
}

/// What an organization can spend and what is reserved of it, as clients read it.
pub async fn wallet(x: &Exchange, who: &Actor) -> (String, String) {
    let query = "{ wallet { balances { available { amount } reserved { amount } } } }";
    let wallet = who.run(x, query, json!({})).await["wallet"]["balances"][0].clone();
    let amount = |field: &str| wallet[field]["amount"].as_str().unwrap().to_owned();
    (amount("available"), amount("reserved"))
}

/// Every invariant of the ledger.
pub async fn ledger_holds(x: &Exchange) {
    let report = x.app.store.ledger_verify().await.unwrap();
    let broken: Vec<_> = report.checks.iter().filter_map(|check| Some((check.invariant, check.broken.clone()?))).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

/// The SHA-256 of a phone number or an address, as a ping names it.
pub fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
