//! Working on bought leads: calls, outcomes, next steps.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::evidence::{AttemptDisposition, CallAttempt as Attempt};
use domain::id::{TradeId, UserId};
use domain::outcome::{NextStep as Planned, NextStepKind, Outcome, OutcomeKind, Report};
use domain::refusal::Refusal;
use domain::time::{Timestamp, truncated};
use store::calls::Call;
use store::outcomes::{Recorded, Step};

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::word::Word;
use super::{app, caller};
use crate::app::{Caller, outcome};
use crate::mutation_errors;

const DUE: &str = "agenda:due";

mutation_errors!(CallAttemptLog: [Invalid, Required, TooLarge, NotFound, WrongState]);
mutation_errors!(OutcomeRecord: [Invalid, Required, TooLarge, NotFound, WrongState]);
mutation_errors!(NextStepSet: [Invalid, Required, TooLarge, NotFound, WrongState]);
mutation_errors!(NextStepComplete: [Invalid, NotFound, WrongState]);

/// Queries about the work on bought leads.
#[derive(Debug, Default)]
pub struct OutcomeQuery;

/// Mutations of the work on bought leads.
#[derive(Debug, Default)]
pub struct OutcomeMutation;

/// A call that a buyer logged.
#[derive(Debug, SimpleObject)]
pub struct CallAttempt {
    /// The id.
    pub id: ID,
    /// The trade.
    pub trade_id: ID,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it lasted, in seconds.
    pub duration_secs: i32,
    /// How it ended.
    pub disposition: Word<AttemptDisposition>,
    /// When it was logged.
    pub recorded_at: DateTime<Utc>,
}

/// What became of a bought lead, as recorded once. The last one holds.
#[derive(Debug, SimpleObject)]
pub struct OutcomeEntry {
    /// The id.
    pub id: ID,
    /// The trade.
    pub trade_id: ID,
    /// What became of it.
    pub kind: Word<OutcomeKind>,
    /// Until when it was deferred.
    pub until: Option<DateTime<Utc>>,
    /// Why the person does not buy; null once the trade was refunded or the person erased.
    pub reason: Option<String>,
    /// What the buyer earned.
    pub revenue: Option<MoneyObject>,
    /// The agent responsible from then on.
    pub agent_id: Option<ID>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// What is to be done next on a bought lead.
#[derive(Debug, SimpleObject)]
pub struct NextStep {
    /// The trade.
    pub trade_id: ID,
    /// What.
    pub kind: Word<NextStepKind>,
    /// When.
    pub due_at: DateTime<Utc>,
    /// Who does it.
    pub agent_id: Option<ID>,
    /// What to remember; null once the trade was refunded or the person erased.
    pub note: Option<String>,
    /// When it was done, or the trade was refunded or the person erased.
    pub done_at: Option<DateTime<Utc>>,
}

/// A call to be logged.
#[derive(Debug, InputObject)]
pub struct CallAttemptLogInput {
    /// The trade by which the lead was bought.
    pub trade_id: ID,
    /// When the call began: after the sale, not in the future.
    pub at: DateTime<Utc>,
    /// How long it lasted, in seconds: 0 to 14,400.
    pub duration_secs: i32,
    /// How it ended.
    pub disposition: Word<AttemptDisposition>,
}

/// What became of a bought lead.
#[derive(Debug, InputObject)]
pub struct OutcomeRecordInput {
    /// The trade by which the lead was bought.
    pub trade_id: ID,
    /// What became of it.
    pub kind: Word<OutcomeKind>,
    /// For DEFERRED: until when.
    pub until: Option<DateTime<Utc>>,
    /// For REFUSED_TO_BUY: why; at most 500 characters.
    pub reason: Option<String>,
    /// For CONVERTED: what the buyer earned, in any currency.
    pub revenue: Option<MoneyInput>,
    /// The agent responsible from now on; the caller when absent.
    pub agent_id: Option<ID>,
}

/// What is to be done next.
#[derive(Debug, InputObject)]
pub struct NextStepSetInput {
    /// The trade by which the lead was bought.
    pub trade_id: ID,
    /// What.
    pub kind: Word<NextStepKind>,
    /// When: in the future, at most three years ahead.
    pub due_at: DateTime<Utc>,
    /// Who does it: a member of the organization.
    pub agent_id: Option<ID>,
    /// What to remember; at most 500 characters.
    pub note: Option<String>,
}

/// A step that is done.
#[derive(Debug, InputObject)]
pub struct NextStepCompleteInput {
    /// The trade whose open step is done.
    pub trade_id: ID,
}

/// The answer of `callAttemptLog`.
#[derive(Debug, SimpleObject)]
pub struct CallAttemptLogPayload {
    /// The call.
    pub call_attempt: Option<CallAttempt>,
    /// What was wrong.
    pub user_errors: Vec<UserError<CallAttemptLog>>,
}

/// The answer of `outcomeRecord`.
#[derive(Debug, SimpleObject)]
pub struct OutcomeRecordPayload {
    /// The outcome.
    pub outcome: Option<OutcomeEntry>,
    /// What was wrong.
    pub user_errors: Vec<UserError<OutcomeRecord>>,
}

/// The answer of `nextStepSet`.
#[derive(Debug, SimpleObject)]
pub struct NextStepSetPayload {
    /// The step.
    pub next_step: Option<NextStep>,
    /// What was wrong.
    pub user_errors: Vec<UserError<NextStepSet>>,
}

/// The answer of `nextStepComplete`.
#[derive(Debug, SimpleObject)]
pub struct NextStepCompletePayload {
    /// The step, done.
    pub next_step: Option<NextStep>,
    /// What was wrong.
    pub user_errors: Vec<UserError<NextStepComplete>>,
}

impl From<Call> for CallAttempt {
    fn from(call: Call) -> Self {
        Self {
            id: to_id(call.id),
            trade_id: to_id(call.trade),
            at: call.attempt.at,
            duration_secs: i32::try_from(call.attempt.duration_secs).unwrap_or(i32::MAX),
            disposition: call.attempt.disposition.into(),
            recorded_at: call.recorded_at,
        }
    }
}

impl From<Recorded> for OutcomeEntry {
    fn from(recorded: Recorded) -> Self {
        let kind = recorded.outcome.kind();
        let (until, reason, revenue) = match recorded.outcome {
            Outcome::Deferred { until } => (Some(until), None, None),
            Outcome::RefusedToBuy { reason } => (None, reason, None),
            Outcome::Converted { revenue } => (None, None, Some(revenue)),
            _ => (None, None, None),
        };
        Self {
            id: to_id(recorded.id),
            trade_id: to_id(recorded.trade),
            kind: kind.into(),
            until,
            reason,
            revenue: revenue.map(MoneyObject::from),
            agent_id: recorded.agent.map(to_id),
            recorded_at: recorded.recorded_at,
        }
    }
}

impl From<Step> for NextStep {
    fn from(step: Step) -> Self {
        Self {
            trade_id: to_id(step.trade),
            kind: step.step.kind.into(),
            due_at: step.step.due_at,
            agent_id: step.step.agent.map(to_id),
            note: step.step.note,
            done_at: step.done_at,
        }
    }
}

impl OutcomeRecordInput {
    fn parse(self) -> Result<(TradeId, Report, Option<UserId>), Refusal> {
        let revenue = self.revenue.map(|money| money.parse("revenue")).transpose()?;
        let report = Report { kind: self.kind.0, until: self.until.map(truncated), reason: self.reason, revenue };
        Ok((parse_id(&self.trade_id, "tradeId")?, report, agent(self.agent_id.as_ref())?))
    }
}

impl NextStepSetInput {
    fn parse(self) -> Result<(TradeId, Planned), Refusal> {
        let agent = agent(self.agent_id.as_ref())?;
        let step = Planned { kind: self.kind.0, due_at: truncated(self.due_at), agent, note: self.note };
        Ok((parse_id(&self.trade_id, "tradeId")?, step))
    }
}

pub(super) fn agent(id: Option<&ID>) -> Result<Option<UserId>, Refusal> {
    id.map(|id| parse_id(id, "agentId")).transpose()
}

/// What a caller may do comes before what it says.
pub(super) fn worker<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    caller(ctx).principal.require(Permission::OutcomesWrite).map_err(top_level)?;
    Ok(caller(ctx))
}

fn reader<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    caller(ctx).principal.require(Permission::TradesRead).map_err(top_level)?;
    Ok(caller(ctx))
}

#[Object]
impl OutcomeQuery {
    /// The outcomes that the caller's organization recorded on a trade, oldest first. Needs `trades:read`.
    #[graphql(complexity = "child_complexity * 20 + 1")]
    async fn outcomes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade.")] trade_id: ID,
    ) -> async_graphql::Result<Vec<OutcomeEntry>> {
        let caller = reader(ctx)?;
        let trade = parse_id(&trade_id, "tradeId").map_err(top_level)?;
        let found = answer(ctx, outcome::outcomes(app(ctx), caller, trade).await)?;
        Ok(found.into_iter().map(OutcomeEntry::from).collect())
    }

    /// The calls that the caller's organization logged on a trade, oldest first. Needs `trades:read`.
    #[graphql(complexity = "child_complexity * 20 + 1")]
    async fn call_attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade.")] trade_id: ID,
    ) -> async_graphql::Result<Vec<CallAttempt>> {
        let caller = reader(ctx)?;
        let trade = parse_id(&trade_id, "tradeId").map_err(top_level)?;
        let found = answer(ctx, outcome::call_attempts(app(ctx), caller, trade).await)?;
        Ok(found.into_iter().map(CallAttempt::from).collect())
    }

    /// The step set last on a trade of the caller's organization, done or not. Needs `trades:read`.
    async fn next_step(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade.")] trade_id: ID,
    ) -> async_graphql::Result<Option<NextStep>> {
        let caller = reader(ctx)?;
        let trade = parse_id(&trade_id, "tradeId").map_err(top_level)?;
        Ok(answer(ctx, outcome::next_step_of(app(ctx), caller, trade).await)?.map(NextStep::from))
    }

    /// The open steps of the caller's organization, the earliest due first. Needs `trades:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn agenda(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this agent.")] agent_id: Option<ID>,
        #[graphql(desc = "Only those due before this instant.")] due_before: Option<DateTime<Utc>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<NextStep>> {
        let caller = reader(ctx)?;
        let page = page::<(Timestamp, TradeId)>(DUE, first, after.as_deref()).map_err(top_level)?;
        let agent = agent(agent_id.as_ref()).map_err(top_level)?;
        let slice = answer(ctx, outcome::agenda(app(ctx), caller, agent, due_before, &page).await)?;
        Ok(connection(DUE, slice, page.after.is_some(), |step| (step.step.due_at, step.trade), NextStep::from))
    }
}

#[Object]
impl OutcomeMutation {
    /// Logs a call on a bought lead: what a claim that nobody can be reached needs. Needs `outcomes:write`.
    async fn call_attempt_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CallAttemptLogInput,
    ) -> async_graphql::Result<CallAttemptLogPayload> {
        let caller = worker(ctx)?;
        let duration_secs = i64::from(input.duration_secs);
        let attempt = Attempt { at: truncated(input.at), duration_secs, disposition: input.disposition.0 };
        let result = match parse_id(&input.trade_id, "tradeId") {
            Ok(trade) => outcome::call_attempt_log(app(ctx), caller, trade, attempt).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (call, user_errors) = settle(ctx, result)?;
        Ok(CallAttemptLogPayload { call_attempt: call.map(CallAttempt::from), user_errors })
    }

    /// Records what became of a bought lead; the history keeps what was recorded before. Needs `outcomes:write`.
    async fn outcome_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: OutcomeRecordInput,
    ) -> async_graphql::Result<OutcomeRecordPayload> {
        let caller = worker(ctx)?;
        let result = match input.parse() {
            Ok((trade, report, agent)) => outcome::outcome_add(app(ctx), caller, trade, report, agent).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (recorded, user_errors) = settle(ctx, result)?;
        Ok(OutcomeRecordPayload { outcome: recorded.map(OutcomeEntry::from), user_errors })
    }

    /// Sets what is to be done next on a bought lead, in place of the step before. Needs `outcomes:write`.
    async fn next_step_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: NextStepSetInput,
    ) -> async_graphql::Result<NextStepSetPayload> {
        let caller = worker(ctx)?;
        let result = match input.parse() {
            Ok((trade, step)) => outcome::next_step(app(ctx), caller, trade, step).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (step, user_errors) = settle(ctx, result)?;
        Ok(NextStepSetPayload { next_step: step.map(NextStep::from), user_errors })
    }

    /// Marks the open step on a bought lead as done. Needs `outcomes:write`.
    async fn next_step_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: NextStepCompleteInput,
    ) -> async_graphql::Result<NextStepCompletePayload> {
        let caller = worker(ctx)?;
        let result = match parse_id(&input.trade_id, "tradeId") {
            Ok(trade) => outcome::next_step_done(app(ctx), caller, trade).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (step, user_errors) = settle(ctx, result)?;
        Ok(NextStepCompletePayload { next_step: step.map(NextStep::from), user_errors })
    }
}
