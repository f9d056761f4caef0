//! From a row of somebody's CSV file to a lead: a declarative mapping, so that a file nobody prepared for us can be read.
//!
//! A [`Mapping`] is read from TOML or JSON, bound to a file's header and to the vertical's schema ([`Mapping::bind`]: every
//! problem is told before a row is read), and then makes a draft of each row ([`Bound::apply`]).

mod bind;
mod convert;
mod countries;
mod date;
mod draft;
mod file;
#[cfg(test)]
mod files_tests;
mod number;
mod problems;
mod profile;
mod propose;
mod row;
mod rule;
mod synonyms;
mod synthetic;
mod target;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use bind::{Bound, Limits};
pub use file::{FileFormat, RowFilter, SyntheticRule, sniff_delimiter};
pub use number::{Round, Unit};
pub use propose::{Candidate, propose};
pub use row::{RowOutcome, RowRefusal};
pub use rule::{Case, FieldRule, Scalar};
pub use synthetic::{Person, person};
pub use target::{Kind, Target};

use crate::refusal::{Code, Refusal};

/// The longest text of a mapping, in bytes.
pub const MAX_MAPPING_BYTES: usize = 64 * 1024;

/// How the columns of a file become leads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Path of the vertical.
    pub vertical: String,
    /// How the file is written down.
    #[serde(default)]
    pub file: FileFormat,
    /// Rows taken: those that pass every filter.
    #[serde(default)]
    pub only: Vec<RowFilter>,
    /// Contacts made up, for files without personal data.
    #[serde(default)]
    pub synthetic: Option<SyntheticRule>,
    /// Fields that every lead has.
    #[serde(default)]
    pub fields: BTreeMap<Target, FieldRule>,
    /// Attributes of the vertical, by key.
    #[serde(default)]
    pub attributes: BTreeMap<String, FieldRule>,
}

impl Mapping {
    /// The names of all columns that it reads.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.only.iter().map(|filter| filter.column.clone()).collect();
        for rule in self.fields.values().chain(self.attributes.values()) {
            names.extend(rule.column.iter().chain(&rule.columns).cloned());
            let pieces = rule.template.as_deref().and_then(|text| template::pieces(text).ok()).unwrap_or_default();
            names.extend(pieces.into_iter().filter_map(|piece| match piece {
                template::Piece::Column(name) => Some(name),
                template::Piece::Text(_) => None,
            }));
        }
        names
    }

    /// Reads a mapping: JSON when it begins with a brace, TOML otherwise. The refusal says the line and column of what is
    /// wrong.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_MAPPING_BYTES {
            return Err(Refusal::new(Code::TooLarge, format!("a mapping has at most {MAX_MAPPING_BYTES} bytes")));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))
        } else {
            toml::from_str(text).map_err(|error: toml::de::Error| {
                let start = error.span().map_or(0, |span| span.start);
                let before = text.get(..start).unwrap_or(text);
                let line = before.matches('\n').count().saturating_add(1);
                let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()).saturating_add(1);
                Refusal::new(Code::Invalid, format!("{} at line {line} column {column}", error.message()))
            })
        }
    }
}

#[cfg(test)]
mod tests;
