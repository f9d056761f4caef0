//! What was answered in a form: read by the page that was shown, into the fields of a record.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use domain::contact::{normalise_email, normalise_phone};
use domain::form::{Control, CoreField, FormContent, FormPage, PageField};
use domain::lead::LeadDraft;
use domain::money::Currency;
use domain::posting::{Purpose, draft as record_draft};
use domain::refusal::{Code, Refusal};
use domain::text::has_control_character;
use domain::time::Timestamp;
use store::verticals::StoredVertical;

/// The field that people do not see. Attributes and core fields begin with a lower-case letter.
pub const TRAP: &str = "Website";
/// The box that must be ticked.
pub const CONSENT: &str = "_consent";

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is too long.
    TooLong,
    /// It is no phone number.
    Phone,
    /// It is no e-mail address.
    Email,
    /// It is no whole number, or one beyond the bounds.
    Whole,
    /// It is no day or moment.
    Date,
    /// The consent is not given.
    Consent,
    /// It is wrong in another way.
    Wrong,
}

/// What was sent, by the names of fields.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers(pub BTreeMap<String, String>);

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({})", self.0.len())
    }
}

impl Answers {
    /// The answer called `name`, without blanks around it; none where it is empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// Whether the field that people do not see was filled.
    #[must_use]
    pub fn trapped(&self) -> bool {
        self.get(TRAP).is_some()
    }

    /// The record of a lead, or what is wrong by the names of fields. `zone` is the browser's time zone.
    pub(super) fn read(
        &self,
        page: &FormPage,
        content: &FormContent,
        zone: Option<&str>,
    ) -> Result<BTreeMap<String, String>, BTreeMap<String, Fault>> {
        let (mut record, mut faults) = (BTreeMap::new(), BTreeMap::new());
        let home = self.get(CoreField::Country.as_str()).or(content.country.as_deref());
        for field in page.fields() {
            match self.get(&field.name) {
                None if field.required => _ = faults.insert(field.name.clone(), Fault::Missing),
                None => {}
                Some(text) => match answer(field, text, home, zone) {
                    Ok(value) => _ = record.insert(field.name.clone(), value),
                    Err(fault) => _ = faults.insert(field.name.clone(), fault),
                },
            }
        }
        let ways = [CoreField::Phone.as_str(), CoreField::Email.as_str()];
        let reachable = ways.iter().any(|way| record.contains_key(*way) || faults.contains_key(*way));
        if let (false, Some(way)) = (reachable, ways.iter().find(|way| content.asks(way))) {
            faults.insert((*way).to_owned(), Fault::Missing);
        }
        if self.get(CONSENT).is_none() {
            faults.insert(CONSENT.to_owned(), Fault::Consent);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut put = |name: &str, value: &str| _ = record.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        put("interest", content.interest.as_str());
        put("source", content.source.as_str());
        put("audience", content.audience.as_str());
        if let Some(country) = &content.country {
            put("country", country);
        }
        let language = domain::form::language::primary(&page.language);
        if language.len() == 2 {
            put("language", language);
        }
        let telling = |name: &str| name.parse::<CoreField>().is_err();
        let asked = page.fields().any(|field| record.contains_key(&field.name) && telling(&field.name))
            || ["comments", "call_me_at"].iter().any(|name| record.contains_key(*name));
        let kind = match (asked, record.contains_key("phone")) {
            (true, _) => "INTERESTED",
            (false, true) => "QUICK",
            (false, false) => "REGISTRATION",
        };
        record.insert("contact_kind".to_owned(), kind.to_owned());
        Ok(record)
    }
}

/// An answer as a record has it.
fn answer(field: &PageField, text: &str, home: Option<&str>, zone: Option<&str>) -> Result<String, Fault> {
    if has_control_character(text) {
        return Err(Fault::Wrong);
    }
    let most = match field.control {
        Control::Line { max } | Control::Area { max } => max,
        _ => 320,
    };
    if text.chars().nth(usize::try_from(most).unwrap_or(usize::MAX)).is_some() {
        return Err(Fault::TooLong);
    }
    let good = match &field.control {
        Control::Line { .. } => !text.contains(['\n', '\r']),
        Control::Area { .. } => true,
        Control::Phone => {
            let phone = normalise_phone(text, home.filter(|code| code.len() == 2));
            return if phone.is_ok_and(|phone| phone.valid) { Ok(text.to_owned()) } else { Err(Fault::Phone) };
        }
        Control::Email => {
            return if normalise_email(text).is_ok_and(|email| email.valid) { Ok(text.to_owned()) } else { Err(Fault::Email) };
        }
        Control::Whole { min, max } => {
            let number: i64 = text.parse().map_err(|_| Fault::Whole)?;
            let inside = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
            return if inside { Ok(number.to_string()) } else { Err(Fault::Whole) };
        }
        Control::Date { min, max } => {
            let day: NaiveDate = text.parse().map_err(|_| Fault::Date)?;
            let inside = min.is_none_or(|min| day >= min) && max.is_none_or(|max| day <= max);
            return if inside { Ok(day.to_string()) } else { Err(Fault::Date) };
        }
        Control::Moment => return moment(text, zone).ok_or(Fault::Date),
        Control::Choice { choices } => choices.iter().any(|choice| choice.value == text),
    };
    if good { Ok(text.to_owned()) } else { Err(Fault::Wrong) }
}

/// A moment of the person's own clock; UTC where the browser names no zone.
fn moment(text: &str, zone: Option<&str>) -> Option<String> {
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = local.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let zone: Tz = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    Some(zone.from_local_datetime(&local).earliest()?.to_utc().to_rfc3339())
}

/// The draft that a record makes.
pub(super) fn draft(
    record: &BTreeMap<String, String>,
    vertical: &StoredVertical,
    currency: Currency,
    now: Timestamp,
) -> Result<LeadDraft, Vec<Refusal>> {
    record_draft(record, &vertical.path, &vertical.definition, Purpose::Lead, currency, now)
}

/// What the intake refuses, at the fields that the person sees; what they do not see is left out.
pub(super) fn faults_of(refusals: &[Refusal], page: &FormPage) -> BTreeMap<String, Fault> {
    let fault = |refusal: &Refusal| {
        let name = refusal.path.first()?;
        let field = page.fields().find(|field| field.name == *name)?;
        let fault = match refusal.code {
            Code::Required => Fault::Missing,
            Code::TooLarge => Fault::TooLong,
            _ => Fault::Wrong,
        };
        Some((field.name.clone(), fault))
    };
    refusals.iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_of_the_persons_own_clock() {
        assert_eq!(moment("2026-03-03T15:30", Some("Europe/Oslo")).as_deref(), Some("2026-03-03T14:30:00+00:00"));
        assert_eq!(moment("2026-03-03T15:30", None).as_deref(), Some("2026-03-03T15:30:00+00:00"));
        assert_eq!(moment("tomorrow", None), None);
    }

    #[test]
    fn answers_are_read_by_their_control() {
        let read = |control: Control, text: &str| {
            answer(&PageField { name: "x".into(), label: "X".into(), required: false, control }, text, Some("NO"), None)
        };
        assert_eq!(read(Control::Phone, "912 34 567"), Ok("912 34 567".into()));
        assert_eq!(read(Control::Phone, "123"), Err(Fault::Phone));
        assert_eq!(read(Control::Email, "kari@"), Err(Fault::Email));
        assert_eq!(read(Control::Whole { min: Some(1), max: None }, "0"), Err(Fault::Whole));
        assert_eq!(read(Control::Date { min: None, max: None }, "2026-13-01"), Err(Fault::Date));
        assert_eq!(read(Control::Line { max: 3 }, "abcd"), Err(Fault::TooLong));
        assert_eq!(read(Control::Line { max: 9 }, "a\nb"), Err(Fault::Wrong));
        assert_eq!(read(Control::Choice { choices: Vec::new() }, "A"), Err(Fault::Wrong));
    }
}
