//! The exchange's books compared with the provider's, both ways, each difference by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::card_refund::CardRefundState;
use domain::money::Money;
use domain::time::{Window, plus_secs};
use gateways::payments::{self as gateway, Dispute, GatewayError, PageRequest, Payment, PaymentStatus, Refund, Transfer};
use store::payments::card_disputes::CardDispute;
use store::payments::card_refunds::CardRefund;
use store::payments::top_ups::StoredTopUp;
use store::withdrawals::Withdrawal;
use uuid::Uuid;

use super::card_refunds::state_of as refund_state;
use super::{card_disputes, inside, stripe, unavailable};
use crate::app::{App, AppError};

/// How far back the worker looks, in seconds: refunds and payouts fail late.
const LOOK_BACK_SECS: i64 = 35 * 86_400;
/// What is younger than this is still on its way between the books, in seconds.
const ON_ITS_WAY_SECS: i64 = 900;

/// How two entries differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The provider has it, the exchange does not.
    MissingHere,
    /// The exchange has it, the provider does not.
    MissingThere,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// Both have it, in different states.
    StateDiffers,
}

impl Kind {
    /// As it is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "MISSING_HERE",
            Self::MissingThere => "MISSING_THERE",
            Self::AmountDiffers => "AMOUNT_DIFFERS",
            Self::StateDiffers => "STATE_DIFFERS",
        }
    }
}

/// One difference. It names ids and amounts, and no person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How they differ.
    pub kind: Kind,
    /// What it is about: `top-up`, `refund`, `withdrawal`, `dispute`.
    pub noun: &'static str,
    /// The provider's id of it.
    pub id: String,
    /// Both sides in words.
    pub words: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14} {} {}: {}", self.kind.as_str(), self.noun, self.id, self.words)
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// How many entries were compared, by what they are about.
    pub compared: BTreeMap<&'static str, u64>,
    /// Every difference.
    pub differences: Vec<Difference>,
}

impl Reconciliation {
    fn count(&mut self, noun: &'static str) {
        let count = self.compared.entry(noun).or_default();
        *count = count.saturating_add(1);
    }

    fn differs(&mut self, kind: Kind, noun: &'static str, id: &str, words: String) {
        self.differences.push(Difference { kind, noun, id: id.to_owned(), words });
    }

    fn amounts(&mut self, noun: &'static str, id: &str, here: Money, there: Money) {
        if here != there {
            self.differs(Kind::AmountDiffers, noun, id, format!("{here} here, {there} there"));
        }
    }

    fn states(&mut self, noun: &'static str, id: &str, here: &str, there: &str) {
        if here != there {
            self.differs(Kind::StateDiffers, noun, id, format!("{here} here, {there} there"));
        }
    }
}

/// Compares both books as they were made in a window.
pub async fn stripe_reconcile(app: &App, window: &Window) -> Result<Reconciliation, AppError> {
    let mut found = Reconciliation::default();
    top_ups(app, window, &mut found).await?;
    card_refunds(app, window, &mut found).await?;
    withdrawals(app, window, &mut found).await?;
    disputes(app, window, &mut found).await?;
    Ok(found)
}

/// What the worker does: compares what is old enough to be in both books, and raises a gauge and a line for each difference.
pub async fn stripe_reconcile_recent(app: &App) -> Result<u64, AppError> {
    if app.payments.is_none() {
        return Ok(0);
    }
    let until = plus_secs(app.now(), -ON_ITS_WAY_SECS);
    let found = stripe_reconcile(app, &Window { from: plus_secs(until, -LOOK_BACK_SECS), until }).await?;
    for difference in &found.differences {
        tracing::error!(%difference, "the books differ from the payment provider's");
    }
    let differences = u32::try_from(found.differences.len()).unwrap_or(u32::MAX);
    metrics::gauge!("clearlead_stripe_differences").set(f64::from(differences));
    Ok(differences.into())
}

/// Runs `$each` on every page of a list of the provider.
macro_rules! pages {
    ($gateway:expr, $list:ident, $window:expr, |$items:ident| $each:block) => {{
        let mut request = PageRequest::first(100);
        loop {
            let page = $gateway.$list($window, &request).await.map_err(unavailable)?;
            let $items = page.items;
            $each
            match page.next {
                Some(next) => request = PageRequest::first(100).after(next),
                None => break,
            }
        }
    }};
}

/// Runs `$each` on every row of a book of the exchange that the provider's list did not name.
macro_rules! rows {
    ($app:expr, $book:ident, $window:expr, |$row:ident| $each:block) => {{
        let mut after = Uuid::nil();
        loop {
            let rows = $app.store.$book($window, after).await?;
            let Some(last) = rows.last().map(|row| row.id.into()) else { break };
            after = last;
            for $row in rows $each
        }
    }};
}

fn outside(window: &Window) -> gateway::Window {
    gateway::Window { from: window.from, until: window.until }
}

fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> Option<String>) -> BTreeMap<String, T> {
    rows.into_iter().filter_map(|row| id(&row).map(|id| (id, row))).collect()
}

async fn top_ups(app: &App, window: &Window, found: &mut Reconciliation) -> Result<(), AppError> {
    const NOUN: &str = "top-up";
    let (gateway, mut named) = (stripe(app)?, BTreeSet::new());
    let compare = |found: &mut Reconciliation, here: &StoredTopUp, there: &Payment| -> Result<(), AppError> {
        let received = Money { minor: there.received_minor, ..inside(&there.amount)? };
        match here.paid() {
            Some(paid) => found.amounts(NOUN, &there.id, paid, received),
            None => found.states(NOUN, &there.id, here.standing.state().as_str(), "PAID"),
        }
        Ok(())
    };
    pages!(gateway, payment_list, &outside(window), |payments| {
        let paid: Vec<Payment> = payments.into_iter().filter(|payment| payment.status == PaymentStatus::Succeeded).collect();
        let ids: Vec<String> = paid.iter().map(|payment| payment.id.clone()).collect();
        let here = by_id(app.store.top_ups_of_payments(&ids).await?, |row| row.payment.clone());
        for payment in paid {
            found.count(NOUN);
            match here.get(&payment.id) {
                Some(row) => compare(found, row, &payment)?,
                None => {
                    let words = format!("{} was paid", inside(&payment.amount)?);
                    found.differs(Kind::MissingHere, NOUN, &payment.id, words);
                }
            }
            named.insert(payment.id);
        }
    });
    rows!(app, book_top_ups, window, |row| {
        let Some(payment) = row.payment.clone().filter(|payment| !named.contains(payment)) else { continue };
        match gateway.payment_retrieve(&payment).await {
            Ok(there) if there.status == PaymentStatus::Succeeded => compare(found, &row, &there)?,
            Ok(_) => found.states(NOUN, &payment, "PAID", "not paid"),
            Err(GatewayError::NotFound) => {
                found.differs(Kind::MissingThere, NOUN, &payment, format!("{} is {}", row.id, row.amount))
            }
            Err(error) => return Err(unavailable(error)),
        }
    });
    Ok(())
}

async fn card_refunds(app: &App, window: &Window, found: &mut Reconciliation) -> Result<(), AppError> {
    const NOUN: &str = "refund";
    let (gateway, mut named) = (stripe(app)?, BTreeSet::new());
    let compare = |found: &mut Reconciliation, here: &CardRefund, there: &Refund| -> Result<(), AppError> {
        found.amounts(NOUN, &there.id, here.amount, inside(&there.amount)?);
        found.states(NOUN, &there.id, here.state.as_str(), refund_state(&there.status).as_str());
        Ok(())
    };
    pages!(gateway, refund_list, &outside(window), |refunds| {
        let ids: Vec<String> = refunds.iter().map(|refund| refund.id.clone()).collect();
        let here = by_id(app.store.card_refunds_of(&ids).await?, |row| row.refund.clone());
        for refund in refunds {
            found.count(NOUN);
            match here.get(&refund.id) {
                Some(row) => compare(found, row, &refund)?,
                // What came to nothing there need not be known here.
                None if refund_state(&refund.status) == CardRefundState::Failed => {}
                None => {
                    let words = format!("{} went back to a card", inside(&refund.amount)?);
                    found.differs(Kind::MissingHere, NOUN, &refund.id, words);
                }
            }
            named.insert(refund.id);
        }
    });
    rows!(app, book_card_refunds, window, |row| {
        let Some(refund) = row.refund.clone().filter(|refund| !named.contains(refund)) else { continue };
        match gateway.refund_retrieve(&refund).await {
            Ok(there) => compare(found, &row, &there)?,
            Err(GatewayError::NotFound) => {
                found.differs(Kind::MissingThere, NOUN, &refund, format!("{} is {}", row.id, row.amount))
            }
            Err(error) => return Err(unavailable(error)),
        }
    });
    Ok(())
}

async fn withdrawals(app: &App, window: &Window, found: &mut Reconciliation) -> Result<(), AppError> {
    const NOUN: &str = "withdrawal";
    let (gateway, mut named) = (stripe(app)?, BTreeSet::new());
    let compare = |found: &mut Reconciliation, here: &Withdrawal, there: &Transfer| -> Result<(), AppError> {
        found.amounts(NOUN, &there.id, here.amount, inside(&there.amount)?);
        let back = |minor| format!("{} taken back", Money::new(minor, here.amount.currency));
        let due = Money::new(here.return_due_minor(), here.amount.currency);
        // Nobody else sees that a bank returned what Stripe does not give back.
        let owed = if due.minor > 0 { format!(" and {due} to be taken back") } else { String::new() };
        found.states(NOUN, &there.id, &(back(here.returned_minor) + &owed), &back(there.reversed_minor));
        Ok(())
    };
    pages!(gateway, transfer_list, &outside(window), |transfers| {
        let ids: Vec<String> = transfers.iter().map(|transfer| transfer.id.clone()).collect();
        let here = by_id(app.store.withdrawals_of_transfers(&ids).await?, |row| row.transfer.clone());
        for transfer in transfers {
            found.count(NOUN);
            match here.get(&transfer.id) {
                Some(row) => compare(found, row, &transfer)?,
                None => {
                    let words = format!("{} was transferred", inside(&transfer.amount)?);
                    found.differs(Kind::MissingHere, NOUN, &transfer.id, words);
                }
            }
            named.insert(transfer.id);
        }
    });
    rows!(app, book_withdrawals, window, |row| {
        let Some(transfer) = row.transfer.clone().filter(|transfer| !named.contains(transfer)) else { continue };
        match gateway.transfer_retrieve(&transfer).await {
            Ok(there) => compare(found, &row, &there)?,
            Err(GatewayError::NotFound) => {
                found.differs(Kind::MissingThere, NOUN, &transfer, format!("{} is {}", row.id, row.amount));
            }
            Err(error) => return Err(unavailable(error)),
        }
    });
    Ok(())
}

async fn disputes(app: &App, window: &Window, found: &mut Reconciliation) -> Result<(), AppError> {
    const NOUN: &str = "dispute";
    let (gateway, mut named) = (stripe(app)?, BTreeSet::new());
    let compare = |found: &mut Reconciliation, here: &CardDispute, there: &Dispute| -> Result<(), AppError> {
        found.amounts(NOUN, &there.id, here.seen.amount, inside(&there.amount)?);
        if let Some(state) = card_disputes::state_of(&there.status) {
            found.states(NOUN, &there.id, here.seen.state.as_str(), state.as_str());
        }
        Ok(())
    };
    pages!(gateway, dispute_list, &outside(window), |disputes| {
        let ids: Vec<String> = disputes.iter().map(|dispute| dispute.id.clone()).collect();
        let here = by_id(app.store.card_disputes_of(&ids).await?, |row| Some(row.seen.stripe_id.clone()));
        for dispute in disputes {
            found.count(NOUN);
            match here.get(&dispute.id) {
                Some(row) => compare(found, row, &dispute)?,
                None => {
                    let words = format!("{} is disputed", inside(&dispute.amount)?);
                    found.differs(Kind::MissingHere, NOUN, &dispute.id, words);
                }
            }
            named.insert(dispute.id);
        }
    });
    rows!(app, book_card_disputes, window, |row| {
        if named.contains(&row.seen.stripe_id) {
            continue;
        }
        match gateway.dispute_retrieve(&row.seen.stripe_id).await {
            Ok(there) => compare(found, &row, &there)?,
            Err(GatewayError::NotFound) => {
                found.differs(Kind::MissingThere, NOUN, &row.seen.stripe_id, format!("{} is {}", row.id, row.seen.amount));
            }
            Err(error) => return Err(unavailable(error)),
        }
    });
    Ok(())
}
