//! What sellers and operators do with leads.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::LeadId;
use domain::refusal::Refusal;
use domain::verification::{CallDisposition, SampleVerdict};
use store::leads::StoredLead;

use super::super::error::{MutationErrors, UserError, settle};
use super::super::id::parse_id;
use super::super::word::Word;
use super::super::{app, caller};
use super::{LeadObject, LeadSubmitInput, shown};
use crate::app::AppError;
use crate::app::leads::{self, CallRecord as Call};
use crate::mutation_errors;

/// Mutations of leads.
#[derive(Debug, Default)]
pub struct LeadMutation;

mutation_errors!(LeadSubmit: [Invalid, Required, TooLarge, NotFound, NotALead, Taken]);
mutation_errors!(LeadVerify: [Invalid, NotFound, WrongState, Conflict]);
mutation_errors!(LeadWithdraw: [Invalid, NotFound, WrongState, Conflict]);
mutation_errors!(LeadErase: [Invalid, NotFound, WrongState, Conflict]);
mutation_errors!(CallRecord: [Invalid, TooLarge, NotFound, Taken, WrongState, Conflict]);
mutation_errors!(SampleCheckRecord: [Invalid, NotFound, WrongState, Conflict]);

/// A lead to work on.
#[derive(Debug, InputObject)]
pub struct LeadVerifyInput {
    /// The lead.
    pub lead_id: ID,
}

/// A lead to take back.
#[derive(Debug, InputObject)]
pub struct LeadWithdrawInput {
    /// The lead.
    pub lead_id: ID,
}

/// A lead whose contact data to destroy.
#[derive(Debug, InputObject)]
pub struct LeadEraseInput {
    /// The lead.
    pub lead_id: ID,
}

/// A call that was held to verify a lead.
#[derive(Debug, InputObject)]
pub struct CallRecordInput {
    /// The lead.
    pub lead_id: ID,
    /// How it ended.
    pub disposition: Word<CallDisposition>,
    /// How long it took, in seconds.
    #[graphql(default)]
    pub duration_secs: u32,
    /// When it began; now, if nothing is said.
    pub called_at: Option<DateTime<Utc>>,
    /// The recording of a seller's own call, sound or video: an upload of purpose EVIDENCE, of this call only. Without one
    /// the seller's word that the call went well counts for nothing.
    pub recording_upload_id: Option<ID>,
}

/// What an operator made of a sampled lead.
#[derive(Debug, InputObject)]
pub struct SampleCheckRecordInput {
    /// The lead.
    pub lead_id: ID,
    /// What it is.
    pub verdict: Word<SampleVerdict>,
}

macro_rules! lead_payload {
    ($($(#[$doc:meta])* $name:ident of $errors:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The lead.
            pub lead: Option<LeadObject>,
            /// What was wrong.
            pub user_errors: Vec<UserError<$errors>>,
        }

        impl From<(Option<LeadObject>, Vec<UserError<$errors>>)> for $name {
            fn from((lead, user_errors): (Option<LeadObject>, Vec<UserError<$errors>>)) -> Self {
                Self { lead, user_errors }
            }
        }
    )*};
}

lead_payload! {
    /// The answer of `leadSubmit`.
    LeadSubmitPayload of LeadSubmit;
    /// The answer of `leadVerify`.
    LeadVerifyPayload of LeadVerify;
    /// The answer of `leadWithdraw`.
    LeadWithdrawPayload of LeadWithdraw;
    /// The answer of `leadErase`.
    LeadErasePayload of LeadErase;
    /// The answer of `callRecord`.
    CallRecordPayload of CallRecord;
    /// The answer of `sampleCheckRecord`.
    SampleCheckRecordPayload of SampleCheckRecord;
}

#[Object]
impl LeadMutation {
    /// Hands in a lead: it is normalised, sealed, checked and scored. A lead that fails a check is kept as REJECTED, with
    /// the reason; a record that is no lead is refused.
    async fn lead_submit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadSubmitInput,
    ) -> async_graphql::Result<LeadSubmitPayload> {
        let result = match input.parse(app(ctx).now()) {
            Ok(draft) => leads::lead_submit(app(ctx), caller(ctx), draft).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }

    /// Runs the checks of intake again, with what the exchange knows now. For the lead's seller, and operators.
    async fn lead_verify(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadVerifyInput,
    ) -> async_graphql::Result<LeadVerifyPayload> {
        let result = match id(&input.lead_id) {
            Ok(id) => leads::lead_verify(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }

    /// Takes back a lead that is neither listed nor sold.
    async fn lead_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadWithdrawInput,
    ) -> async_graphql::Result<LeadWithdrawPayload> {
        let result = match id(&input.lead_id) {
            Ok(id) => leads::lead_withdraw(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }

    /// Destroys the contact data of a lead on which no buyer has a claim. There is no way back.
    async fn lead_erase(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadEraseInput,
    ) -> async_graphql::Result<LeadErasePayload> {
        let result = match id(&input.lead_id) {
            Ok(id) => leads::lead_erase(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }

    /// Records a call with the person: the spoken check. For the lead's seller, and operators. A seller's call that went well
    /// counts with a recording; only the exchange's call speaks for a number that fails its check, or against what the
    /// exchange heard before.
    async fn call_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CallRecordInput,
    ) -> async_graphql::Result<CallRecordPayload> {
        let result = match input.parse() {
            Ok(call) => leads::call_record(app(ctx), caller(ctx), call).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }

    /// Records what an operator made of a sampled lead. GENUINE overrules checks of appearance; a kind of pseudo-lead rejects.
    async fn sample_check_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SampleCheckRecordInput,
    ) -> async_graphql::Result<SampleCheckRecordPayload> {
        let result = match id(&input.lead_id) {
            Ok(id) => leads::sample_check_record(app(ctx), caller(ctx), id, input.verdict.0).await,
            Err(refusal) => Err(refusal.into()),
        };
        Ok(payload(ctx, result).await?.into())
    }
}

impl CallRecordInput {
    fn parse(self) -> Result<Call, Refusal> {
        let recording = self.recording_upload_id.as_ref().map(|upload| parse_id(upload, "recordingUploadId")).transpose()?;
        let (lead, disposition) = (id(&self.lead_id)?, self.disposition.0);
        Ok(Call { lead, disposition, duration_secs: self.duration_secs, called_at: self.called_at, recording })
    }
}

fn id(id: &ID) -> Result<LeadId, Refusal> {
    parse_id(id, "leadId")
}

async fn payload<M: MutationErrors>(
    ctx: &Context<'_>,
    result: Result<StoredLead, AppError>,
) -> async_graphql::Result<(Option<LeadObject>, Vec<UserError<M>>)> {
    let result = match result {
        Ok(lead) => shown(app(ctx), lead).await,
        Err(error) => Err(error),
    };
    settle(ctx, result)
}
