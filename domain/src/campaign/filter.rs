//! A filter: a boolean expression over what is known of a lead, and its plain evaluation, which the matching index must equal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::facts::Facts;

/// How deep a filter may nest.
pub const MAX_DEPTH: usize = 8;

/// Predicates that one filter may hold.
pub const MAX_LEAVES: usize = 64;

/// Values that one predicate may list.
pub const MAX_VALUES: usize = 300;

/// A boolean expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Every one holds; true when there is none.
    All(Vec<Filter>),
    /// At least one holds; false when there is none.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// One test of one field.
    Is(Predicate),
}

/// One test of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// What is asked about.
    pub field: Field,
    /// What must hold of it.
    pub test: Test,
}

/// What a filter can ask about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// CONSUMER or BUSINESS.
    Audience,
    /// How much contact data came, and how.
    ContactKind,
    /// What the person asked for.
    Interest,
    /// The kind of source.
    Source,
    /// What shows that the person asked.
    Consent,
    /// ISO 3166-1 alpha-2.
    Country,
    /// Region, folded.
    Region,
    /// City, folded.
    City,
    /// Postal code, folded.
    PostalCode,
    /// COLD, WARM or HOT.
    Temperature,
    /// Points, 0..=100.
    Score,
    /// Verification level, as its rank from 0 (NONE).
    Level,
    /// The seller's id.
    Seller,
    /// The expected share of the seller's trades that turn out bad, in basis points, as coarse as the market sees it.
    SellerBadTrades,
    /// Seconds since the person left the details; missing where the seller does not say when that was.
    AgeSecs,
    /// The minute of the week where the person is, from Monday 00:00.
    LocalMinute,
    /// An attribute of the vertical or of every lead, by its key. `interests` alone has several values.
    Attribute(String),
}

/// A value that is compared. A boolean is the number 0 or 1, a day the number of days since 1970-01-01.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A number.
    Number(i64),
    /// A text, compared as it is: attributes and places are folded before.
    Text(String),
}

/// What must hold of a field. Of a field with several values it must hold of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is one of these.
    OneOf(BTreeSet<Scalar>),
    /// It is a text that starts with one of these.
    StartsWith(BTreeSet<String>),
    /// It is a number in one of these spans.
    Within(Vec<Span>),
    /// It has no value.
    Missing,
}

/// A closed span of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The least; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// The greatest; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

impl Field {
    /// Whether a lead may have several values of it.
    #[must_use]
    pub fn is_many_valued(&self) -> bool {
        matches!(self, Self::Attribute(key) if key == "interests")
    }
}

impl Filter {
    /// The filter that every lead passes.
    #[must_use]
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Whether it asks about `field`.
    #[must_use]
    pub fn asks(&self, field: &Field) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.asks(field)),
            Self::Not(part) => part.asks(field),
            Self::Is(predicate) => predicate.field == *field,
        }
    }

    /// Whether a lead passes.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Is(predicate) => predicate.holds(facts),
        }
    }
}

impl Predicate {
    /// Whether a lead passes.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        match facts.get(&self.field) {
            None => self.test == Test::Missing,
            Some(fact) => fact.values().iter().any(|value| self.test.holds(value)),
        }
    }
}

impl Test {
    /// Whether a value passes.
    #[must_use]
    pub fn holds(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Self::OneOf(values), value) => values.contains(value),
            (Self::StartsWith(prefixes), Scalar::Text(text)) => prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())),
            (Self::Within(spans), Scalar::Number(number)) => spans.iter().any(|span| span.contains(*number)),
            (Self::StartsWith(_) | Self::Within(_) | Self::Missing, _) => false,
        }
    }
}

impl Span {
    /// Whether `number` lies in it.
    #[must_use]
    pub fn contains(&self, number: i64) -> bool {
        self.min.is_none_or(|min| min <= number) && self.max.is_none_or(|max| number <= max)
    }
}
