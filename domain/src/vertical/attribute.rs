//! Attributes of a vertical: their types and their values.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};

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
