//! Balances below which an organization wants to be told.

use domain::id::OrganizationId;
use domain::ledger::AccountKind;
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use serde_json::json;

use crate::db::{STATEMENT_ROWS, Store};
use crate::entity::{account, wallet_alert};
use crate::error::StoreError;
use crate::outbox::Event;
use crate::write::Tx;

/// When an organization is told that its wallet is low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalletAlert {
    /// Below how much.
    pub threshold: Money,
    /// Whether it is below, and was told so.
    pub is_low: bool,
    /// The last change.
    pub updated_at: Timestamp,
}

impl TryFrom<&wallet_alert::Model> for WalletAlert {
    type Error = StoreError;

    fn try_from(row: &wallet_alert::Model) -> Result<Self, StoreError> {
        let currency = row.currency.parse().map_err(StoreError::corrupt)?;
        let threshold = Money::new(row.threshold_minor, currency);
        Ok(Self { threshold, is_low: row.is_low, updated_at: row.updated_at })
    }
}

impl Store {
    /// The organization's alerts, one for each currency at most.
    pub async fn wallet_alerts(&self, organization: OrganizationId) -> Result<Vec<WalletAlert>, StoreError> {
        let own = wallet_alert::Entity::find()
            .filter(wallet_alert::Column::OrganizationId.eq(organization.0))
            .order_by_asc(wallet_alert::Column::Currency);
        own.all(self.read()).await?.iter().map(WalletAlert::try_from).collect()
    }
}

impl Tx {
    /// Sets the organization's alert in the currency of `threshold`, and tells at once if the wallet is below it.
    pub async fn wallet_alert_set(&self, organization: OrganizationId, threshold: Money) -> Result<WalletAlert, StoreError> {
        let row = wallet_alert::ActiveModel {
            organization_id: Set(organization.0),
            currency: Set(threshold.currency.code().to_owned()),
            threshold_minor: Set(threshold.minor),
            is_low: Set(false),
            updated_at: Set(self.now().await?),
        };
        let columns = [wallet_alert::Column::ThresholdMinor, wallet_alert::Column::IsLow, wallet_alert::Column::UpdatedAt];
        let mut conflict = OnConflict::columns([wallet_alert::Column::OrganizationId, wallet_alert::Column::Currency]);
        wallet_alert::Entity::insert(row)
            .on_conflict(conflict.update_columns(columns).to_owned())
            .exec_without_returning(self.db())
            .await?;
        self.wallet_alerts_check(&[organization]).await?;
        let key = (organization.0, threshold.currency.code().to_owned());
        let row = wallet_alert::Entity::find_by_id(key).one(self.db()).await?;
        WalletAlert::try_from(&row.ok_or(StoreError::Misuse("an alert is gone in its own transaction"))?)
    }

    /// Ends the organization's alert in a currency; answers whether there was one.
    pub async fn wallet_alert_end(&self, organization: OrganizationId, currency: Currency) -> Result<bool, StoreError> {
        let key = (organization.0, currency.code().to_owned());
        Ok(wallet_alert::Entity::delete_by_id(key).exec(self.db()).await?.rows_affected == 1)
    }

    /// Compares the alerts of these organizations with what they can spend: tells each that has fallen below, once, and notes
    /// which have recovered.
    pub async fn wallet_alerts_check(&self, organizations: &[OrganizationId]) -> Result<(), StoreError> {
        for some in organizations.chunks(STATEMENT_ROWS) {
            let ids = || some.iter().map(|id| id.0);
            let of = wallet_alert::Entity::find().filter(wallet_alert::Column::OrganizationId.is_in(ids()));
            let alerts = of.all(self.db()).await?;
            if alerts.is_empty() {
                continue;
            }
            let accounts = account::Entity::find()
                .filter(account::Column::OrganizationId.is_in(ids()))
                .filter(account::Column::Kind.eq(AccountKind::Available.as_str()))
                .all(self.db())
                .await?;
            for alert in &alerts {
                let same = |account: &&account::Model| {
                    account.organization_id == Some(alert.organization_id) && account.currency == alert.currency
                };
                let available_minor = accounts.iter().find(same).map_or(0, |account| account.balance_minor);
                self.wallet_alert_check(alert, available_minor).await?;
            }
        }
        Ok(())
    }

    async fn wallet_alert_check(&self, alert: &wallet_alert::Model, available_minor: i64) -> Result<(), StoreError> {
        let is_low = available_minor < alert.threshold_minor;
        if is_low == alert.is_low {
            return Ok(());
        }
        // Whoever changes the row tells: another transaction may have the same in hand.
        let done = wallet_alert::Entity::update_many()
            .col_expr(wallet_alert::Column::IsLow, Expr::value(is_low))
            .filter(wallet_alert::Column::OrganizationId.eq(alert.organization_id))
            .filter(wallet_alert::Column::Currency.eq(alert.currency.clone()))
            .filter(wallet_alert::Column::IsLow.eq(!is_low))
            .exec(self.db())
            .await?;
        if !is_low || done.rows_affected != 1 {
            return Ok(());
        }
        let payload = json!({
            "availableMinor": available_minor,
            "thresholdMinor": alert.threshold_minor,
            "currency": alert.currency,
        });
        let audience = vec![OrganizationId(alert.organization_id)];
        self.emit(Event { topic: "wallet.low", subject_id: alert.organization_id, audience, payload }).await
    }
}
