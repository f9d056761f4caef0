//! Salesforce: the Web-to-Lead form, and a lead over REST.
//!
//! Web-to-Lead: a form posted to `https://webto.salesforce.com/servlet/servlet.WebToLead?encoding=UTF-8` with `oid` and the fields of the
//! generated form; `last_name` and `company` are required, fields of one's own are called `00N...`. It answers alike whatever happens to
//! the lead, so acceptance confirms nothing ([`Destination::confirms`](super::Destination::confirms)): 500 leads pass in 24 hours, up to
//! 50,000 more wait, and a validation rule can drop one silently. Sources: Salesforce Help, «Generate Leads from Your Website for Your
//! Sales Teams» and its notes on limits.
//!
//! REST: `POST {instance}/services/data/v{version}/sobjects/Lead` with an access token answers 201 `{"id","success","errors"}`; with an
//! external id field, `PATCH .../Lead/{field}/{value}` makes or changes the same record, which makes repeats harmless. Errors come as an
//! array of `message`, `errorCode`, `fields`. Sources: REST API Developer Guide, «Create a Record», «Insert or Update (Upsert) a Record
//! Using an External ID», «Status Codes and Error Responses».
//!
//! Default mapping: first and last name, `company` (the name to show, since the field is required even for a private person), e-mail,
//! phone, city, state (region), postal code, country, description (the answers as lines), lead source (the exchange's name).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Answer, Next, Outcome, Stage, broken, id_at, rejected, text_at};
use super::check::{Checker, is_id};
use super::delivery::{Delivery, bearer};
use super::destination::Adapter;
use super::guarded::Guarded;
use super::mapping::{Core, Filled, Mapping};
use super::oauth::{ACCESS_TOKEN, Endpoint, Wire};
use super::render_error::RenderError;
use super::step::{Body, Method, Request, Step};

const WEB: &str = "https://webto.salesforce.com";
const HOSTS: &[&str] = &["*.my.salesforce.com", "*.salesforce.com", "*.sandbox.my.salesforce.com", "*.develop.my.salesforce.com"];
const API_VERSION: &str = "62.0";
/// Limits of the organisation count over 24 hours; asking once an hour finds room soon enough.
const LIMIT_SECS: u64 = 3_600;

/// Web-to-Lead, which needs no secret and confirms nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// Id of the organisation (`oid`).
    pub organization_id: String,
    /// Page named as `retURL`.
    #[serde(default)]
    pub return_url: Option<String>,
}

/// A lead over REST, with the secret `access_token` unless an app gets one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Address of the organisation, such as `https://acme.my.salesforce.com`; tokens are got there too.
    pub instance_url: String,
    /// Version of the API, such as `62.0`.
    #[serde(default = "api_version")]
    pub api_version: String,
    /// API name of an external id field of the lead; the idempotency key goes into it.
    #[serde(default)]
    pub external_id_field: Option<String>,
}

fn api_version() -> String {
    API_VERSION.into()
}

/// The fields of a lead by their names in the web form and in the API. The last one tells the organisation which exchange a lead comes from.
const FIELDS: &[(&str, &str, Core)] = &[
    ("first_name", "FirstName", Core::FirstName),
    ("last_name", "LastName", Core::LastName),
    ("company", "Company", Core::DisplayName),
    ("email", "Email", Core::Email),
    ("phone", "Phone", Core::Phone),
    ("city", "City", Core::City),
    ("state", "State", Core::Region),
    ("zip", "PostalCode", Core::PostalCode),
    ("country", "Country", Core::Country),
    ("description", "Description", Core::Summary),
    ("lead_source", "LeadSource", Core::Sender),
];

impl Adapter for Web {
    fn default_mapping(&self) -> Mapping {
        Mapping::of(&FIELDS.iter().map(|(web, _, core)| (*web, *core)).collect::<Vec<_>>())
    }

    fn required_fields(&self) -> &'static [&'static str] {
        &["last_name", "company"]
    }

    fn allows_field(&self, field: &str) -> bool {
        !["oid", "retURL", "encoding"].contains(&field)
    }

    fn confirms(&self) -> bool {
        false
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.id("organization_id", &self.organization_id, 18);
        if let Some(url) = &self.return_url {
            checker.url("return_url", url, &[]);
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let mut url = delivery.url("base_url", WEB, &["servlet", "servlet.WebToLead"])?;
        url.set_query(Some("encoding=UTF-8"));
        let fields = with_last_name(delivery.fields()?, "last_name", delivery);
        demand(&fields, "company")?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("oid", &self.organization_id);
        if let Some(url) = &self.return_url {
            form.append_pair("retURL", url);
        }
        for field in &fields {
            form.append_pair(&field.field, &field.text());
        }
        let mut request = Request::new(Method::Post, Guarded::clear(url.as_str()))
            .header("content-type", Guarded::clear("application/x-www-form-urlencoded"));
        request.body = Body::clear(form.finish());
        Ok(Step::Http(request))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        Next::Done(match answer.status {
            301 | 302 | 303 | 307 => Outcome::Accepted { external_id: None },
            _ => answer.by_status(""),
        })
    }
}

impl Adapter for Rest {
    fn default_mapping(&self) -> Mapping {
        Mapping::of(&FIELDS.iter().map(|(_, api, core)| (*api, *core)).collect::<Vec<_>>())
    }

    fn secrets(&self) -> Vec<&str> {
        vec![ACCESS_TOKEN]
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        Some(Endpoint {
            base: &self.instance_url,
            path: &["services", "oauth2", "token"],
            wire: Wire::Form,
            has_client_credentials: true,
            api: Some(("/instance_url", HOSTS)),
        })
    }

    fn required_fields(&self) -> &'static [&'static str] {
        &["LastName", "Company"]
    }

    fn allows_field(&self, field: &str) -> bool {
        is_id(field, 80) && self.external_id_field.as_deref() != Some(field)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.url("instance_url", &self.instance_url, if checker.is_overridden() { &[] } else { HOSTS });
        let version = self.api_version.strip_suffix(".0").is_some_and(|v| v.len() <= 3 && v.parse::<u16>().is_ok());
        checker.require(version, "api_version", "a version such as `62.0` is needed");
        if let Some(field) = &self.external_id_field {
            checker.id("external_id_field", field, 80);
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let fields = with_last_name(delivery.fields()?, "LastName", delivery);
        demand(&fields, "Company")?;
        let version = format!("v{}", self.api_version);
        let mut segments = vec!["services", "data", version.as_str(), "sobjects", "Lead"];
        let method = match &self.external_id_field {
            Some(field) => {
                segments.extend([field.as_str(), delivery.idempotency_key]);
                Method::Patch
            }
            None => Method::Post,
        };
        let url = delivery.url("instance_url", &self.instance_url, &segments)?;
        let body: Map<String, Value> = fields.iter().map(|field| (field.field.clone(), field.text().into())).collect();
        let request = Request::new(method, Guarded::clear(url.as_str())).json(&Value::Object(body));
        Ok(Step::Http(request.header("authorization", bearer(delivery.secret(ACCESS_TOKEN)?))))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let code = text_at(&body, &["/0/errorCode", "/errors/0/statusCode", "/errorCode"]);
        let message = text_at(&body, &["/0/message", "/errors/0/message", "/message"]);
        let reason = if code.is_empty() { message.to_owned() } else { format!("{code}: {message}") };
        Next::Done(match (answer.status, code) {
            (200..=299, _) if body.pointer("/success") == Some(&Value::Bool(false)) => rejected(&reason),
            (200..=299, _) => Outcome::Accepted { external_id: id_at(&body, "/id") },
            (_, "REQUEST_LIMIT_EXCEEDED") => answer.retry(Some(LIMIT_SECS)),
            (_, "UNABLE_TO_LOCK_ROW" | "SERVER_UNAVAILABLE" | "QUERY_TIMEOUT") => answer.retry(None),
            (_, "DUPLICATES_DETECTED" | "DUPLICATE_VALUE") => Outcome::Duplicate,
            (
                _,
                "INVALID_FIELD"
                | "INVALID_FIELD_FOR_INSERT_UPDATE"
                | "INVALID_TYPE"
                | "NOT_FOUND"
                | "API_DISABLED_FOR_ORG"
                | "JSON_PARSER_ERROR",
            ) => broken(&reason),
            (400, _) => rejected(&reason),
            (300, _) => broken("the external id stands in several records there"),
            (409, _) => broken(&reason),
            _ => answer.by_status(&reason),
        })
    }
}

/// A family name is required there and not here: the one name that is known stands in.
fn with_last_name(mut fields: Vec<Filled>, name: &str, delivery: &Delivery<'_>) -> Vec<Filled> {
    if !fields.iter().any(|field| field.field == name) {
        fields.push(Filled { field: name.into(), values: vec![delivery.lead.display_name()], secret: false });
    }
    fields
}

fn demand(fields: &[Filled], name: &str) -> Result<(), RenderError> {
    if fields.iter().any(|field| field.field == name) { Ok(()) } else { Err(RenderError::MissingField { field: name.into() }) }
}

#[cfg(test)]
#[path = "salesforce_tests.rs"]
mod tests;
