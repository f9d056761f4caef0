//! What a filter can ask of a lead: one fact for each field, in the form in which tests compare it.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::filter::{Field, Scalar};
use super::zones::local_minute;
use crate::access::{UnknownText, text_enum};
use crate::id::OrganizationId;
use crate::lead::{Audience, ConsentEvidence, ContactKind, Interest, SourceKind, Temperature};
use crate::time::{Timestamp, secs_until};
use crate::verification::Level;
use crate::vertical::AttributeValue;

text_enum! {
    /// What shows that the person asked.
    ConsentKind {
        /// Nothing.
        None = "NONE",
        /// The words that the person agreed to.
        Text = "TEXT",
        /// A certificate kept by a third party.
        Certificate = "CERTIFICATE",
    }
}

impl ConsentKind {
    /// The kind of `consent`.
    #[must_use]
    pub fn of(consent: Option<&ConsentEvidence>) -> Self {
        match consent {
            Some(consent) if consent.certificate_url.is_some() => Self::Certificate,
            Some(consent) if !consent.text.trim().is_empty() => Self::Text,
            _ => Self::None,
        }
    }
}

/// The value of one field of one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// One value.
    One(Scalar),
    /// Several values, such as a person's interests.
    Many(Vec<Scalar>),
}

/// What is known of a lead. A field without a fact is missing: every test of it but `Missing` fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<Field, Fact>);

/// A lead, whether it stands in a stock or is only pinged, as far as a filter asks.
#[derive(Debug, Clone, Copy)]
pub struct Traits<'a> {
    /// For whom it stands.
    pub audience: Audience,
    /// How much contact data came, and how.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// The kind of source.
    pub source: SourceKind,
    /// What shows that the person asked.
    pub consent: ConsentKind,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// Region.
    pub region: Option<&'a str>,
    /// City.
    pub city: Option<&'a str>,
    /// Postal code.
    pub postal_code: Option<&'a str>,
    /// Core and vertical attributes by key.
    pub attributes: &'a BTreeMap<String, AttributeValue>,
    /// What the points mean; unknown before anything was checked.
    pub temperature: Option<Temperature>,
    /// Points, 0..=100.
    pub score: Option<i64>,
    /// How far it is verified.
    pub level: Option<Level>,
    /// Who sells.
    pub seller: OrganizationId,
    /// The expected share of the seller's trades that turn out bad, in basis points, as coarse as the market sees it.
    pub seller_bad_bp: u32,
    /// When the person left the details; `None` where the seller does not say it.
    pub captured_at: Option<Timestamp>,
}

impl Facts {
    /// The facts about a lead at `now`.
    #[must_use]
    pub fn of(lead: &Traits<'_>, now: Timestamp) -> Self {
        let mut facts = Self::default();
        let text = |text: &str| Scalar::Text(text.to_owned());
        facts.set(Field::Audience, text(lead.audience.as_str()));
        facts.set(Field::ContactKind, text(lead.contact_kind.as_str()));
        facts.set(Field::Interest, text(lead.interest.as_str()));
        facts.set(Field::Source, text(lead.source.as_str()));
        facts.set(Field::Consent, text(lead.consent.as_str()));
        facts.set(Field::Country, text(lead.country));
        let places = [(Field::Region, lead.region), (Field::City, lead.city)];
        for (field, place) in places {
            if let Some(place) = place {
                facts.set(field, Scalar::Text(fold(place)));
            }
        }
        if let Some(code) = lead.postal_code {
            facts.set(Field::PostalCode, Scalar::Text(fold_postal(code)));
        }
        if let Some(temperature) = lead.temperature {
            facts.set(Field::Temperature, text(temperature.as_str()));
        }
        if let Some(score) = lead.score {
            facts.set(Field::Score, Scalar::Number(score));
        }
        if let Some(level) = lead.level {
            facts.set(Field::Level, Scalar::Number(rank(level)));
        }
        facts.set(Field::Seller, Scalar::Text(lead.seller.to_string()));
        facts.set(Field::SellerBadTrades, Scalar::Number(i64::from(lead.seller_bad_bp)));
        if let Some(captured_at) = lead.captured_at {
            facts.set(Field::AgeSecs, Scalar::Number(secs_until(captured_at, now)));
        }
        if let Some(minute) = local_minute(lead.country, lead.region, now) {
            facts.set(Field::LocalMinute, Scalar::Number(minute));
        }
        for (key, value) in lead.attributes {
            let field = Field::Attribute(key.clone());
            if key == INTERESTS {
                facts.set_many(field, several(value));
            } else {
                facts.set(field, scalar(value));
            }
        }
        facts
    }

    /// The fact about `field`.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<&Fact> {
        self.0.get(field)
    }

    /// Sets one value.
    pub fn set(&mut self, field: Field, value: Scalar) {
        self.0.insert(field, Fact::One(value));
    }

    /// Sets several values; none is a fact that is missing. A field that takes one value keeps the first.
    pub fn set_many(&mut self, field: Field, values: Vec<Scalar>) {
        if field.is_many_valued() && !values.is_empty() {
            self.0.insert(field, Fact::Many(values));
        } else if let Some(first) = values.into_iter().next() {
            self.set(field, first);
        }
    }

    /// Every fact, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &Fact)> {
        self.0.iter()
    }
}

impl Fact {
    /// Its values.
    #[must_use]
    pub fn values(&self) -> &[Scalar] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// The one core attribute with several values.
pub(super) const INTERESTS: &str = "interests";

/// Lower case, single blanks: how names of places and free texts are compared.
#[must_use]
pub fn fold(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Upper case without blanks and hyphens: how postal codes are compared.
#[must_use]
pub fn fold_postal(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

/// The place of a level in their order, from 0 (NONE).
#[must_use]
pub fn rank(level: Level) -> i64 {
    Level::ALL.iter().position(|each| *each == level).and_then(|place| i64::try_from(place).ok()).unwrap_or(0)
}

/// An attribute's value as it is compared. Texts are folded, words of enumerations with them. A text that reads as a day is that
/// day, since a value kept as JSON comes back as one.
pub(super) fn scalar(value: &AttributeValue) -> Scalar {
    match value {
        AttributeValue::Bool(value) => Scalar::Number(i64::from(*value)),
        AttributeValue::Int(value) => Scalar::Number(*value),
        AttributeValue::Date(day) => Scalar::Number(days(*day)),
        AttributeValue::Text(text) => match text.trim().parse() {
            Ok(day) => Scalar::Number(days(day)),
            Err(_) => Scalar::Text(fold(text)),
        },
    }
}

fn several(value: &AttributeValue) -> Vec<Scalar> {
    let AttributeValue::Text(text) = value else { return vec![scalar(value)] };
    text.split(';').map(fold).filter(|each| !each.is_empty()).map(Scalar::Text).collect()
}

/// Days since 1970-01-01.
pub(super) fn days(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
