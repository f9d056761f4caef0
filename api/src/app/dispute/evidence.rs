//! Evidence: statements, files, and who may read them.

use bytes::Bytes;
use domain::access::{Permission, StaffRole};
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::{TradeParty, evidence_allowed};
use domain::evidence::check_text;
use domain::id::{DisputeEntryId, DisputeId, EvidenceId, OrganizationId, UploadId, UserId};
use domain::refusal::{Code, Refusal};
use domain::upload::{UploadPurpose, UploadState};
use serde::Serialize;
use serde_json::{Value, json};
use store::disputes::{Dispute, NewEntry, dispute_announce, entry_add, evidence_add, exhibits};
use store::{StoreError, Tx, WriteError};

use super::super::uploads::{UploadView, upload_whole, uploads_named};
use super::super::{App, AppError, Caller};
use super::answer::own;
use super::desk::on_desk;
use super::locked_for;
use super::text::text_sealed;
use super::view::Sight;

/// What a party shows with a step.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shown {
    /// A statement.
    pub statement: Option<String>,
    /// Files, uploaded before.
    pub files: Vec<UploadId>,
}

/// A file of evidence, whole.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    /// Its name.
    pub file_name: String,
    /// Its media type, by its first bytes.
    pub media_type: String,
    /// Its content; at most the configured size of evidence.
    pub content: Bytes,
}

/// A statement sealed for its entry, and files, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    statement: Option<(DisputeEntryId, Value)>,
    files: Vec<UploadId>,
}

impl Prepared {
    /// How many pieces these are.
    pub(super) fn pieces(&self) -> u64 {
        self.files().saturating_add(self.texts())
    }

    /// How many statements: one or none.
    pub(super) fn texts(&self) -> u64 {
        u64::from(self.statement.is_some())
    }

    /// How many files.
    pub(super) fn files(&self) -> u64 {
        u64::try_from(self.files.len()).unwrap_or(u64::MAX)
    }
}

/// Checks what a party shows, and seals the statement.
pub(super) fn prepared(app: &App, shown: &Shown) -> Result<Prepared, AppError> {
    let statement = match &shown.statement {
        None => None,
        Some(text) => {
            let text = check_text("statement", text)?;
            let id: DisputeEntryId = app.store.id();
            Some((id, json!({ "text": text_sealed(app, id, &text)? })))
        }
    };
    let most = app.config.exchange.evidence_files_max;
    if shown.files.len() > most {
        return Err(Refusal::new(Code::TooLarge, format!("at most {most} files")).at("uploadIds").into());
    }
    Ok(Prepared { statement, files: shown.files.clone() })
}

/// Writes what `party` shows into the dispute.
pub(super) async fn show(
    tx: &Tx,
    app: &App,
    dispute: &Dispute,
    party: TradeParty,
    by: (OrganizationId, Option<UserId>),
    prepared: &Prepared,
) -> Result<(), WriteError> {
    let (organization, user) = by;
    if let Some((id, body)) = &prepared.statement {
        let entry = NewEntry::of(DisputeEntryKind::Statement, party.into()).by(user).with(body.clone());
        entry_add(tx, dispute.id, NewEntry { id: Some(*id), ..entry }).await?;
    }
    let max_bytes = app.config.exchange.evidence_max_bytes;
    for (index, upload) in prepared.files.iter().enumerate() {
        file_check(tx, (dispute.id, party), *upload, organization, max_bytes).await.map_err(|error| at(error, index))?;
        evidence_add(tx, dispute.id, *upload, party, user).await?;
    }
    Ok(())
}

/// Refuses more than one side may show. Each side has limits of its own, and the claim, the answer and the appeal, which come
/// once and are limited by themselves, are always taken: nobody can be kept from being heard.
async fn room(tx: &Tx, app: &App, dispute: &Dispute, party: TradeParty, prepared: &Prepared) -> Result<(), WriteError> {
    let limits = &app.config.exchange;
    let shown = exhibits(tx, dispute).await?;
    let most = u64::try_from(limits.evidence_entries_max).unwrap_or(u64::MAX);
    if shown.of(party).saturating_add(prepared.pieces()) > most {
        return Err(Refusal::new(Code::TooLarge, format!("a side shows at most {most} pieces")).at("disputeId").into());
    }
    let most = u64::try_from(limits.evidence_files_max).unwrap_or(u64::MAX);
    if shown.files_of(party).saturating_add(prepared.files()) > most {
        return Err(Refusal::new(Code::TooLarge, format!("a side shows at most {most} files")).at("uploadIds").into());
    }
    Ok(())
}

fn at(error: WriteError, index: usize) -> WriteError {
    match error {
        WriteError::Refused(refusals) => {
            WriteError::Refused(refusals.into_iter().map(|refusal| refusal.at(index).at("uploadIds")).collect())
        }
        store => store,
    }
}

/// Refuses a file that is not the party's own, not there yet, not for evidence, too large, or shown by it in this dispute before.
async fn file_check(
    tx: &Tx,
    (dispute, party): (DisputeId, TradeParty),
    id: UploadId,
    organization: OrganizationId,
    max_bytes: u64,
) -> Result<(), WriteError> {
    let unknown = || Refusal::new(Code::NotFound, "no upload with this id");
    let upload = tx.upload_for_evidence(id, organization).await?.ok_or_else(unknown)?;
    if upload.purpose != UploadPurpose::Evidence.as_str() {
        return Err(Refusal::new(Code::Invalid, "this upload is not for evidence").into());
    }
    if upload.state != UploadState::Stored.as_str() {
        return Err(Refusal::wrong_state("the file has not been put yet").into());
    }
    if u64::try_from(upload.size_bytes.unwrap_or(0)).unwrap_or(u64::MAX) > max_bytes {
        return Err(Refusal::new(Code::TooLarge, format!("at most {max_bytes} bytes")).into());
    }
    let hash = upload.sha256.ok_or(StoreError::Misuse("a stored upload without a hash"))?;
    if tx.evidence_holds(dispute, party, &hash).await? {
        return Err(Refusal::new(Code::Taken, "you have shown this file already").into());
    }
    Ok(())
}

/// Adds evidence to a dispute whose facts are still open.
pub async fn dispute_evidence_add(app: &App, caller: &Caller, id: DisputeId, shown: Shown) -> Result<Dispute, AppError> {
    let organization = caller.principal.require(Permission::DisputesWrite)?;
    let user = caller.principal.user();
    if shown.statement.is_none() && shown.files.is_empty() {
        return Err(Refusal::required("statement").into());
    }
    let prepared = prepared(app, &shown)?;
    let done: Result<(), WriteError> = app
        .store
        .write("dispute_evidence_add", |tx| {
            let prepared = prepared.clone();
            async move {
                let (dispute, _, party) = locked_for(&tx, id, organization).await?;
                evidence_allowed(dispute.state(), tx.now().await?).map_err(|refusal| refusal.at("disputeId"))?;
                room(&tx, app, &dispute, party, &prepared).await?;
                show(&tx, app, &dispute, party, (organization, user), &prepared).await?;
                dispute_announce(&tx, &dispute).await
            }
        })
        .await;
    done?;
    own(app, id, organization).await
}

/// A file of evidence, for the parties and for the arbiter in charge, whose look is logged; `None` for everybody else.
pub async fn evidence_read(app: &App, caller: &Caller, id: EvidenceId) -> Result<Option<EvidenceFile>, AppError> {
    let Some((dispute, evidence, upload)) = app.store.evidence_any(id).await? else { return Ok(None) };
    let side: TradeParty = evidence.side.parse().map_err(StoreError::corrupt)?;
    let visible = if let Ok(arbiter) = caller.principal.require_staff(StaffRole::Arbiter) {
        app.store.desk_dispute(dispute, arbiter).await?.is_some() && evidence_seen(app, dispute, id, arbiter).await?
    } else {
        let organization = caller.principal.require(Permission::TradesRead)?;
        match app.store.dispute_of(dispute, organization).await? {
            Some(dispute) => Sight::of(app, caller, &dispute, organization).await?.reads(side.into()),
            None => false,
        }
    };
    if !visible {
        return Ok(None);
    }
    let Some(UploadView { upload, file_name }) = uploads_named(app, vec![upload]).await?.pop() else { return Ok(None) };
    let (Some(described), Some(file_name)) = (upload.content, file_name) else { return Ok(None) };
    let content = upload_whole(app, upload.id, &described).await?;
    Ok(Some(EvidenceFile { file_name, media_type: described.media_type, content }))
}

/// Logs that the arbiter in charge took a file; `false` when the case is no longer the arbiter's.
async fn evidence_seen(app: &App, id: DisputeId, evidence: EvidenceId, arbiter: UserId) -> Result<bool, AppError> {
    let seen: Result<bool, WriteError> = app
        .store
        .write("evidence_seen", |tx| async move {
            let Some((dispute, _)) = on_desk(&tx, app, id, arbiter).await? else { return Ok(false) };
            let entry = NewEntry::of(DisputeEntryKind::Seen, DisputeSide::Arbiter).by(Some(arbiter));
            entry_add(&tx, dispute.id, entry.with(json!({ "evidenceId": evidence }))).await?;
            Ok(true)
        })
        .await;
    Ok(seen?)
}
