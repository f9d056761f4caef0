//! Which outcome of a check counts, of the one that stands and the one that was found.

use super::{CalledBy, Check, CheckKind, Outcome};

/// What follows from what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prevailing {
    /// The outcomes that count now, in the order of the kinds.
    pub checks: Vec<Check>,
    /// What was found and is news: these enter the history, whether they count or not.
    pub news: Vec<Check>,
}

/// Puts what was `found` in place of what stands, where it may take that place.
#[must_use]
pub fn prevailing(standing: &[Check], found: Vec<Check>) -> Prevailing {
    let (mut checks, mut news) = (standing.to_vec(), Vec::new());
    for new in found {
        let old = checks.iter_mut().find(|check| check.kind == new.kind);
        if new.kind.is_event() || old.as_ref().is_none_or(|old| !old.says_the_same(&new)) {
            news.push(new.clone());
        }
        match old {
            Some(old) if old.withstands(&new) => {}
            Some(old) => *old = new,
            None => checks.push(new),
        }
    }
    checks.sort_by_key(|check| check.kind);
    Prevailing { checks, news }
}

impl CheckKind {
    /// Whether each outcome is something that happened, and no view of the same facts.
    const fn is_event(self) -> bool {
        matches!(self, Self::Confirmed | Self::Spoken | Self::Sample)
    }
}

impl Check {
    /// Who held the call, if this is one.
    #[must_use]
    pub fn called_by(&self) -> Option<CalledBy> {
        self.evidence.get("calledBy").and_then(|desk| desk.parse().ok())
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (self.kind, self.outcome, &self.evidence) == (other.kind, other.outcome, &other.evidence)
    }

    /// Whether this outcome stands against a later one. A look-up or a call that did not come through says nothing against
    /// what was found before; and what the exchange heard from the person, the seller's word does not undo.
    fn withstands(&self, later: &Self) -> bool {
        let says_nothing = later.outcome == Outcome::Inconclusive && self.outcome != Outcome::Inconclusive;
        let by_exchange = |check: &Self| check.called_by() == Some(CalledBy::Exchange);
        match later.kind {
            CheckKind::MailDomain | CheckKind::Certificate => says_nothing,
            CheckKind::Spoken => says_nothing || (self.outcome == Outcome::Fail && by_exchange(self) && !by_exchange(later)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CallDisposition as D, Finding, MailDomain, mail_domain, spoken};
    use super::*;
    use crate::time::Timestamp;

    fn after(findings: impl IntoIterator<Item = Finding>) -> (Vec<Outcome>, usize) {
        let mut news = 0;
        let checks = findings.into_iter().fold(Vec::new(), |checks, finding| {
            let next = prevailing(&checks, vec![finding.at(Timestamp::UNIX_EPOCH)]);
            news += next.news.len();
            next.checks
        });
        (checks.into_iter().map(|check| check.outcome).collect(), news)
    }

    #[test]
    fn a_look_up_that_fails_leaves_what_was_found() {
        let found = |list: &[MailDomain]| after(list.iter().map(|found| mail_domain(*found)));
        assert_eq!(found(&[MailDomain::NoAnswer]), (vec![Outcome::Inconclusive], 1));
        assert_eq!(found(&[MailDomain::Exchangers(1), MailDomain::NoAnswer]), (vec![Outcome::Pass], 2));
        assert_eq!(found(&[MailDomain::Absent, MailDomain::NoAnswer]), (vec![Outcome::Fail], 2));
        assert_eq!(found(&[MailDomain::NoAnswer, MailDomain::Absent, MailDomain::AddressOnly]), (vec![Outcome::Pass], 3));
        assert_eq!(found(&[MailDomain::AddressOnly, MailDomain::AddressOnly]), (vec![Outcome::Pass], 1), "no news");
    }

    #[test]
    fn a_seller_does_not_undo_what_the_exchange_heard() {
        let seller = |disposition, recorded| spoken(disposition, 60, CalledBy::Seller, recorded);
        let exchange = |disposition| spoken(disposition, 60, CalledBy::Exchange, false);
        let outcome = |calls: Vec<Finding>| after(calls).0[0];
        assert_eq!(outcome(vec![seller(D::ConfirmedInterest, false)]), Outcome::Inconclusive);
        assert_eq!(outcome(vec![seller(D::ConfirmedInterest, true)]), Outcome::Pass);
        assert_eq!(outcome(vec![seller(D::ConfirmedInterest, true), seller(D::NoAnswer, false)]), Outcome::Pass);
        assert_eq!(outcome(vec![exchange(D::Prank), seller(D::ConfirmedInterest, true)]), Outcome::Fail);
        assert_eq!(outcome(vec![exchange(D::Prank), seller(D::WrongPerson, false), seller(D::CallLater, true)]), Outcome::Fail);
        assert_eq!(outcome(vec![exchange(D::Prank), exchange(D::NoAnswer)]), Outcome::Fail);
        assert_eq!(outcome(vec![exchange(D::Prank), exchange(D::ConfirmedInterest)]), Outcome::Pass);
        assert_eq!(outcome(vec![exchange(D::ConfirmedInterest), seller(D::DeniesRequest, false)]), Outcome::Fail);
        assert_eq!(after([seller(D::NoAnswer, false), seller(D::NoAnswer, false)]).1, 2, "each call happened");
    }
}
