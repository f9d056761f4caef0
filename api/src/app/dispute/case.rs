//! What the arbiter in charge sees of a case. Each look is logged.

use domain::access::StaffRole;
use domain::certificate::Certificate;
use domain::dispute::history::{DisputeEntryKind, DisputeSide, Reader};
use domain::id::DisputeId;
use domain::lead::Sealed;
use store::WriteError;
use store::calls::Call;
use store::contacts::contact_seen;
use store::disputes::{Dispute, LeadLock, NewEntry, entry_add};
use store::leads::{LeadScope, StoredLead};
use store::listings::StoredListing;
use store::outcomes::Recorded;
use store::trades::Trade;

use super::super::leads::person_of;
use super::super::{App, AppError, Caller};
use super::desk::{nowhere, on_desk};
use super::view::{EntryView, FileView, entries_for, files_of};

/// Everything that an arbiter may see of a case: the disputed lead and nothing beside it.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The dispute.
    pub dispute: Dispute,
    /// The trade.
    pub trade: Trade,
    /// The lead.
    pub lead: StoredLead,
    /// Who the person is; `None` once erased.
    pub person: Option<Sealed>,
    /// The place of the lead's vertical.
    pub vertical_path: String,
    /// The certificate of its consent, if a hosted form brought it.
    pub certificate: Option<Certificate>,
    /// The listing that sold it.
    pub listing: StoredListing,
    /// The buyer's logged calls.
    pub calls: Vec<Call>,
    /// What the buyer recorded of the lead.
    pub outcomes: Vec<Recorded>,
    /// The history, oldest first.
    pub entries: Vec<EntryView>,
    /// The files that both sides gave.
    pub files: Vec<FileView>,
}

/// Opens a case that waits for the caller, and logs that it looked, in the dispute's history and among those who saw the
/// person's contact details.
pub async fn dispute_inspect(app: &App, caller: &Caller, id: DisputeId) -> Result<CaseView, AppError> {
    let arbiter = caller.principal.require_staff(StaffRole::Arbiter)?;
    let seen: Result<Option<(Dispute, LeadLock)>, WriteError> = app
        .store
        .write("dispute_inspect", |tx| {
            let principal = caller.principal.clone();
            async move {
                let Some((dispute, locked)) = on_desk(&tx, app, id, arbiter).await? else { return Ok(None) };
                entry_add(&tx, id, NewEntry::of(DisputeEntryKind::Seen, DisputeSide::Arbiter).by(Some(arbiter))).await?;
                if tx.lead_envelope(dispute.lead).await?.is_some() {
                    contact_seen(&tx, dispute.lead, Some(dispute.trade), None, &principal).await?;
                }
                Ok(Some((dispute, locked)))
            }
        })
        .await;
    let (dispute, locked) = seen?.ok_or_else(nowhere)?;
    let trade = locked.trade(dispute.trade)?.clone();
    let lead = app.store.lead(LeadScope::Exchange, dispute.lead).await?;
    let lead = lead.ok_or_else(|| AppError::internal("a dispute without its lead"))?;
    let listing = app.store.listing_any(trade.listing).await?;
    Ok(CaseView {
        vertical_path: app.store.vertical_paths().await?.remove(&lead.vertical).unwrap_or_default(),
        listing: listing.ok_or_else(|| AppError::internal("a trade without its listing"))?,
        certificate: app.store.certificates_of(&[lead.id]).await?.pop(),
        outcomes: app.store.outcomes_of(trade.id, trade.buyer).await?,
        lead,
        person: person_of(app, dispute.lead).await?,
        calls: app.store.calls_of(dispute.trade).await?,
        entries: entries_for(app, &dispute, Reader::Arbiter).await?,
        files: files_of(app, id).await?,
        dispute,
        trade,
    })
}
