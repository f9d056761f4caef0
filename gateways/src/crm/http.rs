//! Any HTTP endpoint: method, headers, a body in the shape that the other side wants, and rules to read its answer.
//!
//! The format is the user's. Bodies are JSON or form from the mapping, or JSON, form or XML from a `minijinja` template whose values are
//! escaped by its kind; what comes out must be JSON, or XML without a document type. Secrets can stand in headers, fields and templates (`secrets.name`), and
//! are masked wherever the request is shown. If the secret `url` exists it stands in place of the setting of that name.
//!
//! Default mapping: `lead_id`, `idempotency_key`, `first_name`, `last_name`, `phone`, `email`, `country`, `region`, `city`, `postal_code`,
//! `vertical`, `summary`, `test`. A template takes its values from the lead itself and needs no mapping.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Answer, Next, Outcome, Stage, id_at, rejected};
use super::check::{Checker, is_header_name, parse};
use super::delivery::{Delivery, bearer};
use super::destination::Adapter;
use super::guarded::{Guarded, Secrets};
use super::mapping::{Core, Filled, Mapping, PERSON_AND_PLACE};
use super::render_error::RenderError;
use super::step::{Body, Method, Request, Step};
use super::success::{Rule, Success, check_pointer};
use super::template::{self, Syntax};

/// Most headers of the user's own.
const MAX_HEADERS: usize = 20;
/// Headers that are set anyway, or belong to the connection.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// Method; `GET` sends the mapped fields in the query.
    #[serde(default)]
    pub method: Method,
    /// Address, unless it is the secret `url`.
    #[serde(default)]
    pub url: Option<String>,
    /// How to authenticate.
    #[serde(default)]
    pub auth: Auth,
    /// Further headers.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// What is sent.
    #[serde(default)]
    pub body: Content,
    /// What counts as success.
    #[serde(default)]
    pub success: Success,
    /// What an answer with a failing rule must hold to count as a duplicate.
    #[serde(default)]
    pub duplicate: Option<Rule>,
    /// JSON pointer to the other side's id.
    #[serde(default)]
    pub external_id: Option<String>,
    /// JSON pointer to the reason of a refusal.
    #[serde(default)]
    pub reject_reason: Option<String>,
}

/// How to authenticate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Auth {
    /// Not at all, or by a header or field.
    #[default]
    None,
    /// User name and the secret `password`.
    Basic {
        /// User name.
        username: String,
    },
    /// The secret `token` as a bearer token.
    Bearer,
}

/// A header; its value is a plain template that can name `secrets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Content {
    /// The mapped fields as one flat JSON object.
    #[default]
    JsonFields,
    /// The mapped fields as a form.
    FormFields,
    /// JSON from a template.
    Json {
        /// The template.
        template: String,
    },
    /// A form from a template.
    Form {
        /// The template.
        template: String,
    },
    /// XML from a template.
    Xml {
        /// The template.
        template: String,
    },
}

impl Content {
    fn template(&self) -> Option<(&str, Syntax, &'static str)> {
        match self {
            Self::JsonFields | Self::FormFields => None,
            Self::Json { template } => Some((template, Syntax::Json, "application/json")),
            Self::Form { template } => Some((template, Syntax::Form, "application/x-www-form-urlencoded")),
            Self::Xml { template } => Some((template, Syntax::Xml, "application/xml")),
        }
    }
}

impl Adapter for Http {
    fn default_mapping(&self) -> Mapping {
        let bought = [Core::LeadId, Core::IdempotencyKey];
        Mapping::own(&[bought.as_slice(), PERSON_AND_PLACE, &[Core::Vertical, Core::Summary, Core::Test]].concat())
    }

    fn secrets(&self) -> Vec<&str> {
        let mut names = match self.auth {
            Auth::None => Vec::new(),
            Auth::Basic { .. } => vec!["password"],
            Auth::Bearer => vec!["token"],
        };
        if self.url.is_none() {
            names.push("url");
        }
        names
    }

    fn has_secret_fields(&self) -> bool {
        true
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if let Some(url) = &self.url {
            checker.url("url", url, &[]);
        }
        if let Auth::Basic { username } = &self.auth {
            let fits = !username.is_empty() && !username.contains(':') && !username.chars().any(char::is_control);
            checker.require(fits, "auth.username", "a user name without a colon is needed");
        }
        checker.require(self.headers.len() <= MAX_HEADERS, "headers", &format!("at most {MAX_HEADERS} headers"));
        for (i, header) in self.headers.iter().enumerate().take(MAX_HEADERS) {
            let fits = is_header_name(&header.name) && !RESERVED.contains(&header.name.to_ascii_lowercase().as_str());
            checker.require(fits, &format!("headers.{i}.name"), "a header name is needed, and none that is set anyway");
            let path = format!("headers.{i}.value");
            checker.require(!header.value.chars().any(char::is_control), &path, "a header is one line");
            if let Some(message) = template::problem(&header.value, Syntax::Plain, true, true) {
                checker.push(path, message);
            }
        }
        if let Some((source, syntax, _)) = self.body.template() {
            checker.require(self.method != Method::Get, "body", "GET has no body: use the fields");
            if let Some(message) = template::problem(source, syntax, true, true) {
                checker.push("body.template", message);
            }
        }
        let range = (100..=599).contains(&self.success.from) && (self.success.from..=599).contains(&self.success.to);
        checker.require(range, "success", "a range of statuses between 100 and 599 is needed");
        if let Some(rule) = &self.success.rule {
            rule.check("success.rule", checker);
        }
        if let Some(rule) = &self.duplicate {
            rule.check("duplicate", checker);
        }
        for (path, pointer) in [("external_id", &self.external_id), ("reject_reason", &self.reject_reason)] {
            if let Some(pointer) = pointer {
                check_pointer(path, pointer, checker);
            }
        }
    }

    fn check_secrets(&self, secrets: &Secrets, checker: &mut Checker<'_>) {
        if let Some(url) = secrets.get("url") {
            checker.url("secrets.url", url.expose_secret(), &[]);
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let mut request = Request::new(self.method, self.address(delivery)?);
        if self.method != Method::Get {
            let (body, content_type) = self.content(delivery)?;
            request.body = body;
            request = request.header("content-type", Guarded::clear(content_type));
        }
        match &self.auth {
            Auth::None => {}
            Auth::Bearer => request = request.header("authorization", bearer(delivery.secret("token")?)),
            Auth::Basic { username } => {
                let pair = format!("{username}:{}", delivery.secret("password")?.expose_secret());
                let encoded = SecretString::from(BASE64_STANDARD.encode(pair));
                request = request.header("authorization", Guarded::clear("Basic ").then_secret(encoded));
            }
        }
        for (i, header) in self.headers.iter().enumerate() {
            let path = format!("headers.{i}.value");
            let (value, shown) = twice(delivery, |context| template::render(&path, &header.value, Syntax::Plain, context))?;
            let value = if value == shown { Guarded::default().then_personal(value) } else { Guarded::secret(value.into()) };
            request = request.header(&header.name, value);
        }
        Ok(Step::Http(request))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        let body = answer.json();
        let reason = self.reject_reason.as_deref().and_then(|pointer| id_at(&body, pointer)).unwrap_or_default();
        let in_range = (self.success.from..=self.success.to).contains(&answer.status);
        let is_duplicate = self.duplicate.as_ref().is_some_and(|rule| rule.holds(answer));
        let holds = self.success.rule.as_ref().is_none_or(|rule| rule.holds(answer));
        Next::Done(match (in_range, holds) {
            (true, true) => {
                Outcome::Accepted { external_id: self.external_id.as_deref().and_then(|pointer| id_at(&body, pointer)) }
            }
            _ if is_duplicate => Outcome::Duplicate,
            (true, false) if reason.is_empty() => rejected("the answer does not meet the rule for success"),
            (true, false) => rejected(&reason),
            (false, _) if answer.is_success() => {
                rejected(&format!("answered {}, which the rule does not count as success", answer.status))
            }
            (false, _) => answer.by_status(&reason),
        })
    }
}

impl Http {
    fn address(&self, delivery: &Delivery<'_>) -> Result<Guarded, RenderError> {
        let secret = delivery.secrets.get("url").cloned();
        let (address, is_secret) = match (&self.url, &secret) {
            (_, Some(secret)) => (secret.expose_secret(), true),
            (Some(url), None) => (url.as_str(), false),
            (None, None) => return Err(RenderError::MissingSecret { name: "url".into() }),
        };
        let mut url = parse(address).ok_or_else(|| RenderError::BadUrl { path: "url".into() })?;
        if self.method != Method::Get {
            return Ok(if is_secret { Guarded::secret(url.to_string().into()) } else { Guarded::clear(url) });
        }
        let fields = delivery.fields()?;
        let base = url.clone();
        url.query_pairs_mut().extend_pairs(fields.iter().map(|field| (&field.field, field.text())));
        if is_secret || fields.iter().any(|field| field.secret) {
            return Ok(Guarded::secret(url.to_string().into()));
        }
        let added = url.as_str().strip_prefix(base.as_str()).unwrap_or_default().to_owned();
        Ok(Guarded::clear(base).then_personal(added))
    }

    fn content(&self, delivery: &Delivery<'_>) -> Result<(Body, &'static str), RenderError> {
        if let Some((source, syntax, content_type)) = self.body.template() {
            let (text, shown) = twice(delivery, |context| template::render("body.template", source, syntax, context))?;
            check_result(&text, syntax)?;
            return Ok((Body::masked(text, shown), content_type));
        }
        let fields = delivery.fields()?;
        Ok(match self.body {
            Content::FormFields => {
                (Body::masked(form(&fields, Filled::text), form(&fields, Filled::shown)), "application/x-www-form-urlencoded")
            }
            _ => (Body::masked(object(&fields, Filled::text), object(&fields, Filled::shown)), "application/json"),
        })
    }
}

/// What a template made must be what its type says; the words name the line only, since the text is the lead's.
fn check_result(text: &str, syntax: Syntax) -> Result<(), RenderError> {
    let failed = |kind: &str, line: usize| RenderError::Template {
        path: "body.template".into(),
        reason: format!("the result is not {kind} in line {line}"),
    };
    match syntax {
        Syntax::Json => {
            serde_json::from_str(text).map(|_: serde::de::IgnoredAny| ()).map_err(|error| failed("JSON", error.line()))
        }
        Syntax::Xml => {
            let line = |error: roxmltree::Error| usize::try_from(error.pos().row).unwrap_or_default();
            roxmltree::Document::parse(text).map(|_| ()).map_err(|error| failed("XML", line(error)))
        }
        _ => Ok(()),
    }
}

/// The text for the wire, and the same with the secrets masked.
fn twice(
    delivery: &Delivery<'_>,
    render: impl Fn(&template::Context) -> Result<String, RenderError>,
) -> Result<(String, String), RenderError> {
    let context = delivery.context();
    let text = render(&context.clone().with_secrets(delivery.secrets, false))?;
    Ok((text, render(&context.with_secrets(delivery.secrets, true))?))
}

fn form(fields: &[Filled], text: fn(&Filled) -> String) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.iter().map(|field| (&field.field, text(field))))
        .finish()
}

fn object(fields: &[Filled], text: fn(&Filled) -> String) -> String {
    Value::Object(fields.iter().map(|field| (field.field.clone(), text(field).into())).collect::<Map<_, _>>()).to_string()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
