//! Kinds of demand, in versions.

use std::collections::BTreeMap;

use domain::id::{TypedId, UserId, VerticalId};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::vertical::{Definition, VerticalPath};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, JoinType, QueryOrder, QuerySelect, RelationDef};

use crate::db::{Backend, Store};
use crate::entity::{vertical, vertical_version};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// A vertical in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVertical {
    /// Its id.
    pub id: VerticalId,
    /// Its place.
    pub path: VerticalPath,
    /// The version, from 1.
    pub version: i64,
    /// The newest version.
    pub current_version: i64,
    /// What that version says.
    pub definition: Definition,
    /// When the version was added.
    pub created_at: Timestamp,
}

#[derive(Debug, FromQueryResult)]
struct VersionRow {
    id: Uuid,
    path: String,
    current_version: i64,
    version: i64,
    definition: Json,
    created_at: Timestamp,
}

impl TryFrom<VersionRow> for StoredVertical {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            path: row.path.parse().map_err(StoreError::corrupt)?,
            version: row.version,
            current_version: row.current_version,
            definition: serde_json::from_value(row.definition).map_err(StoreError::corrupt)?,
            created_at: row.created_at,
        })
    }
}

/// The newest version of every vertical, in the order of the paths.
pub async fn verticals(db: &impl ConnectionTrait) -> Result<Vec<StoredVertical>, StoreError> {
    let rows = current().order_by_asc(vertical::Column::Path).into_model::<VersionRow>().all(db).await?;
    rows.into_iter().map(StoredVertical::try_from).collect()
}

/// The newest version of the verticals at `paths`.
pub async fn verticals_at(db: &impl ConnectionTrait, paths: &[&str]) -> Result<Vec<StoredVertical>, StoreError> {
    let query = current().filter(vertical::Column::Path.is_in(paths.iter().copied()));
    query.into_model::<VersionRow>().all(db).await?.into_iter().map(StoredVertical::try_from).collect()
}

impl Store {
    /// The newest version of every vertical, in the order of the paths.
    pub async fn verticals(&self) -> Result<Vec<StoredVertical>, StoreError> {
        verticals(self.read()).await
    }

    /// The place of every vertical.
    pub async fn vertical_paths(&self) -> Result<BTreeMap<VerticalId, String>, StoreError> {
        let rows: Vec<(Uuid, String)> = vertical::Entity::find()
            .select_only()
            .columns([vertical::Column::Id, vertical::Column::Path])
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(|(id, path)| (id.into(), path)).collect())
    }

    /// The newest version of the vertical at `path`.
    pub async fn vertical_at(&self, path: &VerticalPath) -> Result<Option<StoredVertical>, StoreError> {
        Ok(verticals_at(self.read(), &[path.as_str()]).await?.pop())
    }

    /// The newest version of a vertical.
    pub async fn vertical(&self, id: VerticalId) -> Result<Option<StoredVertical>, StoreError> {
        let row = current().filter(vertical::Column::Id.eq(id.uuid())).into_model::<VersionRow>().one(self.read()).await?;
        row.map(StoredVertical::try_from).transpose()
    }

    /// The newest version of each of `ids` that there is, in no order.
    pub async fn verticals_many(&self, ids: &[VerticalId]) -> Result<Vec<StoredVertical>, StoreError> {
        let query = current().filter(vertical::Column::Id.is_in(ids.iter().map(|id| id.uuid())));
        query.into_model::<VersionRow>().all(self.read()).await?.into_iter().map(StoredVertical::try_from).collect()
    }

    /// One version of a vertical.
    pub async fn vertical_version(&self, id: VerticalId, version: i64) -> Result<Option<StoredVertical>, StoreError> {
        vertical_version(self.read(), id, version).await
    }
}

/// One version of a vertical.
pub async fn vertical_version(
    db: &impl ConnectionTrait,
    id: VerticalId,
    version: i64,
) -> Result<Option<StoredVertical>, StoreError> {
    let query = joined().filter(vertical::Column::Id.eq(id.uuid())).filter(vertical_version::Column::Version.eq(version));
    query.into_model::<VersionRow>().one(db).await?.map(StoredVertical::try_from).transpose()
}

impl Tx {
    /// Lets no other transaction add verticals until this one ends.
    pub async fn verticals_lock(&self) -> Result<(), StoreError> {
        if self.backend() == Backend::Postgres {
            self.db().execute_unprepared("LOCK TABLE vertical IN SHARE ROW EXCLUSIVE MODE").await?;
        }
        Ok(())
    }

    /// Creates a vertical below an existing one, or a root. Refused when the path is taken or nothing is above it.
    pub async fn vertical_create(
        &self,
        path: &VerticalPath,
        definition: &Definition,
        by: Option<UserId>,
    ) -> Result<StoredVertical, WriteError> {
        let above = match path.parent() {
            None => None,
            Some(parent) => {
                let row = vertical::Entity::find().filter(vertical::Column::Path.eq(parent.as_str())).one(self.db()).await?;
                Some(row.ok_or_else(|| Refusal::not_found("path", "vertical above"))?.id)
            }
        };
        let (id, now): (VerticalId, _) = (self.id(), self.now().await?);
        let row = vertical::ActiveModel {
            id: Set(id.0),
            path: Set(path.to_string()),
            parent_id: Set(above),
            current_version: Set(1),
            created_at: Set(now),
        };
        let taken = || Refusal::new(Code::Taken, "there is a vertical at this path").at("path");
        vertical::Entity::insert(row)
            .exec_without_returning(self.db())
            .await
            .map_err(|error| WriteError::from(error).unique_as(taken()))?;
        self.version_insert(id, 1, definition, by, now).await?;
        let (path, definition) = (path.clone(), definition.clone());
        Ok(StoredVertical { id, path, version: 1, current_version: 1, definition, created_at: now })
    }

    /// The newest version of a vertical, whose row is locked until the transaction ends.
    pub async fn vertical_locked(&self, id: VerticalId) -> Result<Option<StoredVertical>, StoreError> {
        let mut lock = vertical::Entity::find_by_id(id.0);
        if self.backend() == Backend::Postgres {
            lock = lock.lock(LockType::NoKeyUpdate);
        }
        let Some(row) = lock.one(self.db()).await? else { return Ok(None) };
        vertical_version(self.db(), id, row.current_version).await
    }

    /// Adds the version behind `before`, whose row is locked.
    pub async fn vertical_version_add(
        &self,
        before: &StoredVertical,
        definition: &Definition,
        by: Option<UserId>,
    ) -> Result<StoredVertical, WriteError> {
        let (version, now) = (before.version.saturating_add(1), self.now().await?);
        let done = vertical::Entity::update_many()
            .col_expr(vertical::Column::CurrentVersion, Expr::value(version))
            .filter(vertical::Column::Id.eq(before.id.0))
            .filter(vertical::Column::CurrentVersion.eq(before.version))
            .exec(self.db())
            .await?;
        if done.rows_affected != 1 {
            return Err(Refusal::new(Code::Conflict, "another version was added meanwhile").into());
        }
        self.version_insert(before.id, version, definition, by, now).await?;
        let (path, definition) = (before.path.clone(), definition.clone());
        Ok(StoredVertical { id: before.id, path, version, current_version: version, definition, created_at: now })
    }

    async fn version_insert(
        &self,
        id: VerticalId,
        version: i64,
        definition: &Definition,
        by: Option<UserId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = vertical_version::ActiveModel {
            vertical_id: Set(id.0),
            version: Set(version),
            definition: Set(serde_json::to_value(definition).map_err(StoreError::corrupt)?),
            created_by: Set(by.map(|user| user.0)),
            created_at: Set(now),
        };
        vertical_version::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }
}

fn joined() -> Select<vertical::Entity> {
    vertical::Entity::find()
        .select_only()
        .columns([vertical::Column::Id, vertical::Column::Path, vertical::Column::CurrentVersion])
        .columns([vertical_version::Column::Version, vertical_version::Column::Definition, vertical_version::Column::CreatedAt])
        .join(JoinType::InnerJoin, versions())
}

fn current() -> Select<vertical::Entity> {
    let newest = (vertical::Entity, vertical::Column::CurrentVersion);
    joined().filter(Expr::col((vertical_version::Entity, vertical_version::Column::Version)).equals(newest))
}

fn versions() -> RelationDef {
    vertical::Entity::belongs_to(vertical_version::Entity)
        .from(vertical::Column::Id)
        .to(vertical_version::Column::VerticalId)
        .into()
}
