//! Publishing events to a stream on which integrators consume them.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, StorageType};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use crate::config;

/// How long a stream that is made knows the ids of its messages, and so takes none twice: longer than a publisher is usually away.
const DUPLICATES_KNOWN: Duration = Duration::from_secs(3_600);

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMessage {
    /// Where subscribers find it.
    pub subject: String,
    /// Its id: the stream takes it once.
    pub id: String,
    /// The event as JSON.
    pub body: Bytes,
}

/// Why events were not taken, without what was in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The server is not there.
    #[error("NATS cannot be reached")]
    NotReached,
    /// There is no stream that takes them, and none can be made.
    #[error("there is no stream for the events: {0}")]
    NoStream(String),
    /// Not all were acknowledged.
    #[error("NATS has not acknowledged the events: {0}")]
    NotTaken(String),
    /// It took too long.
    #[error("NATS has not acknowledged the events in time")]
    TimedOut,
}

/// Takes events, each at least once and, by its id, usually once.
pub trait EventStream: Send + Sync {
    /// Publishes `messages` in order; Ok means that every one of them is kept.
    fn publish(&self, messages: Vec<StreamMessage>) -> BoxFuture<'_, Result<(), StreamError>>;
}

/// JetStream of a NATS server or cluster. It connects when there is something to publish, and again when the connection is lost.
pub struct NatsStream {
    settings: config::Nats,
    /// A connection whose stream is known to be there.
    open: Mutex<Option<Context>>,
}

impl NatsStream {
    /// Under the settings.
    #[must_use]
    pub fn new(settings: config::Nats) -> Self {
        Self { settings, open: Mutex::new(None) }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.settings.timeout_secs)
    }

    async fn connected(&self) -> Result<Context, StreamError> {
        let options = async_nats::ConnectOptions::new().name("clearlead").connection_timeout(self.patience());
        let servers: Vec<&str> = self.settings.url.expose_secret().split(',').map(str::trim).collect();
        // The error of the client quotes addresses, which may hold a password.
        let client = options.connect(servers).await.map_err(|_| StreamError::NotReached)?;
        let mut jetstream = async_nats::jetstream::new(client);
        jetstream.set_timeout(self.patience());
        let stream = Config {
            name: self.settings.stream.clone(),
            description: Some("Events of Clearlead as CloudEvents 1.0".to_owned()),
            subjects: vec![format!("{}.>", self.settings.subject_prefix)],
            max_age: Duration::from_secs(self.settings.max_age_secs),
            num_replicas: self.settings.replicas,
            duplicate_window: DUPLICATES_KNOWN.min(Duration::from_secs(self.settings.max_age_secs)),
            storage: StorageType::File,
            ..Config::default()
        };
        jetstream.get_or_create_stream(stream).await.map_err(|error| StreamError::NoStream(error.to_string()))?;
        Ok(jetstream)
    }

    async fn published(&self, messages: Vec<StreamMessage>) -> Result<(), StreamError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut open = self.open.lock().await;
        let jetstream = match open.take() {
            Some(jetstream) => jetstream,
            None => self.connected().await?,
        };
        let mut taken = Vec::with_capacity(messages.len());
        for StreamMessage { subject, id, body } in messages {
            let message = PublishMessage::build()
                .payload(body)
                .message_id(&id)
                .expected_stream(&self.settings.stream)
                .header("Content-Type", "application/cloudevents+json; charset=UTF-8");
            let sent = jetstream.send_publish(subject, message).await;
            taken.push(sent.map_err(|error| StreamError::NotTaken(error.to_string()))?.into_future());
        }
        try_join_all(taken).await.map_err(|error| StreamError::NotTaken(error.to_string()))?;
        // Only what works is kept: after a failure the next batch connects anew, and makes a stream that was removed.
        *open = Some(jetstream);
        Ok(())
    }
}

impl EventStream for NatsStream {
    fn publish(&self, messages: Vec<StreamMessage>) -> BoxFuture<'_, Result<(), StreamError>> {
        async move {
            let published = tokio::time::timeout(self.patience(), self.published(messages)).await;
            published.unwrap_or(Err(StreamError::TimedOut))
        }
        .boxed()
    }
}
