//! What can go wrong at the database, classified once for both.

use domain::refusal::Refusal;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// The database did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A UNIQUE key had the last word.
    Unique,
    /// A foreign key had the last word.
    ForeignKey,
    /// A CHECK, or a guard against changing an append-only table, had the last word.
    Check,
    /// The transaction collided with another; the same one may succeed when tried again.
    Transient,
    /// Anything else: connection lost, disk full, a statement that is wrong.
    Other,
}

/// A database error, or a row that does not say what the code expects.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The driver's error.
    #[error("database: {0}")]
    Db(#[from] DbErr),
    /// A stored value is not of the domain: another version wrote it, or somebody by hand.
    #[error("the database holds an unexpected value: {0}")]
    Corrupt(String),
    /// Two calls with the same idempotency key ran at once: the second is tried again and finds the first's answer.
    #[error("the idempotency key was taken by a concurrent call")]
    KeyRace,
    /// What was locked is no longer all that there is: the same transaction is tried again and locks the rest too.
    #[error("a concurrent transaction added to what was to be locked")]
    Overtaken,
    /// The code misused the store.
    #[error("store misuse: {0}")]
    Misuse(&'static str),
}

/// Why a write did not happen: a rule said no, or something broke.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Rules said no; nothing was written.
    #[error("refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// Something broke; nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreError {
    /// A stored value that the domain does not know.
    pub fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }

    /// What kind of error this is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Db(error) => classify(error),
            Self::KeyRace | Self::Overtaken => Fault::Transient,
            Self::Corrupt(_) | Self::Misuse(_) => Fault::Other,
        }
    }

    /// Whether the database could not be asked at all, whatever the question.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let runtime = match self {
            Self::Db(DbErr::ConnectionAcquire(_)) => return true,
            Self::Db(DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) => runtime,
            _ => return false,
        };
        let RuntimeErr::SqlxError(error) = runtime else { return true };
        use sqlx::Error as E;
        matches!(error.as_ref(), E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed)
    }
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        Self::Store(StoreError::Db(error))
    }
}

impl From<Refusal> for WriteError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Vec<Refusal>> for WriteError {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self::Refused(refusals)
    }
}

impl WriteError {
    /// What kind of database error this is, if it is one.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Refused(_) => None,
            Self::Store(error) => Some(error.fault()),
        }
    }

    /// Answers `refusal` instead, when a UNIQUE key of an append-only table had the last word. On SQLite the guard against
    /// replacing rows speaks before the key does.
    #[must_use]
    pub fn repeated_as(self, refusal: Refusal) -> Self {
        if matches!(self.fault(), Some(Fault::Unique | Fault::Check)) { refusal.into() } else { self }
    }

    /// Answers `refusal` instead, when a UNIQUE key had the last word.
    #[must_use]
    pub fn unique_as(self, refusal: Refusal) -> Self {
        if self.fault() == Some(Fault::Unique) { refusal.into() } else { self }
    }
}

/// What the database said, if it was the database that spoke.
fn said(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else { return None };
    let RuntimeErr::SqlxError(error) = runtime else { return None };
    let sqlx::Error::Database(database) = error.as_ref() else { return None };
    Some(database.as_ref())
}

/// The table whose key or condition had the last word, which Postgres tells.
pub(crate) fn table_of(error: &DbErr) -> Option<&str> {
    said(error)?.table()
}

fn classify(error: &DbErr) -> Fault {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Fault::Transient;
    }
    let Some(database) = said(error) else { return Fault::Other };
    // Postgres: SQLSTATE. SQLite: extended result codes (https://sqlite.org/rescode.html).
    match database.code().as_deref() {
        Some("23505" | "1555" | "2067") => Fault::Unique,
        Some("23503" | "787") => Fault::ForeignKey,
        Some("23514" | "275" | "1811") => Fault::Check,
        Some("40001" | "40P01" | "5" | "6" | "261" | "517" | "773") => Fault::Transient,
        _ => Fault::Other,
    }
}
