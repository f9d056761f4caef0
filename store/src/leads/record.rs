//! What becomes of a lead that was taken: checks, states, erasure, reveals.

use std::collections::{BTreeMap, HashSet};

use domain::id::{CheckId, LeadId, TradeId, TypedId, UploadId, UserId};
use domain::lead::{LeadState, Ties};
use domain::listing::ListingState;
use domain::refusal::{Code, Refusal};
use domain::scoring::{Score, fresh_until};
use domain::time::Timestamp;
use domain::trade::TradeState;
use domain::verification::{Check, CheckKind, Level};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait, QuerySelect, QueryTrait};

use super::StoredLead;
use super::find::LeadScope;
use super::take::json;
use crate::db::Store;
use crate::entity::{lead, lead_check, lead_contact, listing, trade, upload};
use crate::error::{StoreError, WriteError};
use crate::listings::listing_void_later;
use crate::outcomes::work_end;
use crate::page::first_of_each;
use crate::words::is;
use crate::write::Tx;

/// Rows in one statement.
const CHUNK: usize = 2_000;

/// What checks made of a lead.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The outcome of each check that counts.
    pub checks: Vec<Check>,
    /// What was found and is news.
    pub news: Vec<Check>,
    /// Who found it.
    pub finder: Finder,
    /// How far it is verified.
    pub level: Level,
    /// The state that follows.
    pub state: LeadState,
    /// The score.
    pub score: Score,
}

/// Who found something on a lead, and what was kept of how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finder {
    /// The person who recorded it, if one did.
    pub user: Option<UserId>,
    /// The recording of the call.
    pub recording: Option<UploadId>,
}

/// One outcome in a lead's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRecord {
    /// Its id.
    pub id: CheckId,
    /// The outcome.
    pub check: Check,
    /// Who found it.
    pub finder: Finder,
}

impl Tx {
    /// Writes what the checks made of `before`, whose row is locked, and keeps what is news in the history.
    pub async fn lead_judge(&self, before: &StoredLead, judged: &Judged) -> Result<StoredLead, WriteError> {
        self.checks_remember(&[(before, judged)]).await?;
        self.verdict_write(before, judged, self.now().await?).await
    }

    /// Writes what the checks made of leads whose rows are locked, and keeps what is news in their histories.
    pub async fn leads_judge(&self, judged: &[(StoredLead, Judged)]) -> Result<(), WriteError> {
        let news: Vec<_> = judged.iter().map(|(before, judged)| (before, judged)).collect();
        self.checks_remember(&news).await?;
        let now = self.now().await?;
        for (before, judged) in judged {
            self.verdict_write(before, judged, now).await?;
        }
        Ok(())
    }

    async fn verdict_write(&self, before: &StoredLead, judged: &Judged, now: Timestamp) -> Result<StoredLead, WriteError> {
        let done = lead::Entity::update_many()
            .col_expr(lead::Column::Checks, Expr::value(json(&judged.checks)?))
            .col_expr(lead::Column::Level, Expr::value(judged.level.as_str()))
            .col_expr(lead::Column::State, Expr::value(judged.state.as_str()))
            .col_expr(lead::Column::Score, Expr::value(judged.score.points))
            .col_expr(lead::Column::Temperature, Expr::value(judged.score.temperature.as_str()))
            .col_expr(lead::Column::ScoreReasons, Expr::value(json(&judged.score.contributions)?))
            .col_expr(lead::Column::ScoreDueAt, Expr::value(before.dated.then(|| fresh_until(before.captured_at, now)).flatten()))
            .col_expr(lead::Column::UpdatedAt, Expr::value(now))
            .col_expr(lead::Column::Version, Expr::col(lead::Column::Version).add(1))
            .filter(lead::Column::Id.eq(before.id.0))
            .filter(lead::Column::Version.eq(before.version))
            .exec(self.db())
            .await?;
        changed(done.rows_affected)?;
        self.unfit(before, judged.state).await?;
        Ok(StoredLead {
            checks: judged.checks.clone(),
            level: judged.level,
            state: judged.state,
            score: judged.score.points,
            temperature: judged.score.temperature,
            contributions: judged.score.contributions.clone(),
            updated_at: now,
            version: before.version.saturating_add(1),
            ..before.clone()
        })
    }

    /// Writes what a lead's score has become by its age, unless the lead changed since it was read. Answers whether it was
    /// written; to age is no change of the lead.
    pub async fn lead_score_age(&self, lead: &StoredLead, score: &Score) -> Result<bool, StoreError> {
        let due = fresh_until(lead.captured_at, self.now().await?);
        let done = lead::Entity::update_many()
            .col_expr(lead::Column::Score, Expr::value(score.points))
            .col_expr(lead::Column::Temperature, Expr::value(score.temperature.as_str()))
            .col_expr(lead::Column::ScoreReasons, Expr::value(json(&score.contributions)?))
            .col_expr(lead::Column::ScoreDueAt, Expr::value(due))
            .filter(lead::Column::Id.eq(lead.id.0))
            .filter(lead::Column::Version.eq(lead.version))
            .exec(self.db())
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Moves `before`, whose row is locked, to `state`.
    pub async fn lead_move(&self, before: &StoredLead, state: LeadState) -> Result<StoredLead, WriteError> {
        let now = self.now().await?;
        let done = lead::Entity::update_many()
            .col_expr(lead::Column::State, Expr::value(state.as_str()))
            .col_expr(lead::Column::UpdatedAt, Expr::value(now))
            .col_expr(lead::Column::Version, Expr::col(lead::Column::Version).add(1))
            .filter(lead::Column::Id.eq(before.id.0))
            .filter(lead::Column::Version.eq(before.version))
            .exec(self.db())
            .await?;
        changed(done.rows_affected)?;
        self.unfit(before, state).await?;
        Ok(StoredLead { state, updated_at: now, version: before.version.saturating_add(1), ..before.clone() })
    }

    /// Destroys who the person is, and what buyers wrote down about the person. The keyed hashes stay: the same person is
    /// still known again.
    pub async fn lead_contact_destroy(&self, id: LeadId) -> Result<(), WriteError> {
        lead_contact::Entity::delete_by_id(id.0).exec(self.db()).await?;
        let trades = trade::Entity::find().select_only().column(trade::Column::Id).filter(trade::Column::LeadId.eq(id.0));
        let trades: Vec<Uuid> = trades.into_tuple().all(self.db()).await?;
        work_end(self, &trades.into_iter().map(TradeId).collect::<Vec<_>>()).await
    }

    /// What others hold of a lead.
    pub async fn lead_ties(&self, id: LeadId) -> Result<Ties, StoreError> {
        let listed = listing::Entity::find()
            .filter(listing::Column::LeadId.eq(id.0))
            .filter(is(listing::Column::State, ListingState::Open.as_str()))
            .count(self.db())
            .await?;
        let trades = trade::Entity::find().filter(trade::Column::LeadId.eq(id.0));
        let sold = trades.clone().count(self.db()).await?;
        let live = [TradeState::Held, TradeState::Disputed].map(TradeState::as_str);
        let in_escrow = trades.filter(trade::Column::State.is_in(live)).count(self.db()).await?;
        Ok(Ties { listed: listed > 0, sold: sold > 0, in_escrow: in_escrow > 0 })
    }

    /// Keeps the news on each lead in its history, behind the outcomes of intake that stood until then: those enter the
    /// history only when something is found beside them.
    async fn checks_remember(&self, judged: &[(&StoredLead, &Judged)]) -> Result<(), StoreError> {
        let mut known: HashSet<(Uuid, String)> = HashSet::new();
        let with_news: Vec<_> = judged.iter().filter(|(_, judged)| !judged.news.is_empty()).collect();
        for chunk in with_news.chunks(CHUNK) {
            let rows: Vec<(Uuid, String)> = lead_check::Entity::find()
                .select_only()
                .columns([lead_check::Column::LeadId, lead_check::Column::Kind])
                .filter(lead_check::Column::LeadId.is_in(chunk.iter().map(|(before, _)| before.id.0)))
                .distinct()
                .into_tuple()
                .all(self.db())
                .await?;
            known.extend(rows);
        }
        let mut rows = Vec::new();
        for (before, judged) in with_news {
            let told = |kind: CheckKind| known.contains(&(before.id.0, kind.as_str().to_owned()));
            let found = |kind: CheckKind| judged.news.iter().any(|check| check.kind == kind);
            let old = before.checks.iter().filter(|check| found(check.kind) && !told(check.kind));
            let old = old.map(|check| (check, Finder::default()));
            for (check, finder) in old.chain(judged.news.iter().map(|check| (check, judged.finder))) {
                rows.push(self.check_row(before.id, check, finder)?);
            }
        }
        for chunk in rows.chunks(CHUNK) {
            lead_check::Entity::insert_many(chunk.iter().cloned()).exec_without_returning(self.db()).await?;
        }
        Ok(())
    }

    /// Whether a call was told with this recording, or with another copy of it, before.
    pub async fn recording_told(&self, sha256: &[u8; 32]) -> Result<bool, StoreError> {
        let copies =
            upload::Entity::find().select_only().column(upload::Column::Id).filter(upload::Column::Sha256.eq(sha256.to_vec()));
        let told = lead_check::Entity::find().filter(lead_check::Column::RecordingId.in_subquery(copies.into_query()));
        Ok(told.count(self.db()).await? > 0)
    }

    async fn unfit(&self, before: &StoredLead, after: LeadState) -> Result<(), StoreError> {
        if before.state == LeadState::Verified && after != LeadState::Verified {
            listing_void_later(self, before.id).await?;
        }
        Ok(())
    }

    fn check_row(&self, lead: LeadId, check: &Check, finder: Finder) -> Result<lead_check::ActiveModel, StoreError> {
        Ok(lead_check::ActiveModel {
            id: Set(self.id::<CheckId>().uuid()),
            lead_id: Set(lead.0),
            kind: Set(check.kind.as_str().to_owned()),
            outcome: Set(check.outcome.as_str().to_owned()),
            evidence: Set(json(&check.evidence)?),
            recorded_by: Set(finder.user.map(|user| user.0)),
            recording_id: Set(finder.recording.map(|recording| recording.0)),
            recorded_at: Set(check.at),
        })
    }
}

impl Store {
    /// The latest `last` outcomes of the checks of each of those `ids` that `scope` may see, each lead's oldest first; empty while
    /// the outcomes of intake still stand.
    pub async fn lead_checks_many(
        &self,
        scope: LeadScope,
        ids: &[LeadId],
        last: u64,
    ) -> Result<BTreeMap<LeadId, Vec<CheckRecord>>, StoreError> {
        let visible = lead::Entity::find()
            .select_only()
            .column(lead::Column::Id)
            .filter(lead::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(scope.condition());
        let of = Condition::all().add(lead_check::Column::LeadId.in_subquery(visible.into_query()));
        let latest = first_of_each::<lead_check::Entity>(lead_check::Column::LeadId, "recorded_at DESC, id DESC", of, last);
        let statement = self.read().get_database_backend().build(&latest);
        let rows = lead_check::Entity::find().from_raw_sql(statement).all(self.read()).await?;
        let mut histories: BTreeMap<LeadId, Vec<CheckRecord>> = BTreeMap::new();
        for row in rows.into_iter().rev() {
            histories.entry(row.lead_id.into()).or_default().push(row.try_into()?);
        }
        Ok(histories)
    }
}

impl TryFrom<lead_check::Model> for CheckRecord {
    type Error = StoreError;

    fn try_from(row: lead_check::Model) -> Result<Self, StoreError> {
        let check = check_of(&row)?;
        let finder = Finder { user: row.recorded_by.map(Into::into), recording: row.recording_id.map(Into::into) };
        Ok(Self { id: row.id.into(), check, finder })
    }
}

/// An outcome of the history, as the rules read it.
pub(crate) fn check_of(row: &lead_check::Model) -> Result<Check, StoreError> {
    Ok(Check {
        kind: row.kind.parse().map_err(StoreError::corrupt)?,
        outcome: row.outcome.parse().map_err(StoreError::corrupt)?,
        evidence: serde_json::from_value(row.evidence.clone()).map_err(StoreError::corrupt)?,
        at: row.recorded_at,
    })
}

fn changed(rows: u64) -> Result<(), Refusal> {
    if rows == 1 { Ok(()) } else { Err(Refusal::new(Code::Conflict, "the lead changed meanwhile")) }
}
