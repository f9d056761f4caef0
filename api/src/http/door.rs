//! What every address beside GraphQL shares: who is calling, and how a refusal is answered there.

use std::sync::Arc;

use axum::http::request::Parts;
use domain::refusal::Code;

use super::endpoint::{bearer, client_address};
use super::host::{Credentials, Host};
use super::log::{request_id, sent_by};
use super::problem::{Problem, ProblemCode};
use crate::app::{App, AppError, Caller};

/// The exchange and who guards it.
#[derive(Clone)]
pub struct Door {
    pub(super) app: Arc<App>,
    host: Arc<dyn Host>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// To `app`; `host` knows who is calling.
    #[must_use]
    pub const fn new(app: Arc<App>, host: Arc<dyn Host>) -> Self {
        Self { app, host }
    }

    /// Who sent the request. No credentials mean nobody, bad ones are a problem.
    pub async fn admit(&self, parts: &Parts) -> Result<Caller, Problem> {
        let request_id = request_id(&parts.extensions);
        let address = client_address(parts, &self.app.config.server);
        let admitted = self.host.admit(Credentials { bearer: bearer(&parts.headers)?, address, request_id }).await?;
        sent_by(&parts.extensions, &admitted);
        Ok(Caller { principal: admitted.principal, request_id: request_id.to_string().into(), address })
    }
}

/// What the caller is told of an error; a fault of ours is logged with the request's id and masked.
pub(super) fn problem(caller: &Caller, error: &AppError) -> Problem {
    let AppError::Refused(refusals) = error else {
        cut_off(caller, error);
        return Problem::new(ProblemCode::Internal, "something went wrong on our side; quote the request id when you report it");
    };
    let Some(refusal) = refusals.first() else { return Problem::new(ProblemCode::Forbidden, "not allowed") };
    let code = match refusal.code {
        Code::Unauthenticated => ProblemCode::Unauthenticated,
        Code::Forbidden => ProblemCode::Forbidden,
        Code::Suspended => ProblemCode::Suspended,
        Code::NotFound => ProblemCode::NotFound,
        _ => ProblemCode::BadRequest,
    };
    Problem::new(code, refusal.message.clone())
}

/// What is not there, or not for the caller.
pub(super) fn nothing(what: &str) -> Problem {
    Problem::new(ProblemCode::NotFound, format!("no {what} with this id"))
}

/// The end of a download whose answer has begun already.
pub(super) fn cut_off(caller: &Caller, error: &AppError) -> std::io::Error {
    tracing::error!(request_id = %caller.request_id, %error, "a request for a file failed");
    std::io::Error::other("the download failed")
}
