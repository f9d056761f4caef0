//! From a decided sale to the trade that the money slice opens.

use domain::clearing::SaleKind;
use domain::id::{LeadId, ListingId, OrganizationId, TradeId};
use domain::money::{Currency, Money};
use domain::reputation::{StandingRule, Tally};
use domain::trade::HoldTerms;
use store::listings::StoredListing;
use store::trades::{PaidFrom, Sale};

use crate::config::Exchange;

/// What every sale of one listing has in common.
#[derive(Debug, Clone)]
pub(in crate::app) struct SaleTerms {
    commission_bp: i64,
    hold_secs: i64,
    /// The lengths of holds.
    pub(in crate::app) holds: HoldTerms,
}

/// What is sold.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Sold {
    /// Under which listing.
    pub(in crate::app) listing: ListingId,
    /// Which lead.
    pub(in crate::app) lead: LeadId,
    /// By whom.
    pub(in crate::app) seller: OrganizationId,
    /// In which currency.
    pub(in crate::app) currency: Currency,
}

impl SaleTerms {
    /// The terms of sales by a seller of whom `tally` is known: its standing sets the length of the hold.
    pub(in crate::app) fn new(exchange: &Exchange, tally: Tally) -> Self {
        let holds = hold_terms(exchange);
        let hold_secs = holds.hold_secs(tally.standing(&standing_rule(exchange)));
        Self { commission_bp: exchange.commission_bp, hold_secs, holds }
    }

    /// The sale of one copy to `buyer`.
    pub(in crate::app) fn sale(
        &self,
        trade: TradeId,
        stored: &StoredListing,
        buyer: OrganizationId,
        sold: (SaleKind, i64),
        paid_from: PaidFrom,
    ) -> Sale {
        let of = Sold { listing: stored.id, lead: stored.lead, seller: stored.seller, currency: stored.currency };
        self.sale_of(trade, of, buyer, sold, paid_from)
    }

    /// The sale of one copy of what stands under no listing yet.
    pub(in crate::app) fn sale_of(
        &self,
        trade: TradeId,
        of: Sold,
        buyer: OrganizationId,
        (kind, price_minor): (SaleKind, i64),
        paid_from: PaidFrom,
    ) -> Sale {
        Sale {
            trade,
            listing: of.listing,
            lead: of.lead,
            seller: of.seller,
            buyer,
            exclusive: kind == SaleKind::Exclusive,
            price: Money::new(price_minor, of.currency),
            commission_bp: self.commission_bp,
            hold_secs: self.hold_secs,
            paid_from,
        }
    }
}

fn hold_terms(exchange: &Exchange) -> HoldTerms {
    HoldTerms {
        standard_secs: exchange.hold_secs,
        trusted_secs: exchange.hold_trusted_secs,
        new_secs: exchange.hold_new_secs,
        start_within_secs: exchange.delivery_grace_secs,
    }
}

fn standing_rule(exchange: &Exchange) -> StandingRule {
    StandingRule {
        known_from_trades: u64::try_from(exchange.new_below_trades).unwrap_or(0),
        trusted_from_trades: u64::try_from(exchange.trusted_from_trades).unwrap_or(u64::MAX),
        trusted_max_bp: u32::try_from(exchange.trusted_upheld_max_bp).unwrap_or(0),
    }
}
