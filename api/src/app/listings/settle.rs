//! From a decided sale to the trade that the money slice opens.

use domain::clearing::SaleKind;
use domain::id::{OrganizationId, TradeId};
use domain::money::Money;
use domain::reputation::{StandingRule, Tally};
use domain::trade::HoldTerms;
use store::listings::StoredListing;
use store::trades::{PaidFrom, Sale};

use crate::config::Exchange;

/// What every sale of one listing has in common.
#[derive(Debug, Clone)]
pub(super) struct SaleTerms {
    commission_bp: i64,
    hold_secs: i64,
    /// The lengths of holds.
    pub(super) holds: HoldTerms,
}

impl SaleTerms {
    /// The terms of sales by a seller of whom `tally` is known: its standing sets the length of the hold.
    pub(super) fn new(exchange: &Exchange, tally: Tally) -> Self {
        let holds = hold_terms(exchange);
        let hold_secs = holds.hold_secs(tally.standing(&standing_rule(exchange)));
        Self { commission_bp: exchange.commission_bp, hold_secs, holds }
    }

    /// The sale of one copy to `buyer`.
    pub(super) fn sale(
        &self,
        trade: TradeId,
        stored: &StoredListing,
        buyer: OrganizationId,
        (kind, price_minor): (SaleKind, i64),
        paid_from: PaidFrom,
    ) -> Sale {
        Sale {
            trade,
            listing: stored.id,
            lead: stored.lead,
            seller: stored.seller,
            buyer,
            exclusive: kind == SaleKind::Exclusive,
            price: Money::new(price_minor, stored.currency),
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
