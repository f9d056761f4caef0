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

use super::door::{Door, cut_off, problem};
use super::endpoint::problem_response;
use super::problem::{Problem, ProblemCode};
use super::table::{download, lines, text_cell};
use crate::app::App;
use crate::app::wallet::{StatementOf, statement_rows};

const HEADER: [&str; 8] = ["time", "kind", "subject", "amount", "balance", "currency", "journal", "memo"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Parameters {
    account: Option<String>,
    currency: Option<String>,
    organization_id: Option<String>,
}

/// The route.
pub fn routes(door: Door) -> Router {
    Router::new().route("/wallet/statement.csv", get(statement)).with_state(door)
}

async fn statement(State(door): State<Door>, request: Request) -> Response {
    answer(&door, request).await.unwrap_or_else(problem_response)
}

async fn answer(door: &Door, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = door.admit(&parts).await?;
    let bad = |what: String| Problem::new(ProblemCode::BadRequest, what);
    let Query(parameters) = Query::<Parameters>::try_from_uri(&parts.uri).map_err(|error| bad(error.body_text()))?;
    let of = parse(&door.app, &parameters).map_err(|refusal| bad(refusal.to_string()))?;
    // The first page is read before the answer begins, so that a refusal still has a status.
    let first = statement_rows(&door.app, &caller, of, 0).await.map_err(|error| problem(&caller, &error))?;
    let file_name = format!("statement-{}-{}.csv", of.account.as_str().to_lowercase(), of.currency);
    let start = lines([HEADER.map(str::to_owned)]).map_err(|_| Problem::new(ProblemCode::Internal, "no table"))?;
    let app = Arc::clone(&door.app);
    let pages = futures::stream::try_unfold(Some((start, first)), move |state| {
        let (app, caller) = (Arc::clone(&app), caller.clone());
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
