//! The checks of the contact, run again on what it says and not on what was thought of it when it came.

use super::{Facts, Recheck};
use crate::contact::{Contact, Email, Phone, normalise_email, normalise_phone};
use crate::lead::Audience;
use crate::verification::{Finding, MailDomain, Outcome, disposable_domain, email_syntax, mail_domain, phone};

/// What the checks of the contact find now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rechecked {
    /// The phone.
    pub phone: Recheck,
    /// The e-mail address.
    pub email: Recheck,
    /// Whether no way to reach the person is left.
    pub no_channel: bool,
}

impl Rechecked {
    /// What can be told of a contact that was destroyed.
    pub const NOTHING: Self = Self { phone: Recheck::Inconclusive, email: Recheck::Inconclusive, no_channel: false };

    /// The facts with these findings in them.
    #[must_use]
    pub fn into_facts(self, facts: Facts) -> Facts {
        Facts { phone: self.phone, email: self.email, no_channel: self.no_channel, ..facts }
    }
}

/// The contact as its numbers and addresses read today: numbering plans change.
#[must_use]
pub fn read_again(contact: &Contact) -> Contact {
    let phone = |kept: &Phone| normalise_phone(&kept.e164, None).unwrap_or_else(|_| Phone { valid: false, ..kept.clone() });
    let email = |kept: &Email| normalise_email(&kept.address).unwrap_or_else(|_| Email { valid: false, ..kept.clone() });
    Contact {
        phones: contact.phones.iter().map(phone).collect(),
        emails: contact.emails.iter().map(email).collect(),
        ..contact.clone()
    }
}

/// Checks a contact that was [read again](read_again), with what a look-up of the domain of each valid address found, in their
/// order; an address without a look-up is judged by its form.
#[must_use]
pub fn recheck(contact: &Contact, audience: Audience, domains: &[MailDomain]) -> Rechecked {
    let phone = found(phone(contact), Recheck::Impossible);
    let email = email(contact, audience, domains);
    let dead = |has: bool, found: Recheck| !has || found == Recheck::Impossible;
    let no_channel =
        contact.messenger.is_none() && dead(!contact.phones.is_empty(), phone) && dead(!contact.emails.is_empty(), email);
    Rechecked { phone, email, no_channel }
}

fn email(contact: &Contact, audience: Audience, domains: &[MailDomain]) -> Recheck {
    let syntax = found(email_syntax(contact, audience), Recheck::Impossible);
    let absent = domains.iter().filter(|domain| mail_domain(**domain).outcome == Outcome::Fail).count();
    if syntax == Recheck::Impossible || (absent > 0 && absent == domains.len()) {
        return Recheck::Impossible;
    }
    let disposable = found(disposable_domain(contact), Recheck::Doubtful);
    if syntax == Recheck::Pass && (disposable == Recheck::Doubtful || absent > 0) { Recheck::Doubtful } else { syntax }
}

fn found(finding: Option<Finding>, failed: Recheck) -> Recheck {
    match finding.map(|finding| finding.outcome) {
        Some(Outcome::Pass) => Recheck::Pass,
        Some(Outcome::Fail) => failed,
        Some(Outcome::Inconclusive) | None => Recheck::Inconclusive,
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
            ..ContactDraft::default()
        };
        normalise(&draft, Audience::Consumer, Some("NO")).unwrap()
    }

    fn checked(contact: &Contact, domains: &[MailDomain]) -> (Recheck, Recheck, bool) {
        let Rechecked { phone, email, no_channel } = recheck(&read_again(contact), Audience::Consumer, domains);
        (phone, email, no_channel)
    }

    #[test]
    fn what_was_thought_of_a_number_does_not_count() {
        let mut kept = contact(&["91234567"], &[]);
        kept.phones[0].valid = false;
        assert_eq!(checked(&kept, &[]), (Recheck::Pass, Recheck::Inconclusive, false));
        kept.phones[0] = Phone { e164: "+4710000000".into(), valid: true, ..kept.phones[0].clone() };
        assert_eq!(checked(&kept, &[]), (Recheck::Impossible, Recheck::Inconclusive, true));
    }

    #[test]
    fn an_address_is_dead_when_every_domain_is() {
        use MailDomain::{Absent, Exchangers, NoAnswer};
        let kept = contact(&["91234567"], &["kari@fjell.no", "kari@tur.no"]);
        assert_eq!(checked(&kept, &[Absent, Absent]), (Recheck::Pass, Recheck::Impossible, false));
        assert_eq!(checked(&kept, &[Absent, Exchangers(1)]).1, Recheck::Doubtful);
        assert_eq!(checked(&kept, &[NoAnswer, NoAnswer]).1, Recheck::Pass);
        assert_eq!(checked(&kept, &[]).1, Recheck::Pass, "nothing was looked up");
        assert!(checked(&contact(&["+4710000000"], &["kari@fjell.no"]), &[Absent]).2, "nothing is left");
    }
}
