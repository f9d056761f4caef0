//! How a delivery gets on. Each write is void unless its writer still has the turn.

use domain::access::Principal;
use domain::delivery::DeliveryState;
use domain::id::{DeliveryFileId, DeliveryId, DestinationId, OrganizationId, TypedId};
use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QuerySelect, UpdateMany};
use serde_json::Value;

use super::make::told;
use super::{Attempt, Delivery};
use crate::accounts::organization_is_stopped;
use crate::contacts::contact_seen;
use crate::db::Backend;
use crate::entity::{delivery, delivery_attempt, lead, lead_contact};
use crate::error::{StoreError, WriteError};
use crate::leads::StoredLead;
use crate::trades::{Trade, trade_deliver, trade_lock};
use crate::words::is;
use crate::write::Tx;

/// What a worker finds when the turn of a delivery has come.
#[derive(Debug, Clone)]
pub enum Begun {
    /// The lead, still sealed, and the trade that bought it.
    Ready(Box<(Trade, StoredLead, lead_contact::Model)>),
    /// There is nothing to deliver any more; the delivery has ended.
    Ended,
}

/// What an attempt makes of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The next step follows at once.
    Step(Value),
    /// The other side has the lead, under this id where it tells one.
    Delivered(Option<String>),
    /// It is tried again.
    Retry {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Its turn comes again then: nothing was tried.
    Wait(Timestamp),
    /// It is given up.
    Failed(String),
}

impl Tx {
    /// Looks whether a delivery may still be made, and reads what it brings.
    pub async fn delivery_begin(&self, delivery: &Delivery) -> Result<Begun, WriteError> {
        let trade = trade_lock(self, delivery.trade).await?;
        if !trade.hold.shows_contact() {
            self.delivery_end(delivery, DeliveryState::Stopped, "the trade was refunded").await?;
            return Ok(Begun::Ended);
        }
        let lead = lead::Entity::find_by_id(trade.lead.0).one(self.db()).await?.map(StoredLead::try_from).transpose()?;
        let sealed = lead_contact::Entity::find_by_id(trade.lead.0).one(self.db()).await?;
        let (Some(lead), Some(sealed)) = (lead, sealed) else {
            self.delivery_end(delivery, DeliveryState::Stopped, "the person's data was destroyed").await?;
            return Ok(Begun::Ended);
        };
        if organization_is_stopped(self.db(), delivery.organization).await? {
            self.delivery_end(delivery, DeliveryState::Failed, "the organization is suspended").await?;
            return Ok(Begun::Ended);
        }
        Ok(Begun::Ready(Box::new((trade, lead, sealed))))
    }

    /// Keeps an attempt.
    pub async fn delivery_attempt_insert(&self, attempt: &Attempt) -> Result<(), WriteError> {
        let row = delivery_attempt::ActiveModel {
            id: Set(attempt.id.0),
            delivery_id: Set(attempt.delivery.0),
            outcome: Set(attempt.outcome.as_str().to_owned()),
            status: Set(attempt.status),
            reason: Set(attempt.reason.clone()),
            millis: Set(attempt.millis),
            request: Set(attempt.request.clone()),
            answer: Set(attempt.answer.clone()),
            created_at: Set(attempt.at),
        };
        delivery_attempt::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Records that the contact details of a trade, which is locked, have left under a delivery: a look at them like every other.
    pub async fn delivery_told(&self, delivery: &Delivery, trade: &Trade) -> Result<(), WriteError> {
        if delivery.told {
            return Ok(());
        }
        contact_seen(self, trade.lead, Some(trade.id), Some(delivery.organization), &Principal::Anonymous).await?;
        delivery::Entity::update_many()
            .col_expr(delivery::Column::Told, Expr::value(true))
            .filter(delivery::Column::Id.eq(delivery.id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Starts the hold of a trade, which is locked, as the first look at the contact details does.
    pub async fn delivery_starts_hold(&self, trade: &Trade) -> Result<(), WriteError> {
        if trade.hold.shows_contact() {
            trade_deliver(self, trade.id).await?;
        }
        Ok(())
    }

    /// Moves a delivery on. Answers whether its turn was still the writer's.
    pub async fn delivery_move(&self, delivery: &Delivery, progress: &Progress) -> Result<bool, WriteError> {
        let none = Expr::value(None::<Timestamp>);
        match progress {
            Progress::Step(stage) => {
                let update = turn(delivery).col_expr(delivery::Column::Stage, Expr::value(stage.clone()));
                Ok(update.exec(self.db()).await?.rows_affected == 1)
            }
            Progress::Retry { at, reason } => {
                let update = turn(delivery)
                    .col_expr(delivery::Column::Failed, Expr::value(delivery.failed.saturating_add(1)))
                    .col_expr(delivery::Column::DueAt, Expr::value(*at))
                    .col_expr(delivery::Column::Reason, Expr::value(reason.clone()))
                    .col_expr(delivery::Column::LeasedUntil, none);
                Ok(update.exec(self.db()).await?.rows_affected == 1)
            }
            Progress::Wait(at) => {
                let update = turn(delivery)
                    .col_expr(delivery::Column::DueAt, Expr::value(*at))
                    .col_expr(delivery::Column::LeasedUntil, none);
                Ok(update.exec(self.db()).await?.rows_affected == 1)
            }
            Progress::Delivered(external_id) => self.delivery_delivered(delivery, external_id.clone(), None).await,
            Progress::Failed(reason) => self.delivery_end(delivery, DeliveryState::Failed, reason).await,
        }
    }

    /// Ends a delivery whose lead the other side has, in a file or by itself.
    pub async fn delivery_delivered(
        &self,
        delivery: &Delivery,
        external_id: Option<String>,
        file: Option<DeliveryFileId>,
    ) -> Result<bool, WriteError> {
        let update = turn(delivery)
            .col_expr(delivery::Column::Reason, Expr::value(None::<String>))
            .col_expr(delivery::Column::ExternalId, Expr::value(external_id))
            .col_expr(delivery::Column::FileId, Expr::value(file.map(TypedId::uuid)));
        self.ended(update, delivery, DeliveryState::Delivered).await
    }

    async fn delivery_end(&self, delivery: &Delivery, state: DeliveryState, reason: &str) -> Result<bool, WriteError> {
        let update = turn(delivery).col_expr(delivery::Column::Reason, Expr::value(reason.to_owned()));
        self.ended(update, delivery, state).await
    }

    async fn ended(
        &self,
        update: UpdateMany<delivery::Entity>,
        delivery: &Delivery,
        state: DeliveryState,
    ) -> Result<bool, WriteError> {
        let done = update
            .col_expr(delivery::Column::State, Expr::value(state.as_str()))
            .col_expr(delivery::Column::EndedAt, Expr::value(self.now().await?))
            .col_expr(delivery::Column::LeasedUntil, Expr::value(None::<Timestamp>))
            .exec(self.db())
            .await?;
        let mine = done.rows_affected == 1;
        if mine {
            self.emit(told(delivery.id, delivery.organization, state)).await?;
        }
        Ok(mine)
    }

    /// Counts a delivery as failed, unless it was counted before; answers whether it was not.
    pub async fn delivery_count(&self, id: DeliveryId) -> Result<bool, WriteError> {
        let done = delivery::Entity::update_many()
            .col_expr(delivery::Column::Counted, Expr::value(true))
            .filter(delivery::Column::Id.eq(id.0))
            .filter(delivery::Column::Counted.eq(false))
            .exec(self.db())
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Gives up everything that waits for a destination.
    pub async fn deliveries_fail(&self, destination: DestinationId, reason: &str) -> Result<(), WriteError> {
        let waiting = is(delivery::Column::State, DeliveryState::Waiting.as_str());
        let of = delivery::Entity::find().filter(delivery::Column::DestinationId.eq(destination.0)).filter(waiting.clone());
        let rows = of.all(self.db()).await?;
        if rows.is_empty() {
            return Ok(());
        }
        delivery::Entity::update_many()
            .col_expr(delivery::Column::State, Expr::value(DeliveryState::Failed.as_str()))
            .col_expr(delivery::Column::Reason, Expr::value(reason.to_owned()))
            .col_expr(delivery::Column::EndedAt, Expr::value(self.now().await?))
            .col_expr(delivery::Column::LeasedUntil, Expr::value(None::<Timestamp>))
            .filter(delivery::Column::DestinationId.eq(destination.0))
            .filter(waiting)
            .exec(self.db())
            .await?;
        let events = rows.iter().map(|row| told(row.id.into(), row.organization_id.into(), DeliveryState::Failed));
        self.emit_all(events.collect()).await?;
        Ok(())
    }

    /// The delivery `id` of `organization`, locked.
    pub async fn delivery_lock(&self, organization: OrganizationId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let mut find = delivery::Entity::find_by_id(id.0).filter(delivery::Column::OrganizationId.eq(organization.0));
        if self.backend() == Backend::Postgres {
            find = find.lock(LockType::NoKeyUpdate);
        }
        find.one(self.db()).await?.map(Delivery::try_from).transpose()
    }

    /// Lets a delivery, whose row is locked, be tried again for `retry_secs` from `due_at` on. What it has done so far it does not repeat.
    pub async fn delivery_again(&self, delivery: &Delivery, due_at: Timestamp, retry_secs: i64) -> Result<Delivery, WriteError> {
        let give_up_at = plus_secs(due_at, retry_secs);
        delivery::Entity::update_many()
            .col_expr(delivery::Column::State, Expr::value(DeliveryState::Waiting.as_str()))
            .col_expr(delivery::Column::Failed, Expr::value(0_i64))
            .col_expr(delivery::Column::DueAt, Expr::value(due_at))
            .col_expr(delivery::Column::GiveUpAt, Expr::value(give_up_at))
            .col_expr(delivery::Column::EndedAt, Expr::value(None::<Timestamp>))
            .filter(delivery::Column::Id.eq(delivery.id.0))
            .exec(self.db())
            .await?;
        Ok(Delivery { state: DeliveryState::Waiting, failed: 0, due_at, give_up_at, ended_at: None, ..delivery.clone() })
    }
}

/// The row of a delivery, while its turn is the one that was claimed.
fn turn(delivery: &Delivery) -> UpdateMany<delivery::Entity> {
    delivery::Entity::update_many()
        .filter(delivery::Column::Id.eq(delivery.id.0))
        .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
        .filter(delivery::Column::Lease.eq(delivery.lease))
}
