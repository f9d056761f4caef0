//! Payouts of connected accounts to their banks.

use gateways::payments::{PageRequest, Payout, PayoutStatus, Window};
use stripe_core::payout::ListPayout;

use crate::currency::from_stripe;
use crate::list::{created, paged};
use crate::value::{metadata, mode, moment};

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListPayout {
    paged!(ListPayout::new().created(created(window)), page)
}

pub(crate) fn read(payout: stripe_shared::Payout) -> Payout {
    Payout {
        id: payout.id.to_string(),
        mode: mode(payout.livemode),
        status: match payout.status.as_str() {
            "pending" => PayoutStatus::Pending,
            "in_transit" => PayoutStatus::InTransit,
            "paid" => PayoutStatus::Paid,
            "failed" => PayoutStatus::Failed,
            "canceled" => PayoutStatus::Canceled,
            other => PayoutStatus::Other(other.to_owned()),
        },
        amount: from_stripe(payout.amount, &payout.currency),
        automatic: payout.automatic,
        arrival: moment(payout.arrival_date),
        failure_code: payout.failure_code,
        created: moment(payout.created),
        metadata: metadata(payout.metadata),
    }
}
