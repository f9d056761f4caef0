//! What became of a bought lead, and what is to be done next.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::evidence::check_text;
use crate::id::UserId;
use crate::money::{Currency, Money};
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs};

/// The longest reason or note, in characters.
pub const MAX_NOTE_CHARS: usize = 500;

/// How far ahead a step or a deferral may lie, in seconds: three years.
pub const MAX_AHEAD_SECS: i64 = 3 * 366 * 86_400;

text_enum! {
    /// The name of an outcome.
    OutcomeKind {
        /// The buyer spoke with the person.
        Contacted = "CONTACTED",
        /// Nobody answered.
        NoAnswer = "NO_ANSWER",
        /// The person would not talk.
        RefusedToTalk = "REFUSED_TO_TALK",
        /// The person wants it and can have it.
        Qualified = "QUALIFIED",
        /// Later.
        Deferred = "DEFERRED",
        /// The person does not buy.
        RefusedToBuy = "REFUSED_TO_BUY",
        /// The person bought.
        Converted = "CONVERTED",
    }
}

/// What became of a bought lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The buyer spoke with the person.
    Contacted,
    /// Nobody answered.
    NoAnswer,
    /// The person would not talk.
    RefusedToTalk,
    /// The person wants it and can have it.
    Qualified,
    /// Later.
    Deferred {
        /// Until when.
        until: Timestamp,
    },
    /// The person does not buy.
    RefusedToBuy {
        /// Why: kept apart and sealed, since it is about a person; `None` once it was destroyed.
        #[serde(skip)]
        reason: Option<String>,
    },
    /// The person bought.
    Converted {
        /// For how much.
        revenue: Money,
    },
}

/// What a buyer reports, before it is known to make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which outcome.
    pub kind: OutcomeKind,
    /// For [`OutcomeKind::Deferred`].
    pub until: Option<Timestamp>,
    /// For [`OutcomeKind::RefusedToBuy`].
    pub reason: Option<String>,
    /// For [`OutcomeKind::Converted`], in any currency.
    pub revenue: Option<Money>,
}

impl Report {
    /// The outcome; refused when something is missing, does not belong to the kind, lies in the past, or is no amount.
    pub fn outcome(self, now: Timestamp) -> Result<Outcome, Vec<Refusal>> {
        let stray = [
            ("until", self.until.is_some() && self.kind != OutcomeKind::Deferred),
            ("reason", self.reason.is_some() && self.kind != OutcomeKind::RefusedToBuy),
            ("revenue", self.revenue.is_some() && self.kind != OutcomeKind::Converted),
        ];
        let refusals: Vec<_> = stray
            .iter()
            .filter(|(_, is_stray)| *is_stray)
            .map(|(field, _)| Refusal::invalid(field, format!("does not belong to {}", self.kind.as_str())))
            .collect();
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(match self.kind {
            OutcomeKind::Contacted => Outcome::Contacted,
            OutcomeKind::NoAnswer => Outcome::NoAnswer,
            OutcomeKind::RefusedToTalk => Outcome::RefusedToTalk,
            OutcomeKind::Qualified => Outcome::Qualified,
            OutcomeKind::Deferred => {
                let until = self.until.ok_or_else(|| Refusal::required("until"))?;
                ahead("until", until, now)?;
                Outcome::Deferred { until }
            }
            OutcomeKind::RefusedToBuy => {
                let reason = self.reason.ok_or_else(|| Refusal::required("reason"))?;
                Outcome::RefusedToBuy { reason: Some(note("reason", &reason)?) }
            }
            OutcomeKind::Converted => {
                let revenue = self.revenue.ok_or_else(|| Refusal::required("revenue"))?;
                if revenue.minor < 0 {
                    return Err(Refusal::invalid("revenue", "revenue is not negative").into());
                }
                Outcome::Converted { revenue }
            }
        })
    }
}

impl Outcome {
    /// The name.
    #[must_use]
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Contacted => OutcomeKind::Contacted,
            Self::NoAnswer => OutcomeKind::NoAnswer,
            Self::RefusedToTalk => OutcomeKind::RefusedToTalk,
            Self::Qualified => OutcomeKind::Qualified,
            Self::Deferred { .. } => OutcomeKind::Deferred,
            Self::RefusedToBuy { .. } => OutcomeKind::RefusedToBuy,
            Self::Converted { .. } => OutcomeKind::Converted,
        }
    }

    /// The reason, if there is any.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        if let Self::RefusedToBuy { reason } = self { reason.as_deref() } else { None }
    }

    /// The revenue in minor units with its currency, if there is any.
    #[must_use]
    pub const fn revenue(&self) -> Option<(i64, Currency)> {
        if let Self::Converted { revenue } = self { Some((revenue.minor, revenue.currency)) } else { None }
    }
}

text_enum! {
    /// What to do next.
    NextStepKind {
        /// Call.
        Call = "CALL",
        /// Write.
        Mail = "MAIL",
        /// Meet.
        Meeting = "MEETING",
    }
}

/// What to do next, when, and who does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What.
    pub kind: NextStepKind,
    /// When.
    pub due_at: Timestamp,
    /// Who; nobody in particular otherwise.
    pub agent: Option<UserId>,
    /// What to remember; at most [`MAX_NOTE_CHARS`] characters.
    pub note: Option<String>,
}

impl NextStep {
    /// The step with its note trimmed; refused when it lies in the past or too far ahead, or the note is no note.
    pub fn checked(self, now: Timestamp) -> Result<Self, Refusal> {
        ahead("dueAt", self.due_at, now)?;
        let note = self.note.map(|text| note("note", &text)).transpose()?;
        Ok(Self { note, ..self })
    }
}

/// A short text at `field`, trimmed.
pub fn note(field: &str, text: &str) -> Result<String, Refusal> {
    let text = check_text(field, text)?;
    if text.chars().count() > MAX_NOTE_CHARS {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_NOTE_CHARS} characters")).at(field));
    }
    Ok(text)
}

fn ahead(field: &str, instant: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if instant <= now {
        return Err(Refusal::invalid(field, "a time in the future"));
    }
    if instant > plus_secs(now, MAX_AHEAD_SECS) {
        return Err(Refusal::new(Code::TooLarge, "at most three years ahead").at(field));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T09:00:00Z".parse().unwrap()
    }

    fn report(kind: OutcomeKind) -> Report {
        Report { kind, until: None, reason: None, revenue: None }
    }

    fn codes(report: Report) -> Vec<(Code, String)> {
        report.outcome(now()).unwrap_err().into_iter().map(|r| (r.code, r.path.join("."))).collect()
    }

    #[test]
    fn each_kind_takes_what_belongs_to_it() {
        let revenue = Money::new(12_000, Currency::EUR);
        let until = plus_secs(now(), 60);
        assert_eq!(report(OutcomeKind::NoAnswer).outcome(now()), Ok(Outcome::NoAnswer));
        let converted = Report { revenue: Some(revenue), ..report(OutcomeKind::Converted) }.outcome(now()).unwrap();
        assert_eq!((converted.kind(), converted.revenue()), (OutcomeKind::Converted, Some((12_000, Currency::EUR))));
        let deferred = Report { until: Some(until), ..report(OutcomeKind::Deferred) };
        assert_eq!(deferred.outcome(now()), Ok(Outcome::Deferred { until }));
        assert_eq!(codes(report(OutcomeKind::Converted)), [(Code::Required, "revenue".to_owned())]);
        assert_eq!(codes(report(OutcomeKind::Deferred)), [(Code::Required, "until".to_owned())]);
        assert_eq!(codes(Report { until: Some(now()), ..report(OutcomeKind::Deferred) }), [(Code::Invalid, "until".to_owned())]);
        let stray = Report { until: Some(until), revenue: Some(revenue), ..report(OutcomeKind::Contacted) };
        assert_eq!(codes(stray), [(Code::Invalid, "until".to_owned()), (Code::Invalid, "revenue".to_owned())]);
    }

    #[test]
    fn an_outcome_is_written_without_its_reason() {
        let refused =
            Report { reason: Some(" Ada has one ".into()), ..report(OutcomeKind::RefusedToBuy) }.outcome(now()).unwrap();
        assert_eq!(refused.reason(), Some("Ada has one"));
        assert_eq!(serde_json::to_string(&refused).unwrap(), r#"{"kind":"REFUSED_TO_BUY"}"#);
        let read: Outcome = serde_json::from_str(r#"{"kind":"REFUSED_TO_BUY"}"#).unwrap();
        assert_eq!((read.kind(), read.reason()), (OutcomeKind::RefusedToBuy, None));
    }

    #[test]
    fn a_step_lies_ahead_but_not_beyond_three_years() {
        let step =
            |secs| NextStep { kind: NextStepKind::Call, due_at: plus_secs(now(), secs), agent: None, note: Some(" x ".into()) };
        assert_eq!(step(1).checked(now()).unwrap().note.as_deref(), Some("x"));
        assert_eq!(step(0).checked(now()).unwrap_err().code, Code::Invalid);
        assert!(step(MAX_AHEAD_SECS).checked(now()).is_ok());
        assert_eq!(step(MAX_AHEAD_SECS + 1).checked(now()).unwrap_err().code, Code::TooLarge);
        assert!(note("note", &"n".repeat(MAX_NOTE_CHARS)).is_ok());
        assert_eq!(note("note", &"n".repeat(MAX_NOTE_CHARS + 1)).unwrap_err().code, Code::TooLarge);
    }
}
