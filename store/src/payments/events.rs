//! What the payment provider sent, each message once and sealed, since it may speak of persons.

use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::db::Store;
use crate::entity::stripe_event;
use crate::error::{StoreError, WriteError};
use crate::job::Lane;
use crate::write::Tx;

/// The kind of the jobs that handle events.
pub const STRIPE_EVENT: &str = "stripe_event";

/// A message, sealed under its `object`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// The provider's id.
    pub id: String,
    /// The provider's type.
    pub kind: String,
    /// The object that it is about, if it is one that we know.
    pub object_id: Option<String>,
    /// The connected account that it is of.
    pub account: Option<String>,
    /// What ties the seal to the row.
    pub object: Uuid,
    /// The ring's key that wraps the data key.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The raw body, sealed.
    pub ciphertext: Vec<u8>,
}

impl std::fmt::Debug for SealedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedEvent({})", self.id)
    }
}

/// Keeps a message, and lets `job` be done behind the commit if there is something to do; answers whether it is new.
pub async fn stripe_event_take(tx: &Tx, event: SealedEvent, job: Option<serde_json::Value>) -> Result<bool, WriteError> {
    let now = tx.now().await?;
    let row = stripe_event::ActiveModel {
        id: Set(event.id),
        kind: Set(event.kind),
        object_id: Set(event.object_id),
        account_id: Set(event.account),
        key_id: Set(event.key_id),
        wrapped_key: Set(event.wrapped_key),
        ciphertext: Set(event.ciphertext),
        object_uuid: Set(event.object),
        received_at: Set(now),
        handled_at: Set(job.is_none().then_some(now)),
    };
    let keep = OnConflict::column(stripe_event::Column::Id).do_nothing().to_owned();
    if stripe_event::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.db()).await? == 0 {
        return Ok(false);
    }
    if let Some(payload) = job {
        tx.enqueue_in(Lane::Payments, STRIPE_EVENT, payload, now).await?;
    }
    Ok(true)
}

impl Store {
    /// Notes that a message was handled.
    pub async fn stripe_event_handled(&self, id: &str) -> Result<(), WriteError> {
        let id = id.to_owned();
        self.write("stripe_event_handled", move |tx| {
            let id = id.clone();
            async move {
                stripe_event::Entity::update_many()
                    .col_expr(stripe_event::Column::HandledAt, Expr::value(tx.now().await?))
                    .filter(stripe_event::Column::Id.eq(id))
                    .exec(tx.db())
                    .await?;
                Ok(())
            }
        })
        .await
    }

    /// Forgets messages that came before `before` and were handled; answers how many.
    pub async fn stripe_events_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("stripe_events_prune", move |tx| async move {
            let done = stripe_event::Entity::delete_many()
                .filter(stripe_event::Column::ReceivedAt.lt(before))
                .filter(stripe_event::Column::HandledAt.is_not_null())
                .exec(tx.db())
                .await?;
            Ok(done.rows_affected)
        })
        .await
    }

    /// When the oldest message came that was not handled yet.
    pub async fn stripe_event_waiting(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = stripe_event::Entity::find()
            .filter(stripe_event::Column::HandledAt.is_null())
            .order_by_asc(stripe_event::Column::ReceivedAt)
            .limit(1)
            .one(self.read())
            .await?;
        Ok(row.map(|row| row.received_at))
    }
}
