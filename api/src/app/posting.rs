//! Pings and posts as flat records, and the specification that tells a seller how to send them.

use std::collections::BTreeMap;

use domain::campaign::ConsentKind;
use domain::clearing::Pricing;
use domain::id::OfferId;
use domain::listing::AuctionDraft;
use domain::mapping::Kind;
use domain::money::{Currency, Money};
use domain::posting::{PostedField, Purpose, draft, field_at, fields};
use domain::refusal::{Code, Refusal};
use domain::verification::CheckKind;
use domain::vertical::Definition;
use serde_json::{Value, json};
use store::offers::StoredOffer;
use store::verticals::StoredVertical;

use super::leads::{LeadBrought, lead_bring};
use super::offers::{LeadDirectPost, LeadPing, LeadPost, OfferTerms, Posted, lead_direct_post, lead_ping, lead_post};
use super::verticals::vertical_at;
use super::{App, AppError, Caller};

/// Fields of a record that are about the sale and not the lead.
const SALE: &[&str] = &[
    "vertical",
    "currency",
    "shared_reserve",
    "exclusive_reserve",
    "max_sales",
    "pricing",
    "consent_kind",
    "digests",
    "offer_id",
];

/// Those of them that a lead for the stock may have.
const KEPT: &[&str] = &["vertical", "currency"];

/// A flat record: names of fields with plain texts.
pub type Record = BTreeMap<String, String>;

/// Pings with a record; every refusal is at the name of a field.
pub async fn record_ping(app: &App, caller: &Caller, record: Record) -> Result<Option<StoredOffer>, AppError> {
    let (sale, lead) = parted(record);
    let (vertical, currency) = market(app, &sale).await?;
    let digests = sale.get("digests").map(String::as_str).unwrap_or_default();
    let digests = digests.split([',', ' ']).filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let consent = match sale.get("consent_kind") {
        Some(text) => text.parse().map_err(|_| Refusal::invalid("consent_kind", "one of NONE, TEXT, CERTIFICATE"))?,
        None => ConsentKind::Text,
    };
    let terms = terms(&sale, currency)?;
    let draft = draft(&lead, &vertical.path, &vertical.definition, Purpose::Ping, currency, app.now())?;
    lead_ping(app, caller, LeadPing { draft, consent, digests, terms }).await.map_err(named)
}

/// Posts a record: under the offer that it names, or, where it names none, to whoever offers most.
pub async fn record_post(app: &App, caller: &Caller, record: Record) -> Result<Posted, AppError> {
    let (sale, lead) = parted(record);
    let (vertical, currency) = market(app, &sale).await?;
    let draft = draft(&lead, &vertical.path, &vertical.definition, Purpose::Post, currency, app.now())?;
    let posted = match sale.get("offer_id") {
        Some(id) => {
            let offer: OfferId = id.parse().map_err(|_| Refusal::not_found("offer_id", "offer"))?;
            lead_post(app, caller, LeadPost { offer, draft }).await
        }
        None => {
            let terms = terms(&sale, currency)?;
            lead_direct_post(app, caller, LeadDirectPost { draft, terms }).await
        }
    };
    posted.map_err(named)
}

/// Hands a record in as a lead of the seller's stock: what became of it, with the check that rejected it, if one did.
pub async fn record_lead(app: &App, caller: &Caller, record: Record) -> Result<(LeadBrought, Option<CheckKind>), AppError> {
    let (sale, lead) = parted(record);
    if let Some(field) = sale.keys().find(|key| !KEPT.contains(&key.as_str())) {
        return Err(Refusal::invalid(field, "this is about a sale: list the lead, or use /v1/post").into());
    }
    let (vertical, currency) = market(app, &sale).await?;
    let draft = draft(&lead, &vertical.path, &vertical.definition, Purpose::Lead, currency, app.now())?;
    let brought = lead_bring(app, caller, draft).await.map_err(named)?;
    let rejected_by = brought.rejected_by(&vertical.definition);
    Ok((brought, rejected_by))
}

/// The vertical and the currency that a record names.
async fn market(app: &App, sale: &Record) -> Result<(StoredVertical, Currency), AppError> {
    let path = sale.get("vertical").ok_or_else(|| Refusal::required("vertical"))?;
    let vertical = vertical_at(app, path).await??;
    let currency = match sale.get("currency") {
        Some(code) => code.parse().map_err(|_| Refusal::invalid("currency", "an ISO 4217 code such as EUR"))?,
        None => app.config.exchange.default_currency,
    };
    Ok((vertical, currency))
}

fn parted(record: Record) -> (Record, Record) {
    record.into_iter().partition(|(key, _)| SALE.contains(&key.as_str()))
}

fn terms(sale: &Record, currency: Currency) -> Result<OfferTerms, Refusal> {
    let amount = |field: &str| {
        let money = sale.get(field).map(|text| Money::parse(text, currency)).transpose();
        money.map_err(|error| Refusal::invalid(field, error.to_string()))
    };
    let (shared_reserve, exclusive_reserve) = (amount("shared_reserve")?, amount("exclusive_reserve")?);
    if shared_reserve.is_none() && exclusive_reserve.is_none() {
        return Err(Refusal::new(Code::Required, "`exclusive_reserve`, `shared_reserve` or both").at("exclusive_reserve"));
    }
    let max_sales = match sale.get("max_sales") {
        Some(text) => text.trim().parse().map_err(|_| Refusal::invalid("max_sales", "a whole number"))?,
        None => 1,
    };
    let pricing = match sale.get("pricing") {
        Some(text) => text.parse().map_err(|_| Refusal::invalid("pricing", "SECOND_PRICE or FIRST_PRICE"))?,
        None => Pricing::SecondPrice,
    };
    Ok(OfferTerms { auction: AuctionDraft { pricing, shared_reserve, exclusive_reserve, buy_now: None }, max_sales })
}

/// The refusals at the names of the record's fields.
pub(super) fn named(error: AppError) -> AppError {
    let AppError::Refused(refusals) = error else { return error };
    let at = |refusal: Refusal| Refusal { path: field_at(&refusal.path).into_iter().collect(), ..refusal };
    AppError::Refused(refusals.into_iter().map(at).collect())
}

/// The specification of a record as a JSON Schema (draft 2020-12). Records are flat and their values texts or numbers.
#[must_use]
pub fn record_schema(vertical: &StoredVertical, purpose: Purpose, currency: Currency, base: &str) -> Value {
    let mut properties = serde_json::Map::new();
    let mut required = vec!["vertical".to_owned()];
    for (name, schema) in sale_fields(vertical, purpose, currency) {
        properties.insert(name.to_owned(), schema);
    }
    if purpose == Purpose::Ping {
        required.push("digests".to_owned());
    }
    for field in fields(&vertical.definition, purpose) {
        required.extend(field.required.then(|| field.name.clone()));
        properties.insert(field.name.clone(), schema_of(&field));
    }
    let address = address(purpose);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{base}/v1/spec/{}?of={address}&format=schema", vertical.path),
        "title": format!("{address} of {}", label(&vertical.definition)),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Where records go, below `/v1/`.
pub(crate) const fn address(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Ping => "ping",
        Purpose::Post => "post",
        Purpose::Lead => "leads",
    }
}

/// The fields about the sale, with their schemas.
pub(crate) fn sale_fields(vertical: &StoredVertical, purpose: Purpose, currency: Currency) -> Vec<(&'static str, Value)> {
    let amount = |about: &str| json!({ "type": ["string", "number"], "description": about, "examples": ["5.00"] });
    let mut found = vec![
        ("vertical", json!({ "const": vertical.path.as_str(), "description": "The kind of demand." })),
        (
            "currency",
            json!({
                "type": "string", "pattern": "^[A-Z]{3}$", "default": currency.code(), "description": "ISO 4217, of every amount."
            }),
        ),
        ("exclusive_reserve", amount("The least that you sell the lead alone for.")),
        ("shared_reserve", amount("The least that you sell one of several copies for; needed when `max_sales` is above 1.")),
        (
            "max_sales",
            json!({
                "type": ["integer", "string"], "minimum": 1, "maximum": 5, "default": 1, "description": "Copies at most; 1 is exclusive."
            }),
        ),
        (
            "pricing",
            json!({
                "enum": ["SECOND_PRICE", "FIRST_PRICE"], "default": "SECOND_PRICE", "description": "What a winner pays."
            }),
        ),
    ];
    match purpose {
        Purpose::Ping => {
            found.push(("consent_kind", json!({
                "enum": ["NONE", "TEXT", "CERTIFICATE"], "default": "TEXT", "description": "What will show that the person asked."
            })));
            found.push(("digests", json!({
                "type": "string",
                "description": "SHA-256 of every phone number (E.164) and e-mail address (lower case), in lower-case hexadecimal \
                    digits, with commas between; 1 to 6.",
            })));
        }
        Purpose::Lead => found.retain(|(name, _)| KEPT.contains(name)),
        Purpose::Post => found.push(("offer_id", json!({
            "type": "string",
            "description": "The offer that the ping got. Without one the lead goes to whoever offers most, at least the reserve.",
        }))),
    }
    found
}

/// A field's schema.
pub(crate) fn schema_of(field: &PostedField) -> Value {
    let mut schema = match &field.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Phone => json!({ "type": "string", "examples": ["+4791234567"] }),
        Kind::List => json!({ "type": "string", "examples": ["sailing; road bikes"] }),
        Kind::Whole(min, max) => {
            let mut whole = json!({ "type": ["integer", "string"] });
            let ends = [("minimum", min, i64::MIN), ("maximum", max, i64::MAX)];
            let ends = ends.into_iter().filter(|(_, end, none)| *end != none);
            if let Some(object) = whole.as_object_mut() {
                object.extend(ends.map(|(key, end, _)| (key.to_owned(), json!(end))));
            }
            whole
        }
        Kind::Age => json!({ "type": ["integer", "string"], "minimum": 0, "maximum": 120 }),
        Kind::Bool => json!({ "type": ["boolean", "string"] }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Instant => json!({ "type": "string", "format": "date-time" }),
        Kind::Money => json!({ "type": ["string", "number"] }),
        Kind::Country => json!({ "type": "string", "examples": ["NO"] }),
        Kind::Words(words) => json!({ "enum": words }),
        Kind::Organization => json!({ "type": "string", "pattern": "^org_" }),
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!(field.about));
    }
    schema
}

/// The vertical's name for people.
pub(crate) fn label(definition: &Definition) -> &str {
    definition.labels.get("en").map_or("leads", String::as_str)
}
