//! Money out through the payment provider: the account there, and withdrawals through it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use store::payments::connected_accounts::ConnectedAccount;

use super::error::{UserError, answer, settle};
use super::id::to_id;
use super::scalar::MoneyInput;
use super::wallet::{WithdrawalObject, owner};
use super::{app, caller};
use crate::app::payments::{accounts, withdrawals};
use crate::mutation_errors;

/// Queries about the account that an organization is paid through.
#[derive(Debug, Default)]
pub struct OnboardingQuery;

/// Mutations of that account, and of money out through it.
#[derive(Debug, Default)]
pub struct OnboardingMutation;

mutation_errors!(PayoutOnboardingStart: [WrongState, PaymentsNotConfigured, PaymentsUnavailable]);
mutation_errors!(WalletWithdraw: [
    Invalid, Required, TooLarge, WrongState, InsufficientFunds, WalletFrozen, OnboardingIncomplete, PaymentsNotConfigured,
    PaymentsUnavailable, IdempotencyMismatch
]);

/// The account at the payment provider that an organization is paid through.
#[derive(Debug, SimpleObject)]
pub struct PayoutOnboarding {
    /// Whose.
    pub organization_id: ID,
    /// Whether `walletWithdraw` may use it.
    pub ready: bool,
    /// Whether its owner went through the onboarding.
    pub details_submitted: bool,
    /// Whether it may receive money.
    pub transfers_enabled: bool,
    /// Whether it is paid out to its bank.
    pub payouts_enabled: bool,
    /// What the provider still needs, in its own names.
    pub requirements: Vec<String>,
    /// Why it is disabled, in the provider's words.
    pub disabled_reason: Option<String>,
    /// When this was so.
    pub updated_at: DateTime<Utc>,
}

impl From<ConnectedAccount> for PayoutOnboarding {
    fn from(account: ConnectedAccount) -> Self {
        Self {
            organization_id: to_id(account.organization),
            ready: account.transfers_enabled && account.payouts_enabled,
            details_submitted: account.details_submitted,
            transfers_enabled: account.transfers_enabled,
            payouts_enabled: account.payouts_enabled,
            requirements: account.requirements,
            disabled_reason: account.disabled_reason,
            updated_at: account.updated_at,
        }
    }
}

/// Money to take out.
#[derive(Debug, InputObject)]
pub struct WalletWithdrawInput {
    /// How much.
    pub amount: MoneyInput,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `payoutOnboardingStart`.
#[derive(Debug, SimpleObject)]
pub struct PayoutOnboardingStartPayload {
    /// The account.
    pub onboarding: Option<PayoutOnboarding>,
    /// Where a person of the organization goes on with it. The address works once and for minutes.
    pub url: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<PayoutOnboardingStart>>,
}

/// The answer of `walletWithdraw`.
#[derive(Debug, SimpleObject)]
pub struct WalletWithdrawPayload {
    /// The withdrawal.
    pub withdrawal: Option<WithdrawalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletWithdraw>>,
}

#[Object]
impl OnboardingQuery {
    /// The account that the caller's organization is paid through; null before `payoutOnboardingStart`. An operator names one.
    async fn payout_onboarding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
    ) -> async_graphql::Result<Option<PayoutOnboarding>> {
        let found = answer(ctx, accounts::payout_onboarding(app(ctx), caller(ctx), owner(organization_id)?).await)?;
        Ok(found.map(PayoutOnboarding::from))
    }
}

#[Object]
impl OnboardingMutation {
    /// Begins or goes on with the onboarding at the payment provider, which pays the organization out.
    async fn payout_onboarding_start(&self, ctx: &Context<'_>) -> async_graphql::Result<PayoutOnboardingStartPayload> {
        let (started, user_errors) = settle(ctx, accounts::payout_onboarding_start(app(ctx), caller(ctx)).await)?;
        let (onboarding, url) = started.map(|started| (started.account.into(), started.url)).unzip();
        Ok(PayoutOnboardingStartPayload { onboarding, url, user_errors })
    }

    /// Takes money out through the account at the payment provider. Where no provider is set up this says so, and
    /// `withdrawalRequest` asks an operator to pay a bank account instead.
    async fn wallet_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletWithdrawInput,
    ) -> async_graphql::Result<WalletWithdrawPayload> {
        let result = match input.amount.positive("amount") {
            Ok(amount) => withdrawals::wallet_withdraw(app(ctx), caller(ctx), &input.idempotency_key, amount).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (withdrawal, user_errors) = settle(ctx, result)?;
        Ok(WalletWithdrawPayload { withdrawal: withdrawal.map(WithdrawalObject::from), user_errors })
    }
}
