//! The rows of a seller's file: what people typed into forms, made up around the real demographics.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use domain::mapping::{Person, person};
use domain::time::{Timestamp, plus_secs};
use serde::Serialize;

use super::dice::Dice;
use super::people::Record;

/// The market opens here: the imports of the first day, 2026-01-05 08:00 UTC, a Monday.
pub(crate) const OPENING: Timestamp = match DateTime::from_timestamp(1_767_600_000, 0) {
    Some(opening) => opening,
    None => DateTime::UNIX_EPOCH,
};

/// The version of the consent that the agencies' forms show.
const CONSENT: &str = "2026-01";

const SOURCES: &[&str] = &["SEARCH_AD", "SEARCH_AD", "SEARCH_ORGANIC", "SOCIAL_AD", "BANNER", "REFERRAL", "EMAIL"];

/// One row. The outcome columns of the input are no part of it: nobody knows them yet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Form {
    #[serde(rename = "Cust_num")]
    pub(crate) reference: u32,
    pub(crate) age: u8,
    pub(crate) job: String,
    pub(crate) marital: String,
    pub(crate) education: String,
    pub(crate) default: String,
    pub(crate) balance: i64,
    pub(crate) housing: String,
    pub(crate) loan: String,
    pub(crate) contact: String,
    pub(crate) month: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) sent_at: String,
    pub(crate) source: &'static str,
    pub(crate) consent: &'static str,
    pub(crate) consent_at: String,
    pub(crate) page: String,
    pub(crate) seconds: u32,
    pub(crate) typed: u32,
    pub(crate) pasted: u32,
    pub(crate) honeypot: &'static str,
    pub(crate) device: String,
    pub(crate) ip: String,
}

impl Form {
    /// An honest form of `record`, on `site`, under `seed`.
    pub(crate) fn honest(record: &Record, site: &str, seed: u64) -> Self {
        let mut dice = Dice::of(seed, "form", u64::from(record.reference));
        let Person { name, phone, email } = someone(seed, record.reference);
        let age_secs = days_old(&record.month).saturating_mul(86_400).saturating_add(i64::from(dice.below(86_400)));
        let sent_at = written(plus_secs(OPENING, age_secs.saturating_neg()));
        Self {
            reference: record.reference,
            age: record.age,
            job: record.job.clone(),
            marital: record.marital.clone(),
            education: record.education.clone(),
            default: record.default.clone(),
            balance: record.balance,
            housing: record.housing.clone(),
            loan: record.loan.clone(),
            contact: record.contact.clone(),
            month: record.month.clone(),
            name,
            phone: phone.unwrap_or_default(),
            email,
            consent_at: sent_at.clone(),
            sent_at,
            source: dice.pick(SOURCES).unwrap_or("DIRECT"),
            consent: CONSENT,
            page: format!("https://{site}/deposit"),
            seconds: dice.between(25, 400),
            typed: dice.between(7, 10),
            pasted: dice.below(2),
            honeypot: "no",
            device: format!("d-{seed}-{}", record.reference),
            ip: address(record.reference),
        }
    }

    /// Moves the form to `hours` before the opening: a ring sends its forms in one morning.
    pub(crate) fn send_at(&mut self, hours: i64) {
        self.sent_at = written(plus_secs(OPENING, hours.saturating_mul(-3_600)));
        self.consent_at.clone_from(&self.sent_at);
    }

    /// Takes away every sign of consent.
    pub(crate) fn forget_consent(&mut self) {
        self.consent = "";
        self.consent_at.clear();
        self.page.clear();
    }
}

/// The made-up person of a reference. References run to 45,211; those above stand for people that no row is about.
pub(crate) fn someone(seed: u64, reference: u32) -> Person {
    person(u32::try_from(seed % 10_000).unwrap_or(0), u64::from(reference))
}

/// An address on the net of RFC 3849, which is kept for documentation.
pub(crate) fn address(number: u32) -> String {
    format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff)
}

fn written(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long ago the people of a month sent their forms: the file's rare months are the aged leads that go cheaply.
const fn days_old(month: &str) -> i64 {
    match month.as_bytes() {
        b"jan" => 45,
        b"feb" => 30,
        b"nov" => 21,
        b"dec" | b"mar" | b"sep" | b"oct" => 12,
        _ => 0,
    }
}

/// Whether a lead is an aged one, which goes cheaply.
pub(crate) fn is_aged(sent_at: Timestamp) -> bool {
    OPENING.signed_duration_since(sent_at) > TimeDelta::days(10)
}
