//! What the market's actors saw.

use std::collections::BTreeMap;

use domain::clearing::SaleKind;
use domain::id::{BidId, ListingId};

use crate::app::AppError;

/// Unexplained things that are told word for word; the rest is counted.
const TOLD: usize = 20;

/// How an agency sells a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// A ping, and the post of what got an offer.
    Post,
    /// A ping whose lead is never posted.
    Forgotten,
    /// At once, to whoever offers most.
    Direct,
    /// A listing at a fixed price.
    Fixed,
    /// A listing at a falling price.
    Dutch,
    /// A short auction.
    Auction,
}

/// Sales of one way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sold {
    pub(super) leads: u64,
    pub(super) exclusive: u64,
    pub(super) shared: u64,
    pub(super) gross_minor: i64,
}

/// A listing whose end is looked at when the market has closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) listing: ListingId,
    pub(super) way: Way,
}

/// A bid that a buyer placed by hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) buyer: domain::id::OrganizationId,
    pub(super) bid: BidId,
}

/// Everything that is counted while the market is open.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) leads: BTreeMap<Way, u64>,
    pub(super) pings: u64,
    pub(super) offers: u64,
    pub(super) posts: u64,
    pub(super) sold: BTreeMap<Way, Sold>,
    /// Leads that were not sold, by reason.
    pub(super) losses: BTreeMap<String, u64>,
    /// Other calls that were refused, by call and code.
    pub(super) refusals: BTreeMap<String, u64>,
    /// Calls that were answered RETRY_LATER, and made again.
    pub(super) retried: u64,
    pub(super) unexplained: u64,
    pub(super) told: Vec<String>,
    pub(super) ping_micros: Vec<u32>,
    pub(super) post_micros: Vec<u32>,
    /// What was done to campaigns, by kind.
    pub(super) changes: BTreeMap<&'static str, u64>,
    pub(super) listed: Vec<Listed>,
    pub(super) placed: Vec<Placed>,
    /// Trades that buyers looked at, and of these those that they disputed.
    pub(super) reveals: u64,
    pub(super) disputes: u64,
}

impl Way {
    /// In words.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "ping and post",
            Self::Forgotten => "ping, never posted",
            Self::Direct => "direct post",
            Self::Fixed => "fixed price",
            Self::Dutch => "falling price",
            Self::Auction => "auction",
        }
    }
}

impl Findings {
    /// A lead was made.
    pub(super) fn made(&mut self, way: Way) {
        count(self.leads.entry(way).or_default());
    }

    /// A lead was sold, in copies.
    pub(super) fn sold(&mut self, way: Way, copies: &[(SaleKind, i64)]) {
        let sold = self.sold.entry(way).or_default();
        count(&mut sold.leads);
        for (kind, price_minor) in copies {
            match kind {
                SaleKind::Exclusive => count(&mut sold.exclusive),
                SaleKind::Shared => count(&mut sold.shared),
            }
            sold.gross_minor = sold.gross_minor.saturating_add(*price_minor);
        }
    }

    /// A lead was not sold, and this is why.
    pub(super) fn lost(&mut self, why: impl Into<String>) {
        count(self.losses.entry(why.into()).or_default());
    }

    /// A lead was not sold because a call was refused; a fault is unexplained.
    pub(super) fn lost_by(&mut self, call: &str, error: &AppError) {
        match error {
            AppError::Refused(refusals) => {
                let code = refusals.first().map_or("REFUSED", |refusal| refusal.code.as_str());
                self.lost(format!("{call} refused: {code}"));
            }
            fault => {
                self.lost("unexplained");
                self.unexplained(format!("{call}: {fault}"));
            }
        }
    }

    /// A call on the side was refused; a fault is unexplained.
    pub(super) fn refused(&mut self, call: &str, error: &AppError) {
        match error {
            AppError::Refused(refusals) => {
                let code = refusals.first().map_or("REFUSED", |refusal| refusal.code.as_str());
                count(self.refusals.entry(format!("{call}: {code}")).or_default());
            }
            fault => self.unexplained(format!("{call}: {fault}")),
        }
    }

    /// Something has happened that nothing explains.
    pub(super) fn unexplained(&mut self, what: String) {
        count(&mut self.unexplained);
        if self.told.len() < TOLD && !self.told.contains(&what) {
            self.told.push(what);
        }
    }

    /// Something was done to a campaign.
    pub(super) fn changed(&mut self, what: &'static str) {
        count(self.changes.entry(what).or_default());
    }

    /// Leads made in all.
    pub(super) fn leads_made(&self) -> u64 {
        self.leads.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Leads sold in all.
    pub(super) fn leads_sold(&self) -> u64 {
        self.sold.values().fold(0, |sum, sold| sum.saturating_add(sold.leads))
    }
}

/// One more.
pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
