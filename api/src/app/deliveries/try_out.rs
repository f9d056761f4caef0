//! A marked sample, sent at once, so that a buyer sees what its system makes of it.

use domain::access::Permission;
use domain::delivery::AttemptOutcome;
use domain::id::{DestinationId, TypedId};
use domain::refusal::{Code, Refusal};
use gateways::crm::{Lead, Next, Outcome, Shown, Stage};

use super::run::STEPS_MAX;
use super::send::{Reached, Target, Tried};
use crate::app::email_verification::require_verified_email;
use crate::app::member::require_member;
use crate::app::{App, AppError, Caller};

/// One step of a test.
#[derive(Debug, Clone)]
pub struct TestStep {
    /// What was sent, without secrets.
    pub request: Shown,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer, without secrets.
    pub answer: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What a test came to.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Its steps.
    pub steps: Vec<TestStep>,
    /// What the last of them came to.
    pub outcome: AttemptOutcome,
    /// Why.
    pub reason: Option<String>,
    /// The other side's id of the sample.
    pub external_id: Option<String>,
}

/// Sends a marked sample of a lead to a destination at once. It is nobody's lead, and nothing is kept of it.
pub async fn delivery_test(app: &App, caller: &Caller, id: DestinationId) -> Result<Tested, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let destination = app.store.destinations_many(organization, &[id]).await?.pop();
    let destination = destination.ok_or_else(|| Refusal::not_found("destinationId", "destination"))?;
    if destination.disabled_at.is_some() {
        return Err(Refusal::wrong_state("the destination is disabled").at("destinationId").into());
    }
    app.throttle(vec![app.delivery_test_limit(organization)]).await?;
    let (lead, key) = (Lead::sample(), format!("test-{}", app.store.id::<DestinationId>().uuid()));
    let (mut stage, mut steps, mut refused) = (Stage::First, Vec::new(), None);
    for _ in 0..STEPS_MAX {
        let (request, tried) = match Target::reach(app, &destination, refused, true).await? {
            Reached::Ready(target) => {
                let step = target.render(&lead, &key, &stage).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))?;
                (Some(step.shown()), target.send(app, &lead, &key, &stage, refused.is_none()).await)
            }
            Reached::Denied(denied) => (denied.request.clone(), Tried::from(*denied)),
            Reached::Wait(_) => {
                let message = "an access token is being got for the destination: try again in a moment";
                return Err(Refusal::wrong_state(message).at("destinationId").into());
            }
        };
        refused = refused.or(tried.refused);
        let (status, answer) = tried.answer.unzip();
        let millis = u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX);
        steps.extend(request.map(|request| TestStep { request, status, answer, millis }));
        match tried.next {
            Next::Continue(next) => stage = next,
            Next::Done(outcome) => {
                let external_id = match &outcome {
                    Outcome::Accepted { external_id } => external_id.clone(),
                    _ => None,
                };
                let (outcome, reason) = said(outcome, tried.reason);
                return Ok(Tested { steps, outcome, reason, external_id });
            }
        }
    }
    Err(AppError::internal("a delivery has more steps than there can be"))
}

fn said(outcome: Outcome, reason: Option<String>) -> (AttemptOutcome, Option<String>) {
    match outcome {
        Outcome::Accepted { .. } => (AttemptOutcome::Accepted, None),
        Outcome::Duplicate => (AttemptOutcome::Duplicate, None),
        Outcome::Rejected { reason } => (AttemptOutcome::Rejected, Some(reason)),
        Outcome::Unsubscribed => (AttemptOutcome::Unsubscribed, None),
        Outcome::Retry { .. } => (AttemptOutcome::Retry, reason),
        Outcome::Broken { reason } => (AttemptOutcome::Broken, Some(reason)),
    }
}
