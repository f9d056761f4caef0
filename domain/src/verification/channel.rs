//! Checks of the ways to reach the person.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{CheckKind, Finding, Outcome};
use crate::contact::{Contact, Email, is_free_mail, is_role_mailbox};
use crate::lead::Audience;
use crate::time::doubled_pause_secs;

/// Domains of addresses that are thrown away after use, by the list of the crate `mailchecker`.
static DISPOSABLE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| mailchecker::blacklist().into_iter().collect());

/// How often a mail domain is looked up that does not answer.
const MAX_LOOK_UPS: u32 = 12;
/// The first pause before it is looked up again, in seconds.
const FIRST_PAUSE_SECS: i64 = 300;
/// The longest, in seconds.
const LAST_PAUSE_SECS: i64 = 86_400;

/// What a look-up of a mail domain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailDomain {
    /// It names servers that take mail.
    Exchangers(usize),
    /// It names none, and has an address itself, which then takes its mail (RFC 5321, 5.1).
    AddressOnly,
    /// It says that it takes no mail (RFC 7505).
    RefusesMail,
    /// It does not exist, or has neither.
    Absent,
    /// The look-up did not come through.
    NoAnswer,
}

/// Whether the numbers are ones that their countries' plans assign. `None` without a number.
#[must_use]
pub fn phone(contact: &Contact) -> Option<Finding> {
    let first = contact.phones.first()?;
    let valid = contact.phones.iter().filter(|phone| phone.valid).count();
    let outcome = tally(valid, contact.phones.len());
    let finding = Finding::new(CheckKind::Phone, outcome).because("valid", valid).because("given", contact.phones.len());
    let finding = finding.because("line", first.line.as_str());
    Some(match &first.country {
        Some(country) => finding.because("country", country),
        None => finding,
    })
}

/// Whether the addresses are written as addresses are. `None` without an address.
#[must_use]
pub fn email_syntax(contact: &Contact, audience: Audience) -> Option<Finding> {
    let first = contact.emails.first()?;
    let valid = contact.emails.iter().filter(|email| email.valid).count();
    let desk = audience == Audience::Business && valid > 0 && contact.emails.iter().all(is_role_mailbox);
    let outcome = if desk { Outcome::Inconclusive } else { tally(valid, contact.emails.len()) };
    let finding = Finding::new(CheckKind::EmailSyntax, outcome).because("valid", valid).because("given", contact.emails.len());
    let finding = finding.because("provider", if is_free_mail(first.domain()) { "FREE" } else { "OWN_DOMAIN" });
    Some(if desk { finding.because("mailbox", "DESK") } else { finding })
}

/// Whether the addresses are none that are thrown away after use. `None` without a well-formed address.
#[must_use]
pub fn disposable_domain(contact: &Contact) -> Option<Finding> {
    let mut domains = contact.emails.iter().filter(|email| email.valid).map(Email::domain).peekable();
    domains.peek()?;
    let (thrown, kept): (Vec<_>, Vec<_>) = domains.partition(|domain| is_disposable(domain));
    let outcome = tally(kept.len(), kept.len().saturating_add(thrown.len()));
    Some(Finding::new(CheckKind::DisposableDomain, outcome).because("disposable", thrown.len()))
}

/// Whether `domain`, or a domain above it, is known for addresses that are thrown away after use.
#[must_use]
pub fn is_disposable(domain: &str) -> bool {
    let above = std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, rest)| rest));
    above.into_iter().any(|name| DISPOSABLE.contains(name))
}

/// Whether the domain of the preferred address takes mail, by what a look-up found.
#[must_use]
pub fn mail_domain(found: MailDomain) -> Finding {
    let (outcome, fact) = match found {
        MailDomain::Exchangers(count) => {
            return Finding::new(CheckKind::MailDomain, Outcome::Pass).because("exchangers", count);
        }
        MailDomain::AddressOnly => (Outcome::Pass, "ADDRESS_ONLY"),
        MailDomain::RefusesMail => (Outcome::Fail, "REFUSES_MAIL"),
        MailDomain::Absent => (Outcome::Fail, "ABSENT"),
        MailDomain::NoAnswer => (Outcome::Inconclusive, "NO_ANSWER"),
    };
    Finding::new(CheckKind::MailDomain, outcome).because("lookup", fact)
}

/// After how many seconds a look-up that did not come through for the `tries`-th time is made again; `None` when it is given
/// up. The pauses double from five minutes to a day, and end after about five days.
#[must_use]
pub fn look_up_pause_secs(tries: u32) -> Option<i64> {
    (tries < MAX_LOOK_UPS).then(|| doubled_pause_secs(FIRST_PAUSE_SECS, tries.into(), LAST_PAUSE_SECS))
}

const fn tally(good: usize, all: usize) -> Outcome {
    if good == all {
        Outcome::Pass
    } else if good == 0 {
        Outcome::Fail
    } else {
        Outcome::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::normalise;
    use crate::lead::ContactDraft;

    fn contact(phones: &[&str], emails: &[&str]) -> Contact {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let draft = ContactDraft {
            name: "Kari Nordmann".into(),
            phones: texts(phones),
            emails: texts(emails),
            company: Some("Fjell AS".into()),
            ..ContactDraft::default()
        };
        normalise(&draft, Audience::Business, Some("NO")).unwrap()
    }

    fn outcome(finding: Option<Finding>) -> Option<Outcome> {
        finding.map(|finding| finding.outcome)
    }

    #[test]
    fn phones_are_judged_together() {
        assert_eq!(outcome(phone(&contact(&[], &["k@fjell.no"]))), None);
        assert_eq!(outcome(phone(&contact(&["91234567"], &[]))), Some(Outcome::Pass));
        assert_eq!(outcome(phone(&contact(&["91234567", "10000001"], &[]))), Some(Outcome::Inconclusive));
        let dead = phone(&contact(&["10000001"], &[])).unwrap();
        assert_eq!((dead.outcome, dead.evidence["valid"].as_str(), dead.evidence["given"].as_str()), (Outcome::Fail, "0", "1"));
    }

    #[test]
    fn addresses_are_judged_by_form_and_domain() {
        let syntax = |emails: &[&str]| outcome(email_syntax(&contact(&["91234567"], emails), Audience::Business));
        assert_eq!(syntax(&[]), None);
        assert_eq!(syntax(&["kari@fjell.no"]), Some(Outcome::Pass));
        assert_eq!(syntax(&["kari@@fjell.no"]), Some(Outcome::Fail));
        assert_eq!(syntax(&["info@fjell.no"]), Some(Outcome::Inconclusive));
        let thrown = |emails: &[&str]| outcome(disposable_domain(&contact(&["91234567"], emails)));
        assert_eq!(thrown(&["kari@mailinator.com"]), Some(Outcome::Fail));
        assert_eq!(thrown(&["kari@x.mailinator.com", "kari@fjell.no"]), Some(Outcome::Inconclusive));
        assert_eq!(thrown(&["kari@gmail.com"]), Some(Outcome::Pass));
        assert_eq!(thrown(&["kari@@fjell"]), None);
    }

    #[test]
    fn a_look_up_is_tried_again_with_growing_pauses() {
        let pauses: Vec<_> = (0..13).map(look_up_pause_secs).collect();
        assert_eq!(pauses[..3], [Some(300), Some(600), Some(1_200)]);
        assert_eq!(pauses[8..], [Some(76_800), Some(86_400), Some(86_400), Some(86_400), None]);
        assert_eq!(look_up_pause_secs(u32::MAX), None);
    }

    #[test]
    fn a_domain_that_does_not_answer_is_inconclusive() {
        assert_eq!(mail_domain(MailDomain::Exchangers(2)).outcome, Outcome::Pass);
        assert_eq!(mail_domain(MailDomain::AddressOnly).outcome, Outcome::Pass);
        assert_eq!(mail_domain(MailDomain::RefusesMail).outcome, Outcome::Fail);
        assert_eq!(mail_domain(MailDomain::Absent).outcome, Outcome::Fail);
        assert_eq!(mail_domain(MailDomain::NoAnswer).outcome, Outcome::Inconclusive);
    }
}
