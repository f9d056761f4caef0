//! `PUT /uploads/{id}`: takes the bytes of a file that `uploadCreate` announced, as they come.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use bytes::Bytes;
use domain::id::UploadId;
use domain::refusal::{Code, Refusal};
use secrecy::ExposeSecret;
use serde_json::json;
use store::uploads::Upload;
use tokio_stream::StreamExt;

use super::door::Door;
use super::endpoint::{bearer, problem_response};
use super::log::request_id;
use super::problem::{Problem, ProblemCode};
use crate::app::AppError;
use crate::app::uploads::{UPLOAD_TOKEN_PREFIX, UploadProof, upload_put};

/// For how long, and up to how many bytes, the rest of a refused file is read.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 64 << 20;

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/uploads/{id}", put(file)).with_state(door)
}

async fn file(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    match take(&door, &id, request).await {
        Ok(upload) => stored(&upload),
        Err(Failure::Problem(problem)) => problem_response(problem),
        Err(Failure::Refused(refusals)) => refused(&refusals),
    }
}

enum Failure {
    Problem(Problem),
    Refused(Vec<Refusal>),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

async fn take(door: &Door, id: &str, request: Request) -> Result<Upload, Failure> {
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.extensions);
    let token = bearer(&parts.headers)?;
    let own = token.filter(|token| token.expose_secret().starts_with(&format!("{UPLOAD_TOKEN_PREFIX}_")));
    let proof = match own {
        Some(token) => UploadProof::Token(token),
        None => UploadProof::Principal(door.admit(&parts).await?.principal),
    };
    // What is no id of an upload looks like an upload that is not there.
    let id: UploadId = id.parse().map_err(|_| Failure::Refused(vec![Refusal::not_found("id", "upload")]))?;
    let patience = Duration::from_secs(door.app.config.server.client_timeout_secs);
    let chunks = body.into_data_stream().timeout(patience).map(|chunk| match chunk {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(std::io::Error::other(error)),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut)),
    });
    let mut chunks = Box::pin(chunks);
    let done = upload_put(&door.app, &proof, id, declared(&parts.headers), &mut chunks).await;
    if done.is_err() {
        linger(&mut chunks).await;
    }
    done.map_err(|error| match error {
        AppError::Refused(refusals) => Failure::Refused(refusals),
        error => {
            tracing::error!(%request_id, %error, "an upload failed");
            Problem::new(ProblemCode::Internal, "something went wrong on our side; quote the request id when you report it")
                .into()
        }
    })
}

/// Throws away, for a while, what a client goes on sending of a refused file: a connection that is closed under it would take
/// the answer along.
async fn linger(chunks: &mut (impl futures::Stream<Item = std::io::Result<Bytes>> + Unpin)) {
    let thrown_away = async {
        let mut left = LINGER_BYTES;
        while let Some(Ok(chunk)) = chunks.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    tokio::time::timeout(LINGER, thrown_away).await.unwrap_or_default();
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn stored(upload: &Upload) -> Response {
    let content = upload.content.as_ref();
    let answer = json!({
        "id": upload.id.to_string(),
        "state": upload.state,
        "sizeBytes": content.map(|content| content.size_bytes),
        "sha256": content.map(|content| hex::encode(content.sha256)),
        "mediaType": content.map(|content| content.media_type.as_str()),
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn refused(refusals: &[Refusal]) -> Response {
    let status = match refusals.first().map(|refusal| refusal.code) {
        Some(Code::NotFound) => StatusCode::NOT_FOUND,
        Some(Code::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Some(Code::WrongState) => StatusCode::CONFLICT,
        Some(Code::OutsideWindow) => StatusCode::GONE,
        Some(Code::Unauthenticated) => StatusCode::UNAUTHORIZED,
        Some(Code::Forbidden | Code::Suspended) => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let errors: Vec<_> = refusals
        .iter()
        .map(|refusal| json!({ "message": refusal.message, "path": refusal.path, "extensions": { "code": refusal.code } }))
        .collect();
    let mut response = (status, Json(json!({ "errors": errors }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body was not read: the connection cannot be used again.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
