//! `GET /imports/{id}/refusals.csv`: the refused rows of an import, in the order of the file, streamed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use domain::id::ImportId;
use domain::refusal::Code;
use store::imports::ImportRefusal;
use store::page::{Page, Slice};

use super::endpoint::{bearer, client_address, problem_response};
use super::host::{Credentials, Host};
use super::log::request_id;
use super::problem::{Problem, ProblemCode};
use super::table::{download, lines, text_cell};
use crate::app::imports::import_refusals;
use crate::app::{App, AppError, Caller};

/// The names of the columns.
pub(crate) const HEADER: [&str; 4] = ["line", "column", "code", "reason"];

/// Rows read from the database at a time.
const PAGE_ROWS: u64 = 1_000;

#[derive(Clone)]
struct Downloads {
    app: Arc<App>,
    host: Arc<dyn Host>,
}

/// The route; `host` knows who is calling.
pub fn routes(app: Arc<App>, host: Arc<dyn Host>) -> Router {
    Router::new().route("/imports/{id}/refusals.csv", get(refusals)).with_state(Downloads { app, host })
}

async fn refusals(State(downloads): State<Downloads>, Path(id): Path<String>, request: Request) -> Response {
    answer(downloads, &id, request).await.unwrap_or_else(problem_response)
}

async fn answer(downloads: Downloads, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let trusted = downloads.app.config.server.trust_forwarded_for;
    let request_id = request_id(&parts.extensions);
    let credentials = Credentials { bearer: bearer(&parts.headers)?, address: client_address(&parts, trusted), request_id };
    let admitted = downloads.host.admit(credentials).await?;
    let caller = Caller { principal: admitted.principal, request_id: request_id.to_string().into(), address: admitted.address };
    let id: ImportId = id.parse().map_err(|_| nothing())?;
    // The first page is read before the answer begins, so that a refusal still has a status.
    let first = page(&downloads.app, &caller, id, None).await.map_err(|error| problem(&caller, &error))?;
    let start = lines([HEADER.map(str::to_owned)]).map_err(|_| Problem::new(ProblemCode::Internal, "no table"))?;
    let pages = futures::stream::try_unfold(Some((start, first)), move |state| {
        let (app, caller) = (Arc::clone(&downloads.app), caller.clone());
        async move {
            let Some((before, slice)) = state else { return Ok::<_, std::io::Error>(None) };
            let last = slice.rows.last().map(key).filter(|_| slice.has_next);
            let table = lines(slice.rows.iter().map(cells))?;
            let chunk = Bytes::from([before, table].concat());
            let Some(last) = last else { return Ok(Some((chunk, None))) };
            let next = page(&app, &caller, id, Some(last)).await.map_err(|error| cut_off(&caller, &error))?;
            Ok(Some((chunk, Some((Bytes::new(), next)))))
        }
    });
    Ok(download(&format!("refusals-{id}.csv"), pages))
}

async fn page(app: &App, caller: &Caller, id: ImportId, after: Option<(i64, i64)>) -> Result<Slice<ImportRefusal>, AppError> {
    import_refusals(app, caller, id, &Page { first: PAGE_ROWS, after }).await
}

/// Where a refusal stands in the order of the file.
pub(crate) fn key(refusal: &ImportRefusal) -> (i64, i64) {
    (i64::try_from(refusal.line).unwrap_or(i64::MAX), i64::from(refusal.position))
}

/// One line; texts that a spreadsheet would take for formulas are disarmed.
pub(crate) fn cells(refusal: &ImportRefusal) -> [String; 4] {
    [
        refusal.line.to_string(),
        text_cell(refusal.column.as_deref().unwrap_or_default()).into_owned(),
        refusal.code.as_str().to_owned(),
        text_cell(&refusal.reason).into_owned(),
    ]
}

fn nothing() -> Problem {
    Problem::new(ProblemCode::NotFound, "no import with this id")
}

fn problem(caller: &Caller, error: &AppError) -> Problem {
    let AppError::Refused(refusals) = error else {
        cut_off(caller, error);
        return Problem::new(ProblemCode::Internal, "something went wrong on our side");
    };
    match refusals.first() {
        Some(refusal) if refusal.code == Code::Unauthenticated => Problem::new(ProblemCode::Unauthenticated, &refusal.message),
        Some(refusal) if refusal.code == Code::Forbidden => Problem::new(ProblemCode::Forbidden, &refusal.message),
        _ => nothing(),
    }
}

fn cut_off(caller: &Caller, error: &AppError) -> std::io::Error {
    tracing::error!(request_id = %caller.request_id, %error, "the download of refusals failed");
    std::io::Error::other("the download failed")
}
