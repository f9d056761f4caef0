//! One attempt to deliver a message: the body, the signatures, the answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{SecondsFormat, TimeDelta};
use domain::id::{TradeId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook::{EventType, WebhookAttemptOutcome, retry_millis};
use serde_json::json;
use store::held::Held;
use store::webhooks::{Attempted, Leased, Target};
use tokio::sync::mpsc;

use super::contact::{contact_arrived, contact_of};
use super::sign::Signer;
use crate::app::under_way::watched;
use crate::app::{App, AppError};
use crate::ports::{Posted, WebhookAnswer};

/// What a sender hears: from its attempts, and of new messages.
#[derive(Debug)]
pub(super) enum News {
    /// Messages under a lease, with a place reserved for each, and where they go.
    Handed(Vec<Leased>, Vec<Target>),
    /// There are messages to these endpoints that nobody has taken.
    Left(BTreeSet<WebhookEndpointId>),
    /// It takes long.
    Slow(WebhookEndpointId, Held<WebhookDeliveryId>),
    /// It is over.
    Over {
        /// Where to.
        endpoint: WebhookEndpointId,
        /// What.
        held: Held<WebhookDeliveryId>,
        /// Whether it was slow.
        slow: bool,
        /// What it came to; nothing when the exchange itself failed: the message is taken again when its lease has run out.
        attempted: Option<Attempted>,
    },
}

/// What an attempt needs.
pub(super) struct Sending {
    pub(super) app: Arc<App>,
    pub(super) leased: Leased,
    pub(super) target: Arc<Target>,
    pub(super) signer: Arc<Signer>,
    pub(super) tell: mpsc::UnboundedSender<News>,
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sending({})", self.leased.id)
    }
}

/// Sends a message once, within the deadline, and tells what came of it.
pub(super) async fn attempt(sending: Sending) {
    let Sending { app, leased, target, signer, tell } = sending;
    let settings = &app.config.webhooks;
    let deadline = Duration::from_secs(settings.timeout_secs.into());
    let (endpoint, held) = (leased.endpoint, Held { id: leased.id, number: leased.attempt });
    let (began_at, started) = (app.now(), Instant::now());
    // Whoever sends has gone when nobody hears: the process ends.
    let is_slow = || tell.send(News::Slow(endpoint, held)).unwrap_or_default();
    // Boxed: it is moved from hand to hand before it begins.
    let posting = Box::pin(post(&app, &leased, &target, &signer, deadline));
    let (slow, posted) = watched(settings.slow_millis, posting, is_slow).await;
    let attempted = match posted {
        Ok(came) => {
            let millis = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            Some(attempted(&app, &leased, came, began_at, millis))
        }
        Err(error) => {
            tracing::error!(message = %leased.id, %error, "a message could not be sent");
            None
        }
    };
    if let Some(attempted) = &attempted {
        metrics::counter!("clearlead_webhook_attempts", "outcome" => attempted.outcome.as_str()).increment(1);
        metrics::histogram!("clearlead_webhook_seconds").record(started.elapsed().as_secs_f64());
    }
    tell.send(News::Over { endpoint, held, slow, attempted }).unwrap_or_default();
}

/// What an attempt came to; `None` when no answer came in time.
struct Came {
    answer: Option<WebhookAnswer>,
    /// Whether the message told who a person is.
    personal: bool,
}

async fn post(app: &App, leased: &Leased, target: &Target, signer: &Signer, deadline: Duration) -> Result<Came, AppError> {
    let mut data = leased.data.clone();
    let trade: Option<TradeId> =
        if leased.event_type == EventType::LeadDelivered && target.include_contact { leased.object.parse().ok() } else { None };
    let mut personal = false;
    if let Some(trade) = trade {
        let contact = Box::pin(contact_of(app, trade, leased.organization)).await?;
        personal = !contact.is_null();
        if let Some(data) = data.as_object_mut() {
            data.insert("contact".to_owned(), contact);
        }
    }
    let body = json!({
        "type": leased.event_type.as_str(),
        "timestamp": leased.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "object": leased.object,
        "sequence": leased.sequence,
        "data": data,
    });
    let body = Bytes::from(body.to_string());
    let (id, now) = (leased.id.to_string(), app.now());
    let signature = signer.sign(&id, now, &body)?;
    let message = Posted { url: target.url.clone(), id, timestamp: now.timestamp(), signature, body };
    let answer = tokio::time::timeout(deadline, app.webhooks.post(message)).await.ok();
    let arrived = matches!(answer, Some(WebhookAnswer::Answered { status, .. }) if is_success(status));
    if let (true, true, Some(trade)) = (arrived, personal, trade) {
        Box::pin(contact_arrived(app, trade)).await?;
    }
    Ok(Came { answer, personal })
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

fn attempted(app: &App, leased: &Leased, came: Came, began_at: Timestamp, millis: i64) -> Attempted {
    let (outcome, status, beginning) = match came.answer {
        Some(WebhookAnswer::Answered { status, beginning }) if is_success(status) => {
            (WebhookAttemptOutcome::Delivered, Some(status), Some(beginning))
        }
        Some(WebhookAnswer::Answered { status, beginning }) => (WebhookAttemptOutcome::Refused, Some(status), Some(beginning)),
        Some(WebhookAnswer::NotReached) => (WebhookAttemptOutcome::NotReached, None, None),
        Some(WebhookAnswer::NotAllowed) => (WebhookAttemptOutcome::NotAllowed, None, None),
        None => (WebhookAttemptOutcome::TimedOut, None, None),
    };
    // An answer may repeat what it was told.
    let answer = beginning.filter(|_| !came.personal).map(|bytes| shown(&bytes));
    let again_at = match (outcome, status) {
        (WebhookAttemptOutcome::Delivered, _) | (_, Some(410)) => None,
        _ => retry_millis(leased.tries, random(app))
            .and_then(|millis| TimeDelta::try_milliseconds(millis).and_then(|pause| app.now().checked_add_signed(pause))),
    };
    Attempted {
        delivery: leased.id,
        attempt: leased.attempt,
        endpoint: leased.endpoint,
        outcome,
        status: status.map(i64::from),
        millis,
        answer,
        began_at,
        again_at,
    }
}

fn random(app: &App) -> u64 {
    let mut bytes = [0; 8];
    app.entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The beginning of an answer as text, without what would disturb whoever reads it.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shown_without_control_characters() {
        assert_eq!(shown(b"no\0 \x1b[31mred\r\n\xff"), "no [31mred\u{fffd}");
    }
}
