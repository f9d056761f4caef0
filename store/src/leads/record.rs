//! What becomes of a lead that was taken: checks, states, erasure, reveals.

use std::collections::BTreeMap;

use domain::id::{CheckId, LeadId, TypedId, UserId};
use domain::lead::{LeadState, Ties};
use domain::listing::ListingState;
use domain::refusal::{Code, Refusal};
use domain::scoring::Score;
use domain::trade::TradeState;
use domain::verification::{Check, Level};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait, QuerySelect, QueryTrait};

use super::StoredLead;
use super::find::LeadScope;
use super::take::json;
use crate::db::Store;
use crate::entity::{lead, lead_check, lead_contact, listing, trade};
use crate::error::{StoreError, WriteError};
use crate::listings::listing_void_later;
use crate::page::first_of_each;
use crate::write::Tx;

/// What checks made of a lead.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The latest outcome of each check.
    pub checks: Vec<Check>,
    /// How far it is verified.
    pub level: Level,
    /// The state that follows.
    pub state: LeadState,
    /// The score.
    pub score: Score,
}

/// One outcome in a lead's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRecord {
    /// Its id.
    pub id: CheckId,
    /// The outcome.
    pub check: Check,
    /// The person who recorded it, if one did.
    pub recorded_by: Option<UserId>,
}

impl Tx {
    /// Writes what the checks made of `before`, whose row is locked, and keeps the outcomes that were replaced and the new
    /// ones in the history.
    pub async fn lead_judge(
        &self,
        before: &StoredLead,
        judged: &Judged,
        recorded_by: Option<UserId>,
    ) -> Result<StoredLead, WriteError> {
        let now = self.now().await?;
        let first = before.version == 0;
        // The outcomes of intake enter the history only when something is about to replace them.
        let old = before.checks.iter().filter(|_| first).map(|check| (check, None));
        let new = judged.checks.iter().filter(|check| !before.checks.contains(check)).map(|check| (check, recorded_by));
        let rows = old.chain(new).map(|(check, by)| self.check_row(before.id, check, by)).collect::<Result<Vec<_>, _>>()?;
        if !rows.is_empty() {
            lead_check::Entity::insert_many(rows).exec_without_returning(self.db()).await?;
        }
        let done = lead::Entity::update_many()
            .col_expr(lead::Column::Checks, Expr::value(json(&judged.checks)?))
            .col_expr(lead::Column::Level, Expr::value(judged.level.as_str()))
            .col_expr(lead::Column::State, Expr::value(judged.state.as_str()))
            .col_expr(lead::Column::Score, Expr::value(judged.score.points))
            .col_expr(lead::Column::Temperature, Expr::value(judged.score.temperature.as_str()))
            .col_expr(lead::Column::ScoreReasons, Expr::value(json(&judged.score.contributions)?))
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

    /// Destroys who the person is. The keyed hashes stay: the same person is still known again.
    pub async fn lead_contact_destroy(&self, id: LeadId) -> Result<(), StoreError> {
        lead_contact::Entity::delete_by_id(id.0).exec(self.db()).await?;
        Ok(())
    }

    /// What others hold of a lead.
    pub async fn lead_ties(&self, id: LeadId) -> Result<Ties, StoreError> {
        let listed = listing::Entity::find()
            .filter(listing::Column::LeadId.eq(id.0))
            .filter(listing::Column::State.eq(ListingState::Open.as_str()))
            .count(self.db())
            .await?;
        let trades = trade::Entity::find().filter(trade::Column::LeadId.eq(id.0));
        let sold = trades.clone().count(self.db()).await?;
        let live = [TradeState::Held, TradeState::Disputed].map(TradeState::as_str);
        let in_escrow = trades.filter(trade::Column::State.is_in(live)).count(self.db()).await?;
        Ok(Ties { listed: listed > 0, sold: sold > 0, in_escrow: in_escrow > 0 })
    }

    async fn unfit(&self, before: &StoredLead, after: LeadState) -> Result<(), StoreError> {
        if before.state == LeadState::Verified && after != LeadState::Verified {
            listing_void_later(self, before.id).await?;
        }
        Ok(())
    }

    fn check_row(&self, lead: LeadId, check: &Check, by: Option<UserId>) -> Result<lead_check::ActiveModel, StoreError> {
        Ok(lead_check::ActiveModel {
            id: Set(self.id::<CheckId>().uuid()),
            lead_id: Set(lead.0),
            kind: Set(check.kind.as_str().to_owned()),
            outcome: Set(check.outcome.as_str().to_owned()),
            evidence: Set(json(&check.evidence)?),
            recorded_by: Set(by.map(|user| user.0)),
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
        let check = Check {
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            outcome: row.outcome.parse().map_err(StoreError::corrupt)?,
            evidence: serde_json::from_value(row.evidence).map_err(StoreError::corrupt)?,
            at: row.recorded_at,
        };
        Ok(Self { id: row.id.into(), check, recorded_by: row.recorded_by.map(Into::into) })
    }
}

fn changed(rows: u64) -> Result<(), Refusal> {
    if rows == 1 { Ok(()) } else { Err(Refusal::new(Code::Conflict, "the lead changed meanwhile")) }
}
