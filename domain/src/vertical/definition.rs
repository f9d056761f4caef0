//! One version of a vertical: its labels, its schema, and what it asks of a lead.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::attribute::label_problems;
use super::{Attribute, AttributeValue, Labels};
use crate::lead::Audience;
use crate::refusal::{Code, Refusal};
use crate::scoring::Weights;
use crate::verification::Level;

/// Attributes in one schema.
pub const MAX_ATTRIBUTES: usize = 60;

/// Keys that every vertical has already: demographics, firmographics and what is derived from them.
pub const CORE_KEYS: &[&str] = &[
    "age",
    "age_band",
    "gender",
    "marital_status",
    "occupation",
    "income_band",
    "credit_band",
    "education",
    "interests",
    "language",
    "industry",
    "organization_type",
    "headcount_band",
    "decision_role",
    "country",
    "region",
    "city",
];

/// One version of a vertical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name for people.
    pub labels: Labels,
    /// Whether it only gathers the verticals below it, and takes no leads itself.
    #[serde(default)]
    pub group: bool,
    /// For whom its leads stand.
    #[serde(default = "both_audiences")]
    pub audiences: BTreeSet<Audience>,
    /// The level at which a lead becomes VERIFIED.
    #[serde(default = "least_level")]
    pub required_level: Level,
    /// The least age of the person in years, where the law or the trade asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// What a lead's score is made of.
    #[serde(default)]
    pub weights: Weights,
    /// The schema.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A lead's attributes, each fitted to its schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// What buyers may see before the sale.
    pub public: BTreeMap<String, AttributeValue>,
    /// What tells who the person is, and is kept with the contact details.
    pub identifying: BTreeMap<String, AttributeValue>,
}

fn both_audiences() -> BTreeSet<Audience> {
    Audience::ALL.iter().copied().collect()
}

const fn least_level() -> Level {
    Level::Format
}

impl Definition {
    /// The attribute called `key`.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.key == key)
    }

    /// The values as the schema wants them, or every refusal: unknown keys, values that do not fit, required keys that are
    /// missing. The path of each is the key.
    pub fn fit(&self, values: &BTreeMap<String, AttributeValue>) -> Result<Fitted, Vec<Refusal>> {
        let mut fitted = Fitted::default();
        let mut refused = Vec::new();
        for (key, value) in values {
            match self.attribute(key).map(|attribute| (attribute, attribute.fit(value))) {
                None => refused.push(Refusal::invalid(key, "this vertical has no such attribute")),
                Some((_, Err(refusal))) => refused.push(refusal),
                Some((attribute, Ok(value))) => {
                    let side = if attribute.identifying { &mut fitted.identifying } else { &mut fitted.public };
                    side.insert(key.clone(), value);
                }
            }
        }
        let missing = self.attributes.iter().filter(|attribute| attribute.required && !values.contains_key(&attribute.key));
        refused.extend(missing.map(|attribute| Refusal::required(&attribute.key)));
        if refused.is_empty() { Ok(fitted) } else { Err(refused) }
    }

    /// The values of a lead whose person is not told yet: as [`Definition::fit`], but what would tell the person is refused, and
    /// not missed.
    pub fn fit_public(
        &self,
        values: &BTreeMap<String, AttributeValue>,
    ) -> Result<BTreeMap<String, AttributeValue>, Vec<Refusal>> {
        let telling = |key: &&String| self.attribute(key).is_some_and(|attribute| attribute.identifying);
        let told = values.keys().filter(telling);
        let told: Vec<Refusal> =
            told.map(|key| Refusal::invalid(key, "this tells who the person is: leave it for the post")).collect();
        if !told.is_empty() {
            return Err(told);
        }
        let open = Self {
            attributes: self.attributes.iter().filter(|attribute| !attribute.identifying).cloned().collect(),
            ..self.clone()
        };
        Ok(open.fit(values)?.public)
    }

    /// Whether the definition makes sense; every problem with its place.
    pub fn check(&self) -> Result<(), Vec<Refusal>> {
        let mut found: Vec<Refusal> = label_problems(&self.labels).map(|refusal| refusal.at("labels")).collect();
        if self.audiences.is_empty() {
            found.push(Refusal::required("audiences"));
        }
        if self.minimum_age.is_some_and(|age| age > 100) {
            found.push(Refusal::invalid("minimumAge", "from 0 to 100"));
        }
        if self.group && !self.attributes.is_empty() {
            found.push(Refusal::invalid("attributes", "a group takes no leads, and so has no attributes"));
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            found.push(Refusal::new(Code::TooLarge, format!("at most {MAX_ATTRIBUTES} attributes")).at("attributes"));
        }
        let mut seen = BTreeSet::new();
        for (index, attribute) in self.attributes.iter().enumerate() {
            let place = |refusal: Refusal| refusal.at(index).at("attributes");
            if CORE_KEYS.contains(&attribute.key.as_str()) {
                found.push(place(Refusal::new(Code::Taken, "every lead has this attribute already").at("key")));
            } else if !seen.insert(attribute.key.as_str()) {
                found.push(place(Refusal::new(Code::Taken, "named twice").at("key")));
            }
            found.extend(attribute.problems().into_iter().map(place));
        }
        found.extend(self.weights.problems(self).into_iter().map(|refusal| refusal.at("weights")));
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// Whether `next` may follow this version: an attribute that stays keeps its type and its secrecy, so that leads of
    /// older versions stay readable and nothing identifying becomes public.
    pub fn check_successor(&self, next: &Self) -> Result<(), Vec<Refusal>> {
        next.check()?;
        let mut found = Vec::new();
        for (index, attribute) in next.attributes.iter().enumerate() {
            let Some(before) = self.attribute(&attribute.key) else { continue };
            if before.kind != attribute.kind {
                let message = format!("`{}` has been {} so far; name a new key instead", attribute.key, before.kind.as_str());
                found.push(Refusal::new(Code::Conflict, message).at("kind").at(index).at("attributes"));
            }
            if before.identifying && !attribute.identifying {
                let message = format!("`{}` has been identifying, and stays so", attribute.key);
                found.push(Refusal::new(Code::Conflict, message).at("identifying").at(index).at("attributes"));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertical::{AttributeKind, EnumValue};
    use proptest::prelude::*;

    fn attribute(key: &str, kind: AttributeKind) -> Attribute {
        let values = if kind == AttributeKind::Enum {
            ["SEA", "CITY"].map(|value| EnumValue { value: value.into(), labels: Labels::new() }).into()
        } else {
            Vec::new()
        };
        Attribute {
            key: key.into(),
            kind,
            labels: [("en".into(), key.into())].into(),
            required: false,
            filterable: false,
            identifying: false,
            values,
            min: None,
            max: None,
            earliest: None,
            latest: None,
            max_length: None,
            unit: None,
        }
    }

    fn definition(attributes: Vec<Attribute>) -> Definition {
        Definition {
            labels: [("en".into(), "Tours".into())].into(),
            group: false,
            audiences: both_audiences(),
            required_level: Level::Format,
            minimum_age: None,
            weights: Weights::default(),
            attributes,
        }
    }

    fn tours() -> Definition {
        definition(vec![
            Attribute { required: true, filterable: true, ..attribute("goal", AttributeKind::Enum) },
            Attribute { min: Some(1), max: Some(60), ..attribute("nights", AttributeKind::Int) },
            Attribute { earliest: "2026-01-01".parse().ok(), ..attribute("departure", AttributeKind::Date) },
            attribute("visa", AttributeKind::Bool),
            Attribute { max_length: Some(5), identifying: true, ..attribute("passport", AttributeKind::Text) },
        ])
    }

    fn values(pairs: &[(&str, AttributeValue)]) -> BTreeMap<String, AttributeValue> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    #[test]
    fn fitting_values_are_typed_and_parted_by_secrecy() {
        let given = values(&[
            ("goal", AttributeValue::text("SEA")),
            ("nights", AttributeValue::text(" 7 ")),
            ("departure", AttributeValue::text("2026-07-01")),
            ("visa", AttributeValue::text("true")),
            ("passport", AttributeValue::text("AB123")),
        ]);
        let fitted = tours().fit(&given).unwrap();
        let public = values(&[
            ("goal", AttributeValue::text("SEA")),
            ("nights", AttributeValue::Int(7)),
            ("departure", AttributeValue::Date("2026-07-01".parse().unwrap())),
            ("visa", AttributeValue::Bool(true)),
        ]);
        assert!(fitted.public == public);
        assert!(fitted.identifying == values(&[("passport", AttributeValue::text("AB123"))]));
    }

    #[test]
    fn each_refusal_names_its_key_and_never_the_value() {
        let cases: &[(&str, AttributeValue, Code)] = &[
            ("goal", AttributeValue::text("MOON"), Code::Invalid),
            ("goal", AttributeValue::Int(1), Code::Invalid),
            ("nights", AttributeValue::Int(0), Code::Invalid),
            ("nights", AttributeValue::Int(61), Code::Invalid),
            ("nights", AttributeValue::text("7.5"), Code::Invalid),
            ("departure", AttributeValue::text("2025-12-31"), Code::Invalid),
            ("departure", AttributeValue::text("31.12.2026"), Code::Invalid),
            ("visa", AttributeValue::text("maybe"), Code::Invalid),
            ("visa", AttributeValue::Int(1), Code::Invalid),
            ("passport", AttributeValue::text("SECRET"), Code::TooLarge),
            ("passport", AttributeValue::text("A\u{0}B"), Code::Invalid),
            ("stars", AttributeValue::Int(5), Code::Invalid),
        ];
        for (key, value, code) in cases {
            let mut given = values(&[("goal", AttributeValue::text("SEA"))]);
            given.insert((*key).to_owned(), value.clone());
            let refused = tours().fit(&given).unwrap_err();
            assert_eq!(refused.len(), 1, "{key}");
            assert_eq!((refused[0].code, refused[0].path.as_slice()), (*code, &[(*key).to_owned()][..]));
            assert!(!refused[0].message.contains("SECRET"));
        }
        let missing = tours().fit(&BTreeMap::new()).unwrap_err();
        assert_eq!((missing[0].code, missing[0].path.as_slice()), (Code::Required, &["goal".to_owned()][..]));
    }

    #[test]
    fn a_definition_that_makes_no_sense_is_refused_with_its_place() {
        tours().check().unwrap();
        let at = |attributes: Vec<Attribute>| definition(attributes).check().unwrap_err()[0].path.join(".");
        let int = || attribute("nights", AttributeKind::Int);
        assert_eq!(at(vec![attribute("Nights", AttributeKind::Int)]), "attributes.0.key");
        assert_eq!(at(vec![int(), int()]), "attributes.1.key");
        assert_eq!(at(vec![attribute("age", AttributeKind::Int)]), "attributes.0.key");
        assert_eq!(at(vec![Attribute { min: Some(2), max: Some(1), ..int() }]), "attributes.0.max");
        assert_eq!(at(vec![Attribute { identifying: true, filterable: true, ..int() }]), "attributes.0.filterable");
        assert_eq!(at(vec![Attribute { max_length: Some(3), ..int() }]), "attributes.0.maxLength");
        assert_eq!(at(vec![Attribute { values: Vec::new(), ..attribute("goal", AttributeKind::Enum) }]), "attributes.0.values");
        assert_eq!(at(vec![Attribute { labels: Labels::new(), ..int() }]), "attributes.0.labels.en");
        let many = (0..=MAX_ATTRIBUTES).map(|n| attribute(&format!("k{n}"), AttributeKind::Bool)).collect();
        assert_eq!(at(many), "attributes");
    }

    #[test]
    fn a_later_version_keeps_types_and_secrets() {
        let mut next = tours();
        next.attributes.push(attribute("stars", AttributeKind::Int));
        tours().check_successor(&next).unwrap();
        let mut retyped = tours();
        retyped.attributes[3] = attribute("visa", AttributeKind::Int);
        assert_eq!(tours().check_successor(&retyped).unwrap_err()[0].path, ["attributes", "3", "kind"]);
        let mut told = tours();
        told.attributes[4].identifying = false;
        assert_eq!(tours().check_successor(&told).unwrap_err()[0].path, ["attributes", "4", "identifying"]);
    }

    proptest! {
        #[test]
        fn fitting_is_idempotent(nights in -100i64..200, text in "\\PC{0,8}") {
            let given = values(&[
                ("goal", AttributeValue::text("CITY")),
                ("nights", AttributeValue::text(nights.to_string())),
                ("passport", AttributeValue::text(text)),
            ]);
            if let Ok(fitted) = tours().fit(&given) {
                prop_assert!((1..=60).contains(&nights));
                let mut again = fitted.public.clone();
                again.extend(fitted.identifying.clone());
                prop_assert!(tours().fit(&again).unwrap() == fitted);
            }
        }
    }
}
