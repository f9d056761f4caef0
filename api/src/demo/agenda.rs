//! What happens when, on the demo's own clock.

use std::collections::BTreeMap;

use domain::id::{DisputeId, TradeId};
use domain::time::Timestamp;

/// Something that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The sellers list, and the buyers look at what is new.
    Morning {
        /// Which market day, from 0.
        day: u32,
    },
    /// The hunter of bargains looks at the falling prices.
    Look,
    /// The workers run: listings close, holds end, deadlines pass.
    Work,
    /// The arbiters go through their desks.
    Desk,
    /// A buyer calls the person behind a trade.
    Call {
        /// The trade.
        trade: TradeId,
        /// Which try, from 1.
        attempt: u32,
    },
    /// A seller looks at a dispute.
    Answer {
        /// The dispute.
        dispute: DisputeId,
    },
    /// A party thinks about a ruling.
    Afterthought {
        /// The dispute.
        dispute: DisputeId,
    },
}

/// Happenings in the order of time; those of one instant in the order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    planned: BTreeMap<(Timestamp, u64), Happening>,
    count: u64,
}

impl Agenda {
    /// Plans a happening.
    pub(crate) fn plan(&mut self, at: Timestamp, happening: Happening) {
        self.planned.insert((at, self.count), happening);
        self.count = self.count.saturating_add(1);
    }

    /// The next happening.
    pub(crate) fn next(&mut self) -> Option<(Timestamp, Happening)> {
        self.planned.pop_first().map(|((at, _), happening)| (at, happening))
    }
}
