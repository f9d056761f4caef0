//! Running an import: a thread reads and maps rows, batch by batch; each batch is committed together with its position, so
//! that whoever goes on after a crash leaves nothing out and takes nothing twice.

use std::sync::Arc;

use domain::id::ImportId;
use domain::import::{ImportKind, ImportState, Tally};
use domain::lead::LeadDraft;
use domain::mapping::{Bound, RowRefusal};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use futures::FutureExt;
use futures::future::BoxFuture;
use store::Tx;
use store::imports::{Import, ImportRefusal, ImportStep};
use tokio::sync::mpsc;

use super::reader::ReadError;
use super::source::{Batch, Begun, Most, Plan, Rules, Source, Taken};
use super::{limits, parsed, progress};
use crate::app::leads::{Incoming, Prepared, lead_prepare, lead_record};
use crate::app::suppressions::{Entry, Ground, entries_record, entry_of};
use crate::app::under_lease::under_lease;
use crate::app::{App, AppError};

/// Batches read ahead of the database.
const READ_AHEAD: usize = 2;

/// Whether a lead was refused because the seller brought the very same before.
fn is_duplicate(refused: &[Refusal]) -> bool {
    !refused.is_empty() && refused.iter().all(|refusal| refusal.code == Code::Taken && refusal.path.is_empty())
}

/// An import that this process runs. Dropping it between two batches, or dying, leaves it to the next worker.
pub struct ImportRun {
    app: Arc<App>,
    import: Import,
    plan: Plan,
    batches: mpsc::Receiver<Batch>,
}

impl ImportRun {
    /// Claims the import whose turn it is, or that very one, and begins to read its file; `None` when none waits, or when
    /// this one cannot be begun any more and has failed.
    pub async fn claim(app: &Arc<App>, only: Option<ImportId>) -> Result<Option<Self>, AppError> {
        let Some(import) = app.store.import_claim(app.config.workers.lease_secs, only).await? else { return Ok(None) };
        let settings = &app.config.imports;
        if import.attempts > settings.attempts_max {
            let reason =
                format!("the exchange broke off {} times in a row; its operator can find out why", settings.attempts_max);
            fail(app, &import, reason).await?;
            return Ok(None);
        }
        let (begun, received_at) = match held(app, &import, begin(app, &import).boxed()).await {
            Ok(begun) => begun,
            Err(AppError::Refused(refusals)) => {
                fail(app, &import, refusals.first().map_or_else(String::new, |refusal| refusal.message.clone())).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let plan = begun.plan.clone();
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        let done = import.tally.read();
        let most = Most { rows: settings.rows_max, batch_rows: settings.batch_rows };
        tokio::task::spawn_blocking(move || begun.run(done, most, received_at, &sender));
        Ok(Some(Self { app: Arc::clone(app), import, plan, batches }))
    }

    /// The import as this worker last knew it.
    #[must_use]
    pub const fn import(&self) -> &Import {
        &self.import
    }

    /// Takes the next batch; whether others follow.
    pub async fn step(&mut self) -> Result<bool, AppError> {
        let (app, import) = (Arc::clone(&self.app), self.import.clone());
        held(&app, &import, self.batch_take().boxed()).await
    }

    async fn batch_take(&mut self) -> Result<bool, AppError> {
        let batch = self.batches.recv().await.ok_or_else(|| AppError::internal("the reader of an import has died"))?;
        let mut sorted = Sorted::default();
        for (line, taken) in batch.rows {
            sorted.add(line, taken);
        }
        let (state, error) = match batch.end {
            None => (ImportState::Running, None),
            Some(Ok(())) => (ImportState::Done, None),
            Some(Err(error @ ReadError::Storage(_))) => return Err(AppError::internal(error)),
            Some(Err(error @ ReadError::File { .. })) => {
                if let ReadError::File { line, reason } = &error {
                    sorted.refuse(*line, vec![RowRefusal { column: None, code: Code::Invalid, reason: reason.clone() }]);
                }
                (ImportState::Failed, Some(error.to_string()))
            }
        };
        let load = load(&self.app, &self.import, &self.plan, &mut sorted).await?;
        let step = ImportStep { tally: sorted.tally, bytes_read: batch.bytes_read, state, error };
        let Some(next) = commit(&self.app, &self.import, &load, &step, &sorted.refusals).await? else {
            return Ok(false);
        };
        self.import = next;
        Ok(!self.import.state.is_final())
    }

    /// Leaves the import to whoever claims next.
    async fn lay_down(self) -> Result<(), AppError> {
        let import = &self.import;
        self.app.store.write("import_lay_down", |tx| async move { Ok::<_, AppError>(tx.import_lay_down(import).await?) }).await
    }
}

/// Runs the import whose turn it is, as a worker's pass: to its end, or until that of another owner is due. Answers how many
/// rows it read.
pub async fn imports_advance(app: &Arc<App>) -> Result<u64, AppError> {
    let Some(mut run) = ImportRun::claim(app, None).await? else { return Ok(0) };
    let before = run.import().tally.read();
    let mut turn = 0_u64;
    while run.step().await? {
        turn = turn.saturating_add(1);
        if turn >= app.config.imports.turn_batches && app.store.import_waits_beside(run.import(), app.now()).await? {
            let read = run.import().tally.read().saturating_sub(before);
            run.lay_down().await?;
            return Ok(read.max(1));
        }
    }
    Ok(run.import().tally.read().saturating_sub(before).max(1))
}

/// Does `work` while this worker holds the import.
async fn held<T>(app: &App, import: &Import, work: BoxFuture<'_, T>) -> T {
    let lease_secs = app.config.workers.lease_secs;
    let renew = || async { Ok(app.store.import_renew(import, lease_secs).await?) };
    under_lease(lease_secs, renew, work).await
}

async fn fail(app: &App, import: &Import, reason: String) -> Result<(), AppError> {
    let step =
        ImportStep { tally: Tally::default(), bytes_read: import.bytes_read, state: ImportState::Failed, error: Some(reason) };
    commit(app, import, &Load::Nothing, &step, &[]).await.map(|_| ())
}

async fn begin(app: &App, import: &Import) -> Result<(Begun, Timestamp), AppError> {
    let upload = app.store.upload(import.upload).await?;
    let content = upload.and_then(|upload| upload.content);
    let content = content.ok_or_else(|| AppError::internal("an import without its file"))?;
    let rules = match import.kind {
        ImportKind::Leads => {
            let (mapping, vertical) = parsed(app, &import.mapping).await?;
            Rules::Leads(Box::new(mapping), vertical.definition)
        }
        ImportKind::Suppressions => Rules::List(serde_json::from_str(&import.mapping).map_err(AppError::internal)?),
    };
    // Somebody born at a date has the same age whenever the file is read, or the same row would be another lead.
    let received_at = app.store.import_first_of_file(import.seller, &import.file_sha256).await?.unwrap_or(import.created_at);
    let mut source = Source::open(app, import.upload, &content, rules, limits(app)).await?;
    let begun = tokio::task::spawn_blocking(move || source.begin()).await.map_err(AppError::internal)??;
    Ok((begun, received_at))
}

/// The rows of a batch by what they are.
#[derive(Default)]
struct Sorted {
    tally: Tally,
    refusals: Vec<ImportRefusal>,
    drafts: Vec<(u64, LeadDraft)>,
    contacts: Vec<(u64, String)>,
}

impl Sorted {
    fn add(&mut self, line: u64, taken: Taken) {
        match taken {
            Taken::Skipped => self.tally.skipped = self.tally.skipped.saturating_add(1),
            Taken::Refused(refused) => self.refuse(line, refused),
            Taken::Lead(draft) => self.drafts.push((line, *draft)),
            Taken::Contact(contact) => self.contacts.push((line, contact)),
        }
    }

    fn refuse(&mut self, line: u64, refused: Vec<RowRefusal>) {
        self.tally.refused = self.tally.refused.saturating_add(1);
        self.refusals.extend(rows_of(line, refused));
    }
}

/// What a batch brings, ready to be kept.
enum Load<'a> {
    Nothing,
    /// Leads, each with its line.
    Leads {
        bound: &'a Bound,
        ready: Vec<Prepared>,
        lines: Vec<u64>,
    },
    Entries {
        ground: Ground<'a>,
        entries: Vec<Entry>,
    },
}

/// Prepares what needs no transaction; rows that turn out to be nothing are refused.
async fn load<'a>(app: &App, import: &Import, plan: &'a Plan, sorted: &mut Sorted) -> Result<Load<'a>, AppError> {
    match (plan, import.seller) {
        (Plan::Leads(bound), Some(seller)) => {
            let (lines, drafts): (Vec<u64>, Vec<LeadDraft>) = std::mem::take(&mut sorted.drafts).into_iter().unzip();
            let place = |line: u64| i64::try_from(line).unwrap_or(i64::MAX);
            let incoming = lines.iter().zip(drafts);
            let incoming = incoming
                .map(|(line, draft)| Incoming { draft, import: Some((import.id, place(*line))), fingerprint: None })
                .collect();
            let (mut ready, mut ready_lines) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
            for (line, prepared) in lines.into_iter().zip(lead_prepare(app, seller, incoming).await?) {
                match prepared {
                    Ok(prepared) => {
                        ready.push(prepared);
                        ready_lines.push(line);
                    }
                    Err(refused) => sorted.refuse(line, refused.iter().map(|refusal| bound.place(refusal)).collect()),
                }
            }
            Ok(Load::Leads { bound, ready, lines: ready_lines })
        }
        (Plan::List(list, column), _) => {
            let mut entries = Vec::with_capacity(sorted.contacts.len());
            for (line, contact) in std::mem::take(&mut sorted.contacts) {
                match entry_of(app, &contact, list.country.as_deref()) {
                    Ok(entry) => entries.push(entry),
                    Err(refusal) => sorted.refuse(line, vec![column.refusal(refusal)]),
                }
            }
            let ground = Ground { reason: &list.reason, source: &list.source, by: import.created_by };
            Ok(Load::Entries { ground, entries })
        }
        (Plan::Leads(_), None) => Err(AppError::internal("leads without a seller")),
    }
}

/// Commits a batch with the position behind it. `None` when the import was stopped or another worker has it: then nothing was
/// written.
async fn commit(
    app: &App,
    before: &Import,
    load: &Load<'_>,
    step: &ImportStep,
    refusals: &[ImportRefusal],
) -> Result<Option<Import>, AppError> {
    app.store
        .write("import_batch", |tx| async move {
            let current = tx.import_locked(before.seller, before.id).await?;
            if current.is_none_or(|current| current.version != before.version) {
                return Ok(None);
            }
            let mut step = step.clone();
            let mut refusals = refusals.to_vec();
            match load {
                Load::Nothing => {}
                Load::Leads { bound, ready, lines } => {
                    let late = leads_keep(app, &tx, before, bound, ready, lines).await?;
                    step.tally = step.tally.plus(&late.tally);
                    refusals.extend(late.refusals);
                }
                Load::Entries { ground, entries } => {
                    let done = entries_record(&tx, entries, *ground).await?;
                    let kept = Tally { accepted: done.added, duplicate: done.known, ..Tally::default() };
                    step.tally = step.tally.plus(&kept);
                }
            }
            tx.import_refusals_insert(before.id, &refusals).await?;
            let next = tx.import_advance(before, &step, app.config.workers.lease_secs).await?;
            let next = next.ok_or_else(|| AppError::internal("a locked import changed"))?;
            tx.emit(progress(&next)).await?;
            Ok::<_, AppError>(Some(next))
        })
        .await
}

/// Judges and keeps leads; answers what became of them.
async fn leads_keep(
    app: &App,
    tx: &Tx,
    import: &Import,
    bound: &Bound,
    ready: &[Prepared],
    lines: &[u64],
) -> Result<Sorted, AppError> {
    let seller = import.seller.ok_or_else(|| AppError::internal("leads without a seller"))?;
    let mut sorted = Sorted::default();
    for (line, taken) in lines.iter().zip(lead_record(app, tx, seller, ready).await?) {
        let tally = &mut sorted.tally;
        match taken {
            Ok(_) => tally.accepted = tally.accepted.saturating_add(1),
            Err(refused) if is_duplicate(&refused) => tally.duplicate = tally.duplicate.saturating_add(1),
            Err(refused) => sorted.refuse(*line, refused.iter().map(|refusal| bound.place(refusal)).collect()),
        }
    }
    Ok(sorted)
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
