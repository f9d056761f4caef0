//! Leads that come from one hand: the same device, or the same address and page.

use std::collections::BTreeMap;

use crate::id::LeadId;

/// What a session left behind, as keyed hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The device.
    pub device: Option<String>,
    /// The network address.
    pub ip: Option<String>,
    /// The page.
    pub page: Option<String>,
}

/// What two leads share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// The device.
    pub device: bool,
    /// The network address.
    pub ip: bool,
    /// The page.
    pub page: bool,
}

impl Traces {
    /// What these traces share with `other`; a trace that is not there is shared with nobody.
    #[must_use]
    pub fn shared(&self, other: &Self) -> Shared {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        Shared { device: same(&self.device, &other.device), ip: same(&self.ip, &other.ip), page: same(&self.page, &other.page) }
    }
}

impl Shared {
    /// Whether this makes two leads siblings: a page alone has many honest visitors, and so has an address.
    #[must_use]
    pub const fn is_sibling(self) -> bool {
        self.device || (self.ip && self.page)
    }
}

/// The siblings of `lead` among `others`, with what they share; `lead` itself is none.
#[must_use]
pub fn siblings(lead: LeadId, traces: &Traces, others: &[(LeadId, Traces)]) -> BTreeMap<LeadId, Shared> {
    others
        .iter()
        .filter(|(id, _)| *id != lead)
        .map(|(id, other)| (*id, traces.shared(other)))
        .filter(|(_, shared)| shared.is_sibling())
        .collect()
}

/// When siblings are a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingRule {
    /// Leads of one origin that make a ring.
    pub min_leads: u64,
    /// How far apart in time leads of one ring may lie, in seconds.
    pub window_secs: i64,
}

impl Default for RingRule {
    fn default() -> Self {
        Self { min_leads: 3, window_secs: 7 * 86_400 }
    }
}

impl RingRule {
    /// Whether a lead with so many siblings belongs to a ring.
    #[must_use]
    pub const fn is_ring(&self, siblings: u64) -> bool {
        siblings.saturating_add(1) >= self.min_leads
    }

    /// Whether it is a ring of pseudo-leads: one of them was proved fake, and not by a slip of the keyboard.
    #[must_use]
    pub const fn is_confirmed(&self, siblings: u64, pseudo_siblings: u64) -> bool {
        pseudo_siblings > 0 && self.is_ring(siblings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn traces(device: &str, ip: &str, page: &str) -> Traces {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Traces { device: some(device), ip: some(ip), page: some(page) }
    }

    #[test]
    fn a_ring_has_enough_leads_and_one_that_was_proved_fake() {
        let rule = RingRule::default();
        assert!(rule.is_confirmed(2, 1));
        assert!(!rule.is_confirmed(1, 1) && !rule.is_confirmed(20, 0));
    }

    #[test]
    fn an_office_is_no_ring() {
        let lead = LeadId(Uuid::from_u128(1));
        let others: Vec<_> = [
            traces("d1", "i2", "p2"),
            traces("d2", "i1", "p1"),
            traces("d3", "i1", "p3"),
            traces("d4", "i4", "p1"),
            traces("", "", ""),
        ]
        .into_iter()
        .enumerate()
        .map(|(n, traces)| (LeadId(Uuid::from_u128(u128::try_from(n).unwrap() + 1)), traces))
        .collect();
        let own = (LeadId(Uuid::from_u128(9)), traces("d1", "i1", "p1"));
        let found = siblings(own.0, &own.1, &others);
        assert_eq!(found.keys().map(|id| id.0.as_u128()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(siblings(lead, &traces("", "", ""), &others), BTreeMap::new());
        assert_eq!(siblings(lead, &traces("d1", "", ""), &others), BTreeMap::new(), "a lead is not its own sibling");
    }
}
