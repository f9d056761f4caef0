//! Deliveries as their buyer sees them.

use std::collections::BTreeMap;

use domain::delivery::DeliveryState;
use domain::id::{CampaignId, DeliveryAttemptId, DeliveryId, DestinationId, OrganizationId, TradeId};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, QueryTrait};

use super::{Attempt, Delivery};
use crate::db::Store;
use crate::entity::{delivery, delivery_attempt};
use crate::error::StoreError;
use crate::page::{Page, Slice, first_of_each};

/// Which deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those to this destination.
    pub destination: Option<DestinationId>,
    /// Only those of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only those of this trade.
    pub trade: Option<TradeId>,
}

impl DeliveryFilter {
    fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.state.map(|state| delivery::Column::State.eq(state.as_str())))
            .add_option(self.destination.map(|id| delivery::Column::DestinationId.eq(id.0)))
            .add_option(self.campaign.map(|id| delivery::Column::CampaignId.eq(id.0)))
            .add_option(self.trade.map(|id| delivery::Column::TradeId.eq(id.0)))
    }
}

impl Store {
    /// A page of the deliveries of `organization`, the youngest first.
    pub async fn deliveries(
        &self,
        organization: OrganizationId,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Slice<Delivery>, StoreError> {
        let mut find = delivery::Entity::find()
            .filter(delivery::Column::OrganizationId.eq(organization.0))
            .filter(filter.condition())
            .order_by_desc(delivery::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(delivery::Column::Id.lt(after.0));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(Delivery::try_from)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn deliveries_many(&self, organization: OrganizationId, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        let wanted = delivery::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = delivery::Entity::find().filter(wanted).filter(delivery::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(Delivery::try_from).collect()
    }

    /// The deliveries of each of these trades of `organization`, the youngest first; as many as it has destinations.
    pub async fn deliveries_of_trades(
        &self,
        organization: OrganizationId,
        trades: &[TradeId],
    ) -> Result<BTreeMap<TradeId, Vec<Delivery>>, StoreError> {
        let rows = delivery::Entity::find()
            .filter(delivery::Column::TradeId.is_in(trades.iter().map(|id| id.0)))
            .filter(delivery::Column::OrganizationId.eq(organization.0))
            .order_by_desc(delivery::Column::Id);
        let mut found: BTreeMap<TradeId, Vec<Delivery>> = BTreeMap::new();
        for row in rows.all(self.read()).await? {
            found.entry(row.trade_id.into()).or_default().push(row.try_into()?);
        }
        Ok(found)
    }

    /// A page of the attempts of each of these deliveries of `organization`, the latest first.
    pub async fn delivery_attempts_many(
        &self,
        organization: OrganizationId,
        ids: &[DeliveryId],
        page: &Page<DeliveryAttemptId>,
    ) -> Result<BTreeMap<DeliveryId, Slice<Attempt>>, StoreError> {
        let own = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(delivery::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(delivery::Column::OrganizationId.eq(organization.0));
        let of = Condition::all()
            .add(delivery_attempt::Column::DeliveryId.in_subquery(own.into_query()))
            .add_option(page.after.map(|after| delivery_attempt::Column::Id.lt(after.0)));
        let latest = first_of_each::<delivery_attempt::Entity>(delivery_attempt::Column::DeliveryId, "id DESC", of, page.limit());
        let statement = self.read().get_database_backend().build(&latest);
        let mut pages: BTreeMap<DeliveryId, Vec<Attempt>> = BTreeMap::new();
        for row in delivery_attempt::Entity::find().from_raw_sql(statement).all(self.read()).await? {
            pages.entry(row.delivery_id.into()).or_default().push(row.try_into()?);
        }
        Ok(pages.into_iter().map(|(delivery, rows)| (delivery, Slice::cut(rows, page))).collect())
    }
}
