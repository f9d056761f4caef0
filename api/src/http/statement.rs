//! `GET /wallet/statement.csv?account=AVAILABLE&currency=EUR`: the statement of an account, oldest row first, streamed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use domain::ledger::WalletAccount;
use domain::money::{Currency, Money};
use domain::refusal::Refusal;
use serde::Deserialize;
use store::ledger::StatementRow;

use super::endpoint::{bearer, client_address, problem_response};
use super::host::{Credentials, Host};
use super::log::request_id;
use super::problem::{Problem, ProblemCode};
use super::table::{download, lines, text_cell};
use crate::app::wallet::{StatementOf, statement_rows};
use crate::app::{App, AppError, Caller};

const HEADER: [&str; 8] = ["time", "kind", "subject", "amount", "balance", "currency", "journal", "memo"];

/// What the download needs.
#[derive(Clone)]
struct Downloads {
    app: Arc<App>,
    host: Arc<dyn Host>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    account: Option<String>,
    currency: Option<String>,
    organization_id: Option<String>,
}

/// The route; `host` knows who is calling.
pub fn routes(app: Arc<App>, host: Arc<dyn Host>) -> Router {
    Router::new().route("/wallet/statement.csv", get(statement)).with_state(Downloads { app, host })
}

async fn statement(State(downloads): State<Downloads>, request: Request) -> Response {
    answer(downloads, request).await.unwrap_or_else(problem_response)
}

async fn answer(downloads: Downloads, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let trusted = downloads.app.config.server.trust_forwarded_for;
    let request_id = request_id(&parts.extensions);
    let credentials = Credentials { bearer: bearer(&parts.headers)?, address: client_address(&parts, trusted), request_id };
    let admitted = downloads.host.admit(credentials).await?;
    let caller = Caller { principal: admitted.principal, request_id: request_id.to_string().into(), address: admitted.address };
    let bad = |what: String| Problem::new(ProblemCode::BadRequest, what);
    let Query(parameters) = Query::<Parameters>::try_from_uri(&parts.uri).map_err(|error| bad(error.body_text()))?;
    let of = parse(&downloads.app, &parameters).map_err(|refusal| bad(refusal.to_string()))?;
    // The first page is read before the answer begins, so that a refusal still has a status.
    let first = statement_rows(&downloads.app, &caller, of, 0).await.map_err(|error| problem(&caller, error))?;
    let file_name = format!("statement-{}-{}.csv", of.account.as_str().to_lowercase(), of.currency);
    let start = lines([HEADER.map(str::to_owned)]).map_err(|_| Problem::new(ProblemCode::Internal, "no table"))?;
    let pages = futures::stream::try_unfold(Some((start, first)), move |state| {
        let (app, caller) = (Arc::clone(&downloads.app), caller.clone());
        async move {
            let Some((before, rows)) = state else { return Ok::<_, std::io::Error>(None) };
            let Some(last) = rows.last().map(|row| row.key) else { return Ok(Some((before, None))) };
            let table = lines(rows.into_iter().map(|row| cells(of.currency, &row)))?;
            let next = statement_rows(&app, &caller, of, last).await.map_err(|error| cut_off(&caller, &error))?;
            Ok(Some((Bytes::from([before, table].concat()), Some((Bytes::new(), next)))))
        }
    });
    Ok(download(&file_name, pages))
}

fn parse(app: &App, parameters: &Parameters) -> Result<StatementOf, Refusal> {
    let account = match &parameters.account {
        Some(text) => text.parse().map_err(|_| Refusal::invalid("account", "not an account of a wallet"))?,
        None => WalletAccount::Available,
    };
    let currency = match &parameters.currency {
        Some(code) => code.parse().map_err(|_| Refusal::invalid("currency", "not a currency of ISO 4217"))?,
        None => app.config.exchange.default_currency,
    };
    let organization = parameters.organization_id.as_deref().map(str::parse).transpose();
    let organization = organization.map_err(|error| Refusal::invalid("organizationId", format!("{error}")))?;
    Ok(StatementOf { organization, account, currency })
}

fn cells(currency: Currency, row: &StatementRow) -> [String; 8] {
    let money = |minor| Money::new(minor, currency).decimal();
    [
        row.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        row.kind.as_str().to_owned(),
        row.subject.to_string(),
        money(row.amount_minor),
        money(row.balance_minor),
        currency.to_string(),
        row.journal.to_string(),
        text_cell(row.memo.as_deref().unwrap_or_default()).into_owned(),
    ]
}

fn problem(caller: &Caller, error: AppError) -> Problem {
    use domain::refusal::Code;
    let AppError::Refused(refusals) = &error else {
        cut_off(caller, &error);
        return Problem::new(ProblemCode::Internal, "something went wrong on our side");
    };
    let Some(refusal) = refusals.first() else { return Problem::new(ProblemCode::Forbidden, "not allowed") };
    let code = match refusal.code {
        Code::Unauthenticated => ProblemCode::Unauthenticated,
        Code::Forbidden => ProblemCode::Forbidden,
        _ => ProblemCode::BadRequest,
    };
    Problem::new(code, refusal.message.clone())
}

fn cut_off(caller: &Caller, error: &AppError) -> std::io::Error {
    tracing::error!(request_id = %caller.request_id, %error, "a statement's download failed");
    std::io::Error::other("the download failed")
}
