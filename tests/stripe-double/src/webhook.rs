//! What is to be delivered to webhook endpoints, in what order and how often, and how it is signed.

use std::collections::VecDeque;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Where events are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// An `http` address; the double speaks no TLS.
    pub url: String,
    /// What deliveries are signed with, `whsec_…` at Stripe.
    pub secret: String,
    /// Event types, where `*` at the end matches any rest; all if empty.
    #[serde(default)]
    pub enabled_events: Vec<String>,
}

/// How deliveries go astray, and how they are retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookBehavior {
    /// How many copies of each event are delivered beyond the first.
    pub duplicates: u32,
    /// Milliseconds of real time before each attempt.
    pub delay_millis: u64,
    /// Takes what waits in an order that follows from this seed, instead of the order of events.
    pub shuffle_seed: Option<u64>,
    /// Keeps events back until they are flushed.
    pub hold: bool,
    /// Attempts in all for each copy; Stripe makes them over three days.
    pub max_attempts: u32,
    /// Milliseconds of real time before the first retry; each further one waits twice as long.
    pub retry_base_millis: u64,
    /// Milliseconds of real time that an endpoint has to answer.
    pub timeout_millis: u64,
}

impl Default for WebhookBehavior {
    fn default() -> Self {
        Self {
            duplicates: 0,
            delay_millis: 0,
            shuffle_seed: None,
            hold: false,
            max_attempts: 5,
            retry_base_millis: 20,
            timeout_millis: 10_000,
        }
    }
}

/// The header `Stripe-Signature` for a payload: `t=…,v1=…`, an HMAC-SHA256 of `t.payload` in hexadecimal.
pub fn signature_header(payload: &str, secret: &str, timestamp: i64) -> String {
    // HMAC takes keys of any length, so there is no error to speak of.
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(format!("{timestamp}.{payload}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    format!("t={timestamp},v1={}", signature.unwrap_or_default())
}

/// One copy of an event on its way to one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    epoch: u64,
    pub(crate) event: String,
    pub(crate) event_type: String,
    pub(crate) payload: String,
    pub(crate) endpoint: WebhookEndpoint,
    pub(crate) copy: u32,
    /// Counts from 1.
    pub(crate) attempt: u32,
}

/// The endpoints, and the deliveries that wait.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) endpoints: Vec<WebhookEndpoint>,
    pub(crate) behavior: WebhookBehavior,
    queue: VecDeque<Delivery>,
    held: VecDeque<Delivery>,
    /// Deliveries that are neither held, nor done, nor given up.
    outstanding: usize,
    /// Counts resets, so that a delivery from before one changes nothing after it.
    epoch: u64,
    random: u64,
}

impl Webhooks {
    /// The same endpoints, with nothing to deliver and the default behaviour.
    pub(crate) fn emptied(&self) -> Self {
        Self { endpoints: self.endpoints.clone(), epoch: self.epoch.wrapping_add(1), ..Self::default() }
    }

    pub(crate) fn set_behavior(&mut self, behavior: WebhookBehavior) {
        self.random = behavior.shuffle_seed.unwrap_or_default();
        self.behavior = behavior;
    }

    /// How many endpoints want events of a type.
    pub(crate) fn subscribers(&self, event_type: &str) -> usize {
        self.endpoints.iter().filter(|endpoint| wants(endpoint, event_type)).count()
    }

    /// Queues an event for each endpoint that wants it, in as many copies as scripted, or holds it back.
    pub(crate) fn enqueue(&mut self, event: &str, event_type: &str, payload: &str) {
        for endpoint in self.endpoints.iter().filter(|endpoint| wants(endpoint, event_type)) {
            for copy in 0..=self.behavior.duplicates {
                let delivery = Delivery {
                    epoch: self.epoch,
                    event: event.to_owned(),
                    event_type: event_type.to_owned(),
                    payload: payload.to_owned(),
                    endpoint: endpoint.clone(),
                    copy,
                    attempt: 1,
                };
                if self.behavior.hold {
                    self.held.push_back(delivery);
                } else {
                    self.outstanding += 1;
                    self.queue.push_back(delivery);
                }
            }
        }
    }

    /// Lets go of what was held back, and says how many deliveries that is.
    pub(crate) fn flush(&mut self) -> usize {
        let count = self.held.len();
        self.outstanding += count;
        self.queue.append(&mut self.held);
        count
    }

    /// Whether nothing is on its way or waits to be retried. What is held back does not count.
    pub(crate) fn is_settled(&self) -> bool {
        self.outstanding == 0
    }

    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// The next delivery to attempt.
    pub(crate) fn take(&mut self) -> Option<Delivery> {
        if self.behavior.shuffle_seed.is_none() {
            return self.queue.pop_front();
        }
        let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
        let index = next_random(&mut self.random).checked_rem(waiting)?;
        self.queue.remove(usize::try_from(index).unwrap_or(0))
    }

    /// Ends an attempt: the delivery is done, or is to be attempted again after a while, or is given up.
    pub(crate) fn end(&mut self, delivery: &Delivery, status: Option<u16>) -> Option<Duration> {
        if delivery.epoch != self.epoch {
            return None;
        }
        let delivered = status.is_some_and(|status| (200..300).contains(&status));
        if delivered || delivery.attempt >= self.behavior.max_attempts {
            self.outstanding = self.outstanding.saturating_sub(1);
            return None;
        }
        let factor = 1_u64.checked_shl(delivery.attempt - 1).unwrap_or(u64::MAX);
        Some(Duration::from_millis(self.behavior.retry_base_millis.saturating_mul(factor)))
    }

    /// Puts a delivery back in line for its next attempt.
    pub(crate) fn retry(&mut self, mut delivery: Delivery) {
        if delivery.epoch == self.epoch {
            delivery.attempt += 1;
            self.queue.push_back(delivery);
        }
    }
}

fn wants(endpoint: &WebhookEndpoint, event_type: &str) -> bool {
    endpoint.enabled_events.is_empty() || endpoint.enabled_events.iter().any(|pattern| crate::event::matches(pattern, event_type))
}

/// SplitMix64, whose order follows from the seed alone.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python: `hmac.new(b"whsec_test", b'1700000000.{"id":"evt_1"}', "sha256").hexdigest()`.
    const KNOWN: &str = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";

    #[test]
    fn signs_as_an_independent_implementation_does() {
        assert_eq!(signature_header(r#"{"id":"evt_1"}"#, "whsec_test", 1_700_000_000), format!("t=1700000000,v1={KNOWN}"));
    }
}
