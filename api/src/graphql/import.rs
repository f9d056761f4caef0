//! Files of leads and of people who must not be contacted: uploads, imports, and the rows that were refused.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::ImportId;
use domain::import::{ImportKind, ImportState};
use domain::upload::{UploadPurpose, UploadState};
use secrecy::ExposeSecret;
use store::imports::{Import, ImportRefusal};
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::loader::{RefusalsOf, load};
use super::word::Word;
use super::{app, caller};
use crate::app::imports::{self, LeadsImport as Asked};
use crate::app::uploads::{self, UploadCreate as Announced, UploadView};
use crate::mutation_errors;

const NEWEST: &str = "imports:newest";
const BY_LINE: &str = "refusals:line";

/// Queries about files of leads.
#[derive(Debug, Default)]
pub struct ImportQuery;

/// Mutations of files of leads.
#[derive(Debug, Default)]
pub struct ImportMutation;

mutation_errors!(UploadCreate: [Invalid, Required, TooLarge, RateLimited]);
mutation_errors!(LeadsImport: [Invalid, Required, TooLarge, NotFound, WrongState, IdempotencyMismatch]);
mutation_errors!(ImportCancel: [Invalid, NotFound, WrongState, Conflict]);

/// A file that is awaited or there.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Upload")]
pub struct UploadObject {
    /// The id.
    pub id: ID,
    /// What it is for.
    pub purpose: Word<UploadPurpose>,
    /// Its name, without folders; null once the file was removed.
    pub file_name: Option<String>,
    /// Whether it is there.
    pub state: Word<UploadState>,
    /// How large it may be, in bytes.
    pub max_bytes: f64,
    /// Its size in bytes, once it is there.
    pub size_bytes: Option<f64>,
    /// Its SHA-256 in hexadecimal digits, once it is there.
    pub sha256: Option<String>,
    /// Its media type by its content, once it is there.
    pub media_type: Option<String>,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// Until when it may be put.
    pub expires_at: DateTime<Utc>,
    /// Since when it is there.
    pub completed_at: Option<DateTime<Utc>>,
}

impl From<UploadView> for UploadObject {
    fn from(UploadView { upload, file_name }: UploadView) -> Self {
        let content = upload.content.as_ref();
        Self {
            id: to_id(upload.id),
            purpose: upload.purpose.into(),
            state: upload.state.into(),
            max_bytes: bytes(upload.max_bytes),
            size_bytes: content.map(|content| bytes(content.size_bytes)),
            sha256: content.map(|content| hex::encode(content.sha256)),
            media_type: content.map(|content| content.media_type.clone()),
            created_at: upload.created_at,
            expires_at: upload.expires_at,
            completed_at: content.map(|content| content.completed_at),
            file_name,
        }
    }
}

/// The import of a file.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Import", complex)]
pub struct ImportObject {
    #[graphql(skip)]
    import: ImportId,
    /// The id.
    pub id: ID,
    /// What is imported.
    pub kind: Word<ImportKind>,
    /// The file.
    pub upload_id: ID,
    /// The file's name.
    pub file_name: String,
    /// The mapping, as it was handed in; for a do-not-contact list what was told of it, as JSON.
    pub mapping: String,
    /// How far it is.
    pub state: Word<ImportState>,
    /// Bytes of the file.
    pub bytes_total: f64,
    /// Bytes read so far.
    pub bytes_read: f64,
    /// Rows read so far.
    pub rows_read: i32,
    /// Rows that are leads, or entries of the list, now.
    pub rows_accepted: i32,
    /// Rows refused, each with its reasons.
    pub rows_refused: i32,
    /// Rows that were leads of the organization, with the same content, or entries of the list, already.
    pub rows_duplicate: i32,
    /// Rows left out by the mapping's filters, or empty.
    pub rows_skipped: i32,
    /// Why the file could not be read to its end.
    pub error: Option<String>,
    /// Where the refused rows can be had as CSV, with the same log-in: a path on this server.
    pub refusals_path: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Counts the changes: a greater one is later.
    pub sequence: i32,
}

impl From<Import> for ImportObject {
    fn from(import: Import) -> Self {
        Self {
            import: import.id,
            id: to_id(import.id),
            kind: import.kind.into(),
            upload_id: to_id(import.upload),
            file_name: import.file_name,
            mapping: import.mapping,
            state: import.state.into(),
            bytes_total: bytes(import.bytes_total),
            bytes_read: bytes(import.bytes_read),
            rows_read: count(import.tally.read()),
            rows_accepted: count(import.tally.accepted),
            rows_refused: count(import.tally.refused),
            rows_duplicate: count(import.tally.duplicate),
            rows_skipped: count(import.tally.skipped),
            error: import.error,
            refusals_path: format!("/imports/{}/refusals.csv", import.id),
            created_at: import.created_at,
            finished_at: import.finished_at,
            sequence: i32::try_from(import.version).unwrap_or(i32::MAX),
        }
    }
}

#[ComplexObject]
impl ImportObject {
    /// Why rows were refused, in the order of the file. A row may have several reasons.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn refusals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ImportRefusalObject>> {
        let page = page::<(i64, i64)>(BY_LINE, first, after.as_deref()).map_err(top_level)?;
        let has_previous = page.after.is_some();
        let slice = answer(ctx, load(ctx, RefusalsOf(self.import, page)).await)?.unwrap_or_default();
        let key = |row: &ImportRefusal| (signed(row.line), i64::from(row.position));
        Ok(connection(BY_LINE, slice, has_previous, key, ImportRefusalObject::from))
    }
}

/// Why a row was refused.
#[derive(Debug, SimpleObject)]
#[graphql(name = "ImportRefusal")]
pub struct ImportRefusalObject {
    /// The line of the file on which the row begins, from 1.
    pub line: i32,
    /// The column to blame, or several joined by a plus; nothing when it is the row as a whole.
    pub column: Option<String>,
    /// What is wrong, for machines: a code of the exchange's one list.
    pub code: String,
    /// What is wrong, for people; never the cell's text.
    pub reason: String,
}

impl From<ImportRefusal> for ImportRefusalObject {
    fn from(refusal: ImportRefusal) -> Self {
        Self { line: count(refusal.line), column: refusal.column, code: refusal.code.as_str().to_owned(), reason: refusal.reason }
    }
}

/// A file to announce.
#[derive(Debug, InputObject)]
pub struct UploadCreateInput {
    /// What it is for.
    pub purpose: Word<UploadPurpose>,
    /// Its name, at most 200 characters.
    pub file_name: String,
}

/// A file to import.
#[derive(Debug, InputObject)]
pub struct LeadsImportInput {
    /// The file, put before.
    pub upload_id: ID,
    /// How its columns become leads: TOML, or JSON of the same shape; at most 64 KiB.
    pub mapping: String,
}

/// An import to stop.
#[derive(Debug, InputObject)]
pub struct ImportCancelInput {
    /// Which.
    pub import_id: ID,
}

/// The answer of `uploadCreate`.
#[derive(Debug, SimpleObject)]
pub struct UploadCreatePayload {
    /// The announced file.
    pub upload: Option<UploadObject>,
    /// Where to `PUT` its bytes: a path on this server.
    pub path: Option<String>,
    /// The token for it, as `Authorization: Bearer`; shown only now. The organization's own log-in does as well.
    pub token: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<UploadCreate>>,
}

/// The answer of `leadsImport`.
#[derive(Debug, SimpleObject)]
pub struct LeadsImportPayload {
    /// The import, queued.
    pub import: Option<ImportObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<LeadsImport>>,
}

/// The answer of `importCancel`.
#[derive(Debug, SimpleObject)]
pub struct ImportCancelPayload {
    /// The import, stopped.
    pub import: Option<ImportObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ImportCancel>>,
}

#[Object]
impl ImportQuery {
    /// A file that the caller's organization announced.
    async fn upload(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: ID) -> async_graphql::Result<Option<UploadObject>> {
        let id = parse_id(&id, "id").map_err(top_level)?;
        let found = answer(ctx, uploads::upload_get(app(ctx), caller(ctx), id).await)?;
        Ok(found.map(UploadObject::from))
    }

    /// An import of the caller's organization; operators see those of do-not-contact lists.
    async fn import(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: ID) -> async_graphql::Result<Option<ImportObject>> {
        let id = parse_id(&id, "id").map_err(top_level)?;
        let found = answer(ctx, imports::import_get(app(ctx), caller(ctx), id).await)?;
        Ok(found.map(ImportObject::from))
    }

    /// The imports of the caller's organization, newest first; operators see those of do-not-contact lists.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn imports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<ImportObject>> {
        let page = page::<Uuid>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, imports::import_list(app(ctx), caller(ctx), &page).await)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |row| row.id.0, ImportObject::from))
    }
}

#[Object]
impl ImportMutation {
    /// Announces a file. Its bytes are then put to `path` over HTTP, once, before `expiresAt`.
    async fn upload_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: UploadCreateInput,
    ) -> async_graphql::Result<UploadCreatePayload> {
        let announced = Announced { purpose: input.purpose.0, file_name: input.file_name };
        let result = uploads::upload_create(app(ctx), caller(ctx), announced).await;
        let (created, user_errors) = settle(ctx, result)?;
        let Some(created) = created else {
            return Ok(UploadCreatePayload { upload: None, path: None, token: None, user_errors });
        };
        Ok(UploadCreatePayload {
            path: Some(format!("/uploads/{}", created.upload.upload.id)),
            token: Some(created.token.expose_secret().to_owned()),
            upload: Some(created.upload.into()),
            user_errors,
        })
    }

    /// Imports a file of leads that was put. The mapping is fitted to the file's header and the vertical's schema first; the
    /// rows are then read behind the scenes. The same file with the same mapping is the same import, and a row that was
    /// brought before adds nothing.
    async fn leads_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadsImportInput,
    ) -> async_graphql::Result<LeadsImportPayload> {
        let result = match parse_id(&input.upload_id, "uploadId") {
            Ok(upload) => imports::leads_import(app(ctx), caller(ctx), Asked { upload, mapping: input.mapping }).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (import, user_errors) = settle(ctx, result)?;
        Ok(LeadsImportPayload { import: import.map(ImportObject::from), user_errors })
    }

    /// Stops an import. The rows that were read are in and stay.
    async fn import_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ImportCancelInput,
    ) -> async_graphql::Result<ImportCancelPayload> {
        let result = match parse_id(&input.import_id, "importId") {
            Ok(id) => imports::import_cancel(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (import, user_errors) = settle(ctx, result)?;
        Ok(ImportCancelPayload { import: import.map(ImportObject::from), user_errors })
    }
}

/// A number of bytes: beyond 32 bits, which an `Int` of GraphQL has, and below 53, which a `Float` keeps exactly.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "no file has 2^53 bytes")]
const fn bytes(number: u64) -> f64 {
    number as f64
}

fn count(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
