//! How one field of a lead is made from a row.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::number::{Round, Unit};

/// A constant of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// What becomes of upper and lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// As it stands.
    #[default]
    Keep,
    /// All lower.
    Lower,
    /// All upper.
    Upper,
    /// Upper at the beginning of each word.
    Title,
}

/// How one field is made: exactly one of `column`, `columns`, `constant` and `template` says where it comes from. A bare
/// text in place of the table is the name of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct FieldRule {
    /// The column: its name, or `#3` for the third.
    pub column: Option<String>,
    /// Several columns: the first that is answered.
    pub columns: Vec<String>,
    /// The same value for every row.
    pub constant: Option<Scalar>,
    /// Columns joined, such as `{First name} {Last name}`; columns without an answer are left out.
    pub template: Option<String>,
    /// What the file's values mean, whatever their case; a meaning of `""` is "not answered".
    pub values: BTreeMap<String, Scalar>,
    /// The meaning of values that `values` does not list; without it they stand for themselves.
    pub otherwise: Option<Scalar>,
    /// The value of rows without an answer.
    pub default: Option<Scalar>,
    /// Texts that mean "not answered" here, beside those of `file.missing`.
    pub missing: Vec<String>,
    /// Whether a row without an answer is refused.
    pub required: bool,
    /// Texts cut out before a number is read, such as `€` or `km`.
    pub strip: Vec<String>,
    /// The file's unit.
    pub unit: Option<Unit>,
    /// What becomes of fractions.
    pub round: Option<Round>,
    /// The decimal mark, where it is not that of `file.decimal`.
    pub decimal: Option<char>,
    /// The currency, where it is not that of `file.currency`.
    pub currency: Option<crate::money::Currency>,
    /// Bands of a number: `[[0, "LOW"], [1000, "HIGH"]]`, each from its bound up to the next; below the first: not answered.
    pub bands: Vec<(i64, String)>,
    /// Formats of a date or an instant, tried in order: strftime notation, `unix`, `unix-ms`. For `age`: of the date of birth.
    pub dates: Vec<String>,
    /// Words for yes, instead of the usual ones.
    pub yes: Vec<String>,
    /// Words for no, instead of the usual ones.
    pub no: Vec<String>,
    /// What becomes of upper and lower case.
    pub case: Option<Case>,
    /// Whether blanks around the value are kept.
    pub keep_blanks: bool,
    /// Where a list is cut into its items; `;` unless said otherwise.
    pub separator: Option<String>,
}

impl<'de> Deserialize<'de> for FieldRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = FieldRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table such as { column = \"Age\" }")
            }

            fn visit_str<E: de::Error>(self, column: &str) -> Result<FieldRule, E> {
                Ok(FieldRule { column: Some(column.to_owned()), ..FieldRule::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldRule, A::Error> {
                FieldRule::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
}
