//! `GET /imports/{id}/refusals.csv`: the refused rows of an import, in the order of the file, streamed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use domain::id::{ImportId, OrganizationId};
use store::imports::ImportRefusal;
use store::page::{Page, Slice};

use super::door::{Door, cut_off, nothing, problem};
use super::endpoint::problem_response;
use super::problem::{Problem, ProblemCode};
use super::table::{download, lines, text_cell};
use crate::app::imports::{import_get, import_refusals};
use crate::app::{App, AppError, Caller};

/// The names of the columns.
pub(crate) const HEADER: [&str; 4] = ["line", "column", "code", "reason"];

/// Rows read from the database at a time.
const PAGE_ROWS: u64 = 1_000;

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/imports/{id}/refusals.csv", get(refusals)).with_state(door)
}

async fn refusals(State(door): State<Door>, Path(id): Path<String>, request: Request) -> Response {
    answer(&door, &id, request).await.unwrap_or_else(problem_response)
}

async fn answer(door: &Door, id: &str, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = door.admit(&parts).await?;
    let id: ImportId = id.parse().map_err(|_| nothing("import"))?;
    // The first page is read before the answer begins, so that a refusal still has a status.
    let import = import_get(&door.app, &caller, id).await.map_err(|error| problem(&caller, &error))?;
    let import = import.map(|import| (import.id, import.seller)).ok_or_else(|| nothing("import"))?;
    let first = page(&door.app, &caller, import, None).await.map_err(|error| problem(&caller, &error))?;
    let start = lines([HEADER.map(str::to_owned)]).map_err(|_| Problem::new(ProblemCode::Internal, "no table"))?;
    let app = Arc::clone(&door.app);
    let pages = futures::stream::try_unfold(Some((start, first)), move |state| {
        let (app, caller) = (Arc::clone(&app), caller.clone());
        async move {
            let Some((before, slice)) = state else { return Ok::<_, std::io::Error>(None) };
            let last = slice.rows.last().map(key).filter(|_| slice.has_next);
            let table = lines(slice.rows.iter().map(cells))?;
            let chunk = Bytes::from([before, table].concat());
            let Some(last) = last else { return Ok(Some((chunk, None))) };
            let next = page(&app, &caller, import, Some(last)).await.map_err(|error| cut_off(&caller, &error))?;
            Ok(Some((chunk, Some((Bytes::new(), next)))))
        }
    });
    Ok(download(&format!("refusals-{id}.csv"), pages))
}

async fn page(
    app: &App,
    caller: &Caller,
    import: (ImportId, Option<OrganizationId>),
    after: Option<(i64, i64)>,
) -> Result<Slice<ImportRefusal>, AppError> {
    import_refusals(app, caller, import, &Page { first: PAGE_ROWS, after }).await
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
