//! Imports of files of leads: queued by a mutation, run by a worker in batches, each committed with its position.

mod reader;
mod run;
mod text;

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::id::{ImportId, OrganizationId, UploadId, UserId};
use domain::import::{ImportState, Tally};
use domain::mapping::{Bound, Candidate, Limits, Mapping, propose};
use domain::refusal::{Code, Refusal};
use domain::upload::UploadPurpose;
use domain::vertical::VerticalPath;
use serde_json::json;
use store::imports::{Import, ImportRefusal};
use store::outbox::Event;
use store::page::{Page, Slice};
use store::uploads::UploadContent;
use store::verticals::StoredVertical;
use uuid::Uuid;

use super::{App, AppError, Caller};
use reader::{ReadError, RowLimits, Rows};

pub use run::{ImportRun, imports_advance};

/// The topic of an import's events.
pub const IMPORT_PROGRESSED: &str = "import.progressed";

/// Rows that a proposal looks at.
const SAMPLE_ROWS: usize = 5_000;

/// What is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadsImport {
    /// The file.
    pub upload: UploadId,
    /// The mapping, in TOML or JSON.
    pub mapping: String,
}

/// Queues the import of a file that is there. The same file with the same mapping is the same import; the header is read and
/// the mapping fitted to it first.
pub async fn leads_import(app: &App, caller: &Caller, input: LeadsImport) -> Result<Import, AppError> {
    let seller = caller.principal.require(Permission::LeadsWrite)?;
    import_queue(app, seller, caller.principal.user(), input).await
}

/// Queues an import of `seller`, for the command line too.
pub(crate) async fn import_queue(
    app: &App,
    seller: OrganizationId,
    by: Option<UserId>,
    input: LeadsImport,
) -> Result<Import, AppError> {
    let none = || Refusal::not_found("uploadId", "upload");
    let upload = app.store.upload_of(seller, input.upload).await?.ok_or_else(none)?;
    if upload.purpose != UploadPurpose::Leads {
        return Err(Refusal::invalid("uploadId", "this upload is evidence, not a file of leads").into());
    }
    let missing = || Refusal::wrong_state("put the file first").at("uploadId");
    let content = upload.content.ok_or_else(missing)?;
    bound_to_file(app, &content, &input.mapping).await?;
    let new = Import {
        id: app.store.id(),
        seller,
        upload: upload.id,
        file_name: upload.file_name,
        file_sha256: content.sha256.to_vec(),
        mapping: input.mapping,
        state: ImportState::Queued,
        bytes_total: content.size_bytes,
        bytes_read: 0,
        tally: Tally::default(),
        error: None,
        created_by: by,
        created_at: app.now(),
        finished_at: None,
        version: 0,
    };
    let new = &new;
    app.store
        .write("leads_import", |tx| async move {
            tx.upload_locked(seller, new.upload).await?.ok_or_else(none)?;
            let now = tx.now().await?;
            for earlier in tx.imports_of_upload(new.upload).await? {
                let unbroken = !matches!(earlier.state, ImportState::Failed | ImportState::Cancelled);
                if earlier.mapping == new.mapping && unbroken {
                    return Ok(earlier);
                }
                if !earlier.state.is_final() {
                    let message = "this file is being imported with another mapping; cancel that import first";
                    return Err(AppError::from(Refusal::wrong_state(message).at("uploadId")));
                }
            }
            let import = Import { created_at: now, ..new.clone() };
            tx.import_insert(&import).await?;
            tx.emit(progress(&import)).await?;
            Ok(import)
        })
        .await
}

/// Stops an import. The rows before that are in.
pub async fn import_cancel(app: &App, caller: &Caller, id: ImportId) -> Result<Import, AppError> {
    let seller = caller.principal.require(Permission::LeadsWrite)?;
    app.store
        .write("import_cancel", |tx| async move {
            let before = tx.import_locked(seller, id).await?.ok_or_else(|| Refusal::not_found("id", "import"))?;
            let state = before.state.cancel()?;
            if before.state == state {
                return Ok(before);
            }
            let stopped = tx.import_stop(&before, state).await?;
            tx.emit(progress(&stopped)).await?;
            Ok::<_, AppError>(stopped)
        })
        .await
}

/// An import of the caller's organization.
pub async fn import_get(app: &App, caller: &Caller, id: ImportId) -> Result<Option<Import>, AppError> {
    let seller = caller.principal.require(Permission::LeadsRead)?;
    Ok(app.store.import_of(seller, id).await?)
}

/// The imports of the caller's organization, the newest first.
pub async fn import_list(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Import>, AppError> {
    let seller = caller.principal.require(Permission::LeadsRead)?;
    Ok(app.store.imports(seller, page).await?)
}

/// What was refused of an import of the caller's organization, in the order of the file.
pub async fn import_refusals(
    app: &App,
    caller: &Caller,
    id: ImportId,
    page: &Page<(i64, i64)>,
) -> Result<Slice<ImportRefusal>, AppError> {
    let import = import_get(app, caller, id).await?.ok_or_else(|| Refusal::not_found("id", "import"))?;
    Ok(app.store.import_refusals(import.id, page).await?)
}

/// Those of `ids` that are imports of the caller's organization, in no order.
pub async fn imports_many(app: &App, caller: &Caller, ids: &[ImportId]) -> Result<Vec<Import>, AppError> {
    let seller = caller.principal.require(Permission::LeadsRead)?;
    Ok(app.store.imports_many(seller, ids).await?)
}

/// The same page of what was refused of each of those `ids` that are imports of the caller's organization, in the order of the
/// file.
pub async fn import_refusals_many(
    app: &App,
    caller: &Caller,
    ids: &[ImportId],
    page: &Page<(i64, i64)>,
) -> Result<BTreeMap<ImportId, Slice<ImportRefusal>>, AppError> {
    let seller = caller.principal.require(Permission::LeadsRead)?;
    Ok(app.store.import_refusals_many(seller, ids, page).await?)
}

/// A proposal of a mapping for a file, from its header and its first rows, for `vertical` or the best of `candidates`.
pub fn mapping_propose(
    bytes: Box<dyn std::io::Read + Send>,
    size: u64,
    limits: Limits,
    candidates: &[Candidate<'_>],
) -> Result<String, AppError> {
    let format = domain::mapping::FileFormat::default();
    let limits = RowLimits { columns: limits.columns, cell_bytes: limits.cell_bytes };
    let mut rows = Rows::open(bytes, size, &format, limits)?.map_err(file_refusal)?;
    let header = rows.next().map_err(file_refusal)?.ok_or_else(|| Refusal::invalid("file", "the file is empty"))?;
    let columns: Vec<String> = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let mut sample = Vec::new();
    while sample.len() < SAMPLE_ROWS
        && let Some(row) = rows.next().map_err(file_refusal)?
    {
        sample.push(row.cells.iter().map(ToOwned::to_owned).collect());
    }
    Ok(propose(&columns, &sample, candidates))
}

/// The event of an import's state.
fn progress(import: &Import) -> Event {
    Event {
        topic: IMPORT_PROGRESSED,
        subject_id: import.id.0,
        audience: vec![import.seller],
        payload: json!({
            "state": import.state,
            "bytesRead": import.bytes_read,
            "bytesTotal": import.bytes_total,
            "tally": import.tally,
            "version": import.version,
        }),
    }
}

fn limits(app: &App) -> Limits {
    Limits { columns: app.config.imports.columns_max, cell_bytes: app.config.imports.field_max_bytes }
}

/// The mapping and its vertical; refusals are at `mapping`.
async fn parsed(app: &App, mapping: &str) -> Result<(Mapping, StoredVertical), AppError> {
    let at = |refusal: Refusal| refusal.at("mapping");
    let mapping = Mapping::parse(mapping).map_err(at)?;
    let path: VerticalPath =
        mapping.vertical.parse().map_err(|refusal: Refusal| at(Refusal { path: vec!["vertical".to_owned()], ..refusal }))?;
    let vertical = app.store.vertical_at(&path).await?;
    let vertical = vertical.ok_or_else(|| at(Refusal::new(Code::NotFound, "there is no such vertical").at("vertical")))?;
    Ok((mapping, vertical))
}

/// Fits the mapping to the header of the file.
async fn bound_to_file(app: &App, content: &UploadContent, mapping: &str) -> Result<Bound, AppError> {
    let (mapping, vertical) = parsed(app, mapping).await?;
    let mut source = run::Source::open(app, content, mapping, &vertical, limits(app)).await?;
    tokio::task::spawn_blocking(move || source.bind()).await.map_err(AppError::internal)?
}

fn file_refusal(error: ReadError) -> AppError {
    match error {
        ReadError::File { .. } => Refusal::invalid("file", error.to_string()).into(),
        ReadError::Storage(_) => AppError::internal(error),
    }
}
