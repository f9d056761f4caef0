//! Money in and out through a payment provider: the [`PaymentGateway`] and plain values, with nothing of any provider's crates in it.
//!
//! Every method that makes something or changes something takes an [`IdempotencyKey`], which the caller stored before the call. When an
//! answer is lost, the same call with the same key gives the first result and does nothing twice; [`GatewayError`] says when to do that.
//! Every value of the call must then be the same too, times included. Providers forget keys after a day: whoever asks again later must
//! first look, in the lists and by the exchange's own notes, whether the effect is there already.
//! Amounts are whole minor units as ISO 4217 counts them, with the code in upper case; times are UTC.

mod account;
mod balance;
mod checkout;
mod customer;
mod dispute;
mod error;
mod event;
mod key;
mod money;
mod page;
mod payment;
mod payout;
mod refund;
mod transfer;

use futures::future::BoxFuture;

pub use account::{Account, AccountLink, Capability, NewAccount, NewAccountLink, Requirements};
pub use balance::{Balance, BalanceEntry};
pub use checkout::{Checkout, CheckoutStatus, NewCheckout};
pub use customer::{Card, Customer, NewCustomer};
pub use dispute::{Dispute, DisputeStatus, Evidence};
pub use error::GatewayError;
pub use event::{EventKind, GatewayEvent, WebhookError, WebhookVerifier};
pub use key::{IdempotencyKey, KeyError};
pub use money::{Metadata, Mode, Money};
pub use page::{Page, PageRequest, Window};
pub use payment::{
    Authentication, Charge, ClientSecret, Confirmation, NewPayment, Payment, PaymentFailure, PaymentStatus, Presence,
};
pub use payout::{Payout, PayoutStatus};
pub use refund::{NewRefund, Refund, RefundStatus};
pub use transfer::{NewReversal, NewTransfer, Transfer, TransferReversal};

/// What a call comes to.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, GatewayError>>;

/// A payment provider that keeps customers and their cards, and pays connected accounts out.
pub trait PaymentGateway: Send + Sync {
    /// Whether the money is real; the credentials decide it.
    fn mode(&self) -> Mode;

    /// Makes a customer, who holds saved cards.
    fn customer_create<'a>(&'a self, key: &'a IdempotencyKey, customer: &'a NewCustomer) -> Answer<'a, Customer>;
    /// The cards that a customer saved, newest first.
    fn card_list<'a>(&'a self, customer: &'a str, page: &'a PageRequest) -> Answer<'a, Page<Card>>;
    /// Forgets a saved card, for good.
    fn card_detach<'a>(&'a self, key: &'a IdempotencyKey, card: &'a str) -> Answer<'a, Card>;

    /// Makes a page of the provider at which the customer pays once.
    fn checkout_create<'a>(&'a self, key: &'a IdempotencyKey, checkout: &'a NewCheckout) -> Answer<'a, Checkout>;
    /// One checkout.
    fn checkout_retrieve<'a>(&'a self, checkout: &'a str) -> Answer<'a, Checkout>;
    /// Closes an open checkout, so that it can no longer be paid.
    fn checkout_expire<'a>(&'a self, key: &'a IdempotencyKey, checkout: &'a str) -> Answer<'a, Checkout>;
    /// The checkouts made in a window, newest first.
    fn checkout_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Checkout>>;

    /// Charges a saved card. A bank that asks for authentication gives a payment that requires action if the customer is present, and
    /// [`GatewayError::Declined`] with `authentication` if not.
    fn payment_create<'a>(&'a self, key: &'a IdempotencyKey, payment: &'a NewPayment) -> Answer<'a, Payment>;
    /// Tries a payment again that is not paid yet, with the customer present: so does one authenticate what was declined off-session.
    fn payment_confirm<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        payment: &'a str,
        confirmation: &'a Confirmation,
    ) -> Answer<'a, Payment>;
    /// Gives a payment up that is not paid yet.
    fn payment_cancel<'a>(&'a self, key: &'a IdempotencyKey, payment: &'a str) -> Answer<'a, Payment>;
    /// One payment, with the receipt of its charge.
    fn payment_retrieve<'a>(&'a self, payment: &'a str) -> Answer<'a, Payment>;
    /// The payments made in a window, newest first.
    fn payment_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Payment>>;
    /// One charge: an attempt at a payment, whether it succeeded or not.
    fn charge_retrieve<'a>(&'a self, charge: &'a str) -> Answer<'a, Charge>;
    /// The charges made in a window, newest first.
    fn charge_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Charge>>;

    /// Gives a part of a payment back to the card that paid it. More than is left of it is [`GatewayError::Refused`].
    fn refund_create<'a>(&'a self, key: &'a IdempotencyKey, refund: &'a NewRefund) -> Answer<'a, Refund>;
    /// One refund.
    fn refund_retrieve<'a>(&'a self, refund: &'a str) -> Answer<'a, Refund>;
    /// The refunds made in a window, newest first.
    fn refund_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Refund>>;

    /// One dispute.
    fn dispute_retrieve<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute>;
    /// Gives evidence against a dispute; `submit` sends it to the bank, which takes it once, otherwise it is only kept.
    fn dispute_submit_evidence<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        dispute: &'a str,
        evidence: &'a Evidence,
        submit: bool,
    ) -> Answer<'a, Dispute>;
    /// Accepts a dispute as lost, for good.
    fn dispute_close<'a>(&'a self, key: &'a IdempotencyKey, dispute: &'a str) -> Answer<'a, Dispute>;
    /// The disputes opened in a window, newest first.
    fn dispute_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Dispute>>;

    /// Makes an account that can be paid out, whose owner the provider onboards.
    fn account_create<'a>(&'a self, key: &'a IdempotencyKey, account: &'a NewAccount) -> Answer<'a, Account>;
    /// One account, with what is still required of it.
    fn account_retrieve<'a>(&'a self, account: &'a str) -> Answer<'a, Account>;
    /// Makes a link to the provider's onboarding. It works once and for minutes.
    fn account_link_create<'a>(&'a self, key: &'a IdempotencyKey, link: &'a NewAccountLink) -> Answer<'a, AccountLink>;

    /// Moves money from the platform's balance to an account's.
    fn transfer_create<'a>(&'a self, key: &'a IdempotencyKey, transfer: &'a NewTransfer) -> Answer<'a, Transfer>;
    /// One transfer.
    fn transfer_retrieve<'a>(&'a self, transfer: &'a str) -> Answer<'a, Transfer>;
    /// The transfers made in a window, newest first.
    fn transfer_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Transfer>>;
    /// Takes a part of a transfer back. More than is left of it is [`GatewayError::Refused`].
    fn transfer_reversal_create<'a>(&'a self, key: &'a IdempotencyKey, reversal: &'a NewReversal)
    -> Answer<'a, TransferReversal>;
    /// The reversals of one transfer, newest first.
    fn transfer_reversal_list<'a>(&'a self, transfer: &'a str, page: &'a PageRequest) -> Answer<'a, Page<TransferReversal>>;

    /// One payout of an account to its bank.
    fn payout_retrieve<'a>(&'a self, account: &'a str, payout: &'a str) -> Answer<'a, Payout>;
    /// The payouts of an account to its bank made in a window, newest first.
    fn payout_list<'a>(&'a self, account: &'a str, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Payout>>;

    /// The platform's balance.
    fn balance(&self) -> Answer<'_, Balance>;
    /// What moved the platform's balance in a window, newest first.
    fn balance_entry_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<BalanceEntry>>;

    /// The events in a window, newest first, of the platform or of one account. Providers keep them for 30 days.
    fn event_list<'a>(
        &'a self,
        account: Option<&'a str>,
        window: &'a Window,
        page: &'a PageRequest,
    ) -> Answer<'a, Page<GatewayEvent>>;
}
