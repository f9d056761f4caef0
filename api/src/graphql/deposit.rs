//! Money that came in.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::DepositId;
use domain::refusal::Refusal;
use store::deposits::Deposit;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::wallet::owner;
use super::{app, caller};
use crate::app::wallet;
use crate::mutation_errors;

/// Queries about deposits.
#[derive(Debug, Default)]
pub struct DepositQuery;

/// Mutations of deposits.
#[derive(Debug, Default)]
pub struct DepositMutation;

mutation_errors!(DepositRecord: [Invalid, Required, TooLarge, NotFound, Taken, IdempotencyMismatch]);

/// A bank transfer that came in.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Deposit")]
pub struct DepositObject {
    /// The id.
    pub id: ID,
    /// Whose wallet it went to.
    pub organization_id: ID,
    /// How much.
    pub amount: MoneyObject,
    /// How the bank names the transfer.
    pub bank_reference: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl From<Deposit> for DepositObject {
    fn from(deposit: Deposit) -> Self {
        Self {
            id: to_id(deposit.id),
            organization_id: to_id(deposit.organization),
            amount: deposit.amount.into(),
            bank_reference: deposit.bank_reference,
            recorded_at: deposit.recorded_at,
        }
    }
}

/// A bank transfer to record.
#[derive(Debug, InputObject)]
pub struct DepositRecordInput {
    /// Whose wallet it goes to.
    pub organization_id: ID,
    /// How much.
    pub amount: MoneyInput,
    /// How the bank names the transfer, at most 140 characters; one transfer is recorded once.
    pub bank_reference: String,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `depositRecord`.
#[derive(Debug, SimpleObject)]
pub struct DepositRecordPayload {
    /// The recorded deposit.
    pub deposit: Option<DepositObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<DepositRecord>>,
}

#[Object]
impl DepositQuery {
    /// The deposits of the caller's organization, newest first; an operator sees those of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn deposits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DepositObject>> {
        let page = page::<DepositId>("deposits:newest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, wallet::deposits(app(ctx), caller(ctx), owner(organization_id)?, &page).await)?;
        Ok(connection("deposits:newest", slice, page.after.is_some(), |row| row.id, DepositObject::from))
    }
}

#[Object]
impl DepositMutation {
    /// Records a bank transfer that came in and puts it into the wallet. For operators.
    async fn deposit_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DepositRecordInput,
    ) -> async_graphql::Result<DepositRecordPayload> {
        let parsed = || -> Result<wallet::DepositRecord, Refusal> {
            let organization = parse_id(&input.organization_id, "organizationId")?;
            let bank_reference = input.bank_reference.clone();
            Ok(wallet::DepositRecord { organization, amount: input.amount.positive("amount")?, bank_reference })
        };
        let result = match parsed() {
            Ok(deposit) => wallet::deposit_record(app(ctx), caller(ctx), &input.idempotency_key, deposit).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (deposit, user_errors) = settle(ctx, result)?;
        Ok(DepositRecordPayload { deposit: deposit.map(DepositObject::from), user_errors })
    }
}
