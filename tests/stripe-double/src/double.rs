//! The handle on a running double.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::control::{self, Command, ControlError};
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::ledger::{Funds, Posting};
use crate::options::Options;
use crate::resource::payment_method::PaymentBehavior;
use crate::shared::Shared;
use crate::state::State;
use crate::webhook::{WebhookBehavior, WebhookEndpoint};

/// A running double. Dropping it closes its port and ends its deliveries.
#[derive(Debug)]
pub struct StripeDouble {
    /// Where it listens, such as `http://127.0.0.1:12111`, without a slash at the end. Its API is under `/v1/`.
    pub url: String,
    /// The secret key that it accepts.
    pub secret_key: String,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl StripeDouble {
    /// Starts a double on a free port of 127.0.0.1, with the machine's time.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a double as the options say.
    pub async fn start_with(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let secret_key = options.secret_key.clone();
        let shared = Arc::new(Shared::new(State::new(options, url.clone())));
        let server = tokio::spawn(crate::server::run(listener, Arc::clone(&shared)));
        let deliveries = tokio::spawn(crate::delivery::run(Arc::clone(&shared)));
        Ok(Self { url, secret_key, shared, tasks: [server, deliveries] })
    }

    /// Does as commanded, and gives the object that the command is about, as the API shows it.
    pub fn apply(&self, command: Command) -> Result<Value, ControlError> {
        self.shared.with(|state| control::apply(state, command)).map_err(ControlError::from)
    }

    /// A customer pays an open checkout session with a new card; see [`Command::CompleteCheckout`].
    pub fn complete_checkout(&self, session: &str) -> Result<Value, ControlError> {
        self.pay_checkout(session, PaymentBehavior::Succeeds)
    }

    /// The same with a card of some behaviour.
    pub fn pay_checkout(&self, session: &str, payment: PaymentBehavior) -> Result<Value, ControlError> {
        self.apply(Command::CompleteCheckout { session: session.to_owned(), payment })
    }

    /// A customer never pays: the session expires.
    pub fn abandon_checkout(&self, session: &str) -> Result<Value, ControlError> {
        self.apply(Command::AbandonCheckout { session: session.to_owned() })
    }

    /// Makes a card, attached to a customer if one is named.
    pub fn create_payment_method(&self, customer: Option<&str>, payment: PaymentBehavior) -> Result<Value, ControlError> {
        self.apply(Command::CreatePaymentMethod { customer: customer.map(str::to_owned), payment })
    }

    /// Sets how a card behaves from now on.
    pub fn set_payment_method(&self, payment_method: &str, payment: PaymentBehavior) -> Result<Value, ControlError> {
        self.apply(Command::SetPaymentMethod { payment_method: payment_method.to_owned(), payment })
    }

    /// The customer authenticates a payment, or fails to.
    pub fn complete_authentication(&self, payment_intent: &str, succeeds: bool) -> Result<Value, ControlError> {
        self.apply(Command::CompleteAuthentication { payment_intent: payment_intent.to_owned(), succeeds })
    }

    /// The bank answers to a payment that is being processed: it pays, or does not.
    pub fn settle_payment(&self, payment_intent: &str, succeeds: bool) -> Result<Value, ControlError> {
        self.apply(Command::SettlePayment { payment_intent: payment_intent.to_owned(), succeeds })
    }

    /// The cardholder disputes all of a charge that is not refunded, for a reason such as `fraudulent`.
    pub fn open_dispute(&self, charge: &str, reason: &str) -> Result<Value, ControlError> {
        self.apply(Command::OpenDispute { charge: charge.to_owned(), amount: None, reason: reason.to_owned(), inquiry: false })
    }

    /// The bank decides a dispute.
    pub fn decide_dispute(&self, dispute: &str, won: bool) -> Result<Value, ControlError> {
        self.apply(Command::DecideDispute { dispute: dispute.to_owned(), won })
    }

    /// A person gives all that is required of a connected account.
    pub fn complete_onboarding(&self, account: &str) -> Result<Value, ControlError> {
        self.apply(Command::CompleteOnboarding { account: account.to_owned() })
    }

    /// Stripe requires more of a connected account, which is disabled until then or not.
    pub fn require_of_account(&self, account: &str, requirements: &[&str], disabled: bool) -> Result<Value, ControlError> {
        let requirements = requirements.iter().map(|&requirement| requirement.to_owned()).collect();
        self.apply(Command::RequireOfAccount { account: account.to_owned(), requirements, disabled })
    }

    /// Pays out all that a connected account has available in one currency, as an automatic schedule does.
    pub fn pay_out(&self, account: &str, currency: &str) -> Result<Value, ControlError> {
        self.apply(Command::PayOut { account: Some(account.to_owned()), currency: currency.to_owned() })
    }

    /// The bank takes a pending payout.
    pub fn settle_payout(&self, payout: &str) -> Result<Value, ControlError> {
        self.apply(Command::SettlePayout { payout: payout.to_owned() })
    }

    /// The bank returns a payout, with a failure code such as `account_closed`.
    pub fn fail_payout(&self, payout: &str, code: &str) -> Result<Value, ControlError> {
        self.apply(Command::FailPayout { payout: payout.to_owned(), code: code.to_owned() })
    }

    /// Reverses a transfer, or all that is left of it.
    pub fn reverse_transfer(&self, transfer: &str, amount: Option<i64>) -> Result<Value, ControlError> {
        self.apply(Command::ReverseTransfer { transfer: transfer.to_owned(), amount })
    }

    /// The card's bank sends a refund back, for a reason such as `expired_or_canceled_card`.
    pub fn fail_refund(&self, refund: &str, reason: &str) -> Result<Value, ControlError> {
        self.apply(Command::FailRefund { refund: refund.to_owned(), reason: reason.to_owned() })
    }

    /// Adds to the platform's available balance.
    pub fn fund_platform(&self, amount: i64, currency: &str) -> Result<Value, ControlError> {
        self.apply(Command::FundPlatform { amount, currency: currency.to_owned() })
    }

    /// Scripts a fault for requests to come.
    pub fn script_fault(&self, fault: Fault) {
        self.shared.with(|state| control::apply(state, Command::ScriptFault(fault))).ok();
    }

    /// Forgets the scripted faults.
    pub fn clear_faults(&self) {
        self.shared.with(|state| control::apply(state, Command::ClearFaults {})).ok();
    }

    /// Lets every request that hangs go on.
    pub fn release_hanging(&self) {
        self.shared.with(|state| control::apply(state, Command::ReleaseHanging {})).ok();
    }

    /// Waits until so many requests hang by a scripted fault, so that a test can act meanwhile.
    pub async fn until_hanging(&self, requests: usize) {
        self.shared.until(|state| state.faults.hanging() >= requests).await;
    }

    /// Replaces the webhook endpoints.
    pub fn set_webhook_endpoints(&self, endpoints: Vec<WebhookEndpoint>) {
        self.shared.with(|state| control::apply(state, Command::SetWebhookEndpoints { endpoints })).ok();
    }

    /// Replaces the behaviour of deliveries.
    pub fn set_webhook_behavior(&self, behavior: WebhookBehavior) {
        self.shared.with(|state| control::apply(state, Command::SetWebhookBehavior(behavior))).ok();
    }

    /// Delivers what was held back, and returns once that is delivered or given up.
    pub async fn flush_webhooks(&self) {
        self.shared.with(|state| control::apply(state, Command::FlushWebhooks {})).ok();
        self.settle_webhooks().await;
    }

    /// Delivers an event once more.
    pub fn resend_event(&self, event: &str) -> Result<Value, ControlError> {
        self.apply(Command::ResendEvent { event: event.to_owned() })
    }

    /// Waits until every delivery that is not held back is done or given up.
    pub async fn settle_webhooks(&self) {
        self.shared.until(|state| state.webhooks.is_settled()).await;
    }

    /// Seconds since the Unix epoch by the double's clock.
    pub fn now(&self) -> i64 {
        self.shared.lock().now()
    }

    /// Moves the clock forward; what becomes due happens.
    pub fn advance_clock(&self, secs: u32) {
        self.shared.with(|state| control::apply(state, Command::AdvanceClock { secs })).ok();
    }

    /// Forgets everything but the options and the webhook endpoints.
    pub fn reset(&self) {
        self.shared.with(|state| control::apply(state, Command::Reset {})).ok();
    }

    /// Everything that happened, in order.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.lock().journal.clone()
    }

    /// The double-entry book.
    pub fn postings(&self) -> Vec<Posting> {
        self.shared.lock().ledger.postings.clone()
    }

    /// The funds of the platform (`platform`) and of each connected account, by owner and currency.
    pub fn balances(&self) -> BTreeMap<String, BTreeMap<String, Funds>> {
        crate::server::balances(&self.shared.lock())
    }

    /// Whether the book sums to zero and no ceiling is exceeded; otherwise names what does not add up.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let faults = self.shared.lock().check();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}
