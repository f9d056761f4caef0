//! When it is looked in the database for messages to send. Most come to the sender by hand, and a look goes over every endpoint that has
//! messages under way.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use domain::id::WebhookEndpointId;

/// How many endpoints are remembered; with more it is looked everywhere.
const REMEMBERED: usize = 10_000;

/// What is known of messages in the database that nobody has taken.
#[derive(Debug)]
pub(super) struct Looking {
    pause: Duration,
    looked: Option<Instant>,
    /// There may be some anywhere.
    anywhere: bool,
    /// There may be some to these endpoints, and a place for them.
    ready: HashSet<WebhookEndpointId>,
    /// There are some to these, which wait for what is under way to them.
    waiting: HashSet<WebhookEndpointId>,
}

impl Looking {
    /// Nobody has looked. What other processes and the clock bring is looked for every `pause`.
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, looked: None, anywhere: false, ready: HashSet::new(), waiting: HashSet::new() }
    }

    /// There may be some anywhere.
    pub(super) fn anywhere(&mut self) {
        self.anywhere = true;
    }

    /// There are some to these endpoints, of each of which is said whether nothing is under way to it.
    pub(super) fn left(&mut self, endpoints: impl Iterator<Item = (WebhookEndpointId, bool)>) {
        for (endpoint, is_idle) in endpoints {
            if is_idle {
                self.ready.insert(endpoint);
            } else {
                self.waiting.insert(endpoint);
            }
        }
        if self.waiting.len().saturating_add(self.ready.len()) > REMEMBERED {
            self.ready.clear();
            self.waiting.clear();
            self.anywhere = true;
        }
    }

    /// What came of messages to these endpoints is written down: what waited for it may go.
    pub(super) fn written(&mut self, endpoints: impl Iterator<Item = WebhookEndpointId>) {
        if self.waiting.is_empty() {
            return;
        }
        for endpoint in endpoints {
            if self.waiting.remove(&endpoint) {
                self.ready.insert(endpoint);
            }
        }
    }

    /// Whether it is to be looked now.
    pub(super) fn is_due(&self) -> bool {
        self.anywhere || !self.ready.is_empty() || self.looked.is_none_or(|looked| looked.elapsed() >= self.pause)
    }

    /// It is looked now; answers where there may be some. What is heard from here on may be too late for this look.
    pub(super) fn begin(&mut self) -> HashSet<WebhookEndpointId> {
        self.looked = Some(Instant::now());
        self.anywhere = false;
        std::mem::take(&mut self.ready)
    }

    /// What a look found that had `asked` at some endpoints: those of which something was taken may have more, and so may those to which
    /// something is still under way, when that is over.
    pub(super) fn found(
        &mut self,
        asked: HashSet<WebhookEndpointId>,
        taken: impl Iterator<Item = WebhookEndpointId>,
        is_idle: impl Fn(&WebhookEndpointId) -> bool,
    ) {
        let waiting = asked.into_iter().filter(|endpoint| !is_idle(endpoint)).chain(taken);
        self.left(waiting.map(|endpoint| (endpoint, false)).collect::<Vec<_>>().into_iter());
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn endpoint(number: u128) -> WebhookEndpointId {
        Uuid::from_u128(number).into()
    }

    /// One that has looked everywhere and found nothing.
    fn looked() -> Looking {
        let mut looking = Looking::new(HOUR);
        assert!(looking.is_due(), "nobody has looked");
        let asked = looking.begin();
        looking.found(asked, std::iter::empty(), |_| true);
        assert!(!looking.is_due());
        looking
    }

    #[test]
    fn what_waits_is_looked_for_when_what_it_waits_for_is_written_down() {
        let mut looking = looked();
        looking.left([(endpoint(1), false)].into_iter());
        assert!(!looking.is_due(), "something is under way to it");
        looking.written([endpoint(2)].into_iter());
        assert!(!looking.is_due(), "nothing waits there");
        looking.written([endpoint(1)].into_iter());
        assert!(looking.is_due());
        let asked = looking.begin();
        looking.found(asked, [endpoint(1)].into_iter(), |_| false);
        assert!(!looking.is_due(), "what it has is under way");
        looking.written([endpoint(1)].into_iter());
        let asked = looking.begin();
        looking.found(asked, std::iter::empty(), |_| true);
        looking.written([endpoint(1)].into_iter());
        assert!(!looking.is_due(), "it had nothing more");
    }

    #[test]
    fn what_is_heard_during_a_look_is_not_forgotten() {
        let mut looking = looked();
        looking.left([(endpoint(1), true)].into_iter());
        let asked = looking.begin();
        looking.left([(endpoint(1), true)].into_iter());
        looking.found(asked, std::iter::empty(), |_| true);
        assert!(looking.is_due());
        looking.begin();
        looking.anywhere();
        assert!(looking.is_due());
    }

    #[test]
    fn one_that_waits_for_many_looks_everywhere() {
        let mut looking = looked();
        looking.left((0..=10_000).map(|number| (endpoint(number), false)));
        assert!(looking.is_due() && looking.begin().is_empty());
        assert!(!looking.is_due());
    }

    #[test]
    fn the_clock_is_enough() {
        let mut looking = Looking::new(Duration::ZERO);
        looking.begin();
        assert!(looking.is_due());
    }
}
