//! What is open at the provider is looked at again until it is final, whether its messages came or not.

use std::sync::{Mutex, PoisonError};

use domain::time::{Timestamp, plus_secs};
use futures::FutureExt;
use futures::future::BoxFuture;
use store::payments::{Held, Open};
use uuid::Uuid;

use super::AGAIN_SECS;
use super::accounts::account_refresh;
use super::card_disputes::dispute_drive;
use super::card_refunds::card_refund_drive;
use super::top_ups::top_up_drive;
use super::withdrawals::withdrawal_drive;
use crate::app::under_lease::under_lease;
use crate::app::{App, AppError};

/// Everything that is looked at.
const ALL: &[Open] = &[Open::TopUp, Open::Withdrawal, Open::CardRefund, Open::CardDispute, Open::ConnectedAccount];

/// Asks the provider about everything that is due; answers how much that was. One that fails is asked about again later, and
/// keeps no other waiting.
pub async fn payments_advance(app: &App) -> Result<u64, AppError> {
    if app.payments.is_none() {
        return Ok(0);
    }
    let mut done = 0_u64;
    for of in ALL {
        let pause = app.config.stripe.poll_secs.max(AGAIN_SECS);
        let lease_secs = app.config.workers.lease_secs;
        for _ in 0..app.config.workers.batch {
            // Each is taken when its turn comes: one that waits behind slow ones would outlive its lease.
            let Some(row) = app.store.payments_due(*of, lease_secs, 1).await?.pop() else { break };
            match held(app, *of, row, pause, drive(app, *of, row.id).boxed()).await {
                Ok(()) => done = done.saturating_add(1),
                Err(error) => tracing::warn!(?of, %error, "the payment provider gave no result"),
            }
        }
    }
    Ok(done)
}

/// Does what a row needs, while nobody else does. A process that dies at it is soon followed by another; otherwise the row is looked
/// at again after `pause_secs`, unless what was learned says when.
async fn held<T>(app: &App, of: Open, row: Held, pause_secs: i64, work: BoxFuture<'_, T>) -> T {
    let lease_secs = app.config.workers.lease_secs;
    let held = Mutex::new(row);
    let renew = || async {
        let row = *held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(renewed) = app.store.payment_hold(of, row, lease_secs).await? else { return Ok(false) };
        *held.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(true)
    };
    let done = under_lease(lease_secs, renew, work).await;
    let row = *held.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = app.store.payment_hold(of, row, pause_secs).await {
        tracing::warn!(?of, %error, "a payment is looked at again sooner than it need be");
    }
    done
}

/// The same for a row that was written just now, with its instant a lease ahead: whoever asked waits for what comes of it.
pub(super) async fn held_first<T>(app: &App, of: Open, id: Uuid, created_at: Timestamp, work: BoxFuture<'_, T>) -> T {
    let until = plus_secs(created_at, app.config.workers.lease_secs);
    held(app, of, Held { id, until }, AGAIN_SECS, work).await
}

async fn drive(app: &App, of: Open, id: Uuid) -> Result<(), AppError> {
    match of {
        Open::TopUp => top_up_drive(app, id.into()).await.map(drop),
        Open::Withdrawal => withdrawal_drive(app, id.into()).await.map(drop),
        Open::CardRefund => card_refund_drive(app, id.into()).await.map(drop),
        Open::CardDispute => dispute_drive(app, id.into()).await,
        Open::ConnectedAccount => account_refresh(app, id.into()).await,
    }
}
