//! `/v1/spec/{vertical}`: how leads of a vertical are pinged and posted, as a page for people and as JSON Schema for programs.

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::money::Currency;
use domain::posting::{Purpose, fields};
use serde::Deserialize;
use serde_json::{Value, json};
use store::verticals::StoredVertical;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::html::{COLOR, Policy, page, style};
use crate::app::posting::{address, label, record_schema, sale_fields, schema_of};

/// The route.
pub(super) fn routes(door: Door) -> Router {
    Router::new().route("/v1/spec/{*vertical}", get(spec)).with_state(door)
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
    for_people(&vertical, seller.as_deref(), currency, &base)
}

fn for_people(vertical: &StoredVertical, seller: Option<&str>, currency: Currency, base: &str) -> Response {
    let record = |purpose: Purpose| {
        let sale = sale_fields(vertical, purpose, currency).into_iter();
        let sale = sale.map(|(field, schema)| row(field, field == "vertical" || field == "digests", &schema));
        let own = fields(&vertical.definition, purpose).into_iter();
        let fields: Vec<Value> = sale.chain(own.map(|field| row(&field.name, field.required, &schema_of(&field)))).collect();
        json!({ "address": address(purpose), "fields": fields })
    };
    let records = [Purpose::Ping, Purpose::Post, Purpose::Lead].map(record);
    let style = style(COLOR);
    let context = json!({
        "style": style, "name": label(&vertical.definition), "seller": seller, "currency": currency, "base": base,
        "records": records,
    });
    page(StatusCode::OK, "posting.html", &context, &Policy::alone(&style))
}

fn row(name: &str, needed: bool, schema: &Value) -> Value {
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
    json!({ "name": name, "needed": needed, "takes": takes, "about": about })
}
