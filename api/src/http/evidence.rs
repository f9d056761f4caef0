//! `GET /evidence/{id}`: a file of evidence, for the parties of the dispute and the arbiter in charge.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::EvidenceId;
use domain::refusal::Code;

use super::endpoint::{bearer, client_address, problem_response};
use super::host::{Credentials, Host};
use super::log::request_id;
use super::problem::{Problem, ProblemCode};
use crate::app::dispute::{EvidenceFile, evidence_read};
use crate::app::{App, AppError, Caller};

#[derive(Clone)]
struct Downloads {
    app: Arc<App>,
    host: Arc<dyn Host>,
}

/// The route; `host` knows who is calling.
pub fn routes(app: Arc<App>, host: Arc<dyn Host>) -> Router {
    Router::new().route("/evidence/{id}", get(file)).with_state(Downloads { app, host })
}

async fn file(State(downloads): State<Downloads>, Path(id): Path<String>, request: Request) -> Response {
    answer(downloads, &id, request).await.unwrap_or_else(problem_response)
}

async fn answer(downloads: Downloads, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let trusted = downloads.app.config.server.trust_forwarded_for;
    let request_id = request_id(&parts.extensions);
    let credentials = Credentials { bearer: bearer(&parts.headers)?, address: client_address(&parts, trusted), request_id };
    let admitted = downloads.host.admit(credentials).await?;
    let caller = Caller { principal: admitted.principal, request_id: request_id.to_string().into(), address: admitted.address };
    let id: EvidenceId = id.parse().map_err(|_| nothing())?;
    let found = evidence_read(&downloads.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
    Ok(sent(found.ok_or_else(nothing)?))
}

/// The file as an attachment that no browser opens in our name: another's party gave it.
fn sent(file: EvidenceFile) -> Response {
    let plain: String =
        file.file_name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{plain}\""));
    let media_type = HeaderValue::try_from(file.media_type);
    let mut response = file.content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

fn nothing() -> Problem {
    Problem::new(ProblemCode::NotFound, "no evidence with this id")
}

fn problem(caller: &Caller, error: &AppError) -> Problem {
    let AppError::Refused(refusals) = error else {
        tracing::error!(request_id = %caller.request_id, %error, "the download of evidence failed");
        return Problem::new(ProblemCode::Internal, "something went wrong on our side");
    };
    match refusals.first() {
        Some(refusal) if refusal.code == Code::Unauthenticated => Problem::new(ProblemCode::Unauthenticated, &refusal.message),
        Some(refusal) if refusal.code == Code::Forbidden => Problem::new(ProblemCode::Forbidden, &refusal.message),
        _ => nothing(),
    }
}
