//! Disputes and the evidence against them.

use gateways::payments::{Dispute, DisputeStatus, Evidence, GatewayError, PageRequest, Window};
use stripe_core::dispute::{ListDispute, UpdateDispute, UpdateDisputeEvidence};
use stripe_shared::DisputeStatus as Status;

use crate::currency::from_stripe;
use crate::list::{created, paged};
use crate::value::{id, id_of, mode, moment};
use crate::{balance, value};

/// What Stripe takes in all.
const MAX_EVIDENCE_CHARS: usize = 150_000;

pub(crate) fn submit(dispute: &str, evidence: &Evidence, submit: bool) -> Result<UpdateDispute, GatewayError> {
    if evidence.chars() > MAX_EVIDENCE_CHARS {
        return Err(GatewayError::Refused {
            code: "evidence_too_long".to_owned(),
            message: format!("evidence has at most {MAX_EVIDENCE_CHARS} characters in all"),
        });
    }
    Ok(UpdateDispute::new(id(dispute)?).evidence(fields(evidence.clone())).submit(submit))
}

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListDispute {
    paged!(ListDispute::new().created(created(window)), page)
}

pub(crate) fn read(dispute: stripe_shared::Dispute) -> Dispute {
    Dispute {
        id: dispute.id.to_string(),
        mode: mode(dispute.livemode),
        status: match dispute.status {
            Status::WarningNeedsResponse => DisputeStatus::WarningNeedsResponse,
            Status::WarningUnderReview => DisputeStatus::WarningUnderReview,
            Status::WarningClosed => DisputeStatus::WarningClosed,
            Status::NeedsResponse => DisputeStatus::NeedsResponse,
            Status::UnderReview => DisputeStatus::UnderReview,
            Status::Won => DisputeStatus::Won,
            Status::Lost => DisputeStatus::Lost,
            Status::Prevented => DisputeStatus::Prevented,
            other => DisputeStatus::Other(other.as_str().to_owned()),
        },
        amount: from_stripe(dispute.amount, &dispute.currency),
        charge: dispute.charge.into_id().to_string(),
        payment: id_of(dispute.payment_intent),
        reason: dispute.reason,
        evidence_due: dispute.evidence_details.due_by.map(value::moment),
        past_due: dispute.evidence_details.past_due,
        submissions: dispute.evidence_details.submission_count,
        entries: dispute.balance_transactions.into_iter().map(balance::read_entry).collect(),
        created: moment(dispute.created),
        metadata: dispute.metadata.into_iter().collect(),
    }
}

fn fields(evidence: Evidence) -> UpdateDisputeEvidence {
    let mut fields = UpdateDisputeEvidence::new();
    fields.access_activity_log = evidence.access_activity_log;
    fields.billing_address = evidence.billing_address;
    fields.cancellation_policy_disclosure = evidence.cancellation_policy_disclosure;
    fields.cancellation_rebuttal = evidence.cancellation_rebuttal;
    fields.customer_email_address = evidence.customer_email;
    fields.customer_name = evidence.customer_name;
    fields.customer_purchase_ip = evidence.customer_ip;
    fields.duplicate_charge_explanation = evidence.duplicate_charge_explanation;
    fields.duplicate_charge_id = evidence.duplicate_charge;
    fields.product_description = evidence.product_description;
    fields.refund_policy_disclosure = evidence.refund_policy_disclosure;
    fields.refund_refusal_explanation = evidence.refund_refusal_explanation;
    fields.service_date = evidence.service_date;
    fields.uncategorized_text = evidence.uncategorized;
    fields
}
