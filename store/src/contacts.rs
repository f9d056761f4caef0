//! Who sees contact details: the seller of the lead, and buyers with a live trade. Every look leaves a row.

use domain::access::Principal;
use domain::id::{ApiKeyId, LeadId, OrganizationId, RevealId, TradeId, TypedId, UserId};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect};

use crate::accounts::organization_is_stopped;
use crate::db::Store;
use crate::entity::{contact_reveal, lead, lead_contact, trade};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::trades::{Trade, trade_deliver, trade_lock};
use crate::write::Tx;

/// By what somebody asks for contact details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevealOf {
    /// By the trade.
    Trade(TradeId),
    /// By the lead: one's own, or one that was bought.
    Lead(LeadId),
}

/// Sealed contact details, and the look that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The recorded look.
    pub id: RevealId,
    /// The lead.
    pub lead: LeadId,
    /// The trade under which the buyer looks; `None` when the seller does.
    pub trade: Option<Trade>,
    /// The sealed details.
    pub sealed: lead_contact::Model,
    /// When.
    pub at: Timestamp,
}

/// A look at contact details, as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reveal {
    /// Its id.
    pub id: RevealId,
    /// The lead.
    pub lead: LeadId,
    /// The trade under which a buyer looked; `None` when the seller did.
    pub trade: Option<TradeId>,
    /// Whose look it was.
    pub organization: Option<OrganizationId>,
    /// The person who looked, if one did.
    pub user: Option<UserId>,
    /// The API key that looked, if one did.
    pub key: Option<ApiKeyId>,
    /// When.
    pub at: Timestamp,
}

impl From<contact_reveal::Model> for Reveal {
    fn from(row: contact_reveal::Model) -> Self {
        Self {
            id: row.id.into(),
            lead: row.lead_id.into(),
            trade: row.trade_id.map(TradeId),
            organization: row.organization_id.map(OrganizationId),
            user: row.user_id.map(UserId),
            key: row.api_key_id.map(ApiKeyId),
            at: row.revealed_at,
        }
    }
}

impl Store {
    /// A page of the looks at a lead, or at all, by an organization, or by all, newest first.
    pub async fn contact_reveals(
        &self,
        lead: Option<LeadId>,
        by: Option<OrganizationId>,
        page: &Page<RevealId>,
    ) -> Result<Slice<Reveal>, StoreError> {
        let only = Condition::all()
            .add_option(lead.map(|lead| contact_reveal::Column::LeadId.eq(lead.0)))
            .add_option(by.map(|by| contact_reveal::Column::OrganizationId.eq(by.0)))
            .add_option(page.after.map(|after| contact_reveal::Column::Id.lt(after.0)));
        let rows = contact_reveal::Entity::find().filter(only).order_by_desc(contact_reveal::Column::Id).limit(page.limit());
        let slice = Slice::cut(rows.all(self.read()).await?, page);
        Ok(Slice { rows: slice.rows.into_iter().map(Reveal::from).collect(), has_next: slice.has_next })
    }
}

/// The sealed contact details, if the organization may see them. A buyer's first look starts the hold of its trade.
pub async fn contact_reveal(
    tx: &Tx,
    of: RevealOf,
    organization: OrganizationId,
    principal: &Principal,
) -> Result<Revealed, WriteError> {
    let (lead, trade) = match of {
        RevealOf::Trade(id) => by_trade(tx, id, organization).await?,
        RevealOf::Lead(id) => by_lead(tx, id, organization).await?,
    };
    let gone = || Refusal::wrong_state("the contact details have been destroyed");
    let sealed = lead_contact::Entity::find_by_id(lead.0).one(tx.db()).await?.ok_or_else(gone)?;
    let (id, at) = contact_seen(tx, lead, trade.as_ref().map(|trade| trade.id), Some(organization), principal).await?;
    Ok(Revealed { id, lead, trade, sealed, at })
}

/// The sealed contact details under a trade, for a message to its buyer; `None` when they are not the buyer's to see: after a
/// refund, of somebody else's trade, once they are destroyed, while the organization is stopped. That they leave is recorded as
/// a look. The hold starts when they have arrived: see [`trade_deliver`].
pub async fn contact_send(tx: &Tx, id: TradeId, buyer: OrganizationId) -> Result<Option<lead_contact::Model>, WriteError> {
    let trade = trade_lock(tx, id).await?;
    if trade.buyer != buyer || !trade.hold.shows_contact() || organization_is_stopped(tx.db(), buyer).await? {
        return Ok(None);
    }
    let Some(sealed) = lead_contact::Entity::find_by_id(trade.lead.0).one(tx.db()).await? else { return Ok(None) };
    contact_seen(tx, trade.lead, Some(id), Some(buyer), &Principal::Anonymous).await?;
    Ok(Some(sealed))
}

/// Records that somebody looked at the contact details of `lead`; staff look for no organization.
pub async fn contact_seen(
    tx: &Tx,
    lead: LeadId,
    trade: Option<TradeId>,
    organization: Option<OrganizationId>,
    principal: &Principal,
) -> Result<(RevealId, Timestamp), WriteError> {
    let at = tx.now().await?;
    let id: RevealId = tx.id();
    let key = principal.key().map(|key| key.0);
    let row = contact_reveal::ActiveModel {
        id: Set(id.0),
        lead_id: Set(lead.0),
        trade_id: Set(trade.map(TradeId::uuid)),
        organization_id: Set(organization.map(OrganizationId::uuid)),
        user_id: Set(principal.user().map(Uuid::from)),
        api_key_id: Set(key),
        revealed_at: Set(at),
    };
    contact_reveal::Entity::insert(row).exec_without_returning(tx.db()).await?;
    Ok((id, at))
}

async fn by_trade(tx: &Tx, id: TradeId, organization: OrganizationId) -> Result<(LeadId, Option<Trade>), WriteError> {
    let hidden = || Refusal::not_found("tradeId", "trade");
    let trade = trade_lock(tx, id).await?;
    if trade.seller == organization {
        return Ok((trade.lead, None));
    }
    if trade.buyer != organization {
        return Err(hidden().into());
    }
    Ok((trade.lead, Some(look(tx, &trade).await?)))
}

async fn by_lead(tx: &Tx, id: LeadId, organization: OrganizationId) -> Result<(LeadId, Option<Trade>), WriteError> {
    let own = lead::Entity::find_by_id(id.0).filter(lead::Column::SellerId.eq(organization.0)).one(tx.db()).await?;
    if own.is_some() {
        return Ok((id, None));
    }
    let bought = trade::Entity::find()
        .filter(trade::Column::LeadId.eq(id.0))
        .filter(trade::Column::BuyerId.eq(organization.0))
        .one(tx.db())
        .await?
        .ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
    let trade = trade_lock(tx, bought.id.into()).await?;
    Ok((id, Some(look(tx, &trade).await?)))
}

async fn look(tx: &Tx, trade: &Trade) -> Result<Trade, WriteError> {
    if trade.hold.shows_contact() {
        trade_deliver(tx, trade.id).await
    } else {
        Err(Refusal::wrong_state("the trade was refunded: the contact details are no longer the buyer's").into())
    }
}
