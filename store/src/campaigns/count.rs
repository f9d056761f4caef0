//! What campaigns have bought: counted in their rows under the lock, and kept purchase by purchase, so that it can be counted
//! again.

use std::convert::identity;

use domain::campaign::{CampaignChange, CampaignState, PauseReason, Usage};
use domain::id::{CampaignId, TradeId};
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Statement};

use super::{CampaignNext, StoredCampaign};
use crate::changes::Changes;
use crate::db::Store;
use crate::entity::{campaign, campaign_purchase, offer_bid};
use crate::error::{StoreError, WriteError};
use crate::rows::{Column, Get};
use crate::words::is;
use crate::write::Tx;

/// A lead that a campaign bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignPurchase {
    /// The trade.
    pub trade: TradeId,
    /// The campaign.
    pub campaign: CampaignId,
    /// The price, in minor units of the campaign's currency.
    pub price_minor: i64,
    /// When it was counted: at the sale, or at the offer that led to it.
    pub counted_at: Timestamp,
}

impl Tx {
    /// Keeps what campaigns bought.
    pub async fn campaign_purchases_insert(&self, purchases: &[CampaignPurchase]) -> Result<(), WriteError> {
        let mut changes = self.changes();
        purchases_add(&mut changes, purchases);
        changes.write().await
    }

    /// Counts a delivery of a campaign: one that failed, or one that ends a row of failures. After as many as its terms allow the
    /// campaign pauses. Answers it as it is then.
    pub async fn campaign_delivered(&self, id: CampaignId, failed: bool) -> Result<Option<StoredCampaign>, WriteError> {
        let Some(before) = self.campaign_locked(id).await? else { return Ok(None) };
        let failures = if failed { before.failures.saturating_add(1) } else { 0 };
        let most = before.standing.terms.pause_after_failures.map(i64::from);
        if before.standing.state == CampaignState::Active && most.is_some_and(|most| failures >= most) {
            let next = CampaignNext {
                state: CampaignState::Paused,
                pause_reason: Some(PauseReason::DeliveriesFailing),
                failures,
                ..CampaignNext::of(&before, CampaignChange::Paused)
            };
            return self.campaign_change(&before, next, None).await.map(Some);
        }
        campaign::Entity::update_many()
            .col_expr(campaign::Column::Failures, Expr::value(failures))
            .filter(campaign::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(Some(StoredCampaign { failures, ..before }))
    }

    /// Writes the usage of campaigns whose rows are locked.
    pub async fn campaigns_count(&self, campaigns: &[&StoredCampaign]) -> Result<(), WriteError> {
        let mut changes = self.changes();
        usage_write(&mut changes, campaigns)?;
        changes.write().await
    }

    /// What a campaign whose row is locked has bought and holds in open offers, counted again.
    pub async fn campaign_recount(&self, campaign: &StoredCampaign) -> Result<Usage, StoreError> {
        recount(self.db(), campaign, self.now().await?).await
    }
}

/// Keeps what campaigns bought, with other changes.
pub(crate) fn purchases_add(changes: &mut Changes, purchases: &[CampaignPurchase]) {
    changes.insert("campaign_purchase", PURCHASE, purchases, identity);
}

/// Writes the usage of campaigns whose rows are locked, with other changes.
pub(crate) fn usage_write(changes: &mut Changes, campaigns: &[&StoredCampaign]) -> Result<(), StoreError> {
    let row = |campaign: &&StoredCampaign| {
        let usage = serde_json::to_value(campaign.standing.usage).map_err(StoreError::corrupt)?;
        Ok::<Used, StoreError>(Used { id: campaign.id, usage, served_at: campaign.served_at })
    };
    let rows: Vec<Used> = campaigns.iter().map(row).collect::<Result<_, _>>()?;
    let went = || StoreError::Misuse("a campaign went under its lock").into();
    changes.update("campaign", USED, &rows, ("usage = given.usage, served_at = given.served_at", "campaign.id = given.id"), went);
    Ok(())
}

const PURCHASE: &[Column<CampaignPurchase>] = &[
    ("trade_id", Get::Id(|purchase| purchase.trade.0)),
    ("campaign_id", Get::Id(|purchase| purchase.campaign.0)),
    ("price_minor", Get::Integer(|purchase| purchase.price_minor)),
    ("counted_at", Get::Instant(|purchase| purchase.counted_at)),
];

struct Used {
    id: CampaignId,
    usage: serde_json::Value,
    served_at: Option<Timestamp>,
}

const USED: &[Column<Used>] = &[
    ("id", Get::Id(|row| row.id.0)),
    ("usage", Get::Json(|row| &row.usage)),
    ("served_at", Get::MaybeInstant(|row| row.served_at)),
];

impl Store {
    /// What a campaign has bought and holds in open offers, counted again from the purchases and offers themselves, as of `now`.
    pub async fn campaign_recount(&self, campaign: &StoredCampaign, now: Timestamp) -> Result<Usage, StoreError> {
        recount(self.read(), campaign, now).await
    }

    /// Campaigns whose kept total is not what they have bought and hold in open offers.
    pub async fn campaigns_miscounted(&self) -> Result<Vec<CampaignId>, StoreError> {
        let rows = self.read().query_all_raw(Statement::from_string(self.read().get_database_backend(), MISCOUNTED)).await?;
        rows.iter().map(|row| Ok(CampaignId(row.try_get("", "id")?))).collect()
    }
}

/// The last count of a usage is the total. One statement, so that it sees counts and purchases of one instant.
const MISCOUNTED: &str = "SELECT campaign.id AS id FROM campaign LEFT JOIN ( \
    SELECT campaign_id, COUNT(*) AS leads, SUM(price_minor) AS spend_minor FROM ( \
        SELECT campaign_id, price_minor FROM campaign_purchase \
        UNION ALL SELECT campaign_id, price_minor FROM offer_bid WHERE state = 'HELD' \
    ) AS counted GROUP BY campaign_id \
    ) AS found ON found.campaign_id = campaign.id \
    WHERE CAST((campaign.usage -> 'counts' -> 5 ->> 'leads') AS BIGINT) <> COALESCE(found.leads, 0) \
    OR CAST((campaign.usage -> 'counts' -> 5 ->> 'spend_minor') AS BIGINT) <> COALESCE(found.spend_minor, 0)";

async fn recount(db: &impl ConnectionTrait, campaign: &StoredCampaign, now: Timestamp) -> Result<Usage, StoreError> {
    let zone = campaign.standing.terms.zone;
    let bought: Vec<(Timestamp, i64)> = campaign_purchase::Entity::find()
        .select_only()
        .columns([campaign_purchase::Column::CountedAt, campaign_purchase::Column::PriceMinor])
        .filter(campaign_purchase::Column::CampaignId.eq(campaign.id.0))
        .order_by_asc(campaign_purchase::Column::CountedAt)
        .into_tuple()
        .all(db)
        .await?;
    let held: Vec<(Timestamp, i64)> = offer_bid::Entity::find()
        .select_only()
        .columns([offer_bid::Column::CountedAt, offer_bid::Column::PriceMinor])
        .filter(offer_bid::Column::CampaignId.eq(campaign.id.0))
        .filter(is(offer_bid::Column::State, "HELD"))
        .into_tuple()
        .all(db)
        .await?;
    let mut all: Vec<(Timestamp, i64)> = bought.into_iter().chain(held).collect();
    all.sort_unstable();
    let first = all.first().map_or(now, |(at, _)| *at);
    let count = |usage: Usage, (at, price_minor): (Timestamp, i64)| usage.rolled(at, zone).plus(price_minor);
    Ok(all.into_iter().fold(Usage::none(first, zone), count).rolled(now, zone))
}
