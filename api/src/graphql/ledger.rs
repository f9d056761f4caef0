//! The exchange's own side of the ledger, for operators.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::ledger::{Account, AccountKind};
use domain::money::Money;
use domain::refusal::Refusal;
use store::corrections::{Correction, CorrectionEnd};
use store::ledger::{MoneyStop, Report};

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{CurrencyCode, MoneyInput, MoneyObject};
use super::wallet::{StatementEntry, currency};
use super::word::Word;
use super::{app, caller};
use crate::app::ledger;
use crate::mutation_errors;

/// Queries about the ledger as a whole.
#[derive(Debug, Default)]
pub struct LedgerQuery;

/// Mutations of the ledger as a whole.
#[derive(Debug, Default)]
pub struct LedgerMutation;

mutation_errors!(CorrectionRecord: [Invalid, Required, TooLarge, NotFound, InsufficientFunds, IdempotencyMismatch]);
mutation_errors!(LedgerVerify: [WrongState]);
mutation_errors!(MoneyStopLift: [WrongState]);

/// One invariant of the ledger.
#[derive(Debug, SimpleObject)]
pub struct LedgerCheck {
    /// What must hold.
    pub invariant: &'static str,
    /// The first row that breaks it; null when it holds.
    pub broken: Option<String>,
}

/// Every invariant of the ledger, checked.
#[derive(Debug, SimpleObject)]
pub struct LedgerReport {
    /// Whether all hold.
    pub clean: bool,
    /// Each of them.
    pub checks: Vec<LedgerCheck>,
}

impl From<Report> for LedgerReport {
    fn from(report: Report) -> Self {
        let clean = report.first_broken().is_none();
        let checks = report.checks.into_iter().map(|check| LedgerCheck { invariant: check.invariant, broken: check.broken });
        Self { clean, checks: checks.collect() }
    }
}

/// Why and since when no money moves.
#[derive(Debug, SimpleObject)]
#[graphql(name = "MoneyStop")]
pub struct MoneyStopObject {
    /// The invariant that broke and the row that broke it.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl From<MoneyStop> for MoneyStopObject {
    fn from(stop: MoneyStop) -> Self {
        Self { reason: stop.reason, since: stop.since }
    }
}

/// One of the exchange's own accounts.
#[derive(Debug, SimpleObject)]
pub struct ExchangeAccount {
    /// What it holds.
    pub kind: Word<AccountKind>,
    /// Which stripe of the commission, from 0; 0 for every other account.
    pub stripe: i32,
    /// In which currency.
    pub currency_code: CurrencyCode,
    /// The balance.
    pub balance: MoneyObject,
}

impl ExchangeAccount {
    fn of((account, balance_minor): (Account, i64)) -> Self {
        Self {
            kind: account.kind.into(),
            stripe: account.stripe.into(),
            currency_code: CurrencyCode(account.currency.to_string()),
            balance: Money::new(balance_minor, account.currency).into(),
        }
    }
}

/// A correction of the ledger.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Correction")]
pub struct CorrectionObject {
    /// The id.
    pub id: ID,
    /// How much moved.
    pub amount: MoneyObject,
    /// Why.
    pub memo: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl From<Correction> for CorrectionObject {
    fn from(correction: Correction) -> Self {
        let Correction { id, amount, memo, recorded_at, .. } = correction;
        Self { id: to_id(id), amount: amount.into(), memo, recorded_at }
    }
}

/// An account that a correction touches.
#[derive(Debug, InputObject)]
pub struct LedgerAccountInput {
    /// Which account. RESERVED, ESCROW and PAYOUT cannot be corrected: they follow bids, trades and withdrawals.
    pub kind: Word<AccountKind>,
    /// Whose; null for the exchange's own.
    pub organization_id: Option<ID>,
}

impl LedgerAccountInput {
    fn parse(&self, field: &str) -> Result<CorrectionEnd, Refusal> {
        let organization = self.organization_id.as_ref().map(|id| parse_id(id, "organizationId")).transpose();
        Ok(CorrectionEnd { kind: self.kind.0, organization: organization.map_err(|refusal| refusal.at(field))? })
    }
}

/// A correction to record.
#[derive(Debug, InputObject)]
pub struct CorrectionRecordInput {
    /// Where the money leaves.
    pub from: LedgerAccountInput,
    /// Where it arrives.
    pub to: LedgerAccountInput,
    /// How much.
    pub amount: MoneyInput,
    /// Why, at most 500 characters; the organization reads it on its statement.
    pub memo: String,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `correctionRecord`.
#[derive(Debug, SimpleObject)]
pub struct CorrectionRecordPayload {
    /// The recorded correction.
    pub correction: Option<CorrectionObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<CorrectionRecord>>,
}

/// The answer of `ledgerVerify`.
#[derive(Debug, SimpleObject)]
pub struct LedgerVerifyPayload {
    /// What was found.
    pub report: Option<LedgerReport>,
    /// What was wrong with the request.
    pub user_errors: Vec<UserError<LedgerVerify>>,
}

/// The answer of `moneyStopLift`.
#[derive(Debug, SimpleObject)]
pub struct MoneyStopLiftPayload {
    /// The clean report on which money moves again.
    pub report: Option<LedgerReport>,
    /// What was wrong.
    pub user_errors: Vec<UserError<MoneyStopLift>>,
}

#[Object]
impl LedgerQuery {
    /// Why no money moves; null when it does. For operators.
    async fn money_stop(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<MoneyStopObject>> {
        Ok(answer(ctx, ledger::money_stop(app(ctx), caller(ctx)).await)?.map(MoneyStopObject::from))
    }

    /// The exchange's own accounts: commission, losses, and the world outside. For operators.
    async fn exchange_accounts(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ExchangeAccount>> {
        let accounts = answer(ctx, ledger::exchange_accounts(app(ctx), caller(ctx)).await)?;
        Ok(accounts.into_iter().map(ExchangeAccount::of).collect())
    }

    /// Every movement on one of the exchange's own accounts, newest first. For operators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn exchange_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account.")] account: Word<AccountKind>,
        #[graphql(desc = "Which stripe of the commission; 0 when not said.")] stripe: Option<i32>,
        #[graphql(desc = "In which currency; the exchange's default when not said.")] currency_code: Option<CurrencyCode>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<StatementEntry>> {
        let currency = currency(ctx, currency_code)?;
        let stripe = i16::try_from(stripe.unwrap_or(0)).unwrap_or(i16::MAX);
        let account = Account { stripe, ..Account::exchange(account.0, currency) };
        let sort = format!("exchange:{account}");
        let page = page::<i64>(&sort, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, ledger::exchange_statement(app(ctx), caller(ctx), account, &page).await)?;
        Ok(connection(&sort, slice, page.after.is_some(), |row| row.key, |row| StatementEntry::of(currency, row)))
    }
}

#[Object]
impl LedgerMutation {
    /// Corrects a mistake by another journal; nothing in the ledger is ever rewritten. For operators.
    async fn correction_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CorrectionRecordInput,
    ) -> async_graphql::Result<CorrectionRecordPayload> {
        let parsed = || -> Result<ledger::CorrectionRecord, Refusal> {
            let (from, to) = (input.from.parse("from")?, input.to.parse("to")?);
            Ok(ledger::CorrectionRecord { from, to, amount: input.amount.positive("amount")?, memo: input.memo.clone() })
        };
        let result = match parsed() {
            Ok(correction) => ledger::correction_record(app(ctx), caller(ctx), &input.idempotency_key, correction).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (correction, user_errors) = settle(ctx, result)?;
        Ok(CorrectionRecordPayload { correction: correction.map(CorrectionObject::from), user_errors })
    }

    /// Checks every invariant of the ledger; a broken one stops all movements of money. For operators.
    async fn ledger_verify(&self, ctx: &Context<'_>) -> async_graphql::Result<LedgerVerifyPayload> {
        let (report, user_errors) = settle(ctx, ledger::ledger_verify(app(ctx), caller(ctx)).await)?;
        Ok(LedgerVerifyPayload { report: report.map(LedgerReport::from), user_errors })
    }

    /// Lets money move again, after a verification that finds nothing. For operators.
    async fn money_stop_lift(&self, ctx: &Context<'_>) -> async_graphql::Result<MoneyStopLiftPayload> {
        let (report, user_errors) = settle(ctx, ledger::money_stop_lift(app(ctx), caller(ctx)).await)?;
        Ok(MoneyStopLiftPayload { report: report.map(LedgerReport::from), user_errors })
    }
}
