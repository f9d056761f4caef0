//! Wallets: balances, statements, money in and out.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::{OrganizationId, WithdrawalId};
use domain::ledger::{JournalKind, WalletAccount};
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use domain::withdrawal::{WithdrawalMethod, WithdrawalState};
use store::ledger::{Balances, StatementRow};
use store::withdrawals::Withdrawal;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::payout::PayoutAccountObject;
use super::scalar::{CurrencyCode, MoneyInput, MoneyObject};
use super::word::Word;
use super::{app, caller};
use crate::app::wallet::{self, StatementOf, WithdrawalEnd};
use crate::mutation_errors;

/// Queries about money.
#[derive(Debug, Default)]
pub struct WalletQuery;

/// Mutations that move money out.
#[derive(Debug, Default)]
pub struct WalletMutation;

mutation_errors!(WithdrawalRequest: [
    Invalid, Required, TooLarge, WrongState, InsufficientFunds, WalletFrozen, IdempotencyMismatch
]);
mutation_errors!(WithdrawalConfirm: [Invalid, Required, TooLarge, NotFound, WrongState, IdempotencyMismatch]);
mutation_errors!(WithdrawalFail: [Invalid, Required, TooLarge, NotFound, WrongState, IdempotencyMismatch]);

/// What an organization has in one currency.
#[derive(Debug, SimpleObject)]
pub struct WalletBalances {
    /// The currency.
    pub currency_code: CurrencyCode,
    /// What can be spent or withdrawn.
    pub available: MoneyObject,
    /// Locked by open bids.
    pub reserved: MoneyObject,
    /// Held for own sales until the holds end.
    pub escrow: MoneyObject,
    /// Held of own purchases; it is in the sellers' escrow.
    pub held_as_buyer: MoneyObject,
    /// Withdrawals on their way.
    pub payout: MoneyObject,
    /// What is owed to the exchange; it is paid first by deposits and income, and blocks withdrawals.
    pub owed: MoneyObject,
}

/// An organization's wallet.
#[derive(Debug, SimpleObject)]
pub struct Wallet {
    /// Whose.
    pub organization_id: ID,
    /// By currency; only currencies in which it has had money.
    pub balances: Vec<WalletBalances>,
    /// Since when it may not spend: a payment was taken back at the bank, and an operator has to look.
    pub frozen_at: Option<DateTime<Utc>>,
    /// Where withdrawals go; null until `payoutAccountSet`.
    pub payout_account: Option<PayoutAccountObject>,
}

impl Wallet {
    pub(super) fn of(owner: OrganizationId, wallet: store::ledger::Wallet) -> Self {
        let store::ledger::Wallet { balances, frozen_at, payout_account } = wallet;
        let balances = balances.into_iter().map(|(currency, balances)| WalletBalances::of(currency, balances));
        Self {
            organization_id: to_id(owner),
            balances: balances.collect(),
            frozen_at,
            payout_account: payout_account.map(PayoutAccountObject::from),
        }
    }
}

impl WalletBalances {
    fn of(currency: Currency, balances: Balances) -> Self {
        let money = |minor| MoneyObject::from(Money::new(minor, currency));
        Self {
            currency_code: CurrencyCode(currency.to_string()),
            available: money(balances.available_minor),
            reserved: money(balances.reserved_minor),
            escrow: money(balances.escrow_minor),
            held_as_buyer: money(balances.held_as_buyer_minor),
            payout: money(balances.payout_minor),
            owed: money(balances.owed_minor),
        }
    }
}

/// One movement on an account.
#[derive(Debug, SimpleObject)]
pub struct StatementEntry {
    /// The movement.
    pub id: ID,
    /// The business event that it belongs to.
    pub journal_id: ID,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: Word<JournalKind>,
    /// To what: a bid, a trade, a deposit, a withdrawal.
    pub subject_id: ID,
    /// What came in; negative when it went out.
    pub amount: MoneyObject,
    /// The account's balance after it.
    pub balance: MoneyObject,
    /// A remark of the operator who recorded it.
    pub memo: Option<String>,
}

impl StatementEntry {
    pub(super) fn of(currency: Currency, row: StatementRow) -> Self {
        let money = |minor| MoneyObject::from(Money::new(minor, currency));
        Self {
            id: to_id(row.id),
            journal_id: to_id(row.journal),
            at: row.at,
            kind: row.kind.into(),
            subject_id: ID(row.subject.to_string()),
            amount: money(row.amount_minor),
            balance: money(row.balance_minor),
            memo: row.memo,
        }
    }
}

/// Money on its way out.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Withdrawal")]
pub struct WithdrawalObject {
    /// The id.
    pub id: ID,
    /// Whose money.
    pub organization_id: ID,
    /// How much.
    pub amount: MoneyObject,
    /// How it is carried out.
    pub method: Word<WithdrawalMethod>,
    /// Of a BANK withdrawal, the last four characters of the IBAN that it goes to; `withdrawalReveal` shows an operator the whole.
    pub payout_last_four: Option<String>,
    /// Where it stands.
    pub state: Word<WithdrawalState>,
    /// How the bank names the transfer that carried it out.
    pub bank_reference: Option<String>,
    /// Why the bank returned it.
    pub failure: Option<String>,
    /// What of it came back after it had left.
    pub returned: MoneyObject,
    /// What is still to be taken back from the connected account, since its bank returned it; more than nothing while RETURNING.
    pub return_due: MoneyObject,
    /// Why Stripe refused to give that back at the last attempt, such as `balance_insufficient`; it is tried again, for a start after
    /// minutes, then once a day, until it succeeds.
    pub return_failure: Option<String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When a STRIPE withdrawal left the exchange's account.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was paid, failed or taken back.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Withdrawal> for WithdrawalObject {
    fn from(withdrawal: Withdrawal) -> Self {
        let money = |minor| Money::new(minor, withdrawal.amount.currency).into();
        let (returned, return_due) = (money(withdrawal.returned_minor), money(withdrawal.return_due_minor()));
        Self {
            id: to_id(withdrawal.id),
            organization_id: to_id(withdrawal.organization),
            amount: withdrawal.amount.into(),
            method: withdrawal.method.into(),
            payout_last_four: withdrawal.payout_last_four,
            returned,
            return_due,
            return_failure: withdrawal.return_failure,
            sent_at: withdrawal.sent_at,
            state: withdrawal.state.into(),
            bank_reference: withdrawal.bank_reference,
            failure: withdrawal.failure,
            requested_at: withdrawal.requested_at,
            ended_at: withdrawal.ended_at,
        }
    }
}

/// A withdrawal to ask for.
#[derive(Debug, InputObject)]
pub struct WithdrawalRequestInput {
    /// How much.
    pub amount: MoneyInput,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// A withdrawal that the bank carried out.
#[derive(Debug, InputObject)]
pub struct WithdrawalConfirmInput {
    /// Which.
    pub withdrawal_id: ID,
    /// How the bank names the transfer, at most 140 characters.
    pub bank_reference: String,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// A withdrawal that the bank returned.
#[derive(Debug, InputObject)]
pub struct WithdrawalFailInput {
    /// Which.
    pub withdrawal_id: ID,
    /// Why, at most 500 characters.
    pub reason: String,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `withdrawalRequest`.
#[derive(Debug, SimpleObject)]
pub struct WithdrawalRequestPayload {
    /// The withdrawal.
    pub withdrawal: Option<WithdrawalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WithdrawalRequest>>,
}

/// The answer of `withdrawalConfirm`.
#[derive(Debug, SimpleObject)]
pub struct WithdrawalConfirmPayload {
    /// The withdrawal.
    pub withdrawal: Option<WithdrawalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WithdrawalConfirm>>,
}

/// The answer of `withdrawalFail`.
#[derive(Debug, SimpleObject)]
pub struct WithdrawalFailPayload {
    /// The withdrawal.
    pub withdrawal: Option<WithdrawalObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WithdrawalFail>>,
}

#[Object]
impl WalletQuery {
    /// The balances of the caller's organization; an operator names one.
    async fn wallet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
    ) -> async_graphql::Result<Wallet> {
        let organization = owner(organization_id)?;
        let (owner, wallet) = answer(ctx, wallet::wallet(app(ctx), caller(ctx), organization).await)?;
        Ok(Wallet::of(owner, wallet))
    }

    /// Every movement on an account of the caller's organization, newest first. The same as CSV: `GET /wallet/statement.csv`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn wallet_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account; AVAILABLE when not said.")] account: Option<Word<WalletAccount>>,
        #[graphql(desc = "In which currency; the exchange's default when not said.")] currency_code: Option<CurrencyCode>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<StatementEntry>> {
        let account = account.map_or(WalletAccount::Available, |word| word.0);
        let currency = currency(ctx, currency_code)?;
        let of = StatementOf { organization: owner(organization_id)?, account, currency };
        let sort = format!("statement:{}:{currency}", account.as_str());
        let page = page::<i64>(&sort, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, wallet::wallet_statement(app(ctx), caller(ctx), of, &page).await)?;
        Ok(connection(&sort, slice, page.after.is_some(), |row| row.key, |row| StatementEntry::of(currency, row)))
    }

    /// The withdrawals of the caller's organization, newest first; an operator sees those of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn withdrawals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] state: Option<Word<WithdrawalState>>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<WithdrawalObject>> {
        let page = page::<WithdrawalId>("withdrawals:newest", first, after.as_deref()).map_err(top_level)?;
        let organization = owner(organization_id)?;
        let found = wallet::withdrawals(app(ctx), caller(ctx), organization, state.map(|word| word.0), &page).await;
        let slice = answer(ctx, found)?;
        Ok(connection("withdrawals:newest", slice, page.after.is_some(), |row| row.id, WithdrawalObject::from))
    }
}

#[Object]
impl WalletMutation {
    /// Asks for money out, to the bank account that `payoutAccountSet` named.
    async fn withdrawal_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WithdrawalRequestInput,
    ) -> async_graphql::Result<WithdrawalRequestPayload> {
        let result = match input.amount.positive("amount") {
            Ok(amount) => wallet::withdrawal_request(app(ctx), caller(ctx), &input.idempotency_key, amount).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (withdrawal, user_errors) = settle(ctx, result)?;
        Ok(WithdrawalRequestPayload { withdrawal: withdrawal.map(WithdrawalObject::from), user_errors })
    }

    /// Records that the bank carried a withdrawal out. For operators.
    async fn withdrawal_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WithdrawalConfirmInput,
    ) -> async_graphql::Result<WithdrawalConfirmPayload> {
        let result = match parse_id(&input.withdrawal_id, "withdrawalId") {
            Ok(withdrawal) => {
                let end = WithdrawalEnd { withdrawal, text: input.bank_reference };
                wallet::withdrawal_confirm(app(ctx), caller(ctx), &input.idempotency_key, end).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (withdrawal, user_errors) = settle(ctx, result)?;
        Ok(WithdrawalConfirmPayload { withdrawal: withdrawal.map(WithdrawalObject::from), user_errors })
    }

    /// Records that the bank returned a withdrawal: the money is back in the wallet. For operators.
    async fn withdrawal_fail(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WithdrawalFailInput,
    ) -> async_graphql::Result<WithdrawalFailPayload> {
        let result = match parse_id(&input.withdrawal_id, "withdrawalId") {
            Ok(withdrawal) => {
                let end = WithdrawalEnd { withdrawal, text: input.reason };
                wallet::withdrawal_fail(app(ctx), caller(ctx), &input.idempotency_key, end).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (withdrawal, user_errors) = settle(ctx, result)?;
        Ok(WithdrawalFailPayload { withdrawal: withdrawal.map(WithdrawalObject::from), user_errors })
    }
}

/// The currency that an argument names, or the exchange's default.
pub(super) fn currency(ctx: &Context<'_>, code: Option<CurrencyCode>) -> async_graphql::Result<Currency> {
    let Some(code) = code else { return Ok(app(ctx).config.exchange.default_currency) };
    code.0.parse().map_err(|_| top_level(Refusal::invalid("currencyCode", "not a currency of ISO 4217")))
}

/// The organization that an argument names, if it names one.
pub(super) fn owner(organization_id: Option<ID>) -> async_graphql::Result<Option<OrganizationId>> {
    organization_id.map(|id| parse_id(&id, "organizationId")).transpose().map_err(top_level)
}
