//! Verification after intake: checks run again, a call held, an operator's look, an answer of the person.

use domain::access::{Permission, Principal, StaffRole};
use domain::contact::KeyKind;
use domain::id::{LeadId, UserId};
use domain::lead::{Lead, LeadState, judge};
use domain::refusal::{Code, Refusal};
use domain::scoring::score;
use domain::time::Timestamp;
use domain::verification::{
    CallDisposition, Check, CheckKind, Finding, SampleVerdict, checks_at_intake, sample, spoken, verdict,
};
use serde_json::{Value, json};
use store::leads::{Judged, LeadScope, StoredLead};
use store::suppressions::StoredSuppression;
use store::verticals::StoredVertical;
use store::{StoreError, Tx};

use super::mail_domain::MAIL_DOMAIN_CHECK;
use super::{check_policy, probe, schema_of, unseal, weights};
use crate::app::{App, AppError, Caller};

/// The kind of the jobs that run checks again.
pub const LEAD_REVERIFY: &str = "lead_reverify";

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
}

/// What is recorded on a lead.
pub(in crate::app) enum Recorded {
    /// Every check of intake, again.
    IntakeAgain,
    /// Something that was found.
    Found(Finding),
}

/// Runs the checks of intake again, with what the exchange knows now; a look-up of the mail domain follows.
pub async fn lead_verify(app: &App, caller: &Caller, id: LeadId) -> Result<StoredLead, AppError> {
    let (scope, by) = worker_of(caller)?;
    let before = app.store.lead(scope, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let schema = &schema_of(app, &before).await?;
    app.store
        .write("lead_verify", |tx| async move {
            let lead = findings_record(app, &tx, scope, id, schema, &[Recorded::IntakeAgain], by).await?;
            if !lead.synthetic && lead.channels.contains(&domain::lead::Channel::Email) {
                tx.enqueue(MAIL_DOMAIN_CHECK, json!({ "leads": [id] }), tx.now().await?).await?;
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
                findings_record(app, &tx, LeadScope::Exchange, id, schema, &[Recorded::IntakeAgain], None).await
            })
            .await;
        // A lead that was closed meanwhile needs no checks.
        if let Err(error @ (AppError::Store(_) | AppError::Internal(_))) = done {
            return Err(error);
        }
    }
    Ok(())
}

/// Records a call with the person. One who asks never to be called again enters the do-not-contact list.
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
    let desk = if matches!(scope, LeadScope::Exchange) { "EXCHANGE" } else { "SELLER" };
    let finding = spoken(call.disposition, call.duration_secs).with("calledBy", desk);
    let finding = finding.with("calledAt", call.called_at.unwrap_or(now).to_rfc3339());
    let recorded = &[Recorded::Found(finding)];
    app.store
        .write("call_record", |tx| async move {
            if call.disposition == CallDisposition::DoNotCall {
                phone_suppress(app, &tx, call.lead, by).await?;
            }
            findings_record(app, &tx, scope, call.lead, schema, recorded, by).await
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
            findings_record(app, &tx, LeadScope::Exchange, id, schema, recorded, Some(operator)).await
        })
        .await
}

/// Records findings on a lead that `scope` may see, and what follows for its level, state and score.
pub(in crate::app) async fn findings_record(
    app: &App,
    tx: &Tx,
    scope: LeadScope,
    id: LeadId,
    schema: &StoredVertical,
    recorded: &[Recorded],
    by: Option<UserId>,
) -> Result<StoredLead, AppError> {
    let before = tx.lead_locked(scope, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    if !before.state.is_open() {
        return Err(Refusal::wrong_state(format!("the lead is {}", before.state.as_str())).into());
    }
    let envelope = tx.lead_envelope(id).await?.ok_or_else(|| StoreError::corrupt(format!("{id} without its contact")))?;
    let lead = before.with(&schema.path, unseal(app, id, envelope)?);
    let now = tx.now().await?;
    let mut found = Vec::new();
    for each in recorded {
        match each {
            Recorded::Found(finding) => found.push(finding.clone().at(now)),
            Recorded::IntakeAgain => found.extend(intake_again(app, tx, &before, &lead, schema, now).await?),
        }
    }
    let checks = latest(&before.checks, found);
    let definition = &schema.definition;
    let verdict = verdict(&checks, definition.required_level);
    let state: LeadState = judge(before.state, verdict)?;
    let score = score(&lead, definition, &weights(app, schema), &checks, verdict.level, now);
    Ok(tx.lead_judge(&before, &Judged { checks, level: verdict.level, state, score }, by).await?)
}

async fn intake_again(
    app: &App,
    tx: &Tx,
    before: &StoredLead,
    lead: &Lead,
    schema: &StoredVertical,
    now: Timestamp,
) -> Result<Vec<Check>, AppError> {
    let policy = check_policy(app);
    let probe = probe(app, before.seller, lead, Some(before));
    let around = tx.leads_around(std::slice::from_ref(&probe), policy.duplicate_window_secs).await?;
    let facts = around.facts(&probe, now, policy.duplicate_window_secs);
    Ok(checks_at_intake(lead, &schema.definition, &facts, &policy, now))
}

/// The outcomes that count: what was found now in place of what was found before, in the order of the kinds.
fn latest(before: &[Check], found: Vec<Check>) -> Vec<Check> {
    let replaced: Vec<CheckKind> = found.iter().map(|check| check.kind).collect();
    let mut checks: Vec<Check> = before.iter().filter(|check| !replaced.contains(&check.kind)).cloned().collect();
    checks.extend(found);
    checks.sort_by_key(|check| check.kind);
    checks
}

async fn phone_suppress(app: &App, tx: &Tx, id: LeadId, by: Option<UserId>) -> Result<(), AppError> {
    let Some(envelope) = tx.lead_envelope(id).await? else { return Ok(()) };
    let contact = unseal(app, id, envelope)?.contact;
    let keys = domain::contact::contact_keys(&contact);
    let (now, mut entries) = (tx.now().await?, Vec::new());
    for key in keys.iter().filter(|key| key.kind == KeyKind::Phone) {
        entries.push(StoredSuppression {
            id: tx.id(),
            kind: key.kind.as_str().to_owned(),
            hash: app.keys.keyed_hash(key.kind.as_str(), &key.canonical),
            reason: "the person asked never to be called again".to_owned(),
            source: format!("call about {id}"),
            added_by: by,
            created_at: now,
        });
    }
    tx.suppressions_add(&entries).await?;
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

/// The leads that a job's payload names.
pub(super) fn leads_of(payload: &Value) -> Result<Vec<LeadId>, AppError> {
    let spoiled = || AppError::internal("not the payload of a job on leads");
    let ids = payload.get("leads").cloned().ok_or_else(spoiled)?;
    serde_json::from_value(ids).map_err(|_| spoiled())
}
