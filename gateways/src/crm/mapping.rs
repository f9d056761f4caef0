//! Which of the lead's values goes into which of the destination's fields.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::check::Problem;
use super::delivery::Delivery;
use super::guarded::MASK;
use super::lead::Lead;
use super::render_error::RenderError;
use super::template::{self, Syntax};

/// Most fields in a mapping.
pub const MAX_FIELDS: usize = 100;
/// Longest field name, in characters.
const MAX_NAME_CHARS: usize = 200;
/// Longest constant, in characters.
const MAX_CONSTANT_CHARS: usize = 2_000;

/// The fields in the order in which they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub Vec<Field>);

/// One field of the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The destination's name for it.
    pub field: String,
    /// Where its value comes from. A field without a value is left out.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// What every lead has.
    Core {
        /// Which.
        name: Core,
    },
    /// An answer of the vertical's form.
    Attribute {
        /// Its key.
        key: String,
    },
    /// Always the same.
    Constant {
        /// The value.
        value: String,
    },
    /// Plain text from a template.
    Template {
        /// The template.
        template: String,
    },
    /// One of the destination's secrets; only generic HTTP has a place for it.
    Secret {
        /// Its name.
        name: String,
    },
}

/// What every lead has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each name says what it is, and `Lead` documents it")]
pub enum Core {
    FirstName,
    LastName,
    FullName,
    DisplayName,
    Title,
    Summary,
    Phone,
    Phones,
    Email,
    Emails,
    Country,
    Region,
    City,
    PostalCode,
    Vertical,
    Price,
    Currency,
    LeadId,
    TradeId,
    IdempotencyKey,
    SubmittedAt,
    BoughtAt,
    Language,
    Link,
    Sender,
    Test,
}

/// Who the person is and where, under names of our own.
pub(super) const PERSON_AND_PLACE: &[Core] =
    &[Core::FirstName, Core::LastName, Core::Phone, Core::Email, Core::Country, Core::Region, Core::City, Core::PostalCode];

/// A field with what goes into it; never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Filled {
    /// The destination's name.
    pub field: String,
    /// The values: several only for phones and e-mails.
    pub values: Vec<String>,
    /// Whether it is a secret.
    pub secret: bool,
}

impl Filled {
    /// The values as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.values.join(", ")
    }

    /// The values as one text, a secret masked.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.secret { MASK.to_owned() } else { self.text() }
    }
}

impl Mapping {
    /// A mapping from core fields only, as adapters' defaults are.
    #[must_use]
    pub fn of(fields: &[(&str, Core)]) -> Self {
        Self(fields.iter().map(|(field, name)| Field { field: (*field).into(), source: Source::Core { name: *name } }).collect())
    }

    /// A mapping whose fields have our own names, as templates have them.
    #[must_use]
    pub(super) fn own(fields: &[Core]) -> Self {
        Self(fields.iter().map(|name| Field { field: name.own_name(), source: Source::Core { name: *name } }).collect())
    }

    /// Adds a field.
    #[must_use]
    pub fn and(mut self, field: &str, source: Source) -> Self {
        self.0.push(Field { field: field.into(), source });
        self
    }

    /// Whether a field of this name is mapped.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|f| f.field == field)
    }

    /// The fields that have a value for this delivery.
    ///
    /// # Errors
    /// If a template fails or a secret is missing.
    pub fn fill(&self, delivery: &Delivery<'_>) -> Result<Vec<Filled>, RenderError> {
        let mut filled = Vec::with_capacity(self.0.len());
        for (i, field) in self.0.iter().enumerate() {
            let values = field.source.values(&format!("mapping.{i}.source"), delivery)?;
            let values: Vec<_> = values.into_iter().filter(|value| !value.trim().is_empty()).collect();
            if !values.is_empty() {
                filled.push(Filled { field: field.field.clone(), values, secret: matches!(field.source, Source::Secret { .. }) });
            }
        }
        Ok(filled)
    }

    /// What is wrong, each with its place. `secrets` says whether the destination has a place for them.
    #[must_use]
    pub fn check(&self, secrets: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.0.len() > MAX_FIELDS {
            problems.push(Problem::new("mapping", format!("more than {MAX_FIELDS} fields")));
        }
        let mut seen = BTreeSet::new();
        for (i, field) in self.0.iter().enumerate().take(MAX_FIELDS) {
            let name = format!("mapping.{i}.field");
            if field.field.trim().is_empty()
                || field.field.chars().count() > MAX_NAME_CHARS
                || field.field.chars().any(char::is_control)
            {
                problems.push(Problem::new(
                    name,
                    format!("a name of 1 to {MAX_NAME_CHARS} characters without control characters is needed"),
                ));
            } else if !seen.insert(&field.field) {
                problems.push(Problem::new(name, format!("`{}` is mapped twice", field.field)));
            }
            if let Some(message) = field.source.problem(secrets) {
                problems.push(Problem::new(format!("mapping.{i}.source"), message));
            }
        }
        problems
    }
}

impl Source {
    fn values(&self, path: &str, delivery: &Delivery<'_>) -> Result<Vec<String>, RenderError> {
        Ok(match self {
            Self::Core { name } => name.values(delivery),
            Self::Attribute { key } => delivery.lead.attribute(key).map(|a| a.value.clone()).into_iter().collect(),
            Self::Constant { value } => vec![value.clone()],
            Self::Template { template } => vec![template::render(path, template, Syntax::Plain, &delivery.context())?],
            Self::Secret { name } => vec![delivery.secret(name)?.expose_secret().to_owned()],
        })
    }

    fn problem(&self, secrets: bool) -> Option<String> {
        match self {
            Self::Core { .. } => None,
            Self::Attribute { key } => key.trim().is_empty().then(|| "the attribute's key is empty".into()),
            Self::Constant { value } => (value.is_empty() || value.chars().count() > MAX_CONSTANT_CHARS)
                .then(|| format!("a constant has 1 to {MAX_CONSTANT_CHARS} characters")),
            Self::Template { template } => template::problem(template, Syntax::Plain, true, false),
            Self::Secret { name } if !secrets => Some(format!("this destination has no place for the secret `{name}`")),
            Self::Secret { name } => name.trim().is_empty().then(|| "the secret's name is empty".into()),
        }
    }
}

impl Core {
    /// As it is stored, and as templates name it.
    fn own_name(self) -> String {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn values(self, delivery: &Delivery<'_>) -> Vec<String> {
        let lead: &Lead = delivery.lead;
        let one = |text: &Option<String>| text.iter().cloned().collect();
        match self {
            Self::FirstName => one(&lead.first_name),
            Self::LastName => one(&lead.last_name),
            Self::FullName => vec![lead.full_name()],
            Self::DisplayName => vec![lead.display_name()],
            Self::Title => vec![lead.title()],
            Self::Summary => vec![lead.summary()],
            Self::Phone => lead.phones.first().cloned().into_iter().collect(),
            Self::Phones => lead.phones.clone(),
            Self::Email => lead.emails.first().cloned().into_iter().collect(),
            Self::Emails => lead.emails.clone(),
            Self::Country => one(&lead.country),
            Self::Region => one(&lead.region),
            Self::City => one(&lead.city),
            Self::PostalCode => one(&lead.postal_code),
            Self::Vertical => vec![lead.vertical.clone()],
            Self::Price => lead.price.iter().map(|p| p.amount.clone()).collect(),
            Self::Currency => lead.price.iter().map(|p| p.currency.clone()).collect(),
            Self::LeadId => vec![lead.id.clone()],
            Self::TradeId => vec![lead.trade_id.clone()],
            Self::IdempotencyKey => vec![delivery.idempotency_key.to_owned()],
            Self::SubmittedAt => vec![template::instant(&lead.submitted_at)],
            Self::BoughtAt => vec![template::instant(&lead.bought_at)],
            Self::Language => vec![lead.language.clone()],
            Self::Link => one(&lead.link),
            Self::Sender => vec![delivery.sender.to_owned()],
            Self::Test => vec![lead.test.to_string()],
        }
    }
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
