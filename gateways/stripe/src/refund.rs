//! Refunds.

use gateways::payments::{GatewayError, NewRefund, PageRequest, Refund, RefundStatus, Window};
use stripe_core::refund::{CreateRefund, ListRefund};

use crate::currency::{from_stripe, to_stripe};
use crate::list::{created, paged};
use crate::value::{id_of, metadata, moment, notes};

/// Stripe takes the number only, in the payment's own currency, which the refund in the answer names.
pub(crate) fn create(refund: &NewRefund) -> Result<CreateRefund, GatewayError> {
    let (minor, _) = to_stripe(&refund.amount)?;
    let request = CreateRefund::new().payment_intent(&refund.payment).amount(minor);
    Ok(match notes(&refund.metadata) {
        Some(notes) => request.metadata(notes),
        None => request,
    })
}

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListRefund {
    paged!(ListRefund::new().created(created(window)), page)
}

pub(crate) fn read(refund: stripe_shared::Refund) -> Refund {
    Refund {
        id: refund.id.to_string(),
        status: match refund.status.as_deref() {
            Some("pending") | None => RefundStatus::Pending,
            Some("requires_action") => RefundStatus::RequiresAction,
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed") => RefundStatus::Failed,
            Some("canceled") => RefundStatus::Canceled,
            Some(other) => RefundStatus::Other(other.to_owned()),
        },
        amount: from_stripe(refund.amount, &refund.currency),
        payment: id_of(refund.payment_intent),
        charge: id_of(refund.charge),
        failure_reason: refund.failure_reason,
        created: moment(refund.created),
        metadata: metadata(refund.metadata),
    }
}
