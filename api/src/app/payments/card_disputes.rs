//! Card payments that their payer's bank questions.

use domain::access::StaffRole;
use domain::account::{Organization, OrganizationStatus};
use domain::card_dispute::CardDisputeState;
use domain::id::{CardDisputeId, OrganizationId};
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use gateways::payments::{Dispute, DisputeStatus, GatewayError};
use store::page::{Page, Slice};
use store::payments::card_disputes::{CardDispute, SeenDispute, card_dispute_apply, chargeback_write_off};

use super::evidence::{Package, package_of};
use super::top_ups::noted_id;
use super::{inside, key_of, provider, stripe, unavailable};
use crate::app::listings::ORGANIZATION_OFFERS_END;
use crate::app::wallet::wallet_owner_or_all;
use crate::app::{App, AppError, Caller};

/// A page of disputed payments, newest first: the organization's own, or for an operator those of one or of all.
pub async fn card_disputes(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    page: &Page<CardDisputeId>,
) -> Result<Slice<CardDispute>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.card_disputes(owner, page).await?)
}

/// What shows that the payment was rightly taken: what it bought, when that was delivered, and that each person had asked. For
/// operators.
pub async fn chargeback_evidence(app: &App, caller: &Caller, id: CardDisputeId) -> Result<Package, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    package_of(app, &dispute_read(app, id).await?).await
}

/// Sends the evidence to the bank, which takes it once. For operators.
pub async fn chargeback_evidence_submit(app: &App, caller: &Caller, id: CardDisputeId) -> Result<CardDispute, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    provider(app)?;
    let dispute = dispute_read(app, id).await?;
    if !matches!(dispute.seen.state, CardDisputeState::NeedsResponse | CardDisputeState::Inquiry)
        || dispute.submitted_at.is_some()
    {
        let message = format!("the bank takes no evidence: the dispute is {}", dispute.seen.state.as_str());
        return Err(Refusal::new(Code::WrongState, message).at("cardDisputeId").into());
    }
    let evidence = package_of(app, &dispute).await?.evidence();
    let key = key_of(&["evidence", &id.to_string()])?;
    let seen = match stripe(app)?.dispute_submit_evidence(&key, &dispute.seen.stripe_id, &evidence, true).await {
        Ok(seen) => seen,
        Err(GatewayError::Refused { code, .. }) => {
            return Err(Refusal::wrong_state(format!("the bank takes no evidence: {code}")).at("cardDisputeId").into());
        }
        Err(error) => return Err(unavailable(error)),
    };
    apply(app, &dispute.seen, &seen).await
}

async fn dispute_read(app: &App, id: CardDisputeId) -> Result<CardDispute, AppError> {
    let known = app.store.card_dispute(id).await?;
    known.ok_or_else(|| Refusal::not_found("cardDisputeId", "disputed payment").into())
}

/// Something happened to a dispute: its state now counts.
pub(super) async fn dispute_happened(app: &App, dispute: &str) -> Result<(), AppError> {
    let gateway = stripe(app)?;
    let seen = gateway.dispute_retrieve(dispute).await.map_err(unavailable)?;
    let Some(payment) = &seen.payment else { return Ok(()) };
    let mut top_up = app.store.top_up_of_payment(payment).await?;
    if top_up.as_ref().is_none_or(|known| known.paid().is_none()) {
        // The dispute overtook the news that the payment was paid: that comes first.
        let payment = gateway.payment_retrieve(payment).await.map_err(unavailable)?;
        let Some(id) = noted_id(&payment.metadata, None) else { return Ok(()) };
        super::top_ups::payment_happened(app, &payment.id).await?;
        top_up = app.store.top_up(id).await?;
    }
    let Some(top_up) = top_up else { return Ok(()) };
    let known = SeenDispute {
        stripe_id: seen.id.clone(),
        organization: top_up.organization,
        top_up: top_up.id,
        amount: inside(&seen.amount)?,
        reason: seen.reason.clone(),
        state: CardDisputeState::Inquiry,
        due_at: None,
        submitted: false,
    };
    apply(app, &known, &seen).await.map(drop)
}

/// Asks the provider about a dispute that is not decided.
pub(super) async fn dispute_drive(app: &App, id: CardDisputeId) -> Result<(), AppError> {
    let known = dispute_read(app, id).await?.seen;
    let seen = stripe(app)?.dispute_retrieve(&known.stripe_id).await.map_err(unavailable)?;
    apply(app, &known, &seen).await.map(drop)
}

async fn apply(app: &App, known: &SeenDispute, seen: &Dispute) -> Result<CardDispute, AppError> {
    let seen = SeenDispute {
        state: state_of(&seen.status).unwrap_or(known.state),
        due_at: seen.evidence_due,
        submitted: seen.submissions > 0,
        ..known.clone()
    };
    let poll_secs = app.config.stripe.poll_secs;
    app.store
        .write("card_dispute_apply", move |tx| {
            let seen = seen.clone();
            async move { Ok::<_, AppError>(card_dispute_apply(&tx, seen, poll_secs).await?) }
        })
        .await
}

/// Where a dispute stands in the exchange's words; `None` for a status that is not known yet.
pub(super) fn state_of(status: &DisputeStatus) -> Option<CardDisputeState> {
    Some(match status {
        DisputeStatus::WarningNeedsResponse | DisputeStatus::WarningUnderReview => CardDisputeState::Inquiry,
        DisputeStatus::WarningClosed | DisputeStatus::Prevented => CardDisputeState::Closed,
        DisputeStatus::NeedsResponse => CardDisputeState::NeedsResponse,
        DisputeStatus::UnderReview => CardDisputeState::UnderReview,
        DisputeStatus::Won => CardDisputeState::Won,
        DisputeStatus::Lost => CardDisputeState::Lost,
        DisputeStatus::Other(_) => return None,
    })
}

/// What organizations did not pay of chargebacks in time becomes the exchange's loss, and they are suspended; answers how many
/// chargebacks were looked at. A debt that was paid meanwhile costs nobody anything.
pub async fn chargebacks_write_off(app: &App) -> Result<u64, AppError> {
    let before = plus_secs(app.now(), app.config.stripe.debt_secs.saturating_neg());
    let mut done = 0_u64;
    for id in app.store.chargebacks_overdue(before, app.config.workers.batch).await? {
        let written = app.store.write("chargeback_write_off", move |tx| async move {
            let Some((organization, amount)) = chargeback_write_off(&tx, id).await? else { return Ok(None) };
            if amount.minor > 0
                && let Some(known) = tx.organization_lock(organization).await?
                && known.status == OrganizationStatus::Active
            {
                tx.organization_update(&Organization { status: OrganizationStatus::Suspended, ..known }).await?;
                let payload = serde_json::json!({ "organization": organization });
                tx.enqueue(ORGANIZATION_OFFERS_END, payload, tx.now().await?).await?;
            }
            Ok::<_, AppError>(Some((organization, amount)))
        });
        if let Some((organization, amount)) = written.await? {
            done = done.saturating_add(1);
            if amount.minor > 0 {
                tracing::warn!(%organization, %amount, "a chargeback was written off and its organization suspended");
                app.identity.forget();
            }
        }
    }
    Ok(done)
}
