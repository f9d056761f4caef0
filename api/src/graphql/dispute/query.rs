//! Reading disputes and reputations.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::dispute::{DisputeStatus, TradeParty};
use domain::id::{DisputeId, OrganizationId, TradeId};
use domain::refusal::Refusal;
use domain::reputation::{Posterior, Tally};
use domain::trade::SellerStanding;
use store::disputes::DisputeFilter;

use super::super::connection::{NodeConnection, connection, page, page_cost};
use super::super::error::{answer, top_level};
use super::super::id::{parse_id, to_id};
use super::super::word::Word;
use super::super::{app, caller};
use super::object::DisputeObject;
use crate::app::dispute;

const NEWEST: &str = "disputes:newest";

/// Queries about disputes.
#[derive(Debug, Default)]
pub struct DisputeQuery;

/// What disputes and trades say of an organization. Shares are expectations with their central 90% interval, in basis points.
#[derive(Debug, SimpleObject)]
pub struct Reputation {
    /// The organization.
    pub organization_id: ID,
    /// How far the exchange trusts it as a seller, which sets the length of its holds.
    pub standing: Word<SellerStanding>,
    /// The trades that it sold and that have ended.
    pub sold: i32,
    /// Of what it sold, the share that turns out to be bad.
    pub bad_sales: Share,
    /// Of the disputes that it opens, the share that turns out to be unfounded. Only for itself, for those it has traded with, and
    /// for staff.
    pub unfounded_disputes: Option<Share>,
    /// What its bids weigh in a clearing, in basis points and steps of 500. Only for itself, for those it has traded with, and for
    /// staff.
    pub bidder_weight_bp: Option<i32>,
}

/// An expected share, in basis points.
#[derive(Debug, SimpleObject)]
pub struct Share {
    /// The expectation.
    pub expected_bp: i32,
    /// The lower end of the central 90% interval.
    pub low_bp: i32,
    /// The upper end of the central 90% interval.
    pub high_bp: i32,
}

impl From<Posterior> for Share {
    fn from(posterior: Posterior) -> Self {
        let (low, high) = posterior.interval_bp();
        Self { expected_bp: bp(posterior.mean_bp()), low_bp: bp(low), high_bp: bp(high) }
    }
}

fn bp(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(10_000)
}

#[Object]
impl DisputeQuery {
    /// A dispute of the caller's organization, by its id or by its trade's; exactly one is named. Needs `trades:read`.
    async fn dispute(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The dispute.")] id: Option<ID>,
        #[graphql(desc = "The trade that is disputed.")] trade_id: Option<ID>,
    ) -> async_graphql::Result<Option<DisputeObject>> {
        caller(ctx).principal.require(domain::access::Permission::TradesRead).map_err(top_level)?;
        let found = match (id, trade_id) {
            (Some(id), None) => {
                let id: DisputeId = parse_id(&id, "id").map_err(top_level)?;
                dispute::dispute(app(ctx), caller(ctx), id).await
            }
            (None, Some(id)) => {
                let id: TradeId = parse_id(&id, "tradeId").map_err(top_level)?;
                dispute::dispute_of_trade(app(ctx), caller(ctx), id).await
            }
            _ => return Err(top_level(Refusal::invalid("id", "name the dispute or the trade, exactly one"))),
        };
        Ok(answer(ctx, found)?.map(DisputeObject::from))
    }

    /// The disputes of the caller's organization, newest first. Needs `trades:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in which it is the buyer, or only the seller.")] party: Option<Word<TradeParty>>,
        #[graphql(desc = "Only those in this state.")] status: Option<Word<DisputeStatus>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<DisputeObject>> {
        caller(ctx).principal.require(domain::access::Permission::TradesRead).map_err(top_level)?;
        let page = page::<DisputeId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let filter = DisputeFilter { party: party.map(|word| word.0), status: status.map(|word| word.0) };
        let slice = answer(ctx, dispute::disputes(app(ctx), caller(ctx), filter, &page).await)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |dispute| dispute.id, DisputeObject::from))
    }

    /// What disputes and trades say of an organization; a newcomer is its prior. Needs `market:read`, or staff.
    async fn reputation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] organization_id: ID,
    ) -> async_graphql::Result<Reputation> {
        let id: OrganizationId = match parse_id(&organization_id, "organizationId") {
            Ok(id) => id,
            Err(refusal) => {
                answer(ctx, dispute::reputation_allowed(caller(ctx)))?;
                return Err(top_level(refusal));
            }
        };
        let (seller, buyer) = answer(ctx, dispute::reputation(app(ctx), caller(ctx), id).await)?;
        let rule = dispute::standing_rule(&app(ctx).config.exchange);
        let sold = |tally: &Tally| i32::try_from(tally.trades).unwrap_or(i32::MAX);
        Ok(Reputation {
            organization_id: to_id(id),
            standing: seller.standing(&rule).into(),
            sold: sold(&seller),
            bad_sales: seller.as_seller().into(),
            unfounded_disputes: buyer.map(|buyer| buyer.as_buyer().into()),
            bidder_weight_bp: buyer.map(|buyer| bp(buyer.bidder_weight_bp())),
        })
    }
}
