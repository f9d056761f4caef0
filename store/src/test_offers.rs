//! Offers of test mode: kept apart from real ones, and only until they are over.

use domain::id::{OfferId, OrganizationId};
use domain::test_mode::Course;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{Condition, Select};

use crate::db::Store;
use crate::entity::test_offer;
use crate::error::{StoreError, WriteError};
use crate::offers::StoredOffer;

/// An offer that nobody stands behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOffer {
    /// The offer.
    pub offer: StoredOffer,
    /// What happens to its lead.
    pub course: Course,
    /// What its post was answered, once there was one.
    pub posted: Option<serde_json::Value>,
}

impl Store {
    /// The test offer `id` of `seller`.
    pub async fn test_offer(&self, seller: OrganizationId, id: OfferId) -> Result<Option<TestOffer>, StoreError> {
        of_one(self, test_offer::Entity::find_by_id(id.0).filter(test_offer::Column::OrganizationId.eq(seller.0))).await
    }

    /// The test offer that `seller` was made for this ping or post.
    pub async fn test_offer_of(&self, seller: OrganizationId, fingerprint: &[u8]) -> Result<Option<TestOffer>, StoreError> {
        of_one(self, find_of(seller, fingerprint)).await
    }

    /// Keeps a test offer, unless one for the same ping stands; answers the one that stands then.
    pub async fn test_offer_put(&self, new: &TestOffer) -> Result<TestOffer, WriteError> {
        let (seller, fingerprint) = (new.offer.seller, new.offer.fingerprint.clone());
        let row = test_offer::ActiveModel {
            id: Set(new.offer.id.0),
            organization_id: Set(seller.0),
            fingerprint: Set(fingerprint.clone()),
            course: Set(new.course.as_str().to_owned()),
            offer: Set(serde_json::to_value(&new.offer).map_err(StoreError::corrupt)?),
            posted: Set(new.posted.clone()),
            expires_at: Set(new.offer.expires_at),
        };
        let over = |now: Timestamp| {
            let expires_at = Expr::col((test_offer::Entity, test_offer::Column::ExpiresAt));
            let posted = Expr::col((test_offer::Entity, test_offer::Column::Posted));
            Condition::any().add(expires_at.lte(now)).add(posted.is_not_null())
        };
        use test_offer::Column as C;
        self.write("test_offer_put", move |tx| {
            let (row, fingerprint) = (row.clone(), fingerprint.clone());
            async move {
                let conflict = OnConflict::columns([C::OrganizationId, C::Fingerprint])
                    .update_columns([C::Id, C::Course, C::Offer, C::Posted, C::ExpiresAt])
                    .action_cond_where(over(tx.now().await?))
                    .to_owned();
                test_offer::Entity::insert(row).on_conflict(conflict).exec_without_returning(tx.db()).await?;
                let stands = find_of(seller, &fingerprint).one(tx.db()).await?;
                stands.map_or_else(
                    || Err(StoreError::Misuse("a test offer is gone in its transaction").into()),
                    |row| Ok(of_row(row)?),
                )
            }
        })
        .await
    }

    /// Keeps what the post of a test offer was answered; the first answer stands. Answers it.
    pub async fn test_offer_posted(&self, new: &TestOffer) -> Result<TestOffer, WriteError> {
        let (id, seller) = (new.offer.id, new.offer.seller);
        let offer = serde_json::to_value(&new.offer).map_err(StoreError::corrupt)?;
        let posted = new.posted.clone();
        self.write("test_offer_posted", move |tx| {
            let (offer, posted) = (offer.clone(), posted.clone());
            async move {
                test_offer::Entity::update_many()
                    .col_expr(test_offer::Column::Offer, Expr::value(offer))
                    .col_expr(test_offer::Column::Posted, Expr::value(posted))
                    .filter(test_offer::Column::Id.eq(id.0))
                    .filter(test_offer::Column::OrganizationId.eq(seller.0))
                    .filter(test_offer::Column::Posted.is_null())
                    .exec(tx.db())
                    .await?;
                let stands = test_offer::Entity::find_by_id(id.0).one(tx.db()).await?;
                stands.map_or_else(|| Err(StoreError::Overtaken.into()), |row| Ok(of_row(row)?))
            }
        })
        .await
    }

    /// Forgets test offers that were over before `before`; answers how many.
    pub async fn test_offers_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("test_offers_prune", move |tx| async move {
            let over = test_offer::Column::ExpiresAt.lt(before);
            Ok(test_offer::Entity::delete_many().filter(over).exec(tx.db()).await?.rows_affected)
        })
        .await
    }
}

fn find_of(seller: OrganizationId, fingerprint: &[u8]) -> Select<test_offer::Entity> {
    test_offer::Entity::find()
        .filter(test_offer::Column::OrganizationId.eq(seller.0))
        .filter(test_offer::Column::Fingerprint.eq(fingerprint.to_vec()))
}

async fn of_one(store: &Store, find: Select<test_offer::Entity>) -> Result<Option<TestOffer>, StoreError> {
    find.one(store.read()).await?.map(of_row).transpose()
}

fn of_row(row: test_offer::Model) -> Result<TestOffer, StoreError> {
    Ok(TestOffer {
        offer: serde_json::from_value(row.offer).map_err(StoreError::corrupt)?,
        course: row.course.parse().map_err(StoreError::corrupt)?,
        posted: row.posted,
    })
}
