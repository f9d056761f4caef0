//! When an answer of a generic endpoint counts as success.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Answer;
use super::check::Checker;

/// What counts as success: a status in the range, and the rule if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// Lowest status.
    #[serde(default = "lowest")]
    pub from: u16,
    /// Highest status.
    #[serde(default = "highest")]
    pub to: u16,
    /// What the body must hold.
    #[serde(default)]
    pub rule: Option<Rule>,
}

/// What a body must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "test", rename_all = "snake_case")]
pub enum Rule {
    /// A JSON value at a pointer, compared as text.
    Equals {
        /// RFC 6901 pointer.
        pointer: String,
        /// Text, number or truth value as text.
        value: String,
    },
    /// Text anywhere, without regard to case.
    Contains {
        /// The text.
        text: String,
    },
}

fn lowest() -> u16 {
    200
}

fn highest() -> u16 {
    299
}

impl Default for Success {
    fn default() -> Self {
        Self { from: lowest(), to: highest(), rule: None }
    }
}

impl Rule {
    /// Whether the answer meets the rule.
    #[must_use]
    pub fn holds(&self, answer: &Answer) -> bool {
        match self {
            Self::Equals { pointer, value } => match answer.json().pointer(pointer) {
                Some(Value::String(text)) => text == value,
                Some(other) => *value == *other.to_string(),
                None => false,
            },
            Self::Contains { text } => answer.text().to_lowercase().contains(&text.to_lowercase()),
        }
    }

    pub(crate) fn check(&self, path: &str, checker: &mut Checker<'_>) {
        match self {
            Self::Equals { pointer, .. } => check_pointer(&format!("{path}.pointer"), pointer, checker),
            Self::Contains { text } => {
                checker.require((1..=200).contains(&text.len()), &format!("{path}.text"), "1 to 200 bytes are needed")
            }
        }
    }
}

/// Whether `pointer` is one of RFC 6901.
pub(crate) fn check_pointer(path: &str, pointer: &str, checker: &mut Checker<'_>) {
    let fits = pointer.is_empty() || (pointer.starts_with('/') && pointer.len() <= 200);
    checker.require(fits, path, "a JSON pointer starts with a slash and has at most 200 bytes");
}
