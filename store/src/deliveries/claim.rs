//! Taking turns: who works on which delivery, and how fast a destination is sent leads.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::{DeliveryState, Pacing};
use domain::id::DestinationId;
use domain::time::{Timestamp, plus_secs};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use super::Delivery;
use crate::db::{Backend, Store};
use crate::destinations::Destination;
use crate::entity::{delivery, destination};
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get, Given};
use crate::write::Tx;

/// How many due deliveries are looked at for each that may be taken.
const LOOKED_AT: u64 = 8;

/// A delivery whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The delivery.
    pub delivery: Delivery,
    /// Where to.
    pub destination: Destination,
}

struct Pushed {
    id: Uuid,
    due_at: Timestamp,
}

struct Booked {
    id: Uuid,
    until: Timestamp,
}

const PUSHED: &[Column<Pushed>] = &[("id", Get::Id(|row| row.id)), ("due_at", Get::Instant(|row| row.due_at))];
const BOOKED: &[Column<Booked>] = &[("id", Get::Id(|row| row.id)), ("booked_until", Get::Instant(|row| row.until))];

impl Store {
    /// Claims up to `limit` due deliveries for `lease_secs`, at most `at_once` of one destination at a time, and as fast as its `pacing` allows.
    /// What must wait for its turn is due then, so that a destination with a long queue stands in nobody's way.
    pub async fn deliveries_claim(
        &self,
        limit: u64,
        lease_secs: i64,
        at_once: u64,
        pacing: impl Fn(&Destination) -> Pacing + Send + Sync,
    ) -> Result<Vec<Claimed>, WriteError> {
        let pacing = &pacing;
        self.write("deliveries_claim", move |tx| async move { claim(&tx, limit, lease_secs, at_once, pacing).await }).await
    }
}

impl Store {
    /// Keeps a delivery that is still under way from being claimed by others, for `lease_secs` from now; `false` when its turn is over.
    pub async fn delivery_renew(&self, under_way: &Delivery, lease_secs: i64) -> Result<bool, WriteError> {
        let (id, lease) = (under_way.id, under_way.lease);
        self.write("delivery_renew", move |tx| async move {
            let done = delivery::Entity::update_many()
                .col_expr(delivery::Column::LeasedUntil, Expr::value(plus_secs(tx.now().await?, lease_secs)))
                .filter(delivery::Column::Id.eq(id.0))
                .filter(delivery::Column::Lease.eq(lease))
                .filter(delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
                .filter(delivery::Column::LeasedUntil.is_not_null())
                .exec(tx.db())
                .await?;
            Ok(done.rows_affected > 0)
        })
        .await
    }
}

async fn claim(
    tx: &Tx,
    limit: u64,
    lease_secs: i64,
    at_once: u64,
    pacing: &(impl Fn(&Destination) -> Pacing + Sync),
) -> Result<Vec<Claimed>, WriteError> {
    let now = tx.now().await?;
    let due = due(tx, now, limit.saturating_mul(LOOKED_AT)).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<Uuid> = due.iter().map(|row| row.destination_id).collect();
    let mut turns = turns(tx, &ids, now).await?;
    let (mut taken, mut pushed) = (Vec::new(), Vec::new());
    for row in due {
        // A destination that another process has locked is at its own turn there.
        let Some(turn) = turns.get_mut(&row.destination_id) else { continue };
        if u64::try_from(taken.len()).is_ok_and(|taken| taken >= limit) {
            break;
        }
        match turn.take(pacing(&turn.destination), at_once, now) {
            Ok(()) => taken.push(row),
            Err(due_at) => pushed.push(Pushed { id: row.id, due_at }),
        }
    }
    take(tx, &taken, plus_secs(now, lease_secs)).await?;
    if !pushed.is_empty() {
        let given = Given::new(tx.backend(), PUSHED, &pushed);
        let sql = format!("UPDATE delivery SET due_at = given.due_at FROM {given} WHERE delivery.id = given.id");
        given.execute(tx, sql).await?;
    }
    let booked = turns.iter().filter_map(|(id, turn)| Some(Booked { id: *id, until: turn.booked? })).collect::<Vec<_>>();
    if !booked.is_empty() {
        let given = Given::new(tx.backend(), BOOKED, &booked);
        let sql =
            format!("UPDATE destination SET booked_until = given.booked_until FROM {given} WHERE destination.id = given.id");
        given.execute(tx, sql).await?;
    }
    let claimed = |row: delivery::Model| -> Result<Claimed, StoreError> {
        let turn = turns.get(&row.destination_id).ok_or(StoreError::Misuse("a delivery without its destination"))?;
        let delivery = Delivery::try_from(row)?;
        Ok(Claimed {
            delivery: Delivery { lease: delivery.lease.saturating_add(1), ..delivery },
            destination: turn.destination.clone(),
        })
    };
    Ok(taken.into_iter().map(claimed).collect::<Result<_, _>>()?)
}

async fn due(tx: &Tx, now: Timestamp, limit: u64) -> Result<Vec<delivery::Model>, StoreError> {
    let free = Condition::any().add(delivery::Column::LeasedUntil.is_null()).add(delivery::Column::LeasedUntil.lte(now));
    let mut due = delivery::Entity::find()
        .filter(delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
        .filter(delivery::Column::InFile.eq(false))
        .filter(delivery::Column::DueAt.lte(now))
        .filter(free)
        .order_by_asc(delivery::Column::DueAt)
        .order_by_asc(delivery::Column::Id)
        .limit(limit);
    if tx.backend() == Backend::Postgres {
        due = due.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    Ok(due.all(tx.db()).await?)
}

/// What a destination can take.
struct Turn {
    destination: Destination,
    running: u64,
    until: Option<Timestamp>,
    booked: Option<Timestamp>,
}

impl Turn {
    /// Takes a turn at `now`, or says when the next one may come.
    fn take(&mut self, pacing: Pacing, at_once: u64, now: Timestamp) -> Result<(), Timestamp> {
        if self.running >= at_once {
            return Err(plus_secs(now, 1));
        }
        match pacing.book(self.until, now) {
            Ok(until) => {
                (self.until, self.booked) = (Some(until), Some(until));
                self.running = self.running.saturating_add(1);
                Ok(())
            }
            Err(free_at) => {
                // Those behind come one by one.
                self.until = self.until.map(|until| pacing.after(until));
                Err(free_at)
            }
        }
    }
}

async fn turns(tx: &Tx, ids: &BTreeSet<Uuid>, now: Timestamp) -> Result<BTreeMap<Uuid, Turn>, StoreError> {
    let mut find = destination::Entity::find()
        .filter(destination::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(destination::Column::Id);
    if tx.backend() == Backend::Postgres {
        find = find.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    let running: Vec<(Uuid, i64)> = delivery::Entity::find()
        .select_only()
        .column(delivery::Column::DestinationId)
        .column_as(delivery::Column::Id.count(), "running")
        .filter(delivery::Column::DestinationId.is_in(ids.iter().copied()))
        .filter(delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
        .filter(delivery::Column::LeasedUntil.gt(now))
        .group_by(delivery::Column::DestinationId)
        .into_tuple()
        .all(tx.db())
        .await?;
    let running: BTreeMap<Uuid, i64> = running.into_iter().collect();
    let turn = |row: destination::Model| -> Result<(Uuid, Turn), StoreError> {
        let (id, until) = (row.id, row.booked_until);
        let running = running.get(&id).and_then(|running| u64::try_from(*running).ok()).unwrap_or(0);
        Ok((id, Turn { destination: Destination::try_from(row)?, running, until, booked: None }))
    };
    find.all(tx.db()).await?.into_iter().map(turn).collect()
}

async fn take(tx: &Tx, taken: &[delivery::Model], until: Timestamp) -> Result<(), StoreError> {
    if taken.is_empty() {
        return Ok(());
    }
    delivery::Entity::update_many()
        .col_expr(delivery::Column::LeasedUntil, Expr::value(until))
        .col_expr(delivery::Column::Lease, Expr::col(delivery::Column::Lease).add(1))
        .filter(delivery::Column::Id.is_in(taken.iter().map(|row| row.id)))
        .exec(tx.db())
        .await?;
    Ok(())
}

impl Tx {
    /// Lets what waits for a destination be tried at once: it may be well again.
    pub async fn deliveries_hurry(&self, id: DestinationId) -> Result<(), WriteError> {
        let now = self.now().await?;
        delivery::Entity::update_many()
            .col_expr(delivery::Column::DueAt, Expr::value(now))
            .filter(delivery::Column::DestinationId.eq(id.0))
            .filter(delivery::Column::State.eq(DeliveryState::Waiting.as_str()))
            .filter(delivery::Column::InFile.eq(false))
            .filter(delivery::Column::DueAt.gt(now))
            .exec(self.db())
            .await?;
        Ok(())
    }
}
