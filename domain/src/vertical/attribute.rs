//! Attributes of a vertical: their types, their limits, and their values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::{Code, Refusal};

/// Longest TEXT that a schema may allow, in characters.
pub const MAX_TEXT: u32 = 2_000;

/// Longest TEXT where the schema says nothing, in characters.
pub const DEFAULT_TEXT: u32 = 200;

/// Values that one ENUM may list.
pub const MAX_VALUES: usize = 300;

const MAX_KEY: usize = 40;
const MAX_LABEL: usize = 120;

/// Texts for people by language (ISO 639-1).
pub type Labels = BTreeMap<String, String>;

text_enum! {
    /// The type of an attribute.
    AttributeKind {
        /// One of the listed values.
        Enum = "ENUM",
        /// A whole number.
        Int = "INT",
        /// Yes or no.
        Bool = "BOOL",
        /// A calendar day.
        Date = "DATE",
        /// Free text.
        Text = "TEXT",
    }
}

/// A value of an attribute. In JSON a bare number, boolean or text; a date is its ISO 8601 text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Of a BOOL.
    Bool(bool),
    /// Of an INT.
    Int(i64),
    /// Of a DATE.
    Date(NaiveDate),
    /// Of an ENUM or a TEXT, or any value that has yet to be fitted to its schema.
    Text(String),
}

impl AttributeValue {
    /// A text, fitted to its schema when the lead is validated.
    #[must_use]
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Date(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Tells the type and never the value, which may be personal.
impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool(..)",
            Self::Int(_) => "Int(..)",
            Self::Date(_) => "Date(..)",
            Self::Text(_) => "Text(..)",
        })
    }
}

/// One value that an ENUM may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumValue {
    /// The value in data: upper-case letters, digits and underscores.
    pub value: String,
    /// The value for people.
    #[serde(default)]
    pub labels: Labels,
}

/// One attribute of a vertical's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its name in data: lower-case letters, digits and underscores.
    pub key: String,
    /// Its type.
    pub kind: AttributeKind,
    /// Its name for people.
    pub labels: Labels,
    /// Whether every lead must carry it.
    #[serde(default)]
    pub required: bool,
    /// Whether buyers may filter by it.
    #[serde(default)]
    pub filterable: bool,
    /// Whether it tells who the person is: then it is kept with the contact details, and hidden like them.
    #[serde(default)]
    pub identifying: bool,
    /// What an ENUM may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<EnumValue>,
    /// Least INT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Greatest INT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Earliest DATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<NaiveDate>,
    /// Latest DATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<NaiveDate>,
    /// Longest TEXT, in characters; 200 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Unit of an INT, for people: `EUR`, `km`, `m2`, `days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Attribute {
    /// The value as its schema wants it. A text is read as a number, a boolean (`true`, `false`) or an ISO 8601 day where
    /// the type asks for one. The refusal names the key and never repeats the value.
    pub fn fit(&self, value: &AttributeValue) -> Result<AttributeValue, Refusal> {
        use AttributeValue as V;
        let fitted = match (self.kind, value) {
            (AttributeKind::Bool, V::Bool(_)) => Some(value.clone()),
            (AttributeKind::Bool, V::Text(text)) => text.trim().parse().ok().map(V::Bool),
            (AttributeKind::Int, V::Int(number)) => self.fit_int(*number),
            (AttributeKind::Int, V::Text(text)) => text.trim().parse().ok().and_then(|number| self.fit_int(number)),
            (AttributeKind::Date, V::Date(day)) => self.fit_date(*day),
            (AttributeKind::Date, V::Text(text)) => text.trim().parse().ok().and_then(|day| self.fit_date(day)),
            (AttributeKind::Enum, V::Text(text)) => self.fit_enum(text.trim()),
            (AttributeKind::Text, V::Text(text)) => return self.fit_text(text.trim()),
            (AttributeKind::Text, V::Int(_) | V::Bool(_) | V::Date(_)) => return self.fit_text(&value.to_string()),
            _ => None,
        };
        fitted.ok_or_else(|| self.refusal())
    }

    fn fit_int(&self, number: i64) -> Option<AttributeValue> {
        let inside = self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max);
        inside.then_some(AttributeValue::Int(number))
    }

    fn fit_date(&self, day: NaiveDate) -> Option<AttributeValue> {
        let inside = self.earliest.is_none_or(|first| day >= first) && self.latest.is_none_or(|last| day <= last);
        inside.then_some(AttributeValue::Date(day))
    }

    fn fit_enum(&self, text: &str) -> Option<AttributeValue> {
        self.values.iter().find(|listed| listed.value == text).map(|listed| AttributeValue::Text(listed.value.clone()))
    }

    fn fit_text(&self, text: &str) -> Result<AttributeValue, Refusal> {
        let limit = self.max_length.unwrap_or(DEFAULT_TEXT);
        if text.is_empty() || text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
            return Err(self.refusal());
        }
        if text.chars().nth(usize::try_from(limit).unwrap_or(usize::MAX)).is_some() {
            let message = format!("`{}` takes at most {limit} characters", self.key);
            return Err(Refusal::new(Code::TooLarge, message).at(&self.key));
        }
        Ok(AttributeValue::Text(text.to_owned()))
    }

    fn refusal(&self) -> Refusal {
        Refusal::invalid(&self.key, format!("`{}` takes {}", self.key, self.expectation()))
    }

    fn expectation(&self) -> String {
        match self.kind {
            AttributeKind::Bool => "true or false".to_owned(),
            AttributeKind::Int => match (self.min, self.max) {
                (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
                (Some(min), None) => format!("a whole number of at least {min}"),
                (None, Some(max)) => format!("a whole number of at most {max}"),
                (None, None) => "a whole number".to_owned(),
            },
            AttributeKind::Date => match (self.earliest, self.latest) {
                (Some(first), Some(last)) => format!("a day from {first} to {last}"),
                (Some(first), None) => format!("a day not before {first}"),
                (None, Some(last)) => format!("a day not after {last}"),
                (None, None) => "a day such as 2026-05-31".to_owned(),
            },
            AttributeKind::Enum => {
                let listed: Vec<&str> = self.values.iter().take(12).map(|listed| listed.value.as_str()).collect();
                let more = if self.values.len() > listed.len() { ", .." } else { "" };
                format!("one of {}{more}", listed.join(", "))
            }
            AttributeKind::Text => "printable text".to_owned(),
        }
    }

    /// Whether the definition itself makes sense; the paths are relative to the attribute.
    pub(super) fn problems(&self) -> Vec<Refusal> {
        let mut found = Vec::new();
        if !is_key(&self.key) {
            let form =
                "a key begins with a lower-case letter and goes on with lower-case letters, digits and underscores, at most 40";
            found.push(Refusal::invalid("key", form));
        }
        found.extend(label_problems(&self.labels).map(|refusal| refusal.at("labels")));
        if self.identifying && self.filterable {
            found.push(Refusal::invalid("filterable", "an identifying attribute cannot be filterable: a filter would tell it"));
        }
        if self.kind == AttributeKind::Text && self.filterable && self.max_length.unwrap_or(DEFAULT_TEXT) > DEFAULT_TEXT {
            found.push(Refusal::invalid("filterable", "a filterable TEXT takes at most 200 characters"));
        }
        found.extend(self.limit_problems());
        found.extend(self.value_problems());
        found
    }

    fn limit_problems(&self) -> Vec<Refusal> {
        let mut found = Vec::new();
        let mut misplaced = |field: &str, set: bool, kind: AttributeKind| {
            if set && self.kind != kind {
                found.push(Refusal::invalid(field, format!("`{field}` belongs to {}", kind.as_str())));
            }
        };
        misplaced("min", self.min.is_some(), AttributeKind::Int);
        misplaced("max", self.max.is_some(), AttributeKind::Int);
        misplaced("unit", self.unit.is_some(), AttributeKind::Int);
        misplaced("earliest", self.earliest.is_some(), AttributeKind::Date);
        misplaced("latest", self.latest.is_some(), AttributeKind::Date);
        misplaced("maxLength", self.max_length.is_some(), AttributeKind::Text);
        misplaced("values", !self.values.is_empty(), AttributeKind::Enum);
        if matches!((self.min, self.max), (Some(min), Some(max)) if min > max) {
            found.push(Refusal::invalid("max", "`max` is below `min`"));
        }
        if matches!((self.earliest, self.latest), (Some(first), Some(last)) if first > last) {
            found.push(Refusal::invalid("latest", "`latest` is before `earliest`"));
        }
        if self.max_length.is_some_and(|limit| limit == 0 || limit > MAX_TEXT) {
            found.push(Refusal::invalid("maxLength", format!("from 1 to {MAX_TEXT}")));
        }
        if self.unit.as_ref().is_some_and(|unit| unit.is_empty() || unit.chars().count() > 20) {
            found.push(Refusal::invalid("unit", "from 1 to 20 characters"));
        }
        found
    }

    fn value_problems(&self) -> Vec<Refusal> {
        if self.kind != AttributeKind::Enum {
            return Vec::new();
        }
        if self.values.len() < 2 || self.values.len() > MAX_VALUES {
            return vec![Refusal::invalid("values", format!("an ENUM lists from 2 to {MAX_VALUES} values"))];
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (index, listed) in self.values.iter().enumerate() {
            let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            if listed.value.is_empty() || listed.value.len() > 60 || !listed.value.bytes().all(plain) {
                let form = "a value is made of upper-case letters, digits and underscores, at most 60";
                found.push(Refusal::invalid("value", form).at(index).at("values"));
            } else if !seen.insert(listed.value.as_str()) {
                found.push(Refusal::new(Code::Taken, "listed twice").at("value").at(index).at("values"));
            }
        }
        found
    }
}

pub(super) fn label_problems(labels: &Labels) -> impl Iterator<Item = Refusal> {
    let missing = (!labels.contains_key("en")).then(|| Refusal::required("en"));
    let malformed = labels.iter().filter_map(|(language, label)| {
        let known = language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase());
        let fits = !label.trim().is_empty() && label.chars().count() <= MAX_LABEL;
        (!known || !fits).then(|| Refusal::invalid(language, "two lower-case letters (ISO 639-1), and 1 to 120 characters"))
    });
    missing.into_iter().chain(malformed)
}

fn is_key(text: &str) -> bool {
    text.len() <= MAX_KEY
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
