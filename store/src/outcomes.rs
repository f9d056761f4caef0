//! What became of bought leads, and what is to be done next.

use domain::id::{OrganizationId, OutcomeId, TradeId, TypedId, UserId};
use domain::outcome::{NextStep, Outcome, OutcomeKind};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use crate::data_keys::KeyPurpose;
use crate::db::Store;
use crate::entity::{membership, next_step, outcome};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// Outcomes that can be recorded on one trade.
pub const MAX_OUTCOMES: u64 = 200;

/// A recorded outcome. The last one of a trade is what holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: OutcomeId,
    /// The trade.
    pub trade: TradeId,
    /// What became of the lead; its reason is sealed apart.
    pub outcome: Outcome,
    /// The reason, sealed under the trade's data key.
    pub reason: Option<Vec<u8>>,
    /// The agent responsible from then on.
    pub agent: Option<UserId>,
    /// Who recorded it, if a person did.
    pub recorded_by: Option<UserId>,
    /// When.
    pub recorded_at: Timestamp,
}

/// An outcome to be recorded.
#[derive(Debug, Clone)]
pub struct NewOutcome {
    /// Its id, to which the sealed reason is bound.
    pub id: OutcomeId,
    /// What became of the lead.
    pub outcome: Outcome,
    /// The reason, sealed under the trade's data key.
    pub reason: Option<Vec<u8>>,
    /// The agent responsible from then on.
    pub agent: Option<UserId>,
    /// Who records it, if a person does.
    pub recorded_by: Option<UserId>,
}

/// A step to be done on a bought lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The trade; a trade has one step at a time.
    pub trade: TradeId,
    /// What, when, by whom; its note is sealed apart.
    pub step: NextStep,
    /// The note, sealed under the trade's data key.
    pub note: Option<Vec<u8>>,
    /// When it was done, or there was nothing left to do.
    pub done_at: Option<Timestamp>,
}

impl TryFrom<outcome::Model> for Recorded {
    type Error = StoreError;

    fn try_from(row: outcome::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            trade: row.trade_id.into(),
            outcome: serde_json::from_value(row.body).map_err(StoreError::corrupt)?,
            reason: row.reason,
            agent: row.agent_id.map(UserId),
            recorded_by: row.recorded_by.map(UserId),
            recorded_at: row.recorded_at,
        })
    }
}

impl TryFrom<next_step::Model> for Step {
    type Error = StoreError;

    fn try_from(row: next_step::Model) -> Result<Self, StoreError> {
        let kind = row.kind.parse().map_err(StoreError::corrupt)?;
        let step = NextStep { kind, due_at: row.due_at, agent: row.agent_id.map(UserId), note: None };
        Ok(Self { trade: row.trade_id.into(), step, note: row.note, done_at: row.done_at })
    }
}

/// Refuses an agent who is no member of the organization.
pub async fn agent_check(tx: &Tx, organization: OrganizationId, agent: Option<UserId>) -> Result<(), WriteError> {
    let Some(agent) = agent else { return Ok(()) };
    let found = membership::Entity::find()
        .filter(membership::Column::OrganizationId.eq(organization.0))
        .filter(membership::Column::UserId.eq(agent.0))
        .count(tx.db())
        .await?;
    if found == 0 { Err(Refusal::not_found("agentId", "member").into()) } else { Ok(()) }
}

/// Adds an outcome to the history of the buyer's trade, which the caller has locked.
pub async fn outcome_record(tx: &Tx, trade: TradeId, buyer: OrganizationId, new: NewOutcome) -> Result<Recorded, WriteError> {
    let recorded = outcome::Entity::find().filter(outcome::Column::TradeId.eq(trade.0)).count(tx.db()).await?;
    if recorded >= MAX_OUTCOMES {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_OUTCOMES} outcomes on one trade")).at("tradeId").into());
    }
    let recorded_at = tx.now().await?;
    let NewOutcome { id, outcome, reason, agent, recorded_by } = new;
    let row = outcome::ActiveModel {
        id: Set(id.uuid()),
        trade_id: Set(trade.uuid()),
        buyer_id: Set(buyer.uuid()),
        kind: Set(outcome.kind().as_str().to_owned()),
        body: Set(serde_json::to_value(&outcome).map_err(StoreError::corrupt)?),
        reason: Set(reason.clone()),
        revenue_minor: Set(outcome.revenue().map(|(minor, _)| minor)),
        currency: Set(outcome.revenue().map(|(_, currency)| currency.code().to_owned())),
        agent_id: Set(agent.map(UserId::uuid)),
        recorded_by: Set(recorded_by.map(UserId::uuid)),
        recorded_at: Set(recorded_at),
    };
    outcome::Entity::insert(row).exec_without_returning(tx.db()).await?;
    let payload = serde_json::json!({ "kind": outcome.kind().as_str() });
    tx.emit(Event { topic: "outcome.recorded", subject_id: trade.uuid(), audience: vec![buyer], payload }).await?;
    Ok(Recorded { id, trade, outcome, reason, agent, recorded_by, recorded_at })
}

/// Sets the next step of the buyer's trade, in place of the one before. `note` is sealed under the trade's data key.
pub async fn next_step_set(
    tx: &Tx,
    trade: TradeId,
    buyer: OrganizationId,
    step: NextStep,
    note: Option<Vec<u8>>,
) -> Result<Step, WriteError> {
    let row = next_step::ActiveModel {
        trade_id: Set(trade.uuid()),
        buyer_id: Set(buyer.uuid()),
        kind: Set(step.kind.as_str().to_owned()),
        due_at: Set(step.due_at),
        agent_id: Set(step.agent.map(UserId::uuid)),
        note: Set(note.clone()),
        done_at: Set(None),
        version: Set(0),
    };
    let replaced = [
        next_step::Column::Kind,
        next_step::Column::DueAt,
        next_step::Column::AgentId,
        next_step::Column::Note,
        next_step::Column::DoneAt,
    ];
    next_step::Entity::insert(row)
        .on_conflict(OnConflict::column(next_step::Column::TradeId).update_columns(replaced).to_owned())
        .exec_without_returning(tx.db())
        .await?;
    Ok(Step { trade, step, note, done_at: None })
}

/// Marks the open step of the buyer's trade as done; refused when there is none.
pub async fn next_step_complete(tx: &Tx, trade: TradeId, buyer: OrganizationId) -> Result<Step, WriteError> {
    let none = || Refusal::wrong_state("this trade has no open step").at("tradeId");
    let row = next_step::Entity::find_by_id(trade.0)
        .filter(next_step::Column::BuyerId.eq(buyer.0))
        .filter(next_step::Column::DoneAt.is_null())
        .one(tx.db())
        .await?
        .ok_or_else(none)?;
    let now = tx.now().await?;
    let done = next_step::Entity::update_many()
        .col_expr(next_step::Column::DoneAt, Expr::value(now))
        .col_expr(next_step::Column::Version, Expr::col(next_step::Column::Version).add(1))
        .filter(next_step::Column::TradeId.eq(trade.0))
        .filter(next_step::Column::DoneAt.is_null())
        .exec(tx.db())
        .await?;
    if done.rows_affected != 1 {
        return Err(none().into());
    }
    Ok(Step { done_at: Some(now), ..Step::try_from(row)? })
}

/// Ends the work on trades whose lead is no longer the buyer's to work on: what the buyer wrote down about the person cannot
/// be read any more, and nothing is left to do.
pub async fn work_end(tx: &Tx, trades: &[TradeId]) -> Result<(), WriteError> {
    let ids: Vec<Uuid> = trades.iter().map(|trade| trade.uuid()).collect();
    next_step::Entity::update_many()
        .col_expr(next_step::Column::DoneAt, Expr::value(tx.now().await?))
        .col_expr(next_step::Column::Version, Expr::col(next_step::Column::Version).add(1))
        .filter(next_step::Column::TradeId.is_in(ids.iter().copied()))
        .filter(next_step::Column::DoneAt.is_null())
        .exec(tx.db())
        .await?;
    tx.data_keys_destroy(&ids, KeyPurpose::Work).await
}

impl Tx {
    /// Whether the last outcome recorded on the trade is of this kind.
    pub async fn outcome_is(&self, trade: TradeId, kind: OutcomeKind) -> Result<bool, StoreError> {
        let last = outcome::Entity::find()
            .filter(outcome::Column::TradeId.eq(trade.0))
            .order_by_desc(outcome::Column::RecordedAt)
            .order_by_desc(outcome::Column::Id)
            .one(self.db())
            .await?;
        Ok(last.is_some_and(|row| row.kind == kind.as_str()))
    }
}

impl Store {
    /// The outcomes recorded on the organization's trade, oldest first; at most [`MAX_OUTCOMES`].
    pub async fn outcomes_of(&self, trade: TradeId, buyer: OrganizationId) -> Result<Vec<Recorded>, StoreError> {
        let rows = outcome::Entity::find()
            .filter(outcome::Column::TradeId.eq(trade.0))
            .filter(outcome::Column::BuyerId.eq(buyer.0))
            .order_by_asc(outcome::Column::RecordedAt)
            .order_by_asc(outcome::Column::Id);
        rows.all(self.read()).await?.into_iter().map(Recorded::try_from).collect()
    }

    /// The step set on the organization's trade, done or not.
    pub async fn next_step_of(&self, trade: TradeId, buyer: OrganizationId) -> Result<Option<Step>, StoreError> {
        let row = next_step::Entity::find_by_id(trade.0).filter(next_step::Column::BuyerId.eq(buyer.0)).one(self.read()).await?;
        row.map(Step::try_from).transpose()
    }

    /// A page of the organization's open steps, the earliest due first; of one agent only when that is asked, and only those
    /// due before an instant.
    pub async fn agenda(
        &self,
        buyer: OrganizationId,
        agent: Option<UserId>,
        due_before: Option<Timestamp>,
        page: &Page<(Timestamp, TradeId)>,
    ) -> Result<Slice<Step>, StoreError> {
        let mut rows =
            next_step::Entity::find().filter(next_step::Column::BuyerId.eq(buyer.0)).filter(next_step::Column::DoneAt.is_null());
        if let Some(agent) = agent {
            rows = rows.filter(next_step::Column::AgentId.eq(agent.0));
        }
        if let Some(instant) = due_before {
            rows = rows.filter(next_step::Column::DueAt.lt(instant));
        }
        if let Some((due_at, trade)) = page.after {
            let same = Condition::all().add(next_step::Column::DueAt.eq(due_at)).add(next_step::Column::TradeId.gt(trade.0));
            rows = rows.filter(Condition::any().add(next_step::Column::DueAt.gt(due_at)).add(same));
        }
        let rows = rows
            .order_by_asc(next_step::Column::DueAt)
            .order_by_asc(next_step::Column::TradeId)
            .limit(page.limit())
            .all(self.read())
            .await?;
        Slice::cut(rows, page).try_map(Step::try_from)
    }
}
