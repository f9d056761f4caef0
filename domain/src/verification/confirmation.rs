//! A code and a link, sent to the person: whoever gives one of them back holds the channel.

use serde::Deserialize;

use super::{Check, Outcome};
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs};

/// Limits of confirmations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfirmationPolicy {
    /// How long code and link work, in seconds.
    pub ttl_secs: i64,
    /// Wrong answers until the confirmation is spent.
    pub max_attempts: i64,
    /// Confirmations that one person may be sent in 24 hours, whoever asks for them: the person must not be pestered.
    pub max_sends_day: u64,
    /// Confirmations that one seller may have sent in 24 hours.
    pub max_seller_sends_day: u64,
}

impl Default for ConfirmationPolicy {
    fn default() -> Self {
        Self { ttl_secs: 86_400, max_attempts: 5, max_sends_day: 3, max_seller_sends_day: 5_000 }
    }
}

/// A confirmation as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// Wrong answers so far.
    pub attempts: i64,
    /// The first instant at which code and link no longer work.
    pub expires_at: Timestamp,
    /// When the person answered, if they did.
    pub confirmed_at: Option<Timestamp>,
}

/// What an answer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfirmationAnswer {
    /// The person holds the channel.
    Confirmed,
    /// It was confirmed before: a link is often followed twice.
    AlreadyConfirmed,
    /// The answer is wrong: count it, then refuse.
    Wrong(Refusal),
}

impl Confirmation {
    /// A confirmation sent at `now`.
    #[must_use]
    pub fn sent(now: Timestamp, policy: &ConfirmationPolicy) -> Self {
        Self { attempts: 0, expires_at: plus_secs(now, policy.ttl_secs), confirmed_at: None }
    }
}

/// Whether the person behind a lead with these checks may be sent a message: not when one of them protects the person or
/// another seller from this lead.
pub fn may_message(checks: &[Check]) -> Result<(), Refusal> {
    let against = |check: &&Check| check.outcome == Outcome::Fail && check.kind.is_absolute();
    if checks.iter().any(|check| against(&check)) {
        return Err(Refusal::wrong_state("the person behind this lead must not be sent messages"));
    }
    Ok(())
}

/// Judges an answer that `matches` the code or link, or does not. Refused without being counted: after expiry, and when the
/// attempts are used up.
pub fn confirmation_answer(
    confirmation: Confirmation,
    matches: bool,
    now: Timestamp,
    policy: &ConfirmationPolicy,
) -> Result<ConfirmationAnswer, Refusal> {
    if confirmation.attempts >= policy.max_attempts {
        return Err(Refusal::new(Code::RateLimited, "too many wrong codes; ask for a new one"));
    }
    if confirmation.confirmed_at.is_some() {
        return Ok(if matches { ConfirmationAnswer::AlreadyConfirmed } else { ConfirmationAnswer::Wrong(wrong()) });
    }
    if now >= confirmation.expires_at {
        return Err(Refusal::new(Code::OutsideWindow, "the code has expired; ask for a new one"));
    }
    Ok(if matches { ConfirmationAnswer::Confirmed } else { ConfirmationAnswer::Wrong(wrong()) })
}

fn wrong() -> Refusal {
    Refusal::invalid("code", "this is not the code that was sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_until_it_expires_or_is_guessed_too_often() {
        let policy = ConfirmationPolicy::default();
        let sent = Confirmation::sent(Timestamp::UNIX_EPOCH, &policy);
        let last = plus_secs(Timestamp::UNIX_EPOCH, policy.ttl_secs - 1);
        let answer = |confirmation, matches, now| confirmation_answer(confirmation, matches, now, &policy);
        assert_eq!(answer(sent, true, last), Ok(ConfirmationAnswer::Confirmed));
        assert_eq!(answer(sent, true, sent.expires_at).unwrap_err().code, Code::OutsideWindow);
        assert_eq!(answer(sent, false, last), Ok(ConfirmationAnswer::Wrong(wrong())));
        let guessed = Confirmation { attempts: 5, ..sent };
        assert_eq!(answer(guessed, true, last).unwrap_err().code, Code::RateLimited);
        let done = Confirmation { confirmed_at: Some(last), ..sent };
        assert_eq!(answer(done, true, sent.expires_at), Ok(ConfirmationAnswer::AlreadyConfirmed));
        assert_eq!(answer(done, false, last), Ok(ConfirmationAnswer::Wrong(wrong())));
    }
}
