//! Following imports.

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription};
use domain::access::{Permission, StaffRole};
use domain::id::ImportId;
use domain::refusal::Refusal;
use futures::{Stream, StreamExt};
use store::imports::Import;
use store::outbox::FeedEvent;

use super::states;
use crate::app::imports::{IMPORT_PROGRESSED, import_get};
use crate::app::{App, Caller};
use crate::graphql::caller;
use crate::graphql::error::top_level;
use crate::graphql::id::parse_id;
use crate::graphql::import::ImportObject;

/// Subscriptions about imports.
#[derive(Debug, Default)]
pub struct ImportSubscription;

/// An import as it stands.
#[derive(Debug, SimpleObject)]
pub struct ImportUpdate {
    /// Where this state stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The import, with how many rows were read.
    pub import: ImportObject,
}

#[Subscription]
impl ImportSubscription {
    /// One import of the caller's organization, or of a do-not-contact list for operators: how far it is now, and after each step,
    /// up to its end.
    async fn import_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The import.")] id: ID,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<ImportUpdate>>> {
        let principal = &caller(ctx).principal;
        if principal.require_staff(StaffRole::Operator).is_err() {
            principal.require(Permission::LeadsRead).map_err(top_level)?;
        }
        let id: ImportId = parse_id(&id, "id").map_err(top_level)?;
        let wanted = move |event: &FeedEvent| event.topic == IMPORT_PROGRESSED && event.subject_id == id.0;
        let load = move |app: Arc<App>, caller: Caller| async move {
            import_get(&app, &caller, id).await?.ok_or_else(|| Refusal::not_found("id", "import").into())
        };
        let updates = states(ctx, wanted, load, |import: &Import| import.state.is_final());
        Ok(updates.await?.map(|update| {
            let (sequence, import) = update?;
            Ok(ImportUpdate { sequence, import: import.into() })
        }))
    }
}
