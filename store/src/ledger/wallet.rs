//! What an organization has, per currency.

use std::collections::BTreeMap;

use domain::id::OrganizationId;
use domain::ledger::AccountKind;
use domain::money::Currency;
use domain::time::Timestamp;
use domain::trade::TradeState;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, FromQueryResult, QuerySelect};

use super::accounts;
use crate::db::Store;
use crate::entity::{organization, trade};
use crate::error::StoreError;
use crate::payouts::{PayoutAccount, payout_account_of};

/// Balances in one currency, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balances {
    /// What can be spent or withdrawn.
    pub available_minor: i64,
    /// Locked by open bids.
    pub reserved_minor: i64,
    /// Held for this organization's sales.
    pub escrow_minor: i64,
    /// Held of this organization's purchases; it is in the sellers' escrow.
    pub held_as_buyer_minor: i64,
    /// Withdrawals on their way.
    pub payout_minor: i64,
    /// What it owes the exchange.
    pub owed_minor: i64,
}

/// An organization's balances by currency; only currencies in which it has had money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wallet {
    /// By currency.
    pub balances: BTreeMap<Currency, Balances>,
    /// Since when a chargeback keeps it from spending.
    pub frozen_at: Option<Timestamp>,
    /// Where its withdrawals go.
    pub payout_account: Option<PayoutAccount>,
}

#[derive(FromQueryResult)]
struct HeldRow {
    currency: String,
    price_minor: i64,
}

impl Store {
    /// The organization's wallet.
    pub async fn wallet(&self, organization: OrganizationId) -> Result<Wallet, StoreError> {
        let row = organization::Entity::find_by_id(organization.0).one(self.read()).await?;
        let frozen_at = row.and_then(|row| row.wallet_frozen_at);
        let payout_account = payout_account_of(self.read(), organization).await?;
        let mut wallet = Wallet { balances: BTreeMap::new(), frozen_at, payout_account };
        for row in accounts::of_organization(self.read(), organization, None).await? {
            let account = accounts::identity(&row)?;
            let balances = wallet.balances.entry(account.currency).or_default();
            match account.kind {
                AccountKind::Available => balances.available_minor = row.balance_minor,
                AccountKind::Reserved => balances.reserved_minor = row.balance_minor,
                AccountKind::Escrow => balances.escrow_minor = row.balance_minor,
                AccountKind::Payout => balances.payout_minor = row.balance_minor,
                AccountKind::Receivable => balances.owed_minor = row.balance_minor.saturating_neg(),
                _ => return Err(StoreError::corrupt("an organization owns an account of the exchange")),
            }
        }
        let open = [TradeState::Held.as_str(), TradeState::Disputed.as_str()];
        let held = trade::Entity::find()
            .select_only()
            .column(trade::Column::Currency)
            // Postgres sums BIGINT to NUMERIC.
            .column_as(trade::Column::PriceMinor.sum().cast_as("BIGINT"), "price_minor")
            .filter(trade::Column::BuyerId.eq(organization.0))
            .filter(trade::Column::State.is_in(open))
            .group_by(trade::Column::Currency)
            .into_model::<HeldRow>()
            .all(self.read())
            .await?;
        for row in held {
            let currency = row.currency.parse().map_err(StoreError::corrupt)?;
            wallet.balances.entry(currency).or_default().held_as_buyer_minor = row.price_minor;
        }
        Ok(wallet)
    }
}
