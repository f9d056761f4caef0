//! Pages for a person: paying a checkout session, authenticating a payment, completing an account's onboarding, a receipt.

use crate::resource::checkout_session::{self, Status};
use crate::resource::payment_method::PaymentBehavior;
use crate::state::State;
use crate::table::Object;

/// What a person's browser is given.
#[derive(Debug)]
pub(crate) enum Page {
    Html(u16, String),
    /// To an address outside the double.
    Redirect(String),
}

/// What the double says of itself at its root.
pub(crate) fn root(state: &State) -> Page {
    let body = format!(
        "<p>This is a stateful double of the part of Stripe's HTTP API that Clearlead uses, for tests and demonstrations. It is <strong>not \
         Stripe</strong>, has nothing to do with Stripe, and moves no money.</p>\
         <p>API: <code>{base}/v1/</code>, with the secret key that it was started with. Control plane: <code>POST {base}/_control/…</code>. \
         Everything that happened: <a href=\"/_control/journal\">journal</a>. Whether the money adds up: <a href=\"/_control/check\">check</a>.</p>",
        base = escape(&state.base_url)
    );
    html(200, "Stripe double", &body)
}

/// `GET /c/pay/{session}`.
pub(crate) fn checkout(state: &State, id: &str) -> Page {
    let Some(session) = state.checkout_sessions.find(id) else { return not_found() };
    match session.status {
        Status::Complete => return html(200, "Paid", "<p>This checkout session is complete.</p>"),
        Status::Expired => return html(200, "Expired", "<p>This checkout session has expired.</p>"),
        Status::Open => {}
    }
    let cancel = session
        .cancel_url
        .as_ref()
        .map_or_else(String::new, |url| format!("<p><a href=\"{}\">Back without paying</a></p>", escape(url)));
    let body = format!(
        "<p>{}</p><p><strong>{}</strong></p><form method=\"post\">{}{}{}{}</form>{cancel}",
        escape(&session.summary()),
        price(session.amount, &session.currency),
        button("pay", "Pay"),
        button("decline", "Pay with a card that is declined"),
        button("authenticate", "Pay with a card that requires authentication"),
        button("delay", "Pay by a debit whose bank answers later"),
    );
    html(200, "Checkout", &body)
}

/// `POST /c/pay/{session}` with the button that was pressed.
pub(crate) fn pay_checkout(state: &mut State, id: &str, action: &str) -> Page {
    let behavior = match action {
        "pay" => PaymentBehavior::Succeeds,
        "decline" => PaymentBehavior::Declined { decline_code: "generic_decline".to_owned() },
        "authenticate" => PaymentBehavior::RequiresAuthentication,
        "delay" => PaymentBehavior::Delayed,
        _ => return html(400, "Unknown action", "<p>There is no such button.</p>"),
    };
    if let Err(error) = checkout_session::pay(state, id, behavior.clone()) {
        return html(
            error.status,
            "Refused",
            &format!("<p>{}</p>", escape(&crate::control::ControlError::from(error).to_string())),
        );
    }
    let Some(session) = state.checkout_sessions.find(id) else { return not_found() };
    match (behavior, &session.payment_intent) {
        (PaymentBehavior::Succeeds | PaymentBehavior::Delayed, _) => Page::Redirect(session.success_location()),
        (PaymentBehavior::RequiresAuthentication, Some(intent)) => {
            Page::Redirect(format!("{}/authenticate/{intent}", state.base_url))
        }
        _ => {
            let again = format!("<p>The card was declined.</p><p><a href=\"/c/pay/{}\">Try another card</a></p>", escape(id));
            html(200, "Declined", &again)
        }
    }
}

/// `GET /authenticate/{payment_intent}`.
pub(crate) fn authentication(state: &State, id: &str) -> Page {
    let Some(intent) = state.payment_intents.find(id) else { return not_found() };
    let body = format!(
        "<p>Your bank asks whether you pay <strong>{}</strong>.</p><form method=\"post\">{}{}</form>",
        price(intent.amount, &intent.currency),
        button("succeed", "Yes, it is me"),
        button("fail", "Fail the authentication"),
    );
    html(200, "Authentication", &body)
}

/// `POST /authenticate/{payment_intent}` with the button that was pressed.
pub(crate) fn authenticate(state: &mut State, id: &str, action: &str) -> Page {
    if state.payment_intents.find(id).is_none() {
        return not_found();
    }
    if let Err(error) = crate::control::authenticate(state, id, action == "succeed") {
        return html(
            error.status,
            "Refused",
            &format!("<p>{}</p>", escape(&crate::control::ControlError::from(error).to_string())),
        );
    }
    let session = state.checkout_sessions.iter().find(|session| session.payment_intent.as_deref() == Some(id));
    match (session, state.payment_intents.find(id).and_then(|intent| intent.return_url.clone())) {
        (Some(session), _) if session.status == Status::Complete => Page::Redirect(session.success_location()),
        (Some(session), _) => Page::Redirect(format!("{}/c/pay/{}", state.base_url, session.id())),
        (None, Some(return_url)) => Page::Redirect(return_url),
        (None, None) => html(200, "Authentication", "<p>Done. You can close this page.</p>"),
    }
}

/// `GET /setup/{link}`: a link that is used or expired leads to its refresh address, as Stripe's do.
pub(crate) fn onboarding(state: &State, id: &str) -> Page {
    let Some(link) = state.account_links.find(id) else { return not_found() };
    if !link.is_valid_at(state.now()) {
        return Page::Redirect(link.refresh_url.clone());
    }
    let body = format!(
        "<p>Onboarding of the connected account <code>{}</code>.</p><form method=\"post\">{}</form><p><a href=\"{}\">Later</a></p>",
        escape(&link.account),
        button("complete", "Give all that is required"),
        escape(&link.return_url),
    );
    html(200, "Onboarding", &body)
}

/// `POST /setup/{link}`.
pub(crate) fn complete_onboarding(state: &mut State, id: &str) -> Page {
    let Some(link) = state.account_links.find(id) else { return not_found() };
    let (return_url, refresh_url) = (link.return_url.clone(), link.refresh_url.clone());
    match crate::resource::account_link::complete(state, id) {
        Ok(_) => Page::Redirect(return_url),
        Err(_) => Page::Redirect(refresh_url),
    }
}

/// `GET /receipts/{charge}`.
pub(crate) fn receipt(state: &State, id: &str) -> Page {
    let Some(charge) = state.charges.find(id).filter(|charge| charge.is_paid()) else { return not_found() };
    let body = format!(
        "<p>Paid: <strong>{}</strong></p><p>Refunded: {}</p><p>Charge <code>{}</code></p>",
        price(charge.amount, &charge.currency),
        price(charge.amount_refunded, &charge.currency),
        escape(id),
    );
    html(200, "Receipt", &body)
}

fn not_found() -> Page {
    html(404, "Not found", "<p>There is no such page.</p>")
}

fn button(action: &str, label: &str) -> String {
    format!("<p><button name=\"action\" value=\"{action}\">{label}</button></p>")
}

/// In minor units, since how many of them make a major one depends on the currency.
fn price(amount: i64, currency: &str) -> String {
    format!("{amount} minor units of {}", escape(&currency.to_uppercase()))
}

fn html(status: u16, title: &str, body: &str) -> Page {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · not Stripe</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <style>body{{font:1rem/1.5 system-ui;max-width:36rem;margin:3rem auto;padding:0 1rem}}</style></head>\
         <body><h1>{title}</h1>{body}<hr><p><small>A double for tests and demonstrations. This is not Stripe, and no money moves.</small></p>\
         </body></html>"
    );
    Page::Html(status, page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
