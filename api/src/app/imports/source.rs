//! A file that is imported, and what becomes of each of its rows: read and mapped on a thread of its own.

use domain::id::UploadId;
use domain::lead::LeadDraft;
use domain::mapping::{Bound, Limits, Mapping, RowOutcome, RowRefusal};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::vertical::Definition;
use store::uploads::UploadContent;
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::file_refusal;
use super::list::{Column, List};
use super::reader::{ReadError, Row, RowLimits, Rows};
use crate::app::uploads::upload_read;
use crate::app::{App, AppError};

/// How the rows of a file are to be understood.
#[derive(Debug, Clone)]
pub(super) enum Rules {
    /// As leads of a vertical.
    Leads(Box<Mapping>, Definition),
    /// As people who must not be contacted.
    List(List),
}

/// The same, fitted to the header of a file.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Leads(Box<Bound>),
    List(List, Column),
}

/// What a row turned out to be.
#[derive(Debug)]
pub(super) enum Taken {
    Lead(Box<LeadDraft>),
    /// Somebody who must not be contacted.
    Contact(String),
    /// Left out by a filter, or empty.
    Skipped,
    Refused(Vec<RowRefusal>),
}

/// Rows in the order of the file, each with its line.
#[derive(Debug)]
pub(super) struct Batch {
    pub rows: Vec<(u64, Taken)>,
    pub bytes_read: u64,
    /// Whether the file ends here, and why if it should not.
    pub end: Option<Result<(), ReadError>>,
}

/// A file and the rules to read it by, not yet begun.
pub(super) struct Source {
    bytes: Option<Box<dyn std::io::Read + Send>>,
    size: u64,
    rules: Rules,
    limits: Limits,
}

impl Source {
    pub(super) async fn open(
        app: &App,
        upload: UploadId,
        content: &UploadContent,
        rules: Rules,
        limits: Limits,
    ) -> Result<Self, AppError> {
        use futures::TryStreamExt;
        let stream = upload_read(app, upload, content).await?;
        let reader = StreamReader::new(Box::pin(stream.map_err(std::io::Error::other)));
        Ok(Self { bytes: Some(Box::new(SyncIoBridge::new(reader))), size: content.size_bytes, rules, limits })
    }

    /// Reads the header and fits the rules to it.
    pub(super) fn begin(&mut self) -> Result<Begun, AppError> {
        let bytes = self.bytes.take().ok_or_else(|| AppError::internal("a file that was begun twice"))?;
        let limits = RowLimits { columns: self.limits.columns, cell_bytes: self.limits.cell_bytes };
        let format = match &self.rules {
            Rules::Leads(mapping, _) => mapping.file.clone(),
            Rules::List(list) => list.format(),
        };
        let mut rows = Rows::open(bytes, self.size, &format, limits)?.map_err(file_refusal)?;
        let first = rows.next().map_err(file_refusal)?;
        let first = first.ok_or_else(|| Refusal::new(Code::Invalid, "the file holds no rows").at("uploadId"))?;
        let (plan, is_header) = match &self.rules {
            Rules::Leads(mapping, definition) => {
                let columns = mapping.column_names(&texts(&first));
                let at = |found: Vec<Refusal>| found.into_iter().map(|refusal| refusal.at("mapping")).collect::<Vec<_>>();
                let bound = mapping.bind(&columns, definition, self.limits).map_err(at)?;
                (Plan::Leads(Box::new(bound)), format.header)
            }
            Rules::List(list) => {
                let (column, is_header) = list.bind(&first.cells)?;
                (Plan::List(list.clone(), column), is_header)
            }
        };
        Ok(Begun { rows, plan, pending: (!is_header).then_some(first) })
    }
}

/// A file whose header is read.
pub(super) struct Begun {
    rows: Rows,
    pub(super) plan: Plan,
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

    /// Reads rows behind the first `done` ones, until the file or the other side ends.
    pub(super) fn run(mut self, done: u64, most: Most, received_at: Timestamp, sender: &mpsc::Sender<Batch>) {
        let mut ordinal = 0_u64;
        let mut rows = Vec::with_capacity(most.batch_rows);
        loop {
            let end = match self.next() {
                Ok(Some(row)) if ordinal >= most.rows => {
                    Some(Err(ReadError::File { line: row.line, reason: format!("a file has at most {} rows", most.rows) }))
                }
                Ok(Some(row)) => {
                    if ordinal >= done {
                        rows.push((row.line, self.plan.take(&row, ordinal, received_at)));
                    }
                    ordinal = ordinal.saturating_add(1);
                    None
                }
                Ok(None) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            };
            let ends = end.is_some();
            if ends || rows.len() >= most.batch_rows {
                let full = std::mem::replace(&mut rows, Vec::with_capacity(most.batch_rows));
                let batch = Batch { rows: full, bytes_read: self.rows.raw_bytes(), end };
                if sender.blocking_send(batch).is_err() || ends {
                    return;
                }
            }
        }
    }
}

/// How many rows there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// In the file.
    pub rows: u64,
    /// In a batch.
    pub batch_rows: usize,
}

impl Plan {
    fn take(&self, row: &Row, ordinal: u64, received_at: Timestamp) -> Taken {
        match self {
            Self::Leads(bound) => match bound.apply(&texts(row), ordinal, received_at) {
                RowOutcome::Lead(draft) => Taken::Lead(draft),
                RowOutcome::Skipped => Taken::Skipped,
                RowOutcome::Refused(refused) => Taken::Refused(refused),
            },
            Self::List(_, column) => column.take(&row.cells),
        }
    }
}

fn texts(row: &Row) -> Vec<&str> {
    row.cells.iter().map(String::as_str).collect()
}
