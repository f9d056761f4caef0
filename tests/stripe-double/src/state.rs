//! All that the double knows, behind one lock.

use serde_json::Value;

use crate::error::ApiError;
use crate::event::Event;
use crate::fault::Faults;
use crate::form::Params;
use crate::idempotency::Keys;
use crate::journal::{Happening, JournalEntry};
use crate::ledger::{Ledger, Movement, PLATFORM};
use crate::options::{Options, RunningClock};
use crate::resource::account::Account;
use crate::resource::account_link::AccountLink;
use crate::resource::charge::Charge;
use crate::resource::checkout_session::CheckoutSession;
use crate::resource::customer::Customer;
use crate::resource::dispute::Dispute;
use crate::resource::payment_intent::PaymentIntent;
use crate::resource::payment_method::PaymentMethod;
use crate::resource::payout::Payout;
use crate::resource::refund::Refund;
use crate::resource::transfer::Transfer;
use crate::resource::transfer_reversal::TransferReversal;
use crate::table::{Object, Table};
use crate::webhook::Webhooks;

/// What an endpoint answers.
pub(crate) type Answer = Result<Value, ApiError>;

/// A request as its endpoint sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// Of `Stripe-Account`: the connected account that the platform acts for.
    pub(crate) account: Option<String>,
    pub(crate) params: Params,
}

impl Call {
    /// Whose balance the request is about.
    pub(crate) fn owner(&self) -> &str {
        self.account.as_deref().unwrap_or(PLATFORM)
    }
}

/// The request that is being executed, which its events name.
#[derive(Debug, Clone)]
pub(crate) struct CurrentRequest {
    pub(crate) id: String,
    pub(crate) idempotency_key: Option<String>,
}

/// All that the double knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) base_url: String,
    clock: RunningClock,
    last_id: u32,
    pub(crate) request: Option<CurrentRequest>,
    pub(crate) accounts: Table<Account>,
    pub(crate) account_links: Table<AccountLink>,
    pub(crate) charges: Table<Charge>,
    pub(crate) checkout_sessions: Table<CheckoutSession>,
    pub(crate) customers: Table<Customer>,
    pub(crate) disputes: Table<Dispute>,
    pub(crate) events: Table<Event>,
    pub(crate) payment_intents: Table<PaymentIntent>,
    pub(crate) payment_methods: Table<PaymentMethod>,
    pub(crate) payouts: Table<Payout>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) transfers: Table<Transfer>,
    pub(crate) reversals: Table<TransferReversal>,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    pub(crate) webhooks: Webhooks,
}

impl State {
    pub(crate) fn new(options: Options, base_url: String) -> Self {
        Self {
            clock: RunningClock::start(options.clock),
            options,
            base_url,
            last_id: 0,
            request: None,
            accounts: Table::default(),
            account_links: Table::default(),
            charges: Table::default(),
            checkout_sessions: Table::default(),
            customers: Table::default(),
            disputes: Table::default(),
            events: Table::default(),
            payment_intents: Table::default(),
            payment_methods: Table::default(),
            payouts: Table::default(),
            refunds: Table::default(),
            transfers: Table::default(),
            reversals: Table::default(),
            ledger: Ledger::default(),
            journal: Vec::new(),
            keys: Keys::default(),
            faults: Faults::default(),
            webhooks: Webhooks::default(),
        }
    }

    /// Forgets all objects, events, keys, faults and the journal; keeps the options, the webhook endpoints and the id counter, so that
    /// ids from before are never given again.
    pub(crate) fn reset(&mut self) {
        let mut fresh = Self::new(self.options.clone(), self.base_url.clone());
        fresh.last_id = self.last_id;
        fresh.webhooks = self.webhooks.emptied();
        fresh.faults = self.faults.emptied();
        *self = fresh;
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(crate) fn advance_clock(&mut self, secs: i64) {
        self.clock.advance(secs);
        self.tick();
    }

    /// Does what is due by the clock, so that a deadline takes effect before the next request sees its object.
    pub(crate) fn tick(&mut self) {
        crate::resource::checkout_session::expire_due(self);
        crate::resource::payout::settle_due(self);
        crate::resource::dispute::lose_overdue(self);
        crate::resource::refund::settle_pending(self);
    }

    /// A new id: a prefix, the double's seed and a counter, so that ids of one kind sort in order of creation.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.last_id = self.last_id.wrapping_add(1);
        format!("{prefix}_{:08x}{:08x}", self.options.seed, self.last_id)
    }

    pub(crate) fn record(&mut self, what: Happening) {
        let sequence = u64::try_from(self.journal.len()).unwrap_or(u64::MAX).saturating_add(1);
        self.journal.push(JournalEntry { sequence, at: self.now(), what });
    }

    /// Books a movement of an owner's balance whose funds move at once, and returns the id of its balance transaction.
    pub(crate) fn post(&mut self, money: Money<'_>) -> String {
        let at = self.now();
        let id = self.new_id("txn");
        self.ledger.post(Movement {
            id,
            owner: money.owner,
            counterparty: money.counterparty,
            amount: money.amount,
            fee: money.fee,
            currency: money.currency,
            kind: money.kind,
            category: money.category,
            source: money.source,
            at,
            available_on: money.available_on.unwrap_or(at),
        })
    }

    /// Any object by its id alone, for `expand` and for the balance transactions' sources.
    pub(crate) fn render_any(&self, id: &str) -> Option<Value> {
        fn found<T: Object>(table: &Table<T>, id: &str) -> Option<Value> {
            table.find(id).map(Object::render)
        }
        match id.split('_').next()? {
            "acct" => found(&self.accounts, id),
            "ch" | "py" => found(&self.charges, id),
            "cs" => found(&self.checkout_sessions, id),
            "cus" => found(&self.customers, id),
            "du" => found(&self.disputes, id),
            "pi" => found(&self.payment_intents, id),
            "pm" => found(&self.payment_methods, id),
            "po" => found(&self.payouts, id),
            "re" | "pyr" => found(&self.refunds, id),
            "tr" => found(&self.transfers, id),
            "trr" => found(&self.reversals, id),
            "txn" => self.ledger.transactions.find(id).map(|transaction| transaction.render_at(self.now())),
            _ => None,
        }
    }

    /// Names everything that does not add up: the book, the ceilings of refunds and reversals, and an intent that was paid twice.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut faults = self.ledger.check();
        for charge in self.charges.iter().filter(|charge| charge.owner == PLATFORM) {
            let refunded = crate::resource::refund::refunded(self, charge.id());
            if refunded != charge.amount_refunded || refunded > charge.amount {
                faults.push(format!(
                    "{} of {} has refunds of {refunded}, and says {}",
                    charge.id(),
                    charge.amount,
                    charge.amount_refunded
                ));
            }
        }
        for intent in self.payment_intents.iter() {
            let charges =
                self.charges.iter().filter(|charge| charge.is_paid() && charge.payment_intent.as_deref() == Some(intent.id()));
            let (paid, wanted) = (charges.count(), usize::from(intent.is_paid()));
            if paid != wanted {
                faults.push(format!("{} has {paid} successful charges, where {wanted} should be", intent.id()));
            }
        }
        for transfer in self.transfers.iter() {
            let reversed: i64 = self.reversals.iter().filter(|one| one.transfer == transfer.id()).map(|one| one.amount).sum();
            let payment = self.charges.find(&transfer.destination_payment).map_or(0, |payment| payment.amount_refunded);
            if reversed != transfer.amount_reversed || reversed != payment || reversed > transfer.amount {
                faults.push(format!(
                    "{} of {} has reversals of {reversed}, and says {}",
                    transfer.id(),
                    transfer.amount,
                    transfer.amount_reversed
                ));
            }
        }
        faults
    }
}

/// A movement of an owner's balance, as a resource asks for it.
pub(crate) struct Money<'a> {
    pub(crate) owner: &'a str,
    pub(crate) counterparty: &'a str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) category: &'static str,
    pub(crate) source: &'a str,
    /// When the funds become available, at once if none.
    pub(crate) available_on: Option<i64>,
}
