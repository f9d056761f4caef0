//! The market: everybody acts in turn on the demo's own clock, through the use cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::id::{DisputeId, LeadId, TradeId};
use domain::time::{Timestamp, plus_secs};

use super::agenda::{Agenda, Happening};
use super::cast::Cast;
use super::dice::Dice;
use super::findings::Findings;
use super::form::OPENING;
use super::injection::Truth;
use super::progress::Progress;
use super::seller::Stock;
use super::{DemoError, Till, Timings};
use crate::app::App;
use crate::ports::FakeClock;
use crate::workers::PASSES;

/// How many days the sellers list.
pub(crate) const MARKET_DAYS: u32 = 5;

/// How many days the demo lasts: the last hold of a new seller (14 days) and the longest dispute end within.
const LAST_DAY: i64 = 40;

const HOUR_SECS: i64 = 3_600;
const DAY_SECS: i64 = 24 * HOUR_SECS;

/// A lead that may be listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForSale {
    pub(crate) lead: LeadId,
    pub(crate) seller: usize,
    pub(crate) stock: Stock,
}

/// A trade that a buyer works on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bought {
    pub(crate) buyer: usize,
    pub(crate) reference: u32,
    pub(crate) balance: i64,
}

/// A dispute under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quarrelled {
    pub(crate) trade: TradeId,
    pub(crate) appealed: bool,
}

/// The market and everybody in it.
pub(crate) struct Market<'a> {
    pub(crate) app: &'a Arc<App>,
    pub(crate) clock: &'a FakeClock,
    pub(crate) seed: u64,
    pub(crate) cast: &'a Cast,
    /// The double of Stripe, if one takes part.
    pub(crate) till: Option<&'a Till>,
    pub(crate) truth: &'a BTreeMap<u32, Truth>,
    pub(crate) findings: Findings,
    pub(crate) agenda: Agenda,
    /// The seller's reference and the balance of each lead.
    pub(crate) leads: BTreeMap<LeadId, (u32, i64)>,
    /// What is listed on each day.
    pub(crate) days: Vec<Vec<ForSale>>,
    pub(crate) bought: BTreeMap<TradeId, Bought>,
    pub(crate) revenue: BTreeMap<TradeId, i64>,
    pub(crate) quarrels: BTreeMap<DisputeId, Quarrelled>,
    /// Disputes that their arbiters let lie until the deadline.
    pub(crate) neglected: BTreeSet<DisputeId>,
    pub(crate) timings: &'a mut Timings,
}

impl Market<'_> {
    /// Runs the market to the end of its last hold.
    pub(crate) async fn run(&mut self, progress: &Progress) -> Result<(), DemoError> {
        self.plan();
        let until = plus_secs(OPENING, LAST_DAY.saturating_mul(DAY_SECS));
        progress.begin("the market", u64::try_from(LAST_DAY).unwrap_or(0));
        while let Some((at, happening)) = self.agenda.next() {
            if at > until {
                break;
            }
            self.clock.set(at);
            self.happen(happening).await?;
            progress.reach(u64::try_from(at.signed_duration_since(OPENING).num_days()).unwrap_or(0));
        }
        self.clock.set(until);
        self.work().await
    }

    fn plan(&mut self) {
        let at =
            |day: i64, hour: i64| plus_secs(OPENING, day.saturating_mul(DAY_SECS).saturating_add(hour.saturating_mul(HOUR_SECS)));
        for day in 0..MARKET_DAYS {
            self.agenda.plan(at(day.into(), 1), Happening::Morning { day });
        }
        for day in 0..LAST_DAY {
            let selling = day < i64::from(MARKET_DAYS).saturating_add(2);
            let hours: &[i64] = if selling { &[2, 4, 6, 8, 10, 11, 16] } else { &[4, 10, 16, 22] };
            for hour in hours {
                if selling && *hour < 10 {
                    self.agenda.plan(at(day, *hour), Happening::Look);
                }
                self.agenda.plan(at(day, *hour), Happening::Work);
            }
            for hour in [3, 9] {
                self.agenda.plan(at(day, hour), Happening::Desk);
            }
        }
    }

    async fn happen(&mut self, happening: Happening) -> Result<(), DemoError> {
        let (what, started) = (happening.name(), self.timings.start());
        match happening {
            Happening::Morning { day } => self.morning(day).await?,
            Happening::Look => self.look_for_bargains().await?,
            Happening::Work => self.work().await?,
            Happening::Desk => self.desk().await?,
            Happening::Call { trade, attempt } => self.call(trade, attempt).await?,
            Happening::Answer { dispute } => self.answer(dispute).await?,
            Happening::Afterthought { dispute } => self.afterthought(dispute).await?,
        }
        self.timings.add(what, started);
        Ok(())
    }

    async fn morning(&mut self, day: u32) -> Result<(), DemoError> {
        let index = usize::try_from(day).unwrap_or(usize::MAX);
        let today = self.days.get_mut(index).map(std::mem::take).unwrap_or_default();
        let started = self.timings.start();
        self.list(&today).await?;
        self.timings.add("  listing", started);
        self.browse(index).await?;
        self.find_trades().await
    }

    /// Everything that happens without anybody asking.
    pub(crate) async fn work(&mut self) -> Result<(), DemoError> {
        for (name, pass) in PASSES {
            let started = self.timings.start();
            while pass(Arc::clone(self.app)).await? > 0 {}
            self.timings.add(name, started);
        }
        self.find_trades().await
    }

    /// The chance of one purpose about one row.
    pub(crate) fn dice(&self, purpose: &str, reference: u32, who: usize) -> Dice {
        let who = u64::try_from(who).unwrap_or(0);
        Dice::of(self.seed, purpose, (u64::from(reference) << 8) | who)
    }

    /// Some time from now.
    pub(crate) fn later(&self, secs: u32) -> Timestamp {
        plus_secs(self.app.now(), secs.into())
    }
}

impl Happening {
    const fn name(self) -> &'static str {
        match self {
            Self::Morning { .. } => "listing, bids, purchases",
            Self::Look => "bargains",
            Self::Work => "workers",
            Self::Desk => "arbiters",
            Self::Call { .. } => "calls, outcomes, claims",
            Self::Answer { .. } => "answers",
            Self::Afterthought { .. } => "appeals",
        }
    }
}
