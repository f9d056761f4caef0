//! What a sample says about a column.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::convert::wordlike;
use super::date::DateFormat;
use super::number::NumberFormat;
use super::synonyms::Topic;
use super::target::{Kind, Target};
use crate::vertical::EnumValue;

/// Texts that stand for "not answered" in files of all kinds.
const MISSING: &[&str] = &[
    "select",
    "unknown",
    "n/a",
    "na",
    "none",
    "null",
    "nil",
    "-",
    "--",
    "?",
    "not provided",
    "not specified",
    "keine angabe",
    "k.a.",
    "non renseigné",
    "no especificado",
    "não informado",
    "не указано",
    "нет данных",
    "未知",
];

/// Date formats looked for; a later one may fit the same column as an earlier one.
const DATES: &[&str] = &[
    "%Y-%m-%d",
    "%+",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d-%m-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
];

/// Distinct values kept per column.
const MAX_DISTINCT: usize = 200;

/// What the values of a column look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Empty,
    Email,
    Phone,
    Number,
    Date(String),
    Text,
}

impl Shape {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Email => "e-mail addresses",
            Self::Phone => "phone numbers",
            Self::Number => "numbers",
            Self::Date(_) => "dates",
            Self::Text => "texts",
        }
    }
}

/// What a sample says about a column.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub name: String,
    pub shape: Shape,
    pub distinct: BTreeMap<String, u32>,
    pub missing: BTreeSet<String>,
    pub ambiguous_date: bool,
    pub decimal_comma: bool,
    pub decimal_point: bool,
}

impl Profile {
    pub(super) fn new<'a>(name: &str, cells: impl Iterator<Item = &'a String>) -> Self {
        let mut answers = Vec::new();
        let mut missing = BTreeSet::new();
        for cell in cells.map(|cell| cell.trim()).filter(|cell| !cell.is_empty()) {
            if MISSING.contains(&cell.to_lowercase().as_str()) {
                missing.insert(cell.to_owned());
            } else {
                answers.push(cell);
            }
        }
        let mut distinct: BTreeMap<String, u32> = BTreeMap::new();
        for answer in &answers {
            if distinct.len() < MAX_DISTINCT || distinct.contains_key(*answer) {
                let count = distinct.entry((*answer).to_owned()).or_default();
                *count = count.saturating_add(1);
            }
        }
        let dates = fitting_dates(&answers);
        let shape = shape_of(&answers, dates.first());
        let number = shape == Shape::Number;
        let marks =
            |mark: char| number && answers.iter().any(|answer| answer.rsplit_once(mark).is_some_and(|(_, tail)| tail.len() != 3));
        Self {
            name: name.to_owned(),
            ambiguous_date: matches!((dates.first(), dates.get(1)), (Some(a), Some(b)) if a.starts_with("%d/%m") && b.starts_with("%m/%d"))
                || dates.iter().any(|date| date.starts_with("%d/%m")) && dates.iter().any(|date| date.starts_with("%m/%d")),
            shape,
            distinct,
            missing,
            decimal_comma: marks(','),
            decimal_point: marks('.'),
        }
    }

    /// Whether the values look like what `topic` needs; `None` when they say nothing either way.
    pub(super) fn look(&self, topic: Topic) -> Option<bool> {
        let kind = match topic {
            Topic::Field(Target::Email | Target::Email2 | Target::Email3) => return self.is(&[Shape::Email]),
            Topic::Field(Target::Name) | Topic::GivenName | Topic::FamilyName => {
                return (self.shape != Shape::Empty && self.shape != Shape::Text).then_some(false);
            }
            Topic::BirthDate => Kind::Date,
            Topic::Outcome => return None,
            Topic::Field(Target::LandingPage | Target::ConsentPage | Target::FormPage | Target::ConsentCertificate) => {
                return (self.shape != Shape::Text).then_some(false);
            }
            Topic::Field(target) => target.kind(),
        };
        match kind {
            Kind::Phone => self.is(&[Shape::Phone]),
            Kind::Age | Kind::Whole(..) | Kind::Money => self.is(&[Shape::Number]),
            Kind::Date | Kind::Instant if self.shape == Shape::Empty => None,
            Kind::Date | Kind::Instant => Some(matches!(self.shape, Shape::Date(_))),
            Kind::Bool => (self.distinct.len() > 3).then_some(false),
            Kind::Words(_) => (self.distinct.len() > 60 && self.shape != Shape::Number).then_some(false),
            Kind::Text | Kind::List | Kind::Country | Kind::Organization => {
                matches!(self.shape, Shape::Email | Shape::Phone).then_some(false)
            }
        }
    }

    /// Whether any value is one of `words`.
    pub(super) fn knows(&self, words: &[String]) -> bool {
        let known = |value: &String| words.iter().any(|word| wordlike(word) == wordlike(value));
        self.distinct.keys().any(known)
    }

    /// Whether there are values, and every one is listed.
    pub(super) fn all_among(&self, listed: &[EnumValue]) -> bool {
        let known = |value: &String| listed.iter().any(|listed| wordlike(&listed.value) == wordlike(value));
        !self.distinct.is_empty() && self.distinct.keys().all(known)
    }

    fn is(&self, shapes: &[Shape]) -> Option<bool> {
        if self.shape == Shape::Empty { None } else { Some(shapes.contains(&self.shape)) }
    }
}

fn shape_of(answers: &[&str], date: Option<&&str>) -> Shape {
    if answers.is_empty() {
        return Shape::Empty;
    }
    let most = |test: &dyn Fn(&str) -> bool| {
        let passed = answers.iter().filter(|answer| test(answer)).count();
        passed.saturating_mul(10) >= answers.len().saturating_mul(8)
    };
    let is_email = |text: &str| text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    let phone_marks = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '(' | ')' | '.' | '/');
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let is_phone = |text: &str| {
        text.chars().all(phone_marks)
            && (8..=15).contains(&digits(text))
            && (text.starts_with(['+', '0', '(']) || digits(text) >= 9)
    };
    let is_number = |text: &str| {
        let bare = text.trim_matches(|c: char| c.is_alphabetic() || matches!(c, ' ' | '€' | '$' | '£' | '%'));
        [',', '.'].iter().any(|mark| NumberFormat { decimal: *mark }.read(bare).is_ok())
    };
    match date {
        _ if most(&is_email) => Shape::Email,
        Some(date) => Shape::Date((*date).to_owned()),
        None if most(&is_phone) => Shape::Phone,
        None if most(&is_number) => Shape::Number,
        None => Shape::Text,
    }
}

fn fitting_dates(answers: &[&str]) -> Vec<&'static str> {
    if answers.is_empty() {
        return Vec::new();
    }
    let reads = |format: &str| {
        DateFormat::new(&[format.to_owned()], Tz::UTC)
            .is_ok_and(|format| answers.iter().all(|answer| format.read_date(answer).is_some()))
    };
    DATES.iter().copied().filter(|format| reads(format)).collect()
}
