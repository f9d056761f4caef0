//! Bitrix24: a lead through an incoming webhook, or as an app.
//!
//! `POST {portal}/rest/{user}/{code}/crm.lead.add.json` with `fields` and `params`; the code is a secret that stands in the address, so
//! the address is masked wherever it is shown. An app posts to `{portal}/rest/crm.lead.add.json` with its access token under `auth`. `PHONE` and `EMAIL` are arrays of `VALUE` and `VALUE_TYPE`; `ORIGINATOR_ID` and `ORIGIN_ID`
//! name the source and its id, and take the exchange's name and the idempotency key. 200 answers `{"result": id}`, errors come as
//! `{"error","error_description"}`. A leaky bucket lets 50 requests through and drains 2 a second (Enterprise 250 and 5), above which 503
//! `QUERY_LIMIT_EXCEEDED` comes; a method that ran for 480 s within 10 minutes is blocked for 10 minutes with 429. The vendor has stopped
//! developing the method and recommends `crm.item.add`, but keeps it working. Sources: apidocs.bitrix24.com, «Create a New Lead
//! crm.lead.add», «Limits», «Error Codes»; helpdesk «Changes in REST 22.0.0».
//!
//! Field names are the vendor's, such as `TITLE`, `NAME`, `COMMENTS`, `UTM_SOURCE` or `UF_CRM_...`.
//!
//! Default mapping: `TITLE`, `NAME`, `LAST_NAME`, `PHONE` and `EMAIL` (all of them), `ADDRESS_CITY`, `ADDRESS_PROVINCE` (region),
//! `ADDRESS_POSTAL_CODE`, `ADDRESS_COUNTRY_CODE`, `COMMENTS` (the answers as lines), `SOURCE_DESCRIPTION` (the link into the exchange).

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Next, Outcome, Stage, broken, id_at, rejected, text_at};
use super::check::{Checker, is_id};
use super::delivery::Delivery;
use super::destination::{Adapter, Pace};
use super::guarded::{Guarded, MASK, Secrets};
use super::mapping::{Core, Mapping};
use super::oauth::{ACCESS_TOKEN, Endpoint, Wire};
use super::render_error::RenderError;
use super::step::{Body, Method, Request, Step};

/// The vendor's own domains; one written `*.bitrix24.*` would let anyone in who owns a domain.
const HOSTS: &[&str] = &[
    "*.bitrix24.com",
    "*.bitrix24.eu",
    "*.bitrix24.de",
    "*.bitrix24.es",
    "*.bitrix24.fr",
    "*.bitrix24.it",
    "*.bitrix24.pl",
    "*.bitrix24.uk",
    "*.bitrix24.in",
    "*.bitrix24.id",
    "*.bitrix24.vn",
    "*.bitrix24.jp",
    "*.bitrix24.cn",
    "*.bitrix24.mx",
    "*.bitrix24.co",
    "*.bitrix24.ru",
    "*.bitrix24.by",
    "*.bitrix24.kz",
    "*.bitrix24.ua",
    "*.bitrix24.com.br",
    "*.bitrix24.com.tr",
];
/// Where every portal's apps get their tokens.
const TOKENS: &str = "https://oauth.bitrix.info";
/// What a full bucket needs to have room again.
const BUCKET_SECS: u64 = 2;
/// How long a method stays blocked that ran for too long.
const BLOCKED_SECS: u64 = 600;

/// A Bitrix24 portal, with the secret `webhook_code` unless an app gets tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bitrix24 {
    /// Address of the portal, such as `https://acme.bitrix24.com`.
    pub portal_url: String,
    /// User whom the webhook belongs to; none for an app.
    #[serde(default)]
    pub user_id: u64,
    /// First stage of the lead.
    #[serde(default = "status_id")]
    pub status_id: String,
    /// Source of the lead in the portal's list.
    #[serde(default)]
    pub source_id: Option<String>,
    /// User who gets the lead.
    #[serde(default)]
    pub assigned_by_id: Option<u64>,
}

fn status_id() -> String {
    "NEW".into()
}

impl Adapter for Bitrix24 {
    fn default_mapping(&self) -> Mapping {
        Mapping::of(&[
            ("TITLE", Core::Title),
            ("NAME", Core::FirstName),
            ("LAST_NAME", Core::LastName),
            ("PHONE", Core::Phones),
            ("EMAIL", Core::Emails),
            ("ADDRESS_CITY", Core::City),
            ("ADDRESS_PROVINCE", Core::Region),
            ("ADDRESS_POSTAL_CODE", Core::PostalCode),
            ("ADDRESS_COUNTRY_CODE", Core::Country),
            ("COMMENTS", Core::Summary),
            ("SOURCE_DESCRIPTION", Core::Link),
        ])
    }

    fn secrets(&self) -> Vec<&str> {
        vec!["webhook_code"]
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        Some(Endpoint {
            base: TOKENS,
            path: &["oauth", "token", ""],
            wire: Wire::Query,
            has_client_credentials: false,
            api: None,
        })
    }

    fn required_fields(&self) -> &'static [&'static str] {
        &["TITLE"]
    }

    fn allows_field(&self, field: &str) -> bool {
        let own = ["ORIGINATOR_ID", "ORIGIN_ID", "STATUS_ID", "SOURCE_ID", "OPENED", "ASSIGNED_BY_ID"];
        is_id(field, 100) && !own.contains(&field)
    }

    fn pace(&self) -> Pace {
        Pace { burst: 20, interval_millis: 600 }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.url("portal_url", &self.portal_url, if checker.is_overridden() { &[] } else { HOSTS });
        checker.require(self.user_id > 0 || checker.has_oauth(), "user_id", "the number in the webhook's address is needed");
        checker.line("status_id", &self.status_id, 50);
        if let Some(source) = &self.source_id {
            checker.line("source_id", source, 50);
        }
    }

    fn check_secrets(&self, secrets: &Secrets, checker: &mut Checker<'_>) {
        if let Some(code) = secrets.get("webhook_code") {
            checker.require(is_id(code.expose_secret(), 100), "secrets.webhook_code", "the code has letters and digits only");
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let fields = self.fields(delivery)?;
        let params = json!({ "REGISTER_SONET_EVENT": "Y" });
        if delivery.destination.oauth.is_none() {
            let body = json!({ "fields": fields, "params": params });
            return Ok(Step::Http(Request::new(Method::Post, self.webhook(delivery)?).json(&body)));
        }
        let url = delivery.url("portal_url", &self.portal_url, &["rest", "crm.lead.add.json"])?;
        let token = delivery.secret(ACCESS_TOKEN)?;
        let with = |auth: &str| json!({ "fields": fields, "params": params, "auth": auth });
        let body = with(token.expose_secret());
        let mut request = Request::new(Method::Post, Guarded::clear(url.as_str())).json(&body);
        request.body = Body::masked(body.to_string(), with(MASK).to_string());
        Ok(Step::Http(request))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let code = text_at(&body, &["/error"]);
        let reason = format!("{code} {}", text_at(&body, &["/error_description"]));
        Next::Done(match (answer.status, code) {
            (_, "QUERY_LIMIT_EXCEEDED") => answer.retry(Some(BUCKET_SECS)),
            (_, "OPERATION_TIME_LIMIT") | (429, _) => answer.retry(Some(BLOCKED_SECS)),
            (_, "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER") => answer.retry(None),
            (
                _,
                "OVERLOAD_LIMIT"
                | "NO_AUTH_FOUND"
                | "INVALID_CREDENTIALS"
                | "ACCESS_DENIED"
                | "PAYMENT_REQUIRED"
                | "ERROR_METHOD_NOT_FOUND",
            ) => broken(&reason),
            (
                _,
                "PORTAL_DELETED" | "insufficient_scope" | "expired_token" | "invalid_token" | "user_access_error"
                | "INVALID_REQUEST",
            ) => broken(&reason),
            // An error is known by its key, which can stand there without a code and with any status.
            (200..=299 | 400, _) if body.get("error").is_some() => rejected(&reason),
            (200..=299, _) => match id_at(&body, "/result") {
                Some(id) => Outcome::Accepted { external_id: Some(id) },
                None => broken("the answer names no lead; is this the address of a portal?"),
            },
            _ => answer.by_status(&reason),
        })
    }
}

impl Bitrix24 {
    /// The address of an incoming webhook.
    fn webhook(&self, delivery: &Delivery<'_>) -> Result<Guarded, RenderError> {
        let code = delivery.secret("webhook_code")?;
        if !is_id(code.expose_secret(), 100) {
            return Err(RenderError::BadUrl { path: "secrets.webhook_code".into() });
        }
        let base = delivery.url("portal_url", &self.portal_url, &["rest", &self.user_id.to_string()])?;
        Ok(Guarded::clear(format!("{base}/")).then_secret(code).then("/crm.lead.add.json"))
    }

    fn fields(&self, delivery: &Delivery<'_>) -> Result<Map<String, Value>, RenderError> {
        let mut fields = Map::new();
        for field in delivery.fields()? {
            let value = match field.field.as_str() {
                "PHONE" | "EMAIL" => field.values.iter().map(|value| json!({ "VALUE": value, "VALUE_TYPE": "WORK" })).collect(),
                _ => Value::from(field.text()),
            };
            fields.insert(field.field, value);
        }
        if !fields.contains_key("TITLE") {
            return Err(RenderError::MissingField { field: "TITLE".into() });
        }
        fields.insert("STATUS_ID".into(), self.status_id.clone().into());
        fields.insert("OPENED".into(), "Y".into());
        fields.insert("ORIGINATOR_ID".into(), delivery.sender.into());
        fields.insert("ORIGIN_ID".into(), delivery.idempotency_key.into());
        if let Some(source) = &self.source_id {
            fields.insert("SOURCE_ID".into(), source.clone().into());
        }
        if let Some(user) = self.assigned_by_id {
            fields.insert("ASSIGNED_BY_ID".into(), user.into());
        }
        Ok(fields)
    }
}

#[cfg(test)]
#[path = "bitrix24_tests.rs"]
mod tests;
