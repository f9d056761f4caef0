//! Stripe's errors, said as what the caller must do.

use gateways::payments::{GatewayError, Mode};
use stripe::{ApiErrors, ApiErrorsType, StripeError};

/// The longest message that is kept for those who read logs.
const MAX_MESSAGE_CHARS: usize = 300;
/// Stripe's word for an object that a parameter or the path names and that does not exist.
const MISSING: &str = "resource_missing";
/// Stripe's word for a payment whose bank wants the customer to authenticate.
const AUTHENTICATION: &str = "authentication_required";
/// The parameters whose values Stripe's messages may repeat and that are about persons.
const PERSONAL: [&str; 7] = ["email", "evidence", "individual", "name", "phone", "receipt_email", "shipping"];

/// What an error of the client means.
pub(crate) fn read(error: &StripeError, mode: Mode) -> GatewayError {
    match error {
        StripeError::Stripe(error, status) => refusal(error, *status, mode),
        StripeError::Timeout => unknown("timeout"),
        StripeError::ClientError(_) => unknown("connection"),
        StripeError::JSONDeserialize(_) => unknown("unreadable answer"),
        StripeError::ConfigError(_) => {
            GatewayError::Refused { code: "configuration".to_owned(), message: "the client cannot send this".to_owned() }
        }
    }
}

pub(crate) fn unknown(reason: &str) -> GatewayError {
    GatewayError::Unknown { reason: reason.to_owned() }
}

/// The bank's reason if there is one, Stripe's otherwise.
pub(crate) fn reason(error: &ApiErrors) -> String {
    let code = error.decline_code.as_deref().or(error.code.as_ref().map(|code| code.as_str()));
    code.unwrap_or(error.type_.as_str()).to_owned()
}

/// Whether the bank would accept the payment if the customer authenticated.
pub(crate) fn needs_authentication(error: &ApiErrors) -> bool {
    code(error) == AUTHENTICATION || error.decline_code.as_deref() == Some(AUTHENTICATION)
}

fn refusal(error: &ApiErrors, status: u16, mode: Mode) -> GatewayError {
    match status {
        // How long to wait would stand in a header, which the client does not hand on.
        409 | 429 => GatewayError::Busy { code: code(error), retry_after: None },
        401 => GatewayError::Unauthorized { code: code(error) },
        // A key learns of a foreign account only that it has no access to it, or that there is none.
        403 if code(error) == "account_invalid" => GatewayError::NotFound,
        403 => GatewayError::Unauthorized { code: code(error) },
        // 424 says that something behind Stripe failed.
        408 | 424 | 500.. => unknown(&format!("status {status}")),
        // Another request came first under this key, and what it did stays unknown: a refusal would let the caller undo it.
        _ if error.type_ == ApiErrorsType::IdempotencyError => unknown("idempotency_error"),
        _ if code(error) == MISSING => missing(error, mode),
        _ if error.type_ == ApiErrorsType::CardError => GatewayError::Declined {
            code: reason(error),
            authentication: needs_authentication(error),
            payment: error.payment_intent.as_ref().map(|payment| payment.id.to_string()),
        },
        _ => GatewayError::Refused { code: code(error), message: message(error) },
    }
}

/// Stripe says in words only that the object exists, but in the other mode.
fn missing(error: &ApiErrors, mode: Mode) -> GatewayError {
    let other = match mode {
        Mode::Test => "exists in live mode",
        Mode::Live => "exists in test mode",
    };
    match &error.message {
        Some(message) if message.contains(other) => GatewayError::WrongMode(mode),
        _ => GatewayError::NotFound,
    }
}

fn code(error: &ApiErrors) -> String {
    error.code.as_ref().map_or(error.type_.as_str(), |code| code.as_str()).to_owned()
}

/// Stripe's own words, unless they may repeat what is about a person.
fn message(error: &ApiErrors) -> String {
    let param = error.param.as_deref().unwrap_or_default();
    let root = param.split('[').next().unwrap_or_default();
    match &error.message {
        Some(message) if !PERSONAL.contains(&root) => message.chars().take(MAX_MESSAGE_CHARS).collect(),
        _ => format!("see the parameter {param}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, error: &str) -> GatewayError {
        let error: stripe_shared::Error = miniserde::json::from_str(&format!(r#"{{"error":{error}}}"#)).unwrap();
        read(&StripeError::Stripe(error.error, status), Mode::Test)
    }

    #[test]
    fn the_status_says_what_to_do() {
        let busy = |code: &str| GatewayError::Busy { code: code.to_owned(), retry_after: None };
        let error = |code: &str| format!(r#"{{"type":"invalid_request_error","code":"{code}","message":"m"}}"#);
        assert_eq!(refused(429, &error("lock_timeout")), busy("lock_timeout"));
        assert_eq!(refused(409, &error("idempotency_key_in_use")), busy("idempotency_key_in_use"));
        for status in [408, 424, 500, 503] {
            assert_eq!(refused(status, r#"{"type":"api_error"}"#), unknown(&format!("status {status}")));
        }
        assert_eq!(
            refused(401, r#"{"type":"invalid_request_error"}"#),
            GatewayError::Unauthorized { code: "invalid_request_error".to_owned() }
        );
        assert_eq!(refused(403, &error("account_invalid")), GatewayError::NotFound);
        assert_eq!(
            refused(403, &error("more_permissions_required")),
            GatewayError::Unauthorized { code: "more_permissions_required".to_owned() }
        );
        assert_eq!(refused(404, &error("resource_missing")), GatewayError::NotFound);
        // An address that Stripe does not serve is no object that is missing.
        assert!(matches!(
            refused(404, r#"{"type":"invalid_request_error","message":"Unrecognized request URL"}"#),
            GatewayError::Refused { .. }
        ));
        assert_eq!(refused(400, r#"{"type":"idempotency_error","message":"m"}"#), unknown("idempotency_error"));
    }

    #[test]
    fn an_object_of_the_other_mode_is_named_as_such() {
        let message =
            "No such customer: 'cus_1'; a similar object exists in live mode, but a test mode key was used to make this request.";
        let error = format!(r#"{{"type":"invalid_request_error","code":"resource_missing","message":"{message}"}}"#);
        assert_eq!(refused(400, &error), GatewayError::WrongMode(Mode::Test));
    }

    #[test]
    fn a_card_is_declined_for_the_banks_reason() {
        let declined =
            |code: &str, authentication: bool| GatewayError::Declined { code: code.to_owned(), authentication, payment: None };
        let error = |code: &str, reason: &str| format!(r#"{{"type":"card_error","code":"{code}","decline_code":"{reason}"}}"#);
        assert_eq!(refused(402, &error("card_declined", "insufficient_funds")), declined("insufficient_funds", false));
        assert_eq!(
            refused(402, &error("authentication_required", "authentication_required")),
            declined("authentication_required", true)
        );
        assert_eq!(refused(402, r#"{"type":"card_error","code":"expired_card"}"#), declined("expired_card", false));
    }

    #[test]
    fn messages_are_short_and_repeat_nothing_about_persons() {
        let error =
            r#"{"type":"invalid_request_error","code":"email_invalid","param":"email","message":"Invalid email address: ada@"}"#;
        let message = "see the parameter email".to_owned();
        assert_eq!(refused(400, error), GatewayError::Refused { code: "email_invalid".to_owned(), message });
        let error = format!(r#"{{"type":"invalid_request_error","param":"amount","message":"{}"}}"#, "x".repeat(900));
        assert!(matches!(refused(400, &error), GatewayError::Refused { message, .. } if message == "x".repeat(300)));
    }
}
