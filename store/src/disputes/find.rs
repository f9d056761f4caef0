//! Disputes as those see them who may: their parties, and the arbiter in charge. To anybody else they do not exist.

use domain::dispute::{DisputeStatus, TradeParty};
use domain::id::{DisputeId, EvidenceId, OrganizationId, TradeId, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{Condition, QueryOrder, QuerySelect, QueryTrait};

use super::many::File;
use super::row::Dispute;
use crate::db::Store;
use crate::entity::{dispute, evidence, upload};
use crate::error::StoreError;
use crate::page::{Page, Slice};
use crate::uploads::Upload;

/// Which disputes of an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    /// On which side it stands; both when not said.
    pub party: Option<TradeParty>,
    /// In which state; any when not said.
    pub status: Option<DisputeStatus>,
}

impl Store {
    /// The dispute, when the organization is a party to it.
    pub async fn dispute_of(&self, id: DisputeId, organization: OrganizationId) -> Result<Option<Dispute>, StoreError> {
        let found = dispute::Entity::find_by_id(id.0).filter(party(organization, None)).one(self.read()).await?;
        found.map(Dispute::try_from).transpose()
    }

    /// Those of `ids` in which the organization is a party, in no order.
    pub async fn disputes_many(&self, organization: OrganizationId, ids: &[DisputeId]) -> Result<Vec<Dispute>, StoreError> {
        let wanted = dispute::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = dispute::Entity::find().filter(wanted).filter(party(organization, None)).all(self.read()).await?;
        rows.into_iter().map(Dispute::try_from).collect()
    }

    /// The dispute about a trade to which the organization is a party: of a claim and a review, the later one.
    pub async fn dispute_of_trade(&self, trade: TradeId, organization: OrganizationId) -> Result<Option<Dispute>, StoreError> {
        let found = dispute::Entity::find()
            .filter(dispute::Column::TradeId.eq(trade.0))
            .filter(party(organization, None))
            .order_by_desc(dispute::Column::Id)
            .one(self.read())
            .await?;
        found.map(Dispute::try_from).transpose()
    }

    /// The dispute, when the arbiter is in charge of it.
    pub async fn desk_dispute(&self, id: DisputeId, arbiter: UserId) -> Result<Option<Dispute>, StoreError> {
        let found = dispute::Entity::find_by_id(id.0).filter(dispute::Column::ArbiterId.eq(arbiter.0)).one(self.read()).await?;
        found.map(Dispute::try_from).transpose()
    }

    /// A page of an organization's disputes, newest first.
    pub async fn disputes_of(
        &self,
        organization: OrganizationId,
        filter: DisputeFilter,
        page: &Page<DisputeId>,
    ) -> Result<Slice<Dispute>, StoreError> {
        let mut rows = dispute::Entity::find().filter(party(organization, filter.party));
        if let Some(status) = filter.status {
            rows = rows.filter(dispute::Column::State.eq(status.as_str()));
        }
        if let Some(after) = page.after {
            rows = rows.filter(dispute::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(dispute::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Dispute::try_from)
    }

    /// A page of all disputes, newest first.
    pub async fn exchange_disputes(
        &self,
        status: Option<DisputeStatus>,
        page: &Page<DisputeId>,
    ) -> Result<Slice<Dispute>, StoreError> {
        let only = status.map(|status| dispute::Column::State.eq(status.as_str()));
        let after = page.after.map(|id| dispute::Column::Id.lt(id.0));
        let rows = dispute::Entity::find()
            .filter(Condition::all().add_option(only).add_option(after))
            .order_by_desc(dispute::Column::Id)
            .limit(page.limit())
            .all(self.read())
            .await?;
        Slice::cut(rows, page).try_map(Dispute::try_from)
    }

    /// A page of the disputes that wait for this arbiter, the oldest first.
    pub async fn desk_disputes(&self, arbiter: UserId, page: &Page<DisputeId>) -> Result<Slice<Dispute>, StoreError> {
        let mut rows = dispute::Entity::find().filter(dispute::Column::ArbiterId.eq(arbiter.0));
        if let Some(after) = page.after {
            rows = rows.filter(dispute::Column::Id.gt(after.0));
        }
        let rows = rows.order_by_asc(dispute::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Dispute::try_from)
    }

    /// The dispute and the upload behind a file of evidence, for one who then must be found to see that dispute.
    pub async fn evidence_any(&self, id: EvidenceId) -> Result<Option<(DisputeId, evidence::Model, Upload)>, StoreError> {
        let Some(row) = evidence::Entity::find_by_id(id.0).one(self.read()).await? else { return Ok(None) };
        let upload = upload::Entity::find_by_id(row.upload_id).one(self.read()).await?;
        upload.map(|upload| Ok((row.dispute_id.into(), row, upload.try_into()?))).transpose()
    }

    /// The files of a dispute that the caller was found to see, in the order in which they came.
    pub async fn evidence_of(&self, id: DisputeId) -> Result<Vec<File>, StoreError> {
        let rows = evidence::Entity::find()
            .filter(evidence::Column::DisputeId.eq(id.0))
            .order_by_asc(evidence::Column::Id)
            .all(self.read())
            .await?;
        let uploads = upload::Entity::find()
            .filter(upload::Column::Id.is_in(rows.iter().map(|row| row.upload_id)))
            .all(self.read())
            .await?;
        let of = |row: &evidence::Model| uploads.iter().find(|upload| upload.id == row.upload_id).cloned();
        let pairs = rows.into_iter().filter_map(|row| of(&row).map(|upload| (row, upload)));
        pairs.map(|(row, upload)| Ok((row, upload.try_into()?))).collect()
    }
}

/// The ids of those of `ids` in which the organization is a party.
pub(super) fn seen(organization: OrganizationId, ids: &[DisputeId]) -> SelectStatement {
    let wanted = dispute::Column::Id.is_in(ids.iter().map(|id| id.0));
    let rows = dispute::Entity::find().select_only().column(dispute::Column::Id).filter(wanted);
    rows.filter(party(organization, None)).into_query()
}

fn party(organization: OrganizationId, only: Option<TradeParty>) -> Condition {
    let buyer = dispute::Column::BuyerId.eq(organization.0);
    let seller = dispute::Column::SellerId.eq(organization.0);
    match only {
        Some(TradeParty::Buyer) => Condition::all().add(buyer),
        Some(TradeParty::Seller) => Condition::all().add(seller),
        None => Condition::any().add(buyer).add(seller),
    }
}
