//! What a client is told when a request fails: a GraphQL error with a code, and a status. Nothing internal gets out.

use async_graphql::{ErrorExtensionValues, Pos, ServerError};
use axum::http::StatusCode;
use uuid::Uuid;

/// `extensions.code` of an error at the top level. Codes of user errors inside payloads are the domain's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemCode {
    /// The HTTP request is malformed: its JSON, its parameters, its headers.
    BadRequest,
    /// A list of requests in one body.
    BatchUnsupported,
    /// Not JSON.
    UnsupportedMediaType,
    /// No answer in a form that the client accepts.
    NotAcceptable,
    /// The body is longer than allowed.
    PayloadTooLarge,
    /// The method does not fit the operation.
    MethodNotAllowed,
    /// A web page of another origin, which the configuration does not allow.
    OriginForbidden,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema.
    ValidationFailed,
    /// No operation of this name, or no name where one is needed.
    OperationUnknown,
    /// The operation asks for more than one operation may.
    LimitExceeded,
    /// A value or variable is malformed.
    BadUserInput,
    /// No document is remembered under this hash; send it once.
    PersistedQueryNotFound,
    /// The document does not have this hash.
    PersistedQueryMismatch,
    /// The token is unknown, expired or revoked.
    Unauthenticated,
    /// Logged in, and not allowed.
    Forbidden,
    /// An operator has suspended the caller's organization.
    Suspended,
    /// Nothing at this address that the caller may see.
    NotFound,
    /// Too many sockets or streams at once.
    TooManyStreams,
    /// The subscriber read more slowly than the events came.
    SubscriberLagged,
    /// The client took too long to send the request.
    RequestTimeout,
    /// The operation took too long and was stopped.
    TimedOut,
    /// The server is stopping or not ready.
    Unavailable,
    /// A fault of the server; the log has it under the request id.
    Internal,
}

impl ProblemCode {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::BadRequest,
        Self::BatchUnsupported,
        Self::UnsupportedMediaType,
        Self::NotAcceptable,
        Self::PayloadTooLarge,
        Self::MethodNotAllowed,
        Self::OriginForbidden,
        Self::ParseFailed,
        Self::ValidationFailed,
        Self::OperationUnknown,
        Self::LimitExceeded,
        Self::BadUserInput,
        Self::PersistedQueryNotFound,
        Self::PersistedQueryMismatch,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Suspended,
        Self::NotFound,
        Self::TooManyStreams,
        Self::SubscriberLagged,
        Self::RequestTimeout,
        Self::TimedOut,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code in the API. Where Apollo's clients know a name, it is that name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::BatchUnsupported => "BATCH_UNSUPPORTED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::OriginForbidden => "ORIGIN_FORBIDDEN",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::OperationUnknown => "OPERATION_RESOLUTION_FAILURE",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryMismatch => "PERSISTED_QUERY_MISMATCH",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::Suspended => "SUSPENDED",
            Self::NotFound => "NOT_FOUND",
            Self::TooManyStreams => "TOO_MANY_STREAMS",
            Self::SubscriberLagged => "SUBSCRIBER_LAGGED",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::TimedOut => "TIMED_OUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The status for it, and whether it holds whatever the client accepts. A well-formed request whose document fails
    /// answers 200 to a client that accepts only `application/json`, as GraphQL over HTTP asks.
    #[must_use]
    pub const fn status(self) -> (StatusCode, bool) {
        match self {
            Self::BadRequest | Self::BatchUnsupported => (StatusCode::BAD_REQUEST, true),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, true),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, true),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, true),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, true),
            Self::OriginForbidden | Self::Forbidden | Self::Suspended => (StatusCode::FORBIDDEN, true),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, true),
            Self::NotFound => (StatusCode::NOT_FOUND, true),
            Self::TooManyStreams => (StatusCode::TOO_MANY_REQUESTS, true),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, true),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, true),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, true),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, true),
            Self::ParseFailed
            | Self::ValidationFailed
            | Self::OperationUnknown
            | Self::LimitExceeded
            | Self::BadUserInput
            | Self::PersistedQueryNotFound
            | Self::PersistedQueryMismatch
            | Self::SubscriberLagged => (StatusCode::BAD_REQUEST, false),
        }
    }
}

/// Why a request is answered without being executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, for machines.
    pub code: ProblemCode,
    /// What is wrong and what would be right, for people; never a personal datum.
    pub message: String,
    /// Where in the document, if it is about a place.
    pub position: Option<Pos>,
}

impl Problem {
    /// A problem with the request as a whole.
    #[must_use]
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None }
    }

    /// The same problem, at a place of the document.
    #[must_use]
    pub const fn at(mut self, position: Pos) -> Self {
        self.position = Some(position);
        self
    }
}

impl From<Problem> for ServerError {
    fn from(problem: Problem) -> Self {
        with_code(Self::new(problem.message, problem.position), problem.code)
    }
}

/// What the client sees of `errors`: at most `most`, each with a code, faults masked behind the request id (and logged).
#[must_use]
pub fn public_errors(mut errors: Vec<ServerError>, most: usize, request_id: Uuid) -> Vec<ServerError> {
    let dropped = errors.len().saturating_sub(most);
    errors.truncate(most);
    let mut shown: Vec<_> = errors.into_iter().map(|error| public_error(error, request_id)).collect();
    if let (Some(last), true) = (shown.last_mut(), dropped > 0) {
        last.extensions.get_or_insert_default().set("furtherErrors", dropped);
    }
    shown
}

/// The code that `error` carries, if any.
#[must_use]
pub fn code_of(error: &ServerError) -> Option<String> {
    match error.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => Some(code.clone()),
        async_graphql::Value::Enum(code) => Some(code.to_string()),
        _ => None,
    }
}

/// The answer to a fault of the server.
#[must_use]
pub fn internal_error(request_id: Uuid) -> ServerError {
    let message = "something went wrong on our side; quote the request id when you report it";
    let mut error = with_code(ServerError::new(message, None), ProblemCode::Internal);
    error.extensions.get_or_insert_default().set("requestId", request_id.to_string());
    error
}

fn public_error(error: ServerError, request_id: Uuid) -> ServerError {
    match (code_of(&error), library_code(&error)) {
        (Some(_), _) => error,
        (None, Some(code)) => with_code(error, code),
        (None, None) => masked(&error, request_id),
    }
}

/// The code of an error that the GraphQL library made itself: those carry no code. Anything else without a code came out of
/// a resolver and may say what it should not.
fn library_code(error: &ServerError) -> Option<ProblemCode> {
    if error.source.is_some() {
        return None;
    }
    let message = error.message.as_str();
    if message.starts_with("Failed to parse \"") || message.starts_with("Expected input type \"") {
        return Some(ProblemCode::BadUserInput);
    }
    if !error.path.is_empty() {
        return None;
    }
    Some(match message {
        "Query is too complex." | "Query is nested too deep." => ProblemCode::LimitExceeded,
        _ if message.starts_with("The recursion depth of the query") => ProblemCode::LimitExceeded,
        _ if message.starts_with("Invalid value for argument") => ProblemCode::BadUserInput,
        _ if message.starts_with("Variable \"") => ProblemCode::BadUserInput,
        _ => ProblemCode::ValidationFailed,
    })
}

fn masked(error: &ServerError, request_id: Uuid) -> ServerError {
    tracing::error!(%request_id, error = %error.message, path = ?error.path, "a resolver failed");
    let mut shown = internal_error(request_id);
    shown.locations.clone_from(&error.locations);
    shown.path.clone_from(&error.path);
    shown
}

fn with_code(mut error: ServerError, code: ProblemCode) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn text(error: &ServerError, key: &str) -> Option<String> {
        match error.extensions.as_ref()?.get(key)? {
            async_graphql::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    #[test]
    fn a_foreign_error_is_masked_behind_the_request_id() {
        let mut foreign: ServerError =
            async_graphql::Error::new_with_source("UNIQUE constraint failed: user.email").into_server_error(Pos::default());
        foreign.path = vec![async_graphql::PathSegment::Field("me".into())];
        let shown = public_errors(vec![foreign], 20, ID);
        assert_eq!(code_of(&shown[0]).as_deref(), Some("INTERNAL"));
        assert_eq!(text(&shown[0], "requestId"), Some(ID.to_string()));
        assert!(!format!("{shown:?}").contains("constraint"));
        assert_eq!(shown[0].path.len(), 1);
    }

    #[test]
    fn an_answer_has_at_most_so_many_errors_and_says_how_many_more() {
        let errors = vec![ServerError::new("Unknown directive \"x\"", None); 45];
        let shown = public_errors(errors, 20, ID);
        assert_eq!(shown.len(), 20);
        assert_eq!(text(&shown[19], "furtherErrors").as_deref(), Some("25"));
        assert!(shown.iter().all(|error| code_of(error).as_deref() == Some("GRAPHQL_VALIDATION_FAILED")));
    }

    #[test]
    fn every_code_is_named_once() {
        let names: std::collections::BTreeSet<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ProblemCode::ALL.len());
    }
}
