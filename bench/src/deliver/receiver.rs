//! The endpoints of the measurement: one server that answers on some paths and never on others.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::time::Timestamp;
use serde::Deserialize;

use crate::Failure;

/// How long each message took to come, in milliseconds.
type Taken = Arc<Mutex<Vec<f64>>>;

pub(super) struct Receiver {
    address: String,
    taken: Taken,
}

#[derive(Deserialize)]
struct Message {
    timestamp: DateTime<Utc>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let taken = Taken::default();
        let hangs = || std::future::pending::<StatusCode>();
        let routes = Router::new()
            .route("/well/{number}", post(take))
            .route("/hanging/{number}", post(hangs))
            .with_state(Arc::clone(&taken));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address: format!("http://{address}"), taken })
    }

    /// Where messages are answered.
    pub(super) fn well(&self) -> String {
        format!("{}/well", self.address)
    }

    /// Where they never are.
    pub(super) fn hanging(&self) -> String {
        format!("{}/hanging", self.address)
    }

    /// How many messages came.
    pub(super) fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How long each took to come, in milliseconds; it is forgotten.
    pub(super) fn taken(&self) -> Vec<f64> {
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn take(State(taken): State<Taken>, body: Bytes) -> StatusCode {
    let Ok(message) = serde_json::from_slice::<Message>(&body) else { return StatusCode::BAD_REQUEST };
    let millis = now().signed_duration_since(message.timestamp).as_seconds_f64() * 1_000.0;
    taken.lock().unwrap_or_else(PoisonError::into_inner).push(millis);
    StatusCode::OK
}

fn now() -> Timestamp {
    api::ports::Clock::now(&api::ports::SystemClock)
}
