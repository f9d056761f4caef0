//! Stripe's error object, with the status that goes with it.

use serde_json::{Map, Value, json};

/// A refusal as Stripe words it: a status, and `{ "error": { type, code, message, param, doc_url } }`.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Whether the endpoint had begun to execute, so that the answer is kept under the idempotency key.
    pub(crate) executed: bool,
    fields: Map<String, Value>,
}

impl ApiError {
    fn new(status: u16, kind: &str, message: &str, executed: bool) -> Self {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), kind.into());
        fields.insert("message".to_owned(), message.into());
        Self { status, executed, fields }
    }

    fn code(mut self, code: &str) -> Self {
        self.fields.insert("code".to_owned(), code.into());
        let doc_url = format!("https://docs.stripe.com/error-codes#{}", code.replace('_', "-"));
        self.fields.insert("doc_url".to_owned(), doc_url.into());
        self
    }

    /// Adds a field beside the usual ones: `decline_code`, `payment_intent`, `charge`.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// A parameter that fails validation, with a code: nothing was executed.
    pub(crate) fn validation(code: &str, message: &str, param: &str) -> Self {
        Self::new(400, "invalid_request_error", message, false).code(code).with("param", param)
    }

    /// A parameter that fails validation, without a code: nothing was executed.
    pub(crate) fn invalid(message: &str, param: &str) -> Self {
        Self::new(400, "invalid_request_error", message, false).with("param", param)
    }

    /// A request that the state of its objects forbids.
    pub(crate) fn refused(code: &str, message: &str) -> Self {
        Self::new(400, "invalid_request_error", message, true).code(code)
    }

    /// A request that the state of its objects forbids, for which Stripe has no code.
    pub(crate) fn refused_without_code(message: &str, param: &str) -> Self {
        Self::new(400, "invalid_request_error", message, true).with("param", param)
    }

    /// A card's refusal.
    pub(crate) fn card(code: &str, message: &str, decline_code: &str) -> Self {
        Self::new(402, "card_error", message, true).code(code).with("decline_code", decline_code)
    }

    /// An object that does not exist: 404 for the object of the path, 400 for one that a parameter names.
    pub(crate) fn missing(object: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" { 404 } else { 400 };
        Self::new(status, "invalid_request_error", &format!("No such {object}: '{id}'"), true)
            .code("resource_missing")
            .with("param", param)
    }

    /// A path that the double does not serve.
    pub(crate) fn unknown_path(method: &str, path: &str) -> Self {
        Self::new(404, "invalid_request_error", &format!("Unrecognized request URL ({method}: {path})."), false)
    }

    /// No key, or one that is not the double's.
    pub(crate) fn unauthenticated(message: &str) -> Self {
        Self::new(401, "invalid_request_error", message, false)
    }

    /// A `Stripe-Account` that is not connected to the platform.
    pub(crate) fn unknown_account(account: &str) -> Self {
        let message = format!("The provided key does not have access to account '{account}' (or that account does not exist).");
        Self::new(403, "invalid_request_error", &message, false).code("account_invalid")
    }

    /// An idempotency key that is used again for something else.
    pub(crate) fn idempotency(message: &str) -> Self {
        Self::new(400, "idempotency_error", message, false)
    }

    /// An idempotency key whose first request has not been answered.
    pub(crate) fn idempotency_in_flight(key: &str) -> Self {
        let message = format!("Another request with the idempotency key '{key}' is in progress.");
        Self::new(409, "invalid_request_error", &message, false).code("idempotency_key_in_use")
    }

    /// A refusal of the control plane, which is the double's own and no part of Stripe's API.
    pub(crate) fn control(message: &str) -> Self {
        Self::new(400, "control_error", message, false)
    }

    /// What a scripted fault answers.
    pub(crate) fn scripted(status: u16) -> Self {
        match status {
            429 => {
                Self::new(429, "invalid_request_error", "Too many requests (scripted by the double).", false).code("rate_limit")
            }
            401 => Self::unauthenticated("Unauthorized (scripted by the double)."),
            404 => Self::missing("object", "scripted by the double", "id"),
            400..=499 => Self::new(status, "invalid_request_error", "Refused (scripted by the double).", false),
            _ => Self::new(status, "api_error", "An error occurred (scripted by the double).", false),
        }
    }

    /// The answer's body.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.fields })
    }

    /// The error object alone, as `last_payment_error` has it.
    pub(crate) fn object(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}
