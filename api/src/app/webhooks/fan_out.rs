//! From the event feed to one message for each endpoint that is told: each event once, in whichever process.
//!
//! A message that waits for nothing is handed to the sender of the same process, if that has a place for it; the rest is taken from the
//! database by whoever sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::id::{OrganizationId, WebhookEndpointId};
use domain::time::plus_secs;
use domain::webhook::{Happened, Message, WebhookEndpoint, messages};
use store::Tx;
use store::consumers::Behind;
use store::outbox::FeedEvent;
use store::webhooks::{Leased, NewDelivery, Target, Thread};
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, Reserved};
use crate::app::{App, AppError};

/// The name under which the feed remembers how far this is.
pub const CONSUMER: &str = "webhooks";
/// How many events are read at a time.
const EVENTS: usize = 500;
/// How many when the sender has no place for more.
const EVENTS_MIN: usize = 100;
/// How long it is waited for half of so many places, or of all where they are fewer: a message that is handed over is not taken from the
/// database, and taking costs as much as sending.
const PATIENCE: Duration = Duration::from_millis(100);
/// How soon it is looked again at what an older transaction holds back.
const HELD: Duration = Duration::from_millis(50);
/// How long commits that come one after another are waited for, so that one look answers them all.
const GATHERING: Duration = Duration::from_millis(5);

/// Begins to follow the feed, if nobody did.
pub async fn webhooks_begin(app: &App) -> Result<(), AppError> {
    app.store.write("webhooks_begin", |tx| async move { Ok::<_, AppError>(tx.feed_consumer_make(CONSUMER).await?) }).await
}

/// Makes messages of the events that nobody has looked at yet; answers how many.
pub async fn webhooks_fan_out(app: &App) -> Result<u64, AppError> {
    let mut made = 0_u64;
    loop {
        let desk = app.webhook_desks.current();
        let half = app.config.webhooks.in_flight_max.min(EVENTS) / 2;
        let events = match &desk {
            Some(desk) => desk.room(half, PATIENCE).await.clamp(EVENTS_MIN, EVENTS),
            None => EVENTS,
        };
        let (desk, events) = (desk.as_ref(), u64::try_from(events).unwrap_or(u64::MAX));
        let done = app.store.write("webhooks_fan_out", |tx| async move { turn(&tx, desk, events).await }).await?;
        made = made.saturating_add(done.messages);
        match done.handing {
            Some(handing) => handing.end(),
            None if done.messages > 0 => app.webhooks_due.notify_one(),
            None => {}
        }
        if !done.whole {
            return Ok(made);
        }
    }
}

/// Makes messages as events come, until `stop`.
pub async fn webhooks_follow(app: Arc<App>, stop: CancellationToken) {
    let pause = Duration::from_millis(app.config.workers.poll_millis);
    let mut wake = app.store.wake().await;
    while !stop.is_cancelled() {
        // Looking is a read: a pass that finds nothing would wake itself by its own commit.
        let looked = app.store.feed_consumer_look(CONSUMER).await;
        let done = match &looked {
            Ok(Behind::Nothing | Behind::Held) => Ok(0),
            Ok(Behind::Events) => webhooks_fan_out(&app).await,
            Err(error) => Err(error.clone().into()),
        };
        let pause = if matches!(looked, Ok(Behind::Held)) { pause.min(HELD) } else { pause };
        if let Err(error) = done {
            metrics::counter!("worker_failures", "worker" => "webhooks").increment(1);
            tracing::error!(%error, "events could not be made messages of");
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        stop.run_until_cancelled(async {
            wake.next(pause).await;
            tokio::time::sleep(GATHERING).await;
        })
        .await;
    }
}

/// What a turn did.
struct Done {
    messages: u64,
    /// Whether there may be more events.
    whole: bool,
    handing: Option<Handing>,
}

/// Messages that are the sender's when the transaction is over, and where others wait to be taken.
struct Handing {
    reserved: Reserved,
    leased: Vec<Leased>,
    targets: Vec<Target>,
    left: BTreeSet<WebhookEndpointId>,
}

async fn turn(tx: &Tx, desk: Option<&Arc<Desk>>, events: u64) -> Result<Done, AppError> {
    let Some(turn) = tx.feed_turn(CONSUMER, events).await? else { return Ok(Done { messages: 0, whole: false, handing: None }) };
    let moved: BTreeSet<OrganizationId> =
        turn.events.iter().filter(|event| event.topic == "wallet.changed").map(|event| event.subject_id.into()).collect();
    tx.wallet_alerts_check(&moved.into_iter().collect::<Vec<_>>()).await?;
    let (mut rows, endpoints) = told(tx, &turn.events).await?;
    let reserved = match desk {
        Some(desk) => Some(reserve(tx, desk, &mut rows, &endpoints).await?),
        None => None,
    };
    tx.webhook_deliveries_insert(&rows).await?;
    tx.feed_turn_end(&turn).await?;
    let messages = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(Done { messages, whole: turn.whole, handing: reserved.map(|reserved| Handing::new(reserved, rows, endpoints)) })
}

/// Leases the messages for which the sender has a place and before which nothing waits: of each object the first.
async fn reserve(
    tx: &Tx,
    desk: &Arc<Desk>,
    rows: &mut [NewDelivery],
    endpoints: &[WebhookEndpoint],
) -> Result<Reserved, AppError> {
    let mut reserved = desk.reserve();
    let paused = endpoints.iter().filter(|endpoint| endpoint.breaker.pause.is_some()).map(|endpoint| endpoint.id);
    let paused: BTreeSet<WebhookEndpointId> = paused.collect();
    let mut seen = BTreeSet::new();
    let firsts = rows.iter_mut().filter_map(|row| {
        let thread = Thread { endpoint: row.endpoint, object: row.object.clone() };
        seen.insert(thread.clone()).then_some((thread, row))
    });
    let mut takes = |endpoint| !paused.contains(&endpoint) && reserved.take(endpoint);
    let firsts: Vec<(Thread, &mut NewDelivery)> = firsts.filter(|(thread, _)| takes(thread.endpoint)).collect();
    let threads: Vec<Thread> = firsts.iter().map(|(thread, _)| thread.clone()).collect();
    let blocked = tx.webhook_threads_blocked(&threads).await?;
    let until = plus_secs(tx.now().await?, desk.secs());
    for (thread, row) in firsts {
        if blocked.contains(&thread) {
            reserved.give_back(thread.endpoint);
        } else {
            row.leased_until = Some(until);
        }
    }
    Ok(reserved)
}

impl Handing {
    fn new(reserved: Reserved, rows: Vec<NewDelivery>, endpoints: Vec<WebhookEndpoint>) -> Self {
        let (leased, left): (Vec<NewDelivery>, Vec<NewDelivery>) = rows.into_iter().partition(|row| row.leased_until.is_some());
        let to: BTreeSet<WebhookEndpointId> = leased.iter().map(|row| row.endpoint).collect();
        let targets = endpoints.into_iter().filter(|endpoint| to.contains(&endpoint.id)).map(|endpoint| Target {
            endpoint: endpoint.id,
            url: endpoint.url,
            include_contact: endpoint.include_contact,
            version: endpoint.version,
        });
        let targets = targets.collect();
        let leased = leased.into_iter().map(NewDelivery::into_leased).collect();
        Self { reserved, leased, targets, left: left.iter().map(|row| row.endpoint).collect() }
    }

    fn end(self) {
        self.reserved.hand_over(self.leased, self.targets, self.left);
    }
}

/// The messages that `events` are, and the endpoints that get messages of those whom they concern.
async fn told(tx: &Tx, events: &[FeedEvent]) -> Result<(Vec<NewDelivery>, Vec<WebhookEndpoint>), AppError> {
    let message = |event: &FeedEvent| {
        let FeedEvent { topic, subject_id, audience, payload, .. } = event;
        messages(&Happened { topic, subject: *subject_id, audience, payload })
    };
    let said: Vec<(&FeedEvent, Vec<Message>)> = events.iter().map(|event| (event, message(event))).collect();
    let whom: BTreeSet<OrganizationId> = said.iter().flat_map(|(_, messages)| messages).map(|message| message.to).collect();
    let endpoints = tx.webhook_endpoints_live(&whom.into_iter().collect::<Vec<_>>()).await?;
    let mut own: BTreeMap<OrganizationId, Vec<&WebhookEndpoint>> = BTreeMap::new();
    for endpoint in &endpoints {
        own.entry(endpoint.organization).or_default().push(endpoint);
    }
    let mut rows = Vec::new();
    for (event, messages) in said {
        for message in messages {
            let own = own.get(&message.to).map(Vec::as_slice).unwrap_or_default();
            let wants = |endpoint: &&&WebhookEndpoint| {
                endpoint.subscription.covers(message.event_type)
                    && endpoint.created_at <= event.created_at
                    && message.object != endpoint.id.to_string()
            };
            rows.extend(own.iter().filter(wants).map(|endpoint| NewDelivery {
                id: tx.id(),
                endpoint: endpoint.id,
                organization: message.to,
                event_type: message.event_type,
                object: message.object.clone(),
                sequence: event.position.seq,
                data: message.data.clone(),
                occurred_at: event.created_at,
                leased_until: None,
            }));
        }
    }
    Ok((rows, endpoints))
}
