//! Deliveries come of the event feed, behind the sale: what settles money knows nothing of them.

use domain::delivery::{DeliveryState, FilePlan};
use domain::id::{DeliveryId, OrganizationId, TypedId};
use domain::time::{Timestamp, plus_secs};
use domain::trade::TradeState;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use super::DELIVERY_UPDATED;
use crate::entity::delivery;
use crate::error::{StoreError, WriteError};
use crate::outbox::{Event, FeedEvent};
use crate::rows::{Column, Get, Given};
use crate::words::is;
use crate::write::Tx;

/// What the feed says of trades that deliveries hang on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPlace {
    /// Trades that were made.
    pub sold: Vec<Uuid>,
    /// Trades that were refunded.
    pub refunded: Vec<Uuid>,
}

impl FeedPlace {
    /// Of these events.
    #[must_use]
    pub fn of(events: &[FeedEvent]) -> Self {
        let mut found = Self::default();
        for event in events.iter().filter(|event| event.topic == "trade.updated") {
            let state = event.payload.get("state").and_then(Value::as_str);
            if state == Some(TradeState::Refunded.as_str()) {
                found.refunded.push(event.subject_id);
            } else if event.payload.get("version").and_then(Value::as_i64) == Some(0) {
                found.sold.push(event.subject_id);
            }
        }
        found
    }
}

#[derive(Debug, FromQueryResult)]
struct Wanted {
    trade_id: Uuid,
    organization_id: Uuid,
    campaign_id: Option<Uuid>,
    destination_id: Uuid,
    schedule: Option<Value>,
    disabled_at: Option<Timestamp>,
}

struct New {
    id: DeliveryId,
    wanted: Wanted,
    stage: Value,
    due_at: Timestamp,
    give_up_at: Timestamp,
    now: Timestamp,
}

impl New {
    fn ended_at(&self) -> Option<Timestamp> {
        self.wanted.disabled_at.map(|_| self.now)
    }
}

const NEW: &[Column<New>] = &[
    ("id", Get::Id(|new| new.id.0)),
    ("organization_id", Get::Id(|new| new.wanted.organization_id)),
    ("trade_id", Get::Id(|new| new.wanted.trade_id)),
    ("destination_id", Get::Id(|new| new.wanted.destination_id)),
    ("campaign_id", Get::MaybeId(|new| new.wanted.campaign_id)),
    ("in_file", Get::Flag(|new| new.wanted.schedule.is_some())),
    ("state", Get::Text(|new| if new.ended_at().is_some() { "FAILED" } else { "WAITING" })),
    ("stage", Get::Json(|new| &new.stage)),
    ("reason", Get::MaybeText(|new| new.ended_at().map(|_| "the destination is disabled"))),
    ("due_at", Get::Instant(|new| new.due_at)),
    ("give_up_at", Get::Instant(|new| new.give_up_at)),
    ("created_at", Get::Instant(|new| new.now)),
    ("ended_at", Get::MaybeInstant(|new| new.ended_at())),
];

struct Id(Uuid);

impl Tx {
    /// Makes the deliveries of trades that were made, each to be given up `retry_secs` after it is first due, and stops those of trades that
    /// were refunded. The same trades a second time change nothing. Answers how many were made or stopped.
    pub async fn deliveries_follow(&self, place: &FeedPlace, retry_secs: i64) -> Result<u64, WriteError> {
        let made = self.deliveries_make(&place.sold, retry_secs).await?;
        Ok(made.saturating_add(self.deliveries_stop(&place.refunded).await?))
    }

    async fn deliveries_make(&self, trades: &[Uuid], retry_secs: i64) -> Result<u64, WriteError> {
        if trades.is_empty() {
            return Ok(0);
        }
        let trades: Vec<Id> = trades.iter().copied().map(Id).collect();
        let given = Given::new(self.backend(), &[("id", Get::Id(|id: &Id| id.0))], &trades);
        // A destination made after the sale gets nothing of it, though the feed may be read late.
        let sql = format!(
            "SELECT trade.id AS trade_id, trade.buyer_id AS organization_id, bought.campaign_id AS campaign_id, \
             destination.id AS destination_id, destination.schedule AS schedule, destination.disabled_at AS disabled_at \
             FROM {given} JOIN trade ON trade.id = given.id \
             LEFT JOIN campaign_purchase bought ON bought.trade_id = trade.id \
             JOIN destination ON destination.organization_id = trade.buyer_id AND destination.created_at <= trade.sold_at \
             WHERE EXISTS (SELECT 1 FROM campaign_destination named \
                WHERE named.campaign_id = bought.campaign_id AND named.destination_id = destination.id) \
             OR (destination.is_default AND NOT EXISTS \
                (SELECT 1 FROM campaign_destination named WHERE named.campaign_id = bought.campaign_id)) \
             ORDER BY trade.id, destination.id"
        );
        let rows = given.query(self, sql).await?;
        let now = self.now().await?;
        let new = |row: &sea_orm::QueryResult| -> Result<New, StoreError> {
            let wanted = Wanted::from_query_result(row, "")?;
            let plan: Option<FilePlan> =
                wanted.schedule.clone().map(serde_json::from_value).transpose().map_err(StoreError::corrupt)?;
            let due_at = plan.map_or(now, |plan| plan.schedule.next_after(now));
            let give_up_at = plus_secs(due_at, retry_secs);
            Ok(New { id: self.id(), wanted, stage: json!({ "stage": "first" }), due_at, give_up_at, now })
        };
        let rows = rows.iter().map(new).collect::<Result<Vec<_>, _>>()?;
        Ok(self.insert_unless("delivery", NEW, &rows, "ON CONFLICT (trade_id, destination_id) DO NOTHING").await?)
    }

    async fn deliveries_stop(&self, trades: &[Uuid]) -> Result<u64, WriteError> {
        if trades.is_empty() {
            return Ok(0);
        }
        let waiting = delivery::Entity::find()
            .filter(delivery::Column::TradeId.is_in(trades.iter().copied()))
            .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()));
        let rows = waiting.all(self.db()).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let done = delivery::Entity::update_many()
            .col_expr(delivery::Column::State, Expr::value(DeliveryState::Stopped.as_str()))
            .col_expr(delivery::Column::Reason, Expr::value("the trade was refunded"))
            .col_expr(delivery::Column::EndedAt, Expr::value(self.now().await?))
            .col_expr(delivery::Column::LeasedUntil, Expr::value(None::<Timestamp>))
            .filter(delivery::Column::Id.is_in(rows.iter().map(|row| row.id)))
            .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
            .exec(self.db())
            .await?;
        let told = rows.iter().map(|row| told(row.id.into(), row.organization_id.into(), DeliveryState::Stopped));
        self.emit_all(told.collect()).await?;
        Ok(done.rows_affected)
    }
}

/// What the feed says of the end of a delivery.
pub(super) fn told(id: DeliveryId, organization: OrganizationId, state: DeliveryState) -> Event {
    let payload = json!({ "state": state.as_str() });
    Event { topic: DELIVERY_UPDATED, subject_id: id.uuid(), audience: vec![organization], payload }
}
