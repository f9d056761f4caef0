//! Money at the payment provider. Each use case writes its row first, asks the provider under a key made of the row's id, and writes
//! the answer; whatever is lost between is asked for again by a worker, under the same key.

pub mod accounts;
pub mod auto_top_ups;
pub mod card_disputes;
pub mod card_refunds;
pub mod cards;
pub mod events;
mod evidence;
pub mod receipts;
pub mod reconcile;
pub mod top_ups;
pub mod withdrawals;
pub mod work;

use domain::id::OrganizationId;
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use gateways::payments::{self as gateway, GatewayError, IdempotencyKey, Metadata, NewCustomer, PaymentGateway};

use super::{App, AppError};
use crate::ports::Payments;

/// How long the provider is left alone about a row after a call that gave no result, in seconds.
const AGAIN_SECS: i64 = 60;
/// From this age of a row on, in seconds, the provider may have forgotten the row's key: its lists are looked through first.
const KEYS_KEPT_SECS: i64 = 20 * 3_600;

/// Makes sure that this database and the key of the settings are both for play money or both for real money. Called before
/// anything is served.
pub async fn payments_open(app: &App) -> Result<(), AppError> {
    let Some(payments) = &app.payments else { return Ok(()) };
    let mode = payments.gateway.mode().code();
    let known = app.store.payments_mode(mode).await?;
    if known == mode {
        return Ok(());
    }
    Err(AppError::internal(format!(
        "stripe.secret_key is a {mode} key, but this database holds {known} payments: test and live money never share a database"
    )))
}

/// The payment provider; refused when none is set up.
pub(super) fn provider(app: &App) -> Result<&Payments, Refusal> {
    let message = "no payment provider is set up here: an operator records deposits and carries withdrawals out";
    app.payments.as_ref().ok_or_else(|| Refusal::new(Code::PaymentsNotConfigured, message))
}

fn stripe(app: &App) -> Result<&dyn PaymentGateway, Refusal> {
    provider(app).map(|payments| payments.gateway.as_ref())
}

/// A key of the row or thing that an effect belongs to.
fn key_of(parts: &[&str]) -> Result<IdempotencyKey, AppError> {
    IdempotencyKey::new(parts.join("-")).map_err(AppError::internal)
}

fn outside(money: Money) -> gateway::Money {
    gateway::Money::new(money.minor, money.currency.code())
}

fn inside(money: &gateway::Money) -> Result<Money, AppError> {
    Ok(Money::new(money.minor, money.currency.parse().map_err(AppError::internal)?))
}

fn noted(name: &str, id: impl ToString) -> Metadata {
    Metadata::from([(name.to_owned(), id.to_string())])
}

/// What the caller is told when the provider gave no result. A fault of the settings is ours.
fn unavailable(error: GatewayError) -> AppError {
    match error {
        GatewayError::Declined { code, .. } => Refusal::wrong_state(format!("the card was declined: {code}")).into(),
        GatewayError::Busy { .. } | GatewayError::Unknown { .. } => {
            let message = "the payment provider does not answer; ask again shortly";
            Refusal::new(Code::PaymentsUnavailable, message).into()
        }
        error => AppError::internal(format!("payments: {error}")),
    }
}

/// Who the organization is at the provider; made when it first pays.
async fn customer(app: &App, organization: OrganizationId) -> Result<String, AppError> {
    if let Some(known) = app.store.payment_customer(organization).await? {
        return Ok(known);
    }
    let new = NewCustomer { email: None, name: None, metadata: noted("organization", organization) };
    let key = key_of(&["customer", &organization.to_string()])?;
    let made = stripe(app)?.customer_create(&key, &new).await.map_err(unavailable)?;
    Ok(app.store.payment_customer_set(organization, made.id).await?)
}

/// Where people come back to from the provider's pages.
fn return_url(app: &App, what: &str) -> String {
    match app.config.stripe.return_url.as_str() {
        "" => format!("{}/payments/done?{what}", app.config.server.public_url),
        url => url.to_owned(),
    }
}

/// Whether the provider may have forgotten the key of a row from `created_at`.
fn key_may_be_gone(app: &App, created_at: Timestamp) -> bool {
    plus_secs(created_at, KEYS_KEPT_SECS) <= app.now()
}

/// The window in which something was made at the provider for a row from `created_at`.
fn since(app: &App, created_at: Timestamp) -> gateway::Window {
    gateway::Window { from: plus_secs(created_at, -60), until: plus_secs(app.now(), 60) }
}

/// Walks a list of the provider to its end or to what `$found` finds.
macro_rules! find_listed {
    ($gateway:expr, $list:ident ( $($argument:expr),* ), $found:expr) => {{
        let mut request = gateways::payments::PageRequest::first(100);
        loop {
            let page = $gateway.$list($($argument,)* &request).await?;
            if let Some(item) = page.items.into_iter().find($found) {
                break Ok::<_, gateways::payments::GatewayError>(Some(item));
            }
            match page.next {
                Some(next) => request = gateways::payments::PageRequest::first(100).after(next),
                None => break Ok(None),
            }
        }
    }};
}
use find_listed;
