//! The settings of a destination: what can be stored in clear.

use serde::{Deserialize, Serialize};
use url::Url;

use super::answer::{Answer, Next, Outcome, Stage};
use super::check::{Checker, Policy, Problem, parse};
use super::delivery::Delivery;
use super::guarded::Secrets;
use super::lead::Lead;
use super::mapping::{Mapping, Source};
use super::oauth::{ACCESS_TOKEN, Endpoint, Oauth};
use super::render_error::RenderError;
use super::step::{Shown, Step};
use super::{adf, bitrix24, csv_file, email, hook, http, hubspot, kommo, pipedrive, salesforce};

/// Where a buyer wants leads, without the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The system, with its own settings.
    #[serde(flatten)]
    pub kind: Kind,
    /// The field mapping; without one, the adapter's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// The app by which access tokens are got, in place of a token that somebody gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<Oauth>,
    /// An address in place of the vendor's own, its token endpoint included, for private clouds and tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

/// The systems that leads can be brought to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A HubSpot form.
    HubspotForm(hubspot::Form),
    /// A HubSpot contact.
    HubspotContact(hubspot::Contact),
    /// Salesforce Web-to-Lead.
    SalesforceWeb(salesforce::Web),
    /// A Salesforce lead over REST.
    SalesforceRest(salesforce::Rest),
    /// A Pipedrive person and lead.
    Pipedrive(pipedrive::Pipedrive),
    /// A Bitrix24 lead.
    Bitrix24(bitrix24::Bitrix24),
    /// A Kommo (amoCRM) lead with its contact.
    Kommo(kommo::Kommo),
    /// A catch hook of Zapier, Make, n8n or the like.
    Hook(hook::Hook),
    /// Any HTTP endpoint.
    Http(Box<http::Http>),
    /// ADF/XML for car dealers.
    Adf(adf::Adf),
    /// E-mail.
    Email(email::Email),
    /// A row of a CSV file.
    Csv(csv_file::Csv),
}

/// How fast a system takes leads: `burst` at once, and then one every `interval_millis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Leads at once.
    pub burst: u32,
    /// Milliseconds from one to the next in the long run.
    pub interval_millis: u32,
}

/// What each system does in its own way.
pub(crate) trait Adapter {
    /// The mapping used when the destination has none.
    fn default_mapping(&self) -> Mapping;

    /// Names of the secrets without which nothing can be sent.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Fields that a mapping must have.
    fn required_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a mapping may have this field.
    fn allows_field(&self, _field: &str) -> bool {
        true
    }

    /// Whether fields may be filled from secrets.
    fn has_secret_fields(&self) -> bool {
        false
    }

    /// How fast it may be sent leads.
    fn pace(&self) -> Pace {
        Pace { burst: 20, interval_millis: 100 }
    }

    /// Whether what it sends tells who the person is.
    fn tells_person(&self) -> bool {
        true
    }

    /// Whether an accepting answer means that the lead has arrived.
    fn confirms(&self) -> bool {
        true
    }

    fn check(&self, checker: &mut Checker<'_>);

    fn check_secrets(&self, _secrets: &Secrets, _checker: &mut Checker<'_>) {}

    /// Where access tokens are got, for systems that are reached by OAuth.
    fn token_endpoint(&self) -> Option<Endpoint<'_>> {
        None
    }

    /// Whether it has more than the first step; such a one refuses stages of others itself.
    fn has_further_steps(&self) -> bool {
        false
    }

    fn render(&self, delivery: &Delivery<'_>, stage: &Stage) -> Result<Step, RenderError>;

    fn next(&self, stage: &Stage, answer: &Answer) -> Next;

    /// The stages that a preview shows.
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::First]
    }
}

impl Kind {
    pub(crate) fn adapter(&self) -> &dyn Adapter {
        match self {
            Self::HubspotForm(a) => a,
            Self::HubspotContact(a) => a,
            Self::SalesforceWeb(a) => a,
            Self::SalesforceRest(a) => a,
            Self::Pipedrive(a) => a,
            Self::Bitrix24(a) => a,
            Self::Kommo(a) => a,
            Self::Hook(a) => a,
            Self::Http(a) => a.as_ref(),
            Self::Adf(a) => a,
            Self::Email(a) => a,
            Self::Csv(a) => a,
        }
    }
}

impl From<Kind> for Destination {
    fn from(kind: Kind) -> Self {
        Self { kind, mapping: None, oauth: None, base_url: None }
    }
}

impl Destination {
    /// Everything wrong with the settings; empty if they can be used.
    #[must_use]
    pub fn check(&self, policy: &Policy) -> Vec<Problem> {
        let adapter = self.kind.adapter();
        let mut checker = Checker::new(policy, self.base_url.is_some()).with_oauth(self.oauth.is_some());
        if let Some(base_url) = &self.base_url {
            checker.base_url(base_url);
        }
        adapter.check(&mut checker);
        if let Some(oauth) = &self.oauth {
            oauth.check(adapter.token_endpoint(), &mut checker);
        }
        if let Some(mapping) = &self.mapping {
            checker.extend(mapping.check(adapter.has_secret_fields()));
            for (i, field) in mapping.0.iter().enumerate() {
                checker.require(
                    adapter.allows_field(&field.field),
                    &format!("mapping.{i}.field"),
                    "this destination has no such field",
                );
            }
            for field in adapter.required_fields() {
                checker.require(mapping.has(field), "mapping", &format!("the field `{field}` is required"));
            }
        }
        checker.into_problems()
    }

    /// Everything wrong with the secrets, never with a part of one.
    #[must_use]
    pub fn check_secrets(&self, secrets: &Secrets, policy: &Policy) -> Vec<Problem> {
        let mut checker = Checker::new(policy, self.base_url.is_some());
        for name in self.required_secrets() {
            checker.require(secrets.get(&name).is_some(), &format!("secrets.{name}"), "this secret is missing");
        }
        self.kind.adapter().check_secrets(secrets, &mut checker);
        checker.into_problems()
    }

    /// The address below `base`, or below the one that the settings put in its place. Segments are percent-encoded.
    pub(super) fn url(&self, path: &str, base: &str, segments: &[&str]) -> Result<Url, RenderError> {
        let (path, base) = self.base_url.as_deref().map_or((path, base), |base| ("base_url", base));
        let bad = || RenderError::BadUrl { path: path.to_owned() };
        let mut url = parse(base).ok_or_else(bad)?;
        if !segments.is_empty() {
            url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().extend(segments);
        }
        Ok(url)
    }

    /// Names of the secrets that this destination needs.
    #[must_use]
    pub fn required_secrets(&self) -> Vec<String> {
        let own = self.kind.adapter().secrets();
        let own = self.oauth.as_ref().map_or(own, |oauth| oauth.secrets().to_vec());
        let mut names: Vec<String> = own.into_iter().map(ToOwned::to_owned).collect();
        for field in self.mapping.iter().flat_map(|m| &m.0) {
            if let Source::Secret { name } = &field.source
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// The mapping in force.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.mapping.clone().unwrap_or_else(|| self.kind.adapter().default_mapping())
    }

    /// Whether `Accepted` means that the lead has arrived there, or only that the request was taken.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.kind.adapter().confirms()
    }

    /// How fast leads may be sent there.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.kind.adapter().pace()
    }

    /// Whether what is sent there tells who the person is; else it only says that there is a lead.
    #[must_use]
    pub fn tells_person(&self) -> bool {
        self.kind.adapter().tells_person()
    }

    /// What an answer to the step of `stage` means.
    #[must_use]
    pub fn next(&self, stage: &Stage, answer: &Answer) -> Next {
        self.kind.adapter().next(stage, answer)
    }

    /// What an answer to a single step means; `Retry` at once if another step follows.
    #[must_use]
    pub fn classify(&self, answer: &Answer) -> Outcome {
        match self.next(&Stage::First, answer) {
            Next::Done(outcome) => outcome,
            Next::Continue(_) => Outcome::Retry { after: None },
        }
    }

    /// What would be sent for `lead`, with every secret masked.
    ///
    /// # Errors
    /// As [`Delivery::render`].
    pub fn preview(&self, lead: &Lead, sender: &str) -> Result<Vec<Shown>, RenderError> {
        let token = self.oauth.as_ref().map(|_| ACCESS_TOKEN.to_owned());
        let secrets = self.required_secrets().into_iter().chain(token).fold(Secrets::new(), |all, name| {
            let value = if name == "url" { "https://example.com/" } else { "preview" };
            all.with(name, value)
        });
        let delivery = Delivery { destination: self, secrets: &secrets, lead, idempotency_key: "preview", sender };
        self.kind.adapter().stages().iter().map(|stage| Ok(delivery.render(stage)?.shown())).collect()
    }
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
