//! Templates that buyers write: `minijinja` without files, limited in size and work, escaping by the kind of text they make.

use std::collections::BTreeMap;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};
use secrecy::ExposeSecret;

use super::guarded::{MASK, Secrets};
use super::lead::Lead;
use super::render_error::RenderError;

/// Longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 16 * 1024;
/// What one rendering may cost; the engine counts an instruction or 64 bytes of data as one, so this allows about 1 MiB.
const FUEL: u64 = 16_384;
/// Names that a template may use, apart from those about the person.
const NAMES: &[&str] = &[
    "bought_at",
    "city",
    "country",
    "currency",
    "idempotency_key",
    "language",
    "lead_id",
    "link",
    "price",
    "region",
    "sender",
    "submitted_at",
    "test",
    "trade_id",
    "vertical",
];
/// Names that hold personal data.
const PERSONAL: &[&str] = &[
    "attribute_list",
    "attributes",
    "display_name",
    "email",
    "emails",
    "first_name",
    "full_name",
    "labels",
    "last_name",
    "phone",
    "phones",
    "postal_code",
    "summary",
    "title",
];
/// Functions of the engine.
const FUNCTIONS: &[&str] = &["range", "dict", "namespace"];

/// What a template makes, and so how values are escaped in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Plain text: nothing is escaped.
    Plain,
    /// JSON: each value is written as a whole JSON value, quotes included.
    Json,
    /// `application/x-www-form-urlencoded`: each value is percent-encoded.
    Form,
    /// XML: markup is escaped, and what XML 1.0 forbids is left out.
    Xml,
    /// HTML.
    Html,
}

impl Syntax {
    fn escape(self) -> AutoEscape {
        match self {
            Self::Plain => AutoEscape::None,
            Self::Json => AutoEscape::Json,
            Self::Form => AutoEscape::Custom("form".into()),
            Self::Xml => AutoEscape::Custom("xml".into()),
            Self::Html => AutoEscape::Html,
        }
    }
}

/// What templates see of a delivery.
#[derive(Clone)]
pub struct Context(BTreeMap<&'static str, Value>);

impl Context {
    /// Everything about the lead, its delivery's idempotency key, and the name of the exchange that sends it.
    #[must_use]
    pub fn new(lead: &Lead, idempotency_key: &str, sender: &str) -> Self {
        let values = Value::from_pairs(lead.attributes.iter().map(|a| (&a.key, &a.value)));
        let labels = Value::from_pairs(lead.attributes.iter().map(|a| (&a.key, &a.label)));
        let list: Value = lead
            .attributes
            .iter()
            .map(|a| Value::from_pairs([("key", &a.key), ("label", &a.label), ("value", &a.value)]))
            .collect();
        let text = |text: &str| Value::from(text.to_owned());
        let optional = |text: &Option<String>| text.as_deref().map_or(Value::UNDEFINED, |t| Value::from(t.to_owned()));
        Self(BTreeMap::from([
            ("lead_id", text(&lead.id)),
            ("trade_id", text(&lead.trade_id)),
            ("idempotency_key", text(idempotency_key)),
            ("sender", text(sender)),
            ("first_name", optional(&lead.first_name)),
            ("last_name", optional(&lead.last_name)),
            ("full_name", text(&lead.full_name())),
            ("display_name", text(&lead.display_name())),
            ("title", text(&lead.title())),
            ("summary", text(&lead.summary())),
            ("phone", lead.phones.first().map_or(Value::UNDEFINED, |p| text(p))),
            ("phones", lead.phones.iter().collect()),
            ("email", lead.emails.first().map_or(Value::UNDEFINED, |e| text(e))),
            ("emails", lead.emails.iter().collect()),
            ("country", optional(&lead.country)),
            ("region", optional(&lead.region)),
            ("city", optional(&lead.city)),
            ("postal_code", optional(&lead.postal_code)),
            ("vertical", text(&lead.vertical)),
            ("price", lead.price.as_ref().map_or(Value::UNDEFINED, |p| text(&p.amount))),
            ("currency", lead.price.as_ref().map_or(Value::UNDEFINED, |p| text(&p.currency))),
            ("attributes", values),
            ("labels", labels),
            ("attribute_list", list),
            ("submitted_at", text(&instant(&lead.submitted_at))),
            ("bought_at", text(&instant(&lead.bought_at))),
            ("language", text(&lead.language)),
            ("link", optional(&lead.link)),
            ("test", Value::from(lead.test)),
        ]))
    }

    /// Without anything about the person.
    #[must_use]
    pub fn impersonal(mut self) -> Self {
        self.0.retain(|name, _| !PERSONAL.contains(name));
        self
    }

    fn into_value(self) -> Value {
        Value::from_pairs(self.0)
    }

    /// With the destination's secrets under `secrets`, in clear or masked.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &Secrets, masked: bool) -> Self {
        let seen = |name: &str| secrets.get(name).map(|s| if masked { MASK.to_owned() } else { s.expose_secret().to_owned() });
        let all = Value::from_pairs(secrets.names().filter_map(|name| Some((name, seen(name)?))));
        self.0.insert("secrets", all);
        self
    }
}

/// An instant as every adapter writes it: RFC 3339 in UTC, to the second.
#[must_use]
pub fn instant(at: &chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Renders `source`.
///
/// # Errors
/// If it is too long, is not a template, or costs too much; `path` says which setting it stands in.
pub fn render(path: &str, source: &str, syntax: Syntax, context: &Context) -> Result<String, RenderError> {
    let failed = |reason: String| RenderError::Template { path: path.to_owned(), reason };
    if source.len() > MAX_TEMPLATE_BYTES {
        return Err(failed(format!("longer than {MAX_TEMPLATE_BYTES} bytes")));
    }
    environment(syntax).render_str(source, context.clone().into_value()).map_err(|error| failed(said(&error)))
}

/// What is wrong with a template before any lead comes: its syntax, names that nothing fills, or personal names where none may be.
#[must_use]
pub fn problem(source: &str, syntax: Syntax, personal: bool, secrets: bool) -> Option<String> {
    if source.len() > MAX_TEMPLATE_BYTES {
        return Some(format!("longer than {MAX_TEMPLATE_BYTES} bytes"));
    }
    let environment = environment(syntax);
    let template = match environment.template_from_str(source) {
        Ok(template) => template,
        Err(error) => return Some(said(&error)),
    };
    let mut names: Vec<_> = template.undeclared_variables(false).into_iter().collect();
    names.sort();
    let misused = names.into_iter().find_map(|name| match name.as_str() {
        n if NAMES.contains(&n) || FUNCTIONS.contains(&n) => None,
        "secrets" if secrets => None,
        "secrets" => Some("secrets cannot be used here".into()),
        n if PERSONAL.contains(&n) && personal => None,
        n if PERSONAL.contains(&n) => Some(format!("`{n}` is personal data, which this destination is not to carry")),
        n => Some(format!("unknown name `{n}`")),
    });
    misused.or_else(|| {
        let context = Context::new(&Lead::sample(), "sample", "sample").with_secrets(&Secrets::new(), true);
        template.render(context.into_value()).err().filter(is_about_every_lead).map(|error| said(&error))
    })
}

/// Errors that come from the template alone, unlike those about a value that a lead happens to lack.
fn is_about_every_lead(error: &Error) -> bool {
    use ErrorKind::{OutOfFuel, UnknownFilter, UnknownFunction, UnknownMethod, UnknownTest};
    matches!(error.kind(), OutOfFuel | UnknownFilter | UnknownFunction | UnknownMethod | UnknownTest)
}

/// Text that XML 1.0 can carry, with its markup escaped; line ends and tabs as references, since parsers change them otherwise.
#[must_use]
pub fn xml_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_ascii_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {}
            c => out.push(c),
        }
    }
    out
}

fn environment<'a>(syntax: Syntax) -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(move |_| syntax.escape());
    environment.set_formatter(format_value);
    environment
}

fn format_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let kind = match state.auto_escape() {
        AutoEscape::Json if value.is_undefined() => return Ok(out.write_str("null")?),
        AutoEscape::Custom(kind) if !value.is_safe() => kind.to_string(),
        AutoEscape::Custom(_) => "safe".into(),
        _ => return escape_formatter(out, state, value),
    };
    if value.is_undefined() || value.is_none() {
        return Ok(());
    }
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    match kind.as_str() {
        "form" => url::form_urlencoded::byte_serialize(text.as_bytes()).try_for_each(|part| Ok(out.write_str(part)?)),
        "xml" => Ok(out.write_str(&xml_escape(&text))?),
        _ => Ok(out.write_str(&text)?),
    }
}

/// The engine's words with the line. Only errors about the template itself keep their detail, since others may repeat a value.
fn said(error: &Error) -> String {
    use ErrorKind::{SyntaxError, UnknownFilter, UnknownFunction, UnknownTest};
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let about_the_template = matches!(error.kind(), SyntaxError | UnknownFilter | UnknownFunction | UnknownTest);
    match error.detail().filter(|_| about_the_template) {
        Some(detail) => format!("{}: {detail}{line}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
