//! What the parties of a trade do about a claim.

use async_graphql::{Context, Object, SimpleObject};
use domain::access::Permission;
use store::disputes::Dispute;

use super::super::error::{UserError, settle, top_level};
use super::super::id::parse_id;
use super::super::{app, caller};
use super::input::{DisputeAppealInput, DisputeEvidenceAddInput, DisputeOpenInput, DisputeRespondInput, DisputeWithdrawInput};
use super::object::DisputeObject;
use crate::app::dispute;
use crate::app::{AppError, Caller};
use crate::mutation_errors;

mutation_errors!(DisputeOpen: [
    Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Taken, Conflict, IdempotencyMismatch
]);
mutation_errors!(DisputeRespond: [
    Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Taken, Conflict, IdempotencyMismatch
]);
mutation_errors!(DisputeWithdraw: [Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, IdempotencyMismatch]);
mutation_errors!(DisputeEvidenceAdd: [Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Taken]);
mutation_errors!(DisputeAppeal: [
    Invalid, Required, TooLarge, NotFound, WrongState, OutsideWindow, Taken, Conflict, IdempotencyMismatch
]);

/// Mutations of disputes by the parties.
#[derive(Debug, Default)]
pub struct DisputeMutation;

/// Declares a payload with the dispute and the user errors of one mutation.
macro_rules! payload {
    ($name:ident, $errors:ident, $mutation:literal) => {
        #[doc = concat!("The answer of `", $mutation, "`.")]
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The dispute.
            pub dispute: Option<DisputeObject>,
            /// What was wrong.
            pub user_errors: Vec<UserError<$errors>>,
        }

        impl $name {
            fn of(ctx: &Context<'_>, result: Result<Dispute, AppError>) -> async_graphql::Result<Self> {
                let (dispute, user_errors) = settle(ctx, result)?;
                Ok(Self { dispute: dispute.map(DisputeObject::from), user_errors })
            }
        }
    };
}

payload!(DisputeOpenPayload, DisputeOpen, "disputeOpen");
payload!(DisputeRespondPayload, DisputeRespond, "disputeRespond");
payload!(DisputeWithdrawPayload, DisputeWithdraw, "disputeWithdraw");
payload!(DisputeEvidenceAddPayload, DisputeEvidenceAdd, "disputeEvidenceAdd");
payload!(DisputeAppealPayload, DisputeAppeal, "disputeAppeal");

/// What a caller may do comes before what it says.
fn party<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Caller> {
    caller(ctx).principal.require(Permission::DisputesWrite).map_err(top_level)?;
    Ok(caller(ctx))
}

#[Object]
impl DisputeMutation {
    /// Claims that a bought lead is a pseudo-lead or breaks its listing: inside the hold, once per trade. The hold's clock
    /// stops; what the exchange can prove by itself is refunded at once. Needs `disputes:write`.
    async fn dispute_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeOpenInput,
    ) -> async_graphql::Result<DisputeOpenPayload> {
        let caller = party(ctx)?;
        let result = match input.parse() {
            Ok(input) => dispute::dispute_open(app(ctx), caller, input).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeOpenPayload::of(ctx, result)
    }

    /// Accepts or contests a claim against a lead that one sold. Silence until the deadline refunds the buyer. Needs
    /// `disputes:write`.
    async fn dispute_respond(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeRespondInput,
    ) -> async_graphql::Result<DisputeRespondPayload> {
        let caller = party(ctx)?;
        let result = match input.parse() {
            Ok(input) => dispute::dispute_respond(app(ctx), caller, input).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeRespondPayload::of(ctx, result)
    }

    /// Gives up one's own claim before a ruling: the hold's clock goes on. Needs `disputes:write`.
    async fn dispute_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeWithdrawInput,
    ) -> async_graphql::Result<DisputeWithdrawPayload> {
        let caller = party(ctx)?;
        let result = match parse_id(&input.dispute_id, "disputeId") {
            Ok(id) => dispute::dispute_withdraw(app(ctx), caller, id, &input.idempotency_key).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeWithdrawPayload::of(ctx, result)
    }

    /// Adds a statement or files to a dispute of one's own whose facts are still open. Needs `disputes:write`.
    async fn dispute_evidence_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeEvidenceAddInput,
    ) -> async_graphql::Result<DisputeEvidenceAddPayload> {
        let caller = party(ctx)?;
        let result = match input.parse() {
            Ok((id, shown)) => dispute::dispute_evidence_add(app(ctx), caller, id, shown).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeEvidenceAddPayload::of(ctx, result)
    }

    /// Asks another arbiter, once, with evidence that the first did not see. Needs `disputes:write`.
    async fn dispute_appeal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DisputeAppealInput,
    ) -> async_graphql::Result<DisputeAppealPayload> {
        let caller = party(ctx)?;
        let result = match input.parse() {
            Ok(input) => dispute::dispute_appeal(app(ctx), caller, input).await,
            Err(refusal) => Err(refusal.into()),
        };
        DisputeAppealPayload::of(ctx, result)
    }
}
