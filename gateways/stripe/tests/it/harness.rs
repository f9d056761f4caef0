//! A double, and gateways to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use gateways::payments::{
    Confirmation, IdempotencyKey, Metadata, Money, NewAccount, NewCheckout, NewCustomer, NewPayment, NewRefund, NewTransfer,
    PageRequest, Payment, PaymentGateway, Presence, Window,
};
use gateways_stripe::{Settings, StripeGateway};
use serde_json::Value;
use stripe_double::{Clock, Options, PaymentBehavior, StripeDouble, WebhookEndpoint};

/// When the doubles' clocks start.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const SECRET: &str = "whsec_test";
pub(crate) const RETURN_URL: &str = "https://exchange.test/return";

/// A double whose clock stands still, and a gateway that attempts each call once.
pub(crate) struct Bench {
    pub(crate) double: StripeDouble,
    pub(crate) gateway: StripeGateway,
}

pub(crate) async fn bench() -> Bench {
    bench_with(Options::default()).await
}

pub(crate) async fn bench_with(options: Options) -> Bench {
    let double = StripeDouble::start_with(Options { clock: Clock::Fixed(START), ..options }).await.unwrap();
    let gateway = StripeGateway::new(&settings(&double)).unwrap();
    Bench { double, gateway }
}

pub(crate) fn settings(double: &StripeDouble) -> Settings {
    Settings {
        base_url: double.url.clone(),
        timeout: Duration::from_secs(30),
        attempts: 1,
        first_pause: Duration::from_millis(1),
        ..Settings::new(double.secret_key.clone().into())
    }
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new(text).unwrap()
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, "USD")
}

pub(crate) fn note(value: &str) -> Metadata {
    Metadata::from([("intent".to_owned(), value.to_owned())])
}

/// The id of an object of the double's.
#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// A window around the double's standing clock.
pub(crate) fn window() -> Window {
    seconds(START, START + 1)
}

pub(crate) fn seconds(from: i64, until: i64) -> Window {
    let moment = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    Window { from: moment(from), until: moment(until) }
}

pub(crate) fn all() -> PageRequest {
    PageRequest::first(100)
}

pub(crate) fn checkout(customer: &str) -> NewCheckout {
    NewCheckout {
        amount: usd(5_000),
        description: "Wallet top-up".to_owned(),
        customer: customer.to_owned(),
        success_url: "https://exchange.test/paid?session={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "https://exchange.test/wallet".to_owned(),
        reference: "topup-1".to_owned(),
        save_card: true,
        expires_at: None,
        locale: Some("de".to_owned()),
        metadata: note("topup-1"),
    }
}

pub(crate) fn payment(customer: &str, card: &str, presence: Presence) -> NewPayment {
    NewPayment {
        amount: usd(2_500),
        customer: customer.to_owned(),
        card: card.to_owned(),
        presence,
        description: Some("Automatic top-up".to_owned()),
        metadata: note("topup-2"),
    }
}

pub(crate) fn on_session() -> Presence {
    Presence::OnSession { return_url: RETURN_URL.to_owned() }
}

pub(crate) fn confirmation(card: &str) -> Confirmation {
    Confirmation { card: card.to_owned(), return_url: RETURN_URL.to_owned() }
}

pub(crate) fn refund(payment: &str, minor: i64) -> NewRefund {
    NewRefund { payment: payment.to_owned(), amount: usd(minor), metadata: note("refund-1") }
}

pub(crate) fn transfer(account: &str, minor: i64) -> NewTransfer {
    NewTransfer {
        amount: usd(minor),
        account: account.to_owned(),
        group: Some("withdrawal-1".to_owned()),
        metadata: note("withdrawal-1"),
    }
}

pub(crate) fn account() -> NewAccount {
    NewAccount {
        country: "US".to_owned(),
        email: Some("seller@example.com".to_owned()),
        organization: "org-1".to_owned(),
        metadata: note("seller-1"),
    }
}

impl Bench {
    /// A customer.
    pub(crate) async fn customer(&self) -> String {
        let new = NewCustomer {
            email: Some("ada@example.com".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            metadata: note("org-1"),
        };
        self.gateway.customer_create(&key("customer-1"), &new).await.unwrap().id
    }

    /// A customer with a saved card of some behaviour.
    pub(crate) async fn cardholder(&self, behavior: PaymentBehavior) -> (String, String) {
        let customer = self.customer().await;
        let card = id(&self.double.create_payment_method(Some(&customer), behavior).unwrap());
        (customer, card)
    }

    /// A payment of 25 dollars that succeeded.
    pub(crate) async fn paid(&self) -> Payment {
        let (customer, card) = self.cardholder(PaymentBehavior::Succeeds).await;
        self.gateway.payment_create(&key("paid-1"), &payment(&customer, &card, Presence::OffSession)).await.unwrap()
    }

    /// An account that may receive transfers, and 100 dollars to transfer.
    pub(crate) async fn seller(&self) -> String {
        let seller = self.gateway.account_create(&key("account-1"), &account()).await.unwrap().id;
        self.double.complete_onboarding(&seller).unwrap();
        self.double.fund_platform(10_000, "usd").unwrap();
        seller
    }

    /// How often the double was asked at a path.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let journal = serde_json::to_value(self.double.journal()).unwrap();
        let is_request = |entry: &&Value| entry.to_string().contains(&format!("\"path\":\"{path}\""));
        journal.as_array().unwrap().iter().filter(is_request).count()
    }

    /// Starts a receiver of webhook calls.
    pub(crate) async fn receiver(&self) -> Receiver {
        let received: Arc<Mutex<Vec<Call>>> = Arc::default();
        let kept = Arc::clone(&received);
        let handler = async move |headers: HeaderMap, body: Bytes| {
            kept.lock().unwrap().push((headers["stripe-signature"].to_str().unwrap().to_owned(), body.to_vec()));
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/", axum::routing::post(handler))).await });
        let endpoint = WebhookEndpoint { url, secret: SECRET.to_owned(), enabled_events: Vec::new() };
        self.double.set_webhook_endpoints(vec![endpoint]);
        Receiver(received)
    }
}

/// Signature and body of a webhook call.
pub(crate) type Call = (String, Vec<u8>);

/// What came.
pub(crate) struct Receiver(Arc<Mutex<Vec<Call>>>);

impl Receiver {
    pub(crate) fn received(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }
}
