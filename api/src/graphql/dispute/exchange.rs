//! All disputes, for operators.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::StaffRole;
use domain::dispute::DisputeStatus;
use domain::dispute::reason::{DisputeDetail, DisputeReason};
use domain::id::DisputeId;
use store::disputes::Dispute;

use super::super::connection::{NodeConnection, connection, page, page_cost};
use super::super::error::{answer, top_level};
use super::super::id::to_id;
use super::super::word::Word;
use super::super::{app, caller};
use crate::app::dispute;

const NEWEST: &str = "exchange:newest";

/// Queries of the operators.
#[derive(Debug, Default)]
pub struct ExchangeDisputeQuery;

/// A dispute as an operator sees it: who argues, and what it waits for; neither what was said nor who the person is.
#[derive(Debug, SimpleObject)]
pub struct ExchangeDispute {
    /// The dispute's id.
    pub id: ID,
    /// The trade.
    pub trade_id: ID,
    /// The lead.
    pub lead_id: ID,
    /// Who bought the lead.
    pub buyer_id: ID,
    /// Who sold it.
    pub seller_id: ID,
    /// Where it stands.
    pub status: Word<DisputeStatus>,
    /// What is claimed.
    pub reason: Word<DisputeReason>,
    /// What exactly.
    pub detail: Word<DisputeDetail>,
    /// Whether the exchange opened it for review.
    pub opened_by_exchange: bool,
    /// Whether an earlier ruling was appealed.
    pub appeal: bool,
    /// Whether an arbiter is in charge; without one the rule on the evidence decides when it is due.
    pub has_arbiter: bool,
    /// When silence decides. Null when it has ended.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Dispute> for ExchangeDispute {
    fn from(dispute: Dispute) -> Self {
        let state = dispute.state();
        Self {
            id: to_id(dispute.id),
            trade_id: to_id(dispute.trade),
            lead_id: to_id(dispute.lead),
            buyer_id: to_id(dispute.buyer),
            seller_id: to_id(dispute.seller),
            status: state.status().into(),
            reason: dispute.reason.into(),
            detail: dispute.detail.into(),
            opened_by_exchange: dispute.file.by_exchange,
            appeal: state.is_appealed(),
            has_arbiter: state.arbiter().is_some(),
            due_at: state.timer(),
            opened_at: dispute.opened_at,
            ended_at: dispute.ended_at,
        }
    }
}

#[Object]
impl ExchangeDisputeQuery {
    /// Every dispute, newest first. For operators.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn exchange_disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] status: Option<Word<DisputeStatus>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ExchangeDispute>> {
        caller(ctx).principal.require_staff(StaffRole::Operator).map_err(top_level)?;
        let page = page::<DisputeId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let found = dispute::exchange_disputes(app(ctx), caller(ctx), status.map(|word| word.0), &page).await;
        let slice = answer(ctx, found)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |dispute| dispute.id, ExchangeDispute::from))
    }
}
