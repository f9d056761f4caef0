//! Disputes as their parties see them, and the worker behind the deadlines.

use domain::access::{Permission, Principal};
use domain::dispute::TradeParty;
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::id::{DisputeEntryId, DisputeId, OrganizationId, TradeId};
use domain::reputation::Tally;
use domain::time::Timestamp;
use serde_json::Value;
use store::disputes::{Dispute, DisputeFilter};
use store::entity::{evidence, upload};
use store::page::{Page, Slice};

use super::super::{App, AppError, Caller};
use super::rules;
use super::text::text_opened;

/// An entry in a dispute's history, with its text opened.
#[derive(Debug, Clone)]
pub struct EntryView {
    /// Its id.
    pub id: DisputeEntryId,
    /// What happened.
    pub kind: DisputeEntryKind,
    /// Who did it.
    pub side: DisputeSide,
    /// What was said.
    pub text: Option<String>,
    /// What else belongs to it.
    pub body: Value,
    /// When.
    pub at: Timestamp,
}

/// The dispute, for its parties; `None` for everybody else.
pub async fn dispute(app: &App, caller: &Caller, id: DisputeId) -> Result<Option<Dispute>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.dispute_of(id, organization).await?)
}

/// The dispute about a trade of the caller's organization.
pub async fn dispute_of_trade(app: &App, caller: &Caller, trade: TradeId) -> Result<Option<Dispute>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.dispute_of_trade(trade, organization).await?)
}

/// A page of the disputes of the caller's organization, newest first.
pub async fn disputes(
    app: &App,
    caller: &Caller,
    filter: DisputeFilter,
    page: &Page<DisputeId>,
) -> Result<Slice<Dispute>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.disputes_of(organization, filter, page).await?)
}

/// The history of a dispute that the caller was given.
pub async fn dispute_entries(app: &App, id: DisputeId) -> Result<Vec<EntryView>, AppError> {
    app.store.dispute_entries(id).await?.into_iter().map(|entry| entry_view(app, entry)).collect()
}

/// An entry with its text opened.
pub(super) fn entry_view(app: &App, entry: store::disputes::Entry) -> Result<EntryView, AppError> {
    let text = text_opened(app, entry.id, &entry.body)?;
    let mut body = entry.body;
    if let Some(fields) = body.as_object_mut() {
        fields.remove("text");
    }
    Ok(EntryView { id: entry.id, kind: entry.kind, side: entry.side, text, body, at: entry.created_at })
}

/// The files of a dispute that the caller was given.
pub async fn dispute_evidence(app: &App, id: DisputeId) -> Result<Vec<(evidence::Model, upload::Model)>, AppError> {
    Ok(app.store.evidence_of(id).await?)
}

/// Refuses those who may not look at reputations: everybody who may browse the market may, and staff.
pub fn reputation_allowed(caller: &Caller) -> Result<(), AppError> {
    if !matches!(caller.principal, Principal::Staff { .. }) {
        caller.principal.require(Permission::MarketRead)?;
    }
    Ok(())
}

/// What disputes say of an organization as a seller, and as a buyer. The latter would tell a bidder behind a receipt, and is for
/// the organization itself, for those it has traded with, and for staff.
pub async fn reputation(app: &App, caller: &Caller, organization: OrganizationId) -> Result<(Tally, Option<Tally>), AppError> {
    reputation_allowed(caller)?;
    let seller = app.store.tally(organization, TradeParty::Seller).await?;
    let known = match caller.principal.organization() {
        None => true,
        Some(own) => own == organization || app.store.have_traded(own, organization).await?,
    };
    let buyer = if known { Some(app.store.tally(organization, TradeParty::Buyer).await?) } else { None };
    Ok((seller, buyer))
}

/// Gives arbiters to the reviews that wait for one, and lets the deadlines pass that have come; answers how many disputes it
/// touched. Run by the worker.
pub async fn disputes_advance(app: &App) -> Result<u64, AppError> {
    let batch = app.config.workers.batch;
    let mut total = app.store.disputes_assign(batch).await?;
    loop {
        let passed = app.store.disputes_advance(batch, rules(&app.config.exchange)).await?;
        total = total.saturating_add(passed);
        if passed < batch {
            return Ok(total);
        }
    }
}
