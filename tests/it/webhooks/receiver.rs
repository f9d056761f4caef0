//! An organization's own server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;

/// What came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

/// How it is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16, String),
    /// To another path of the same server.
    Redirect(String),
    Never,
    /// With 200, after a while.
    After(Duration),
}

type Behaviour = Box<dyn Fn(&Received) -> Reply + Send>;

/// A server that keeps what it gets.
#[derive(Clone)]
pub struct Receiver {
    address: String,
    got: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    /// How many of the message's signatures are of this secret.
    pub fn signed_by(&self, secret: &str) -> usize {
        let timestamp = self.header("webhook-timestamp").parse().unwrap();
        let expected = Webhook::new(secret).unwrap().sign(self.header("webhook-id"), timestamp, self.text.as_bytes()).unwrap();
        self.header("webhook-signature").split(' ').filter(|signature| *signature == expected).count()
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let taking: Behaviour = Box::new(|_| Reply::Status(200, "ok".to_owned()));
        let receiver = Self { address, got: Arc::default(), behaviour: Arc::new(Mutex::new(taking)) };
        let routes = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// From now on it behaves so.
    pub fn does(&self, behaviour: impl Fn(&Received) -> Reply + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    /// From now on it answers with this status.
    pub fn answers(&self, status: u16, text: &str) {
        let text = text.to_owned();
        self.does(move |_| Reply::Status(status, text.clone()));
    }

    /// What came so far, in its order; it is forgotten.
    pub fn taken(&self) -> Vec<Received> {
        std::mem::take(&mut self.got.lock().unwrap())
    }

    /// The types of what came so far, in its order.
    pub fn types(&self) -> Vec<String> {
        self.taken().iter().map(|received| received.body["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(method, Method::POST);
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap();
    let received = Received { path: uri.path().to_owned(), headers, text, body };
    receiver.got.lock().unwrap().push(received.clone());
    let reply = (receiver.behaviour.lock().unwrap())(&received);
    match reply {
        Reply::Status(status, text) => (StatusCode::from_u16(status).unwrap(), text).into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Reply::After(pause) => {
            tokio::time::sleep(pause).await;
            StatusCode::OK.into_response()
        }
        Reply::Never => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::OK.into_response()
        }
    }
}
