//! `GET /delivery-files/{id}`: a CSV file of bought leads, for those of their buyer who may see contact details.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::DeliveryFileId;

use super::door::{Door, nothing, problem};
use super::endpoint::problem_response;
use super::problem::Problem;
use crate::app::deliveries::files::{FileOpened, delivery_file_open};

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/delivery-files/{id}", get(file)).with_state(door)
}

async fn file(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    answer(&door, &id, request).await.unwrap_or_else(problem_response)
}

async fn answer(door: &Door, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = door.admit(&parts).await?;
    let id: DeliveryFileId = id.parse().map_err(|_| nothing("file"))?;
    let opened = delivery_file_open(&door.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
    Ok(sent(opened.ok_or_else(|| nothing("file"))?))
}

fn sent(FileOpened { name, content }: FileOpened) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
