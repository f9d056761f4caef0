//! A client as small as the tests need, and a receiver of webhooks.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use stripe_double::{Clock, Options, StripeDouble, WebhookEndpoint};

/// When the doubles' clocks start.
pub(crate) const START: i64 = 1_800_000_000;

/// A double whose clock stands still.
pub(crate) async fn double() -> StripeDouble {
    double_with(Options::default()).await
}

pub(crate) async fn double_with(options: Options) -> StripeDouble {
    StripeDouble::start_with(Options { clock: Clock::Fixed(START), ..options }).await.unwrap()
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null if the answer is no JSON.
    pub(crate) body: Value,
}

impl Reply {
    /// The object, of a request that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }

    /// Status and code of a refusal; the code is empty if there is none.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert_ne!(self.status, 200, "{}", self.text);
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A request in the making.
pub(crate) struct Call<'a> {
    double: &'a StripeDouble,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// `GET` with the double's key.
pub(crate) fn get<'a>(double: &'a StripeDouble, path: &str) -> Call<'a> {
    call(double, "GET", path, "").header("authorization", &format!("Bearer {}", double.secret_key))
}

/// `POST` of a form with the double's key. Brackets and braces need no escaping.
pub(crate) fn post<'a>(double: &'a StripeDouble, path: &str, form: &str) -> Call<'a> {
    call(double, "POST", path, form).header("authorization", &format!("Bearer {}", double.secret_key))
}

/// A request without a key.
pub(crate) fn call<'a>(double: &'a StripeDouble, method: &'static str, path: &str, body: &str) -> Call<'a> {
    Call { double, method, path: path.to_owned(), headers: Vec::new(), body: body.to_owned() }
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn account(self, account: &str) -> Self {
        self.header("stripe-account", account)
    }

    /// The answer, or none if the connection was closed without one.
    pub(crate) async fn try_send(self) -> Option<Reply> {
        let address = self.double.url.strip_prefix("http://").unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(self.path).header("host", address);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = sender.send_request(request.body(Body::from(self.body)).unwrap()).await.ok()?;
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Reply { status: parts.status.as_u16(), headers: parts.headers, text, body })
    }

    pub(crate) async fn send(self) -> Reply {
        self.try_send().await.expect("an answer")
    }

    /// The object, of a request that must succeed.
    pub(crate) async fn ok(self) -> Value {
        self.send().await.ok()
    }
}

/// The id of an object.
#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// A text field of an object.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("{field} of {object}")).to_owned()
}

/// A successful payment intent of an amount in US cents.
pub(crate) async fn paid(double: &StripeDouble, amount: i64) -> Value {
    let form = format!("amount={amount}&currency=usd&payment_method=pm_card_visa&confirm=true");
    post(double, "/v1/payment_intents", &form).ok().await
}

/// A connected account that may receive transfers.
pub(crate) async fn onboarded(double: &StripeDouble) -> String {
    let account = id(&post(double, "/v1/accounts", "type=express&country=US&capabilities[transfers][requested]=true").ok().await);
    double.complete_onboarding(&account).unwrap();
    account
}

/// The platform's available balance in US cents.
pub(crate) fn platform(double: &StripeDouble) -> i64 {
    available(double, stripe_double::PLATFORM)
}

pub(crate) fn available(double: &StripeDouble, owner: &str) -> i64 {
    double.balances().get(owner).and_then(|funds| funds.get("usd")).map_or(0, |funds| funds.available_minor)
}

/// The types of the platform's events so far, the oldest first.
pub(crate) async fn event_types(double: &StripeDouble) -> Vec<String> {
    let events = get(double, "/v1/events?limit=100").ok().await;
    events["data"].as_array().unwrap().iter().rev().map(|event| text(event, "type")).collect()
}

/// A webhook endpoint that remembers what it was sent, and answers with statuses from a list, then with 200.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let received: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let answers: Arc<Mutex<Vec<u16>>> = Arc::default();
        let (kept, next) = (Arc::clone(&received), Arc::clone(&answers));
        let handler = async move |headers: HeaderMap, body: Bytes| {
            let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
            kept.lock().unwrap().push((signature, String::from_utf8(body.to_vec()).unwrap()));
            let mut next = next.lock().unwrap();
            let status = if next.is_empty() { 200 } else { next.remove(0) };
            StatusCode::from_u16(status).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?source=stripe", listener.local_addr().unwrap());
        let app = axum::Router::new().route("/hook", axum::routing::post(handler));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received, answers }
    }

    /// The receiver as an endpoint with the secret `whsec_test`.
    pub(crate) fn endpoint(&self, enabled_events: &[&str]) -> WebhookEndpoint {
        WebhookEndpoint {
            url: self.url.clone(),
            secret: "whsec_test".to_owned(),
            enabled_events: enabled_events.iter().map(|&pattern| pattern.to_owned()).collect(),
        }
    }

    pub(crate) fn answer_with(&self, statuses: &[u16]) {
        *self.answers.lock().unwrap() = statuses.to_vec();
    }

    /// Signature and payload of each delivery so far.
    pub(crate) fn received(&self) -> Vec<(String, String)> {
        self.received.lock().unwrap().clone()
    }

    /// The events of the deliveries so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.received().iter().map(|(_, payload)| serde_json::from_str(payload).unwrap()).collect()
    }

    pub(crate) fn types(&self) -> Vec<String> {
        self.events().iter().map(|event| text(event, "type")).collect()
    }
}
