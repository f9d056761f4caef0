//! Disputes after they were opened: the sellers answer or stay silent, the arbiters rule from what they can see, the parties
//! appeal. What nobody does the deadlines do.

use domain::dispute::{Review, Stage, State};
use domain::evidence::AttemptDisposition;
use domain::id::DisputeId;
use domain::proof::ConsentFinding;
use store::page::Page;

use super::DemoError;
use super::agenda::Happening;
use super::calling::{passed, speaks_for_buyer};
use super::market::{Bought, Market};
use super::seller::{Answer, answer};
use crate::app::Caller;
use crate::app::dispute::{
    Answer as Response, CaseView, DisputeAppeal, DisputeRespond, DisputeRule, Shown, desk_disputes, dispute, dispute_appeal,
    dispute_confirm, dispute_inspect, dispute_respond, dispute_rule,
};

const PAGE_ROWS: u64 = 100;
/// Disputes, of 1,000, that the arbiter lets lie: the rule on the evidence decides.
const NEGLECTED_PER_MILLE: u32 = 40;
/// Rulings, of 1,000, against which the side that lost appeals.
const APPEALED_PER_MILLE: u32 = 120;
/// An answered call as short as this was no talk with somebody who asked to be called, in seconds.
const NO_TALK_SECS: i64 = 30;
/// An answered call as long as this was one.
const TALK_SECS: i64 = 75;
/// Leads of one device or address that show a hired hand.
const SIBLINGS: u64 = 4;

impl Market<'_> {
    fn about(&self, id: DisputeId) -> Option<(Bought, bool)> {
        let quarrel = self.quarrels.get(&id)?;
        Some((*self.bought.get(&quarrel.trade)?, quarrel.appealed))
    }

    /// The seller answers a dispute, or does not.
    pub(crate) async fn answer(&mut self, id: DisputeId) -> Result<(), DemoError> {
        let Some((bought, _)) = self.about(id) else { return Ok(()) };
        let good = self.truth.get(&bought.reference).is_some_and(|truth| truth.trick.is_none());
        let reply = answer(good, &mut self.dice("reply", bought.reference, bought.buyer));
        let statement = "The consent record, the page and the time of the form are as submitted.".to_owned();
        let Some(seller) = self.seller_of(id).await? else { return Ok(()) };
        let mut dice = self.dice("record", bought.reference, bought.buyer);
        let (answer, shown) = match reply {
            Answer::Silence => return Ok(()),
            Answer::Accept => (Response::Accept, Shown::default()),
            Answer::Contest => (Response::Contest, self.shown(&seller, statement, &mut dice).await?),
        };
        let input = DisputeRespond { dispute: id, answer, shown, idempotency_key: format!("answer-{id}") };
        passed(dispute_respond(self.app, &seller, input).await)?;
        Ok(())
    }

    /// The arbiters go through what waits for them.
    pub(crate) async fn desk(&mut self) -> Result<(), DemoError> {
        let cast = self.cast;
        for (_, arbiter) in &cast.arbiters {
            let mut page = Page { first: PAGE_ROWS, after: None };
            loop {
                let slice = desk_disputes(self.app, &arbiter.caller, &page).await?;
                page.after = slice.rows.last().map(|dispute| dispute.id);
                for waiting in &slice.rows {
                    Box::pin(self.rule(&arbiter.caller, waiting.id, waiting.trade.0.as_u128())).await?;
                }
                if !slice.has_next {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn rule(&mut self, arbiter: &Caller, id: DisputeId, trade: u128) -> Result<(), DemoError> {
        let about = self.about(id);
        let subject = about.map_or_else(|| u32::try_from(trade & 0xff_ffff).unwrap_or(0), |(bought, _)| bought.reference);
        let appealed = about.is_some_and(|(_, appealed)| appealed);
        let purpose = if appealed { "second ruling" } else { "ruling" };
        let mut dice = self.dice(purpose, subject, about.map_or(99, |(bought, _)| bought.buyer));
        if self.neglected.contains(&id) {
            return Ok(());
        }
        if dice.chance(NEGLECTED_PER_MILLE) {
            self.neglected.insert(id);
            return Ok(());
        }
        let case = dispute_inspect(self.app, arbiter, id).await?;
        let (refund_percent, grounds) = judge(&case);
        if let State::UnderReview(Review { stage: Stage::Confirming { proposed }, .. }) = case.dispute.state() {
            let agrees = i64::from(proposed.refund.value()) == refund_percent;
            dispute_confirm(self.app, arbiter, id, agrees, &format!("confirm-{purpose}-{id}")).await?;
            self.findings.second_words = self.findings.second_words.saturating_add(1);
            return Ok(());
        }
        let idempotency_key = format!("{purpose}-{id}");
        let input = DisputeRule { dispute: id, refund_percent, grounds: grounds.to_owned(), idempotency_key };
        let ruled = dispute_rule(self.app, arbiter, input).await?;
        if matches!(ruled.state(), State::Ruled { .. }) && dice.chance(APPEALED_PER_MILLE) {
            let at = self.later(dice.between(7_200, 100_000));
            self.agenda.plan(at, Happening::Afterthought { dispute: id });
        }
        Ok(())
    }

    /// The side that lost appeals.
    pub(crate) async fn afterthought(&mut self, id: DisputeId) -> Result<(), DemoError> {
        let Some((bought, _)) = self.about(id) else { return Ok(()) };
        let cast = self.cast;
        let buyer = &cast.buyers.get(bought.buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?.actor.caller;
        let Some(ruled) = dispute(self.app, buyer, id).await? else { return Ok(()) };
        let State::Ruled { ruling, .. } = ruled.state() else { return Ok(()) };
        let lost_by_buyer = ruling.refund.value() < 100;
        let appellant = if lost_by_buyer { Some(buyer.clone()) } else { self.seller_of(id).await? };
        let Some(appellant) = appellant else { return Ok(()) };
        let statement = "A second call on the next day, and what was said in it.".to_owned();
        let files = vec![self.exhibit(&appellant, &statement).await?];
        let shown = Shown { statement: Some(statement), files };
        let input = DisputeAppeal { dispute: id, shown, idempotency_key: format!("appeal-{id}") };
        if passed(dispute_appeal(self.app, &appellant, input).await)?.is_some()
            && let Some(quarrel) = self.quarrels.get_mut(&id)
        {
            quarrel.appealed = true;
        }
        Ok(())
    }

    async fn seller_of(&self, id: DisputeId) -> Result<Option<Caller>, DemoError> {
        for seller in &self.cast.sellers {
            if dispute(self.app, &seller.actor.caller, id).await?.is_some() {
                return Ok(Some(seller.actor.caller.clone()));
            }
        }
        Ok(None)
    }
}

/// What goes back to the buyer, in percent, by the call log, the exchange's own checks and the siblings.
fn judge(case: &CaseView) -> (i64, &'static str) {
    let facts = &case.dispute.file.facts;
    let calls = || case.calls.iter().map(|call| call.attempt);
    let talk = calls().filter(|call| call.disposition == AttemptDisposition::Answered).map(|call| call.duration_secs).max();
    if facts.suppressed
        || facts.honeypot
        || facts.too_fast
        || matches!(facts.consent, ConsentFinding::Missing | ConsentFinding::Mismatched)
    {
        (100, "The exchange's own checks speak against the lead.")
    } else if facts.siblings >= SIBLINGS {
        (100, "Many forms came from the same hand.")
    } else if calls().any(|call| speaks_for_buyer(call.disposition)) {
        (100, "The logged calls did not reach the person of the lead.")
    } else {
        match talk {
            Some(secs) if secs >= TALK_SECS => (0, "A talk of this length is one with somebody who asked."),
            Some(secs) if secs >= NO_TALK_SECS => (50, "Word stands against word."),
            Some(_) => (100, "So short a call was no talk with somebody who asked."),
            None => (0, "Nothing was shown."),
        }
    }
}
