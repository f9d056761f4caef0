//! One lead on its way to one destination.

use secrecy::SecretString;
use url::Url;

use super::answer::Stage;
use super::check::{is_address, is_header_name, is_header_value, parse};
use super::destination::Destination;
use super::guarded::{Guarded, Secrets};
use super::lead::Lead;
use super::mapping::Filled;
use super::render_error::RenderError;
use super::step::{Request, Step};
use super::template::Context;

/// Everything that a step is made from. `Debug` shows neither secrets nor personal data.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Where to.
    pub destination: &'a Destination,
    /// Its secrets.
    pub secrets: &'a Secrets,
    /// What.
    pub lead: &'a Lead,
    /// The same for every attempt: 1 to 100 visible ASCII characters.
    pub idempotency_key: &'a str,
    /// Name of the exchange, for fields that say where a lead comes from.
    pub sender: &'a str,
}

impl Delivery<'_> {
    /// The step of `stage`, with the idempotency key in its header.
    ///
    /// # Errors
    /// If a secret or a required value is missing, a template fails, or something would break out of a header.
    pub fn render(&self, stage: &Stage) -> Result<Step, RenderError> {
        let adapter = self.destination.kind.adapter();
        if *stage != Stage::First && !adapter.has_further_steps() {
            return Err(RenderError::WrongStage);
        }
        let step = match adapter.render(self, stage)? {
            Step::Http(request) => Step::Http(request.header("idempotency-key", Guarded::clear(self.step_key(stage)))),
            other => other,
        };
        guard(&step)?;
        Ok(step)
    }

    /// What templates see.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(self.lead, self.idempotency_key, self.sender)
    }

    /// A secret of the destination.
    ///
    /// # Errors
    /// If it is missing.
    pub fn secret(&self, name: &str) -> Result<SecretString, RenderError> {
        self.secrets.get(name).cloned().ok_or_else(|| RenderError::MissingSecret { name: name.to_owned() })
    }

    /// The mapped fields that have a value.
    ///
    /// # Errors
    /// If a template fails or a secret is missing.
    pub fn fields(&self) -> Result<Vec<Filled>, RenderError> {
        self.destination.mapping().fill(self)
    }

    /// The address below the vendor's base, or below the one that the settings put in its place. Segments are percent-encoded.
    ///
    /// # Errors
    /// If the base is not an address.
    pub fn url(&self, path: &str, base: &str, segments: &[&str]) -> Result<Url, RenderError> {
        self.destination.url(path, base, segments)
    }

    /// Each step has a key of its own, since a service that honours keys answers a repeated one with the first answer.
    fn step_key(&self, stage: &Stage) -> String {
        let suffix = match stage {
            Stage::First => "",
            Stage::PipedriveLead { .. } => "-lead",
            Stage::HubspotUpdate { .. } => "-update",
        };
        format!("{}{suffix}", self.idempotency_key)
    }
}

/// `Bearer` and a token.
#[must_use]
pub fn bearer(token: SecretString) -> Guarded {
    Guarded::clear("Bearer ").then_secret(token)
}

/// The last word on headers, whatever an adapter did.
fn guard(step: &Step) -> Result<(), RenderError> {
    match step {
        Step::Http(request) => guard_request(request),
        Step::Email(message) => {
            let bad = |path: &str| Err(RenderError::BadHeader { path: path.to_owned() });
            if !message.to.iter().all(|to| is_address(to)) || message.to.is_empty() {
                return bad("to");
            }
            if !is_header_value(&message.subject) {
                return bad("subject");
            }
            if !is_header_value(&message.message_id) || !is_header_value(&message.content_type) {
                return bad("message_id");
            }
            match message.headers.iter().find(|(name, value)| !is_header_name(name) || !is_header_value(value)) {
                Some((name, _)) => bad(&format!("headers.{}", name.escape_debug())),
                None => Ok(()),
            }
        }
        Step::Row(_) => Ok(()),
    }
}

pub(super) fn guard_request(request: &Request) -> Result<(), RenderError> {
    if parse(&request.url.expose()).is_none() {
        return Err(RenderError::BadUrl { path: "url".into() });
    }
    match request.headers.iter().find(|(name, value)| !is_header_name(name) || !is_header_value(&value.expose())) {
        Some((name, _)) => Err(RenderError::BadHeader { path: format!("headers.{}", name.escape_debug()) }),
        None => Ok(()),
    }
}
