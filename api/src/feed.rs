//! Following the event feed: one reader per process, however many subscribers.
//!
//! The reader runs while somebody subscribes. It looks when this or another process commits, and every so often besides. A
//! subscriber that falls too far behind is told so and let go, rather than kept in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::Stream;
use store::outbox::{FeedEvent, Position};
use store::{Store, StoreError};
use tokio::sync::{Mutex, mpsc};

/// How many events wait for one subscriber.
const WAITING: usize = 256;
/// How many events are read at a time.
const BATCH: u64 = 500;

type Wanted = Box<dyn Fn(&FeedEvent) -> bool + Send + Sync>;

/// The feed of one process.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where the reader stands; `None` while there is none.
    reading: Option<Position>,
    subscribers: Vec<Subscriber>,
}

struct Subscriber {
    wanted: Wanted,
    sender: mpsc::Sender<Arc<FeedEvent>>,
    lagged: Arc<AtomicBool>,
}

/// The events of one subscriber, from where it subscribed on.
#[derive(Debug)]
pub struct Subscribed {
    /// Where the feed stood: everything after this comes.
    pub since: Position,
    receiver: mpsc::Receiver<Arc<FeedEvent>>,
    lagged: Arc<AtomicBool>,
}

/// The subscriber read more slowly than the events came, and has missed some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the subscriber has fallen too far behind")]
pub struct Lagged;

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed")
    }
}

impl Feed {
    /// The feed of `store`, looked at at least every `pause`.
    #[must_use]
    pub fn new(store: Store, pause: Duration) -> Self {
        Self(Arc::new(Inner { store, pause, state: Mutex::default() }))
    }

    /// Every event from now on that is `wanted`. What was committed before this returns may be read as state; nothing after it is
    /// missed.
    pub async fn subscribe(&self, wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static) -> Result<Subscribed, StoreError> {
        let mut state = self.0.state.lock().await;
        let since = match state.reading {
            Some(position) => position,
            None => {
                let position = self.0.store.feed_end().await?;
                state.reading = Some(position);
                tokio::spawn(Arc::clone(&self.0).read(position));
                position
            }
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        let lagged = Arc::new(AtomicBool::new(false));
        state.subscribers.push(Subscriber { wanted: Box::new(wanted), sender, lagged: Arc::clone(&lagged) });
        Ok(Subscribed { since, receiver, lagged })
    }
}

impl Inner {
    async fn read(self: Arc<Self>, mut position: Position) {
        let mut wake = self.store.wake().await;
        loop {
            let events = self.store.events_after(position, BATCH).await.unwrap_or_else(|error| {
                tracing::error!(%error, "the event feed cannot be read");
                Vec::new()
            });
            let whole_batch = u64::try_from(events.len()).is_ok_and(|read| read == BATCH);
            let mut state = self.state.lock().await;
            for event in events {
                position = event.position;
                state.deliver(&Arc::new(event));
            }
            state.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
            if state.subscribers.is_empty() {
                state.reading = None;
                return;
            }
            state.reading = Some(position);
            drop(state);
            if !whole_batch {
                wake.next(self.pause).await;
            }
        }
    }
}

impl State {
    fn deliver(&mut self, event: &Arc<FeedEvent>) {
        self.subscribers.retain(|subscriber| {
            if !(subscriber.wanted)(event) {
                return true;
            }
            match subscriber.sender.try_send(Arc::clone(event)) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    subscriber.lagged.store(true, Ordering::Release);
                    false
                }
            }
        });
    }
}

impl Subscribed {
    /// The next event; `None` when the feed is no more.
    pub async fn next(&mut self) -> Option<Result<Arc<FeedEvent>, Lagged>> {
        match self.receiver.recv().await {
            Some(event) => Some(Ok(event)),
            None => self.lagged.swap(false, Ordering::AcqRel).then_some(Err(Lagged)),
        }
    }

    /// The last of the events that wait already, if any: for those whom only the newest state concerns.
    pub fn newest_waiting(&mut self) -> Option<Arc<FeedEvent>> {
        let mut newest = None;
        while let Ok(event) = self.receiver.try_recv() {
            newest = Some(event);
        }
        newest
    }

    /// As a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Arc<FeedEvent>, Lagged>> + Send {
        futures::stream::unfold(self, |mut subscribed| async move {
            let event = subscribed.next().await?;
            Some((event, subscribed))
        })
    }
}
