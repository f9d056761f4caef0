//! HubSpot: form submissions (Forms API v3) and contacts (CRM API v3).
//!
//! Form: `POST https://api.hsforms.com/submissions/v3/integration/submit/{portalId}/{formGuid}` without authentication, 50 requests in
//! 10 s, or `.../secure/submit/...` with a token and a higher limit. The body lists `fields` of `objectTypeId`, `name` and `value`; 200
//! answers with `inlineMessage` or `redirectUri` and no id, a refused submission answers 400, sometimes with HTML. Sources: HubSpot
//! developer documentation, «Submit data to a form» and «Submit data to a form (supporting authentication)» (legacy docs, Forms API v3).
//!
//! Contact: `POST https://api.hubapi.com/crm/v3/objects/contacts` with the token of a private app, or one that an app gets by OAuth, and the
//! scope `crm.objects.contacts.write`;
//! 201 answers with `id`. A known e-mail address answers 409 with `Existing ID: ...` in `message`, upon which the contact is changed with
//! `PATCH .../contacts/{id}`, if the settings say so. Sources: «CRM API: Contacts», «API usage details» (429 with `policyName`), and the
//! answer that users show in HubSpot's developer forum («Updated 409 Conflict responses»).
//!
//! Neither has a place for an idempotency key: map `idempotency_key` to a property of your own to see it there. Field names are names of
//! properties; a form's field may name the object before a slash, as in `0-2/name`.
//!
//! Default mapping of both: `email` and `phone` (the first of each), `firstname`, `lastname`, `country`, `state` (region), `city`, `zip`,
//! `message` (the answers as lines).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Next, Outcome, Stage, broken, id_at, rejected, text_at};
use super::check::Checker;
use super::delivery::{Delivery, bearer};
use super::destination::{Adapter, Pace};
use super::guarded::Guarded;
use super::mapping::{Core, Mapping};
use super::oauth::{ACCESS_TOKEN, Endpoint, Wire};
use super::render_error::RenderError;
use super::step::{Method, Request, Step};

const FORMS: &str = "https://api.hsforms.com";
const API: &str = "https://api.hubapi.com";
/// Object type of contacts.
const CONTACT: &str = "0-1";
/// The rolling window of the burst limit, in seconds.
const BURST_SECS: u64 = 10;
/// A daily limit resets at midnight of the account; asking once an hour finds that soon enough.
const DAILY_SECS: u64 = 3_600;
/// Both kinds get their tokens at the same place.
const TOKENS: Endpoint<'_> =
    Endpoint { base: API, path: &["oauth", "v1", "token"], wire: Wire::Form, has_client_credentials: false, api: None };
/// Error types of the Forms API that the next lead would meet as well.
const FORM_FAULTS: &[&str] = &[
    "FORM_HAS_RECAPTCHA_ENABLED",
    "FIELD_NOT_IN_FORM_DEFINITION",
    "INVALID_LEGAL_OPTION_FORMAT",
    "MISSING_PROCESSING_CONSENT",
    "MISSING_PROCESSING_CONSENT_TEXT",
    "MISSING_COMMUNICATION_CONSENT_TEXT",
    "MISSING_LEGITIMATE_INTEREST_TEXT",
    "DUPLICATE_SUBSCRIPTION_TYPE_ID",
    "INVALID_PAGE_URI",
];

/// Submits to a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Id of the account.
    pub portal_id: String,
    /// Id of the form.
    pub form_guid: String,
    /// Whether to authenticate, with the secret `access_token`.
    #[serde(default)]
    pub secure: bool,
    /// Page that the submission is booked under.
    #[serde(default)]
    pub page_url: Option<String>,
    /// Consent text to record; none sends no legal options.
    #[serde(default)]
    pub consent_text: Option<String>,
}

/// Makes a contact, with the secret `access_token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Whether a known contact gets the new values; if not, it counts as a duplicate.
    #[serde(default)]
    pub update_existing: bool,
}

fn contact_mapping() -> Mapping {
    Mapping::of(&[
        ("email", Core::Email),
        ("phone", Core::Phone),
        ("firstname", Core::FirstName),
        ("lastname", Core::LastName),
        ("country", Core::Country),
        ("state", Core::Region),
        ("city", Core::City),
        ("zip", Core::PostalCode),
        ("message", Core::Summary),
    ])
}

impl Adapter for Form {
    fn default_mapping(&self) -> Mapping {
        contact_mapping()
    }

    fn secrets(&self) -> Vec<&str> {
        if self.secure { vec![ACCESS_TOKEN] } else { Vec::new() }
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        self.secure.then_some(TOKENS)
    }

    fn pace(&self) -> Pace {
        Pace { burst: 20, interval_millis: 250 }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.id("portal_id", &self.portal_id, 20);
        checker.id("form_guid", &self.form_guid, 64);
        if let Some(url) = &self.page_url {
            checker.url("page_url", url, &[]);
        }
        if let Some(text) = &self.consent_text {
            checker.require((1..=2_000).contains(&text.chars().count()), "consent_text", "1 to 2000 characters are needed");
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let way: &[&str] = if self.secure { &["secure", "submit"] } else { &["submit"] };
        let mut segments = vec!["submissions", "v3", "integration"];
        segments.extend(way);
        segments.extend([self.portal_id.as_str(), &self.form_guid]);
        let url = delivery.url("base_url", FORMS, &segments)?;
        let fields: Vec<_> = delivery
            .fields()?
            .iter()
            .map(|field| {
                let (object, name) = field.field.split_once('/').unwrap_or((CONTACT, &field.field));
                json!({ "objectTypeId": object, "name": name, "value": field.text() })
            })
            .collect();
        let submitted_at = delivery.lead.submitted_at.timestamp_millis().to_string();
        let mut body = json!({ "submittedAt": submitted_at, "fields": fields });
        if let (Some(url), Some(map)) = (&self.page_url, body.as_object_mut()) {
            map.insert("context".into(), json!({ "pageUri": url, "pageName": delivery.lead.vertical }));
        }
        if let (Some(text), Some(map)) = (&self.consent_text, body.as_object_mut()) {
            map.insert("legalConsentOptions".into(), json!({ "consent": { "consentToProcess": true, "text": text } }));
        }
        let request = Request::new(Method::Post, Guarded::clear(url.as_str())).json(&body);
        Ok(Step::Http(if self.secure {
            request.header("authorization", bearer(delivery.secret(ACCESS_TOKEN)?))
        } else {
            request
        }))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let reason = text_at(&body, &["/errors/0/message", "/message"]);
        let fault = text_at(&body, &["/errors/0/errorType"]);
        Next::Done(match answer.status {
            400 if FORM_FAULTS.contains(&fault) => broken(reason),
            400 if reason.is_empty() => rejected("the form refuses this submission"),
            400 => rejected(reason),
            429 => answer.retry(Some(BURST_SECS)),
            _ => answer.by_status(reason),
        })
    }
}

impl Adapter for Contact {
    fn default_mapping(&self) -> Mapping {
        contact_mapping()
    }

    fn secrets(&self) -> Vec<&str> {
        vec![ACCESS_TOKEN]
    }

    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        Some(TOKENS)
    }

    fn has_further_steps(&self) -> bool {
        true
    }

    fn pace(&self) -> Pace {
        Pace { burst: 20, interval_millis: 250 }
    }

    fn check(&self, _checker: &mut Checker<'_>) {}

    fn render(&self, delivery: &Delivery<'_>, stage: &Stage) -> Result<Step, RenderError> {
        let fields = delivery.fields()?;
        if fields.is_empty() {
            return Err(RenderError::MissingField { field: "email".into() });
        }
        let properties: Map<String, Value> = fields.iter().map(|field| (field.field.clone(), field.text().into())).collect();
        let mut segments = vec!["crm", "v3", "objects", "contacts"];
        let method = match stage {
            Stage::First => Method::Post,
            Stage::HubspotUpdate { contact_id } => {
                segments.push(contact_id);
                Method::Patch
            }
            Stage::PipedriveLead { .. } => return Err(RenderError::WrongStage),
        };
        let url = delivery.url("base_url", API, &segments)?;
        let request = Request::new(method, Guarded::clear(url.as_str())).json(&json!({ "properties": properties }));
        Ok(Step::Http(request.header("authorization", bearer(delivery.secret(ACCESS_TOKEN)?))))
    }

    fn next(&self, stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let message = text_at(&body, &["/errors/0/message", "/message"]);
        let known = existing_id(text_at(&body, &["/message"])).or_else(|| existing_id(message));
        let outcome = match (answer.status, known, stage) {
            (409, Some(contact_id), Stage::First) if self.update_existing => {
                return Next::Continue(Stage::HubspotUpdate { contact_id });
            }
            (409, ..) => Outcome::Duplicate,
            (200..=299, ..) => Outcome::Accepted { external_id: id_at(&body, "/id") },
            (404, _, Stage::HubspotUpdate { .. }) => rejected("the known contact is gone"),
            (400, ..) if answer.text().contains("PROPERTY_DOESNT_EXIST") => broken("a mapped property does not exist there"),
            (400, ..) => rejected(message),
            (429, ..) if text_at(&body, &["/policyName"]) == "DAILY" => answer.retry(Some(DAILY_SECS)),
            (429, ..) => answer.retry(Some(BURST_SECS)),
            _ => answer.by_status(message),
        };
        Next::Done(outcome)
    }
}

/// The id in `Contact already exists. Existing ID: 2926551`.
fn existing_id(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Existing ID:")?;
    let id: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
#[path = "hubspot_tests.rs"]
mod tests;
