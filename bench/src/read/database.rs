//! The database as its own server, where it is one: its version and what its processes cost.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::Failure;
use crate::process::cpu_of;

pub(crate) enum Database {
    /// In the process that uses it.
    Embedded,
    Postgres(PgPool),
}

impl Database {
    pub(crate) async fn open(url: &str) -> Result<Self, Failure> {
        if url.starts_with("sqlite:") {
            return Ok(Self::Embedded);
        }
        Ok(Self::Postgres(PgPoolOptions::new().max_connections(1).connect(url).await?))
    }

    pub(crate) async fn version(&self) -> Result<String, Failure> {
        match self {
            Self::Embedded => Ok("SQLite".to_owned()),
            Self::Postgres(pool) => {
                let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
                Ok(format!("Postgres {version}"))
            }
        }
    }

    /// Does at once what a server in use has done: rows that were added are counted and found to be visible.
    pub(super) async fn settle(&self) -> Result<(), Failure> {
        if let Self::Postgres(pool) = self {
            sqlx::query("VACUUM ANALYZE").execute(pool).await?;
        }
        Ok(())
    }

    /// Processor time of the server's processes that work on this database; nothing where it has none of its own.
    pub(super) async fn cpu(&self) -> Result<Duration, Failure> {
        let Self::Postgres(pool) = self else { return Ok(Duration::ZERO) };
        let others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let pids: Vec<i32> = sqlx::query_scalar(others).fetch_all(pool).await?;
        pids.into_iter().try_fold(Duration::ZERO, |sum, pid| Ok(sum.saturating_add(cpu_of(u32::try_from(pid)?)?)))
    }
}
