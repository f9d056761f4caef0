//! A buyer's claim on a trade: its states, who may move it, and what silence does.
//!
//! Every state that is not final has a deadline, and every deadline leads on; so money in dispute always has a way out.

pub mod arbiter;
pub mod cap;
pub mod history;
pub mod opening;
pub mod percent;
pub mod reason;
pub mod state;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::money::{Currency, Money};
use crate::refusal::{Code, Refusal};
use crate::time::{Timestamp, Window, plus_secs};

pub use percent::Percent;
pub use state::{DisputeStatus, Level, RefundCause, Review, RuledBy, Ruling, Stage, State};

use crate::access::{UnknownText, text_enum};

text_enum! {
    /// A side of a trade.
    TradeParty {
        /// Who paid.
        Buyer = "BUYER",
        /// Who is to be paid.
        Seller = "SELLER",
    }
}

/// How long each side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The seller's time to answer, in seconds.
    pub answer_secs: i64,
    /// The arbiter's time to rule, and a second arbiter's to confirm, in seconds.
    pub review_secs: i64,
    /// The parties' time to appeal, in seconds.
    pub appeal_secs: i64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { answer_secs: 48 * 3600, review_secs: 72 * 3600, appeal_secs: 48 * 3600 }
    }
}

/// What somebody, or the clock, does to a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The seller agrees.
    Accept,
    /// The seller does not, and shows why.
    Contest {
        /// Pieces of evidence that the seller has given.
        evidence: u64,
        /// The arbiter drawn, if one is free of ties.
        arbiter: Option<UserId>,
    },
    /// The buyer gives up the claim.
    Withdraw,
    /// An arbiter became available for a dispute that has none.
    Assign {
        /// The arbiter drawn.
        arbiter: UserId,
    },
    /// The arbiter decides.
    Rule {
        /// Who rules.
        arbiter: UserId,
        /// What goes back to the buyer.
        refund: Percent,
        /// Whether the price asks for a second arbiter.
        confirm: bool,
        /// A second arbiter, drawn in case it does.
        second: Option<UserId>,
    },
    /// The second arbiter agrees with the first or does not.
    Confirm {
        /// Who answers.
        arbiter: UserId,
        /// Whether the ruling stands.
        agrees: bool,
        /// A third arbiter, drawn in case it does not.
        third: Option<UserId>,
    },
    /// The arbiter steps aside.
    Recuse {
        /// Who steps aside.
        arbiter: UserId,
        /// Who takes over, if anybody can.
        next: Option<UserId>,
    },
    /// A party asks another arbiter.
    Appeal {
        /// Which party.
        by: TradeParty,
        /// What the party shows that the dispute did not hold before the ruling.
        new_evidence: NewEvidence,
        /// The arbiter drawn.
        arbiter: Option<UserId>,
    },
    /// The trade is to be refunded in full for a reason outside the argument.
    Refund {
        /// The reason.
        cause: RefundCause,
    },
    /// The deadline has come.
    Expire {
        /// What the rule on the evidence gives back.
        on_the_evidence: Percent,
    },
}

/// What a party shows with an appeal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewEvidence {
    /// Statements.
    pub texts: u64,
    /// Files.
    pub files: u64,
    /// Calls that the buyer logged after the ruling.
    pub calls: u64,
}

impl NewEvidence {
    /// Whether it shows what the ruling did not know. More words are no evidence, unless no person has read any yet: the rule on
    /// the evidence does not read.
    fn is_new_to(self, ruling: &Ruling) -> bool {
        self.files > 0 || self.calls > 0 || (self.texts > 0 && ruling.by == RuledBy::Evidence)
    }
}

/// The prices above which one arbiter is not enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfirmAbove {
    /// In minor units of these currencies.
    pub minor: BTreeMap<Currency, i64>,
    /// In minor units of every other currency.
    pub other_minor: i64,
}

impl ConfirmAbove {
    /// Whether a second arbiter has to confirm a ruling on this price.
    #[must_use]
    pub fn applies_to(&self, price: Money) -> bool {
        price.minor > self.minor.get(&price.currency).copied().unwrap_or(self.other_minor)
    }
}

/// What becomes of the money held for the trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// It stays held and the hold's clock goes on.
    Resume,
    /// This part goes back to the buyer; the seller has the rest.
    Settle {
        /// The part.
        refund: Percent,
        /// Whether the exchange takes no commission on the rest.
        commission_waived: bool,
    },
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The state from now on.
    pub state: State,
    /// What moves, if anything does. Exactly the step into a final state has one.
    pub settlement: Option<Settlement>,
}

/// The state and the movement of money after `command` at `now`, or why not. Windows are half open: at its deadline a state
/// takes [`Command::Expire`] and nothing else that has a deadline.
pub fn decide(state: State, command: Command, now: Timestamp, terms: &Terms) -> Result<Decision, Refusal> {
    let status = state.status();
    match (state, command) {
        (state, Command::Refund { cause }) if !state.is_final() => Ok(refunded(cause)),
        (State::Open { answer_by }, command) => decide_open(answer_by, command, now, terms),
        (State::UnderReview(review), command) => decide_review(review, command, now, terms),
        (State::Ruled { ruling, appeal_by, served }, command) => decide_ruled(ruling, appeal_by, served, &command, now, terms),
        (State::Final { .. } | State::Refunded { .. } | State::Withdrawn, _) => Err(wrong_state(status)),
    }
}

/// Whether a party may add evidence at `now`: before its deadline, while the facts are open. An appeal brings its own.
pub fn evidence_allowed(state: &State, now: Timestamp) -> Result<(), Refusal> {
    match state {
        State::Open { answer_by } => before(now, *answer_by),
        State::UnderReview(Review { rule_by, stage: Stage::Ruling | Stage::Tiebreak, .. }) => before(now, *rule_by),
        _ => Err(wrong_state(state.status())),
    }
}

fn decide_open(answer_by: Timestamp, command: Command, now: Timestamp, terms: &Terms) -> Result<Decision, Refusal> {
    match command {
        Command::Expire { .. } => due(now, answer_by).map(|()| refunded(RefundCause::SellerSilent)),
        Command::Accept => before(now, answer_by).map(|()| refunded(RefundCause::SellerAccepted)),
        Command::Withdraw => before(now, answer_by).map(|()| withdrawn()),
        Command::Contest { evidence, arbiter } => {
            before(now, answer_by)?;
            if evidence == 0 {
                return Err(Refusal::required("evidence"));
            }
            Ok(still(State::UnderReview(Review {
                assigned: arbiter,
                rule_by: plus_secs(now, terms.review_secs),
                stage: Stage::Ruling,
                level: Level::First,
                served: Vec::new(),
            })))
        }
        _ => Err(wrong_state(DisputeStatus::Open)),
    }
}

fn decide_review(review: Review, command: Command, now: Timestamp, terms: &Terms) -> Result<Decision, Refusal> {
    if let Command::Expire { on_the_evidence } = command {
        due(now, review.rule_by)?;
        let ruling = Ruling { refund: on_the_evidence, by: RuledBy::Evidence, confirmed_by: None, at: now };
        return Ok(ruled(review, ruling, now, terms));
    }
    before(now, review.rule_by)?;
    match command {
        // An arbiter has ruled once a second one was asked, whatever the second says.
        Command::Withdraw if review.level == Level::First && review.stage == Stage::Ruling => Ok(withdrawn()),
        Command::Assign { arbiter } if review.assigned.is_none() => {
            review.fresh(arbiter)?;
            Ok(still(State::UnderReview(Review { assigned: Some(arbiter), ..review })))
        }
        Command::Recuse { arbiter, next } => {
            review.held_by(arbiter)?;
            Ok(still(State::UnderReview(review.pass_on(arbiter, next)?)))
        }
        Command::Rule { arbiter, refund, confirm, second } if !review.is_confirming() => {
            review.held_by(arbiter)?;
            let ruling = Ruling { refund, by: RuledBy::Arbiter(arbiter), confirmed_by: None, at: now };
            if review.stage == Stage::Ruling && confirm {
                let stage = Stage::Confirming { proposed: ruling };
                let rule_by = plus_secs(now, terms.review_secs);
                return Ok(still(State::UnderReview(Review { stage, rule_by, ..review.pass_on(arbiter, second)? })));
            }
            Ok(ruled(review, ruling, now, terms))
        }
        Command::Confirm { arbiter, agrees, third } => {
            review.held_by(arbiter)?;
            let Stage::Confirming { proposed } = review.stage.clone() else {
                return Err(Refusal::wrong_state("there is no ruling to confirm"));
            };
            if agrees {
                let ruling = Ruling { confirmed_by: Some(arbiter), at: now, ..proposed };
                return Ok(ruled(review, ruling, now, terms));
            }
            let rule_by = plus_secs(now, terms.review_secs);
            let stage = Stage::Tiebreak;
            Ok(still(State::UnderReview(Review { stage, rule_by, ..review.pass_on(arbiter, third)? })))
        }
        _ => Err(wrong_state(DisputeStatus::UnderReview)),
    }
}

fn decide_ruled(
    ruling: Ruling,
    appeal_by: Timestamp,
    served: Vec<UserId>,
    command: &Command,
    now: Timestamp,
    terms: &Terms,
) -> Result<Decision, Refusal> {
    match *command {
        Command::Expire { .. } => due(now, appeal_by).map(|()| finished(ruling, None)),
        Command::Appeal { by, new_evidence, arbiter } => {
            before(now, appeal_by)?;
            let lost = match by {
                TradeParty::Buyer => ruling.refund < Percent::ALL,
                TradeParty::Seller => ruling.refund > Percent::NONE,
            };
            if !lost {
                return Err(Refusal::wrong_state("the ruling gave you all that there was"));
            }
            if !new_evidence.is_new_to(&ruling) {
                let message = "an appeal needs evidence that the arbiter has not seen: a file, or a call logged since the ruling";
                return Err(Refusal::new(Code::Required, message).at("evidence"));
            }
            let review = Review {
                assigned: None,
                rule_by: plus_secs(now, terms.review_secs),
                stage: Stage::Ruling,
                level: Level::Appeal { by, first: ruling },
                served,
            };
            if let Some(arbiter) = arbiter {
                review.fresh(arbiter)?;
            }
            Ok(still(State::UnderReview(Review { assigned: arbiter, ..review })))
        }
        _ => Err(wrong_state(ruling.status())),
    }
}

fn ruled(review: Review, ruling: Ruling, now: Timestamp, terms: &Terms) -> Decision {
    match review.level {
        Level::Appeal { first, .. } => finished(ruling, Some(first)),
        Level::First => {
            let mut served = review.served;
            served.extend(review.assigned);
            still(State::Ruled { ruling, appeal_by: plus_secs(now, terms.appeal_secs), served })
        }
    }
}

/// The exchange missed a deadline: it takes nothing, even when an appeal was then decided in time.
fn finished(ruling: Ruling, first: Option<Ruling>) -> Decision {
    let commission_waived = ruling.by == RuledBy::Evidence || first.as_ref().is_some_and(|first| first.by == RuledBy::Evidence);
    let settlement = Settlement::Settle { refund: ruling.refund, commission_waived };
    Decision { state: State::Final { ruling, first }, settlement: Some(settlement) }
}

fn refunded(cause: RefundCause) -> Decision {
    let settlement = Settlement::Settle { refund: Percent::ALL, commission_waived: false };
    Decision { state: State::Refunded { cause }, settlement: Some(settlement) }
}

fn withdrawn() -> Decision {
    Decision { state: State::Withdrawn, settlement: Some(Settlement::Resume) }
}

fn still(state: State) -> Decision {
    Decision { state, settlement: None }
}

fn before(now: Timestamp, deadline: Timestamp) -> Result<(), Refusal> {
    let open = Window { from: Timestamp::MIN_UTC, until: deadline }.contains(now);
    if open { Ok(()) } else { Err(Refusal::new(Code::OutsideWindow, format!("the deadline was {}", deadline.to_rfc3339()))) }
}

fn due(now: Timestamp, deadline: Timestamp) -> Result<(), Refusal> {
    let open = Window { from: Timestamp::MIN_UTC, until: deadline }.contains(now);
    if open { Err(Refusal::new(Code::OutsideWindow, format!("the deadline is {}", deadline.to_rfc3339()))) } else { Ok(()) }
}

fn wrong_state(status: DisputeStatus) -> Refusal {
    Refusal::wrong_state(format!("a dispute in {} does not take this", status.as_str()))
}

#[cfg(test)]
mod tests;
