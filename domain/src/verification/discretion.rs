//! What the seller of a lead is told of its checks. Whoever may hand in any phone number would otherwise learn whether
//! somebody else has its owner, since when, and who asked never to be contacted.

use std::collections::BTreeMap;

use super::{Check, CheckKind, Outcome};

/// Whether an outcome of this kind tells what others know of the person: its history is for the exchange only.
#[must_use]
pub const fn is_discreet(kind: CheckKind) -> bool {
    matches!(kind, CheckKind::Duplicate | CheckKind::Suppression)
}

/// The checks as the seller sees them: a person whom another seller has and one who must not be contacted look the same,
/// not available. That the seller brought the person before is its own knowledge.
#[must_use]
pub fn to_seller(checks: &[Check]) -> Vec<Check> {
    let own = |check: &Check| check.evidence.get("broughtBy").is_some_and(|by| by == "SAME_SELLER");
    let taken = |check: &Check| is_discreet(check.kind) && check.outcome == Outcome::Fail && !own(check);
    if !checks.iter().any(taken) {
        return checks.to_vec();
    }
    let shown = |check: &Check| {
        if !is_discreet(check.kind) {
            return check.clone();
        }
        let evidence = BTreeMap::from([("reason".to_owned(), "NOT_AVAILABLE".to_owned())]);
        Check { outcome: Outcome::Fail, evidence, ..check.clone() }
    };
    checks.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::*;
    use crate::time::Timestamp;

    fn shown(duplicate: Option<&str>, suppressed: bool) -> Vec<Check> {
        let outcome = |fails| if fails { Outcome::Fail } else { Outcome::Pass };
        let found = Finding::new(CheckKind::Duplicate, outcome(duplicate.is_some()));
        let found = duplicate.into_iter().fold(found, |found, by| found.because("broughtBy", by).because("daysAgo", 3));
        let listed = Finding::new(CheckKind::Suppression, outcome(suppressed)).because("listed", "PHONE");
        let phone = Finding::new(CheckKind::Phone, Outcome::Pass);
        to_seller(&[phone, found, listed].map(|finding| finding.at(Timestamp::UNIX_EPOCH)))
    }

    #[test]
    fn who_is_with_another_and_who_must_not_be_contacted_look_the_same() {
        let taken = shown(Some("ANOTHER_SELLER"), false);
        assert_eq!(taken, shown(None, true));
        assert_eq!(taken, shown(Some("SAME_SELLER"), true));
        assert_eq!(taken.iter().map(|check| check.outcome).collect::<Vec<_>>(), [Outcome::Pass, Outcome::Fail, Outcome::Fail]);
        assert!(!format!("{taken:?}").contains("daysAgo"));
        let own = shown(Some("SAME_SELLER"), false);
        assert_eq!(own.iter().map(|check| check.outcome).collect::<Vec<_>>(), [Outcome::Pass, Outcome::Fail, Outcome::Pass]);
        assert_eq!(own[1].evidence["daysAgo"], "3");
    }
}
