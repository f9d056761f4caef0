//! Publishing the event feed to a stream (NATS JetStream), so that an organization consumes it on an engine of its own.
//!
//! It is a consumer of the feed with a position in the database. One process at a time publishes, under a lease; events are published
//! outside of any transaction and the position moves behind their acknowledgement, so that each comes at least once. While the stream
//! cannot be reached, nothing else suffers: the events wait in the feed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use domain::cloud_event::Placed;
use domain::webhook::Happened;
use store::leased::FeedBacklog;
use store::outbox::FeedEvent;
use uuid::Uuid;

use super::under_lease::under_lease;
use super::{App, AppError};
use crate::config::Config;
use crate::ports::{EventStream, NatsStream, StreamMessage};

/// The consumer of the feed.
const CONSUMER: &str = "nats";
/// How long nothing is published after the stream could not be reached, in seconds.
const PAUSE_SECS: i64 = 5;
/// Batches of one pass.
const BATCHES_MAX: u64 = 100;

/// Where this process publishes events.
pub struct Publisher {
    stream: Box<dyn EventStream>,
    /// Names the process where it holds the lease.
    owner: OnceLock<Uuid>,
    /// Until when nothing is tried, in seconds since the epoch.
    quiet_until: AtomicI64,
}

impl Publisher {
    /// As the settings say; `None` when events are published nowhere.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        config.nats.is_set().then(|| Self::to(Box::new(NatsStream::new(config.nats.clone()))))
    }

    /// To another stream than that of the settings.
    #[must_use]
    pub fn to(stream: Box<dyn EventStream>) -> Self {
        Self { stream, owner: OnceLock::new(), quiet_until: AtomicI64::new(0) }
    }

    fn owner(&self, app: &App) -> Uuid {
        *self.owner.get_or_init(|| app.entropy.uuid(app.now()))
    }
}

/// Begins to publish: everything that happens from now on, unless it was begun before. Nothing when events are published nowhere.
pub async fn events_publish_begin(app: &App) -> Result<(), AppError> {
    match app.publisher {
        Some(_) => Ok(app.store.feed_consumer_open(CONSUMER).await?),
        None => Ok(()),
    }
}

/// Publishes what has happened since the last time; answers how many events. Another process that is at it is left alone.
pub async fn events_publish(app: &App) -> Result<u64, AppError> {
    let Some(publisher) = &app.publisher else { return Ok(0) };
    if app.now().timestamp() < publisher.quiet_until.load(Ordering::Relaxed) {
        return Ok(0);
    }
    let owner = publisher.owner(app);
    let mut published = 0_u64;
    for _ in 0..BATCHES_MAX {
        let Some((begin, _)) = app.store.feed_consumer(CONSUMER).await? else { break };
        if app.store.feed_read(begin, 1).await?.end == begin {
            break;
        }
        let Some(turn) = app.store.feed_lease(CONSUMER, owner, app.config.workers.lease_secs, app.config.nats.batch).await?
        else {
            break;
        };
        let messages = turn.events.iter().map(|event| message(app, event)).collect::<Result<Vec<_>, _>>()?;
        let count = u64::try_from(messages.len()).unwrap_or_default();
        let lease_secs = app.config.workers.lease_secs;
        let renew = || async { Ok(app.store.feed_lease_renew(CONSUMER, owner, lease_secs).await?) };
        if let Err(error) = under_lease(lease_secs, renew, publisher.stream.publish(messages)).await {
            publisher.quiet_until.store(app.now().timestamp().saturating_add(PAUSE_SECS), Ordering::Relaxed);
            // Another process may reach it.
            app.store.feed_lease_end(CONSUMER, owner).await?;
            return Err(AppError::internal(error));
        }
        if !app.store.feed_lease_done(&turn, owner).await? {
            break;
        }
        published = published.saturating_add(count);
        metrics::counter!("clearlead_stream_published").increment(count);
        if !turn.whole {
            break;
        }
    }
    Ok(published)
}

/// Leaves the publishing to another process at once: this one stops.
pub async fn events_publish_end(app: &App) -> Result<(), AppError> {
    match &app.publisher {
        Some(publisher) => Ok(app.store.feed_lease_end(CONSUMER, publisher.owner(app)).await?),
        None => Ok(()),
    }
}

/// What waits to be published; `None` when events are published nowhere.
pub async fn events_waiting(app: &App) -> Result<Option<FeedBacklog>, AppError> {
    match app.publisher {
        Some(_) => Ok(Some(app.store.feed_backlog(CONSUMER).await?)),
        None => Ok(None),
    }
}

fn message(app: &App, event: &FeedEvent) -> Result<StreamMessage, AppError> {
    let happened =
        Happened { topic: &event.topic, subject: event.subject_id, audience: &event.audience, payload: &event.payload };
    let placed =
        Placed { happened, transaction_id: event.position.transaction_id, seq: event.position.seq, at: event.created_at };
    let body = serde_json::to_vec(&placed.cloud_event(&app.config.server.public_url)).map_err(AppError::internal)?;
    let subject = format!("{}.{}", app.config.nats.subject_prefix, placed.event_type());
    Ok(StreamMessage { subject, id: placed.id(), body: Bytes::from(body) })
}
