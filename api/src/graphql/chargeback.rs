//! Chargebacks, and the wallets that they freeze.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::{ChargebackId, OrganizationId};
use domain::money::Money;
use domain::refusal::Refusal;
use store::chargebacks::{Chargeback, ChargebackDraft};

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::wallet::{Wallet, owner};
use super::{app, caller};
use crate::app::chargebacks;
use crate::mutation_errors;

/// Queries about chargebacks.
#[derive(Debug, Default)]
pub struct ChargebackQuery;

/// Mutations of chargebacks and frozen wallets.
#[derive(Debug, Default)]
pub struct ChargebackMutation;

mutation_errors!(ChargebackRecord: [Invalid, Required, TooLarge, NotFound, Taken, CurrencyMismatch, IdempotencyMismatch]);
mutation_errors!(WalletUnfreeze: [Invalid, NotFound, WrongState]);

/// A payment that its payer took back at the bank.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Chargeback")]
pub struct ChargebackObject {
    /// The id.
    pub id: ID,
    /// Whose wallet the payment had gone to.
    pub organization_id: ID,
    /// The deposit that was taken back, when the operator named one.
    pub deposit_id: Option<ID>,
    /// The payment by card that was taken back, when it was one.
    pub top_up_id: Option<ID>,
    /// How much was taken back.
    pub amount: MoneyObject,
    /// How the bank names it.
    pub reference: String,
    /// What the wallet gave at once.
    pub taken: MoneyObject,
    /// What the wallet lacked: the organization owes it since, and its next income pays it.
    pub owed: MoneyObject,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl From<Chargeback> for ChargebackObject {
    fn from(chargeback: Chargeback) -> Self {
        let Chargeback { id, draft, taken_minor, owed_minor, recorded_at } = chargeback;
        let money = |minor| MoneyObject::from(Money::new(minor, draft.amount.currency));
        Self {
            id: to_id(id),
            organization_id: to_id(draft.organization),
            deposit_id: draft.deposit.map(to_id),
            top_up_id: draft.top_up.map(to_id),
            amount: draft.amount.into(),
            taken: money(taken_minor),
            owed: money(owed_minor),
            reference: draft.reference,
            recorded_at,
        }
    }
}

/// A chargeback to record.
#[derive(Debug, InputObject)]
pub struct ChargebackRecordInput {
    /// Whose wallet the payment had gone to.
    pub organization_id: ID,
    /// The deposit that was taken back: once, and not more than it was.
    pub deposit_id: Option<ID>,
    /// The payment by card that was taken back: once, and not more than it was. The payment provider's own word of it, before or
    /// after, then books nothing more.
    pub top_up_id: Option<ID>,
    /// How much was taken back.
    pub amount: MoneyInput,
    /// How the bank names it, at most 140 characters; one chargeback is recorded once.
    pub reference: String,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

impl ChargebackRecordInput {
    fn parse(&self) -> Result<ChargebackDraft, Refusal> {
        Ok(ChargebackDraft {
            organization: parse_id(&self.organization_id, "organizationId")?,
            deposit: self.deposit_id.as_ref().map(|id| parse_id(id, "depositId")).transpose()?,
            top_up: self.top_up_id.as_ref().map(|id| parse_id(id, "topUpId")).transpose()?,
            amount: self.amount.positive("amount")?,
            reference: self.reference.clone(),
        })
    }
}

/// A frozen wallet that may spend again.
#[derive(Debug, InputObject)]
pub struct WalletUnfreezeInput {
    /// Whose.
    pub organization_id: ID,
}

/// The answer of `chargebackRecord`.
#[derive(Debug, SimpleObject)]
pub struct ChargebackRecordPayload {
    /// The recorded chargeback.
    pub chargeback: Option<ChargebackObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ChargebackRecord>>,
}

/// The answer of `walletUnfreeze`.
#[derive(Debug, SimpleObject)]
pub struct WalletUnfreezePayload {
    /// The wallet.
    pub wallet: Option<Wallet>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletUnfreeze>>,
}

#[Object]
impl ChargebackQuery {
    /// The chargebacks of the caller's organization, newest first; an operator sees those of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn chargebacks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ChargebackObject>> {
        let page = page::<ChargebackId>("chargebacks:newest", first, after.as_deref()).map_err(top_level)?;
        let found = chargebacks::chargebacks(app(ctx), caller(ctx), owner(organization_id)?, &page).await;
        let slice = answer(ctx, found)?;
        Ok(connection("chargebacks:newest", slice, page.after.is_some(), |row| row.id, ChargebackObject::from))
    }
}

#[Object]
impl ChargebackMutation {
    /// Records that a payer took money back at the bank. The wallet is frozen: no purchases, bids or withdrawals. What is
    /// there goes, the rest is owed, and income of every kind pays it first. For operators.
    async fn chargeback_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ChargebackRecordInput,
    ) -> async_graphql::Result<ChargebackRecordPayload> {
        let result = match input.parse() {
            Ok(draft) => chargebacks::chargeback_record(app(ctx), caller(ctx), &input.idempotency_key, draft).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (chargeback, user_errors) = settle(ctx, result)?;
        Ok(ChargebackRecordPayload { chargeback: chargeback.map(ChargebackObject::from), user_errors })
    }

    /// Lets a wallet that a chargeback froze spend again; what it owes stays owed. For operators.
    async fn wallet_unfreeze(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletUnfreezeInput,
    ) -> async_graphql::Result<WalletUnfreezePayload> {
        let organization = parse_id::<OrganizationId>(&input.organization_id, "organizationId");
        let result = match organization {
            Ok(id) => chargebacks::wallet_unfreeze(app(ctx), caller(ctx), id).await.map(|wallet| Wallet::of(id, wallet)),
            Err(refusal) => Err(refusal.into()),
        };
        let (wallet, user_errors) = settle(ctx, result)?;
        Ok(WalletUnfreezePayload { wallet, user_errors })
    }
}
