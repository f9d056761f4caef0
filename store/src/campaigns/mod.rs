//! Campaigns: a buyer's standing orders, their history, and what they have bought.

mod count;
mod history;
mod purchases;
mod row;

use domain::campaign::{CampaignChange, CampaignState, PauseReason, Standing, Terms, Usage};
use domain::id::{CampaignId, CampaignRevisionId, OrganizationId, TypedId, UserId, VerticalId};
use domain::money::Currency;
use domain::refusal::{Code, Refusal};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};
use serde_json::json;

pub use count::CampaignPurchase;
pub(crate) use count::{purchases_add, usage_write};
pub use history::{Lookback, Outcome, Person};
pub use row::{CampaignRevision, StoredCampaign};

use crate::db::{Backend, STATEMENT_ROWS, Store};
use crate::entity::{campaign, campaign_revision};
use crate::error::{StoreError, WriteError};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::words::is;
use crate::write::Tx;

/// The topic of every change of a campaign's terms or state.
pub const CAMPAIGN_CHANGED: &str = "campaign.changed";

/// A campaign to be made.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Whose it is.
    pub organization: OrganizationId,
    /// For which vertical and everything below it.
    pub vertical: VerticalId,
    /// What its buyer calls it.
    pub name: String,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What it says.
    pub terms: Terms,
    /// Who makes it.
    pub created_by: Option<UserId>,
}

/// What a change makes of a campaign.
#[derive(Debug, Clone)]
pub struct CampaignNext {
    /// What is done.
    pub change: CampaignChange,
    /// Where it stands.
    pub state: CampaignState,
    /// Why it is paused, if it is.
    pub pause_reason: Option<PauseReason>,
    /// What its buyer calls it.
    pub name: String,
    /// What it says.
    pub terms: Terms,
    /// Whether its trial is confirmed.
    pub trial_confirmed: bool,
    /// Failed deliveries in a row.
    pub failures: i64,
}

impl CampaignNext {
    /// The campaign as it is, with `change` to be made in it.
    #[must_use]
    pub fn of(before: &StoredCampaign, change: CampaignChange) -> Self {
        Self {
            change,
            state: before.standing.state,
            pause_reason: before.pause_reason,
            name: before.name.clone(),
            terms: before.standing.terms.clone(),
            trial_confirmed: before.standing.trial_confirmed,
            failures: before.failures,
        }
    }
}

impl Tx {
    /// Makes a campaign. It buys from the commit on.
    pub async fn campaign_insert(&self, new: &NewCampaign) -> Result<StoredCampaign, WriteError> {
        let (id, now): (CampaignId, _) = (self.id(), self.now().await?);
        let usage = Usage::none(now, new.terms.zone);
        let row = campaign::ActiveModel {
            id: Set(id.0),
            organization_id: Set(new.organization.0),
            vertical_id: Set(new.vertical.0),
            name: Set(new.name.clone()),
            state: Set(CampaignState::Active.as_str().to_owned()),
            pause_reason: Set(None),
            currency: Set(new.currency.code().to_owned()),
            terms: Set(serde_json::to_value(&new.terms).map_err(StoreError::corrupt)?),
            usage: Set(serde_json::to_value(usage).map_err(StoreError::corrupt)?),
            trial_confirmed: Set(false),
            failures: Set(0),
            served_at: Set(None),
            created_by: Set(new.created_by.map(|user| user.0)),
            created_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
        };
        campaign::Entity::insert(row).exec_without_returning(self.db()).await?;
        let made = StoredCampaign {
            id,
            organization: new.organization,
            vertical: new.vertical,
            name: new.name.clone(),
            currency: new.currency,
            standing: Standing { id, state: CampaignState::Active, trial_confirmed: false, terms: new.terms.clone(), usage },
            pause_reason: None,
            failures: 0,
            served_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        self.campaign_told(&made, CampaignChange::Created, new.created_by).await?;
        Ok(made)
    }

    /// How many campaigns of the buyer are not archived.
    pub async fn campaigns_open_count(&self, buyer: OrganizationId) -> Result<u64, StoreError> {
        let open = campaign::Entity::find()
            .filter(campaign::Column::OrganizationId.eq(buyer.0))
            .filter(campaign::Column::State.ne(CampaignState::Archived.as_str()));
        Ok(open.count(self.db()).await?)
    }

    /// The campaign, locked until the transaction ends.
    pub async fn campaign_locked(&self, id: CampaignId) -> Result<Option<StoredCampaign>, StoreError> {
        Ok(self.campaigns_locked(&[id]).await?.pop())
    }

    /// Those of `ids` that there are, locked in the order of their ids.
    pub async fn campaigns_locked(&self, ids: &[CampaignId]) -> Result<Vec<StoredCampaign>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        let mut sorted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        sorted.sort_unstable();
        sorted.dedup();
        for ids in sorted.chunks(STATEMENT_ROWS) {
            let mut query = campaign::Entity::find()
                .filter(campaign::Column::Id.is_in(ids.iter().copied()))
                .order_by_asc(campaign::Column::Id);
            if self.backend() == Backend::Postgres {
                query = query.lock(LockType::NoKeyUpdate);
            }
            for row in query.all(self.db()).await? {
                found.push(StoredCampaign::try_from(row)?);
            }
        }
        Ok(found)
    }

    /// Writes what a change makes of the campaign, if nobody changed it since it was read.
    pub async fn campaign_change(
        &self,
        before: &StoredCampaign,
        next: CampaignNext,
        by: Option<UserId>,
    ) -> Result<StoredCampaign, WriteError> {
        let (version, now) = (before.version.saturating_add(1), self.now().await?);
        let terms = serde_json::to_value(&next.terms).map_err(StoreError::corrupt)?;
        let done = campaign::Entity::update_many()
            .col_expr(campaign::Column::State, Expr::value(next.state.as_str()))
            .col_expr(campaign::Column::PauseReason, Expr::value(next.pause_reason.map(PauseReason::as_str)))
            .col_expr(campaign::Column::Name, Expr::value(next.name.clone()))
            .col_expr(campaign::Column::Terms, Expr::value(terms))
            .col_expr(campaign::Column::TrialConfirmed, Expr::value(next.trial_confirmed))
            .col_expr(campaign::Column::Failures, Expr::value(next.failures))
            .col_expr(campaign::Column::UpdatedAt, Expr::value(now))
            .col_expr(campaign::Column::Version, Expr::value(version))
            .filter(campaign::Column::Id.eq(before.id.0))
            .filter(campaign::Column::Version.eq(before.version))
            .exec(self.db())
            .await?;
        if done.rows_affected != 1 {
            return Err(Refusal::new(Code::Conflict, "the campaign changed meanwhile").at("campaignId").into());
        }
        let CampaignNext { change, state, pause_reason, name, terms, trial_confirmed, failures } = next;
        let standing = Standing { state, terms, trial_confirmed, ..before.standing.clone() };
        let after = StoredCampaign { name, standing, pause_reason, failures, version, updated_at: now, ..before.clone() };
        self.campaign_told(&after, change, by).await?;
        Ok(after)
    }

    async fn campaign_told(
        &self,
        campaign: &StoredCampaign,
        change: CampaignChange,
        by: Option<UserId>,
    ) -> Result<(), StoreError> {
        let row = campaign_revision::ActiveModel {
            id: Set(self.id::<CampaignRevisionId>().uuid()),
            campaign_id: Set(campaign.id.0),
            version: Set(campaign.version),
            change: Set(change.as_str().to_owned()),
            pause_reason: Set(campaign.pause_reason.map(|reason| reason.as_str().to_owned())),
            name: Set(campaign.name.clone()),
            terms: Set(serde_json::to_value(&campaign.standing.terms).map_err(StoreError::corrupt)?),
            changed_by: Set(by.map(|user| user.0)),
            created_at: Set(campaign.updated_at),
        };
        campaign_revision::Entity::insert(row).exec_without_returning(self.db()).await?;
        let payload = json!({ "state": campaign.standing.state, "change": change, "pauseReason": campaign.pause_reason });
        self.emit(Event { topic: CAMPAIGN_CHANGED, subject_id: campaign.id.0, audience: vec![campaign.organization], payload })
            .await
    }
}

impl Store {
    /// The campaign, whosever it is, for the exchange's own work.
    pub async fn campaign_any(&self, id: CampaignId) -> Result<Option<StoredCampaign>, StoreError> {
        campaign::Entity::find_by_id(id.0).one(self.read()).await?.map(StoredCampaign::try_from).transpose()
    }

    /// Those of `ids` that are the buyer's own, in no order.
    pub async fn campaigns_many(&self, buyer: OrganizationId, ids: &[CampaignId]) -> Result<Vec<StoredCampaign>, StoreError> {
        let wanted = campaign::Column::Id.is_in(ids.iter().map(|id| id.0));
        let own = campaign::Entity::find().filter(wanted).filter(campaign::Column::OrganizationId.eq(buyer.0));
        own.all(self.read()).await?.into_iter().map(StoredCampaign::try_from).collect()
    }

    /// A page of the buyer's own campaigns, the youngest first, in one of `states` or in any.
    pub async fn campaigns_page(
        &self,
        buyer: OrganizationId,
        states: &[CampaignState],
        page: &Page<CampaignId>,
    ) -> Result<Slice<StoredCampaign>, StoreError> {
        let mut own = campaign::Entity::find().filter(campaign::Column::OrganizationId.eq(buyer.0));
        if !states.is_empty() {
            own = own.filter(campaign::Column::State.is_in(states.iter().map(|state| state.as_str())));
        }
        if let Some(after) = page.after {
            own = own.filter(campaign::Column::Id.lt(after.0));
        }
        let rows = own.order_by_desc(campaign::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(StoredCampaign::try_from)
    }

    /// Up to `limit` active campaigns behind `after`, in the order of their ids.
    pub async fn campaigns_active(&self, after: Option<CampaignId>, limit: u64) -> Result<Vec<StoredCampaign>, StoreError> {
        let mut active = campaign::Entity::find().filter(is(campaign::Column::State, CampaignState::Active.as_str()));
        if let Some(after) = after {
            active = active.filter(campaign::Column::Id.gt(after.0));
        }
        let rows = active.order_by_asc(campaign::Column::Id).limit(limit).all(self.read()).await?;
        rows.into_iter().map(StoredCampaign::try_from).collect()
    }

    /// A page of what happened to a campaign, the latest first.
    pub async fn campaign_revisions(&self, id: CampaignId, page: &Page<i64>) -> Result<Slice<CampaignRevision>, StoreError> {
        let mut of = campaign_revision::Entity::find().filter(campaign_revision::Column::CampaignId.eq(id.0));
        if let Some(after) = page.after {
            of = of.filter(campaign_revision::Column::Version.lt(after));
        }
        let rows = of.order_by_desc(campaign_revision::Column::Version).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(CampaignRevision::try_from)
    }
}

/// Pauses a campaign, whose row is locked, if it has bought as many leads as its trial allows.
pub async fn campaign_tried_out(tx: &Tx, campaign: &StoredCampaign) -> Result<(), WriteError> {
    if campaign.standing.state != CampaignState::Active || !campaign.standing.trial_is_over() {
        return Ok(());
    }
    let next = CampaignNext {
        state: CampaignState::Paused,
        pause_reason: Some(PauseReason::TrialOver),
        ..CampaignNext::of(campaign, CampaignChange::Paused)
    };
    tx.campaign_change(campaign, next, None).await.map(drop)
}
