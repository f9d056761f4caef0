//! The do-not-contact list. Operators only.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::SuppressionId;
use store::suppressions::StoredSuppression;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::import::ImportObject;
use super::{app, caller};
use crate::app::imports::{self, List, SuppressionFileImport as Asked};
use crate::app::suppressions::{self, SuppressionsImported};
use crate::mutation_errors;

const NEWEST: &str = "suppressions:newest";

/// Queries about the do-not-contact list.
#[derive(Debug, Default)]
pub struct SuppressionQuery;

/// Mutations of the do-not-contact list.
#[derive(Debug, Default)]
pub struct SuppressionMutation;

mutation_errors!(SuppressionAdd: [Invalid, Required, TooLarge, NotALead]);
mutation_errors!(SuppressionImport: [Invalid, Required, TooLarge, NotALead]);
mutation_errors!(SuppressionFileImport: [Invalid, Required, TooLarge, NotFound, WrongState]);

/// An entry of the list. Who it is cannot be told: only a keyed hash is kept.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Suppression")]
pub struct SuppressionObject {
    /// The id.
    pub id: ID,
    /// What was given: PHONE, EMAIL or SHA256.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Where the entry came from.
    pub source: String,
    /// Who added it.
    pub added_by_id: Option<ID>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Somebody who must not be contacted.
#[derive(InputObject)]
pub struct SuppressionAddInput {
    /// A phone number, an e-mail address, or the SHA-256 of one in hexadecimal digits (of E.164, or the lower-case address).
    #[graphql(secret)]
    pub contact: String,
    /// ISO 3166-1 alpha-2, for a phone number without a country code.
    pub country: Option<String>,
    /// Why.
    pub reason: String,
}

/// A list of those who must not be contacted.
#[derive(InputObject)]
pub struct SuppressionImportInput {
    /// CSV with one phone number, e-mail address or SHA-256 a line, in the first column; a header is passed over. At most
    /// 20,000 lines, and no more than a request may hold: 256 KiB, about 3,900 digests. A longer list is put as a file:
    /// `suppressionFileImport`.
    #[graphql(secret)]
    pub csv: String,
    /// ISO 3166-1 alpha-2, for phone numbers without a country code.
    pub country: Option<String>,
    /// Why.
    pub reason: String,
    /// Where the list comes from.
    pub source: String,
}

/// A list of those who must not be contacted, as a file.
#[derive(InputObject)]
pub struct SuppressionFileImportInput {
    /// The file, put before for the purpose SUPPRESSIONS: CSV, plain or gzip, with one phone number, e-mail address or SHA-256
    /// in hexadecimal digits a row.
    pub upload_id: ID,
    /// The column, by its name in the header or by its place such as `#2`; the first one otherwise.
    pub column: Option<String>,
    /// `tab` or one character; found out otherwise.
    pub delimiter: Option<String>,
    /// A label of the WHATWG standard, such as `windows-1251`; found out otherwise.
    pub encoding: Option<String>,
    /// ISO 3166-1 alpha-2, for phone numbers without a country code.
    pub country: Option<String>,
    /// Why.
    pub reason: String,
    /// Where the list comes from.
    pub source: String,
}

/// The answer of `suppressionAdd`.
#[derive(Debug, SimpleObject)]
pub struct SuppressionAddPayload {
    /// Whether the entry is new.
    pub added: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SuppressionAdd>>,
}

/// The answer of `suppressionImport`.
#[derive(Debug, SimpleObject)]
pub struct SuppressionImportPayload {
    /// Entries that are new.
    pub added: Option<i32>,
    /// Entries that were there.
    pub known: Option<i32>,
    /// What was wrong; the path ends in the number of the line.
    pub user_errors: Vec<UserError<SuppressionImport>>,
}

/// The answer of `suppressionFileImport`.
#[derive(Debug, SimpleObject)]
pub struct SuppressionFileImportPayload {
    /// The import, queued.
    pub import: Option<ImportObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SuppressionFileImport>>,
}

#[Object]
impl SuppressionQuery {
    /// The entries, the newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn suppressions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<SuppressionObject>> {
        let page = page::<SuppressionId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, suppressions::suppression_list(app(ctx), caller(ctx), &page).await)?;
        Ok(connection(NEWEST, slice, page.after.is_some(), |entry| entry.id, SuppressionObject::from))
    }

    /// Whether somebody is on the list.
    async fn suppression_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A phone number, an e-mail address, or the SHA-256 of one.", secret)] contact: String,
        #[graphql(desc = "For a phone number without a country code.")] country: Option<String>,
    ) -> async_graphql::Result<bool> {
        answer(ctx, suppressions::suppression_check(app(ctx), caller(ctx), &contact, country.as_deref()).await)
    }
}

#[Object]
impl SuppressionMutation {
    /// Adds somebody. Their open leads are checked again.
    async fn suppression_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SuppressionAddInput,
    ) -> async_graphql::Result<SuppressionAddPayload> {
        let country = input.country.as_deref();
        let result = suppressions::suppression_add(app(ctx), caller(ctx), &input.contact, country, &input.reason).await;
        let (done, user_errors) = settle(ctx, result)?;
        Ok(SuppressionAddPayload { added: done.map(|done: SuppressionsImported| done.added > 0), user_errors })
    }

    /// Adds a list. A list with a line that cannot be read is refused whole. Open leads of those on it are checked again.
    async fn suppression_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SuppressionImportInput,
    ) -> async_graphql::Result<SuppressionImportPayload> {
        let (csv, reason, source) = (&input.csv, &input.reason, &input.source);
        let country = input.country.as_deref();
        let result = suppressions::suppression_import(app(ctx), caller(ctx), csv, country, reason, source).await;
        let (done, user_errors) = settle(ctx, result)?;
        let count = |many: u64| i32::try_from(many).unwrap_or(i32::MAX);
        Ok(SuppressionImportPayload {
            added: done.map(|done| count(done.added)),
            known: done.map(|done| count(done.known)),
            user_errors,
        })
    }

    /// Adds a list that was put as a file. Its rows are read behind the scenes, and one that cannot be read is refused alone:
    /// the import tells how far it is, and which. Open leads of those on the list are checked again.
    async fn suppression_file_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SuppressionFileImportInput,
    ) -> async_graphql::Result<SuppressionFileImportPayload> {
        let result = match parse_id(&input.upload_id, "uploadId") {
            Ok(upload) => {
                let list = List {
                    column: input.column,
                    delimiter: input.delimiter,
                    encoding: input.encoding,
                    country: input.country,
                    reason: input.reason,
                    source: input.source,
                };
                imports::suppression_file_import(app(ctx), caller(ctx), Asked { upload, list }).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (import, user_errors) = settle(ctx, result)?;
        Ok(SuppressionFileImportPayload { import: import.map(ImportObject::from), user_errors })
    }
}

impl From<StoredSuppression> for SuppressionObject {
    fn from(entry: StoredSuppression) -> Self {
        Self {
            id: to_id(entry.id),
            kind: entry.kind,
            reason: entry.reason,
            source: entry.source,
            added_by_id: entry.added_by.map(to_id),
            created_at: entry.created_at,
        }
    }
}
