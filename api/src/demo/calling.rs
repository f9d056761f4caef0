//! The buyers call the people behind their leads, and record what came of it.

use domain::dispute::DisputeStatus;
use domain::dispute::reason::{DisputeClaim, DisputeDetail};
use domain::evidence::{AttemptDisposition, CallAttempt};
use domain::id::TradeId;
use domain::money::{Currency, Money};
use domain::outcome::{OutcomeKind, Report};
use domain::refusal::Code;
use domain::time::plus_secs;

use super::DemoError;
use super::advertiser::Advertiser;
use super::agenda::Happening;
use super::market::{Bought, Market, Quarrelled};
use super::script::{Next, converse};
use super::seller::answer_after;
use crate::app::AppError;
use crate::app::client::client_create;
use crate::app::contact::contact_reveal;
use crate::app::dispute::{DisputeOpen, dispute_open};
use crate::app::outcome::{call_attempt_log, outcome_add};

/// For how long a person who is not ready puts the buyer off.
const DEFERRED_SECS: i64 = 60 * 86_400;

impl Market<'_> {
    /// Calls the person behind a trade.
    pub(crate) async fn call(&mut self, trade: TradeId, attempt: u32) -> Result<(), DemoError> {
        let bought = *self.bought.get(&trade).ok_or(DemoError::Unexpected("a call about no trade"))?;
        let cast = self.cast;
        let caller = &cast.buyers.get(bought.buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?.actor.caller;
        if attempt == 1 && passed(contact_reveal(self.app, caller, Some(trade), None).await)?.is_none() {
            return Ok(());
        }
        let truth = self.truth.get(&bought.reference).ok_or(DemoError::Unexpected("a row that was never there"))?;
        let said = converse(truth, attempt, &mut self.dice("call", bought.reference, bought.buyer));
        let at = plus_secs(self.app.now(), -i64::from(said.secs));
        let logged = CallAttempt { at, duration_secs: said.secs.into(), disposition: said.disposition };
        // Another buyer's dispute may have ended this trade too: then there is nothing left to work on.
        if passed(call_attempt_log(self.app, caller, trade, logged).await)?.is_none() {
            return Ok(());
        }
        let now = self.app.now();
        let report = |kind| Report { kind, until: None, reason: None, revenue: None };
        let outcome = match said.next {
            Next::Again { hours } => {
                let at = self.later(hours.saturating_mul(3_600));
                self.agenda.plan(at, Happening::Call { trade, attempt: attempt.saturating_add(1) });
                None
            }
            Next::Convert => {
                let minor = Advertiser::revenue_minor(bought.balance);
                self.revenue.insert(trade, minor);
                Some(Report { revenue: Some(Money::new(minor, Currency::EUR)), ..report(OutcomeKind::Converted) })
            }
            Next::Refuse => {
                Some(Report { reason: Some("Is content with what they have".to_owned()), ..report(OutcomeKind::RefusedToBuy) })
            }
            Next::Defer => Some(Report { until: Some(plus_secs(now, DEFERRED_SECS)), ..report(OutcomeKind::Deferred) }),
            Next::Note => Some(report(OutcomeKind::Contacted)),
            Next::Claim { claim, detail } => return self.claim(trade, bought, claim, detail).await,
            Next::Drop => None,
        };
        let Some(outcome) = outcome else { return Ok(()) };
        let converted = outcome.kind == OutcomeKind::Converted;
        if passed(outcome_add(self.app, caller, trade, outcome, None).await)?.is_some() && converted {
            // Who bought becomes a client of the buyer's own.
            passed(client_create(self.app, caller, trade, None, None).await)?;
            self.findings.clients = self.findings.clients.saturating_add(1);
        }
        Ok(())
    }

    async fn claim(
        &mut self,
        trade: TradeId,
        bought: Bought,
        claim: DisputeClaim,
        detail: DisputeDetail,
    ) -> Result<(), DemoError> {
        let cast = self.cast;
        let caller = &cast.buyers.get(bought.buyer).ok_or(DemoError::Unexpected("a buyer who is nobody"))?.actor.caller;
        let statement = format!("We called, as logged. {}.", spoken(detail));
        let shown = self.shown(caller, statement, &mut self.dice("exhibit", bought.reference, bought.buyer)).await?;
        let idempotency_key = format!("claim-{trade}-{}", claim.as_str());
        let opened = dispute_open(self.app, caller, DisputeOpen { trade, claim, detail, shown, idempotency_key }).await;
        let dispute = match opened {
            Err(AppError::Refused(_)) if claim.reason(detail).is_err() => {
                self.findings.pretexts_refused = self.findings.pretexts_refused.saturating_add(1);
                return Ok(());
            }
            opened => passed(opened)?,
        };
        let Some(dispute) = dispute else { return Ok(()) };
        self.quarrels.insert(dispute.id, Quarrelled { trade, appealed: false });
        if dispute.state().status() == DisputeStatus::Open {
            let wait = answer_after(&mut self.dice("answer", bought.reference, bought.buyer));
            let at = self.app.now() + wait;
            self.agenda.plan(at, Happening::Answer { dispute: dispute.id });
        }
        Ok(())
    }
}

/// What a use case answered; `None` when it refused because the trade or the dispute has ended meanwhile.
pub(crate) fn passed<T>(done: Result<T, AppError>) -> Result<Option<T>, DemoError> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(AppError::Refused(refusals)) if refusals.iter().all(|refusal| has_ended(refusal.code)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const fn has_ended(code: Code) -> bool {
    matches!(code, Code::WrongState | Code::OutsideWindow | Code::NotFound)
}

fn spoken(detail: DisputeDetail) -> &'static str {
    match detail {
        DisputeDetail::DeadNumber => "The number is out of service",
        DisputeDetail::WrongPerson => "Somebody else answers, who knows nothing of the person",
        DisputeDetail::PaidToFill => "The person was paid for the form",
        DisputeDetail::MassSubmission => "The person sends such forms all day",
        DisputeDetail::CompetitorStaff => "The person works for a competitor",
        DisputeDetail::SoldBefore => "The person was sold by another agency before",
        DisputeDetail::DidNotAsk => "The person gave no consent",
        _ => "The person knows nothing of a request",
    }
}

/// Whether the log shows that the call itself speaks for the buyer.
pub(crate) const fn speaks_for_buyer(disposition: AttemptDisposition) -> bool {
    matches!(disposition, AttemptDisposition::WrongPerson | AttemptDisposition::OutOfService)
}
