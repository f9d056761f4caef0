//! From the text of a cell to a value of a lead.

use chrono::NaiveDate;

use super::countries;
use super::date::DateFormat;
use super::number::{Decimal, NumberFormat, Round, Unit};
use super::target::Kind;
use crate::contact::is_hidden;
use crate::id::OrganizationId;
use crate::money::{Currency, MAX_INPUT_MINOR, Money};
use crate::refusal::Code;
use crate::time::Timestamp;

/// Words for yes in files nobody prepared.
const YES: &[&str] =
    &["yes", "y", "true", "t", "1", "on", "x", "да", "sim", "si", "sí", "ja", "oui", "tak", "evet", "ano", "是", "はい"];

/// Words for no.
const NO: &[&str] =
    &["no", "n", "false", "f", "0", "off", "нет", "não", "nao", "nein", "non", "nie", "hayır", "ne", "否", "いいえ", "nee"];

/// The oldest age that is not a slip.
const MAX_AGE: i64 = 120;

/// A value of a lead.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Whole(i64),
    Bool(bool),
    Date(NaiveDate),
    Instant(Timestamp),
    Money(Money),
    Organization(OrganizationId),
}

/// Why a cell gives no value: for machines, and for people without the cell's text, which may be personal.
pub(super) type Reason = (Code, String);

/// Everything that a conversion needs, made once per field.
#[derive(Debug, Clone)]
pub(super) struct Converter {
    pub kind: Kind,
    pub number: NumberFormat,
    pub unit: Unit,
    pub round: Round,
    pub strip: Vec<String>,
    pub bands: Vec<(i64, String)>,
    pub dates: DateFormat,
    pub birth_date: bool,
    pub yes: Vec<String>,
    pub no: Vec<String>,
    pub currency: Option<Currency>,
    pub region: Option<phonenumber::country::Id>,
    pub separator: String,
}

impl Converter {
    /// The value of a text that is an answer; `None` when the text turns out to be none. `today` is for ages.
    pub(super) fn convert(&self, text: &str, today: NaiveDate) -> Result<Option<Value>, Reason> {
        let value = match &self.kind {
            Kind::Text if !self.bands.is_empty() => return self.band(text).map(|band| band.map(Value::Text)),
            Kind::Words(words) if !self.bands.is_empty() => {
                return self.band(text)?.map(|band| word(&band, words)).transpose();
            }
            Kind::Text => Value::Text(text.to_owned()),
            Kind::Words(words) => word(text, words)?,
            Kind::Phone => Value::Text(self.phone(text)),
            Kind::List => Value::List(self.items(text)),
            Kind::Whole(from, until) => Value::Whole(within(self.whole(text)?, *from, *until)?),
            Kind::Age => Value::Whole(within(self.age(text, today)?, 0, MAX_AGE)?),
            Kind::Bool => Value::Bool(self.bool(text)?),
            Kind::Date => Value::Date(self.dates.read_date(text).ok_or_else(not_a_date)?),
            Kind::Instant => Value::Instant(self.dates.read_instant(text).ok_or_else(not_a_date)?),
            Kind::Money => Value::Money(self.money(text)?),
            Kind::Country => {
                let code = countries::code(text).ok_or_else(|| (Code::Invalid, "is not a country".to_owned()))?;
                Value::Text(code.to_owned())
            }
            Kind::Organization => {
                let id = text.parse().map_err(|_| (Code::Invalid, "is not the id of an organization".to_owned()))?;
                Value::Organization(id)
            }
        };
        Ok(Some(value))
    }

    fn decimal(&self, text: &str) -> Result<Decimal, Reason> {
        let mut text = std::borrow::Cow::Borrowed(text);
        for cut in self.strip.iter().filter(|cut| !cut.is_empty()) {
            text = text.replace(cut.as_str(), "").into();
        }
        self.number.read(&text).map_err(|error| (Code::Invalid, error.to_string()))
    }

    fn whole(&self, text: &str) -> Result<i64, Reason> {
        self.decimal(text)?.to_whole(self.unit, self.round).map_err(|error| (Code::Invalid, error.to_string()))
    }

    fn age(&self, text: &str, today: NaiveDate) -> Result<i64, Reason> {
        if !self.birth_date {
            return self.whole(text);
        }
        let born = self.dates.read_date(text).ok_or_else(not_a_date)?;
        let years = today.years_since(born).ok_or_else(|| (Code::Invalid, "lies in the future".to_owned()))?;
        Ok(i64::from(years))
    }

    fn money(&self, text: &str) -> Result<Money, Reason> {
        let currency = self.currency.ok_or_else(|| (Code::Required, "has no currency".to_owned()))?;
        let minor = self.decimal(text)?.to_minor(self.unit, currency.exponent());
        let minor = minor.map_err(|error| (Code::Invalid, error.to_string()))?;
        Ok(Money::new(within(minor, 0, MAX_INPUT_MINOR)?, currency))
    }

    fn band(&self, text: &str) -> Result<Option<String>, Reason> {
        let number = self.whole(text)?;
        Ok(self
            .bands
            .iter()
            .rev()
            .find(|(from, _)| *from <= number)
            .map(|(_, band)| band.clone())
            .filter(|band| !band.is_empty()))
    }

    fn bool(&self, text: &str) -> Result<bool, Reason> {
        let text = text.to_lowercase();
        let own = !self.yes.is_empty() || !self.no.is_empty();
        let is_yes = if own { self.yes.contains(&text) } else { YES.contains(&text.as_str()) };
        let is_no = if own { self.no.contains(&text) } else { NO.contains(&text.as_str()) };
        match (is_yes, is_no) {
            (true, _) => Ok(true),
            (false, true) => Ok(false),
            (false, false) => Err((Code::Invalid, "is neither yes nor no".to_owned())),
        }
    }

    /// A hidden number, and one that the metadata cannot read, stays as it is: admission says what is wrong with it.
    fn phone(&self, text: &str) -> String {
        if is_hidden(text) {
            return text.to_owned();
        }
        match phonenumber::parse(self.region, text) {
            Ok(number) if self.region.is_some() || text.starts_with('+') => {
                number.format().mode(phonenumber::Mode::E164).to_string()
            }
            _ => text.to_owned(),
        }
    }

    fn items(&self, text: &str) -> Vec<String> {
        text.split(&self.separator).map(str::trim).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
    }
}

/// A text as words are compared: upper case, one underscore for everything that is neither letter nor digit.
#[must_use]
pub(super) fn wordlike(text: &str) -> String {
    let upper: String = text.to_uppercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    upper.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

fn word(text: &str, words: &[String]) -> Result<Value, Reason> {
    const SHOWN: usize = 20;
    let like = wordlike(text);
    let found = words.iter().find(|word| word.as_str() == text).or_else(|| words.iter().find(|word| wordlike(word) == like));
    found.map(|word| Value::Text(word.clone())).ok_or_else(|| {
        let shown: Vec<&str> = words.iter().take(SHOWN).map(String::as_str).collect();
        let more = if words.len() > SHOWN { ", ..." } else { "" };
        (Code::Invalid, format!("is not one of {}{more}", shown.join(", ")))
    })
}

fn within(value: i64, from: i64, until: i64) -> Result<i64, Reason> {
    if (from..=until).contains(&value) { Ok(value) } else { Err((Code::Invalid, format!("is not from {from} to {until}"))) }
}

fn not_a_date() -> Reason {
    (Code::Invalid, "is not a date in the formats that the mapping names".to_owned())
}
