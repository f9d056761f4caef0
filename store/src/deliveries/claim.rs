//! Taking turns: who works on which delivery, and how fast a destination is sent leads.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::{DeliveryState, Pacing};
use domain::id::{DeliveryId, DestinationId};
use domain::time::{Timestamp, plus_secs};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use super::Delivery;
use crate::db::{Backend, Store};
use crate::destinations::Destination;
use crate::entity::{delivery, destination};
use crate::error::{StoreError, WriteError};
use crate::held::{Held, Leases};
use crate::rows::{Column, Get, Given};
use crate::words::is;
use crate::write::Tx;

/// How many due deliveries are looked at for each that may be taken.
const LOOKED_AT: u64 = 8;

/// What to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Deliveries at most.
    pub limit: u64,
    /// For how long nobody else takes them, in seconds.
    pub lease_secs: i64,
    /// Of one destination at a time, all processes together.
    pub per_destination: u64,
    /// Destinations for which whoever claims has less room.
    pub rooms: BTreeMap<DestinationId, u64>,
}

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

const LEASES: Leases = Leases { name: "deliveries_lease_renew", table: "delivery", number: "lease", state: "WAITING" };

impl Store {
    /// Claims due deliveries, of each destination as fast as its `pacing` allows. What must wait for its turn is due then, so that a
    /// destination with a long queue stands in nobody's way.
    pub async fn deliveries_claim(
        &self,
        wanted: &Claim,
        pacing: impl Fn(&Destination) -> Pacing + Send + Sync,
    ) -> Result<Vec<Claimed>, WriteError> {
        let pacing = &pacing;
        self.write("deliveries_claim", move |tx| async move { claim(&tx, wanted, pacing).await }).await
    }

    /// Keeps deliveries that are still under way, under their leases, from being taken by others, for `secs` from now. One that was taken
    /// meanwhile is left to whoever has it.
    pub async fn deliveries_lease_renew(&self, held: Vec<Held<DeliveryId>>, secs: i64) -> Result<(), WriteError> {
        self.leases_renew(&LEASES, held, secs).await
    }
}

async fn claim(tx: &Tx, wanted: &Claim, pacing: &(impl Fn(&Destination) -> Pacing + Sync)) -> Result<Vec<Claimed>, WriteError> {
    let now = tx.now().await?;
    let due = due(tx, now, wanted).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<Uuid> = due.iter().map(|row| row.destination_id).collect();
    let mut turns = turns(tx, &ids, now, wanted).await?;
    let (mut taken, mut pushed) = (Vec::new(), Vec::new());
    for row in due {
        // A destination that another process has locked is at its own turn there.
        let Some(turn) = turns.get_mut(&row.destination_id) else { continue };
        if u64::try_from(taken.len()).is_ok_and(|taken| taken >= wanted.limit) {
            break;
        }
        match turn.take(pacing(&turn.destination), now) {
            Ok(()) => taken.push(row),
            Err(due_at) => pushed.push(Pushed { id: row.id, due_at }),
        }
    }
    take(tx, &taken, plus_secs(now, wanted.lease_secs)).await?;
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

async fn due(tx: &Tx, now: Timestamp, wanted: &Claim) -> Result<Vec<delivery::Model>, StoreError> {
    let free = Condition::any().add(delivery::Column::LeasedUntil.is_null()).add(delivery::Column::LeasedUntil.lte(now));
    let mut due = delivery::Entity::find()
        .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
        .filter(delivery::Column::InFile.eq(false))
        .filter(delivery::Column::DueAt.lte(now))
        .filter(free)
        .filter(delivery::Column::DestinationId.is_not_in(full(wanted)))
        .order_by_asc(delivery::Column::DueAt)
        .order_by_asc(delivery::Column::Id)
        .limit(wanted.limit.saturating_mul(LOOKED_AT));
    if tx.backend() == Backend::Postgres {
        due = due.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    Ok(due.all(tx.db()).await?)
}

/// The destinations for which there is no room: what waits for them must not hide what waits for others.
fn full(wanted: &Claim) -> impl Iterator<Item = Uuid> {
    wanted.rooms.iter().filter(|(_, room)| **room == 0).map(|(id, _)| id.0)
}

/// What a destination can take.
struct Turn {
    destination: Destination,
    room: u64,
    until: Option<Timestamp>,
    booked: Option<Timestamp>,
}

impl Turn {
    /// Takes a turn at `now`, or says when the next one may come.
    fn take(&mut self, pacing: Pacing, now: Timestamp) -> Result<(), Timestamp> {
        if self.room == 0 {
            return Err(plus_secs(now, 1));
        }
        match pacing.book(self.until, now) {
            Ok(until) => {
                (self.until, self.booked) = (Some(until), Some(until));
                self.room = self.room.saturating_sub(1);
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

async fn turns(tx: &Tx, ids: &BTreeSet<Uuid>, now: Timestamp, wanted: &Claim) -> Result<BTreeMap<Uuid, Turn>, StoreError> {
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
        .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
        .filter(delivery::Column::LeasedUntil.gt(now))
        .group_by(delivery::Column::DestinationId)
        .into_tuple()
        .all(tx.db())
        .await?;
    let running: BTreeMap<Uuid, i64> = running.into_iter().collect();
    let turn = |row: destination::Model| -> Result<(Uuid, Turn), StoreError> {
        let (id, until) = (row.id, row.booked_until);
        let running = running.get(&id).and_then(|running| u64::try_from(*running).ok()).unwrap_or(0);
        let own = wanted.rooms.get(&id.into()).copied().unwrap_or(u64::MAX);
        let room = Ord::min(wanted.per_destination.saturating_sub(running), own);
        Ok((id, Turn { destination: Destination::try_from(row)?, room, until, booked: None }))
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
            .filter(is(delivery::Column::State, DeliveryState::Waiting.as_str()))
            .filter(delivery::Column::InFile.eq(false))
            .filter(delivery::Column::DueAt.gt(now))
            .exec(self.db())
            .await?;
        Ok(())
    }
}
