//! From a decided sale to the trade that the money slice opens.

use domain::clearing::SaleKind;
use domain::id::{OrganizationId, TradeId};
use domain::money::Money;
use domain::reputation::StandingRule;
use domain::trade::HoldTerms;
use store::listings::StoredListing;
use store::reputation::{Side, tally_of};
use store::trades::{PaidFrom, Sale};
use store::{StoreError, Tx};

use crate::config::Exchange;

/// What every sale of one listing has in common.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    commission_bp: i64,
    hold_secs: i64,
    /// The lengths of holds.
    pub(super) terms: HoldTerms,
}

impl Settlement {
    /// The terms of sales by `seller`: its standing sets the length of the hold.
    pub(super) async fn of(tx: &Tx, exchange: &Exchange, seller: OrganizationId) -> Result<Self, StoreError> {
        let tally = tally_of(tx, seller, Side::Seller).await?;
        let terms = hold_terms(exchange);
        let hold_secs = terms.hold_secs(tally.standing(&standing_rule(exchange)));
        Ok(Self { commission_bp: exchange.commission_bp, hold_secs, terms })
    }

    /// The sale of one copy to `buyer`.
    pub(super) fn sale(
        &self,
        tx: &Tx,
        stored: &StoredListing,
        buyer: OrganizationId,
        (kind, price_minor): (SaleKind, i64),
        paid_from: PaidFrom,
    ) -> Sale {
        Sale {
            trade: tx.id::<TradeId>(),
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
