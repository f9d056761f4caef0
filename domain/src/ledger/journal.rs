//! A journal: one business event as movements between accounts, valid by construction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::{Account, AccountKind};
use crate::access::{UnknownText, text_enum};
use crate::id::{
    BidId, CardRefundId, ChargebackId, CorrectionId, DepositId, TopUpId, TradeId, TypedId, WithdrawalId, WithdrawalReturnId,
};
use crate::money::Currency;

text_enum! {
    /// A kind of business event that moves money.
    JournalKind {
        /// Money came in from outside.
        Deposit = "DEPOSIT",
        /// A bid locked its larger amount.
        BidReserve = "BID_RESERVE",
        /// A lost or withdrawn bid returned what it locked.
        BidRelease = "BID_RELEASE",
        /// A lead was sold: the price went to the seller's escrow.
        Trade = "TRADE",
        /// A hold ended for the seller, less commission.
        Release = "RELEASE",
        /// A hold ended for the buyer, in full or in part.
        Refund = "REFUND",
        /// A lead proved fake after its hold had ended: the buyer got back what the seller and the exchange had taken.
        Recovery = "RECOVERY",
        /// A seller asked for money out.
        Withdrawal = "WITHDRAWAL",
        /// The bank carried a withdrawal out.
        WithdrawalPaid = "WITHDRAWAL_PAID",
        /// The bank returned a withdrawal, or its organization took it back.
        WithdrawalFailed = "WITHDRAWAL_FAILED",
        /// Money of a withdrawal came back after it had left.
        WithdrawalReturned = "WITHDRAWAL_RETURNED",
        /// Unspent money goes back to the card that paid it.
        CardRefund = "CARD_REFUND",
        /// The card's bank did not take a refund.
        CardRefundFailed = "CARD_REFUND_FAILED",
        /// A payer took money back at its bank or card.
        Chargeback = "CHARGEBACK",
        /// The payer's bank gave back what a chargeback had taken.
        ChargebackWon = "CHARGEBACK_WON",
        /// The exchange bears what an organization did not pay of a chargeback in time.
        WriteOff = "WRITE_OFF",
        /// An operator corrected a mistake.
        Correction = "CORRECTION",
    }
}

impl JournalKind {
    /// What this kind does to its subject. A subject gets each of these once, whatever the kind: a hold that was released
    /// cannot be refunded as well.
    #[must_use]
    pub const fn effect(self) -> &'static str {
        match self {
            Self::Deposit => "DEPOSIT",
            Self::BidReserve => "RESERVE",
            Self::BidRelease => "RESERVE_END",
            Self::Trade => "HOLD",
            Self::Release | Self::Refund => "HOLD_END",
            Self::Recovery => "RECOVERY",
            Self::Withdrawal => "WITHDRAWAL",
            Self::WithdrawalPaid | Self::WithdrawalFailed => "WITHDRAWAL_END",
            Self::WithdrawalReturned => "WITHDRAWAL_RETURN",
            Self::CardRefund => "CARD_REFUND",
            Self::CardRefundFailed => "CARD_REFUND_END",
            Self::Chargeback => "CHARGEBACK",
            Self::ChargebackWon => "CHARGEBACK_END",
            Self::WriteOff => "WRITE_OFF",
            Self::Correction => "CORRECTION",
        }
    }

    /// Whether this kind may move money between these two accounts.
    #[must_use]
    pub fn permits(self, from: &Account, to: &Account) -> bool {
        use AccountKind as A;
        let own = from.organization == to.organization;
        match (self, from.kind, to.kind) {
            (Self::Deposit | Self::WithdrawalReturned, source, A::Available | A::Receivable) => source.is_external(),
            (Self::CardRefundFailed, A::ExternalStripe, A::Available | A::Receivable)
            | (Self::CardRefund, A::Available, A::ExternalStripe)
            | (Self::WriteOff, A::Losses, A::Receivable) => true,
            (Self::ChargebackWon, source, A::Available | A::Receivable | A::Losses) => source.is_external(),
            (Self::BidReserve, A::Available, A::Reserved)
            | (Self::BidRelease | Self::Trade, A::Reserved, A::Available | A::Receivable)
            | (Self::Release, A::Escrow, A::Available | A::Receivable)
            | (Self::Withdrawal, A::Available, A::Payout)
            | (Self::WithdrawalFailed, A::Payout, A::Available | A::Receivable) => own,
            (Self::Trade, A::Available | A::Reserved, A::Escrow)
            | (Self::Recovery, A::Available | A::Receivable, A::Available | A::Receivable) => !own,
            (Self::Refund, A::Escrow, A::Available | A::Receivable)
            | (Self::Release | Self::Refund, A::Escrow, A::Fees)
            | (Self::Recovery, A::Fees | A::Losses, A::Available | A::Receivable)
            | (Self::WithdrawalPaid, A::Payout, A::ExternalBank | A::ExternalStripe) => true,
            (Self::Chargeback, A::Available | A::Receivable | A::Losses, target) => target.is_external(),
            // What bids, holds and withdrawals account for is corrected through them, or the sums would no longer agree.
            (Self::Correction, source, target) => {
                ![source, target].iter().any(|k| matches!(k, A::Reserved | A::Escrow | A::Payout))
            }
            _ => false,
        }
    }

    /// Whether this kind may be about `subject`.
    #[must_use]
    pub const fn concerns(self, subject: Subject) -> bool {
        matches!(
            (self, subject),
            (Self::Deposit, Subject::Deposit(_) | Subject::TopUp(_))
                | (Self::BidReserve | Self::BidRelease, Subject::Bid(_))
                | (Self::Trade | Self::Release | Self::Refund | Self::Recovery, Subject::Trade(_))
                | (Self::Withdrawal | Self::WithdrawalPaid | Self::WithdrawalFailed, Subject::Withdrawal(_))
                | (Self::WithdrawalReturned, Subject::WithdrawalReturn(_))
                | (Self::CardRefund | Self::CardRefundFailed, Subject::CardRefund(_))
                | (Self::Chargeback | Self::ChargebackWon | Self::WriteOff, Subject::Chargeback(_))
                | (Self::Correction, Subject::Correction(_))
        )
    }
}

macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident($id:ident) = $text:literal;)*) => {
        /// What a journal is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Subject {
            $($(#[$doc])* $name($id),)*
        }

        impl Subject {
            /// The kind of thing, as the database keeps it.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $text,)* }
            }

            /// The id below.
            #[must_use]
            pub fn uuid(&self) -> Uuid {
                match self { $(Self::$name(id) => id.uuid(),)* }
            }

            /// The subject that the database keeps as `kind` and `uuid`.
            #[must_use]
            pub fn from_parts(kind: &str, uuid: Uuid) -> Option<Self> {
                match kind { $($text => Some(Self::$name(uuid.into())),)* _ => None }
            }
        }

        impl fmt::Display for Subject {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$name(id) => id.fmt(f),)* }
            }
        }
    };
}

subjects! {
    /// A bid that locks money.
    Bid(BidId) = "BID";
    /// A trade whose price is held.
    Trade(TradeId) = "TRADE";
    /// Money that came in.
    Deposit(DepositId) = "DEPOSIT";
    /// Money that was paid in by card.
    TopUp(TopUpId) = "TOP_UP";
    /// Money that goes out.
    Withdrawal(WithdrawalId) = "WITHDRAWAL";
    /// Money that came back after it had gone out.
    WithdrawalReturn(WithdrawalReturnId) = "WITHDRAWAL_RETURN";
    /// Money that goes back to a card.
    CardRefund(CardRefundId) = "CARD_REFUND";
    /// Money that its payer took back.
    Chargeback(ChargebackId) = "CHARGEBACK";
    /// A mistake that an operator corrects.
    Correction(CorrectionId) = "CORRECTION";
}

/// A positive amount that goes from one account to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Where it leaves.
    pub from: Account,
    /// Where it arrives.
    pub to: Account,
    /// How much, in minor units; above 0.
    pub amount_minor: i64,
}

/// Why movements do not make a journal. Each is a fault of the code that built them, not of a caller's input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Nothing moves.
    #[error("a {} moves nothing", .0.as_str())]
    Empty(JournalKind),
    /// The kind is not about such a subject.
    #[error("a {kind} cannot be about {subject}", kind = .0.as_str(), subject = .1)]
    Subject(JournalKind, Subject),
    /// An amount is zero or negative.
    #[error("{0} is not a positive amount")]
    Amount(i64),
    /// The kind does not allow this pair, or an account does not exist in this form.
    #[error("a {kind} may not move money from {from} to {to}", kind = .0.as_str(), from = .1, to = .2)]
    Pair(JournalKind, Account, Account),
    /// Two currencies in one journal.
    #[error("a journal has one currency")]
    Currency,
}

/// One business event: a kind, its subject, and its movements in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    kind: JournalKind,
    subject: Subject,
    currency: Currency,
    movements: Vec<Movement>,
}

impl Journal {
    /// A journal of these movements, if the kind allows each of them.
    pub fn new(kind: JournalKind, subject: Subject, movements: Vec<Movement>) -> Result<Self, JournalError> {
        let currency = movements.first().ok_or(JournalError::Empty(kind))?.from.currency;
        if !kind.concerns(subject) {
            return Err(JournalError::Subject(kind, subject));
        }
        for Movement { from, to, amount_minor } in &movements {
            if *amount_minor <= 0 {
                return Err(JournalError::Amount(*amount_minor));
            }
            if from.currency != currency || to.currency != currency {
                return Err(JournalError::Currency);
            }
            if from == to || !from.is_well_formed() || !to.is_well_formed() || !kind.permits(from, to) {
                return Err(JournalError::Pair(kind, *from, *to));
            }
        }
        Ok(Self { kind, subject, currency, movements })
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> JournalKind {
        self.kind
    }

    /// To what.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// The one currency of its movements.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The movements, in the order in which balances change.
    #[must_use]
    pub fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// Every account that it touches, once, in a fixed order.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<Account> = self.movements.iter().flat_map(|m| [m.from, m.to]).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}
