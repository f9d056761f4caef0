//! `/v1/ping`, `/v1/post` and `/v1/leads`: selling in real time and handing in leads, for systems that speak JSON or forms and no GraphQL.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::access::{Mode, Principal};
use domain::clearing::LossReason;
use domain::lead::LeadState;
use domain::money::{Currency, Money};
use domain::offer::net_minor;
use domain::refusal::{Code, Refusal};
use domain::text::has_control_character;
use domain::verification::CheckKind;
use serde_json::{Value, json};
use store::offers::StoredOffer;

use super::door::{Door, problem};
use super::endpoint::problem_response;
use super::negotiate::{FORM, media_type};
use super::posting_page;
use super::problem::{Problem, ProblemCode};
use crate::app::leads::LeadBrought;
use crate::app::offers::Posted;
use crate::app::posting::{Record, record_lead, record_ping, record_post};
use crate::app::{AppError, Caller};

/// The longest record, in bytes.
const RECORD_MAX_BYTES: usize = 64 << 10;
/// Seconds after which one who is told to come again may.
const AGAIN_SECS: HeaderValue = HeaderValue::from_static("1");

/// The routes, with that of the page which describes them.
pub fn routes(door: Door) -> Router {
    Router::new()
        .route("/v1/ping", post(ping))
        .route("/v1/post", post(posted))
        .route("/v1/leads", post(brought))
        .with_state(door.clone())
        .merge(posting_page::routes(door))
}

async fn ping(State(door): State<Door>, request: Request) -> Response {
    let (caller, record) = match received(&door, request, |principal| principal.seller().map(drop)).await {
        Ok(received) => received,
        Err(response) => return response,
    };
    let commission_bp = door.app.config.exchange.commission_bp;
    match record_ping(&door.app, &caller, record).await {
        Ok(Some(offer)) => Json(offered(&offer, commission_bp)).into_response(),
        Ok(None) => Json(json!({ "status": "NO_OFFER" })).into_response(),
        Err(error) => refused(&caller, error),
    }
}

async fn posted(State(door): State<Door>, request: Request) -> Response {
    let (caller, record) = match received(&door, request, |principal| principal.seller().map(drop)).await {
        Ok(received) => received,
        Err(response) => return response,
    };
    let commission_bp = door.app.config.exchange.commission_bp;
    match record_post(&door.app, &caller, record).await {
        Ok(posted) => {
            let test = matches!(caller.principal.seller(), Ok((_, Mode::Test)));
            Json(concluded(&posted, commission_bp, test)).into_response()
        }
        Err(error) => refused(&caller, error),
    }
}

async fn brought(State(door): State<Door>, request: Request) -> Response {
    let (caller, record) = match received(&door, request, |principal| principal.supplier().map(drop)).await {
        Ok(received) => received,
        Err(response) => return response,
    };
    match record_lead(&door.app, &caller, record).await {
        Ok((brought, rejected_by)) => Json(kept(&brought, rejected_by)).into_response(),
        Err(error) => refused(&caller, error),
    }
}

/// Who sent a record, and the record: flat JSON, or a form. `may` refuses those who may not.
async fn received(
    door: &Door,
    request: Request,
    may: fn(&Principal) -> Result<(), Refusal>,
) -> Result<(Caller, Record), Response> {
    let (parts, body) = request.into_parts();
    let caller = door.admit(&parts).await.map_err(problem_response)?;
    // Whoever may not is told so before anything is read.
    may(&caller.principal).map_err(|refusal| refused(&caller, refusal.into()))?;
    let kind = media_type(&parts.headers);
    let too_large = |_| {
        problem_response(Problem::new(ProblemCode::PayloadTooLarge, format!("a record has at most {RECORD_MAX_BYTES} bytes")))
    };
    let bytes = to_bytes(body, RECORD_MAX_BYTES).await.map_err(too_large)?;
    let record = match kind.as_str() {
        "application/json" => json_record(&bytes),
        FORM => form_record(&bytes),
        _ => {
            let message = "send application/json or application/x-www-form-urlencoded";
            return Err(problem_response(Problem::new(ProblemCode::UnsupportedMediaType, message)));
        }
    };
    record.map(|record| (caller.clone(), record)).map_err(|refusal| refused(&caller, refusal.into()))
}

fn json_record(bytes: &[u8]) -> Result<Record, Refusal> {
    // The parser's own message would quote the record.
    let value: Value = serde_json::from_slice(bytes).map_err(|_| Refusal::new(Code::Invalid, "not JSON"))?;
    let Value::Object(fields) = value else { return Err(Refusal::new(Code::Invalid, "a record is one JSON object")) };
    let mut record = Record::new();
    for (key, value) in fields {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(Refusal::invalid(&key, "a record is flat: its values are texts, numbers and booleans"));
            }
        };
        insert(&mut record, key, text)?;
    }
    Ok(record)
}

pub(super) fn form_record(bytes: &[u8]) -> Result<Record, Refusal> {
    let mut record = Record::new();
    for (key, value) in url::form_urlencoded::parse(bytes) {
        insert(&mut record, key.into_owned(), value.into_owned())?;
    }
    Ok(record)
}

fn insert(record: &mut Record, key: String, text: String) -> Result<(), Refusal> {
    if has_control_character(&text) {
        return Err(Refusal::invalid(&key, "printable text"));
    }
    if text.trim().is_empty() {
        return Ok(());
    }
    match record.insert(key.clone(), text) {
        None => Ok(()),
        Some(_) => Err(Refusal::invalid(&key, "given twice")),
    }
}

fn offered(offer: &StoredOffer, commission_bp: i64) -> Value {
    let money = |minor: i64| Money::new(minor, offer.currency).decimal();
    let sales = &offer.receipt.result.sales;
    let net = sales.iter().fold(0_i64, |sum, sale| sum.saturating_add(net_minor(sale.price_minor, commission_bp)));
    json!({
        "status": "OFFER",
        "offer_id": offer.id,
        "kind": offer.kind(),
        "copies": sales.len(),
        "net": money(net),
        "gross": money(offer.gross_minor()),
        "currency": offer.currency,
        "expires_at": offer.expires_at,
        "test": offer.test,
    })
}

fn concluded(posted: &Posted, commission_bp: i64, test: bool) -> Value {
    let currency = posted.offer.as_ref().map(|offer| offer.currency);
    let money = |minor: i64, currency: Currency| Money::new(minor, currency).decimal();
    let sale = |sale: &crate::app::offers::PostedTrade| {
        let currency = currency?;
        Some(json!({
            "trade_id": sale.trade,
            "kind": sale.kind,
            "price": money(sale.price_minor, currency),
            "net": money(net_minor(sale.price_minor, commission_bp), currency),
            "currency": currency,
            "instead_of": sale.instead_of,
        }))
    };
    let sales: Vec<Value> = posted.concluded.sales.iter().filter_map(sale).collect();
    let fallen: Vec<LossReason> = posted.concluded.fallen.clone();
    json!({
        "status": if sales.is_empty() { "NOT_SOLD" } else { "SOLD" },
        "lead_id": posted.lead,
        "lead_state": posted.state,
        "sales": sales,
        "fallen": fallen,
        "test": test,
    })
}

/// What became of a lead that was handed in.
pub(super) fn kept(brought: &LeadBrought, rejected_by: Option<CheckKind>) -> Value {
    let Some(lead) = brought.lead() else { return json!({ "status": "ACCEPTED", "test": true }) };
    json!({
        "status": if lead.state == LeadState::Rejected { "REJECTED" } else { "ACCEPTED" },
        "lead_id": lead.id,
        "lead_state": lead.state,
        "level": lead.level,
        "score": lead.score,
        "temperature": lead.temperature,
        "rejected_by": rejected_by,
        "repeated": matches!(brought, LeadBrought::Again(_)),
        "test": false,
    })
}

/// What was wrong, field by field; who may not do this at all, and faults of ours, are problems as everywhere.
pub(super) fn refused(caller: &Caller, error: AppError) -> Response {
    let AppError::Refused(refusals) = &error else { return problem_response(problem(caller, &error)) };
    if is_problem(refusals) {
        return problem_response(problem(caller, &error));
    }
    let later = is_later(refusals);
    let status = if later { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mut response = (status, Json(refused_record(refusals))).into_response();
    if later {
        response.headers_mut().insert(header::RETRY_AFTER, AGAIN_SECS);
    }
    response
}

/// Whether these are about the caller, and not about what was sent.
pub(super) fn is_problem(refusals: &[Refusal]) -> bool {
    let top = |code: Code| matches!(code, Code::Unauthenticated | Code::Forbidden | Code::Suspended | Code::EmailUnverified);
    refusals.iter().any(|refusal| top(refusal.code))
}

/// Whether the same may be taken a little later.
pub(super) fn is_later(refusals: &[Refusal]) -> bool {
    refusals.iter().any(|refusal| matches!(refusal.code, Code::RetryLater | Code::MoneyStopped))
}

/// What was wrong with a record, field by field.
pub(super) fn refused_record(refusals: &[Refusal]) -> Value {
    let errors: Vec<Value> = refusals
        .iter()
        .map(|refusal| json!({ "code": refusal.code, "field": refusal.path.first(), "message": refusal.message }))
        .collect();
    json!({ "status": "REFUSED", "errors": errors })
}
