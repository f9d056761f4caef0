//! `GET /evidence/{id}`: a file of evidence, for the parties of the dispute and the arbiter in charge.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::EvidenceId;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::problem::Problem;
use crate::app::dispute::{EvidenceFile, evidence_read};

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/evidence/{id}", get(file)).with_state(door)
}

async fn file(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    answer(&door, &id, request).await.unwrap_or_else(problem_response)
}

async fn answer(door: &Door, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = door.admit(&parts).await?;
    let id: EvidenceId = id.parse().map_err(|_| nothing("evidence"))?;
    let found = evidence_read(&door.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
    Ok(sent(found.ok_or_else(|| nothing("evidence"))?))
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
