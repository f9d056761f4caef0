//! Balances below which an organization is told that its wallet is low.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::money::Currency;
use domain::refusal::Refusal;
use store::wallet_alerts::WalletAlert;

use super::connection::list_cost;
use super::error::{UserError, answer, settle};
use super::scalar::{CurrencyCode, MoneyInput, MoneyObject};
use super::{app, caller};
use crate::app::webhooks;
use crate::mutation_errors;

/// Queries about alerts.
#[derive(Debug, Default)]
pub struct WalletAlertQuery;

/// Mutations of alerts.
#[derive(Debug, Default)]
pub struct WalletAlertMutation;

mutation_errors!(WalletAlertSet: [Invalid, TooLarge]);
mutation_errors!(WalletAlertRemove: [Invalid]);

/// When an organization is told that its wallet is low (`wallet.low`).
#[derive(Debug, SimpleObject)]
#[graphql(name = "WalletAlert")]
pub struct WalletAlertObject {
    /// Told when what can be spent falls below this, once until it has recovered.
    pub threshold: MoneyObject,
    /// Whether it is below now, as far as was looked.
    pub is_low: bool,
    /// Since when the alert is set so.
    pub updated_at: DateTime<Utc>,
}

impl From<WalletAlert> for WalletAlertObject {
    fn from(alert: WalletAlert) -> Self {
        Self { threshold: alert.threshold.into(), is_low: alert.is_low, updated_at: alert.updated_at }
    }
}

/// An alert to set.
#[derive(Debug, InputObject)]
pub struct WalletAlertSetInput {
    /// Below how much; one for each currency.
    pub threshold: MoneyInput,
}

/// An alert to remove.
#[derive(Debug, InputObject)]
pub struct WalletAlertRemoveInput {
    /// The alert in this currency.
    pub currency_code: CurrencyCode,
}

/// The answer of `walletAlertSet`.
#[derive(Debug, SimpleObject)]
pub struct WalletAlertSetPayload {
    /// The alert.
    pub wallet_alert: Option<WalletAlertObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletAlertSet>>,
}

/// The answer of `walletAlertRemove`.
#[derive(Debug, SimpleObject)]
pub struct WalletAlertRemovePayload {
    /// Whether there was one.
    pub removed: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletAlertRemove>>,
}

#[Object]
impl WalletAlertQuery {
    /// The alerts of the caller's organization, one for each currency at most.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    async fn wallet_alerts(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WalletAlertObject>> {
        let alerts = answer(ctx, webhooks::wallet_alerts(app(ctx), caller(ctx)).await)?;
        Ok(alerts.into_iter().map(WalletAlertObject::from).collect())
    }
}

#[Object]
impl WalletAlertMutation {
    /// Sets below how much the caller's organization is told that its wallet is low, in the currency of the amount. Told at once
    /// when it is.
    async fn wallet_alert_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletAlertSetInput,
    ) -> async_graphql::Result<WalletAlertSetPayload> {
        let result = match input.threshold.positive("threshold") {
            Ok(threshold) => webhooks::wallet_alert_set(app(ctx), caller(ctx), threshold).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (alert, user_errors) = settle(ctx, result)?;
        Ok(WalletAlertSetPayload { wallet_alert: alert.map(Into::into), user_errors })
    }

    /// Ends the alert in a currency.
    async fn wallet_alert_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletAlertRemoveInput,
    ) -> async_graphql::Result<WalletAlertRemovePayload> {
        let result = match input.currency_code.0.parse::<Currency>() {
            Ok(currency) => webhooks::wallet_alert_remove(app(ctx), caller(ctx), currency).await,
            Err(error) => Err(Refusal::invalid("currencyCode", error.to_string()).into()),
        };
        let (removed, user_errors) = settle(ctx, result)?;
        Ok(WalletAlertRemovePayload { removed, user_errors })
    }
}
