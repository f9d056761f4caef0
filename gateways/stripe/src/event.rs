//! Events: which types are of use, and the objects within.

use gateways::payments::{EventKind, GatewayEvent, PageRequest, Window};
use miniserde::json::Value;
use stripe_core::event::ListEvent;
use stripe_types::miniserde_helpers::FromValueOpt;

use crate::list::{created, paged};
use crate::value::{mode, moment};
use crate::{account, checkout, dispute, payment, payout, refund, transfer};

pub(crate) fn list(window: &Window, page: &PageRequest) -> ListEvent {
    paged!(ListEvent::new().created(created(window)), page)
}

/// An event; none if its type is of use and its object is not what that type has.
pub(crate) fn read(event: stripe_shared::Event) -> Option<GatewayEvent> {
    let event_type = event.type_.as_str().to_owned();
    Some(GatewayEvent {
        id: event.id.to_string(),
        created: moment(event.created),
        mode: mode(event.livemode),
        account: event.account,
        kind: kind(&event_type, event.data.object)?,
        event_type,
    })
}

fn kind(event_type: &str, object: Value) -> Option<EventKind> {
    Some(match family(event_type) {
        "checkout.session" => match checkout::read(object_of(object)?) {
            Some(checkout) => EventKind::Checkout(Box::new(checkout)),
            None => EventKind::Unknown(event_type.to_owned()),
        },
        "payment_intent" => EventKind::Payment(Box::new(payment::read(object_of(object)?))),
        "charge.dispute" => EventKind::Dispute(Box::new(dispute::read(object_of(object)?))),
        "charge.refund" | "refund" => EventKind::Refund(Box::new(refund::read(object_of(object)?))),
        "charge" => EventKind::Charge(Box::new(payment::read_charge(object_of(object)?))),
        "account.application" if event_type == "account.application.deauthorized" => EventKind::AccountLeft,
        "account" if event_type == "account.updated" => EventKind::Account(Box::new(account::read(object_of(object)?))),
        "transfer" => EventKind::Transfer(Box::new(transfer::read(object_of(object)?))),
        "payout" => EventKind::Payout(Box::new(payout::read(object_of(object)?))),
        _ => EventKind::Unknown(event_type.to_owned()),
    })
}

/// A type without its last word.
fn family(event_type: &str) -> &str {
    event_type.rsplit_once('.').map_or(event_type, |(family, _)| family)
}

fn object_of<T: FromValueOpt>(object: Value) -> Option<T> {
    T::from_value(object)
}
