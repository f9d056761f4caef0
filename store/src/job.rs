//! Work behind a commit: enqueued in a transaction, claimed by one worker at a time, tried again with growing pauses,
//! dead after too many.

use domain::id::JobId;
use domain::time::{Timestamp, doubled_pause_secs, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use crate::db::{Backend, Store};
use crate::entity::job;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// The longest pause between two tries, in seconds.
const MAX_PAUSE_SECS: i64 = 3600;

/// Jobs of one lane wait for each other, and for none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What somebody waits for: messages, listings that must leave the market.
    Prompt,
    /// Campaigns and listings that meet.
    Meetings,
    /// Leads that are checked again.
    Checks,
    /// Questions to the world outside about leads that are there, which may take their time.
    LookUps,
    /// Leads that are fetched from where they were given.
    Retrievals,
    /// What the payment provider told of.
    Payments,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: &[Self] = &[Self::Prompt, Self::Meetings, Self::Checks, Self::LookUps, Self::Retrievals, Self::Payments];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "PROMPT",
            Self::Meetings => "MEETINGS",
            Self::Checks => "CHECKS",
            Self::LookUps => "LOOK_UPS",
            Self::Retrievals => "RETRIEVALS",
            Self::Payments => "PAYMENTS",
        }
    }
}

/// A job that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What to do.
    pub kind: String,
    /// With what; never personal data, since it is stored in the clear: ids of what to read.
    pub payload: serde_json::Value,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// How much work waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that are not done and not dead, those for later among them.
    pub waiting: u64,
    /// When the first of these is, or was, to be done.
    pub due_since: Option<Timestamp>,
    /// Jobs that failed too often and are left alone.
    pub dead: u64,
}

impl Tx {
    /// Enqueues prompt work of `kind` for `run_at`.
    pub async fn enqueue(&self, kind: &'static str, payload: serde_json::Value, run_at: Timestamp) -> Result<JobId, StoreError> {
        self.enqueue_in(Lane::Prompt, kind, payload, run_at).await
    }

    /// Enqueues work unless the same waits already and will be done by `run_at`.
    pub async fn enqueue_once(
        &self,
        lane: Lane,
        kind: &'static str,
        payload: serde_json::Value,
        run_at: Timestamp,
    ) -> Result<(), StoreError> {
        let waiting = job::Entity::find()
            .filter(job::Column::Lane.eq(lane.as_str()))
            .filter(job::Column::Dead.eq(false))
            .filter(job::Column::RunAt.lte(run_at))
            .filter(job::Column::LeasedUntil.is_null())
            .filter(job::Column::Kind.eq(kind))
            .filter(job::Column::Payload.eq(payload.clone()));
        if waiting.count(self.db()).await? == 0 {
            self.enqueue_in(lane, kind, payload, run_at).await?;
        }
        Ok(())
    }

    /// Enqueues work of `kind` for `run_at` in a lane.
    pub async fn enqueue_in(
        &self,
        lane: Lane,
        kind: &'static str,
        payload: serde_json::Value,
        run_at: Timestamp,
    ) -> Result<JobId, StoreError> {
        let id: JobId = self.id();
        let row = job::ActiveModel {
            id: Set(id.0),
            kind: Set(kind.to_owned()),
            lane: Set(lane.as_str().to_owned()),
            payload: Set(payload),
            run_at: Set(run_at),
            attempts: Set(0),
            leased_until: Set(None),
            last_error: Set(None),
            dead: Set(false),
            created_at: Set(self.now().await?),
        };
        job::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(id)
    }
}

impl Store {
    /// Claims up to `limit` due jobs of a lane for `lease_secs`; nobody else gets them meanwhile.
    pub async fn jobs_claim(&self, lane: Lane, limit: u64, lease_secs: i64) -> Result<Vec<Job>, WriteError> {
        self.write("jobs_claim", move |tx| async move {
            let now = tx.now().await?;
            let free = Condition::any().add(job::Column::LeasedUntil.is_null()).add(job::Column::LeasedUntil.lte(now));
            let mut due = job::Entity::find()
                .filter(job::Column::Dead.eq(false))
                .filter(job::Column::Lane.eq(lane.as_str()))
                .filter(job::Column::RunAt.lte(now))
                .filter(free)
                .order_by_asc(job::Column::RunAt)
                .limit(limit);
            if tx.backend() == Backend::Postgres {
                due = due.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
            }
            let rows = due.all(tx.db()).await?;
            if !rows.is_empty() {
                job::Entity::update_many()
                    .col_expr(job::Column::LeasedUntil, Expr::value(plus_secs(now, lease_secs)))
                    .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
                    .filter(job::Column::Id.is_in(rows.iter().map(|row| row.id)))
                    .exec(tx.db())
                    .await?;
            }
            let claimed = |row: job::Model| Job {
                id: JobId(row.id),
                kind: row.kind,
                payload: row.payload,
                attempts: row.attempts.saturating_add(1),
            };
            Ok(rows.into_iter().map(claimed).collect())
        })
        .await
    }

    /// Keeps a job that is still under way from being claimed by others, for `lease_secs` from now; `false` when another has it.
    pub async fn job_renew(&self, job: &Job, lease_secs: i64) -> Result<bool, WriteError> {
        let (id, attempts) = (job.id, job.attempts);
        self.write("job_renew", move |tx| async move {
            let done = job::Entity::update_many()
                .col_expr(job::Column::LeasedUntil, Expr::value(plus_secs(tx.now().await?, lease_secs)))
                .filter(job::Column::Id.eq(id.0))
                .filter(job::Column::Attempts.eq(attempts))
                .exec(tx.db())
                .await?;
            Ok(done.rows_affected > 0)
        })
        .await
    }

    /// Forgets a job that is done.
    pub async fn job_done(&self, id: JobId) -> Result<(), WriteError> {
        self.write("job_done", move |tx| async move {
            job::Entity::delete_by_id(id.0).exec(tx.db()).await?;
            Ok(())
        })
        .await
    }

    /// Puts a job back that could not even be tried, for `pause_secs`: this time does not count.
    pub async fn job_postponed(&self, job: &Job, pause_secs: i64) -> Result<(), WriteError> {
        let (id, attempts) = (job.id, job.attempts);
        self.write("job_postponed", move |tx| async move {
            let run_at = plus_secs(tx.now().await?, pause_secs);
            job::Entity::update_many()
                .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).sub(1))
                .col_expr(job::Column::LeasedUntil, Expr::value(Option::<Timestamp>::None))
                .col_expr(job::Column::RunAt, Expr::value(run_at))
                .filter(job::Column::Id.eq(id.0))
                // Whoever outlived its lease leaves the job to who has claimed it since.
                .filter(job::Column::Attempts.eq(attempts))
                .exec(tx.db())
                .await?;
            Ok(())
        })
        .await
    }

    /// Puts a job back that failed with `error` (no personal data), for later; dead after `attempts_max` tries.
    pub async fn job_failed(&self, job: &Job, error: &str, attempts_max: i64) -> Result<(), WriteError> {
        let (id, attempts, error) = (job.id, job.attempts, error.chars().take(500).collect::<String>());
        self.write("job_failed", move |tx| {
            let error = error.clone();
            async move {
                let run_at = plus_secs(tx.now().await?, doubled_pause_secs(1, attempts, MAX_PAUSE_SECS));
                job::Entity::update_many()
                    .col_expr(job::Column::LastError, Expr::value(error))
                    .col_expr(job::Column::LeasedUntil, Expr::value(Option::<Timestamp>::None))
                    .col_expr(job::Column::RunAt, Expr::value(run_at))
                    .col_expr(job::Column::Dead, Expr::value(attempts >= attempts_max))
                    .filter(job::Column::Id.eq(id.0))
                    .filter(job::Column::Attempts.eq(attempts))
                    .exec(tx.db())
                    .await?;
                Ok(())
            }
        })
        .await
    }

    /// How many jobs wait, dead ones left out.
    pub async fn jobs_waiting(&self) -> Result<u64, StoreError> {
        Ok(job::Entity::find().filter(job::Column::Dead.eq(false)).count(self.read()).await?)
    }

    /// How much work waits, and since when.
    pub async fn jobs_backlog(&self) -> Result<Backlog, StoreError> {
        let waiting = || job::Entity::find().filter(job::Column::Dead.eq(false));
        let first = waiting().order_by_asc(job::Column::RunAt).one(self.read()).await?;
        let dead = job::Entity::find().filter(job::Column::Dead.eq(true)).count(self.read()).await?;
        Ok(Backlog { waiting: waiting().count(self.read()).await?, due_since: first.map(|row| row.run_at), dead })
    }
}
