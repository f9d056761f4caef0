//! Pipedrive: a person, then a lead that points to it.
//!
//! A lead needs `title` and `person_id` or `organization_id`, so two calls are made: `POST https://{domain}.pipedrive.com/api/v2/persons`
//! with `name`, `emails` and `phones` (arrays of `value`, `primary`, `label`; custom fields under `custom_fields`), or `/v1/persons` with
//! `email` and `phone` and custom fields beside them; then `POST /v1/leads`, which takes JSON only and has `value` as
//! `{"amount","currency"}`, `origin_id` for the idempotency key, and custom fields of deals beside the others. An API token goes into
//! `x-api-token`, an access token is a bearer. Answers are `{"success","data":{"id"}}` with 200 or 201, or `{"success":false,"error","error_info"}`; 429 comes with
//! `x-ratelimit-reset` in seconds. Sources: developers.pipedrive.com, «Persons», «Leads», «Rate limiting», «HTTP status codes», and the
//! «API v2 migration guide».
//!
//! Field names: `person.name`, `person.email`, `person.phone`, `lead.title`, `lead.value`, `lead.currency`, and `person.` or `lead.` with
//! the 40-digit key of a custom field.
//!
//! Default mapping: `person.name` (the name to show), `person.email` and `person.phone` (all of them), `lead.title`. The price of the lead
//! is no default of `lead.value`, which is what the deal is worth.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Next, Outcome, Stage, broken, id_at, rejected, text_at};
use super::check::{Checker, is_id};
use super::delivery::{Delivery, bearer};
use super::destination::{Adapter, Pace};
use super::guarded::Guarded;
use super::mapping::{Core, Filled, Mapping};
use super::oauth::{ACCESS_TOKEN, Endpoint, Wire};
use super::render_error::RenderError;
use super::step::{Method, Request, Step};

const HOSTS: &[&str] = &["*.pipedrive.com"];
/// Where every account gets its tokens.
const TOKENS: &str = "https://oauth.pipedrive.com";

/// A Pipedrive account, with the secret `api_token` unless an app gets tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipedrive {
    /// The company's part of `{domain}.pipedrive.com`.
    pub domain: String,
    /// Version of the API for persons.
    #[serde(default)]
    pub version: Version,
    /// User who owns both.
    #[serde(default)]
    pub owner_id: Option<u64>,
    /// Labels of the lead, by their ids.
    #[serde(default)]
    pub label_ids: Vec<String>,
}

/// Version of Pipedrive's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// The older one.
    V1,
    /// The one in force.
    #[default]
    V2,
}

impl Adapter for Pipedrive {
    fn default_mapping(&self) -> Mapping {
        Mapping::of(&[
            ("person.name", Core::DisplayName),
            ("person.email", Core::Emails),
            ("person.phone", Core::Phones),
            ("lead.title", Core::Title),
        ])
    }

    fn secrets(&self) -> Vec<&str> {
        vec!["api_token"]
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        Some(Endpoint {
            base: TOKENS,
            path: &["oauth", "token"],
            wire: Wire::BasicForm,
            has_client_credentials: false,
            api: Some(("/api_domain", HOSTS)),
        })
    }

    fn required_fields(&self) -> &'static [&'static str] {
        &["person.name", "lead.title"]
    }

    fn allows_field(&self, field: &str) -> bool {
        let Some((object, name)) = field.split_once('.') else {
            return false;
        };
        let plain = matches!((object, name), ("person", "name" | "email" | "phone") | ("lead", "title" | "value" | "currency"));
        plain || (matches!(object, "person" | "lead") && name.len() == 40 && is_id(name, 40))
    }

    fn pace(&self) -> Pace {
        Pace { burst: 5, interval_millis: 400 }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.id("domain", &self.domain, 63);
        for (i, label) in self.label_ids.iter().enumerate() {
            checker.id(&format!("label_ids.{i}"), label, 64);
        }
        checker.url("domain", &self.base(), if checker.is_overridden() { &[] } else { HOSTS });
    }

    fn render(&self, delivery: &Delivery<'_>, stage: &Stage) -> Result<Step, RenderError> {
        let fields = delivery.fields()?;
        let (segments, body) = match (stage, self.version) {
            (Stage::First, Version::V1) => (["v1", "persons"].as_slice(), self.person(&fields)?),
            (Stage::First, Version::V2) => (["api", "v2", "persons"].as_slice(), self.person(&fields)?),
            (Stage::PipedriveLead { person_id }, _) => (["v1", "leads"].as_slice(), self.lead(&fields, *person_id, delivery)?),
            (Stage::HubspotUpdate { .. }, _) => return Err(RenderError::WrongStage),
        };
        let url = delivery.url("domain", &self.base(), segments)?;
        let request = Request::new(Method::Post, Guarded::clear(url.as_str())).json(&Value::Object(body));
        Ok(Step::Http(match &delivery.destination.oauth {
            Some(_) => request.header("authorization", bearer(delivery.secret(ACCESS_TOKEN)?)),
            None => request.header("x-api-token", Guarded::secret(delivery.secret("api_token")?)),
        }))
    }

    fn next(&self, stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let error = [text_at(&body, &["/error"]), text_at(&body, &["/error_info"])].join(" ");
        let success = answer.is_success() && body.pointer("/success") != Some(&Value::Bool(false));
        if success && *stage == Stage::First {
            return match body.pointer("/data/id").and_then(Value::as_u64) {
                Some(person_id) => Next::Continue(Stage::PipedriveLead { person_id }),
                None => Next::Done(broken("the answer names no person")),
            };
        }
        let reset = answer.header("x-ratelimit-reset").and_then(|secs| secs.trim().parse().ok());
        Next::Done(match answer.status {
            200..=299 if success => Outcome::Accepted { external_id: id_at(&body, "/data/id") },
            200..=299 | 400 => rejected(&error),
            429 => answer.retry(reset),
            _ => answer.by_status(&error),
        })
    }

    fn has_further_steps(&self) -> bool {
        true
    }

    fn stages(&self) -> Vec<Stage> {
        vec![Stage::First, Stage::PipedriveLead { person_id: 1 }]
    }
}

impl Pipedrive {
    fn base(&self) -> String {
        format!("https://{}.pipedrive.com", self.domain)
    }

    fn person(&self, fields: &[Filled]) -> Result<Map<String, Value>, RenderError> {
        let (email, phone) = if self.version == Version::V1 { ("email", "phone") } else { ("emails", "phones") };
        let mut body = Map::new();
        let mut custom = Map::new();
        for (field, name) in of("person", fields) {
            match name {
                "name" => body.insert("name".into(), field.text().into()),
                "email" => body.insert(email.into(), contacts(&field.values)),
                "phone" => body.insert(phone.into(), contacts(&field.values)),
                key if self.version == Version::V1 => body.insert(key.into(), field.text().into()),
                key => custom.insert(key.into(), field.text().into()),
            };
        }
        if !body.contains_key("name") {
            return Err(RenderError::MissingField { field: "person.name".into() });
        }
        if !custom.is_empty() {
            body.insert("custom_fields".into(), custom.into());
        }
        self.own(&mut body);
        Ok(body)
    }

    fn lead(&self, fields: &[Filled], person_id: u64, delivery: &Delivery<'_>) -> Result<Map<String, Value>, RenderError> {
        let mut body = Map::new();
        let mut value = Map::new();
        for (field, name) in of("lead", fields) {
            match name {
                "title" => body.insert("title".into(), field.text().into()),
                "value" => {
                    let amount = field.text().trim().parse().ok().and_then(serde_json::Number::from_f64);
                    value.insert(
                        "amount".into(),
                        amount.ok_or(RenderError::BadValue { field: "lead.value".into(), expected: "a number" })?.into(),
                    )
                }
                "currency" => value.insert("currency".into(), field.text().into()),
                key => body.insert(key.into(), field.text().into()),
            };
        }
        if !body.contains_key("title") {
            return Err(RenderError::MissingField { field: "lead.title".into() });
        }
        // An amount without a currency is refused there, and a currency without an amount says nothing.
        if value.len() == 2 {
            body.insert("value".into(), value.into());
        }
        body.insert("person_id".into(), person_id.into());
        body.insert("origin_id".into(), delivery.idempotency_key.into());
        if !self.label_ids.is_empty() {
            body.insert("label_ids".into(), json!(self.label_ids));
        }
        self.own(&mut body);
        Ok(body)
    }

    fn own(&self, body: &mut Map<String, Value>) {
        if let Some(owner) = self.owner_id {
            body.insert("owner_id".into(), owner.into());
        }
    }
}

fn of<'a>(object: &'a str, fields: &'a [Filled]) -> impl Iterator<Item = (&'a Filled, &'a str)> {
    fields.iter().filter_map(move |field| Some((field, field.field.strip_prefix(object)?.strip_prefix('.')?)))
}

fn contacts(values: &[String]) -> Value {
    values
        .iter()
        .enumerate()
        .map(|(i, value)| json!({ "value": value, "primary": i == 0, "label": if i == 0 { "work" } else { "other" } }))
        .collect()
}

#[cfg(test)]
#[path = "pipedrive_tests.rs"]
mod tests;
