//! What is open at the provider is looked at again until it is final, whether its messages came or not.

use store::payments::Open;
use uuid::Uuid;

use super::UNDER_WAY_SECS;
use super::accounts::account_refresh;
use super::card_disputes::dispute_drive;
use super::card_refunds::card_refund_drive;
use super::top_ups::top_up_drive;
use super::withdrawals::withdrawal_drive;
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
        let pause = app.config.stripe.poll_secs.max(UNDER_WAY_SECS);
        for id in app.store.payments_due(*of, pause, app.config.workers.batch).await? {
            match drive(app, *of, id).await {
                Ok(()) => done = done.saturating_add(1),
                Err(error) => tracing::warn!(?of, %error, "the payment provider gave no result"),
            }
        }
    }
    Ok(done)
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
