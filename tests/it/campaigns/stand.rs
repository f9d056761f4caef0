//! Campaigns as a client writes them.

use domain::id::LeadId;
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};
pub use crate::market::stand::money;

/// Every field of a campaign but those that time sets.
pub const CAMPAIGN: &str = "id name vertical currencyCode state pauseReason
    filter { all { country not { city } attribute { key equals in min max missing } any { score { min max } minLevel } } }
    priceRules { when { country region } price { shared { amount } exclusive { amount } } }
    price { shared { amount } exclusive { amount } }
    caps { period leads spend { amount } usedLeads usedSpend { amount } }
    timeZone schedule { day from until } duplicateWindowSecs trialLeads trialConfirmed shareBp tieWeight pauseAfterFailures
    failures callOut { url deadlineMillis } leads spend { amount currencyCode } version";

/// A draft of a campaign in the vertical `auto`, for shared copies at 10 euros; `more` are further fields.
pub fn draft(more: Value) -> Value {
    let mut draft = json!({
        "name": "Vans", "vertical": "auto", "currencyCode": "EUR", "price": { "shared": money("10.00") },
    });
    draft.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    draft
}

/// Makes a campaign; answers the payload.
pub async fn create(x: &Exchange, buyer: &Actor, key: &str, draft: Value) -> Value {
    let query = format!(
        "mutation($input: CampaignCreateInput!) {{ campaignCreate(input: $input) {{ campaign {{ {CAMPAIGN} }} userErrors {{ code path }} }} }}"
    );
    let input = json!({ "campaign": draft, "idempotencyKey": key });
    buyer.run(x, &query, json!({ "input": input })).await["campaignCreate"].clone()
}

/// Makes a campaign that may be made; answers its id.
pub async fn created(x: &Exchange, buyer: &Actor, draft: Value) -> String {
    let key: LeadId = x.app.store.id();
    let payload = create(x, buyer, &key.to_string(), draft).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    payload["campaign"]["id"].as_str().unwrap().to_owned()
}

/// Gives a campaign new terms; answers the payload.
pub async fn update(x: &Exchange, buyer: &Actor, id: &str, version: Option<i64>, draft: Value) -> Value {
    let query = format!(
        "mutation($input: CampaignUpdateInput!) {{ campaignUpdate(input: $input) {{ campaign {{ {CAMPAIGN} }} userErrors {{ code path }} }} }}"
    );
    let input = json!({ "campaignId": id, "version": version, "campaign": draft });
    buyer.run(x, &query, json!({ "input": input })).await["campaignUpdate"].clone()
}

/// Pauses, resumes or archives a campaign; `verb` is `Pause`, `Resume` or `Archive`. Answers the payload.
pub async fn turn(x: &Exchange, buyer: &Actor, verb: &str, id: &str) -> Value {
    let query = format!(
        "mutation($input: Campaign{verb}Input!) {{ campaign{verb}(input: $input) {{ campaign {{ state pauseReason version }} userErrors {{ code path }} }} }}"
    );
    buyer.run(x, &query, json!({ "input": { "campaignId": id } })).await[format!("campaign{verb}")].clone()
}

/// The campaign as `viewer` sees it; null when there is none.
pub async fn seen(x: &Exchange, viewer: &Actor, id: &str) -> Value {
    let query = format!("query($id: ID!) {{ campaign(id: $id) {{ {CAMPAIGN} }} }}");
    viewer.run(x, &query, json!({ "id": id })).await["campaign"].clone()
}
