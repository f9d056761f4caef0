//! Hooks: a catch hook of Zapier, a custom webhook of Make, a webhook of n8n, or any other that takes flat JSON.
//!
//! `POST` to the address that the platform gave, which is a secret in itself. The body is one flat object with stable keys, so that a
//! step that was mapped once stays mapped: absent values are `null`, not left out. 410 means that the subscription is gone and must not be
//! called again. Sources: docs.zapier.com, «Add an instant trigger using REST Hooks» (410, throttling with 429); n8n docs, «Webhook node»
//! (test and production addresses differ; 404 while a workflow is not active); Make Help, «Webhooks» (API key in the header
//! `x-make-apikey`, 400 «Queue is full»). An acceptance says that the platform took the call, not that the workflow ran.
//!
//! Any field name can be mapped; with `attributes`, each answer of the form is added as `attribute_{key}`.
//!
//! Default mapping: `lead_id`, `trade_id`, `idempotency_key`, `test`, `vertical`, `first_name`, `last_name`, `full_name`, `phone`, `email`,
//! `country`, `region`, `city`, `postal_code`, `language`, `price`, `currency`, `submitted_at`, `bought_at`, `link`, `summary`.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Answer, Next, Outcome, Stage, id_at, text_at};
use super::check::{Checker, is_header_name};
use super::delivery::Delivery;
use super::destination::Adapter;
use super::guarded::{Guarded, Secrets};
use super::mapping::{Core, Filled, Mapping, PERSON_AND_PLACE, Source};
use super::render_error::RenderError;
use super::step::{Method, Request, Step};

/// What a full queue of Make needs.
const QUEUE_SECS: u64 = 60;

/// A hook, with the secret `url`, and `header_value` if a header is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Whose hook.
    #[serde(default)]
    pub platform: Platform,
    /// Header that carries the secret `header_value`.
    #[serde(default)]
    pub header: Option<String>,
    /// Whether the answers of the form are added.
    #[serde(default = "yes")]
    pub attributes: bool,
}

/// Platforms with hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Zapier.
    Zapier,
    /// Make.
    Make,
    /// n8n, in its own cloud or anywhere.
    N8n,
    /// Any other.
    #[default]
    Other,
}

impl Platform {
    fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Zapier => &["hooks.zapier.com"],
            Self::Make => &[
                "hook.eu1.make.com",
                "hook.eu2.make.com",
                "hook.us1.make.com",
                "hook.us2.make.com",
                "hook.eu1.make.celonis.com",
                "hook.us1.make.celonis.com",
                "hook.integromat.com",
            ],
            Self::N8n | Self::Other => &[],
        }
    }
}

fn yes() -> bool {
    true
}

impl Adapter for Hook {
    fn default_mapping(&self) -> Mapping {
        let bought = [Core::LeadId, Core::TradeId, Core::IdempotencyKey, Core::Test, Core::Vertical, Core::FullName];
        let more = [Core::Language, Core::Price, Core::Currency, Core::SubmittedAt, Core::BoughtAt, Core::Link, Core::Summary];
        Mapping::own(&[bought.as_slice(), PERSON_AND_PLACE, &more].concat())
    }

    fn secrets(&self) -> Vec<&str> {
        if self.header.is_some() { vec!["url", "header_value"] } else { vec!["url"] }
    }

    fn confirms(&self) -> bool {
        false
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if let Some(name) = &self.header {
            let own = ["content-type", "content-length", "host", "idempotency-key"];
            let fits = is_header_name(name) && !own.contains(&name.to_ascii_lowercase().as_str());
            checker.require(fits, "header", "a header name is needed, and none that is set anyway");
        }
    }

    fn check_secrets(&self, secrets: &Secrets, checker: &mut Checker<'_>) {
        if let Some(url) = secrets.get("url") {
            let hosts = if checker.is_overridden() { &[] } else { self.platform.hosts() };
            checker.url("secrets.url", url.expose_secret(), hosts);
            let test = self.platform == Platform::N8n && url.expose_secret().contains("/webhook-test/");
            checker.require(!test, "secrets.url", "this is the test address of n8n, which listens for one call only");
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let filled = delivery.fields()?;
        let mut body = Map::new();
        for field in delivery.destination.mapping().0 {
            let value = filled.iter().find(|f| f.field == field.field).map_or(Value::Null, |f| value(f, &field.source));
            body.insert(field.field, value);
        }
        if self.attributes {
            for attribute in &delivery.lead.attributes {
                body.entry(format!("attribute_{}", attribute.key)).or_insert_with(|| attribute.value.clone().into());
            }
        }
        let request = Request::new(Method::Post, Guarded::secret(delivery.secret("url")?)).json(&Value::Object(body));
        Ok(Step::Http(match &self.header {
            Some(name) => request.header(name, Guarded::secret(delivery.secret("header_value")?)),
            None => request,
        }))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let full = || answer.text().to_ascii_lowercase().contains("queue is full");
        Next::Done(match answer.status {
            200..=299 => Outcome::Accepted { external_id: id_at(&body, "/id") },
            410 => Outcome::Unsubscribed,
            400 if full() => answer.retry(Some(QUEUE_SECS)),
            _ => answer.by_status(text_at(&body, &["/message", "/error", "/status"])),
        })
    }
}

/// A truth value stays one; everything else is text, so that its type never changes from lead to lead.
fn value(field: &Filled, source: &Source) -> Value {
    match source {
        Source::Core { name: Core::Test } => Value::Bool(field.text() == "true"),
        _ => field.text().into(),
    }
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
