//! Recording what was found on leads: checks, and what follows for level, state and score.

use domain::id::LeadId;
use domain::lead::{Lead, LeadState, judge};
use domain::refusal::Refusal;
use domain::scoring::score;
use domain::time::Timestamp;
use domain::verification::{Check, Finding, checks_at_intake, is_discreet, prevailing, verdict};
use store::leads::{Finder, Judged, LeadScope, StoredLead};
use store::verticals::StoredVertical;
use store::{StoreError, Tx};

use super::{check_policy, probe, reach, unseal, weights};
use crate::app::{App, AppError};

/// What is recorded on a lead.
pub(in crate::app) enum Recorded {
    /// Every check of intake, again.
    IntakeAgain,
    /// Something that was found.
    Found(Finding),
}

/// Records findings on a lead that `scope` may see, and what follows for its level, state and score.
pub(in crate::app) async fn findings_record(
    app: &App,
    tx: &Tx,
    scope: LeadScope,
    id: LeadId,
    schema: &StoredVertical,
    recorded: &[Recorded],
    finder: Finder,
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
    let mut judged = judged(app, &before, &lead, schema, found.clone(), now)?;
    if judged.state.is_live() && !before.state.is_live() {
        // Others may have brought the person while this lead stood rejected, or the person asked to be left alone.
        let again = intake_again(app, tx, &before, &lead, schema, now).await?;
        found.extend(again.into_iter().filter(|check| is_discreet(check.kind)));
        judged = self::judged(app, &before, &lead, schema, found, now)?;
    }
    Ok(tx.lead_judge(&before, &Judged { finder, ..judged }).await?)
}

/// What `found` makes of a lead.
pub(super) fn judged(
    app: &App,
    before: &StoredLead,
    lead: &Lead,
    schema: &StoredVertical,
    found: Vec<Check>,
    now: Timestamp,
) -> Result<Judged, Refusal> {
    let prevailing = prevailing(&before.checks, found);
    let definition = &schema.definition;
    let verdict = verdict(&prevailing.checks, definition.required_level);
    let state: LeadState = judge(before.state, verdict)?;
    let score = score(lead, definition, &weights(app, schema), &prevailing.checks, verdict.level, now);
    let (checks, news) = (prevailing.checks, prevailing.news);
    Ok(Judged { checks, news, finder: Finder::default(), level: verdict.level, state, score })
}

async fn intake_again(
    app: &App,
    tx: &Tx,
    before: &StoredLead,
    lead: &Lead,
    schema: &StoredVertical,
    now: Timestamp,
) -> Result<Vec<Check>, AppError> {
    let (policy, reach) = (check_policy(app), reach(app));
    let probe = probe(app, before.seller, lead, Some(before));
    tx.leads_lock(std::slice::from_ref(&probe)).await?;
    let around = tx.leads_around(std::slice::from_ref(&probe), &reach).await?;
    let facts = around.facts(&probe, now, &reach);
    Ok(checks_at_intake(lead, &schema.definition, &facts, &policy, now))
}
