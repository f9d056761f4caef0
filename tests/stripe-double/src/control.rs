//! The control plane: what in reality customers, banks and Stripe do, on command. It is no part of Stripe's API.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::fault::Fault;
use crate::journal::Happening;
use crate::ledger::PLATFORM;
use crate::resource::payment_method::{self, PaymentBehavior};
use crate::resource::{account, checkout_session, dispute, payment_attempt, payout, refund, transfer_reversal};
use crate::state::{Answer, Money, State};
use crate::table::Object;
use crate::webhook::{WebhookBehavior, WebhookEndpoint};

/// What the control plane does. Over HTTP, `POST /_control/complete_checkout` with the fields as JSON, and so on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A customer pays an open checkout session with a new card. Answers the session.
    CompleteCheckout {
        /// The checkout session.
        session: String,
        /// How the card behaves; it pays unless told otherwise.
        #[serde(default)]
        payment: PaymentBehavior,
    },
    /// A customer never pays: the checkout session expires. Answers the session.
    AbandonCheckout {
        /// The checkout session.
        session: String,
    },
    /// Makes a card, attached to a customer if one is named. Answers the payment method.
    CreatePaymentMethod {
        /// The customer.
        #[serde(default)]
        customer: Option<String>,
        /// How the card behaves.
        #[serde(default)]
        payment: PaymentBehavior,
    },
    /// Sets how a card behaves from now on. Answers the payment method.
    SetPaymentMethod {
        /// The payment method.
        payment_method: String,
        /// How the card behaves.
        payment: PaymentBehavior,
    },
    /// The customer authenticates a payment, or fails to; also one that failed off-session for want of it. Answers the payment intent.
    CompleteAuthentication {
        /// The payment intent.
        payment_intent: String,
        /// Whether the bank is satisfied.
        #[serde(default = "yes")]
        succeeds: bool,
    },
    /// The bank answers to a payment that is being processed. Answers the payment intent.
    SettlePayment {
        /// The payment intent.
        payment_intent: String,
        /// Whether it pays.
        #[serde(default = "yes")]
        succeeds: bool,
    },
    /// The cardholder disputes a charge. Answers the dispute.
    OpenDispute {
        /// The charge.
        charge: String,
        /// In minor units; all that is not refunded if none.
        #[serde(default)]
        amount: Option<i64>,
        /// Stripe's reason, such as `fraudulent` or `product_not_received`.
        #[serde(default = "fraudulent")]
        reason: String,
        /// Whether the bank only inquires, and withdraws nothing.
        #[serde(default)]
        inquiry: bool,
    },
    /// The bank decides a dispute. Answers the dispute.
    DecideDispute {
        /// The dispute.
        dispute: String,
        /// Whether the platform wins.
        won: bool,
    },
    /// A person gives all that is required of a connected account. Answers the account.
    CompleteOnboarding {
        /// The account.
        account: String,
    },
    /// Stripe requires more of a connected account. Answers the account.
    RequireOfAccount {
        /// The account.
        account: String,
        /// Such as `individual.verification.document`.
        requirements: Vec<String>,
        /// Whether transfers and payouts are disabled until they are fulfilled.
        #[serde(default)]
        disabled: bool,
    },
    /// What an automatic schedule does: pays out all that is available. Answers the payout.
    PayOut {
        /// The account; the platform itself if none.
        #[serde(default)]
        account: Option<String>,
        /// Lower-case ISO code.
        currency: String,
    },
    /// The bank takes a pending payout before its arrival date. Answers the payout.
    SettlePayout {
        /// The payout.
        payout: String,
    },
    /// The bank returns a payout. Answers the payout.
    FailPayout {
        /// The payout.
        payout: String,
        /// Stripe's failure code, such as `account_closed`.
        #[serde(default = "account_closed")]
        code: String,
    },
    /// Reverses a transfer, as from the dashboard. Answers the reversal.
    ReverseTransfer {
        /// The transfer.
        transfer: String,
        /// In minor units; all that is left if none.
        #[serde(default)]
        amount: Option<i64>,
    },
    /// The card's bank sends a refund back. Answers the refund.
    FailRefund {
        /// The refund.
        refund: String,
        /// Stripe's failure reason.
        #[serde(default = "lost_or_stolen_card")]
        reason: String,
    },
    /// Adds to the platform's available balance, as a top-up from its bank does. Answers the balance transaction.
    FundPlatform {
        /// In minor units.
        amount: i64,
        /// Lower-case ISO code.
        currency: String,
    },
    /// Scripts a fault for requests to come.
    ScriptFault(Fault),
    /// Forgets the scripted faults.
    ClearFaults {},
    /// Lets every request that hangs go on.
    ReleaseHanging {},
    /// Replaces the webhook endpoints.
    SetWebhookEndpoints {
        /// All endpoints.
        endpoints: Vec<WebhookEndpoint>,
    },
    /// Replaces the behaviour of deliveries.
    SetWebhookBehavior(WebhookBehavior),
    /// Delivers what was held back. Answers `{ "flushed": n }`.
    FlushWebhooks {},
    /// Delivers an event once more, as from the dashboard. Answers the event.
    ResendEvent {
        /// The event.
        event: String,
    },
    /// Moves the clock forward; what becomes due happens. Answers `{ "now": seconds }`.
    AdvanceClock {
        /// Seconds.
        secs: u32,
    },
    /// Forgets everything but the options and the webhook endpoints.
    Reset {},
}

fn yes() -> bool {
    true
}

fn fraudulent() -> String {
    "fraudulent".to_owned()
}

fn account_closed() -> String {
    "account_closed".to_owned()
}

fn lost_or_stolen_card() -> String {
    "lost_or_stolen_card".to_owned()
}

/// Why the control plane did not do as told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlError(String);

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ControlError {}

impl From<ApiError> for ControlError {
    fn from(error: ApiError) -> Self {
        Self(error.object().get("message").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

/// Does as commanded, and notes it in the journal.
pub(crate) fn apply(state: &mut State, command: Command) -> Answer {
    state.tick();
    let name =
        serde_json::to_value(&command).ok().and_then(|value| value.get("command").and_then(Value::as_str).map(str::to_owned));
    let answer = match command {
        Command::Reset {} => {
            state.reset();
            json!({})
        }
        Command::FundPlatform { amount, currency } => fund(state, amount, &currency)?,
        Command::AdvanceClock { secs } => {
            state.advance_clock(i64::from(secs));
            json!({ "now": state.now() })
        }
        Command::ScriptFault(fault) => {
            state.faults.script(fault);
            json!({})
        }
        Command::ClearFaults {} => {
            state.faults.clear();
            json!({})
        }
        Command::ReleaseHanging {} => {
            state.faults.release();
            json!({})
        }
        Command::SetWebhookEndpoints { endpoints } => {
            state.webhooks.endpoints = endpoints;
            json!({})
        }
        Command::SetWebhookBehavior(behavior) => {
            state.webhooks.set_behavior(behavior);
            json!({})
        }
        Command::FlushWebhooks {} => json!({ "flushed": state.webhooks.flush() }),
        Command::ResendEvent { event } => resend(state, &event)?,
        about_an_object => apply_to_object(state, about_an_object)?,
    };
    let object = answer.get("id").and_then(Value::as_str).map(str::to_owned);
    state.record(Happening::Control { command: name.unwrap_or_default(), object });
    Ok(answer)
}

fn apply_to_object(state: &mut State, command: Command) -> Answer {
    match command {
        Command::CompleteCheckout { session, payment } => checkout_session::pay(state, &session, payment),
        Command::AbandonCheckout { session } => checkout_session::expire(state, &session),
        Command::CreatePaymentMethod { customer, payment } => {
            let id = payment_method::make(state, payment, None);
            match customer {
                Some(customer) => payment_method::attach_to(state, &id, &customer, "payment_method"),
                None => payment_method::retrieve(state, &id),
            }
        }
        Command::SetPaymentMethod { payment_method, payment } => {
            state.payment_methods.get_mut(&payment_method, "payment_method")?.behavior = payment;
            payment_method::retrieve(state, &payment_method)
        }
        Command::CompleteAuthentication { payment_intent, succeeds } => authenticate(state, &payment_intent, succeeds),
        Command::SettlePayment { payment_intent, succeeds } => {
            let answer = payment_attempt::settle(state, &payment_intent, succeeds)?;
            checkout_session::settle(state, &payment_intent, succeeds)?;
            Ok(answer)
        }
        Command::OpenDispute { charge, amount, reason, inquiry } => dispute::open(state, &charge, amount, &reason, inquiry),
        Command::DecideDispute { dispute, won } => dispute::decide(state, &dispute, won),
        Command::CompleteOnboarding { account } => account::complete_onboarding(state, &account),
        Command::RequireOfAccount { account, requirements, disabled } => {
            account::require(state, &account, &requirements, disabled)
        }
        Command::PayOut { account, currency } => {
            let owner = account.unwrap_or_else(|| PLATFORM.to_owned());
            payout::pay_out_all(state, &owner, &currency)
        }
        Command::SettlePayout { payout } => payout::settle(state, &payout),
        Command::FailPayout { payout, code } => payout::fail(state, &payout, &code),
        Command::ReverseTransfer { transfer, amount } => {
            if amount.is_some_and(|amount| amount < 1) {
                return Err(ApiError::control("the amount must be at least 1"));
            }
            transfer_reversal::create(state, &transfer, amount, std::collections::BTreeMap::new())
        }
        Command::FailRefund { refund, reason } => refund::fail(state, &refund, &reason),
        _ => Err(ApiError::control("the command is about no object")),
    }
}

/// An authentication, and the completion of the checkout session that waits for it.
pub(crate) fn authenticate(state: &mut State, intent: &str, succeeds: bool) -> Answer {
    let answer = payment_attempt::authenticate(state, intent, succeeds)?;
    checkout_session::complete_if_done(state, intent)?;
    Ok(answer)
}

fn fund(state: &mut State, amount: i64, currency: &str) -> Answer {
    let params = crate::form::Params::parse(format!("amount={amount}&currency={currency}").as_bytes())?;
    let (amount, currency) = (params.amount("amount")?, params.currency("currency")?);
    let source = state.new_id("tu");
    let transaction = state.post(Money {
        owner: PLATFORM,
        counterparty: "world:banks",
        amount,
        fee: 0,
        currency: &currency,
        kind: "topup",
        category: "topup",
        source: &source,
        available_on: None,
    });
    // Funds that arrive may be what a refund waits for.
    state.tick();
    state.render_any(&transaction).ok_or_else(|| ApiError::missing("balance transaction", &transaction, "id"))
}

fn resend(state: &mut State, id: &str) -> Answer {
    let event = state.events.get(id, "event")?;
    let (event_type, rendered) = (event.event_type.clone(), event.render());
    state.webhooks.enqueue(id, &event_type, &rendered.to_string());
    Ok(rendered)
}
