//! The checks of intake, in their order, and the ones that need facts from the exchange.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Check, CheckKind, Finding, Outcome, channel, form, interaction, plausibility};
use crate::contact::KeyKind;
use crate::lead::{Channel, Lead};
use crate::time::{Timestamp, plus_secs, secs_until};
use crate::vertical::{AttributeValue, Definition};

/// Limits of the checks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckPolicy {
    /// How long the seller who brought a person first is protected, in seconds.
    pub duplicate_window_secs: i64,
    /// A form sent sooner than this many seconds after the page was opened was filled by a program.
    pub bot_secs: u32,
    /// Milliseconds that a person needs, at the least, to type a field.
    pub typing_millis_per_field: u32,
    /// A form sent later than this many seconds after the page was opened is odd.
    pub stale_form_secs: u32,
    /// From this share of pasted fields on, in percent, the form was pasted.
    pub pasted_percent: u64,
    /// Leads of one device in 24 hours, from which on they come from a paid form-filler.
    pub device_leads_day: u64,
    /// Leads of one address in 24 hours, from which on they are odd.
    pub ip_leads_day: u64,
    /// Hosted forms from one address and browser in an hour, from which on they come from a paid form-filler.
    pub form_fills_hour: u64,
    /// Characters that the text of a consent has at the least.
    pub consent_min_chars: usize,
    /// Age of a consent, in seconds, from which on it is void.
    pub consent_max_age_secs: i64,
}

impl Default for CheckPolicy {
    fn default() -> Self {
        Self {
            duplicate_window_secs: 30 * 86_400,
            bot_secs: 3,
            typing_millis_per_field: 600,
            stale_form_secs: 86_400,
            pasted_percent: 80,
            device_leads_day: 4,
            ip_leads_day: 30,
            form_fills_hour: 10,
            consent_min_chars: 20,
            consent_max_age_secs: 365 * 86_400,
        }
    }
}

/// An earlier lead of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Whether the same seller brought it.
    pub own: bool,
    /// The ways to reach the person that both leads share.
    pub shared: BTreeSet<KeyKind>,
    /// When it was brought.
    pub brought_at: Timestamp,
}

/// What the exchange knows around a lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The earliest other lead of the same person that stands in this one's way: it is for sale, was sold or was proved fake
    /// inside the window.
    pub earlier: Option<Earlier>,
    /// Ways to reach the person that stand on a do-not-contact list.
    pub suppressed: BTreeSet<Channel>,
    /// Other leads from the same device within 24 hours, counted up to the policy's threshold.
    pub device_leads_day: u64,
    /// Other leads from the same address within 24 hours, counted up to the policy's threshold.
    pub ip_leads_day: u64,
    /// Organizations whose people write from the lead's mail domain, where that is no known provider's.
    pub domain_traders: u64,
}

/// Every check that needs no one but the exchange, in the order of [`CheckKind`].
#[must_use]
pub fn checks_at_intake(lead: &Lead, definition: &Definition, facts: &Facts, policy: &CheckPolicy, now: Timestamp) -> Vec<Check> {
    let contact = &lead.sealed.contact;
    let session = lead.session();
    let texts = lead.texts();
    [
        Some(structure(lead, definition)),
        channel::phone(contact),
        channel::email_syntax(contact, lead.audience),
        channel::disposable_domain(contact),
        Some(duplicate(facts, now)),
        Some(suppression(facts)),
        Some(consent(lead, policy, now)),
        Some(plausibility::name(contact)),
        Some(plausibility::answers(&lead.demographics(), texts)),
        form::form_timing(&session, policy),
        form::honeypot(&session),
        form::velocity(&session, facts, policy),
        interaction::interaction(&session, policy),
        plausibility::competitor(contact, facts),
    ]
    .into_iter()
    .flatten()
    .map(|finding| finding.at(now))
    .collect()
}

/// Whether the record is complete: how much of the vertical's schema is answered, and whether the person is old enough.
#[must_use]
pub fn structure(lead: &Lead, definition: &Definition) -> Finding {
    let answered = definition.attributes.iter().filter(|attribute| lead.answers(&attribute.key)).count();
    let young = matches!((definition.minimum_age, lead.sealed.age), (Some(least), Some(age)) if age < least);
    let outcome = if young { Outcome::Fail } else { Outcome::Pass };
    let finding = Finding::new(CheckKind::Structure, outcome)
        .because("answered", answered)
        .because("attributes", definition.attributes.len())
        .because("channels", lead.channels.len());
    if young { finding.because("fault", "UNDER_AGE") } else { finding }
}

/// Whether another lead of the person stands in the way.
#[must_use]
pub fn duplicate(facts: &Facts, now: Timestamp) -> Finding {
    let Some(earlier) = &facts.earlier else { return Finding::new(CheckKind::Duplicate, Outcome::Pass) };
    let shared: Vec<&str> = earlier.shared.iter().map(|kind| kind.as_str()).collect();
    let days = secs_until(earlier.brought_at, now).checked_div(86_400).unwrap_or(0);
    Finding::new(CheckKind::Duplicate, Outcome::Fail)
        .because("broughtBy", if earlier.own { "SAME_SELLER" } else { "ANOTHER_SELLER" })
        .because("shared", shared.join(","))
        .because("daysAgo", days)
}

/// Whether the person is on no do-not-contact list.
#[must_use]
pub fn suppression(facts: &Facts) -> Finding {
    if facts.suppressed.is_empty() {
        return Finding::new(CheckKind::Suppression, Outcome::Pass);
    }
    let listed: Vec<&str> = facts.suppressed.iter().map(|channel| channel.as_str()).collect();
    Finding::new(CheckKind::Suppression, Outcome::Fail).because("listed", listed.join(","))
}

/// Whether there is evidence that the person agreed to be contacted, on at least one way that the lead names.
#[must_use]
pub fn consent(lead: &Lead, policy: &CheckPolicy, now: Timestamp) -> Finding {
    let fault = |outcome, fact: &str| Finding::new(CheckKind::Consent, outcome).because("fault", fact);
    let Some(consent) = &lead.consent else { return fault(Outcome::Fail, "NONE") };
    let short = consent.text.trim().chars().count() < policy.consent_min_chars;
    let certified = consent.certificate_url.is_some();
    if short && !certified {
        return fault(Outcome::Fail, "NO_TEXT");
    }
    if lead.channels.iter().all(|channel| consent.refused_channels.contains(channel)) {
        return fault(Outcome::Fail, "EVERY_CHANNEL_REFUSED");
    }
    let Some(agreed_at) = consent.captured_at else { return fault(Outcome::Inconclusive, "NO_TIME") };
    if plus_secs(agreed_at, policy.consent_max_age_secs) <= now {
        return fault(Outcome::Fail, "TOO_OLD");
    }
    // A clock at the seller may be off by minutes; a consent of another day belongs to something else.
    if agreed_at > plus_secs(lead.captured_at, 3_600) {
        return fault(Outcome::Inconclusive, "AFTER_THE_LEAD");
    }
    if short {
        return fault(Outcome::Inconclusive, "CERTIFICATE_ONLY");
    }
    if !lead.source.kind.offline() && consent.page_url.is_none() && !certified {
        return fault(Outcome::Inconclusive, "NO_PAGE");
    }
    let trace = &lead.sealed.trace;
    if matches!((&trace.consent_ip, &trace.ip), (Some(agreed), Some(filled)) if agreed != filled) {
        return fault(Outcome::Inconclusive, "ANOTHER_ADDRESS");
    }
    let finding = Finding::new(CheckKind::Consent, Outcome::Pass).because("certificate", certified);
    match &consent.text_version {
        Some(version) => finding.because("textVersion", version),
        None => finding,
    }
}

impl Lead {
    /// Whether the vertical's attribute `key` has a value.
    #[must_use]
    pub fn answers(&self, key: &str) -> bool {
        self.attributes.contains_key(key) || self.sealed.identifying.contains_key(key)
    }

    /// What the person wrote in words of their own.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        let values = self.attributes.values().chain(self.sealed.identifying.values());
        let texts = values.filter_map(|value| match value {
            AttributeValue::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.chain(self.sealed.comments.as_deref()).collect()
    }
}
