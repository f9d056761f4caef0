//! Disputes as their parties see them, and the worker behind the deadlines.

use domain::access::{Permission, Principal, StaffRole};
use domain::dispute::history::{DisputeEntryKind, DisputeSide, Reader, shown};
use domain::dispute::{DisputeStatus, TradeParty};
use domain::id::{DisputeEntryId, DisputeId, EvidenceId, OrganizationId, TradeId, TypedId};
use domain::refusal::Refusal;
use domain::reputation::Tally;
use domain::time::Timestamp;
use domain::trade::TradeState;
use serde_json::Value;
use store::StoreError;
use store::data_keys::KeyPurpose;
use store::disputes::{Dispute, DisputeFilter, Entry, File};
use store::entity::evidence;
use store::page::{Page, Slice};

use super::super::data_keys::{DataKeys, data_keys};
use super::super::uploads::{UploadView, uploads_named};
use super::super::{App, AppError, Caller};
use super::text::text_opened;
use super::{party_of, rules};

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

/// A file that was given as evidence.
#[derive(Debug, Clone)]
pub struct FileView {
    /// Its id.
    pub id: EvidenceId,
    /// Who gave it.
    pub party: TradeParty,
    /// Its name; `None` for those who may not read it.
    pub name: Option<String>,
    /// Its media type, by its first bytes.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// When it was given.
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

/// A page of all disputes, newest first, for operators.
pub async fn exchange_disputes(
    app: &App,
    caller: &Caller,
    status: Option<DisputeStatus>,
    page: &Page<DisputeId>,
) -> Result<Slice<Dispute>, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    Ok(app.store.exchange_disputes(status, page).await?)
}

/// What a party may read of what was given in a dispute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    party: TradeParty,
    may_read: bool,
    refunded: bool,
}

impl Sight {
    /// The sight of `organization`, a party: statements and files tell who the person is, so they are for those who may see
    /// that or argue about it, and a buyer who has all its money back has lost sight of what the seller knows.
    pub(super) fn new(
        caller: &Caller,
        dispute: &Dispute,
        organization: OrganizationId,
        refunded: bool,
    ) -> Result<Self, AppError> {
        let party = party_of(dispute, organization).ok_or_else(|| Refusal::not_found("id", "dispute"))?;
        let may_read = [Permission::ContactsReveal, Permission::DisputesWrite].into_iter().any(|may| caller.principal.may(may));
        Ok(Self { party, may_read, refunded })
    }

    /// The same, of one dispute.
    pub(super) async fn of(
        app: &App,
        caller: &Caller,
        dispute: &Dispute,
        organization: OrganizationId,
    ) -> Result<Self, AppError> {
        let trade = app.store.trade_any(dispute.trade).await?;
        let trade = trade.ok_or_else(|| AppError::internal("a dispute without its trade"))?;
        Self::new(caller, dispute, organization, trade.hold.state() == TradeState::Refunded)
    }

    /// Whether the caller may read what `side` gave.
    pub(super) fn reads(self, side: DisputeSide) -> bool {
        let lost = self.refunded && self.party == TradeParty::Buyer && side == DisputeSide::Seller;
        self.may_read && !lost
    }
}

/// The history of a dispute, oldest first, as `reader` sees it.
pub(super) async fn entries_for(app: &App, dispute: &Dispute, reader: Reader) -> Result<Vec<EntryView>, AppError> {
    let entries = app.store.dispute_entries(dispute.id).await?;
    entries_opened(app, visible(entries, dispute, reader)).await
}

/// Those entries of a dispute's whole history that `reader` sees.
pub(super) fn visible(entries: Vec<Entry>, dispute: &Dispute, reader: Reader) -> Vec<Entry> {
    let shown = shown(&entries.iter().map(Entry::happened).collect::<Vec<_>>(), dispute.state(), reader);
    entries.into_iter().zip(shown).filter_map(|(entry, shows)| shows.then_some(entry)).collect()
}

/// Entries with their texts opened, in their order.
pub(super) async fn entries_opened(app: &App, entries: Vec<Entry>) -> Result<Vec<EntryView>, AppError> {
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.uuid()).collect();
    let keys = data_keys(app, KeyPurpose::DisputeText, &ids).await?;
    entries.into_iter().map(|entry| opened(&keys, entry)).collect()
}

fn opened(keys: &DataKeys, entry: Entry) -> Result<EntryView, AppError> {
    let text = text_opened(keys, entry.id, &entry.body)?;
    let mut body = entry.body;
    if let Some(fields) = body.as_object_mut() {
        fields.remove("text");
    }
    Ok(EntryView { id: entry.id, kind: entry.kind, side: entry.side, text, body, at: entry.created_at })
}

/// The files of a dispute, in the order in which they came.
pub(super) async fn files_of(app: &App, id: DisputeId) -> Result<Vec<FileView>, AppError> {
    files_opened(app, app.store.evidence_of(id).await?).await
}

/// Files with their names opened, in their order.
pub(super) async fn files_opened(app: &App, files: Vec<File>) -> Result<Vec<FileView>, AppError> {
    let (given, uploads): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let view = |(evidence, named): (evidence::Model, UploadView)| {
        let content = named.upload.content;
        Ok(FileView {
            id: EvidenceId(evidence.id),
            party: evidence.side.parse().map_err(StoreError::corrupt)?,
            name: named.file_name,
            media_type: content.as_ref().map(|content| content.media_type.clone()),
            size_bytes: content.map(|content| content.size_bytes),
            at: evidence.created_at,
        })
    };
    given.into_iter().zip(uploads_named(app, uploads).await?).map(view).collect()
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
/// touched. Run by the worker. What fails in one part keeps nothing in the other from its time.
pub async fn disputes_advance(app: &App) -> Result<u64, AppError> {
    let batch = app.config.workers.batch;
    let assigned = app.store.disputes_assign(batch).await;
    let mut total = 0_u64;
    loop {
        let passed = app.store.disputes_advance(batch, rules(&app.config.exchange)).await?;
        total = total.saturating_add(passed);
        if passed < batch {
            return Ok(total.saturating_add(assigned?));
        }
    }
}
