//! A dispute as its parties see it.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::dispute::history::{DisputeEntryKind, DisputeSide};
use domain::dispute::reason::{DisputeDetail, DisputeReason};
use domain::dispute::{DisputeStatus, Level, RefundCause, RuledBy, Ruling, State, TradeParty};
use domain::id::{DisputeId, LeadId};
use domain::proof::AutomaticProof;
use store::disputes::Dispute;

use super::super::certificate::{ConsentCertificate, certificate_of};
use super::super::error::answer;
use super::super::id::to_id;
use super::super::loader::{EntriesOf, FilesOf, load};
use super::super::word::Word;
use crate::app::dispute::{EntryView, FileView};

/// A buyer's claim on a trade.
#[derive(Debug, SimpleObject)]
#[graphql(complex, name = "Dispute")]
pub struct DisputeObject {
    /// The id.
    pub id: ID,
    /// The trade.
    pub trade_id: ID,
    /// The lead.
    pub lead_id: ID,
    /// Who bought the lead.
    pub buyer_id: ID,
    /// Who sold it.
    pub seller_id: ID,
    /// What is claimed.
    pub reason: Word<DisputeReason>,
    /// What exactly.
    pub detail: Word<DisputeDetail>,
    /// Where it stands.
    pub status: Word<DisputeStatus>,
    /// What the exchange proved by itself.
    pub proof: Option<Word<AutomaticProof>>,
    /// Whether the exchange opened it for review, because the lead's siblings were fake.
    pub opened_by_exchange: bool,
    /// The ruling in force.
    pub ruling: Option<DisputeRuling>,
    /// The ruling that was appealed.
    pub appealed_ruling: Option<DisputeRuling>,
    /// Why the buyer has its money back without a ruling.
    pub refund_cause: Option<Word<RefundCause>>,
    /// When silence decides: the seller's, the arbiter's, or that of whoever may appeal. Null when it has ended.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    raw: DisputeId,
    #[graphql(skip)]
    lead: LeadId,
}

/// A decision on the merits.
#[derive(Debug, SimpleObject)]
pub struct DisputeRuling {
    /// What goes back to the buyer, in whole percent of the price.
    pub refund_percent: i32,
    /// Whether the rule on the evidence decided, since the arbiter missed the deadline; the exchange then takes no commission.
    pub by_evidence: bool,
    /// Whether a second arbiter confirmed it.
    pub confirmed: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// Something that happened in a dispute.
#[derive(Debug, SimpleObject)]
pub struct DisputeEntry {
    /// The id.
    pub id: ID,
    /// What happened.
    pub kind: Word<DisputeEntryKind>,
    /// Who did it.
    pub side: Word<DisputeSide>,
    /// What was said. Null without `contacts:reveal` and `disputes:write`, and, of what the seller said, for a buyer who has all
    /// its money back.
    pub text: Option<String>,
    /// The file that was given.
    pub evidence_id: Option<ID>,
    /// The part of the price that was ruled to go back to the buyer, in whole percent.
    pub refund_percent: Option<i32>,
    /// The points by which the rule on the evidence decided: positive for the buyer.
    pub evidence_points: Option<i32>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A file given as evidence. Its content is at `/evidence/{id}`, for the arbiter in charge, and for the parties: for members and
/// keys with `contacts:reveal` or `disputes:write`, and what the seller gave not for a buyer who has all its money back.
#[derive(Debug, SimpleObject)]
pub struct DisputeFile {
    /// The id.
    pub id: ID,
    /// Who gave it.
    pub party: Word<TradeParty>,
    /// Its name; null for those who may not read it.
    pub file_name: Option<String>,
    /// Its media type, by its first bytes.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<i32>,
    /// When it was given.
    pub at: DateTime<Utc>,
}

#[ComplexObject]
impl DisputeObject {
    /// The history, oldest first. A ruling that another arbiter has yet to confirm, or did not, is shown when all has ended.
    #[graphql(complexity = "child_complexity * 20 + 1")]
    async fn entries(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DisputeEntry>> {
        let entries = answer(ctx, load(ctx, EntriesOf(self.raw)).await)?;
        Ok(entries.unwrap_or_default().into_iter().map(DisputeEntry::from).collect())
    }

    /// What the exchange signed when a hosted form brought the lead.
    async fn consent_certificate(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ConsentCertificate>> {
        certificate_of(ctx, self.lead).await
    }

    /// The files that both sides gave, in the order in which they came.
    #[graphql(complexity = "child_complexity * 20 + 1")]
    async fn files(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DisputeFile>> {
        let files = answer(ctx, load(ctx, FilesOf(self.raw)).await)?;
        Ok(files.unwrap_or_default().into_iter().map(DisputeFile::from).collect())
    }
}

impl From<Dispute> for DisputeObject {
    fn from(dispute: Dispute) -> Self {
        let state = dispute.state();
        let (ruling, appealed) = match state {
            State::Ruled { ruling, .. } => (Some(ruling), None),
            State::Final { ruling, first } => (Some(ruling), first.as_ref()),
            State::UnderReview(review) => match &review.level {
                Level::Appeal { first, .. } => (None, Some(first)),
                Level::First => (None, None),
            },
            _ => (None, None),
        };
        let refund_cause = if let State::Refunded { cause } = state { Some(Word(*cause)) } else { None };
        Self {
            id: to_id(dispute.id),
            trade_id: to_id(dispute.trade),
            lead_id: to_id(dispute.lead),
            buyer_id: to_id(dispute.buyer),
            seller_id: to_id(dispute.seller),
            reason: dispute.reason.into(),
            detail: dispute.detail.into(),
            status: state.status().into(),
            proof: dispute.file.proof.map(Word),
            opened_by_exchange: dispute.file.by_exchange,
            ruling: ruling.map(DisputeRuling::from),
            appealed_ruling: appealed.map(DisputeRuling::from),
            refund_cause,
            due_at: state.timer(),
            opened_at: dispute.opened_at,
            ended_at: dispute.ended_at,
            raw: dispute.id,
            lead: dispute.lead,
        }
    }
}

impl From<&Ruling> for DisputeRuling {
    fn from(ruling: &Ruling) -> Self {
        Self {
            refund_percent: i32::from(ruling.refund.value()),
            by_evidence: ruling.by == RuledBy::Evidence,
            confirmed: ruling.confirmed_by.is_some(),
            at: ruling.at,
        }
    }
}

impl From<EntryView> for DisputeEntry {
    fn from(entry: EntryView) -> Self {
        let number = |value: Option<&serde_json::Value>| {
            value.and_then(serde_json::Value::as_i64).and_then(|number| i32::try_from(number).ok())
        };
        let body = &entry.body;
        Self {
            id: to_id(entry.id),
            kind: entry.kind.into(),
            side: entry.side.into(),
            text: entry.text,
            evidence_id: body.get("evidenceId").and_then(|id| id.as_str()).map(ID::from),
            refund_percent: number(body.get("refundPercent")),
            evidence_points: number(body.get("weighing").and_then(|weighing| weighing.get("points"))),
            at: entry.at,
        }
    }
}

impl From<FileView> for DisputeFile {
    fn from(file: FileView) -> Self {
        Self {
            id: to_id(file.id),
            party: file.party.into(),
            file_name: file.name,
            media_type: file.media_type,
            size_bytes: file.size_bytes.and_then(|size| i32::try_from(size).ok()),
            at: file.at,
        }
    }
}
