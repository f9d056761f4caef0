//! Money out through connected accounts.

use domain::access::Permission;
use domain::id::{TypedId, WithdrawalId};
use domain::money::Money;
use domain::time::plus_secs;
use domain::withdrawal::{WithdrawalMethod, WithdrawalState};
use futures::FutureExt;
use gateways::payments::{GatewayError, NewReversal, NewTransfer, PageRequest, Payout, PayoutStatus};
use store::payments::Open;
use store::payments::sent::{
    payout_failed, withdrawal_refused, withdrawal_return_refused, withdrawal_reversed, withdrawal_sent, withdrawal_waits,
    withdrawals_paid_out,
};
use store::withdrawals::{Route, Withdrawal, withdrawal_request};

use super::work::held_first;
use super::{find_listed, inside, key_may_be_gone, key_of, noted, outside, provider, since, stripe, unavailable};
use crate::app::email_verification::require_verified_email;
use crate::app::idempotency::idempotency_key;
use crate::app::{App, AppError, Caller};

const NOTE: &str = "withdrawal";
/// What the provider calls it when its account of ours holds too little.
const TOO_LITTLE: &str = "balance_insufficient";

/// Takes money out through the organization's connected account: written down first with its journal, then transferred under a key
/// of the row, then confirmed. An answer that is lost leaves it REQUESTED, and a worker asks again under the same key.
pub async fn wallet_withdraw(app: &App, caller: &Caller, key: &str, amount: Money) -> Result<Withdrawal, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    provider(app)?;
    require_verified_email(app, caller).await?;
    let key = idempotency_key(organization, key, "wallet_withdraw", &amount)?;
    let principal = caller.principal.clone();
    let lease_secs = app.config.workers.lease_secs;
    let id: WithdrawalId = app
        .store
        .write("wallet_withdraw", move |tx| {
            let (key, principal) = (key.clone(), principal.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let route = Route::Stripe { check_secs: lease_secs };
                let done = withdrawal_request(&tx, organization, amount, &principal, route).await?.id;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await?;
    let stored = read(app, id).await?;
    if stored.state != WithdrawalState::Requested {
        return Ok(stored);
    }
    match held_first(app, Open::Withdrawal, id.uuid(), stored.requested_at, send(app, &stored).boxed()).await {
        Ok(sent) => Ok(sent),
        Err(error) => {
            tracing::warn!(%error, "a withdrawal waits for the payment provider");
            read(app, id).await
        }
    }
}

async fn read(app: &App, id: WithdrawalId) -> Result<Withdrawal, AppError> {
    app.store.withdrawal(id).await?.ok_or_else(|| AppError::internal("a withdrawal is gone"))
}

/// Does what a withdrawal needs next: the transfer, the taking back of what a bank returned, or a look at what became of it.
pub(super) async fn withdrawal_drive(app: &App, id: WithdrawalId) -> Result<Withdrawal, AppError> {
    let stored = read(app, id).await?;
    match stored.state {
        WithdrawalState::Requested => send(app, &stored).await,
        WithdrawalState::Sent => look(app, stored).await,
        WithdrawalState::Returning => match take_back(app, stored).await? {
            sent if sent.state == WithdrawalState::Sent => look(app, sent).await,
            other => Ok(other),
        },
        WithdrawalState::Paid | WithdrawalState::Failed | WithdrawalState::Cancelled => Ok(stored),
    }
}

async fn send(app: &App, stored: &Withdrawal) -> Result<Withdrawal, AppError> {
    let (id, note) = (stored.id, stored.id.to_string());
    let gateway = stripe(app)?;
    if key_may_be_gone(app, stored.requested_at) {
        let window = since(app, stored.requested_at);
        let found =
            async { find_listed!(gateway, transfer_list(&window), |transfer| transfer.metadata.get(NOTE) == Some(&note)) };
        if let Some(transfer) = found.await.map_err(unavailable)? {
            return sent(app, id, transfer.id).await;
        }
    }
    let account = stored.connected_account.clone().ok_or_else(|| AppError::internal("a withdrawal to nobody"))?;
    let new = NewTransfer { amount: outside(stored.amount), account, group: Some(note.clone()), metadata: noted(NOTE, &note) };
    // A refusal is kept under its key, so that each attempt after one has a key of its own.
    let key = key_of(&["withdrawal", &note, &stored.attempt.to_string()])?;
    match gateway.transfer_create(&key, &new).await {
        Ok(transfer) => sent(app, id, transfer.id).await,
        Err(GatewayError::Refused { code, .. } | GatewayError::Declined { code, .. }) => refused(app, stored, code).await,
        // The connected account is gone: asking again changes nothing.
        Err(GatewayError::NotFound) => refused(app, stored, "account_not_found".to_owned()).await,
        Err(error) => Err(unavailable(error)),
    }
}

async fn sent(app: &App, id: WithdrawalId, transfer: String) -> Result<Withdrawal, AppError> {
    let poll_secs = app.config.stripe.poll_secs;
    app.store
        .write("withdrawal_sent", move |tx| {
            let transfer = transfer.clone();
            async move { Ok::<_, AppError>(withdrawal_sent(&tx, id, transfer, poll_secs).await?) }
        })
        .await
}

/// Too little in the exchange's own account is waited for; anything else returns the money at once.
async fn refused(app: &App, stored: &Withdrawal, code: String) -> Result<Withdrawal, AppError> {
    let settings = &app.config.stripe;
    let (id, attempt, poll_secs) = (stored.id, stored.attempt, settings.poll_secs);
    let patience = plus_secs(stored.requested_at, settings.withdrawal_wait_secs) > app.now();
    let waits = code == TOO_LITTLE && patience;
    app.store
        .write("withdrawal_refused", move |tx| {
            let code = code.clone();
            async move {
                Ok::<_, AppError>(if waits {
                    withdrawal_waits(&tx, id, attempt, code, poll_secs).await?
                } else {
                    withdrawal_refused(&tx, id, code).await?
                })
            }
        })
        .await
}

/// Takes back from the connected account what its bank returned. A refusal is kept and told, and waits for another attempt.
async fn take_back(app: &App, stored: Withdrawal) -> Result<Withdrawal, AppError> {
    let Some(transfer) = stored.transfer.clone() else { return Ok(stored) };
    // A key is forgotten after a day: what was reversed before is seen at the transfer, and is not taken twice.
    let stored = reversed(app, stored.id, &transfer).await?;
    let back = Money::new(stored.return_due_minor(), stored.amount.currency);
    if back.minor <= 0 {
        return Ok(stored);
    }
    let new = NewReversal { transfer: transfer.clone(), amount: outside(back), metadata: noted(NOTE, stored.id) };
    let [asked, part, attempt] = [stored.return_asked_minor, back.minor, stored.return_attempt].map(|number| number.to_string());
    // Somebody else may have reversed a part meanwhile: another amount is another call. A refusal is kept under its key, so that
    // each attempt after one has a key of its own.
    let key = key_of(&["return", &stored.id.to_string(), &asked, &part, &attempt])?;
    let refusal = match stripe(app)?.transfer_reversal_create(&key, &new).await {
        Ok(_) => return reversed(app, stored.id, &transfer).await,
        Err(GatewayError::Refused { code, .. } | GatewayError::Declined { code, .. }) => code,
        Err(GatewayError::NotFound) => "transfer_not_found".to_owned(),
        Err(error) => return Err(unavailable(error)),
    };
    // It may have been reversed by somebody else: what the transfer says counts.
    let stored = reversed(app, stored.id, &transfer).await?;
    if stored.state == WithdrawalState::Returning { return_refused(app, &stored, refusal).await } else { Ok(stored) }
}

async fn return_refused(app: &App, stored: &Withdrawal, code: String) -> Result<Withdrawal, AppError> {
    tracing::warn!(withdrawal = %stored.id, code, attempt = stored.return_attempt, "a connected account does not give back what its bank returned");
    let (id, attempt, poll_secs) = (stored.id, stored.return_attempt, app.config.stripe.poll_secs);
    app.store
        .write("withdrawal_return_refused", move |tx| {
            let code = code.clone();
            async move { Ok::<_, AppError>(withdrawal_return_refused(&tx, id, attempt, code, poll_secs).await?) }
        })
        .await
}

async fn reversed(app: &App, id: WithdrawalId, transfer: &str) -> Result<Withdrawal, AppError> {
    let seen = stripe(app)?.transfer_retrieve(transfer).await.map_err(unavailable)?;
    let reversed_minor = seen.reversed_minor;
    let done = app.store.write("withdrawal_reversed", move |tx| async move {
        Ok::<_, AppError>(withdrawal_reversed(&tx, id, reversed_minor).await?)
    });
    done.await
}

/// Looks whether the transfer was reversed and whether the account's bank has the money, in case no message said so.
async fn look(app: &App, stored: Withdrawal) -> Result<Withdrawal, AppError> {
    let (Some(transfer), Some(account), Some(sent_at)) = (&stored.transfer, &stored.connected_account, stored.sent_at) else {
        return Ok(stored);
    };
    let now = reversed(app, stored.id, transfer).await?;
    if now.state != WithdrawalState::Sent {
        return Ok(now);
    }
    let (gateway, window) = (stripe(app)?, since(app, sent_at));
    let mut request = PageRequest::first(100);
    loop {
        let page = gateway.payout_list(account, &window, &request).await.map_err(unavailable)?;
        for payout in &page.items {
            payout_seen(app, stored.organization, payout).await?;
        }
        match page.next {
            Some(next) => request = PageRequest::first(100).after(next),
            None => break,
        }
    }
    read(app, stored.id).await
}

async fn payout_seen(app: &App, organization: domain::id::OrganizationId, payout: &Payout) -> Result<(), AppError> {
    let amount = inside(&payout.amount)?;
    match payout.status {
        PayoutStatus::Paid => {
            // The provider's clock counts whole seconds.
            let until = plus_secs(payout.created, 1);
            let done = app.store.write("withdrawals_paid_out", move |tx| async move {
                Ok::<_, AppError>(withdrawals_paid_out(&tx, organization, amount.currency, until).await?)
            });
            done.await.map(drop)
        }
        PayoutStatus::Failed | PayoutStatus::Canceled => {
            let reason = payout.failure_code.clone().unwrap_or_else(|| "the payout was given up".to_owned());
            let id = payout.id.clone();
            app.store
                .write("payout_failed", move |tx| {
                    let (id, reason) = (id.clone(), reason.clone());
                    async move { Ok::<_, AppError>(payout_failed(&tx, id, organization, amount, &reason).await?) }
                })
                .await
        }
        PayoutStatus::Pending | PayoutStatus::InTransit | PayoutStatus::Other(_) => Ok(()),
    }
}

/// Something happened to a transfer: its state now counts.
pub(super) async fn transfer_happened(app: &App, transfer: &str) -> Result<(), AppError> {
    let seen = stripe(app)?.transfer_retrieve(transfer).await.map_err(unavailable)?;
    let Some(id) = seen.metadata.get(NOTE).and_then(|id| id.parse::<WithdrawalId>().ok()) else { return Ok(()) };
    let Some(stored) = app.store.withdrawal(id).await?.filter(|found| found.method == WithdrawalMethod::Stripe) else {
        return Ok(());
    };
    if stored.state == WithdrawalState::Requested {
        // The answer to our own call is still on its way, or was lost.
        sent(app, id, seen.id.clone()).await?;
    }
    let reversed_minor = seen.reversed_minor;
    let done = app.store.write("withdrawal_reversed", move |tx| async move {
        Ok::<_, AppError>(withdrawal_reversed(&tx, id, reversed_minor).await?)
    });
    done.await.map(drop)
}

/// Something happened to a payout of a connected account: its state now counts.
pub(super) async fn payout_happened(app: &App, account: &str, payout: &str) -> Result<(), AppError> {
    let Some(known) = app.store.connected_account_by_id(account).await? else { return Ok(()) };
    let seen = stripe(app)?.payout_retrieve(account, payout).await.map_err(unavailable)?;
    payout_seen(app, known.organization, &seen).await
}
