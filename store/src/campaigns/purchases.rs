//! The purchases behind a campaign's counts.

use domain::id::CampaignId;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use super::CampaignPurchase;
use crate::db::Store;
use crate::entity::campaign_purchase;
use crate::error::StoreError;

impl Store {
    /// Every lead that a campaign bought, in the order in which they were counted.
    pub async fn campaign_purchases(&self, campaign: CampaignId) -> Result<Vec<CampaignPurchase>, StoreError> {
        let bought = campaign_purchase::Entity::find()
            .filter(campaign_purchase::Column::CampaignId.eq(campaign.0))
            .order_by_asc(campaign_purchase::Column::CountedAt)
            .order_by_asc(campaign_purchase::Column::TradeId);
        let purchase = |row: campaign_purchase::Model| CampaignPurchase {
            trade: row.trade_id.into(),
            campaign: row.campaign_id.into(),
            price_minor: row.price_minor,
            counted_at: row.counted_at,
        };
        Ok(bought.all(self.read()).await?.into_iter().map(purchase).collect())
    }
}
