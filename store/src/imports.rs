//! Imports of files: how far each is, and the rows that were refused.

use std::collections::BTreeMap;

use domain::id::{ImportId, OrganizationId, UploadId, UserId};
use domain::import::{ImportKind, ImportState, Tally};
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, NullOrdering};
use sea_orm::{Condition, ExprTrait, Order, QueryOrder, QuerySelect, QueryTrait};

use crate::db::{Backend, Store};
use crate::entity::{lead_import, lead_import_refusal};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice, first_of_each};
use crate::words::is;
use crate::write::Tx;

/// Rows of one INSERT, below the limit of bound values of both databases.
const CHUNK: usize = 2_000;

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// What is imported.
    pub kind: ImportKind,
    /// Whose leads these are; nobody where the exchange imports a list of its own.
    pub seller: Option<OrganizationId>,
    /// The file.
    pub upload: UploadId,
    /// The file's name.
    pub file_name: String,
    /// The file's SHA-256.
    pub file_sha256: Vec<u8>,
    /// The mapping, as it was handed in; for a list what is known of it, as JSON.
    pub mapping: String,
    /// How far it is.
    pub state: ImportState,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// What became of the rows.
    pub tally: Tally,
    /// Why it failed.
    pub error: Option<String>,
    /// How often a worker has begun with it since the last rows that were taken.
    pub attempts: u64,
    /// Who started it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
}

/// A refused row, or one of the reasons why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRefusal {
    /// The line of the file, from 1.
    pub line: u64,
    /// Which of the row's reasons, from 0.
    pub position: u32,
    /// The column to blame.
    pub column: Option<String>,
    /// For machines.
    pub code: Code,
    /// For people; without the cell's text.
    pub reason: String,
}

/// What a batch of rows changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportStep {
    /// What became of its rows.
    pub tally: Tally,
    /// Bytes of the file read so far.
    pub bytes_read: u64,
    /// The state after it.
    pub state: ImportState,
    /// Why no further row can be read.
    pub error: Option<String>,
}

/// When the owner of an import was last served with any of theirs.
const OWNER_SERVED_AT: &str = "(SELECT MAX(other.served_at) FROM lead_import other \
    WHERE other.seller_id IS NOT DISTINCT FROM lead_import.seller_id)";

fn owned_by(seller: Option<OrganizationId>) -> Condition {
    let owner = match seller {
        Some(seller) => lead_import::Column::SellerId.eq(seller.0),
        None => lead_import::Column::SellerId.is_null(),
    };
    Condition::all().add(owner)
}

/// Imports that a worker may take at `now`.
fn waiting(now: Timestamp) -> Condition {
    let abandoned = Condition::all()
        .add(is(lead_import::Column::State, ImportState::Running.as_str()))
        .add(lead_import::Column::LeasedUntil.lte(now));
    Condition::any().add(is(lead_import::Column::State, ImportState::Queued.as_str())).add(abandoned)
}

fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(StoreError::corrupt)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl TryFrom<lead_import::Model> for Import {
    type Error = StoreError;

    fn try_from(row: lead_import::Model) -> Result<Self, StoreError> {
        let upload = row.upload_id.ok_or_else(|| StoreError::corrupt("an import without a file"))?;
        let mapping = row.mapping.as_str().ok_or_else(|| StoreError::corrupt("a mapping that is no text"))?;
        Ok(Self {
            id: row.id.into(),
            kind: row.kind.parse().map_err(StoreError::corrupt)?,
            seller: row.seller_id.map(Into::into),
            upload: upload.into(),
            file_name: row.file_name,
            file_sha256: row.file_sha256,
            mapping: mapping.to_owned(),
            state: row.state.parse().map_err(StoreError::corrupt)?,
            bytes_total: count(row.bytes_total)?,
            bytes_read: count(row.bytes_read)?,
            tally: Tally {
                accepted: count(row.rows_accepted)?,
                refused: count(row.rows_refused)?,
                duplicate: count(row.rows_duplicate)?,
                skipped: count(row.rows_skipped)?,
            },
            error: row.error,
            attempts: count(row.attempts)?,
            created_by: row.created_by.map(Into::into),
            created_at: row.created_at,
            finished_at: row.finished_at,
            version: row.version,
        })
    }
}

impl TryFrom<lead_import_refusal::Model> for ImportRefusal {
    type Error = StoreError;

    fn try_from(row: lead_import_refusal::Model) -> Result<Self, StoreError> {
        let code = Code::ALL.iter().find(|code| code.as_str() == row.code);
        Ok(Self {
            line: count(row.line)?,
            position: u32::try_from(row.position).map_err(StoreError::corrupt)?,
            column: row.column_name,
            code: *code.ok_or_else(|| StoreError::corrupt("an unknown code"))?,
            reason: row.reason,
        })
    }
}

impl Store {
    /// An import, whosever it is: for workers.
    pub async fn import(&self, id: ImportId) -> Result<Option<Import>, StoreError> {
        lead_import::Entity::find_by_id(id.0).one(self.read()).await?.map(Import::try_from).transpose()
    }

    /// An import of `seller`, or one of the exchange's own.
    pub async fn import_of(&self, seller: Option<OrganizationId>, id: ImportId) -> Result<Option<Import>, StoreError> {
        let query = lead_import::Entity::find_by_id(id.0).filter(owned_by(seller));
        query.one(self.read()).await?.map(Import::try_from).transpose()
    }

    /// The imports of `seller`, or the exchange's own, the newest first.
    pub async fn imports(&self, seller: Option<OrganizationId>, page: &Page<Uuid>) -> Result<Slice<Import>, StoreError> {
        let mut query = lead_import::Entity::find().filter(owned_by(seller));
        if let Some(after) = page.after {
            query = query.filter(lead_import::Column::Id.lt(after));
        }
        let rows = query.order_by_desc(lead_import::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(Import::try_from)
    }

    /// Those of `ids` that are imports of `seller`, in no order.
    pub async fn imports_many(&self, seller: Option<OrganizationId>, ids: &[ImportId]) -> Result<Vec<Import>, StoreError> {
        let wanted = lead_import::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = lead_import::Entity::find().filter(wanted).filter(owned_by(seller));
        rows.all(self.read()).await?.into_iter().map(Import::try_from).collect()
    }

    /// The refusals of an import, in the order of the file; the key is line and position.
    pub async fn import_refusals(&self, id: ImportId, page: &Page<(i64, i64)>) -> Result<Slice<ImportRefusal>, StoreError> {
        let mut query = lead_import_refusal::Entity::find().filter(lead_import_refusal::Column::ImportId.eq(id.0));
        if let Some(after) = page.after {
            query = query.filter(behind(after));
        }
        let ordered = query
            .order_by_asc(lead_import_refusal::Column::Line)
            .order_by_asc(lead_import_refusal::Column::Position)
            .limit(page.limit());
        Slice::cut(ordered.all(self.read()).await?, page).try_map(ImportRefusal::try_from)
    }

    /// The same page of the refusals of each of those `ids` that are imports of `seller`, in the order of the file.
    pub async fn import_refusals_many(
        &self,
        seller: Option<OrganizationId>,
        ids: &[ImportId],
        page: &Page<(i64, i64)>,
    ) -> Result<BTreeMap<ImportId, Slice<ImportRefusal>>, StoreError> {
        let own = lead_import::Entity::find()
            .select_only()
            .column(lead_import::Column::Id)
            .filter(lead_import::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(owned_by(seller));
        let of = Condition::all()
            .add(lead_import_refusal::Column::ImportId.in_subquery(own.into_query()))
            .add_option(page.after.map(behind));
        let order = "line, position";
        let first = first_of_each::<lead_import_refusal::Entity>(lead_import_refusal::Column::ImportId, order, of, page.limit());
        let statement = self.read().get_database_backend().build(&first);
        let rows = lead_import_refusal::Entity::find().from_raw_sql(statement).all(self.read()).await?;
        let mut pages: BTreeMap<ImportId, Vec<ImportRefusal>> = BTreeMap::new();
        for row in rows {
            pages.entry(row.import_id.into()).or_default().push(row.try_into()?);
        }
        Ok(pages.into_iter().map(|(import, rows)| (import, Slice::cut(rows, page))).collect())
    }

    /// When `seller` first imported a file with this content.
    pub async fn import_first_of_file(
        &self,
        seller: Option<OrganizationId>,
        sha256: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        let query = lead_import::Entity::find()
            .select_only()
            .column(lead_import::Column::CreatedAt)
            .filter(owned_by(seller))
            .filter(lead_import::Column::FileSha256.eq(sha256.to_vec()))
            .order_by_asc(lead_import::Column::CreatedAt);
        Ok(query.into_tuple().one(self.read()).await?)
    }

    /// Claims an import that waits, or whose worker has not been heard of, or that very import `only`, for `lease_secs`: the
    /// oldest of the owner who was served least recently.
    pub async fn import_claim(&self, lease_secs: i64, only: Option<ImportId>) -> Result<Option<Import>, WriteError> {
        self.write("import_claim", move |tx| async move {
            let now = tx.now().await?;
            let that = only.map(|id| lead_import::Column::Id.eq(id.0));
            let either = Condition::all().add(waiting(now)).add_option(that);
            let mut query = lead_import::Entity::find()
                .filter(either)
                .order_by_with_nulls(Expr::cust(OWNER_SERVED_AT), Order::Asc, NullOrdering::First)
                .order_by_asc(lead_import::Column::Id);
            if tx.backend() == Backend::Postgres {
                query = query.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
            }
            let Some(row) = query.one(tx.db()).await? else { return Ok(None) };
            let mut import = Import::try_from(row)?;
            lead_import::Entity::update_many()
                .col_expr(lead_import::Column::State, Expr::value(ImportState::Running.as_str()))
                .col_expr(lead_import::Column::LeasedUntil, Expr::value(plus_secs(now, lease_secs)))
                .col_expr(lead_import::Column::ServedAt, Expr::value(now))
                .col_expr(lead_import::Column::Attempts, Expr::col(lead_import::Column::Attempts).add(1))
                .col_expr(lead_import::Column::Version, Expr::col(lead_import::Column::Version).add(1))
                .filter(lead_import::Column::Id.eq(import.id.0))
                .exec(tx.db())
                .await?;
            import.state = ImportState::Running;
            import.attempts = import.attempts.saturating_add(1);
            import.version = import.version.saturating_add(1);
            Ok(Some(import))
        })
        .await
    }

    /// Keeps an import that is still as `before` says from being claimed by others, for `lease_secs` from now; `false` when it is not.
    pub async fn import_renew(&self, before: &Import, lease_secs: i64) -> Result<bool, WriteError> {
        let (id, version) = (before.id, before.version);
        self.write("import_renew", move |tx| async move {
            let done = lead_import::Entity::update_many()
                .col_expr(lead_import::Column::LeasedUntil, Expr::value(plus_secs(tx.now().await?, lease_secs)))
                .filter(lead_import::Column::Id.eq(id.0))
                .filter(lead_import::Column::Version.eq(version))
                .filter(is(lead_import::Column::State, ImportState::Running.as_str()))
                .exec(tx.db())
                .await?;
            Ok(done.rows_affected > 0)
        })
        .await
    }

    /// Whether an import of another owner than that of `running` waits at `now`.
    pub async fn import_waits_beside(&self, running: &Import, now: Timestamp) -> Result<bool, StoreError> {
        let others = match running.seller {
            Some(seller) => {
                let of = lead_import::Column::SellerId;
                Condition::any().add(of.ne(seller.0)).add(of.is_null())
            }
            None => Condition::all().add(lead_import::Column::SellerId.is_not_null()),
        };
        let others = Condition::all().add(waiting(now)).add(others);
        let found: Option<Uuid> = lead_import::Entity::find()
            .select_only()
            .column(lead_import::Column::Id)
            .filter(others)
            .into_tuple()
            .one(self.read())
            .await?;
        Ok(found.is_some())
    }
}

/// The refusals behind this line and position.
fn behind((line, position): (i64, i64)) -> Condition {
    let later = lead_import_refusal::Column::Line.eq(line).and(lead_import_refusal::Column::Position.gt(position));
    Condition::any().add(lead_import_refusal::Column::Line.gt(line)).add(later)
}

impl Tx {
    /// Queues an import.
    pub async fn import_insert(&self, new: &Import) -> Result<(), StoreError> {
        let row = lead_import::ActiveModel {
            id: Set(new.id.0),
            kind: Set(new.kind.as_str().to_owned()),
            seller_id: Set(new.seller.map(|seller| seller.0)),
            upload_id: Set(Some(new.upload.0)),
            file_name: Set(new.file_name.clone()),
            file_sha256: Set(new.file_sha256.clone()),
            mapping: Set(Json::String(new.mapping.clone())),
            state: Set(new.state.as_str().to_owned()),
            bytes_total: Set(signed(new.bytes_total)),
            created_by: Set(new.created_by.map(|user| user.0)),
            created_at: Set(new.created_at),
            ..Default::default()
        };
        lead_import::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// The imports of a file, the newest first.
    pub async fn imports_of_upload(&self, upload: UploadId) -> Result<Vec<Import>, StoreError> {
        let query = lead_import::Entity::find().filter(lead_import::Column::UploadId.eq(upload.0));
        let rows = query.order_by_desc(lead_import::Column::Id).all(self.db()).await?;
        rows.into_iter().map(Import::try_from).collect()
    }

    /// An import of `seller`, or one of the exchange's own, its row locked until the transaction ends.
    pub async fn import_locked(&self, seller: Option<OrganizationId>, id: ImportId) -> Result<Option<Import>, StoreError> {
        let mut query = lead_import::Entity::find_by_id(id.0).filter(owned_by(seller));
        if self.backend() == Backend::Postgres {
            query = query.lock(LockType::NoKeyUpdate);
        }
        query.one(self.db()).await?.map(Import::try_from).transpose()
    }

    /// Moves an import that is still as `before` says on by `step`, and holds it for `lease_secs` more. `None` when it was
    /// stopped or another worker has taken it.
    pub async fn import_advance(
        &self,
        before: &Import,
        step: &ImportStep,
        lease_secs: i64,
    ) -> Result<Option<Import>, StoreError> {
        let now = self.now().await?;
        let tally = before.tally.plus(&step.tally);
        let finished_at = step.state.is_final().then_some(now);
        let version = before.version.saturating_add(1);
        let leased_until = finished_at.is_none().then(|| plus_secs(now, lease_secs));
        let done = lead_import::Entity::update_many()
            .col_expr(lead_import::Column::State, Expr::value(step.state.as_str()))
            .col_expr(lead_import::Column::BytesRead, Expr::value(signed(step.bytes_read)))
            .col_expr(lead_import::Column::RowsRead, Expr::value(signed(tally.read())))
            .col_expr(lead_import::Column::RowsAccepted, Expr::value(signed(tally.accepted)))
            .col_expr(lead_import::Column::RowsRefused, Expr::value(signed(tally.refused)))
            .col_expr(lead_import::Column::RowsDuplicate, Expr::value(signed(tally.duplicate)))
            .col_expr(lead_import::Column::RowsSkipped, Expr::value(signed(tally.skipped)))
            .col_expr(lead_import::Column::Error, Expr::value(step.error.clone()))
            .col_expr(lead_import::Column::Attempts, Expr::value(0_i64))
            .col_expr(lead_import::Column::LeasedUntil, Expr::value(leased_until))
            .col_expr(lead_import::Column::FinishedAt, Expr::value(finished_at))
            .col_expr(lead_import::Column::Version, Expr::value(version))
            .filter(lead_import::Column::Id.eq(before.id.0))
            .filter(lead_import::Column::Version.eq(before.version))
            .exec(self.db())
            .await?;
        Ok((done.rows_affected == 1).then(|| Import {
            state: step.state,
            bytes_read: step.bytes_read,
            tally,
            error: step.error.clone(),
            attempts: 0,
            finished_at,
            version,
            ..before.clone()
        }))
    }

    /// Lays an import that is still as `before` says down, so that any worker may go on with it.
    pub async fn import_lay_down(&self, before: &Import) -> Result<(), StoreError> {
        lead_import::Entity::update_many()
            .col_expr(lead_import::Column::LeasedUntil, Expr::value(self.now().await?))
            .filter(lead_import::Column::Id.eq(before.id.0))
            .filter(lead_import::Column::Version.eq(before.version))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Stops an import whose row is locked.
    pub async fn import_stop(&self, before: &Import, state: ImportState) -> Result<Import, WriteError> {
        let step = ImportStep { tally: Tally::default(), bytes_read: before.bytes_read, state, error: None };
        let stopped = self.import_advance(before, &step, 0).await?;
        Ok(stopped.ok_or_else(|| Refusal::new(Code::Conflict, "the import changed meanwhile"))?)
    }

    /// Keeps refusals of an import.
    pub async fn import_refusals_insert(&self, id: ImportId, refusals: &[ImportRefusal]) -> Result<(), StoreError> {
        for chunk in refusals.chunks(CHUNK) {
            let rows = chunk.iter().map(|refusal| lead_import_refusal::ActiveModel {
                import_id: Set(id.0),
                line: Set(signed(refusal.line)),
                position: Set(i64::from(refusal.position)),
                column_name: Set(refusal.column.clone()),
                code: Set(refusal.code.as_str().to_owned()),
                reason: Set(refusal.reason.clone()),
            });
            lead_import_refusal::Entity::insert_many(rows).exec_without_returning(self.db()).await?;
        }
        Ok(())
    }
}
