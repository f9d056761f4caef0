//! E-mail: a subject, a plain and an HTML body, from the buyer's templates or from ours in the buyer's language.
//!
//! By default a message says that there is a lead and where to open it, and holds nothing about the person; `personal_data` adds name,
//! contact data and answers, and only then can the buyer's templates name them. The subject becomes one line of limited length, and no
//! value can add a header. The `Message-ID` comes from the idempotency key, so that a repeat can be told from a new message. SMTP replies
//! are classified as RFC 5321 has it: 2yz done, 4yz later, 5yz never, of which those about authentication are the operator's to mend.
//!
//! There is no mapping: templates name what they want.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Next, Outcome, Stage, broken, rejected};
use super::check::Checker;
use super::delivery::Delivery;
use super::destination::Adapter;
use super::email_texts::{self, Texts};
use super::mapping::Mapping;
use super::render_error::RenderError;
use super::step::{Message, Step};
use super::template::{self, Syntax};

/// Most recipients of one destination.
const MAX_RECIPIENTS: usize = 10;
/// Longest subject, in characters.
const SUBJECT_CHARS: usize = 150;

/// Mail to the buyer's people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Recipients.
    pub to: Vec<String>,
    /// Language of our texts: `en`, `de`, `pt` or `ru`, also with a region; any other gets English.
    #[serde(default)]
    pub language: String,
    /// Whether the message holds personal data.
    #[serde(default)]
    pub personal_data: bool,
    /// The buyer's own subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// The buyer's own plain body.
    #[serde(default)]
    pub text: Option<String>,
    /// The buyer's own HTML body; with an own plain body and none here, no HTML is sent.
    #[serde(default)]
    pub html: Option<String>,
}

impl Adapter for Email {
    fn default_mapping(&self) -> Mapping {
        Mapping::default()
    }

    fn allows_field(&self, _field: &str) -> bool {
        false
    }

    fn confirms(&self) -> bool {
        false
    }

    fn tells_person(&self) -> bool {
        self.personal_data
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_recipients("to", &self.to, checker);
        let templates =
            [("subject", &self.subject, Syntax::Plain), ("text", &self.text, Syntax::Plain), ("html", &self.html, Syntax::Html)];
        for (path, source, syntax) in templates {
            if let Some(message) =
                source.as_deref().and_then(|source| template::problem(source, syntax, self.personal_data, false))
            {
                checker.push(path, message);
            }
        }
        checker.require(self.text.is_some() || self.html.is_none(), "text", "an own HTML body needs an own plain body");
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let context = if self.personal_data { delivery.context() } else { delivery.context().impersonal() };
        let texts: Texts = email_texts::texts(&self.language, self.personal_data);
        let subject = template::render("subject", self.subject.as_deref().unwrap_or(texts.subject), Syntax::Plain, &context)?;
        let text = template::render("text", self.text.as_deref().unwrap_or(&texts.text), Syntax::Plain, &context)?;
        let html = match (&self.html, &self.text) {
            (Some(own), _) => Some(own.as_str()),
            (None, Some(_)) => None,
            (None, None) => Some(texts.html.as_str()),
        };
        let html = html.map(|source| template::render("html", source, Syntax::Html, &context)).transpose()?;
        Ok(Step::Email(Message {
            to: self.to.clone(),
            subject: one_line(&subject),
            text,
            html,
            content_type: "text/plain".into(),
            message_id: message_id(delivery.idempotency_key),
            headers: vec![("Auto-Submitted".into(), "auto-generated".into())],
        }))
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        Next::Done(reply(answer))
    }
}

/// What is wrong with a list of recipients.
pub(crate) fn check_recipients(path: &str, to: &[String], checker: &mut Checker<'_>) {
    checker.require((1..=MAX_RECIPIENTS).contains(&to.len()), path, &format!("1 to {MAX_RECIPIENTS} addresses are needed"));
    for (i, address) in to.iter().enumerate().take(MAX_RECIPIENTS) {
        checker.address(&format!("{path}.{i}"), address);
    }
}

/// Text fit for a header: control characters and line separators become blanks, and its length is limited.
pub(crate) fn one_line(text: &str) -> String {
    let blank = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let text: String = text.chars().map(|c| if blank(c) { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SUBJECT_CHARS).collect()
}

/// The left part of the `Message-ID`: what an address cannot hold becomes `-`.
pub(crate) fn message_id(key: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    format!("lead.{}", key.chars().map(fit).take(100).collect::<String>())
}

/// What an SMTP reply means.
pub(crate) fn reply(answer: &Answer) -> Outcome {
    match answer.status {
        200..=299 => Outcome::Accepted { external_id: None },
        530 | 534 | 535 | 538 => broken(&format!("the mail server refused the log-in with {}", answer.status)),
        500..=599 => rejected(&format!("the mail server refused the message with {}: {}", answer.status, answer.text())),
        _ => answer.retry(None),
    }
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
