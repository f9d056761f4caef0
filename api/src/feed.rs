//! Following the event feed: one reader per process, however many subscribers.
//!
//! The reader runs while somebody subscribes. It looks when this or another process commits, and every so often besides. Who
//! needs every event has a queue, and is told so and let go when it falls too far behind; who needs to know only that something
//! happened has room for the newest event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::outbox::{FeedEvent, Position};
use store::{Store, StoreError};
use tokio::sync::{Mutex, mpsc, watch};

/// How many events wait for one subscriber.
const WAITING: usize = 256;
/// How many events are read at a time.
const BATCH: u64 = 500;
/// How soon the reader looks again at what an older transaction holds back: nobody tells it when that ends.
const HELD: Duration = Duration::from_millis(50);

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
    room: Room,
}

/// Where a subscriber's events wait.
enum Room {
    Queue { sender: mpsc::Sender<Arc<FeedEvent>>, lagged: Arc<AtomicBool> },
    Newest(watch::Sender<Option<Arc<FeedEvent>>>),
}

/// The events of one subscriber, from where it subscribed on.
#[derive(Debug)]
pub struct Subscribed {
    /// Where the feed stood: everything after this comes.
    pub since: Position,
    receiver: mpsc::Receiver<Arc<FeedEvent>>,
    lagged: Arc<AtomicBool>,
}

/// The newest event of one subscriber, from where it subscribed on.
#[derive(Debug)]
pub struct Watched {
    /// Where the feed stood: the newest of what comes after this is seen.
    pub since: Position,
    receiver: watch::Receiver<Option<Arc<FeedEvent>>>,
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
        let (sender, receiver) = mpsc::channel(WAITING);
        let lagged = Arc::new(AtomicBool::new(false));
        let since = self.enter(Box::new(wanted), Room::Queue { sender, lagged: Arc::clone(&lagged) }).await?;
        Ok(Subscribed { since, receiver, lagged })
    }

    /// The newest event from now on that is `wanted`: those that it comes after before it is looked at are not seen.
    pub async fn watch(&self, wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static) -> Result<Watched, StoreError> {
        let (sender, receiver) = watch::channel(None);
        let since = self.enter(Box::new(wanted), Room::Newest(sender)).await?;
        Ok(Watched { since, receiver })
    }

    /// Where the feed ends for a reader that looks now. The reader of this process may be behind it, and that of another process,
    /// which a subscriber followed before, ahead of this one.
    pub async fn end(&self) -> Result<Position, StoreError> {
        self.0.store.feed_end().await
    }

    async fn enter(&self, wanted: Wanted, room: Room) -> Result<Position, StoreError> {
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
        state.subscribers.push(Subscriber { wanted, room });
        Ok(since)
    }
}

impl Inner {
    async fn read(self: Arc<Self>, mut position: Position) {
        let mut wake = self.store.wake().await;
        loop {
            let (mut whole, mut pause) = (false, self.pause);
            let mut state = match self.store.feed_read(position, BATCH).await {
                Ok(read) => {
                    self.measure(read.events.last());
                    let mut state = self.state.lock().await;
                    for event in read.events {
                        state.deliver(&Arc::new(event));
                    }
                    (position, whole) = (read.end, read.whole);
                    if !read.ahead.is_empty() {
                        pause = pause.min(HELD);
                    }
                    state
                }
                Err(error) => {
                    tracing::error!(%error, "the event feed cannot be read");
                    self.state.lock().await
                }
            };
            state.subscribers.retain(|subscriber| !subscriber.room.is_left());
            if state.subscribers.is_empty() {
                state.reading = None;
                return;
            }
            state.reading = Some(position);
            drop(state);
            if !whole {
                wake.next(pause).await;
            }
        }
    }

    /// How old the newest event is that was read just now: a feed that keeps up is seconds behind at most.
    fn measure(&self, newest: Option<&FeedEvent>) {
        let lag = newest.and_then(|event| self.store.now().signed_duration_since(event.created_at).to_std().ok());
        metrics::gauge!("clearlead_feed_lag_seconds").set(lag.unwrap_or_default().as_secs_f64());
    }
}

impl State {
    fn deliver(&mut self, event: &Arc<FeedEvent>) {
        self.subscribers.retain(|subscriber| !(subscriber.wanted)(event) || subscriber.room.take(event));
    }
}

impl Room {
    /// Puts the event there; answers whether the subscriber stays.
    fn take(&self, event: &Arc<FeedEvent>) -> bool {
        match self {
            Self::Newest(sender) => sender.send(Some(Arc::clone(event))).is_ok(),
            Self::Queue { sender, lagged } => match sender.try_send(Arc::clone(event)) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    lagged.store(true, Ordering::Release);
                    false
                }
            },
        }
    }

    fn is_left(&self) -> bool {
        match self {
            Self::Newest(sender) => sender.is_closed(),
            Self::Queue { sender, .. } => sender.is_closed(),
        }
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
}

impl Watched {
    /// The newest event that was not seen yet; `None` when the feed is no more.
    pub async fn next(&mut self) -> Option<Arc<FeedEvent>> {
        self.receiver.changed().await.ok()?;
        self.receiver.borrow_and_update().clone()
    }
}
