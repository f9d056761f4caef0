//! What a campaign's filter can ask of a stored lead.

use std::collections::BTreeMap;

use domain::campaign::{Facts, Traits};
use domain::time::Timestamp;
use domain::vertical::AttributeValue;
use serde_json::Value;
use store::listings::ListingView;

/// The facts at `now` of the lead that stands behind a listing. The postal code lies sealed with the contact: whoever has not
/// unsealed it gives none, and the field is then missing.
pub(crate) fn listing_facts(view: &ListingView, postal_code: Option<&str>, now: Timestamp) -> Facts {
    let traits = Traits {
        audience: view.audience,
        contact_kind: view.contact_kind,
        interest: view.interest,
        source: view.source_kind,
        consent: view.consent,
        country: &view.country,
        region: view.region.as_deref(),
        city: view.city.as_deref(),
        postal_code,
        attributes: &typed(&view.attributes),
        temperature: Some(view.temperature),
        score: Some(view.score),
        level: Some(view.level),
        seller: view.stored.seller,
        seller_bad_bp: view.seller.seller_band().bad_bp,
        captured_at: view.dated.then_some(view.captured_at),
    };
    Facts::of(&traits, now)
}

/// The attributes of a view, which keeps them as it shows them.
fn typed(shown: &BTreeMap<String, Value>) -> BTreeMap<String, AttributeValue> {
    let value = |value: &Value| match value {
        Value::Bool(value) => Some(AttributeValue::Bool(*value)),
        Value::Number(number) => number.as_i64().map(AttributeValue::Int),
        Value::String(text) => Some(AttributeValue::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    shown.iter().filter_map(|(key, each)| Some((key.clone(), value(each)?))).collect()
}
