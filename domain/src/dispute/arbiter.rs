//! Who may decide a dispute, and who of them does.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::id::{OrganizationId, UserId};

text_enum! {
    /// What binds an arbiter to an organization.
    TieKind {
        /// Works there, or did.
        Member = "MEMBER",
        /// Owns it.
        Owner = "OWNER",
        /// Brought it to the exchange.
        Referrer = "REFERRER",
        /// Shares a bank account or a card with it.
        SameBank = "SAME_BANK",
    }
}

/// An arbiter, with every organization that it is tied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The arbiter.
    pub user: UserId,
    /// What binds it to whom.
    pub ties: BTreeSet<(OrganizationId, TieKind)>,
}

impl Candidate {
    /// Whether anything binds this arbiter to one of `parties`.
    #[must_use]
    pub fn is_tied_to(&self, parties: &[OrganizationId]) -> bool {
        self.ties.iter().any(|(organization, _)| parties.contains(organization))
    }
}

/// The arbiter that `random` picks among those with no tie to a party and who have not `served` in this dispute; `None` when
/// there is none. Each is equally likely, and the order of `candidates` does not matter.
#[must_use]
pub fn draw(candidates: &[Candidate], parties: &[OrganizationId], served: &[UserId], random: u64) -> Option<UserId> {
    let eligible: BTreeSet<UserId> =
        candidates.iter().filter(|c| !c.is_tied_to(parties) && !served.contains(&c.user)).map(|c| c.user).collect();
    let count = u128::try_from(eligible.len()).ok()?;
    let index = u128::from(random).checked_mul(count)?.checked_shr(64)?;
    eligible.into_iter().nth(usize::try_from(index).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn org(n: u128) -> OrganizationId {
        OrganizationId(Uuid::from_u128(n))
    }

    fn candidate(n: u128, ties: &[(u128, TieKind)]) -> Candidate {
        Candidate { user: user(n), ties: ties.iter().map(|&(o, kind)| (org(o), kind)).collect() }
    }

    #[test]
    fn no_tied_or_used_arbiter_is_ever_drawn() {
        let pool = [
            candidate(1, &[(10, TieKind::Member)]),
            candidate(2, &[(11, TieKind::SameBank)]),
            candidate(3, &[(12, TieKind::Owner)]),
            candidate(4, &[]),
            candidate(5, &[]),
        ];
        let parties = [org(10), org(11)];
        let drawn: BTreeSet<_> = (0..64).filter_map(|step| draw(&pool, &parties, &[user(5)], step * (u64::MAX / 63))).collect();
        assert_eq!(drawn, BTreeSet::from([user(3), user(4)]));
        assert_eq!(draw(&pool[..2], &parties, &[], 7), None);
    }

    #[test]
    fn the_ends_of_the_randomness_are_both_ends_of_the_pool() {
        let pool = [candidate(2, &[]), candidate(1, &[])];
        assert_eq!(draw(&pool, &[], &[], 0), Some(user(1)));
        assert_eq!(draw(&pool, &[], &[], u64::MAX), Some(user(2)));
    }
}
