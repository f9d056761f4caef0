//! A local server in the place of a system: it keeps what it is sent, and answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The fields of a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", self.body)).unwrap();
        url.query_pairs().into_owned().collect()
    }
}

/// An answer; one without a status never comes.
#[derive(Debug, Clone)]
pub struct Reply(pub u16, pub Value, pub Vec<(&'static str, &'static str)>);

pub fn reply(status: u16, body: Value) -> Reply {
    Reply(status, body, Vec::new())
}

/// An answer that never comes.
pub fn silence() -> Reply {
    reply(0, Value::Null)
}

type Answers = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A running server.
#[derive(Clone)]
pub struct Vendor {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<Arc<Answers>>>,
    thinks: Arc<Mutex<Duration>>,
}

impl Vendor {
    /// One that answers with `answers`, which is told the request and how many came before it.
    pub async fn start(answers: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Answers> = Arc::new(answers);
        let vendor = Self { url, seen: Arc::default(), answers: Arc::new(Mutex::new(answers)), thinks: Arc::default() };
        let routes = Router::new().fallback(take).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        vendor
    }

    /// Answers otherwise from now on, and counts anew.
    pub fn now(&self, answers: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) {
        self.seen.lock().unwrap().clear();
        *self.answers.lock().unwrap() = Arc::new(answers);
    }

    /// Takes so long for each answer from now on.
    pub fn thinks(&self, time: Duration) {
        *self.thinks.lock().unwrap() = time;
    }

    /// What came so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn take(State(vendor): State<Vendor>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let answers = vendor.answers.lock().unwrap().clone();
    let before = {
        let mut all = vendor.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    let Reply(status, body, headers) = answers(&seen, before);
    let thinks = *vendor.thinks.lock().unwrap();
    tokio::time::sleep(thinks).await;
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let text = match body {
        Value::String(text) => text,
        body => body.to_string(),
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
