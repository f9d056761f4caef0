//! A trade's hold: one lead sold to one buyer, its price in escrow until the clock runs out or a ruling divides it.
//!
//! The clock starts at delivery (the first reveal or successful delivery), at the latest some time after the sale; it stops
//! while the trade is disputed. Windows are half open: at the very instant of the end a release is due and a dispute is late.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::ledger::event::Shares;
use crate::money::BP_WHOLE;
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, plus_secs};

text_enum! {
    /// Where a trade's money is.
    TradeState {
        /// In escrow, on the clock.
        Held = "HELD",
        /// In escrow, the clock stopped by a dispute.
        Disputed = "DISPUTED",
        /// With the seller, less commission.
        Released = "RELEASED",
        /// Back with the buyer.
        Refunded = "REFUNDED",
        /// Divided between both.
        Split = "SPLIT",
    }
}

text_enum! {
    /// How far the exchange trusts a seller, which sets the length of its holds.
    SellerStanding {
        /// Too few trades to tell.
        New = "NEW",
        /// Neither new nor trusted.
        Standard = "STANDARD",
        /// Many trades, few of them refunded.
        Trusted = "TRUSTED",
    }
}

/// The lengths of holds, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldTerms {
    /// For sellers of standard standing.
    pub standard_secs: i64,
    /// For trusted sellers.
    pub trusted_secs: i64,
    /// For new sellers.
    pub new_secs: i64,
    /// How long after the sale the clock starts at the latest.
    pub start_within_secs: i64,
}

impl Default for HoldTerms {
    fn default() -> Self {
        Self { standard_secs: 7 * 86_400, trusted_secs: 72 * 3_600, new_secs: 14 * 86_400, start_within_secs: 86_400 }
    }
}

impl HoldTerms {
    /// The length of a hold on a sale by a seller of this standing.
    #[must_use]
    pub const fn hold_secs(&self, standing: SellerStanding) -> i64 {
        match standing {
            SellerStanding::New => self.new_secs,
            SellerStanding::Standard => self.standard_secs,
            SellerStanding::Trusted => self.trusted_secs,
        }
    }
}

/// The clock of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Not started: it starts at delivery, or at `starts_at` when nothing was delivered by then.
    Waiting {
        /// When it starts at the latest.
        starts_at: Timestamp,
        /// How long it will run, in microseconds.
        left_micros: i64,
    },
    /// Running until `ends_at`, the first instant at which the money is due to the seller.
    Running {
        /// The end.
        ends_at: Timestamp,
    },
}

impl Clock {
    /// The instant at which the hold ends if nothing else happens.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        match *self {
            Self::Waiting { starts_at, left_micros } => plus_micros(starts_at, left_micros),
            Self::Running { ends_at } => ends_at,
        }
    }

    /// The next instant at which a worker has something to do: start the clock, or release the money.
    #[must_use]
    pub const fn due_at(&self) -> Timestamp {
        match *self {
            Self::Waiting { starts_at, .. } => starts_at,
            Self::Running { ends_at } => ends_at,
        }
    }

    /// The same clock at `now`: a waiting one whose time has come runs, since the instant at which it should have started.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Waiting { starts_at, .. } if starts_at <= now => Self::Running { ends_at: self.ends_at() },
            other => other,
        }
    }

    const fn starts_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Waiting { starts_at, .. } => Some(starts_at),
            Self::Running { .. } => None,
        }
    }

    fn left_micros(&self, now: Timestamp) -> i64 {
        match *self {
            Self::Waiting { left_micros, .. } => left_micros,
            Self::Running { ends_at } => ends_at.signed_duration_since(now).num_microseconds().unwrap_or(i64::MAX).max(0),
        }
    }
}

/// A trade's state, with what each state needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// In escrow, on the clock.
    Held(Clock),
    /// In escrow, the clock stopped with this much left, in microseconds.
    Disputed {
        /// What is left of the hold.
        left_micros: i64,
        /// When the clock would have started at the latest, while nothing has been delivered.
        starts_at: Option<Timestamp>,
    },
    /// With the seller.
    Released {
        /// What the exchange took, in minor units.
        commission_minor: i64,
    },
    /// Back with the buyer.
    Refunded,
    /// Divided.
    Split {
        /// What went back to the buyer, in minor units.
        refund_minor: i64,
        /// What the exchange took of the rest, in minor units.
        commission_minor: i64,
    },
}

/// How a refund is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundFrom {
    /// From escrow: the hold ends.
    Escrow,
    /// From what the ended hold gave to the seller and the exchange.
    Parties(Shares),
}

/// The part of a hold that a ruling gives back to the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundPart {
    bp: i64,
}

impl RefundPart {
    /// A part in basis points, above nothing and below the whole.
    pub fn new(bp: i64) -> Result<Self, Refusal> {
        let inside = 0 < bp && bp < BP_WHOLE;
        if inside {
            Ok(Self { bp })
        } else {
            Err(Refusal::invalid("refundPercent", "a split gives the buyer more than 0% and less than 100%"))
        }
    }

    /// The part in basis points.
    #[must_use]
    pub const fn bp(self) -> i64 {
        self.bp
    }
}

impl Hold {
    /// The hold of a lead sold at `sold_at`, for `hold_secs` from its delivery.
    #[must_use]
    pub fn open(sold_at: Timestamp, hold_secs: i64, terms: &HoldTerms) -> Self {
        let left_micros = hold_secs.max(0).saturating_mul(1_000_000);
        Self::Held(Clock::Waiting { starts_at: plus_secs(sold_at, terms.start_within_secs), left_micros })
    }

    /// Which state this is.
    #[must_use]
    pub const fn state(&self) -> TradeState {
        match self {
            Self::Held(_) => TradeState::Held,
            Self::Disputed { .. } => TradeState::Disputed,
            Self::Released { .. } => TradeState::Released,
            Self::Refunded => TradeState::Refunded,
            Self::Split { .. } => TradeState::Split,
        }
    }

    /// Whether the money is still in escrow.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Held(_) | Self::Disputed { .. })
    }

    /// Whether the buyer may see who the lead is.
    #[must_use]
    pub const fn shows_contact(&self) -> bool {
        !matches!(self, Self::Refunded)
    }

    /// When a worker has to look at the trade next; `None` when a dispute has the timer, or the hold has ended.
    #[must_use]
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Held(clock) => Some(clock.due_at()),
            _ => None,
        }
    }

    /// The first reveal or successful delivery: starts a waiting clock, once no dispute stops it. Later ones change nothing.
    pub fn deliver(self, now: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Held(clock) => Ok(Self::Held(match clock.at(now) {
                Clock::Waiting { left_micros, .. } => Clock::Running { ends_at: plus_micros(now, left_micros) },
                running => running,
            })),
            Self::Disputed { left_micros, .. } => Ok(Self::Disputed { left_micros, starts_at: None }),
            Self::Refunded => Err(ended(self.state())),
            other => Ok(other),
        }
    }

    /// Stops the clock for a dispute; refused once the hold is over.
    pub fn freeze(self, now: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Held(clock) if now < clock.ends_at() => {
                let clock = clock.at(now);
                Ok(Self::Disputed { left_micros: clock.left_micros(now), starts_at: clock.starts_at() })
            }
            Self::Held(_) => Err(Refusal::new(Code::OutsideWindow, "the hold is over: a dispute is opened before its end")),
            other => Err(Refusal::wrong_state(format!("a trade that is {} cannot be disputed", other.state().as_str()))),
        }
    }

    /// Lets the clock go on for what was left when the dispute stopped it; one that had not started waits as before.
    pub fn resume(self, now: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Disputed { left_micros, starts_at } => Ok(Self::Held(match starts_at {
                Some(starts_at) if now < starts_at => Clock::Waiting { starts_at, left_micros },
                _ => Clock::Running { ends_at: plus_micros(now, left_micros) },
            })),
            other => Err(Refusal::wrong_state(format!("a trade that is {} is not under a dispute", other.state().as_str()))),
        }
    }

    /// The money goes to the seller: due at the end of the hold, not before, and never under a dispute.
    pub fn release(self, price_minor: i64, commission_bp: i64, now: Timestamp) -> Result<(Self, Shares), Refusal> {
        match self {
            Self::Held(clock) if clock.ends_at() <= now => {
                let shares = Shares::of(price_minor, 0, commission_bp);
                Ok((Self::Released { commission_minor: shares.commission_minor }, shares))
            }
            Self::Held(_) => Err(Refusal::new(Code::OutsideWindow, "the hold is not over")),
            Self::Disputed { .. } => Err(Refusal::wrong_state("the trade is under a dispute")),
            other => Err(ended(other.state())),
        }
    }

    /// All of it goes back to the buyer: from escrow, or, when the hold has ended, from those who got it.
    pub fn refund(self, price_minor: i64) -> Result<(Self, RefundFrom), Refusal> {
        let taken = |refund_minor: i64, commission_minor: i64| {
            let rest = price_minor.saturating_sub(refund_minor);
            RefundFrom::Parties(Shares { refund_minor, commission_minor, income_minor: rest.saturating_sub(commission_minor) })
        };
        match self {
            Self::Held(_) | Self::Disputed { .. } => Ok((Self::Refunded, RefundFrom::Escrow)),
            Self::Released { commission_minor } => Ok((Self::Refunded, taken(0, commission_minor))),
            Self::Split { refund_minor, commission_minor } => Ok((Self::Refunded, taken(refund_minor, commission_minor))),
            Self::Refunded => Err(ended(TradeState::Refunded)),
        }
    }

    /// A ruling divides the money: the part, rounded down, goes back to the buyer, the rest to the seller less commission.
    pub fn split(self, price_minor: i64, part: RefundPart, commission_bp: i64) -> Result<(Self, Shares), Refusal> {
        match self {
            Self::Disputed { .. } => {
                let refund_minor = crate::money::share_bp(price_minor, part.bp);
                let shares = Shares::of(price_minor, refund_minor, commission_bp);
                Ok((Self::Split { refund_minor, commission_minor: shares.commission_minor }, shares))
            }
            Self::Held(_) => Err(Refusal::wrong_state("only a disputed trade is divided")),
            other => Err(ended(other.state())),
        }
    }
}

fn ended(state: TradeState) -> Refusal {
    Refusal::wrong_state(format!("the hold has ended: the trade is {}", state.as_str()))
}

fn plus_micros(instant: Timestamp, micros: i64) -> Timestamp {
    instant.checked_add_signed(TimeDelta::microseconds(micros)).unwrap_or(Timestamp::MAX_UTC)
}

#[cfg(test)]
#[path = "trade_tests.rs"]
mod tests;
