//! Running an import: a thread reads and maps rows, batch by batch; each batch is committed together with its position, so
//! that whoever goes on after a crash leaves nothing out and takes nothing twice.

use std::sync::Arc;

use domain::id::{ImportId, UploadId};
use domain::import::{ImportState, Tally};
use domain::mapping::{Bound, Limits, Mapping, RowOutcome, RowRefusal};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::vertical::Definition;
use store::imports::{Import, ImportRefusal, ImportStep};
use store::uploads::UploadContent;
use store::verticals::StoredVertical;
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::reader::{ReadError, Row, RowLimits, Rows};
use super::{file_refusal, limits, parsed, progress};
use crate::app::leads::{Incoming, Prepared, lead_prepare, lead_record};
use crate::app::uploads::upload_read;
use crate::app::{App, AppError};

/// For how long a worker holds an import without a sign of life, in seconds.
const LEASE_SECS: i64 = 60;

/// Batches read ahead of the database.
const READ_AHEAD: usize = 2;

/// Codes that say that a lead was brought before.
fn is_duplicate(refused: &[Refusal]) -> bool {
    let own =
        |refusal: &Refusal| refusal.code == Code::Taken && refusal.path.last().is_none_or(|field| field == "sellerReference");
    !refused.is_empty() && refused.iter().all(own)
}

/// A file and the mapping to read it with, not yet begun.
pub(super) struct Source {
    bytes: Option<Box<dyn std::io::Read + Send>>,
    size: u64,
    mapping: Mapping,
    definition: Definition,
    limits: Limits,
}

impl Source {
    pub(super) async fn open(
        app: &App,
        upload: UploadId,
        content: &UploadContent,
        mapping: Mapping,
        vertical: &StoredVertical,
        limits: Limits,
    ) -> Result<Self, AppError> {
        use futures::TryStreamExt;
        let stream = upload_read(app, upload, content).await?;
        let reader = StreamReader::new(Box::pin(stream.map_err(std::io::Error::other)));
        let bytes = Box::new(SyncIoBridge::new(reader));
        let definition = vertical.definition.clone();
        Ok(Self { bytes: Some(bytes), size: content.size_bytes, mapping, definition, limits })
    }

    /// Reads the header and fits the mapping to it.
    pub(super) fn bind(&mut self) -> Result<Bound, AppError> {
        self.begin().map(|begun| begun.bound)
    }

    fn begin(&mut self) -> Result<Begun, AppError> {
        let bytes = self.bytes.take().ok_or_else(|| AppError::internal("a file that was begun twice"))?;
        let row_limits = RowLimits { columns: self.limits.columns, cell_bytes: self.limits.cell_bytes };
        let mut rows = Rows::open(bytes, self.size, &self.mapping.file, row_limits)?.map_err(file_refusal)?;
        let first = rows.next().map_err(file_refusal)?;
        let first = first.ok_or_else(|| Refusal::new(Code::Invalid, "the file holds no rows").at("uploadId"))?;
        let columns = self.mapping.column_names(&first.cells.iter().collect::<Vec<_>>());
        let at = |found: Vec<Refusal>| found.into_iter().map(|refusal| refusal.at("mapping")).collect::<Vec<_>>();
        let bound = self.mapping.bind(&columns, &self.definition, self.limits).map_err(at)?;
        let pending = (!self.mapping.file.header).then_some(first);
        Ok(Begun { rows, bound, pending })
    }
}

struct Begun {
    rows: Rows,
    bound: Bound,
    /// The first row of a file without a header.
    pending: Option<Row>,
}

impl Begun {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        match self.pending.take() {
            Some(row) => Ok(Some(row)),
            None => self.rows.next(),
        }
    }
}

/// Rows in the order of the file.
struct Batch {
    rows: Vec<(u64, RowOutcome)>,
    bytes_read: u64,
    /// Whether the file ends here, and why if it should not.
    end: Option<Result<(), ReadError>>,
}

/// An import that this process runs. Dropping it between two batches, or dying, leaves it to the next worker.
pub struct ImportRun {
    app: Arc<App>,
    import: Import,
    bound: Arc<Bound>,
    batches: mpsc::Receiver<Batch>,
}

impl ImportRun {
    /// Claims the oldest import that waits, or that very one, and begins to read its file; `None` when none waits.
    pub async fn claim(app: &Arc<App>, only: Option<ImportId>) -> Result<Option<Self>, AppError> {
        let Some(import) = app.store.import_claim(LEASE_SECS, only).await? else { return Ok(None) };
        let begun = begin(app, &import).await;
        let (begun, received_at) = match begun {
            Ok(begun) => begun,
            Err(AppError::Refused(refusals)) => {
                let reason = refusals.first().map_or_else(String::new, |refusal| refusal.message.clone());
                let step = ImportStep {
                    tally: Tally::default(),
                    bytes_read: import.bytes_read,
                    state: ImportState::Failed,
                    error: Some(reason),
                };
                commit(app, &import, None, &step, &[], &[]).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let bound = Arc::new(begun.bound.clone());
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        let done = import.tally.read();
        let settings = &app.config.imports;
        let (batch_rows, rows_max) = (settings.batch_rows, settings.rows_max);
        tokio::task::spawn_blocking(move || read(begun, done, batch_rows, rows_max, received_at, &sender));
        Ok(Some(Self { app: Arc::clone(app), import, bound, batches }))
    }

    /// The import as this worker last knew it.
    #[must_use]
    pub const fn import(&self) -> &Import {
        &self.import
    }

    /// Takes the next batch; whether others follow.
    pub async fn step(&mut self) -> Result<bool, AppError> {
        let batch = self.batches.recv().await.ok_or_else(|| AppError::internal("the reader of an import has died"))?;
        let mut refusals = Vec::new();
        let mut tally = Tally::default();
        let mut incoming = Vec::new();
        let mut lines = Vec::new();
        for (line, outcome) in batch.rows {
            match outcome {
                RowOutcome::Skipped => tally.skipped = tally.skipped.saturating_add(1),
                RowOutcome::Refused(refused) => {
                    tally.refused = tally.refused.saturating_add(1);
                    refusals.extend(rows_of(line, refused));
                }
                RowOutcome::Lead(draft) => {
                    let place = i64::try_from(line).unwrap_or(i64::MAX);
                    incoming.push(Incoming { draft: *draft, import: Some((self.import.id, place)) });
                    lines.push(line);
                }
            }
        }
        let (state, error) = match batch.end {
            None => (ImportState::Running, None),
            Some(Ok(())) => (ImportState::Done, None),
            Some(Err(error @ ReadError::Storage(_))) => return Err(AppError::internal(error)),
            Some(Err(error @ ReadError::File { .. })) => {
                if let ReadError::File { line, reason } = &error {
                    tally.refused = tally.refused.saturating_add(1);
                    let refused = RowRefusal { column: None, code: Code::Invalid, reason: reason.clone() };
                    refusals.extend(rows_of(*line, vec![refused]));
                }
                (ImportState::Failed, Some(error.to_string()))
            }
        };
        let step = ImportStep { tally, bytes_read: batch.bytes_read, state, error };
        let mut ready = Vec::with_capacity(incoming.len());
        let mut ready_lines = Vec::with_capacity(incoming.len());
        let mut early = Vec::new();
        for (line, prepared) in lines.into_iter().zip(lead_prepare(&self.app, self.import.seller, incoming).await?) {
            match prepared {
                Ok(prepared) => {
                    ready.push(prepared);
                    ready_lines.push(line);
                }
                Err(refused) => early.push((line, refused)),
            }
        }
        let leads = Leads { bound: &self.bound, ready: &ready, lines: &ready_lines };
        let Some(next) = commit(&self.app, &self.import, Some(leads), &step, &refusals, &early).await? else {
            return Ok(false);
        };
        self.import = next;
        Ok(!self.import.state.is_final())
    }
}

/// Runs the oldest import that waits to its end, as a worker's pass; answers how many rows it read.
pub async fn imports_advance(app: &Arc<App>) -> Result<u64, AppError> {
    let Some(mut run) = ImportRun::claim(app, None).await? else { return Ok(0) };
    let before = run.import().tally.read();
    while run.step().await? {}
    Ok(run.import().tally.read().saturating_sub(before).max(1))
}

async fn begin(app: &App, import: &Import) -> Result<(Begun, Timestamp), AppError> {
    let upload = app.store.upload_of(import.seller, import.upload).await?;
    let content = upload.and_then(|upload| upload.content);
    let content = content.ok_or_else(|| AppError::internal("an import without its file"))?;
    let (mapping, vertical) = parsed(app, &import.mapping).await?;
    // Rows that carry no date of their own get the same one whenever the file is read, or the same row would be another lead.
    let received_at = app.store.import_first_of_file(import.seller, &import.file_sha256).await?.unwrap_or(import.created_at);
    let mut source = Source::open(app, import.upload, &content, mapping, &vertical, limits(app)).await?;
    let begun = tokio::task::spawn_blocking(move || source.begin()).await.map_err(AppError::internal)??;
    Ok((begun, received_at))
}

/// Reads and maps rows behind the first `done` ones, until the file or the other side ends.
fn read(mut begun: Begun, done: u64, batch_rows: usize, rows_max: u64, received_at: Timestamp, sender: &mpsc::Sender<Batch>) {
    let mut ordinal = 0_u64;
    let mut rows = Vec::with_capacity(batch_rows);
    loop {
        let end = match begun.next() {
            Ok(Some(row)) if ordinal >= rows_max => {
                Some(Err(ReadError::File { line: row.line, reason: format!("a file has at most {rows_max} rows") }))
            }
            Ok(Some(row)) => {
                if ordinal >= done {
                    let outcome = begun.bound.apply(&row.cells.iter().collect::<Vec<_>>(), ordinal, received_at);
                    rows.push((row.line, outcome));
                }
                ordinal = ordinal.saturating_add(1);
                None
            }
            Ok(None) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        };
        let ends = end.is_some();
        if ends || rows.len() >= batch_rows {
            let full = std::mem::replace(&mut rows, Vec::with_capacity(batch_rows));
            let batch = Batch { rows: full, bytes_read: begun.rows.raw_bytes(), end };
            if sender.blocking_send(batch).is_err() || ends {
                return;
            }
        }
    }
}

/// Leads of a batch that are ready to be judged and kept.
#[derive(Clone, Copy)]
struct Leads<'a> {
    bound: &'a Bound,
    ready: &'a [Prepared],
    lines: &'a [u64],
}

/// Commits a batch with the position behind it. `None` when the import was stopped or another worker has it: then nothing was
/// written.
async fn commit(
    app: &App,
    before: &Import,
    leads: Option<Leads<'_>>,
    step: &ImportStep,
    refusals: &[ImportRefusal],
    early: &[(u64, Vec<Refusal>)],
) -> Result<Option<Import>, AppError> {
    app.store
        .write("leads_import_batch", |tx| async move {
            let current = tx.import_locked(before.seller, before.id).await?;
            if current.is_none_or(|current| current.version != before.version) {
                return Ok(None);
            }
            let mut step = step.clone();
            let mut refusals = refusals.to_vec();
            if let Some(Leads { bound, ready, lines }) = leads {
                let taken = lead_record(app, &tx, before.seller, ready).await?;
                let late = lines.iter().copied().zip(taken.iter().map(|taken| taken.as_ref().err().map(Vec::as_slice)));
                let early = early.iter().map(|(line, refused)| (*line, Some(refused.as_slice())));
                for (line, refused) in early.chain(late) {
                    let tally = &mut step.tally;
                    match refused {
                        None => tally.accepted = tally.accepted.saturating_add(1),
                        Some(refused) if is_duplicate(refused) => tally.duplicate = tally.duplicate.saturating_add(1),
                        Some(refused) => {
                            tally.refused = tally.refused.saturating_add(1);
                            refusals.extend(rows_of(line, refused.iter().map(|refusal| bound.place(refusal)).collect()));
                        }
                    }
                }
            }
            tx.import_refusals_insert(before.id, &refusals).await?;
            let next = tx.import_advance(before, &step, LEASE_SECS).await?;
            let next = next.ok_or_else(|| AppError::internal("a locked import changed"))?;
            tx.emit(progress(&next)).await?;
            Ok::<_, AppError>(Some(next))
        })
        .await
}

fn rows_of(line: u64, refused: Vec<RowRefusal>) -> impl Iterator<Item = ImportRefusal> {
    (0_u32..).zip(refused).map(move |(position, refused)| ImportRefusal {
        line,
        position,
        column: refused.column,
        code: refused.code,
        reason: refused.reason,
    })
}
