//! From the event feed to one message for each endpoint that is told: each event once, in whichever process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::id::OrganizationId;
use domain::webhook::{Happened, Message, WebhookEndpoint, messages};
use store::Tx;
use store::consumers::Behind;
use store::outbox::FeedEvent;
use store::webhooks::NewDelivery;
use tokio_util::sync::CancellationToken;

use crate::app::{App, AppError};

/// The name under which the feed remembers how far this is.
pub const CONSUMER: &str = "webhooks";
/// How many events are read at a time.
const EVENTS: u64 = 500;
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
        let turn = app.store.write("webhooks_fan_out", |tx| async move { turn(&tx).await });
        let (some, whole) = turn.await?;
        made = made.saturating_add(some);
        if some > 0 {
            app.webhooks_due.notify_one();
        }
        if !whole {
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

/// One turn: answers how many messages it made, and whether there may be more events.
async fn turn(tx: &Tx) -> Result<(u64, bool), AppError> {
    let Some(turn) = tx.feed_turn(CONSUMER, EVENTS).await? else { return Ok((0, false)) };
    let moved: BTreeSet<OrganizationId> =
        turn.events.iter().filter(|event| event.topic == "wallet.changed").map(|event| event.subject_id.into()).collect();
    tx.wallet_alerts_check(&moved.into_iter().collect::<Vec<_>>()).await?;
    let made = tx.webhook_deliveries_insert(told(tx, &turn.events).await?).await?;
    tx.feed_turn_end(&turn).await?;
    Ok((made, turn.whole))
}

async fn told(tx: &Tx, events: &[FeedEvent]) -> Result<Vec<NewDelivery>, AppError> {
    let message = |event: &FeedEvent| {
        let FeedEvent { topic, subject_id, audience, payload, .. } = event;
        messages(&Happened { topic, subject: *subject_id, audience, payload })
    };
    let said: Vec<(&FeedEvent, Vec<Message>)> = events.iter().map(|event| (event, message(event))).collect();
    let whom: BTreeSet<OrganizationId> = said.iter().flat_map(|(_, messages)| messages).map(|message| message.to).collect();
    let mut endpoints: BTreeMap<OrganizationId, Vec<WebhookEndpoint>> = BTreeMap::new();
    for endpoint in tx.webhook_endpoints_live(&whom.into_iter().collect::<Vec<_>>()).await? {
        endpoints.entry(endpoint.organization).or_default().push(endpoint);
    }
    let mut rows = Vec::new();
    for (event, messages) in said {
        for message in messages {
            let own = endpoints.get(&message.to).map(Vec::as_slice).unwrap_or_default();
            let wants = |endpoint: &&WebhookEndpoint| {
                endpoint.subscription.covers(message.event_type)
                    && endpoint.created_at <= event.created_at
                    && message.object != endpoint.id.to_string()
            };
            rows.extend(own.iter().filter(wants).map(|endpoint| NewDelivery {
                id: tx.id(),
                endpoint: endpoint.id,
                organization: message.to,
                event_seq: Some(event.position.seq),
                event_type: message.event_type,
                object: message.object.clone(),
                sequence: event.position.seq,
                data: message.data.clone(),
                occurred_at: event.created_at,
            }));
        }
    }
    Ok(rows)
}
