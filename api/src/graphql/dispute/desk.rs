//! The arbiter's desk. What an arbiter may read of a case it reads through `disputeInspect`, which logs the look.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::StaffRole;
use domain::dispute::reason::{DisputeDetail, DisputeReason};
use domain::dispute::{DisputeStatus, Stage, State};
use domain::id::DisputeId;
use store::disputes::Dispute;

use super::super::connection::{NodeConnection, connection, page, page_cost};
use super::super::error::{UserError, answer, settle, top_level};
use super::super::id::{parse_id, to_id};
use super::super::word::Word;
use super::super::{app, caller};
use super::case::DisputeCase;
use super::input::{DeskDisputeInput, DisputeConfirmInput, DisputeRuleInput};
use crate::app::dispute;
use crate::app::{AppError, Caller};
use crate::mutation_errors;

const OLDEST: &str = "desk:oldest";

mutation_errors!(DisputeInspect: [Invalid, NotFound]);
mutation_errors!(DisputeRule: [
    Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Conflict, IdempotencyMismatch
]);
mutation_errors!(DisputeConfirm: [
    Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Conflict, IdempotencyMismatch
]);
mutation_errors!(DisputeRecuse: [Invalid, NotFound, WrongState, OutsideWindow, Conflict]);

/// Queries of the arbiter's desk.
#[derive(Debug, Default)]
pub struct DeskQuery;

/// Mutations of the arbiter's desk.
#[derive(Debug, Default)]
pub struct DeskMutation;

/// A dispute on an arbiter's desk, without what the parties said and who the person is.
#[derive(Debug, SimpleObject)]
pub struct DeskDispute {
    /// The dispute's id. It is not named `id`: who looks from the desk does not see the object that `node` finds by it.
    pub dispute_id: ID,
    /// Where it stands.
    pub status: Word<DisputeStatus>,
    /// What is claimed.
    pub reason: Word<DisputeReason>,
    /// What exactly.
    pub detail: Word<DisputeDetail>,
    /// Whether an earlier ruling was appealed.
    pub appeal: bool,
    /// The first arbiter's ruling that waits for the caller's word, in percent.
    pub proposed_refund_percent: Option<i32>,
    /// When the rule on the evidence decides.
    pub due_at: Option<DateTime<Utc>>,
    /// When the dispute was opened.
    pub opened_at: DateTime<Utc>,
}

impl From<Dispute> for DeskDispute {
    fn from(dispute: Dispute) -> Self {
        let review = if let State::UnderReview(review) = dispute.state() { Some(review) } else { None };
        let proposed = review.and_then(|review| match &review.stage {
            Stage::Confirming { proposed } => Some(i32::from(proposed.refund.value())),
            _ => None,
        });
        Self {
            dispute_id: to_id(dispute.id),
            status: dispute.state().status().into(),
            reason: dispute.reason.into(),
            detail: dispute.detail.into(),
            appeal: dispute.state().is_appealed(),
            proposed_refund_percent: proposed,
            due_at: dispute.state().timer(),
            opened_at: dispute.opened_at,
        }
    }
}

/// The answer of `disputeInspect`.
#[derive(SimpleObject)]
pub struct DisputeInspectPayload {
    /// The case.
    pub case: Option<DisputeCase>,
    /// What was wrong.
    pub user_errors: Vec<UserError<DisputeInspect>>,
}

/// Declares a payload with the dispute on the desk and the user errors of one mutation.
macro_rules! payload {
    ($name:ident, $errors:ident, $mutation:literal) => {
        #[doc = concat!("The answer of `", $mutation, "`.")]
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The dispute.
            pub dispute: Option<DeskDispute>,
            /// What was wrong.
            pub user_errors: Vec<UserError<$errors>>,
        }

        impl $name {
            fn of(ctx: &Context<'_>, result: Result<Dispute, AppError>) -> async_graphql::Result<Self> {
                let (dispute, user_errors) = settle(ctx, result)?;
                Ok(Self { dispute: dispute.map(DeskDispute::from), user_errors })
            }
        }
    };
}

payload!(DisputeRulePayload, DisputeRule, "disputeRule");
payload!(DisputeConfirmPayload, DisputeConfirm, "disputeConfirm");
payload!(DisputeRecusePayload, DisputeRecuse, "disputeRecuse");

/// What a caller may do comes before what it says.
fn arbiter<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    caller(ctx).principal.require_staff(StaffRole::Arbiter).map_err(top_level)?;
    Ok(caller(ctx))
}

#[Object]
impl DeskQuery {
    /// The disputes that wait for the calling arbiter, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn desk_disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DeskDispute>> {
        let caller = arbiter(ctx)?;
        let page = page::<DisputeId>(OLDEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, dispute::desk_disputes(app(ctx), caller, &page).await)?;
        Ok(connection(OLDEST, slice, page.after.is_some(), |dispute| dispute.id, DeskDispute::from))
    }
}

#[Object]
impl DeskMutation {
    /// Opens a case on the calling arbiter's desk: the disputed lead, both sides' evidence, and what the exchange knows. The
    /// look is logged in the dispute's history.
    async fn dispute_inspect(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeskDisputeInput,
    ) -> async_graphql::Result<DisputeInspectPayload> {
        let caller = arbiter(ctx)?;
        let result = match parse_id(&input.dispute_id, "disputeId") {
            Ok(id) => dispute::dispute_inspect(app(ctx), caller, id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (view, user_errors) = settle(ctx, result)?;
        Ok(DisputeInspectPayload { case: view.map(|view| DisputeCase::of(app(ctx), view)), user_errors })
    }

    /// Decides a case on the calling arbiter's desk. From a configured price on, a second arbiter has to confirm.
    async fn dispute_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeRuleInput,
    ) -> async_graphql::Result<DisputeRulePayload> {
        let caller = arbiter(ctx)?;
        let result = match input.parse() {
            Ok(input) => dispute::dispute_rule(app(ctx), caller, input).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeRulePayload::of(ctx, result)
    }

    /// Agrees or disagrees with the first arbiter's ruling in a case on the calling arbiter's desk.
    async fn dispute_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeConfirmInput,
    ) -> async_graphql::Result<DisputeConfirmPayload> {
        let caller = arbiter(ctx)?;
        let result = match parse_id(&input.dispute_id, "disputeId") {
            Ok(id) => dispute::dispute_confirm(app(ctx), caller, id, input.agrees, &input.idempotency_key).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeConfirmPayload::of(ctx, result)
    }

    /// Steps aside in a case on the calling arbiter's desk; another arbiter without ties is drawn. The deadline stays.
    async fn dispute_recuse(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeskDisputeInput,
    ) -> async_graphql::Result<DisputeRecusePayload> {
        let caller = arbiter(ctx)?;
        let result = match parse_id(&input.dispute_id, "disputeId") {
            Ok(id) => dispute::dispute_recuse(app(ctx), caller, id).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeRecusePayload::of(ctx, result)
    }
}
