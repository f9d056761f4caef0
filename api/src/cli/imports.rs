//! What the commands that import files share: putting the file, running the import, telling what became of its rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::id::{ImportId, OrganizationId, UploadId};
use domain::import::ImportState;
use domain::upload::{UploadPurpose, file_name};
use indicatif::{ProgressBar, ProgressStyle};
use store::imports::Import;
use store::page::Page;
use tokio_util::io::ReaderStream;

use super::{CommandError, open, print, start};
use crate::app::imports::ImportRun;
use crate::app::uploads::{UploadProof, upload_await, upload_put};
use crate::app::verticals::verticals_seed;
use crate::app::{App, AppError};
use crate::config::Config;
use crate::http::refusals::{HEADER, cells, key};
use crate::ports::{SystemClock, SystemEntropy};

/// How often another process's progress is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Reasons shown at the end, the most frequent ones.
const SHOWN_REASONS: usize = 15;

const PAGE_ROWS: u64 = 1_000;

/// The exchange on the settings' database, or on another one.
pub(super) async fn exchange(mut config: Config, database_url: Option<String>) -> Result<Arc<App>, CommandError> {
    start::start_log(&config.log)?;
    if let Some(url) = database_url {
        config.database.url = url.into();
    }
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    if !app.store.is_migrated().await? {
        return Err(CommandError::new("the database is not up to date: run `clearlead migrate` first"));
    }
    verticals_seed(&app).await.map_err(told)?;
    Ok(app)
}

/// Puts a file of `owner`, or of the exchange itself.
pub(super) async fn put(
    app: &App,
    owner: Option<OrganizationId>,
    purpose: UploadPurpose,
    path: &Path,
) -> Result<UploadId, CommandError> {
    let size = opened(path)?.metadata()?.len();
    let name = file_name(&path.file_name().unwrap_or_default().to_string_lossy())?;
    let awaited = upload_await(app, owner, None, purpose, name).await.map_err(told)?;
    let body = ReaderStream::new(tokio::fs::File::open(path).await?);
    let proof = UploadProof::Token(awaited.token);
    let upload = upload_put(app, &proof, awaited.upload.upload.id, Some(size), Box::pin(body)).await.map_err(told)?;
    Ok(upload.id)
}

/// Runs a queued import to its end and prints what became of the rows; the refused ones go to `refused` as well.
pub(super) async fn finish(app: &Arc<App>, queued: &Import, refused: Option<&Path>) -> Result<(), CommandError> {
    let bar = bar(queued);
    let done = run(app, queued.id, &bar).await?;
    bar.finish_and_clear();
    let reasons = refusals(app, done.id, refused).await?;
    print(&report(&done, reasons))?;
    app.store.close().await?;
    match done.error {
        Some(error) if done.state == ImportState::Failed => Err(CommandError::new(error)),
        _ => Ok(()),
    }
}

/// Runs the import here, or watches the process that has taken it.
async fn run(app: &Arc<App>, id: ImportId, bar: &ProgressBar) -> Result<Import, CommandError> {
    loop {
        if let Some(mut run) = ImportRun::claim(app, Some(id)).await.map_err(told)? {
            while run.step().await.map_err(told)? {
                show(bar, run.import());
            }
        }
        let import = app.store.import(id).await?.ok_or_else(|| CommandError::new("the import is gone"))?;
        show(bar, &import);
        if import.state.is_final() {
            return Ok(import);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn bar(import: &Import) -> ProgressBar {
    let bar = ProgressBar::new(import.bytes_total);
    let template = "{bar:40} {percent:>3}% {bytes}/{total_bytes} {elapsed} (eta {eta}) {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, import: &Import) {
    let tally = &import.tally;
    bar.set_position(import.bytes_read);
    bar.set_message(format!("{} accepted, {} refused, {} duplicate", tally.accepted, tally.refused, tally.duplicate));
}

fn report(import: &Import, reasons: Reasons) -> String {
    let tally = &import.tally;
    let mut text = format!(
        "{} ({}): {} rows read\n{:>10} accepted\n{:>10} refused\n{:>10} duplicate\n{:>10} skipped\n",
        import.file_name,
        import.state.as_str(),
        tally.read(),
        tally.accepted,
        tally.refused,
        tally.duplicate,
        tally.skipped
    );
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    for ((column, reason), count) in reasons.into_iter().take(SHOWN_REASONS) {
        let column = column.map_or_else(String::new, |column| format!("{column}: "));
        text.push_str(&format!("{count:>10} x {column}{reason}\n"));
    }
    text
}

/// How often rows were refused for which reason, by column and reason.
type Reasons = BTreeMap<(Option<String>, String), u64>;

/// Counts the reasons, and writes the refused rows to `path` on the way.
async fn refusals(app: &App, id: ImportId, path: Option<&Path>) -> Result<Reasons, CommandError> {
    let mut table = path.map(csv::Writer::from_path).transpose()?;
    if let Some(table) = &mut table {
        table.write_record(HEADER)?;
    }
    let mut reasons = Reasons::new();
    let mut after = None;
    loop {
        let slice = app.store.import_refusals(id, &Page { first: PAGE_ROWS, after }).await?;
        for refusal in &slice.rows {
            let count = reasons.entry((refusal.column.clone(), refusal.reason.clone())).or_default();
            *count = count.saturating_add(1);
            if let Some(table) = &mut table {
                table.write_record(cells(refusal))?;
            }
        }
        match slice.rows.last().map(key).filter(|_| slice.has_next) {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    if let Some(table) = &mut table {
        table.flush()?;
    }
    Ok(reasons)
}

pub(super) fn opened(path: &Path) -> Result<File, CommandError> {
    File::open(path).map_err(|error| CommandError::new(format!("{}: {error}", path.display())))
}

/// A refusal in words.
pub(super) fn told(error: AppError) -> CommandError {
    match error {
        AppError::Refused(refusals) => {
            CommandError::new(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))
        }
        other => other.into(),
    }
}
