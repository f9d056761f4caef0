//! Which endpoint a request is for.

use crate::error::ApiError;
use crate::resource::{
    account, account_link, balance, charge, checkout_session, customer, dispute, payment_intent, payment_method, payout, refund,
    transfer, transfer_reversal,
};
use crate::state::{Answer, Call, State};

/// What the double serves for connected accounts too.
const OF_ACCOUNTS: &[&str] = &["balance", "balance_transactions", "charges", "events", "payouts"];

/// Executes a request. The path begins with `/v1/`.
pub(crate) fn dispatch(state: &mut State, call: &Call, method: &str, path: &str) -> Answer {
    let segments: Vec<_> = path.trim_start_matches("/v1/").trim_end_matches('/').split('/').collect();
    // A double that ignored the header would book on the platform what Stripe books on the account.
    if let (Some(_), Some(first)) = (&call.account, segments.first())
        && !OF_ACCOUNTS.contains(first)
    {
        return Err(ApiError::invalid(&format!("The double serves {first} for the platform only."), "Stripe-Account"));
    }
    match method {
        "GET" => read(state, call, &segments),
        "POST" => write(state, call, &segments),
        _ => None,
    }
    .unwrap_or_else(|| Err(ApiError::unknown_path(method, path)))
}

/// The endpoints that change nothing; none if there is no such endpoint.
fn read(state: &State, call: &Call, segments: &[&str]) -> Option<Answer> {
    Some(match segments {
        ["accounts", id] => account::retrieve(state, id),
        ["balance"] => balance::retrieve(state, call),
        ["balance_transactions"] => balance::page(state, call),
        ["balance_transactions", id] => balance::transaction(state, call, id),
        ["charges"] => charge::page(state, call),
        ["charges", id] => charge::retrieve(state, call, id),
        ["checkout", "sessions"] => checkout_session::page(state, call),
        ["checkout", "sessions", id] => checkout_session::retrieve(state, id),
        ["checkout", "sessions", id, "line_items"] => checkout_session::items(state, id),
        ["customers", id] => customer::retrieve(state, id),
        ["customers", id, "payment_methods"] => customer::payment_methods(state, call, id),
        ["customers", id, "payment_methods", method] => customer::payment_method(state, id, method),
        ["disputes"] => dispute::page(state, call),
        ["disputes", id] => dispute::retrieve(state, id),
        ["events"] => crate::event::page(state, call),
        ["events", id] => crate::event::retrieve(state, call, id),
        ["payment_intents"] => payment_intent::page(state, call),
        ["payment_intents", id] => payment_intent::retrieve(state, id),
        ["payment_methods", id] => payment_method::retrieve(state, id),
        ["payouts"] => payout::page(state, call),
        ["payouts", id] => payout::retrieve(state, call, id),
        ["refunds"] => refund::page(state, call),
        ["refunds", id] => refund::retrieve(state, id),
        ["transfers"] => transfer::page(state, call),
        ["transfers", id] => transfer::retrieve(state, id),
        ["transfers", id, "reversals"] => transfer_reversal::page(state, call, id),
        ["transfers", id, "reversals", reversal] => transfer_reversal::retrieve(state, id, reversal),
        _ => return None,
    })
}

/// The endpoints that change something; none if there is no such endpoint.
fn write(state: &mut State, call: &Call, segments: &[&str]) -> Option<Answer> {
    Some(match segments {
        ["account_links"] => account_link::create(state, call),
        ["accounts"] => account::create(state, call),
        ["accounts", id] => account::update(state, call, id),
        ["checkout", "sessions"] => checkout_session::create(state, call),
        ["checkout", "sessions", id, "expire"] => checkout_session::expire(state, id),
        ["customers"] => customer::create(state, call),
        ["customers", id] => customer::update(state, call, id),
        ["disputes", id] => dispute::update(state, call, id),
        ["disputes", id, "close"] => dispute::close(state, call, id),
        ["payment_intents"] => payment_intent::create(state, call),
        ["payment_intents", id, "confirm"] => payment_intent::confirm(state, call, id),
        ["payment_intents", id, "cancel"] => payment_intent::cancel(state, call, id),
        ["payment_methods"] => payment_method::create(state, call),
        ["payment_methods", id, "attach"] => payment_method::attach(state, call, id),
        ["payment_methods", id, "detach"] => payment_method::detach(state, call, id),
        ["payouts"] => payout::create(state, call),
        ["payouts", id, "cancel"] => payout::cancel(state, call, id),
        ["refunds"] => refund::create(state, call),
        ["refunds", id] => refund::update(state, call, id),
        ["transfers"] => transfer::create(state, call),
        ["transfers", id] => transfer::update(state, call, id),
        ["transfers", id, "reversals"] => transfer::reverse(state, call, id),
        _ => return None,
    })
}
