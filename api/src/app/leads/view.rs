//! Looking at leads: without who they are, except for a recorded reveal.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::access::{Permission, Principal, StaffRole};
use domain::id::LeadId;
use domain::lead::{Sealed, Temperature};
use domain::refusal::Refusal;
use domain::scoring::{Contribution, Score, Weights, score};
use domain::time::Timestamp;
use domain::verification::{CalledBy, Check, is_discreet, to_seller};
use store::leads::{CheckRecord, Finder, LeadFilter, LeadScope, StoredLead};
use store::page::{Page, Slice};
use store::verticals::StoredVertical;

use super::{person_of, schema_of, weights};
use crate::app::{App, AppError, Caller};

/// A lead's score as of now, with what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreExplained {
    /// The lead.
    pub lead: LeadId,
    /// Points as of now, 0..=100.
    pub points: i64,
    /// What the points mean.
    pub temperature: Temperature,
    /// Every contribution; they add up to the points.
    pub contributions: Vec<Contribution>,
    /// Points when the lead last changed.
    pub stored_points: i64,
    /// When that was.
    pub stored_at: Timestamp,
    /// The weights that apply.
    pub weights: Weights,
}

/// A lead of the caller's organization, or any for an operator; `None` for everybody else.
pub async fn lead_get(app: &App, caller: &Caller, id: LeadId) -> Result<Option<StoredLead>, AppError> {
    Ok(app.store.lead(viewer_of(caller)?, id).await?)
}

/// The leads of the caller's organization, or all for an operator, the newest first.
pub async fn lead_list(
    app: &App,
    caller: &Caller,
    filter: &LeadFilter,
    page: &Page<LeadId>,
) -> Result<Slice<StoredLead>, AppError> {
    Ok(app.store.leads(viewer_of(caller)?, filter, page).await?)
}

/// Those of `ids` that the caller may see, in no order.
pub async fn leads_many(app: &App, caller: &Caller, ids: &[LeadId]) -> Result<Vec<StoredLead>, AppError> {
    Ok(app.store.leads_many(viewer_of(caller)?, ids).await?)
}

/// The latest `last` outcomes of the checks of each of those `ids` that the caller may see, each lead's oldest first, as far as
/// the caller may see them.
pub async fn lead_checks_many(
    app: &App,
    caller: &Caller,
    ids: &[LeadId],
    last: u64,
) -> Result<BTreeMap<LeadId, Vec<CheckRecord>>, AppError> {
    let histories = app.store.lead_checks_many(viewer_of(caller)?, ids, last).await?;
    if !is_seller(caller) {
        return Ok(histories);
    }
    let shown = |(id, history): (LeadId, Vec<CheckRecord>)| (id, history.into_iter().filter_map(to_its_seller).collect());
    Ok(histories.into_iter().map(shown).collect())
}

/// The checks of a lead as the caller, who may see the lead, may see them.
#[must_use]
pub fn checks_shown<'a>(caller: &Caller, checks: &'a [Check]) -> Cow<'a, [Check]> {
    if is_seller(caller) { Cow::Owned(to_seller(checks)) } else { Cow::Borrowed(checks) }
}

fn is_seller(caller: &Caller) -> bool {
    !matches!(caller.principal, Principal::Staff { .. })
}

/// What a seller sees of an outcome in the history: nothing of what others know of the person, nor who of the exchange's staff
/// found it.
fn to_its_seller(record: CheckRecord) -> Option<CheckRecord> {
    let own = record.check.called_by() == Some(CalledBy::Seller);
    let user = record.finder.user.filter(|_| own);
    (!is_discreet(record.check.kind)).then_some(CheckRecord { finder: Finder { user, ..record.finder }, ..record })
}

/// What a lead's score is made of, as of now; `None` when the caller may not see the lead, or its person was erased.
pub async fn score_explain(app: &App, caller: &Caller, id: LeadId) -> Result<Option<ScoreExplained>, AppError> {
    let Some(stored) = lead_get(app, caller, id).await? else { return Ok(None) };
    let schema = schema_of(app, &stored).await?;
    let weights = weights(app, &schema);
    let score = match person_of(app, id).await? {
        Some(sealed) => rescored(&stored, sealed, &schema, &weights, app.now()),
        // What is destroyed cannot be scored again; the last score stands.
        None => Score { points: stored.score, temperature: stored.temperature, contributions: stored.contributions.clone() },
    };
    Ok(Some(ScoreExplained {
        lead: id,
        points: score.points,
        temperature: score.temperature,
        contributions: score.contributions,
        stored_points: stored.score,
        stored_at: stored.updated_at,
        weights,
    }))
}

fn rescored(stored: &StoredLead, sealed: Sealed, schema: &StoredVertical, weights: &Weights, now: Timestamp) -> Score {
    let checks: &[Check] = &stored.checks;
    score(&stored.with(&schema.path, sealed), &schema.definition, weights, checks, stored.level, now)
}

/// Whose leads the caller may look at.
fn viewer_of(caller: &Caller) -> Result<LeadScope, Refusal> {
    match caller.principal {
        Principal::Staff { role: StaffRole::Operator, .. } => Ok(LeadScope::Exchange),
        _ => Ok(LeadScope::Seller(caller.principal.require(Permission::LeadsRead)?)),
    }
}
