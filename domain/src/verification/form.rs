//! Checks of how the form was filled: programs are too fast, paid form-fillers paste and come from few devices.

use super::{CheckKind, CheckPolicy, Facts, Finding, Outcome};
use crate::lead::SessionSignals;

/// Whether the form was filled no faster than a person can. `None` where the time is not known.
#[must_use]
pub fn form_timing(session: &SessionSignals, policy: &CheckPolicy) -> Option<Finding> {
    let secs = session.time_on_page_secs?;
    let fields = session.typed_fields.unwrap_or(0).saturating_add(session.pasted_fields.unwrap_or(0));
    let typed_millis = session.typed_fields.unwrap_or(0).saturating_mul(policy.typing_millis_per_field);
    let hurried = secs.saturating_mul(1_000) < typed_millis;
    let outcome = if secs < policy.bot_secs {
        Outcome::Fail
    } else if hurried || secs > policy.stale_form_secs {
        Outcome::Inconclusive
    } else {
        Outcome::Pass
    };
    Some(Finding::new(CheckKind::FormTiming, outcome).because("secs", secs).because("fields", fields))
}

/// Whether the field that people do not see was left empty. `None` where the page has no such field.
#[must_use]
pub fn honeypot(session: &SessionSignals) -> Option<Finding> {
    let filled = session.honeypot_filled?;
    let outcome = if filled { Outcome::Fail } else { Outcome::Pass };
    Some(Finding::new(CheckKind::Honeypot, outcome).because("filled", filled))
}

/// Whether the fields were not all pasted, and the device and address did not send many leads in a day. Many from one device
/// fail; many from one address are only odd, since companies and mobile networks share addresses.
#[must_use]
pub fn velocity(session: &SessionSignals, facts: &Facts, policy: &CheckPolicy) -> Option<Finding> {
    let typed = session.typed_fields.unwrap_or(0);
    let pasted = session.pasted_fields.unwrap_or(0);
    let known = session.typed_fields.is_some() || session.pasted_fields.is_some();
    if !known && session.device_id.is_none() && session.ip.is_none() {
        return None;
    }
    let all = typed.saturating_add(pasted);
    let mostly_pasted =
        pasted >= 3 && u64::from(pasted).saturating_mul(100) >= u64::from(all).saturating_mul(policy.pasted_percent);
    let device_busy = facts.device_leads_day >= policy.device_leads_day;
    let device_odd = facts.device_leads_day.saturating_mul(2) >= policy.device_leads_day;
    let address_busy = facts.ip_leads_day >= policy.ip_leads_day;
    let outcome = if device_busy || (mostly_pasted && device_odd) {
        Outcome::Fail
    } else if mostly_pasted || address_busy {
        Outcome::Inconclusive
    } else {
        Outcome::Pass
    };
    let finding = Finding::new(CheckKind::Velocity, outcome)
        .because("deviceLeadsDay", facts.device_leads_day)
        .because("addressLeadsDay", facts.ip_leads_day);
    Some(if known { finding.because("typedFields", typed).because("pastedFields", pasted) } else { finding })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(secs: u32, typed: u32, pasted: u32) -> SessionSignals {
        SessionSignals {
            time_on_page_secs: Some(secs),
            typed_fields: Some(typed),
            pasted_fields: Some(pasted),
            device_id: Some("d".into()),
            ..SessionSignals::default()
        }
    }

    #[test]
    fn programs_are_too_fast() {
        let outcome = |secs, typed| form_timing(&session(secs, typed, 0), &CheckPolicy::default()).unwrap().outcome;
        assert_eq!(outcome(2, 1), Outcome::Fail);
        assert_eq!(outcome(3, 1), Outcome::Pass);
        assert_eq!(outcome(5, 12), Outcome::Inconclusive);
        assert_eq!(outcome(86_401, 3), Outcome::Inconclusive);
        assert!(form_timing(&SessionSignals::default(), &CheckPolicy::default()).is_none());
    }

    #[test]
    fn a_filled_honeypot_is_no_person() {
        let outcome = |filled| honeypot(&SessionSignals { honeypot_filled: filled, ..SessionSignals::default() });
        assert!(outcome(None).is_none());
        assert_eq!(outcome(Some(false)).unwrap().outcome, Outcome::Pass);
        assert_eq!(outcome(Some(true)).unwrap().outcome, Outcome::Fail);
    }

    #[test]
    fn paid_form_fillers_paste_from_few_devices() {
        let outcome = |typed, pasted, device, ip| {
            let facts = Facts { device_leads_day: device, ip_leads_day: ip, ..Facts::default() };
            velocity(&session(60, typed, pasted), &facts, &CheckPolicy::default()).unwrap().outcome
        };
        assert_eq!(outcome(5, 1, 0, 0), Outcome::Pass);
        assert_eq!(outcome(1, 5, 0, 0), Outcome::Inconclusive);
        assert_eq!(outcome(1, 5, 2, 0), Outcome::Fail);
        assert_eq!(outcome(5, 0, 3, 0), Outcome::Pass);
        assert_eq!(outcome(5, 0, 4, 0), Outcome::Fail);
        assert_eq!(outcome(5, 0, 0, 30), Outcome::Inconclusive);
    }
}
