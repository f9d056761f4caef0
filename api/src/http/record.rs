//! `/v1/ping`, `/v1/post`, `/v1/leads` and their specification: selling in real time and handing in leads, for systems that speak
//! JSON or forms and no GraphQL.

use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::access::{Mode, Principal};
use domain::clearing::LossReason;
use domain::lead::LeadState;
use domain::money::{Currency, Money};
use domain::offer::net_minor;
use domain::posting::{Purpose, fields};
use domain::refusal::{Code, Refusal};
use domain::text::has_control_character;
use domain::verification::CheckKind;
use serde::Deserialize;
use serde_json::{Value, json};
use store::offers::StoredOffer;
use store::verticals::StoredVertical;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::negotiate::{FORM, media_type};
use super::problem::{Problem, ProblemCode};
use crate::app::leads::LeadBrought;
use crate::app::offers::Posted;
use crate::app::posting::{Record, address, label, record_lead, record_ping, record_post, record_schema, sale_fields, schema_of};
use crate::app::{AppError, Caller};

/// The longest record, in bytes.
const RECORD_MAX_BYTES: usize = 64 << 10;
/// Seconds after which one who is told to come again may.
const AGAIN_SECS: HeaderValue = HeaderValue::from_static("1");

/// The routes.
pub fn routes(door: Door) -> Router {
    Router::new()
        .route("/v1/ping", post(ping))
        .route("/v1/post", post(posted))
        .route("/v1/leads", post(brought))
        .route("/v1/spec/{*vertical}", get(spec))
        .with_state(door)
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

#[derive(Debug, Default, Deserialize)]
struct Asked {
    of: Option<String>,
    format: Option<String>,
}

/// How to ping and post leads of a vertical: a page, or with `format=schema` the JSON Schema of a record (`of=ping`, `of=post` or `of=leads`).
async fn spec(State(door): State<Door>, Path(path): Path<String>, Query(asked): Query<Asked>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let caller = match door.admit(&parts).await {
        Ok(caller) => caller,
        Err(problem) => return problem_response(problem),
    };
    let vertical = match path.parse() {
        Ok(path) => match door.app.store.vertical_at(&path).await {
            Ok(vertical) => vertical,
            Err(error) => return problem_response(problem(&caller, &error.into())),
        },
        Err(_) => None,
    };
    let Some(vertical) = vertical.filter(|vertical| !vertical.definition.group) else {
        return problem_response(nothing("vertical"));
    };
    let seller = match caller.principal.organization() {
        Some(own) => match door.app.store.organizations(&[own]).await {
            Ok(mut found) => found.pop().map(|organization| organization.name),
            Err(error) => return problem_response(problem(&caller, &error.into())),
        },
        None => None,
    };
    let base = door.app.config.server.public_url.clone();
    let currency = door.app.config.exchange.default_currency;
    let of = |purpose: &Purpose| asked.of.as_deref() == Some(address(*purpose));
    let purpose = [Purpose::Post, Purpose::Lead].into_iter().find(of).unwrap_or(Purpose::Ping);
    if asked.format.as_deref() == Some("schema") {
        let mut response = Json(record_schema(&vertical, purpose, currency, &base)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"));
        return response;
    }
    Html(page(&vertical, seller.as_deref(), currency, &base)).into_response()
}

fn page(vertical: &StoredVertical, seller: Option<&str>, currency: Currency, base: &str) -> String {
    let name = escaped(label(&vertical.definition));
    let for_whom = seller.map_or_else(String::new, |seller| format!(" for {}", escaped(seller)));
    let section = |purpose: Purpose, about: &str| {
        let address = address(purpose);
        let mut rows = String::new();
        for (field, schema) in sale_fields(vertical, purpose, currency) {
            let needed = field == "vertical" || field == "digests";
            rows.push_str(&row(field, needed, &schema));
        }
        for field in fields(&vertical.definition, purpose) {
            rows.push_str(&row(&field.name, field.required, &schema_of(&field)));
        }
        format!(
            "<h2 id=\"{address}\">POST {base}/v1/{address}</h2><p>{about} \
             <a href=\"?of={address}&amp;format=schema\">JSON Schema</a></p>\
             <table><thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Needed</th><th scope=\"col\">Takes</th>\
             <th scope=\"col\">Meaning</th></tr></thead><tbody>{rows}</tbody></table>",
            base = escaped(base),
        )
    };
    let ping = section(
        Purpose::Ping,
        "What the lead is, without who it is. The answer is an offer that stands for a short time, or none.",
    );
    let post = section(
        Purpose::Post,
        "The whole lead: with <code>offer_id</code> it concludes the offer of its ping, and must be the lead that was pinged; without, \
         it goes to whoever offers most, at least the reserve.",
    );
    let leads = section(
        Purpose::Lead,
        "A lead for your stock, to be listed later: the key needs the scope <code>leads:write</code> only. The same record within a \
         minute is the same lead, so send it again when you are in doubt.",
    );
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Posting {name}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;border-bottom:1px solid #ccc;\
         padding:.3rem .6rem}}code,pre{{font-family:ui-monospace,monospace}}pre{{background:#f4f4f4;padding:1rem;overflow:auto}}</style>\
         </head><body><h1>Posting {name}{for_whom}</h1>\
         <p>Send flat records as <code>application/json</code> or <code>application/x-www-form-urlencoded</code>, with \
         <code>Authorization: Bearer</code> and a key that has the scopes <code>leads:write</code> and <code>listings:write</code>. \
         Empty fields count as absent.</p>{ping}\
         <pre>{{\"status\":\"OFFER\",\"offer_id\":\"ofr_…\",\"kind\":\"EXCLUSIVE\",\"copies\":1,\"net\":\"10.80\",\"gross\":\"12.00\",\
         \"currency\":\"{currency}\",\"expires_at\":\"…\"}}\n{{\"status\":\"NO_OFFER\"}}</pre>{post}\
         <pre>{{\"status\":\"SOLD\",\"lead_id\":\"lead_…\",\"lead_state\":\"VERIFIED\",\"sales\":[{{\"trade_id\":\"trd_…\",\"price\":\"12.00\",\
         \"net\":\"10.80\"}}],\"fallen\":[],\"test\":false}}</pre>{leads}\
         <pre>{{\"status\":\"ACCEPTED\",\"lead_id\":\"lead_…\",\"lead_state\":\"VERIFIED\",\"level\":\"REACHABLE\",\"score\":62,\
         \"temperature\":\"WARM\",\"rejected_by\":null,\"repeated\":false,\"test\":false}}</pre>\
         <p>With a test key (<code>clk_test_…</code>) every record is checked as any other, nothing is kept and no money moves: \
         answers then say <code>\"test\":true</code>, and the last character of the postal code decides what a ping and a post come to.</p>\
         <p>What is wrong is answered with 422 and <code>{{\"status\":\"REFUSED\",\"errors\":[{{\"code\",\"field\",\"message\"}}]}}</code>; \
         503 with <code>Retry-After</code> means that nothing has happened and the same record may be sent again.</p></body></html>"
    )
}

fn row(name: &str, needed: bool, schema: &Value) -> String {
    let takes = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(words)), _) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        (_, Some(value)) => value.as_str().unwrap_or_default().to_owned(),
        _ => {
            let kind = schema.get("format").or_else(|| schema.get("type"));
            let kind = kind.map(|kind| kind.as_array().and_then(|kinds| kinds.first()).unwrap_or(kind));
            let end = |key: &str| schema.get(key).map(Value::to_string);
            let kind = kind.and_then(Value::as_str).unwrap_or("text");
            match (end("minimum"), end("maximum")) {
                (Some(min), Some(max)) => format!("{kind}, {min} to {max}"),
                (Some(min), None) => format!("{kind}, at least {min}"),
                (None, Some(max)) => format!("{kind}, at most {max}"),
                (None, None) => kind.to_owned(),
            }
        }
    };
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let needed = if needed { "yes" } else { "" };
    format!(
        "<tr><th scope=\"row\"><code>{}</code></th><td>{needed}</td><td>{}</td><td>{}</td></tr>",
        escaped(name),
        escaped(&takes),
        escaped(about)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
