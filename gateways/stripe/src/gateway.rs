//! The gateway: each method makes a request, calls, and reads the answer.

use std::fmt;

use gateways::payments::{
    Account, AccountLink, Answer, Balance, BalanceEntry, Card, Charge, Checkout, Confirmation, Customer, Dispute, Evidence,
    GatewayError, GatewayEvent, IdempotencyKey, Mode, NewAccount, NewAccountLink, NewCheckout, NewCustomer, NewPayment,
    NewRefund, NewReversal, NewTransfer, Page, PageRequest, Payment, PaymentGateway, Payout, Refund, Transfer, TransferReversal,
    Window,
};
use stripe_checkout::checkout_session::{ExpireCheckoutSession, RetrieveCheckoutSession};
use stripe_connect::account::RetrieveAccount;
use stripe_connect::transfer::RetrieveTransfer;
use stripe_core::balance::RetrieveForMyAccountBalance;
use stripe_core::charge::RetrieveCharge;
use stripe_core::dispute::{CloseDispute, RetrieveDispute};
use stripe_core::payout::RetrievePayout;
use stripe_core::refund::RetrieveRefund;
use stripe_payment::payment_method::DetachPaymentMethod;

use crate::call::Caller;
use crate::failure::unknown;
use crate::list::page as pages;
use crate::settings::{Settings, SettingsError};
use crate::value::id;
use crate::{account, balance, checkout, customer, dispute, event, payment, payout, refund, transfer};

/// What an answer is that says something else than Stripe documents.
const UNREADABLE: &str = "unreadable answer";

/// The payment gateway through Stripe, with one key.
#[derive(Clone)]
pub struct StripeGateway {
    caller: Caller,
}

impl StripeGateway {
    /// Sets the gateway up; nothing is sent yet.
    ///
    /// # Errors
    /// [`SettingsError`] names the setting that is wrong.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self { caller: Caller::new(settings)? })
    }

    /// An object, if it is of this gateway's mode.
    fn own<T>(&self, object: T, mode_of: impl Fn(&T) -> Mode) -> Result<T, GatewayError> {
        let wanted = self.caller.mode();
        if mode_of(&object) == wanted { Ok(object) } else { Err(GatewayError::WrongMode(wanted)) }
    }

    fn own_checkout(&self, session: stripe_shared::CheckoutSession) -> Result<Checkout, GatewayError> {
        self.own(checkout::read(session).ok_or(GatewayError::NotFound)?, |checkout| checkout.mode)
    }

    fn own_payment(&self, intent: stripe_shared::PaymentIntent) -> Result<Payment, GatewayError> {
        self.own(payment::read(intent), |payment| payment.mode)
    }

    fn own_charge(&self, charge: stripe_shared::Charge) -> Result<Charge, GatewayError> {
        self.own(payment::read_charge(charge), |charge| charge.mode)
    }

    fn own_dispute(&self, dispute: stripe_shared::Dispute) -> Result<Dispute, GatewayError> {
        self.own(dispute::read(dispute), |dispute| dispute.mode)
    }

    fn own_transfer(&self, transfer: stripe_shared::Transfer) -> Result<Transfer, GatewayError> {
        self.own(transfer::read(transfer), |transfer| transfer.mode)
    }

    fn own_payout(&self, payout: stripe_shared::Payout) -> Result<Payout, GatewayError> {
        self.own(payout::read(payout), |payout| payout.mode)
    }
}

impl fmt::Debug for StripeGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeGateway").field("mode", &self.caller.mode()).finish_non_exhaustive()
    }
}

impl PaymentGateway for StripeGateway {
    fn mode(&self) -> Mode {
        self.caller.mode()
    }

    fn customer_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewCustomer) -> Answer<'a, Customer> {
        Box::pin(async move {
            let made = self.caller.change(key, customer::create(new)).await?;
            self.own(customer::read(made), |customer| customer.mode)
        })
    }

    fn card_list<'a>(&'a self, customer: &'a str, page: &'a PageRequest) -> Answer<'a, Page<Card>> {
        Box::pin(async move {
            let list = self.caller.read(customer::cards(id(customer)?, page)).await?;
            pages(list, |method| Ok(customer::read_card(method)))
        })
    }

    fn card_detach<'a>(&'a self, key: &'a IdempotencyKey, card: &'a str) -> Answer<'a, Card> {
        Box::pin(async move {
            let method = self.caller.change(key, DetachPaymentMethod::new(id(card)?)).await?;
            customer::read_card(method).ok_or(GatewayError::NotFound)
        })
    }

    fn checkout_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewCheckout) -> Answer<'a, Checkout> {
        Box::pin(async move { self.own_checkout(self.caller.change(key, checkout::create(new)?).await?) })
    }

    fn checkout_retrieve<'a>(&'a self, checkout: &'a str) -> Answer<'a, Checkout> {
        Box::pin(async move { self.own_checkout(self.caller.read(RetrieveCheckoutSession::new(id(checkout)?)).await?) })
    }

    fn checkout_expire<'a>(&'a self, key: &'a IdempotencyKey, checkout: &'a str) -> Answer<'a, Checkout> {
        Box::pin(async move { self.own_checkout(self.caller.change(key, ExpireCheckoutSession::new(id(checkout)?)).await?) })
    }

    fn checkout_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Checkout>> {
        Box::pin(async move {
            let list = self.caller.read(checkout::list(window, page)).await?;
            pages(list, |session| checkout::read(session).map(|read| self.own(read, |checkout| checkout.mode)).transpose())
        })
    }

    fn payment_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewPayment) -> Answer<'a, Payment> {
        Box::pin(async move { self.own_payment(self.caller.change(key, payment::create(new)?).await?) })
    }

    fn payment_confirm<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        payment: &'a str,
        confirmation: &'a Confirmation,
    ) -> Answer<'a, Payment> {
        Box::pin(async move { self.own_payment(self.caller.change(key, payment::confirm(payment, confirmation)?).await?) })
    }

    fn payment_cancel<'a>(&'a self, key: &'a IdempotencyKey, payment: &'a str) -> Answer<'a, Payment> {
        Box::pin(async move { self.own_payment(self.caller.change(key, payment::cancel(payment)?).await?) })
    }

    fn payment_retrieve<'a>(&'a self, payment: &'a str) -> Answer<'a, Payment> {
        Box::pin(async move { self.own_payment(self.caller.read(payment::retrieve(payment)?).await?) })
    }

    fn payment_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Payment>> {
        Box::pin(async move {
            let list = self.caller.read(payment::list(window, page)).await?;
            pages(list, |intent| self.own_payment(intent).map(Some))
        })
    }

    fn charge_retrieve<'a>(&'a self, charge: &'a str) -> Answer<'a, Charge> {
        Box::pin(async move { self.own_charge(self.caller.read(RetrieveCharge::new(id(charge)?)).await?) })
    }

    fn charge_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Charge>> {
        Box::pin(async move {
            let list = self.caller.read(payment::list_charges(window, page)).await?;
            pages(list, |charge| self.own_charge(charge).map(Some))
        })
    }

    fn refund_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewRefund) -> Answer<'a, Refund> {
        Box::pin(async move { Ok(refund::read(self.caller.change(key, refund::create(new)?).await?)) })
    }

    fn refund_retrieve<'a>(&'a self, refund: &'a str) -> Answer<'a, Refund> {
        Box::pin(async move { Ok(refund::read(self.caller.read(RetrieveRefund::new(id(refund)?)).await?)) })
    }

    fn refund_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Refund>> {
        Box::pin(async move {
            let list = self.caller.read(refund::list(window, page)).await?;
            pages(list, |refund| Ok(Some(refund::read(refund))))
        })
    }

    fn dispute_retrieve<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute> {
        Box::pin(async move { self.own_dispute(self.caller.read(RetrieveDispute::new(id(dispute)?)).await?) })
    }

    fn dispute_submit_evidence<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        dispute: &'a str,
        evidence: &'a Evidence,
        submit: bool,
    ) -> Answer<'a, Dispute> {
        Box::pin(async move { self.own_dispute(self.caller.change(key, dispute::submit(dispute, evidence, submit)?).await?) })
    }

    fn dispute_close<'a>(&'a self, key: &'a IdempotencyKey, dispute: &'a str) -> Answer<'a, Dispute> {
        Box::pin(async move { self.own_dispute(self.caller.change(key, CloseDispute::new(id(dispute)?)).await?) })
    }

    fn dispute_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Dispute>> {
        Box::pin(async move {
            let list = self.caller.read(dispute::list(window, page)).await?;
            pages(list, |dispute| self.own_dispute(dispute).map(Some))
        })
    }

    fn account_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewAccount) -> Answer<'a, Account> {
        Box::pin(async move { Ok(account::read(self.caller.change(key, account::create(new)).await?)) })
    }

    fn account_retrieve<'a>(&'a self, account: &'a str) -> Answer<'a, Account> {
        Box::pin(async move { Ok(account::read(self.caller.read(RetrieveAccount::new(id(account)?)).await?)) })
    }

    fn account_link_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewAccountLink) -> Answer<'a, AccountLink> {
        Box::pin(async move { Ok(account::read_link(self.caller.change(key, account::create_link(new)).await?)) })
    }

    fn transfer_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewTransfer) -> Answer<'a, Transfer> {
        Box::pin(async move { self.own_transfer(self.caller.change(key, transfer::create(new)?).await?) })
    }

    fn transfer_retrieve<'a>(&'a self, transfer: &'a str) -> Answer<'a, Transfer> {
        Box::pin(async move { self.own_transfer(self.caller.read(RetrieveTransfer::new(id(transfer)?)).await?) })
    }

    fn transfer_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Transfer>> {
        Box::pin(async move {
            let list = self.caller.read(transfer::list(window, page)).await?;
            pages(list, |transfer| self.own_transfer(transfer).map(Some))
        })
    }

    fn transfer_reversal_create<'a>(&'a self, key: &'a IdempotencyKey, new: &'a NewReversal) -> Answer<'a, TransferReversal> {
        Box::pin(async move { Ok(transfer::read_reversal(self.caller.change(key, transfer::reverse(new)?).await?)) })
    }

    fn transfer_reversal_list<'a>(&'a self, transfer: &'a str, page: &'a PageRequest) -> Answer<'a, Page<TransferReversal>> {
        Box::pin(async move {
            let list = self.caller.read(transfer::reversals(transfer, page)?).await?;
            pages(list, |reversal| Ok(Some(transfer::read_reversal(reversal))))
        })
    }

    fn payout_retrieve<'a>(&'a self, account: &'a str, payout: &'a str) -> Answer<'a, Payout> {
        Box::pin(async move { self.own_payout(self.caller.read_of(Some(account), RetrievePayout::new(id(payout)?)).await?) })
    }

    fn payout_list<'a>(&'a self, account: &'a str, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<Payout>> {
        Box::pin(async move {
            let list = self.caller.read_of(Some(account), payout::list(window, page)).await?;
            pages(list, |payout| self.own_payout(payout).map(Some))
        })
    }

    fn balance(&self) -> Answer<'_, Balance> {
        Box::pin(async move {
            let read = self.caller.read(RetrieveForMyAccountBalance::new()).await?;
            self.own(balance::read(read), |balance| balance.mode)
        })
    }

    fn balance_entry_list<'a>(&'a self, window: &'a Window, page: &'a PageRequest) -> Answer<'a, Page<BalanceEntry>> {
        Box::pin(async move {
            let list = self.caller.read(balance::list_entries(window, page)).await?;
            pages(list, |transaction| Ok(Some(balance::read_entry(transaction))))
        })
    }

    fn event_list<'a>(
        &'a self,
        account: Option<&'a str>,
        window: &'a Window,
        page: &'a PageRequest,
    ) -> Answer<'a, Page<GatewayEvent>> {
        Box::pin(async move {
            let list = self.caller.read_of(account, event::list(window, page)).await?;
            pages(list, |event| event::read(event).map(Some).ok_or_else(|| unknown(UNREADABLE)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_keys_mode_is_not_the_gateways() {
        let gateway = StripeGateway::new(&Settings::new("sk_live_x".to_owned().into())).unwrap();
        assert_eq!(gateway.mode(), Mode::Live);
        assert_eq!(gateway.own(1, |_| Mode::Live), Ok(1));
        assert_eq!(gateway.own(1, |_| Mode::Test), Err(GatewayError::WrongMode(Mode::Live)));
    }
}
