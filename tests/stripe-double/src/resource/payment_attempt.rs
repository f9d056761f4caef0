//! One attempt to pay a payment intent: the bank's answer, and what follows from it.

use serde_json::json;

use super::charge::Charge;
use super::payment_intent::Status;
use super::payment_method::{self, PaymentBehavior};
use crate::error::ApiError;
use crate::state::{Answer, State};
use crate::table::Object;

/// Whether the customer is there to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    On,
    Off,
}

/// The card that a payment may use: of this customer, or nobody's and unused.
pub(crate) fn usable_method(state: &mut State, id: &str, customer: Option<&str>) -> Result<String, ApiError> {
    let id = payment_method::resolve(state, id, "payment_method")?;
    let method = state.payment_methods.get(&id, "payment_method")?;
    if method.spent {
        return Err(ApiError::refused(
            "payment_method_unexpected_state",
            "The payment method was used before without a customer, or was detached.",
        ));
    }
    match (customer, &method.customer) {
        (Some(customer), _) => method.check_usable_by(customer)?,
        (None, Some(_)) => {
            let message = "The payment method belongs to a customer; the payment must name that customer.";
            return Err(ApiError::refused("payment_intent_unexpected_state", message).with("param", "customer"));
        }
        (None, None) => {}
    }
    Ok(id)
}

/// Asks the bank behind the intent's card.
pub(crate) fn attempt(state: &mut State, id: &str, session: Session) -> Answer {
    let method = state.payment_intents.get(id, "id")?.payment_method.clone().unwrap_or_default();
    match (state.payment_methods.get(&method, "payment_method")?.behavior.clone(), session) {
        (PaymentBehavior::Succeeds, _) => succeed(state, id),
        (PaymentBehavior::Declined { decline_code }, _) => Err(decline(state, id, &decline_code)?),
        (PaymentBehavior::RequiresAuthentication, Session::Off) => Err(decline(state, id, "authentication_required")?),
        (PaymentBehavior::RequiresAuthentication, Session::On) => {
            let intent = state.payment_intents.get_mut(id, "id")?;
            intent.status = Status::RequiresAction;
            intent.last_payment_error = None;
            let rendered = intent.render();
            state.emit("payment_intent.requires_action", rendered.clone());
            Ok(rendered)
        }
        (PaymentBehavior::Delayed, _) => {
            let intent = state.payment_intents.get_mut(id, "id")?;
            intent.status = Status::Processing;
            intent.last_payment_error = None;
            let rendered = intent.render();
            state.emit("payment_intent.processing", rendered.clone());
            Ok(rendered)
        }
    }
}

/// The bank pays: a charge, the money, the card kept if it was asked to be, and the events.
pub(crate) fn succeed(state: &mut State, id: &str) -> Answer {
    let charge = Charge::of_intent(state, id, None)?;
    let charge_id = charge.id().to_owned();
    state.charges.insert(charge);
    super::charge::collect(state, &charge_id)?;
    let intent = state.payment_intents.get_mut(id, "id")?;
    intent.status = Status::Succeeded;
    intent.latest_charge = Some(charge_id.clone());
    intent.last_payment_error = None;
    let (customer, method, keeps) =
        (intent.customer.clone(), intent.payment_method.clone().unwrap_or_default(), intent.setup_future_usage.is_some());
    let rendered = intent.render();
    let card = state.payment_methods.get_mut(&method, "payment_method")?;
    match customer {
        Some(customer) if keeps && card.customer.is_none() => {
            _ = payment_method::attach_to(state, &method, &customer, "payment_method")?
        }
        _ => card.spent |= card.customer.is_none(),
    }
    let charge = state.charges.get(&charge_id, "charge")?.render();
    state.emit("charge.succeeded", charge);
    state.emit("payment_intent.succeeded", rendered.clone());
    Ok(rendered)
}

/// The bank refuses: a failed charge, the intent back to needing a payment method, the events, and the error for the client.
pub(crate) fn decline(state: &mut State, id: &str, decline_code: &str) -> Result<ApiError, ApiError> {
    let code = match decline_code {
        "expired_card" | "incorrect_cvc" | "incorrect_number" | "processing_error" | "authentication_required" => decline_code,
        _ => "card_declined",
    };
    let message = match code {
        "expired_card" => "Your card has expired.",
        "authentication_required" => "Your card was declined. This transaction requires authentication.",
        "processing_error" => "An error occurred while processing your card. Try again in a little bit.",
        _ if decline_code == "insufficient_funds" => "Your card has insufficient funds.",
        _ => "Your card was declined.",
    };
    let charge = Charge::of_intent(state, id, Some((code, message)))?;
    let (charge_id, failed_charge) = (charge.id().to_owned(), charge.render());
    state.charges.insert(charge);
    let error = ApiError::card(code, message, decline_code).with("charge", charge_id.clone());
    let error = fail(state, id, error, Some(charge_id))?;
    state.emit("charge.failed", failed_charge);
    announce_failure(state, id)?;
    Ok(error)
}

/// The customer does not authenticate: no charge is made.
pub(crate) fn fail_authentication(state: &mut State, id: &str) -> Result<ApiError, ApiError> {
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
    let error = ApiError::refused("payment_intent_authentication_failure", message);
    let error = fail(state, id, error, None)?;
    announce_failure(state, id)?;
    Ok(error)
}

/// The customer returns and confirms: an intent that waits for authentication, or whose bank asked for one off-session, is paid or fails.
pub(crate) fn authenticate(state: &mut State, id: &str, succeeds: bool) -> Answer {
    let intent = state.payment_intents.get_mut(id, "id")?;
    let error = intent.last_payment_error.as_ref().filter(|error| error.get("code") == Some(&json!("authentication_required")));
    let failed_method = error.and_then(|error| error.pointer("/payment_method/id")).and_then(|id| id.as_str().map(str::to_owned));
    match (intent.status, failed_method) {
        (Status::RequiresAction, _) => {}
        (Status::RequiresPaymentMethod, Some(method)) => {
            intent.payment_method = Some(method);
            let attempted = attempt(state, id, Session::On)?;
            // The bank may have stopped asking since.
            if attempted.get("status") == Some(&json!(Status::Succeeded.as_str())) {
                return Ok(attempted);
            }
        }
        (status, _) => {
            return Err(ApiError::control(&format!("the payment intent waits for no authentication: it is {}", status.as_str())));
        }
    }
    if succeeds {
        return succeed(state, id);
    }
    fail_authentication(state, id)?;
    super::payment_intent::retrieve(state, id)
}

/// The bank of a payment that is being processed answers: it pays, or refuses for want of money.
pub(crate) fn settle(state: &mut State, id: &str, succeeds: bool) -> Answer {
    let status = state.payment_intents.get(id, "payment_intent")?.status;
    if status != Status::Processing {
        return Err(ApiError::control(&format!("the payment intent is not being processed: it is {}", status.as_str())));
    }
    if succeeds {
        return succeed(state, id);
    }
    decline(state, id, "insufficient_funds")?;
    super::payment_intent::retrieve(state, id)
}

fn fail(state: &mut State, id: &str, error: ApiError, charge: Option<String>) -> Result<ApiError, ApiError> {
    let method = state.payment_intents.get(id, "id")?.payment_method.clone().unwrap_or_default();
    let method = state.payment_methods.get(&method, "payment_method")?.render();
    let error = error.with("payment_method", method);
    let intent = state.payment_intents.get_mut(id, "id")?;
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.latest_charge = charge.or_else(|| intent.latest_charge.take());
    intent.last_payment_error = Some(error.object());
    Ok(error.with("payment_intent", intent.render()))
}

fn announce_failure(state: &mut State, id: &str) -> Result<(), ApiError> {
    let rendered = state.payment_intents.get(id, "id")?.render();
    state.emit("payment_intent.payment_failed", rendered);
    Ok(())
}
