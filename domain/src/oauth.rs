//! Access tokens of other systems: when one is renewed, by whom, and when that is tried again.

use std::str::FromStr;

use chrono::TimeDelta;

use crate::access::{UnknownText, text_enum};
use crate::time::{Timestamp, listed_pause_secs, plus_secs};
use serde::{Deserialize, Serialize};

/// How long before its end a token is renewed at the most, in seconds.
const AHEAD_SECS: i64 = 300;
/// The part of its life that a short-lived token is renewed ahead.
const AHEAD_PART: i64 = 5;
/// How long whoever finds another at work waits, in seconds.
const BUSY_SECS: i64 = 1;
/// The pauses after the first, the second, ... time without a decision, in seconds; the last one repeats.
const PAUSES_SECS: &[i64] = &[5, 30, 120, 600];
/// The pause after a refusal, in seconds: only somebody's hand mends it, which then need not wait.
const REFUSED_SECS: i64 = 3_600;

text_enum! {
    /// Why an access token could not be renewed.
    OauthFault {
        /// The refresh token, or the account's leave, holds no more: authorise the app anew and give the new `refresh_token`.
        InvalidGrant = "INVALID_GRANT",
        /// The id or the secret of the app is wrong.
        InvalidClient = "INVALID_CLIENT",
        /// The token endpoint refuses for another reason.
        Refused = "REFUSED",
        /// The token endpoint's answer holds no token that can be used.
        Unreadable = "UNREADABLE",
        /// The token endpoint did not answer, or asks to come back later: this is tried again soon.
        NoAnswer = "NO_ANSWER",
    }
}

impl OauthFault {
    /// Whether asking again is in vain until somebody changes something.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::NoAnswer)
    }
}

text_enum! {
    /// How a destination stands with its access token.
    OauthState {
        /// None was needed yet: the first lead gets one.
        New = "NEW",
        /// There is one, and it is renewed in time.
        Granted = "GRANTED",
        /// It could not be renewed, and this is tried again soon.
        Failing = "FAILING",
        /// It cannot be renewed until somebody changes something: `fault` says what.
        Broken = "BROKEN",
    }
}

/// Where the access token of a destination stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPlace {
    /// Counts the tokens that there were.
    pub version: i64,
    /// Since when there is this one; `None` before the first.
    pub granted_at: Option<Timestamp>,
    /// When it ends, where that is known.
    pub expires_at: Option<Timestamp>,
    /// When it is to be renewed, where its end is known.
    pub renew_at: Option<Timestamp>,
    /// Until when somebody renews it.
    pub leased_until: Option<Timestamp>,
    /// How often renewing it has failed since it last did not.
    pub failed: i64,
    /// Before when it is not tried again.
    pub retry_at: Option<Timestamp>,
    /// Why it failed last.
    pub fault: Option<OauthFault>,
}

/// What is to be done about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTurn {
    /// It holds.
    Use,
    /// It is to be renewed first.
    Renew,
    /// Somebody renews it: come back then.
    Wait(Timestamp),
    /// It cannot be had before then.
    Fail(Timestamp),
}

impl TokenPlace {
    /// Before the first token, and after one that is void.
    #[must_use]
    pub const fn new(version: i64) -> Self {
        Self {
            version,
            granted_at: None,
            expires_at: None,
            renew_at: None,
            leased_until: None,
            failed: 0,
            retry_at: None,
            fault: None,
        }
    }

    /// What is to be done at `now`. `refused` is the version of a token that the other side did not take; whoever is `hurried` does not heed a
    /// pause.
    #[must_use]
    pub fn turn(&self, refused: Option<i64>, hurried: bool, now: Timestamp) -> TokenTurn {
        let is_refused = refused == Some(self.version);
        let is_alive = !is_refused && self.is_alive(now);
        if is_alive && self.renew_at.is_none_or(|at| now < at) {
            return TokenTurn::Use;
        }
        // The old token may end with the use of its refresh token: nobody goes on with it meanwhile.
        if self.leased_until.is_some_and(|until| now < until) {
            return TokenTurn::Wait(plus_secs(now, BUSY_SECS));
        }
        match self.retry_at.filter(|at| !hurried && now < *at) {
            None => TokenTurn::Renew,
            Some(_) if is_alive => TokenTurn::Use,
            Some(at) => TokenTurn::Fail(at),
        }
    }

    /// Whether there is a token whose end has not come.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.granted_at.is_some() && self.expires_at.is_none_or(|at| now < at)
    }

    /// As its destination's owner sees it.
    #[must_use]
    pub fn state(&self) -> OauthState {
        match (self.fault, self.granted_at) {
            (Some(fault), _) if fault.is_final() => OauthState::Broken,
            (Some(_), _) => OauthState::Failing,
            (None, Some(_)) => OauthState::Granted,
            (None, None) => OauthState::New,
        }
    }

    /// With a new token, asked for at `asked_at`, that lives `life_secs`, where that is known.
    #[must_use]
    pub fn granted(&self, asked_at: Timestamp, life_secs: Option<i64>) -> Self {
        let ahead = |life: i64| life.saturating_sub(AHEAD_SECS.min(life.saturating_div(AHEAD_PART)));
        Self {
            granted_at: Some(asked_at),
            expires_at: life_secs.map(|life| plus_secs(asked_at, life)),
            renew_at: life_secs.map(|life| plus_secs(asked_at, ahead(life))),
            ..Self::new(self.version.saturating_add(1))
        }
    }

    /// After a failure. `asked_secs` is what the other side asks for.
    #[must_use]
    pub fn failed(&self, fault: OauthFault, asked_secs: Option<i64>, now: Timestamp) -> Self {
        let failed = self.failed.saturating_add(1);
        let pause = match asked_secs {
            _ if fault.is_final() => REFUSED_SECS,
            Some(secs) => secs.max(1),
            None => listed_pause_secs(PAUSES_SECS, failed),
        };
        Self { leased_until: None, failed, retry_at: Some(plus_secs(now, pause)), fault: Some(fault), ..*self }
    }

    /// With new settings: what there is, is renewed before it is used, without a pause.
    #[must_use]
    pub fn renewed_first(&self, now: Timestamp) -> Self {
        let ended = self.granted_at.map(|_| now);
        Self { expires_at: ended, renew_at: ended, failed: 0, retry_at: None, fault: None, ..*self }
    }

    /// Whether the refresh token has rested for so long that it is used, lest it end.
    #[must_use]
    pub fn rested(&self, rest_secs: i64, now: Timestamp) -> bool {
        self.granted_at.is_some_and(|at| now.signed_duration_since(at) >= TimeDelta::seconds(rest_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        plus_secs("2026-03-02T09:00:00Z".parse().unwrap(), secs)
    }

    #[test]
    fn a_token_is_renewed_ahead_of_its_end() {
        let new = TokenPlace::new(0);
        assert_eq!((new.turn(None, false, at(0)), new.state()), (TokenTurn::Renew, OauthState::New));
        let hour = new.granted(at(0), Some(3_600));
        assert_eq!((hour.version, hour.state()), (1, OauthState::Granted));
        assert_eq!(hour.turn(None, false, at(3_299)), TokenTurn::Use);
        assert_eq!(hour.turn(None, false, at(3_300)), TokenTurn::Renew);
        assert_eq!(new.granted(at(0), Some(10)).turn(None, false, at(8)), TokenTurn::Renew);
        // Without an end it is used until it is refused, and that counts for this token alone.
        let endless = new.granted(at(0), None);
        assert_eq!(endless.turn(None, false, at(1 << 30)), TokenTurn::Use);
        assert_eq!(endless.turn(Some(1), false, at(1)), TokenTurn::Renew);
        assert_eq!(endless.turn(Some(0), false, at(1)), TokenTurn::Use);
    }

    #[test]
    fn one_renews_and_the_others_wait() {
        let leased = TokenPlace { leased_until: Some(at(30)), ..TokenPlace::new(0).granted(at(-3_600), Some(3_600)) };
        assert_eq!(leased.turn(None, true, at(0)), TokenTurn::Wait(at(1)));
        assert_eq!(leased.turn(None, false, at(30)), TokenTurn::Renew);
    }

    #[test]
    fn what_fails_is_tried_again_with_growing_pauses() {
        let mut place = TokenPlace::new(3);
        let mut pauses = Vec::new();
        for _ in 0..5 {
            place = place.failed(OauthFault::NoAnswer, None, at(0));
            pauses.push((place.retry_at.unwrap() - at(0)).num_seconds());
        }
        assert_eq!(
            (pauses.as_slice(), place.state(), place.version),
            ([5, 30, 120, 600, 600].as_slice(), OauthState::Failing, 3)
        );
        assert_eq!(place.turn(None, false, at(599)), TokenTurn::Fail(at(600)));
        assert_eq!((place.turn(None, true, at(1)), place.turn(None, false, at(600))), (TokenTurn::Renew, TokenTurn::Renew));
        assert_eq!(place.failed(OauthFault::NoAnswer, Some(7), at(0)).retry_at, Some(at(7)));
        let broken = place.failed(OauthFault::InvalidGrant, Some(7), at(0));
        assert_eq!((broken.retry_at, broken.state()), (Some(at(3_600)), OauthState::Broken));
        // What cannot be renewed ahead is used to its end.
        let old = TokenPlace::new(0).granted(at(0), Some(3_600)).failed(OauthFault::NoAnswer, Some(600), at(3_400));
        assert_eq!(
            (old.turn(None, false, at(3_500)), old.turn(None, false, at(3_600))),
            (TokenTurn::Use, TokenTurn::Fail(at(4_000)))
        );
        let mended = broken.renewed_first(at(1));
        assert_eq!((mended.turn(None, false, at(1)), mended.state()), (TokenTurn::Renew, OauthState::New));
    }

    #[test]
    fn a_refresh_token_does_not_rest_for_too_long() {
        assert!(!TokenPlace::new(0).rested(60, at(100)));
        let place = TokenPlace::new(0).granted(at(0), Some(10));
        assert_eq!((place.rested(60, at(59)), place.rested(60, at(60))), (false, true));
    }
}
