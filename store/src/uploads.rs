//! Files that clients put: awaited, then there.

use domain::id::{OrganizationId, UploadId, UserId};
use domain::refusal::Refusal;
use domain::time::Timestamp;
use domain::upload::{UploadPurpose, UploadState};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, Query};
use sea_orm::{Condition, PaginatorTrait, QueryOrder, QuerySelect};

use crate::data_keys::KeyPurpose;
use crate::db::{Backend, Store};
use crate::entity::{data_key, lead_import, upload};
use crate::error::{StoreError, WriteError};
use crate::words::is;
use crate::write::Tx;

/// A file that a client puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is; nobody's for staff.
    pub organization: Option<OrganizationId>,
    /// What it is for.
    pub purpose: UploadPurpose,
    /// Its name at the client, without folders, sealed under its data key.
    pub file_name: Vec<u8>,
    /// Whether it is there.
    pub state: UploadState,
    /// The hash of the token that may put it.
    pub token_hash: Vec<u8>,
    /// How large it may be, in bytes.
    pub max_bytes: u64,
    /// What is known of the file once it is there.
    pub content: Option<UploadContent>,
    /// Who asked for it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// Until when it may be put.
    pub expires_at: Timestamp,
}

/// What is known of a file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadContent {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its media type, by its content.
    pub media_type: String,
    /// Where it lies.
    pub object_key: String,
    /// Since when.
    pub completed_at: Timestamp,
}

impl TryFrom<upload::Model> for Upload {
    type Error = StoreError;

    fn try_from(row: upload::Model) -> Result<Self, StoreError> {
        let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| StoreError::corrupt("a hash of another length"));
        let content = match (row.size_bytes, row.sha256, row.media_type, row.object_key, row.completed_at) {
            (Some(size), Some(sha256), Some(media_type), Some(object_key), Some(completed_at)) => Some(UploadContent {
                size_bytes: u64::try_from(size).map_err(StoreError::corrupt)?,
                sha256: hash(sha256)?,
                media_type,
                object_key,
                completed_at,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.map(Into::into),
            purpose: row.purpose.parse().map_err(StoreError::corrupt)?,
            file_name: row.file_name,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            token_hash: row.token_hash,
            max_bytes: u64::try_from(row.max_bytes).map_err(StoreError::corrupt)?,
            content,
            created_by: row.created_by.map(Into::into),
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

impl Store {
    /// An upload, whosever it is: for one who shows its token, and for workers.
    pub async fn upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        upload::Entity::find_by_id(id.0).one(self.read()).await?.map(Upload::try_from).transpose()
    }

    /// An upload of `organization`.
    pub async fn upload_of(&self, organization: OrganizationId, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let query = upload::Entity::find_by_id(id.0).filter(upload::Column::OrganizationId.eq(organization.0));
        query.one(self.read()).await?.map(Upload::try_from).transpose()
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn uploads_many(&self, organization: OrganizationId, ids: &[UploadId]) -> Result<Vec<Upload>, StoreError> {
        let wanted = upload::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = upload::Entity::find().filter(wanted).filter(upload::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(Upload::try_from).collect()
    }

    /// Up to `limit` uploads that were awaited until before `now` and never came.
    pub async fn uploads_expired(&self, now: Timestamp, limit: u64) -> Result<Vec<UploadId>, StoreError> {
        let ids: Vec<Uuid> = upload::Entity::find()
            .select_only()
            .column(upload::Column::Id)
            .filter(is(upload::Column::State, UploadState::Open.as_str()))
            .filter(upload::Column::ExpiresAt.lte(now))
            .order_by_asc(upload::Column::ExpiresAt)
            .limit(limit)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(UploadId).collect())
    }
}

impl Store {
    /// Up to `limit` files of leads that nobody has used since `before`: no import of them waits, runs, or ended later.
    pub async fn uploads_unused(&self, before: Timestamp, limit: u64) -> Result<Vec<UploadId>, StoreError> {
        let used = Query::select()
            .column(lead_import::Column::UploadId)
            .from(lead_import::Entity)
            .cond_where(used_since(before).add(lead_import::Column::UploadId.is_not_null()))
            .to_owned();
        let ids: Vec<Uuid> = upload::Entity::find()
            .select_only()
            .column(upload::Column::Id)
            .filter(is(upload::Column::State, UploadState::Stored.as_str()))
            .filter(upload::Column::Purpose.ne(UploadPurpose::Evidence.as_str()))
            .filter(upload::Column::CompletedAt.lte(before))
            .filter(upload::Column::Id.not_in_subquery(used))
            .order_by_asc(upload::Column::CompletedAt)
            .limit(limit)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(UploadId).collect())
    }
}

fn used_since(before: Timestamp) -> Condition {
    let since = Condition::any().add(lead_import::Column::FinishedAt.is_null()).add(lead_import::Column::FinishedAt.gt(before));
    Condition::all().add(since)
}

impl Tx {
    /// Awaits a file.
    pub async fn upload_insert(&self, new: &Upload) -> Result<(), StoreError> {
        let row = upload::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.map(|organization| organization.0)),
            purpose: Set(new.purpose.as_str().to_owned()),
            file_name: Set(new.file_name.clone()),
            state: Set(new.state.as_str().to_owned()),
            token_hash: Set(new.token_hash.clone()),
            max_bytes: Set(i64::try_from(new.max_bytes).unwrap_or(i64::MAX)),
            size_bytes: Set(None),
            sha256: Set(None),
            media_type: Set(None),
            object_key: Set(None),
            created_by: Set(new.created_by.map(|user| user.0)),
            created_at: Set(new.created_at),
            expires_at: Set(new.expires_at),
            completed_at: Set(None),
        };
        upload::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// An upload of `organization`, or one of the exchange's own, its row locked until the transaction ends.
    pub async fn upload_locked(&self, organization: Option<OrganizationId>, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let of = match organization {
            Some(organization) => upload::Column::OrganizationId.eq(organization.0),
            None => upload::Column::OrganizationId.is_null(),
        };
        let mut query = upload::Entity::find_by_id(id.0).filter(of);
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        query.one(self.db()).await?.map(Upload::try_from).transpose()
    }

    /// How many files of `organization` are awaited at `now`.
    pub async fn uploads_open(&self, organization: Option<OrganizationId>, now: Timestamp) -> Result<u64, StoreError> {
        let of = match organization {
            Some(organization) => upload::Column::OrganizationId.eq(organization.0),
            None => upload::Column::OrganizationId.is_null(),
        };
        let open = Condition::all()
            .add(of)
            .add(is(upload::Column::State, UploadState::Open.as_str()))
            .add(upload::Column::ExpiresAt.gt(now));
        Ok(upload::Entity::find().filter(open).count(self.db()).await?)
    }

    /// Notes that the file is there. Refused when it was there already.
    pub async fn upload_complete(&self, id: UploadId, content: &UploadContent) -> Result<(), WriteError> {
        let done = upload::Entity::update_many()
            .col_expr(upload::Column::State, Expr::value(UploadState::Stored.as_str()))
            .col_expr(upload::Column::SizeBytes, Expr::value(i64::try_from(content.size_bytes).unwrap_or(i64::MAX)))
            .col_expr(upload::Column::Sha256, Expr::value(content.sha256.to_vec()))
            .col_expr(upload::Column::MediaType, Expr::value(content.media_type.clone()))
            .col_expr(upload::Column::ObjectKey, Expr::value(content.object_key.clone()))
            .col_expr(upload::Column::CompletedAt, Expr::value(content.completed_at))
            .filter(upload::Column::Id.eq(id.0))
            .filter(is(upload::Column::State, UploadState::Open.as_str()))
            .exec(self.db())
            .await?;
        if done.rows_affected == 1 { Ok(()) } else { Err(Refusal::wrong_state("the file is there already").into()) }
    }

    /// Removes a file of leads that nobody has used since `before`: what it said is destroyed with its key, what is known of
    /// it stays. Answers where it lay; `None` when somebody uses it after all.
    pub async fn upload_remove(&self, id: UploadId, before: Timestamp) -> Result<Option<String>, WriteError> {
        let mut query = upload::Entity::find_by_id(id.0).filter(is(upload::Column::State, UploadState::Stored.as_str()));
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        let Some(row) = query.one(self.db()).await? else { return Ok(None) };
        let used = lead_import::Entity::find().filter(lead_import::Column::UploadId.eq(id.0)).filter(used_since(before));
        if used.count(self.db()).await? > 0 {
            return Ok(None);
        }
        upload::Entity::update_many()
            .col_expr(upload::Column::State, Expr::value(UploadState::Removed.as_str()))
            .col_expr(upload::Column::ObjectKey, Expr::value(None::<String>))
            .filter(upload::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        self.data_keys_destroy(&[id.0], KeyPurpose::File).await?;
        Ok(row.object_key)
    }

    /// Forgets an upload that never came.
    pub async fn upload_forget(&self, id: UploadId, now: Timestamp) -> Result<bool, StoreError> {
        let done = upload::Entity::delete_many()
            .filter(upload::Column::Id.eq(id.0))
            .filter(is(upload::Column::State, UploadState::Open.as_str()))
            .filter(upload::Column::ExpiresAt.lte(now))
            .exec(self.db())
            .await?;
        let forgotten = done.rows_affected == 1;
        if forgotten {
            data_key::Entity::delete_by_id(id.0).exec(self.db()).await?;
        }
        Ok(forgotten)
    }
}
