//! Where withdrawals go.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::refusal::Refusal;
use secrecy::SecretString;
use store::payouts::PayoutAccount;

use super::error::{UserError, settle};
use super::id::parse_id;
use super::wallet::WithdrawalObject;
use super::{app, caller};
use crate::app::payouts::{self, Payee, PayoutAccountSet as Account};
use crate::app::wallet::{self, WithdrawalEnd};
use crate::mutation_errors;

/// Mutations of the accounts that withdrawals go to.
#[derive(Debug, Default)]
pub struct PayoutMutation;

mutation_errors!(PayoutAccountSet: [Invalid, Required, TooLarge]);
mutation_errors!(WithdrawalCancel: [Invalid, Required, TooLarge, NotFound, WrongState, IdempotencyMismatch]);
mutation_errors!(WithdrawalReveal: [Invalid, NotFound]);

/// The bank account that withdrawals go to. Its whole number is read by operators only, one withdrawal at a time.
#[derive(Debug, SimpleObject)]
#[graphql(name = "PayoutAccount")]
pub struct PayoutAccountObject {
    /// The last four characters of its IBAN.
    pub last_four: String,
    /// Since when withdrawals go there.
    pub set_at: DateTime<Utc>,
}

impl From<PayoutAccount> for PayoutAccountObject {
    fn from(account: PayoutAccount) -> Self {
        Self { last_four: account.last_four, set_at: account.set_at }
    }
}

/// Who is paid by a withdrawal.
#[derive(SimpleObject)]
#[graphql(name = "Payee")]
pub struct PayeeObject {
    /// The IBAN, without spaces.
    pub iban: String,
    /// The account's holder.
    pub holder_name: String,
}

impl From<Payee> for PayeeObject {
    fn from(Payee { iban, holder_name }: Payee) -> Self {
        Self { iban, holder_name }
    }
}

/// A bank account to be paid.
#[derive(InputObject)]
pub struct PayoutAccountSetInput {
    /// Its IBAN, with or without spaces.
    pub iban: String,
    /// Its holder as the bank has it, at most 70 characters.
    pub holder_name: String,
}

/// A withdrawal to take back.
#[derive(Debug, InputObject)]
pub struct WithdrawalCancelInput {
    /// Which.
    pub withdrawal_id: ID,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// A withdrawal to be paid.
#[derive(Debug, InputObject)]
pub struct WithdrawalRevealInput {
    /// Which.
    pub withdrawal_id: ID,
}

/// The answer of `payoutAccountSet`.
#[derive(Debug, SimpleObject)]
pub struct PayoutAccountSetPayload {
    /// The account.
    pub payout_account: Option<PayoutAccountObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<PayoutAccountSet>>,
}

/// The answer of `withdrawalCancel`.
#[derive(Debug, SimpleObject)]
pub struct WithdrawalCancelPayload {
    /// The withdrawal.
    pub withdrawal: Option<WithdrawalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WithdrawalCancel>>,
}

/// The answer of `withdrawalReveal`.
#[derive(SimpleObject)]
pub struct WithdrawalRevealPayload {
    /// Who is to be paid.
    pub payee: Option<PayeeObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WithdrawalReveal>>,
}

#[Object]
impl PayoutMutation {
    /// Sets the bank account that the organization's withdrawals go to; those under way keep the one that they have.
    async fn payout_account_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PayoutAccountSetInput,
    ) -> async_graphql::Result<PayoutAccountSetPayload> {
        let account = Account { iban: SecretString::from(input.iban), holder_name: SecretString::from(input.holder_name) };
        let (account, user_errors) = settle(ctx, payouts::payout_account_set(app(ctx), caller(ctx), account).await)?;
        Ok(PayoutAccountSetPayload { payout_account: account.map(PayoutAccountObject::from), user_errors })
    }

    /// Takes a withdrawal back that the bank has not carried out: the money is back in the wallet.
    async fn withdrawal_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WithdrawalCancelInput,
    ) -> async_graphql::Result<WithdrawalCancelPayload> {
        let result = match parse_id(&input.withdrawal_id, "withdrawalId") {
            Ok(withdrawal) => {
                let end = WithdrawalEnd { withdrawal, text: String::new() };
                wallet::withdrawal_cancel(app(ctx), caller(ctx), &input.idempotency_key, end).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (withdrawal, user_errors) = settle(ctx, result)?;
        Ok(WithdrawalCancelPayload { withdrawal: withdrawal.map(WithdrawalObject::from), user_errors })
    }

    /// Shows who is to be paid by a withdrawal; every look is recorded. For operators.
    async fn withdrawal_reveal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WithdrawalRevealInput,
    ) -> async_graphql::Result<WithdrawalRevealPayload> {
        let id: Result<_, Refusal> = parse_id(&input.withdrawal_id, "withdrawalId");
        let result = match id {
            Ok(id) => payouts::withdrawal_reveal(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (payee, user_errors) = settle(ctx, result)?;
        Ok(WithdrawalRevealPayload { payee: payee.map(PayeeObject::from), user_errors })
    }
}
