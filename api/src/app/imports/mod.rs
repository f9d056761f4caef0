//! Imports of files, of leads or of people who must not be contacted: queued by a mutation, run by a worker in batches, each committed with its position.

mod lines;
mod list;
mod reader;
mod record;
mod run;
mod source;
mod text;

use std::collections::BTreeMap;

use domain::access::{Permission, StaffRole};
use domain::id::{ImportId, OrganizationId, UploadId, UserId};
use domain::import::{ImportKind, ImportState, Tally};
use domain::mapping::{Candidate, FileFormat, Limits, Mapping, propose};
use domain::refusal::{Code, Refusal};
use domain::upload::{UploadPurpose, UploadState};
use domain::vertical::VerticalPath;
use serde_json::json;
use store::imports::{Import, ImportRefusal};
use store::outbox::Event;
use store::page::{Page, Slice};
use store::uploads::{Upload, UploadContent};
use store::verticals::StoredVertical;
use uuid::Uuid;

use super::uploads::{UploadView, uploads_named};
use super::{App, AppError, Caller};
use reader::{ReadError, RowLimits, Rows};
use record::Dialect;
use source::{Rules, Source};

pub(crate) use list::list_queue;
pub use list::{List, SuppressionFileImport, suppression_file_import};
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
    let (upload, content) = upload_stored(app, Some(seller), input.upload, UploadPurpose::Leads).await?;
    bound_to_file(app, upload.id, &content, &input.mapping).await?;
    let queued = Queued { kind: ImportKind::Leads, owner: Some(seller), upload, content, rules: input.mapping, by };
    queue(app, queued).await
}

/// An import about to be queued.
struct Queued {
    kind: ImportKind,
    owner: Option<OrganizationId>,
    upload: Upload,
    content: UploadContent,
    rules: String,
    by: Option<UserId>,
}

/// A file of `owner` that is there and serves this purpose.
async fn upload_stored(
    app: &App,
    owner: Option<OrganizationId>,
    id: UploadId,
    purpose: UploadPurpose,
) -> Result<(Upload, UploadContent), AppError> {
    let none = || Refusal::not_found("uploadId", "upload");
    let upload = app.store.upload(id).await?.filter(|upload| upload.organization == owner).ok_or_else(none)?;
    if upload.purpose != purpose {
        let message = format!("this upload is for {}, not for {}", upload.purpose.as_str(), purpose.as_str());
        return Err(Refusal::invalid("uploadId", message).into());
    }
    let content = upload.content.clone().ok_or_else(|| missing(upload.state))?;
    Ok((upload, content))
}

/// What is to be done before a file that is not there can be imported.
fn missing(state: UploadState) -> Refusal {
    let message = match state {
        UploadState::Removed => "the file was removed some time after its last import: put it again",
        _ => "put the file first",
    };
    Refusal::wrong_state(message).at("uploadId")
}

/// Queues an import whose rules fit its file. The same file with the same rules is the same import.
async fn queue(app: &App, queued: Queued) -> Result<Import, AppError> {
    let named = uploads_named(app, vec![queued.upload]).await?.pop();
    let UploadView { upload, file_name } = named.ok_or_else(|| AppError::internal("an upload vanished"))?;
    let new = Import {
        id: app.store.id(),
        kind: queued.kind,
        seller: queued.owner,
        upload: upload.id,
        file_name: file_name.unwrap_or_default(),
        file_sha256: queued.content.sha256.to_vec(),
        mapping: queued.rules,
        state: ImportState::Queued,
        bytes_total: queued.content.size_bytes,
        bytes_read: 0,
        tally: Tally::default(),
        error: None,
        attempts: 0,
        created_by: queued.by,
        created_at: app.now(),
        finished_at: None,
        version: 0,
    };
    let new = &new;
    app.store
        .write("import_queue", |tx| async move {
            let none = || Refusal::not_found("uploadId", "upload");
            let locked = tx.upload_locked(new.seller, new.upload).await?.ok_or_else(none)?;
            // It may have been removed meanwhile.
            if locked.content.is_none() {
                return Err(missing(locked.state).into());
            }
            let now = tx.now().await?;
            for earlier in tx.imports_of_upload(new.upload).await? {
                let unbroken = !matches!(earlier.state, ImportState::Failed | ImportState::Cancelled);
                if earlier.mapping == new.mapping && unbroken {
                    return Ok(earlier);
                }
                if !earlier.state.is_final() {
                    let message = "this file is being imported in another way; cancel that import first";
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

/// Whose imports the caller works on: those of its organization, or, as an operator, the exchange's own.
fn owner_of(caller: &Caller, permission: Permission) -> Result<Option<OrganizationId>, Refusal> {
    match caller.principal.require_staff(StaffRole::Operator) {
        Ok(_) => Ok(None),
        Err(_) => caller.principal.require(permission).map(Some),
    }
}

/// Stops an import. The rows before that are in.
pub async fn import_cancel(app: &App, caller: &Caller, id: ImportId) -> Result<Import, AppError> {
    let owner = owner_of(caller, Permission::LeadsWrite)?;
    app.store
        .write("import_cancel", |tx| async move {
            let before = tx.import_locked(owner, id).await?.ok_or_else(|| Refusal::not_found("id", "import"))?;
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

/// An import of the caller's organization; an operator sees those of the exchange's own lists.
pub async fn import_get(app: &App, caller: &Caller, id: ImportId) -> Result<Option<Import>, AppError> {
    let owner = owner_of(caller, Permission::LeadsRead)?;
    Ok(app.store.import_of(owner, id).await?)
}

/// The imports of the caller's organization, or the exchange's own for an operator, the newest first.
pub async fn import_list(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Import>, AppError> {
    let owner = owner_of(caller, Permission::LeadsRead)?;
    Ok(app.store.imports(owner, page).await?)
}

/// What was refused of an import that the caller was shown, with its owner; in the order of the file.
pub async fn import_refusals(
    app: &App,
    caller: &Caller,
    (id, owner): (ImportId, Option<OrganizationId>),
    page: &Page<(i64, i64)>,
) -> Result<Slice<ImportRefusal>, AppError> {
    if owner_of(caller, Permission::LeadsRead)? != owner {
        return Err(Refusal::not_found("id", "import").into());
    }
    Ok(app.store.import_refusals(id, page).await?)
}

/// Those of `ids` that are imports of the caller's organization, or the exchange's own for an operator, in no order.
pub async fn imports_many(app: &App, caller: &Caller, ids: &[ImportId]) -> Result<Vec<Import>, AppError> {
    let owner = owner_of(caller, Permission::LeadsRead)?;
    Ok(app.store.imports_many(owner, ids).await?)
}

/// The same page of what was refused of each of those `ids` that the caller may see, in the order of the file.
pub async fn import_refusals_many(
    app: &App,
    caller: &Caller,
    ids: &[ImportId],
    page: &Page<(i64, i64)>,
) -> Result<BTreeMap<ImportId, Slice<ImportRefusal>>, AppError> {
    let owner = owner_of(caller, Permission::LeadsRead)?;
    Ok(app.store.import_refusals_many(owner, ids, page).await?)
}

/// A proposal of a mapping for a file, from its header and its first rows, for the best of `candidates`. Of the format only what
/// concerns reading counts.
pub fn mapping_propose(
    bytes: Box<dyn std::io::Read + Send>,
    size: u64,
    format: &FileFormat,
    limits: Limits,
    candidates: &[Candidate<'_>],
) -> Result<String, AppError> {
    let limits = RowLimits { columns: limits.columns, cell_bytes: limits.cell_bytes };
    let mut rows = Rows::open(bytes, size, format, limits)?.map_err(file_refusal)?;
    let header = rows.next().map_err(file_refusal)?.ok_or_else(|| Refusal::invalid("file", "the file is empty"))?;
    let columns: Vec<String> = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let mut sample = Vec::new();
    while sample.len() < SAMPLE_ROWS
        && let Some(row) = rows.next().map_err(file_refusal)?
    {
        sample.push(row.cells);
    }
    Ok(propose(&columns, &sample, format, candidates))
}

/// The first cell of a line that has commas between its cells.
pub(super) fn first_cell(line: &str) -> String {
    let comma = Dialect { delimiter: b',', quote: b'"', escape: None };
    comma.read_alone(line).into_iter().next().unwrap_or_default()
}

/// The event of an import's state.
fn progress(import: &Import) -> Event {
    Event {
        topic: IMPORT_PROGRESSED,
        subject_id: import.id.0,
        audience: import.seller.into_iter().collect(),
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
async fn bound_to_file(app: &App, upload: UploadId, content: &UploadContent, mapping: &str) -> Result<(), AppError> {
    let (mapping, vertical) = parsed(app, mapping).await?;
    let rules = Rules::Leads(Box::new(mapping), vertical.definition);
    let mut source = Source::open(app, upload, content, rules, limits(app)).await?;
    tokio::task::spawn_blocking(move || source.begin().map(|_| ())).await.map_err(AppError::internal)?
}

fn file_refusal(error: ReadError) -> AppError {
    match error {
        ReadError::File { .. } => Refusal::invalid("file", error.to_string()).into(),
        ReadError::Storage(_) => AppError::internal(error),
    }
}
