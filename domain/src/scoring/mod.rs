//! The score of a lead: points from 0 to 100, each with its reason, and the temperature that they give.

mod weights;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use weights::{FitRule, Weights};

use crate::access::{UnknownText, text_enum};
use crate::lead::{ContactKind, Interest, Lead, SourceKind, Temperature};
use crate::time::{Timestamp, plus_secs, secs_until};
use crate::verification::{Check, CheckKind, Level, Outcome, is_discreet};
use crate::vertical::{AttributeValue, Definition};

text_enum! {
    /// What gives or takes points.
    Factor {
        /// The level of verification.
        Verification = "VERIFICATION",
        /// What the person asked for.
        Intent = "INTENT",
        /// How long ago they asked.
        Recency = "RECENCY",
        /// Where the lead came from.
        Source = "SOURCE",
        /// How much is answered.
        Completeness = "COMPLETENESS",
        /// Comments, a time to call, visits, time spent.
        Engagement = "ENGAGEMENT",
        /// An attribute that the vertical's weights reward or punish.
        Fit = "FIT",
        /// A check that did not pass.
        Doubt = "DOUBT",
        /// What the sum went beyond 0 or 100.
        Limit = "LIMIT",
    }
}

/// Up to which age, in seconds, a lead gives which share of the points for recency, in percent.
const FRESHNESS: &[(i64, i64, &str)] = &[
    (3_600, 100, "left within the hour"),
    (86_400, 80, "left within a day"),
    (259_200, 60, "left within three days"),
    (604_800, 40, "left within a week"),
    (2_592_000, 20, "left within thirty days"),
];

/// One contribution to a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// What gives or takes the points.
    pub factor: Factor,
    /// Points, below zero when they are taken.
    pub points: i64,
    /// Why, for people; never a personal datum.
    pub reason: String,
}

/// A score: the contributions add up to the points exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// 0 to 100.
    pub points: i64,
    /// What the points mean.
    pub temperature: Temperature,
    /// Every contribution.
    pub contributions: Vec<Contribution>,
}

/// Scores a lead that has reached `level` by `checks`, as of `now`, under `weights`: the vertical's own, as the exchange's
/// settings have them.
#[must_use]
pub fn score(lead: &Lead, definition: &Definition, weights: &Weights, checks: &[Check], level: Level, now: Timestamp) -> Score {
    let mut contributions = vec![
        part(Factor::Verification, weights.verification, verification_percent(level), format!("level {}", level.as_str())),
        part(Factor::Intent, weights.intent, intent_percent(lead.interest), format!("asked for {}", lead.interest.as_str())),
        recency(lead, weights, now),
        part(Factor::Source, weights.source, source_percent(lead.source.kind), format!("came by {}", lead.source.kind.as_str())),
        completeness(lead, definition, weights),
        engagement(lead, weights),
    ];
    contributions.extend(weights.rules.iter().filter(|rule| rule.holds(&lead.attributes)).map(|rule| Contribution {
        factor: Factor::Fit,
        points: rule.points,
        reason: rule.reason(),
    }));
    contributions.extend(doubts(checks, weights));
    settled(contributions, weights)
}

/// A score of which only the age of its lead, whose date is known, has changed, as of `now`.
#[must_use]
pub fn aged(contributions: &[Contribution], captured_at: Timestamp, weights: &Weights, now: Timestamp) -> Score {
    let kept = contributions.iter().filter(|part| part.factor != Factor::Limit);
    let renewed = |part: &Contribution| match part.factor {
        Factor::Recency => freshness(captured_at, weights, now),
        _ => part.clone(),
    };
    settled(kept.map(renewed).collect(), weights)
}

/// The first instant after `now` from which on a lead is less fresh; `None` for one that is as old as can be.
#[must_use]
pub fn fresh_until(captured_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let age = secs_until(captured_at, now);
    let limit = FRESHNESS.iter().find(|(limit, ..)| age <= *limit);
    limit.map(|(limit, ..)| plus_secs(captured_at, limit.saturating_add(1)))
}

/// The score that contributions add up to, held between 0 and 100.
fn settled(mut contributions: Vec<Contribution>, weights: &Weights) -> Score {
    let sum = contributions.iter().fold(0_i64, |sum, part| sum.saturating_add(part.points));
    let points = sum.clamp(0, 100);
    let beyond = points.saturating_sub(sum);
    if beyond != 0 {
        let reason = if beyond < 0 { "a score ends at 100" } else { "a score begins at 0" };
        contributions.push(Contribution { factor: Factor::Limit, points: beyond, reason: reason.to_owned() });
    }
    Score { points, temperature: temperature(points, weights), contributions }
}

/// What `points` mean under `weights`.
#[must_use]
pub fn temperature(points: i64, weights: &Weights) -> Temperature {
    if weights.hot_from.is_some_and(|hot| points >= hot) {
        Temperature::Hot
    } else if weights.warm_from.is_some_and(|warm| points >= warm) {
        Temperature::Warm
    } else {
        Temperature::Cold
    }
}

/// `percent` of `most`, rounded down.
fn part(factor: Factor, most: i64, percent: i64, reason: String) -> Contribution {
    let points = most.saturating_mul(percent).checked_div(100).unwrap_or(0);
    Contribution { factor, points, reason }
}

const fn verification_percent(level: Level) -> i64 {
    match level {
        Level::None => 0,
        Level::Format => 40,
        Level::Reachable => 60,
        Level::Confirmed => 90,
        Level::Spoken => 100,
    }
}

const fn intent_percent(interest: Interest) -> i64 {
    match interest {
        Interest::Order => 100,
        Interest::PreOrder => 90,
        Interest::Cart => 85,
        Interest::Visit => 80,
        Interest::Callback => 75,
        Interest::Advice => 60,
        Interest::Questionnaire => 50,
        Interest::Message => 45,
        Interest::SignUp => 35,
        Interest::Download => 25,
        Interest::Subscription => 15,
    }
}

const fn source_percent(kind: SourceKind) -> i64 {
    match kind {
        SourceKind::Referral => 100,
        SourceKind::SearchOrganic => 90,
        SourceKind::SearchAd | SourceKind::Direct => 85,
        SourceKind::Chat => 80,
        SourceKind::Exhibition | SourceKind::Conference => 70,
        SourceKind::Email => 60,
        SourceKind::Social | SourceKind::SocialAd => 50,
        SourceKind::Promotion => 45,
        SourceKind::PartnerNetwork | SourceKind::Banner => 40,
        SourceKind::Mailing => 35,
        SourceKind::Teaser => 20,
        SourceKind::ColdCall => 10,
    }
}

fn recency(lead: &Lead, weights: &Weights, now: Timestamp) -> Contribution {
    if lead.dated {
        freshness(lead.captured_at, weights, now)
    } else {
        part(Factor::Recency, weights.recency, 0, "left nobody knows when".to_owned())
    }
}

fn freshness(captured_at: Timestamp, weights: &Weights, now: Timestamp) -> Contribution {
    let age = secs_until(captured_at, now);
    let fresh = FRESHNESS.iter().find(|(limit, ..)| age <= *limit);
    let (percent, reason) = fresh.map_or((0, "left more than thirty days ago"), |(_, percent, reason)| (*percent, *reason));
    part(Factor::Recency, weights.recency, percent, reason.to_owned())
}

fn completeness(lead: &Lead, definition: &Definition, weights: &Weights) -> Contribution {
    let asked = definition.attributes.len().saturating_add(5);
    let core = ["age_band", "occupation", "education", "income_band", "industry", "headcount_band", "decision_role", "gender"];
    let schema = definition.attributes.iter().filter(|attribute| lead.answers(&attribute.key)).count();
    let about = core.iter().filter(|key| lead.attributes.contains_key(**key)).count();
    let ways = lead.channels.len().saturating_sub(1);
    let place = usize::from(lead.city.is_some());
    let answered = schema.saturating_add(about).saturating_add(ways).saturating_add(place).min(asked);
    let percent = answered.saturating_mul(100).checked_div(asked).and_then(|percent| i64::try_from(percent).ok()).unwrap_or(0);
    part(Factor::Completeness, weights.completeness, percent, format!("{answered} of {asked} answers"))
}

fn engagement(lead: &Lead, weights: &Weights) -> Contribution {
    let signs = [
        (lead.sealed.comments.is_some(), 35, "wrote comments"),
        (lead.sealed.call_me_at.is_some(), 35, "named a time to call"),
        (lead.form.visits.unwrap_or(0) >= 2, 20, "came back"),
        (lead.form.site_secs.unwrap_or(0) >= 300, 25, "spent five minutes"),
        (lead.form.time_on_page_secs.unwrap_or(0) >= 45, 15, "filled the form with care"),
        (lead.contact_kind == ContactKind::Interested, 20, "filled a questionnaire"),
    ];
    let seen: Vec<_> = signs.into_iter().filter(|(there, ..)| *there).collect();
    let percent = seen.iter().fold(0_i64, |sum, (_, percent, _)| sum.saturating_add(*percent)).min(100);
    let reasons: Vec<&str> = seen.iter().map(|(.., reason)| *reason).collect();
    let reason = if reasons.is_empty() { "no sign beyond the form".to_owned() } else { reasons.join(", ") };
    part(Factor::Engagement, weights.engagement, percent, reason)
}

fn doubts<'a>(checks: &'a [Check], weights: &'a Weights) -> impl Iterator<Item = Contribution> + 'a {
    let last = |kind: CheckKind| checks.iter().rev().find(|check| check.kind == kind);
    CheckKind::ALL.iter().copied().filter_map(last).filter_map(|check| {
        let points = match check.outcome {
            Outcome::Fail => weights.failed_check,
            // A domain or a certificate that cannot be looked up says nothing about the person.
            Outcome::Inconclusive if !matches!(check.kind, CheckKind::MailDomain | CheckKind::Certificate) => weights.odd_check,
            Outcome::Pass | Outcome::Inconclusive => return None,
        };
        // A seller reads the reasons, and must not learn from them who else has the person.
        let kind = if is_discreet(check.kind) { "AVAILABILITY" } else { check.kind.as_str() };
        let reason = format!("{kind} is {}", check.outcome.as_str());
        (points != 0).then_some(Contribution { factor: Factor::Doubt, points, reason })
    })
}

fn shown(value: &AttributeValue) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests;
