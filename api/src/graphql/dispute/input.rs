//! What the mutations of disputes take.

use async_graphql::{Enum, ID, InputObject};
use domain::dispute::reason::{DisputeClaim, DisputeDetail};
use domain::id::{DisputeId, UploadId};
use domain::refusal::Refusal;

use super::super::id::parse_id;
use super::super::word::Word;
use crate::app::dispute::{self, Answer, DisputeAppeal, DisputeOpen, DisputeRespond, DisputeRule, Shown};

/// A claim on a trade of one's own.
#[derive(Debug, InputObject)]
pub struct DisputeOpenInput {
    /// The trade, inside its hold.
    pub trade_id: ID,
    /// What is claimed.
    pub claim: Word<DisputeClaim>,
    /// What exactly; it has to fit the claim.
    pub detail: Word<DisputeDetail>,
    /// What there is to say; at most 5,000 characters.
    pub statement: Option<String>,
    /// Files, put before through `uploadCreate` for evidence.
    #[graphql(default)]
    pub upload_ids: Vec<ID>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// What the seller says to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum DisputeAnswer {
    /// It is right: the buyer has its money back.
    Accept,
    /// It is not: an arbiter decides. Takes evidence.
    Contest,
}

/// The seller's answer to a claim.
#[derive(Debug, InputObject)]
pub struct DisputeRespondInput {
    /// The dispute, while the seller has the word.
    pub dispute_id: ID,
    /// What the seller says.
    pub answer: DisputeAnswer,
    /// What there is to say; at most 5,000 characters.
    pub statement: Option<String>,
    /// Files, put before through `uploadCreate` for evidence.
    #[graphql(default)]
    pub upload_ids: Vec<ID>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// A claim to be given up.
#[derive(Debug, InputObject)]
pub struct DisputeWithdrawInput {
    /// The dispute, before a ruling.
    pub dispute_id: ID,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// More evidence.
#[derive(Debug, InputObject)]
pub struct DisputeEvidenceAddInput {
    /// The dispute, while its facts are open.
    pub dispute_id: ID,
    /// What there is to say; at most 5,000 characters.
    pub statement: Option<String>,
    /// Files, put before through `uploadCreate` for evidence.
    #[graphql(default)]
    pub upload_ids: Vec<ID>,
}

/// An appeal against a ruling.
#[derive(Debug, InputObject)]
pub struct DisputeAppealInput {
    /// The dispute, ruled and inside the appeal's window.
    pub dispute_id: ID,
    /// What the first arbiter was not told; at most 5,000 characters.
    pub statement: Option<String>,
    /// Files that the first arbiter did not see.
    #[graphql(default)]
    pub upload_ids: Vec<ID>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// A dispute on the caller's desk.
#[derive(Debug, InputObject)]
pub struct DeskDisputeInput {
    /// The dispute.
    pub dispute_id: ID,
}

/// A ruling.
#[derive(Debug, InputObject)]
pub struct DisputeRuleInput {
    /// The dispute.
    pub dispute_id: ID,
    /// What goes back to the buyer, in whole percent of the price: 100 upholds the claim, 0 rejects it.
    pub refund_percent: i32,
    /// Why; at most 5,000 characters.
    pub grounds: String,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// The second arbiter's word on a ruling.
#[derive(Debug, InputObject)]
pub struct DisputeConfirmInput {
    /// The dispute.
    pub dispute_id: ID,
    /// Whether the ruling stands; otherwise a third arbiter rules.
    pub agrees: bool,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

impl DisputeOpenInput {
    pub(super) fn parse(self) -> Result<DisputeOpen, Refusal> {
        Ok(DisputeOpen {
            trade: parse_id(&self.trade_id, "tradeId")?,
            claim: self.claim.0,
            detail: self.detail.0,
            shown: shown(self.statement, &self.upload_ids)?,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl DisputeRespondInput {
    pub(super) fn parse(self) -> Result<DisputeRespond, Refusal> {
        let answer = match self.answer {
            DisputeAnswer::Accept => Answer::Accept,
            DisputeAnswer::Contest => Answer::Contest,
        };
        Ok(DisputeRespond {
            dispute: parse_id(&self.dispute_id, "disputeId")?,
            answer,
            shown: shown(self.statement, &self.upload_ids)?,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl DisputeEvidenceAddInput {
    pub(super) fn parse(self) -> Result<(DisputeId, Shown), Refusal> {
        Ok((parse_id(&self.dispute_id, "disputeId")?, shown(self.statement, &self.upload_ids)?))
    }
}

impl DisputeAppealInput {
    pub(super) fn parse(self) -> Result<DisputeAppeal, Refusal> {
        Ok(DisputeAppeal {
            dispute: parse_id(&self.dispute_id, "disputeId")?,
            shown: shown(self.statement, &self.upload_ids)?,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl DisputeRuleInput {
    pub(super) fn parse(self) -> Result<DisputeRule, Refusal> {
        Ok(dispute::DisputeRule {
            dispute: parse_id(&self.dispute_id, "disputeId")?,
            refund_percent: i64::from(self.refund_percent),
            grounds: self.grounds,
            idempotency_key: self.idempotency_key,
        })
    }
}

fn shown(statement: Option<String>, uploads: &[ID]) -> Result<Shown, Refusal> {
    let file = |(index, id): (usize, &ID)| {
        parse_id::<UploadId>(id, "uploadIds")
            .map_err(|refusal| Refusal { path: vec!["uploadIds".to_owned(), index.to_string()], ..refusal })
    };
    Ok(Shown { statement, files: uploads.iter().enumerate().map(file).collect::<Result<_, _>>()? })
}
