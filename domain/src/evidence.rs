//! What both sides show, what the exchange knows by itself, and what follows from it when nobody rules.

pub mod weighing;

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::refusal::{Code, Refusal};
use crate::text::has_control_character;
use crate::time::{Timestamp, plus_secs};

/// The longest statement, in characters.
pub const MAX_TEXT_CHARS: usize = 5_000;

/// The longest call that can be logged, in seconds.
pub const MAX_CALL_SECS: i64 = 4 * 3600;

text_enum! {
    /// How a call ended.
    AttemptDisposition {
        /// The person answered and spoke.
        Answered = "ANSWERED",
        /// It rang, nobody answered.
        NoAnswer = "NO_ANSWER",
        /// The line was engaged.
        Busy = "BUSY",
        /// A machine answered.
        Voicemail = "VOICEMAIL",
        /// The network says that the number is out of service.
        OutOfService = "OUT_OF_SERVICE",
        /// Somebody else answered, who does not know the person.
        WrongPerson = "WRONG_PERSON",
        /// The person hung up or would not talk.
        RefusedToTalk = "REFUSED_TO_TALK",
    }
}

/// A call that a buyer made and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAttempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it lasted, in seconds.
    pub duration_secs: i64,
    /// How it ended.
    pub disposition: AttemptDisposition,
}

/// A call with the moment at which it was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedCall {
    /// The call, as the buyer says.
    pub attempt: CallAttempt,
    /// When the exchange was told of it, which nobody can choose afterwards.
    pub recorded_at: Timestamp,
}

impl CallAttempt {
    /// Refuses a call before the trade or in the future, one of impossible length, and an answered one of no length.
    pub fn check(&self, traded_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        if self.at < traded_at || self.at > now {
            return Err(Refusal::invalid("at", "a call between the trade and now"));
        }
        if !(0..=MAX_CALL_SECS).contains(&self.duration_secs) {
            return Err(Refusal::invalid("durationSecs", format!("0 to {MAX_CALL_SECS} seconds")));
        }
        if plus_secs(self.at, self.duration_secs) > now {
            return Err(Refusal::invalid("durationSecs", "the call would end in the future"));
        }
        if self.disposition == AttemptDisposition::Answered && self.duration_secs == 0 {
            return Err(Refusal::invalid("durationSecs", "an answered call lasts at least a second"));
        }
        Ok(())
    }

    /// Whether the call reached nobody.
    #[must_use]
    pub const fn reached_nobody(&self) -> bool {
        use AttemptDisposition as D;
        matches!(self.disposition, D::NoAnswer | D::Busy | D::Voicemail | D::OutOfService)
    }
}

/// What a claim needs that says nobody can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreachableRule {
    /// How old the trade must be, in seconds.
    pub min_age_secs: i64,
    /// Logged tries that reached nobody.
    pub min_attempts: usize,
    /// Different days on which those tries lie, and on which they were logged.
    pub min_days: usize,
    /// The buyer's time zone, which says what a day is.
    pub zone: Tz,
}

impl UnreachableRule {
    /// The rule for a buyer in `zone`: a day, three tries, two days.
    #[must_use]
    pub const fn in_zone(zone: Tz) -> Self {
        Self { min_age_secs: 24 * 3600, min_attempts: 3, min_days: 2, zone }
    }

    /// Refuses the claim while it is too early or too few tries are logged, or when a call did reach the person.
    pub fn check(&self, traded_at: Timestamp, calls: &[LoggedCall], now: Timestamp) -> Result<(), Refusal> {
        let from = plus_secs(traded_at, self.min_age_secs);
        if now < from {
            let message = format!("that nobody can be reached can be claimed from {}", from.to_rfc3339());
            return Err(Refusal::new(Code::OutsideWindow, message).at("detail"));
        }
        if calls.iter().any(|call| call.attempt.disposition == AttemptDisposition::Answered) {
            return Err(Refusal::invalid("detail", "your call log says that the person was reached"));
        }
        let tries: Vec<_> = calls.iter().filter(|call| call.attempt.reached_nobody()).collect();
        let called = self.days(tries.iter().map(|call| call.attempt.at));
        // Calls logged all at once could be of any day.
        let logged = self.days(tries.iter().map(|call| call.recorded_at));
        let days = called.min(logged);
        if tries.len() >= self.min_attempts && days >= self.min_days {
            return Ok(());
        }
        let message = format!(
            "this claim needs {} calls on {} days, each logged on its day, and there are {} on {days}: use `callAttemptLog`",
            self.min_attempts,
            self.min_days,
            tries.len(),
        );
        Err(Refusal::new(Code::Required, message).at("detail"))
    }

    fn days(&self, instants: impl Iterator<Item = Timestamp>) -> usize {
        instants.map(|at| at.with_timezone(&self.zone).date_naive()).collect::<BTreeSet<_>>().len()
    }
}

/// Refuses a statement that is blank, too long, or holds control characters other than line breaks and tabs.
pub fn check_text(field: &str, text: &str) -> Result<String, Refusal> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Refusal::required(field));
    }
    if trimmed.chars().count() > MAX_TEXT_CHARS {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_TEXT_CHARS} characters")).at(field));
    }
    if has_control_character(trimmed) {
        return Err(Refusal::invalid(field, "control characters are not text"));
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::plus_secs;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn missed(when: &str) -> CallAttempt {
        CallAttempt { at: at(when), duration_secs: 0, disposition: AttemptDisposition::NoAnswer }
    }

    fn logged(when: &str) -> LoggedCall {
        LoggedCall { attempt: missed(when), recorded_at: at(when) }
    }

    #[test]
    fn two_days_are_days_of_the_buyer() {
        let traded = at("2026-03-01T09:00:00Z");
        let now = at("2026-03-03T00:00:00Z");
        let calls = [logged("2026-03-01T21:30:00Z"), logged("2026-03-01T22:30:00Z"), logged("2026-03-01T23:30:00Z")];
        let kyiv = UnreachableRule::in_zone(chrono_tz::Europe::Kyiv);
        let utc = UnreachableRule::in_zone(chrono_tz::UTC);
        assert_eq!(kyiv.check(traded, &calls, now), Ok(()), "midnight in Kyiv is 22:00 UTC");
        assert_eq!(utc.check(traded, &calls, now).unwrap_err().code, Code::Required);
        assert_eq!(kyiv.check(traded, &calls[..2], now).unwrap_err().code, Code::Required);
    }

    #[test]
    fn calls_of_two_days_that_were_logged_at_once_are_of_one() {
        let (traded, now) = (at("2026-03-01T09:00:00Z"), at("2026-03-03T00:00:00Z"));
        let times = ["2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z", "2026-03-02T10:00:00Z"];
        let rule = UnreachableRule::in_zone(chrono_tz::UTC);
        let at_once = times.map(|when| LoggedCall { recorded_at: at("2026-03-02T11:00:00Z"), ..logged(when) });
        assert_eq!(rule.check(traded, &at_once, now).unwrap_err().code, Code::Required);
        assert_eq!(rule.check(traded, &times.map(logged), now), Ok(()));
    }

    #[test]
    fn the_first_day_is_too_early_to_the_microsecond() {
        let traded = at("2026-03-01T09:00:00Z");
        let calls = [logged("2026-03-01T21:30:00Z"), logged("2026-03-02T00:30:00Z"), logged("2026-03-02T08:30:00Z")];
        let rule = UnreachableRule::in_zone(chrono_tz::UTC);
        let due = plus_secs(traded, 86_400);
        let before = due - chrono::TimeDelta::microseconds(1);
        assert_eq!(rule.check(traded, &calls, before).unwrap_err().code, Code::OutsideWindow);
        assert_eq!(rule.check(traded, &calls, due), Ok(()));
    }

    #[test]
    fn a_person_who_answered_was_reached() {
        let traded = at("2026-03-01T09:00:00Z");
        let now = at("2026-03-04T09:00:00Z");
        let spoke = CallAttempt { at: at("2026-03-03T09:00:00Z"), duration_secs: 60, disposition: AttemptDisposition::Answered };
        let spoke = LoggedCall { attempt: spoke, recorded_at: now };
        let calls = [logged("2026-03-01T21:30:00Z"), logged("2026-03-02T00:30:00Z"), logged("2026-03-02T08:30:00Z"), spoke];
        assert_eq!(UnreachableRule::in_zone(chrono_tz::UTC).check(traded, &calls, now).unwrap_err().code, Code::Invalid);
    }

    #[test]
    fn impossible_calls_are_refused() {
        let (traded, now) = (at("2026-03-01T09:00:00Z"), at("2026-03-01T10:00:00Z"));
        let call = |when: &str, duration_secs| CallAttempt { duration_secs, ..missed(when) };
        assert!(call("2026-03-01T09:00:00Z", 0).check(traded, now).is_ok());
        assert!(call("2026-03-01T09:00:00Z", 3600).check(traded, now).is_ok());
        for bad in [
            call("2026-03-01T08:59:59Z", 0),
            call("2026-03-01T10:00:01Z", 0),
            call("2026-03-01T09:00:00Z", 3601),
            call("2026-03-01T09:00:00Z", -1),
            CallAttempt { disposition: AttemptDisposition::Answered, ..call("2026-03-01T09:00:00Z", 0) },
        ] {
            assert_eq!(bad.check(traded, now).unwrap_err().code, Code::Invalid, "{bad:?}");
        }
    }

    #[test]
    fn a_statement_has_an_end() {
        assert_eq!(check_text("text", "  dead \n"), Ok("dead".to_owned()));
        assert_eq!(check_text("text", " \n ").unwrap_err().code, Code::Required);
        assert!(check_text("text", &"é".repeat(MAX_TEXT_CHARS)).is_ok());
        assert_eq!(check_text("text", &"é".repeat(MAX_TEXT_CHARS + 1)).unwrap_err().code, Code::TooLarge);
        assert_eq!(check_text("text", "a\0b").unwrap_err().code, Code::Invalid);
    }
}
