//! What came back, and what it means.

use std::time::Duration;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::guarded::Secrets;

/// Longest wait that an answer may ask for.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest reason kept, in characters.
const REASON_CHARS: usize = 300;
/// Longest part of an answer that is shown, in characters.
const SHOWN_CHARS: usize = 1_024;
/// Shortest run of digits that may be a phone number.
const NUMBER_DIGITS: usize = 7;
/// Longest id of another system that is kept, in characters.
const ID_CHARS: usize = 200;

/// An answer to a step: status, headers and body of HTTP, or code and text of an SMTP reply.
#[derive(Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers; names are compared without case.
    pub headers: Vec<(String, String)>,
    /// Body, as far as it was read.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// How a delivery stands after an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The other side has the lead.
    Accepted {
        /// Its id there, where the answer tells it.
        external_id: Option<String>,
    },
    /// The other side had it already.
    Duplicate,
    /// The other side refuses this lead; another may pass.
    Rejected {
        /// Its words, without contact data.
        reason: String,
    },
    /// The hook wants nothing more (410).
    Unsubscribed,
    /// Nothing is decided: try again.
    Retry {
        /// Not before this long from now.
        after: Option<Duration>,
    },
    /// No lead can pass until someone changes the settings.
    Broken {
        /// What is wrong, without contact data.
        reason: String,
    },
}

/// Where a delivery stands between its requests; stored with the attempt, so that a retry does not repeat what succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Nothing has been accepted yet.
    #[default]
    First,
    /// Pipedrive has the person and needs the lead.
    PipedriveLead {
        /// Id of the person.
        person_id: u64,
    },
    /// HubSpot knows the contact and gets the new values.
    HubspotUpdate {
        /// Id of the contact.
        contact_id: String,
    },
}

/// What follows an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Render and send the step of this stage.
    Continue(Stage),
    /// The delivery is decided, or waits.
    Done(Outcome),
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The beginning of the body with every secret masked, for the log of attempts; it may repeat the lead's data.
    #[must_use]
    pub fn shown(&self, secrets: &Secrets) -> String {
        secrets.mask(&self.text()).chars().take(SHOWN_CHARS).collect()
    }

    /// Whether the status is 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }

    /// How long to wait: `Retry-After` in seconds, or as a date measured from the answer's own `Date`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        let wait = if let Ok(secs) = value.parse::<u64>() {
            Duration::from_secs(secs)
        } else {
            let until = DateTime::parse_from_rfc2822(value).ok()?;
            let now = DateTime::parse_from_rfc2822(self.header("date")?.trim()).ok()?;
            (until - now).to_std().unwrap_or_default()
        };
        Some(wait.min(MAX_WAIT))
    }

    /// `Retry`, after what the answer asks for, else after `default_secs`.
    #[must_use]
    pub fn retry(&self, default_secs: Option<u64>) -> Outcome {
        Outcome::Retry { after: self.retry_after().or(default_secs.map(Duration::from_secs)) }
    }

    /// The meaning of a status as HTTP has it, for what an adapter knows nothing better about.
    #[must_use]
    pub fn by_status(&self, reason: &str) -> Outcome {
        match self.status {
            200..=299 => Outcome::Accepted { external_id: None },
            300..=399 => broken(&format!("answered {} with a redirect", self.status)),
            401..=405 | 407 | 410 | 415 => broken(&format!("answered {}: {reason}", self.status)),
            408 | 421 | 423 | 425 | 429 => self.retry(None),
            409 => Outcome::Duplicate,
            400..=499 => rejected(&format!("answered {}: {reason}", self.status)),
            _ => self.retry(None),
        }
    }
}

/// `Rejected` with a reason made fit to keep.
#[must_use]
pub fn rejected(reason: &str) -> Outcome {
    Outcome::Rejected { reason: fit(reason) }
}

/// `Broken` with a reason made fit to keep.
#[must_use]
pub fn broken(reason: &str) -> Outcome {
    Outcome::Broken { reason: fit(reason) }
}

/// A text or number at a JSON pointer, as an id.
#[must_use]
pub fn id_at(body: &Value, pointer: &str) -> Option<String> {
    let id = match body.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.chars().count() <= ID_CHARS && !id.chars().any(char::is_control)).then_some(id)
}

/// The text at the first of these JSON pointers that has one.
#[must_use]
pub fn text_at<'a>(body: &'a Value, pointers: &[&str]) -> &'a str {
    pointers.iter().find_map(|pointer| body.pointer(pointer)?.as_str()).unwrap_or_default()
}

/// One line of limited length; words that may be an address or a phone number are masked, since services like to repeat what they were sent.
pub(super) fn fit(reason: &str) -> String {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let words = reason.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let masked = words.map(|word| if word.contains('@') || digits(word) >= NUMBER_DIGITS { "[…]" } else { word });
    masked.collect::<Vec<_>>().join(" ").chars().take(REASON_CHARS).collect()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
