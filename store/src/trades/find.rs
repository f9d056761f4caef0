//! Trades as their parties see them: a trade of others does not exist.

use domain::id::{LeadId, ListingId, OrganizationId, TradeId};
use domain::trade::TradeState;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use super::row::Trade;
use crate::db::Store;
use crate::entity::trade;
use crate::error::StoreError;
use crate::page::{Page, Slice};

/// On which side of its trades an organization looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeSide {
    /// What it sold.
    Seller,
    /// What it bought.
    Buyer,
    /// Both.
    Either,
}

impl TradeSide {
    fn of(self, organization: OrganizationId) -> Condition {
        let seller = trade::Column::SellerId.eq(organization.0);
        let buyer = trade::Column::BuyerId.eq(organization.0);
        match self {
            Self::Seller => Condition::all().add(seller),
            Self::Buyer => Condition::all().add(buyer),
            Self::Either => Condition::any().add(seller).add(buyer),
        }
    }
}

impl Store {
    /// The trade, when the organization is a party to it.
    pub async fn trade_of(&self, id: TradeId, organization: OrganizationId) -> Result<Option<Trade>, StoreError> {
        let row = trade::Entity::find_by_id(id.0).filter(TradeSide::Either.of(organization)).one(self.read()).await?;
        row.map(Trade::try_from).transpose()
    }

    /// The trade, for staff and workers.
    pub async fn trade_any(&self, id: TradeId) -> Result<Option<Trade>, StoreError> {
        trade::Entity::find_by_id(id.0).one(self.read()).await?.map(Trade::try_from).transpose()
    }

    /// Those of `ids` to which the organization is a party, or all of them for staff, in no order.
    pub async fn trades_many(&self, organization: Option<OrganizationId>, ids: &[TradeId]) -> Result<Vec<Trade>, StoreError> {
        let wanted = trade::Entity::find().filter(trade::Column::Id.is_in(ids.iter().map(|id| id.0)));
        let seen = organization.map(|organization| TradeSide::Either.of(organization));
        let rows = wanted.filter(Condition::all().add_option(seen)).all(self.read()).await?;
        rows.into_iter().map(Trade::try_from).collect()
    }

    /// A page of an organization's trades, newest first.
    pub async fn trades_of(
        &self,
        organization: OrganizationId,
        side: TradeSide,
        state: Option<TradeState>,
        page: &Page<TradeId>,
    ) -> Result<Slice<Trade>, StoreError> {
        let mut rows = trade::Entity::find().filter(side.of(organization));
        if let Some(state) = state {
            rows = rows.filter(trade::Column::State.eq(state.as_str()));
        }
        if let Some(after) = page.after {
            rows = rows.filter(trade::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(trade::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Trade::try_from)
    }

    /// Whether one of the two organizations has sold to the other.
    pub async fn have_traded(&self, one: OrganizationId, other: OrganizationId) -> Result<bool, StoreError> {
        let sold = |seller: OrganizationId, buyer: OrganizationId| {
            Condition::all().add(trade::Column::SellerId.eq(seller.0)).add(trade::Column::BuyerId.eq(buyer.0))
        };
        let between = Condition::any().add(sold(one, other)).add(sold(other, one));
        Ok(trade::Entity::find().filter(between).one(self.read()).await?.is_some())
    }

    /// Every trade of a listing, oldest first; at most five.
    pub async fn trades_of_listing(&self, listing: ListingId) -> Result<Vec<Trade>, StoreError> {
        let rows = trade::Entity::find().filter(trade::Column::ListingId.eq(listing.0)).order_by_asc(trade::Column::Id);
        rows.all(self.read()).await?.into_iter().map(Trade::try_from).collect()
    }

    /// The trade by which the organization bought the lead, if it did.
    pub async fn trade_of_lead(&self, lead: LeadId, buyer: OrganizationId) -> Result<Option<Trade>, StoreError> {
        let row = trade::Entity::find()
            .filter(trade::Column::LeadId.eq(lead.0))
            .filter(trade::Column::BuyerId.eq(buyer.0))
            .one(self.read())
            .await?;
        row.map(Trade::try_from).transpose()
    }
}
