//! Balances below which an organization wants to be told.

use domain::access::Permission;
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use store::wallet_alerts::WalletAlert;

use super::fan_out::CONSUMER;
use crate::app::{App, AppError, Caller};

/// The alerts of the caller's organization, one for each currency at most.
pub async fn wallet_alerts(app: &App, caller: &Caller) -> Result<Vec<WalletAlert>, AppError> {
    let organization = caller.principal.require(Permission::WalletRead)?;
    Ok(app.store.wallet_alerts(organization).await?)
}

/// Sets below how much the caller's organization is told that its wallet is low, in the currency of `threshold`.
pub async fn wallet_alert_set(app: &App, caller: &Caller, threshold: Money) -> Result<WalletAlert, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    if threshold.minor < 1 {
        return Err(Refusal::invalid("threshold", "at least one minor unit").into());
    }
    app.store
        .write("wallet_alert_set", move |tx| async move {
            tx.feed_consumer_make(CONSUMER).await?;
            Ok::<_, AppError>(tx.wallet_alert_set(organization, threshold).await?)
        })
        .await
}

/// Ends the alert in a currency; answers whether there was one.
pub async fn wallet_alert_remove(app: &App, caller: &Caller, currency: Currency) -> Result<bool, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    app.store
        .write(
            "wallet_alert_remove",
            move |tx| async move { Ok::<_, AppError>(tx.wallet_alert_end(organization, currency).await?) },
        )
        .await
}
