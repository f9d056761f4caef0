//! A filter as a buyer hands it in, fitted to the schemas of the verticals that it is about.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::facts::{INTERESTS, days, fold, fold_postal, scalar};
use super::filter::{Field, Filter, MAX_DEPTH, MAX_LEAVES, MAX_VALUES, Predicate, Scalar, Span, Test};
use crate::access::TextEnum;
use crate::lead::{
    AgeBand, CreditBand, DecisionRole, Education, Gender, HeadcountBand, IncomeBand, Industry, MaritalStatus, Occupation,
    OrganizationType,
};
use crate::refusal::{Code, Refusal};
use crate::vertical::{Attribute, AttributeKind, AttributeValue};

/// Longest text of a place or an interest, in characters.
const MAX_TEXT: usize = 120;
/// Longest prefix of a postal code, folded.
const MAX_POSTAL: usize = 10;

/// A boolean expression in the buyer's own words, yet to be fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Every one holds.
    All(Vec<Ask>),
    /// At least one holds.
    Any(Vec<Ask>),
    /// It does not hold.
    Not(Box<Ask>),
    /// A condition on an attribute.
    Attribute(AttributeAsk),
    /// A condition on a field that every lead has, in the buyer's own spelling.
    Is(Predicate),
}

/// A condition on one attribute: exactly one of `equals`, `one_of`, `min` with `max`, `missing`; values as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeAsk {
    /// The attribute's key.
    pub key: String,
    /// Its value is this.
    pub equals: Option<String>,
    /// Its value, or one of its values, is one of these.
    pub one_of: Option<Vec<String>>,
    /// Its value is at least this.
    pub min: Option<String>,
    /// Its value is at most this.
    pub max: Option<String>,
    /// It has no value, or has one.
    pub missing: Option<bool>,
}

impl Ask {
    /// The place of a part in the buyer's own words, by the numbers of the children on the way to it in the fitted filter.
    #[must_use]
    pub fn place(&self, path: &[usize]) -> Vec<String> {
        let below = |name: &str, parts: &[Self], path: &[usize]| {
            let Some((index, rest)) = path.split_first() else { return Vec::new() };
            let here = vec![name.to_owned(), index.to_string()];
            here.into_iter().chain(parts.get(*index).map(|part| part.place(rest)).unwrap_or_default()).collect()
        };
        match self {
            Self::All(parts) => below("all", parts, path),
            Self::Any(parts) => below("any", parts, path),
            Self::Not(part) => {
                let rest = path.split_first().map(|(_, rest)| rest).unwrap_or_default();
                std::iter::once("not".to_owned()).chain(part.place(rest)).collect()
            }
            // What asks for a value is the negation of what asks for none: one leaf in the buyer's words.
            Self::Attribute(_) => vec!["attribute".to_owned()],
            Self::Is(predicate) => vec![name_of(predicate).to_owned()],
        }
    }
}

/// The filter that `ask` makes. `schemas` are the filterable attributes of every vertical that it is about: a key may stand in
/// several of them. Every refusal names its part: `all`, the index, and so on down to the leaf.
pub fn filter_fit(ask: &Ask, schemas: &[Attribute]) -> Result<Filter, Vec<Refusal>> {
    let (depth, leaves) = extent(ask);
    if depth > MAX_DEPTH {
        return Err(vec![Refusal::new(Code::TooLarge, format!("a filter nests at most {MAX_DEPTH} deep"))]);
    }
    if leaves > MAX_LEAVES {
        return Err(vec![Refusal::new(Code::TooLarge, format!("a filter holds at most {MAX_LEAVES} conditions"))]);
    }
    fit(ask, schemas)
}

/// How deep `ask` nests, a leaf being 1, and how many leaves it has.
fn extent(ask: &Ask) -> (usize, usize) {
    let deepest = |parts: &[Ask]| {
        parts.iter().map(extent).fold((0, 0), |(depth, leaves): (usize, usize), (d, l)| (depth.max(d), leaves.saturating_add(l)))
    };
    let (depth, leaves) = match ask {
        Ask::All(parts) | Ask::Any(parts) => deepest(parts),
        Ask::Not(part) => extent(part),
        Ask::Attribute(_) | Ask::Is(_) => (0, 1),
    };
    (depth.saturating_add(1), leaves)
}

fn fit(ask: &Ask, schemas: &[Attribute]) -> Result<Filter, Vec<Refusal>> {
    match ask {
        Ask::All(parts) => fit_each("all", parts, schemas).map(Filter::All),
        Ask::Any(parts) => fit_each("any", parts, schemas).map(Filter::Any),
        Ask::Not(part) => match fit(part, schemas) {
            Ok(filter) => Ok(Filter::Not(Box::new(filter))),
            Err(refusals) => Err(refusals.into_iter().map(|refusal| refusal.at("not")).collect()),
        },
        Ask::Attribute(ask) => fit_attribute(ask, schemas).map_err(|refusal| vec![refusal.at("attribute")]),
        Ask::Is(predicate) => match fit_field(predicate.clone()) {
            Ok(predicate) => Ok(Filter::Is(predicate)),
            Err(refusal) => Err(vec![refusal.at(name_of(predicate))]),
        },
    }
}

/// The name under which a buyer writes a condition on a field.
pub(super) fn name_of(predicate: &Predicate) -> &'static str {
    if predicate.test == Test::Missing {
        return "missing";
    }
    match predicate.field {
        Field::Audience => "audience",
        Field::ContactKind => "contactKind",
        Field::Interest => "interest",
        Field::Source => "source",
        Field::Consent => "consent",
        Field::Country => "country",
        Field::Region => "region",
        Field::City => "city",
        Field::PostalCode => "postalPrefix",
        Field::Temperature => "temperature",
        Field::Score => "score",
        Field::Level => "minLevel",
        Field::Seller => "seller",
        Field::SellerBadTrades => "maxSellerBadTradesBp",
        Field::AgeSecs => "ageSecs",
        Field::LocalMinute => "localTime",
        Field::Attribute(_) => "attribute",
    }
}

fn fit_each(name: &str, parts: &[Ask], schemas: &[Attribute]) -> Result<Vec<Filter>, Vec<Refusal>> {
    let mut fitted = Vec::with_capacity(parts.len());
    let mut refusals = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        match fit(part, schemas) {
            Ok(filter) => fitted.push(filter),
            Err(found) => refusals.extend(found.into_iter().map(|refusal| refusal.at(index).at(name))),
        }
    }
    if refusals.is_empty() { Ok(fitted) } else { Err(refusals) }
}

fn fit_attribute(ask: &AttributeAsk, schemas: &[Attribute]) -> Result<Filter, Refusal> {
    let known: Vec<&Attribute> = schemas.iter().filter(|attribute| attribute.key == ask.key).collect();
    let core = core_values(&ask.key);
    if known.is_empty() && core.is_none() {
        return Err(Refusal::invalid("key", "no filterable attribute of this vertical"));
    }
    let value = |field: &str, text: &String| match &core {
        Some(core) => core.fit(text).map_err(|refusal| refusal.at(field)),
        None => fit_value(text, &known).map_err(|refusal| refusal.at(field)),
    };
    let range = ask.min.is_some() || ask.max.is_some();
    let test = match (&ask.equals, &ask.one_of, range, ask.missing) {
        (Some(text), None, false, None) => Test::OneOf(BTreeSet::from([value("equals", text)?])),
        (None, Some(texts), false, None) => {
            counted(texts.len()).map_err(|refusal| refusal.at("in"))?;
            Test::OneOf(texts.iter().map(|text| value("in", text)).collect::<Result<_, _>>()?)
        }
        (None, None, true, None) => {
            let bound = |text: &Option<String>, field| text.as_ref().map(|text| bound(field, text, &known)).transpose();
            Test::Within(vec![ordered(Span { min: bound(&ask.min, "min")?, max: bound(&ask.max, "max")? })?])
        }
        (None, None, false, Some(_)) => Test::Missing,
        _ => return Err(Refusal::invalid("key", "set exactly one of: equals, in, min and max, missing")),
    };
    let leaf = Filter::Is(Predicate { field: Field::Attribute(ask.key.clone()), test });
    Ok(if ask.missing == Some(false) { Filter::Not(Box::new(leaf)) } else { leaf })
}

/// The value as the first schema wants it that takes it.
fn fit_value(text: &str, known: &[&Attribute]) -> Result<Scalar, Refusal> {
    let given = AttributeValue::text(text);
    let mut refused = None;
    for schema in known {
        match schema.fit(&given) {
            Ok(value) => return Ok(scalar(&value)),
            Err(refusal) => refused = Some(Refusal { path: Vec::new(), ..refusal }),
        }
    }
    Err(refused.unwrap_or_else(|| Refusal::new(Code::Invalid, "no such attribute")))
}

/// A bound may lie outside of what the schema allows a value to be.
fn bound(field: &str, text: &str, known: &[&Attribute]) -> Result<i64, Refusal> {
    let ranged = |schema: &&&Attribute| matches!(schema.kind, AttributeKind::Int | AttributeKind::Date);
    if !known.iter().any(|schema| ranged(&schema)) {
        return Err(Refusal::invalid("key", "only numbers and days have ranges"));
    }
    let read = |schema: &&Attribute| match schema.kind {
        AttributeKind::Int => text.trim().parse().ok(),
        AttributeKind::Date => text.trim().parse().ok().map(days),
        AttributeKind::Enum | AttributeKind::Bool | AttributeKind::Text => None,
    };
    known.iter().find_map(read).ok_or_else(|| Refusal::invalid(field, "not a number or an ISO 8601 day, as the attribute is"))
}

/// What a core attribute may be.
enum Core {
    Words(Vec<&'static str>),
    Language,
    Free,
}

impl Core {
    fn fit(&self, text: &str) -> Result<Scalar, Refusal> {
        let text = text.trim();
        match self {
            Self::Words(words) if !words.contains(&text) => {
                Err(Refusal::new(Code::Invalid, format!("one of {}", words.join(", "))))
            }
            Self::Language if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_lowercase()) => {
                Err(Refusal::new(Code::Invalid, "two lower-case letters (ISO 639-1)"))
            }
            Self::Free if text.is_empty() || text.chars().count() > MAX_TEXT => {
                Err(Refusal::new(Code::Invalid, format!("1 to {MAX_TEXT} characters")))
            }
            _ => Ok(Scalar::Text(fold(text))),
        }
    }
}

fn core_values(key: &str) -> Option<Core> {
    fn words<E: TextEnum>() -> Option<Core> {
        Some(Core::Words(E::VALUES.iter().map(|value| value.text()).collect()))
    }
    match key {
        "age_band" => words::<AgeBand>(),
        "gender" => words::<Gender>(),
        "marital_status" => words::<MaritalStatus>(),
        "occupation" => words::<Occupation>(),
        "income_band" => words::<IncomeBand>(),
        "credit_band" => words::<CreditBand>(),
        "education" => words::<Education>(),
        "industry" => words::<Industry>(),
        "organization_type" => words::<OrganizationType>(),
        "headcount_band" => words::<HeadcountBand>(),
        "decision_role" => words::<DecisionRole>(),
        "language" => Some(Core::Language),
        INTERESTS => Some(Core::Free),
        _ => None,
    }
}

/// The predicate with its texts in the form in which facts are compared.
fn fit_field(Predicate { field, test }: Predicate) -> Result<Predicate, Refusal> {
    let test = match test {
        Test::OneOf(values) => {
            counted(values.len())?;
            Test::OneOf(values.into_iter().map(|value| fit_listed(&field, value)).collect::<Result<_, _>>()?)
        }
        Test::StartsWith(prefixes) => {
            counted(prefixes.len())?;
            let folded: BTreeSet<String> = prefixes.iter().map(|prefix| fold_postal(prefix)).collect();
            if folded.iter().any(|prefix| prefix.is_empty() || prefix.chars().count() > MAX_POSTAL) {
                return Err(Refusal::new(Code::Invalid, format!("a prefix has 1 to {MAX_POSTAL} characters")));
            }
            Test::StartsWith(folded)
        }
        Test::Within(spans) => {
            counted(spans.len())?;
            Test::Within(spans.into_iter().map(ordered).collect::<Result<_, _>>()?)
        }
        Test::Missing => Test::Missing,
    };
    Ok(Predicate { field, test })
}

fn fit_listed(field: &Field, value: Scalar) -> Result<Scalar, Refusal> {
    match (field, value) {
        (Field::Country, Scalar::Text(code)) => {
            let letters = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
            if letters && phonenumber::country::Id::from_str(&code).is_ok() {
                Ok(Scalar::Text(code))
            } else {
                Err(Refusal::new(Code::Invalid, "an ISO 3166-1 alpha-2 code such as `NO`"))
            }
        }
        (Field::Region | Field::City, Scalar::Text(name)) => {
            let folded = fold(&name);
            if folded.is_empty() || folded.chars().count() > MAX_TEXT {
                return Err(Refusal::new(Code::Invalid, format!("1 to {MAX_TEXT} characters")));
            }
            Ok(Scalar::Text(folded))
        }
        (_, value) => Ok(value),
    }
}

fn ordered(span: Span) -> Result<Span, Refusal> {
    match (span.min, span.max) {
        (None, None) => Err(Refusal::new(Code::Required, "set `min`, `max` or both")),
        (Some(min), Some(max)) if min > max => Err(Refusal::invalid("max", "`max` is below `min`")),
        _ => Ok(span),
    }
}

fn counted(count: usize) -> Result<(), Refusal> {
    if (1..=MAX_VALUES).contains(&count) { Ok(()) } else { Err(Refusal::new(Code::Invalid, format!("1 to {MAX_VALUES} values"))) }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
