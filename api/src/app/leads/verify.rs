//! Verification after intake: checks run again, a call held, an operator's look, an answer of the person.

use domain::access::{Permission, Principal, StaffRole};
use domain::contact::KeyKind;
use domain::id::{LeadId, UploadId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::upload::UploadPurpose;
use domain::verification::{CallDisposition, CalledBy, SampleVerdict, sample, spoken};
use serde_json::{Value, json};
use store::job::Lane;
use store::leads::{Finder, LeadScope, StoredLead};
use store::{Tx, WriteError};

use super::mail_domain::MAIL_DOMAIN_CHECK;
use super::record::{Recorded, findings_record};
use super::schema_of;
use crate::app::{App, AppError, Caller};

/// The longest call, in seconds.
const MAX_CALL_SECS: u32 = 86_400;

/// A call that was held to verify a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The lead.
    pub lead: LeadId,
    /// How it ended.
    pub disposition: CallDisposition,
    /// How long it took, in seconds.
    pub duration_secs: u32,
    /// When it began; now, if nothing is said.
    pub called_at: Option<Timestamp>,
    /// The recording of a seller's call.
    pub recording: Option<UploadId>,
}

/// Runs the checks of intake again, with what the exchange knows now; a look-up of the mail domain follows.
pub async fn lead_verify(app: &App, caller: &Caller, id: LeadId) -> Result<StoredLead, AppError> {
    let (scope, by) = worker_of(caller)?;
    let before = app.store.lead(scope, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let schema = &schema_of(app, &before).await?;
    app.store
        .write("lead_verify", |tx| async move {
            let lead = findings_record(app, &tx, scope, id, schema, &[Recorded::IntakeAgain], by_user(by)).await?;
            if !lead.synthetic && lead.channels.contains(&domain::lead::Channel::Email) {
                tx.enqueue_in(Lane::LookUps, MAIL_DOMAIN_CHECK, json!({ "leads": [id] }), tx.now().await?).await?;
            }
            Ok(lead)
        })
        .await
}

/// Runs the checks of intake again for the leads of a job's payload: somebody on them entered a do-not-contact list.
pub async fn lead_reverify(app: &App, payload: &Value) -> Result<(), AppError> {
    for id in leads_of(payload)? {
        let Some(before) = app.store.lead(LeadScope::Exchange, id).await?.filter(|lead| lead.state.is_open()) else { continue };
        let schema = &schema_of(app, &before).await?;
        let done: Result<StoredLead, AppError> = app
            .store
            .write("lead_reverify", |tx| async move {
                findings_record(app, &tx, LeadScope::Exchange, id, schema, &[Recorded::IntakeAgain], Finder::default()).await
            })
            .await;
        // A lead that was closed meanwhile needs no checks.
        if let Err(error @ (AppError::Store(_) | AppError::Internal(_))) = done {
            return Err(error);
        }
    }
    Ok(())
}

/// Records a call with the person. One who asks never to be called again enters the do-not-contact list. What a seller says of
/// its own call counts as spoken only with a recording, and never against what the exchange heard.
pub async fn call_record(app: &App, caller: &Caller, call: CallRecord) -> Result<StoredLead, AppError> {
    let (scope, by) = worker_of(caller)?;
    if call.duration_secs > MAX_CALL_SECS {
        return Err(Refusal::new(Code::TooLarge, "a call takes at most a day").at("durationSecs").into());
    }
    let before = app.store.lead(scope, call.lead).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let now = app.now();
    if call.called_at.is_some_and(|at| at > now || at < before.captured_at) {
        return Err(Refusal::invalid("calledAt", "between the lead's capture and now").into());
    }
    let schema = &schema_of(app, &before).await?;
    let desk = if matches!(scope, LeadScope::Exchange) { CalledBy::Exchange } else { CalledBy::Seller };
    let finding = spoken(call.disposition, call.duration_secs, desk, call.recording.is_some());
    let finding = finding.with("calledAt", call.called_at.unwrap_or(now).to_rfc3339());
    let recorded = &[Recorded::Found(finding)];
    let finder = Finder { user: by, recording: call.recording };
    app.store
        .write("call_record", |tx| async move {
            if let Some(recording) = call.recording {
                recording_check(&tx, scope, recording).await?;
            }
            let lead = findings_record(app, &tx, scope, call.lead, schema, recorded, finder).await?;
            if call.disposition == CallDisposition::DoNotCall {
                let (reason, source) = ("the person asked never to be called again", format!("call about {}", call.lead));
                tx.lead_suppress(call.lead, Some(KeyKind::Phone), reason, &source, by).await?;
            }
            Ok(lead)
        })
        .await
}

/// Records what an operator made of a sampled lead.
pub async fn sample_check_record(app: &App, caller: &Caller, id: LeadId, verdict: SampleVerdict) -> Result<StoredLead, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let before = app.store.lead(LeadScope::Exchange, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let schema = &schema_of(app, &before).await?;
    let recorded = &[Recorded::Found(sample(verdict))];
    app.store
        .write("sample_check_record", |tx| async move {
            findings_record(app, &tx, LeadScope::Exchange, id, schema, recorded, by_user(Some(operator))).await
        })
        .await
}

/// The recording of a seller's call: its own, there, sound or video, and of no other call.
async fn recording_check(tx: &Tx, scope: LeadScope, id: UploadId) -> Result<(), WriteError> {
    let LeadScope::Seller(seller) = scope else {
        return Err(Refusal::invalid("recordingUploadId", "the exchange's own calls need no recording").into());
    };
    let unknown = || Refusal::not_found("recordingUploadId", "upload");
    let upload = tx.upload_locked(Some(seller), id).await?.ok_or_else(unknown)?;
    let Some(content) = upload.content.filter(|_| upload.purpose == UploadPurpose::Evidence) else {
        let message = "a file of EVIDENCE that was put";
        return Err(Refusal::invalid("recordingUploadId", message).into());
    };
    if !content.media_type.starts_with("audio/") && !content.media_type.starts_with("video/") {
        return Err(Refusal::invalid("recordingUploadId", "a recording is sound or video").into());
    }
    if tx.recording_told(&content.sha256).await? {
        return Err(Refusal::new(Code::Taken, "another call was told with this recording").at("recordingUploadId").into());
    }
    Ok(())
}

/// Whose leads the caller may work on: its own with the permission, all as an operator.
fn worker_of(caller: &Caller) -> Result<(LeadScope, Option<UserId>), Refusal> {
    if let Principal::Staff { user, role: StaffRole::Operator } = caller.principal {
        return Ok((LeadScope::Exchange, Some(user)));
    }
    let seller = caller.principal.require(Permission::LeadsWrite)?;
    Ok((LeadScope::Seller(seller), caller.principal.user()))
}

const fn by_user(user: Option<UserId>) -> Finder {
    Finder { user, recording: None }
}

/// The leads that a job's payload names.
pub(in crate::app) fn leads_of(payload: &Value) -> Result<Vec<LeadId>, AppError> {
    let spoiled = || AppError::internal("not the payload of a job on leads");
    let ids = payload.get("leads").cloned().ok_or_else(spoiled)?;
    serde_json::from_value(ids).map_err(|_| spoiled())
}
