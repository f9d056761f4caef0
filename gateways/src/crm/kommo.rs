//! Kommo (amoCRM): a lead with its contact in one call.
//!
//! `POST https://{account}.kommo.com/api/v4/leads/complex` (or `amocrm.ru`) with a long-lived token or an OAuth access token; the body is
//! an array of leads, each with at most one contact in `_embedded.contacts`. Standard fields of a contact go by `field_code` `PHONE` and
//! `EMAIL`, others by `field_id`, and `price` is a whole number. `request_id` comes back in the answer, and takes the idempotency key.
//! 200 answers an array of `id`, `contact_id`, `request_id` and `merged`, which is true if the account's duplicate control found the lead;
//! errors are `application/problem+json`. At most 7 requests a second, else 429, and 403 once the address is blocked. Sources:
//! developers.kommo.com, «Complex leads», «Limitations»; amocrm.ru developers, «Сделки».
//!
//! Field names: `lead.name`, `lead.price`, `contact.first_name`, `contact.last_name`, `contact.name`, `contact.PHONE`, `contact.EMAIL`, and
//! `lead.` or `contact.` with the number of a custom field. Values of a text field are sent as text.
//!
//! Default mapping: `lead.name` (the title), `contact.first_name`, `contact.last_name`, `contact.PHONE` and `contact.EMAIL` (all of them).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Next, Outcome, Stage, broken, id_at, rejected, text_at};
use super::check::Checker;
use super::delivery::{Delivery, bearer};
use super::destination::{Adapter, Pace};
use super::guarded::Guarded;
use super::mapping::{Core, Filled, Mapping};
use super::oauth::{ACCESS_TOKEN, Endpoint, Wire};
use super::render_error::RenderError;
use super::step::{Method, Request, Step};

const HOSTS: &[&str] = &["*.kommo.com", "*.amocrm.ru", "*.amocrm.com"];
/// The limit counts by the second.
const BURST_SECS: u64 = 1;

/// A Kommo account, with the secret `access_token` unless an app gets one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kommo {
    /// Address of the account, such as `https://acme.kommo.com`.
    pub account_url: String,
    /// Pipeline of the lead.
    #[serde(default)]
    pub pipeline_id: Option<u64>,
    /// Stage of the lead in it.
    #[serde(default)]
    pub status_id: Option<u64>,
    /// User who gets the lead.
    #[serde(default)]
    pub responsible_user_id: Option<u64>,
    /// Tags of the lead.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl Adapter for Kommo {
    fn default_mapping(&self) -> Mapping {
        Mapping::of(&[
            ("lead.name", Core::Title),
            ("contact.first_name", Core::FirstName),
            ("contact.last_name", Core::LastName),
            ("contact.PHONE", Core::Phones),
            ("contact.EMAIL", Core::Emails),
        ])
    }

    fn secrets(&self) -> Vec<&str> {
        vec![ACCESS_TOKEN]
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        Some(Endpoint {
            base: &self.account_url,
            path: &["oauth2", "access_token"],
            wire: Wire::Json,
            has_client_credentials: false,
            api: None,
        })
    }

    fn required_fields(&self) -> &'static [&'static str] {
        &["lead.name"]
    }

    fn allows_field(&self, field: &str) -> bool {
        match field.split_once('.') {
            Some(("lead", "name" | "price")) => true,
            Some(("contact", "name" | "first_name" | "last_name" | "PHONE" | "EMAIL")) => true,
            Some(("lead" | "contact", id)) => id.parse::<u64>().is_ok(),
            _ => false,
        }
    }

    fn pace(&self) -> Pace {
        Pace { burst: 3, interval_millis: 200 }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.url("account_url", &self.account_url, if checker.is_overridden() { &[] } else { HOSTS });
        checker.require(self.tags.len() <= 20, "tags", "at most 20 tags");
        for (i, tag) in self.tags.iter().enumerate() {
            checker.line(&format!("tags.{i}"), tag, 100);
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let url = delivery.url("account_url", &self.account_url, &["api", "v4", "leads", "complex"])?;
        let fields = delivery.fields()?;
        let mut lead = object("lead", &fields)?;
        if !lead.contains_key("name") {
            return Err(RenderError::MissingField { field: "lead.name".into() });
        }
        for (name, id) in
            [("pipeline_id", self.pipeline_id), ("status_id", self.status_id), ("responsible_user_id", self.responsible_user_id)]
        {
            if let Some(id) = id {
                lead.insert(name.into(), id.into());
            }
        }
        lead.insert("created_at".into(), delivery.lead.bought_at.timestamp().into());
        lead.insert("request_id".into(), delivery.idempotency_key.into());
        let mut embedded = Map::new();
        let contact = object("contact", &fields)?;
        if !contact.is_empty() {
            embedded.insert("contacts".into(), json!([contact]));
        }
        if !self.tags.is_empty() {
            embedded.insert("tags".into(), self.tags.iter().map(|tag| json!({ "name": tag })).collect());
        }
        if !embedded.is_empty() {
            lead.insert("_embedded".into(), embedded.into());
        }
        let request = Request::new(Method::Post, Guarded::clear(url.as_str())).json(&json!([lead]));
        Ok(Step::Http(request.header("authorization", bearer(delivery.secret(ACCESS_TOKEN)?))))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let errors = "/validation-errors/0/errors/0";
        let place = text_at(&body, &[&format!("{errors}/path")]);
        let detail = text_at(&body, &[&format!("{errors}/detail"), "/detail", "/title", "/hint"]);
        let reason = [place, detail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        Next::Done(match answer.status {
            200..=299 if body.pointer("/0/merged") == Some(&Value::Bool(true)) => Outcome::Duplicate,
            200..=299 => match id_at(&body, "/0/id") {
                Some(id) => Outcome::Accepted { external_id: Some(id) },
                None => broken("the answer names no lead"),
            },
            400 => rejected(&reason),
            429 => answer.retry(Some(BURST_SECS)),
            _ => answer.by_status(&reason),
        })
    }
}

/// The fields of one object: names of its own, and the rest under `custom_fields_values`.
fn object(kind: &str, fields: &[Filled]) -> Result<Map<String, Value>, RenderError> {
    let mut object = Map::new();
    let mut custom = Vec::new();
    for field in fields {
        let Some(name) = field.field.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        match name {
            "price" => {
                let whole = field.text().split('.').next().and_then(|whole| whole.trim().parse::<u64>().ok());
                let bad = RenderError::BadValue { field: field.field.clone(), expected: "a number of 0 or more" };
                object.insert(name.into(), whole.ok_or(bad)?.into());
            }
            "PHONE" | "EMAIL" => {
                let values: Vec<_> = field.values.iter().map(|value| json!({ "value": value, "enum_code": "WORK" })).collect();
                custom.push(json!({ "field_code": name, "values": values }));
            }
            name => match name.parse::<u64>() {
                Ok(id) => custom.push(json!({ "field_id": id, "values": [{ "value": field.text() }] })),
                Err(_) => {
                    object.insert(name.into(), field.text().into());
                }
            },
        }
    }
    if !custom.is_empty() {
        object.insert("custom_fields_values".into(), custom.into());
    }
    Ok(object)
}

#[cfg(test)]
#[path = "kommo_tests.rs"]
mod tests;
