//! Many disputes at once, for their parties: what is not theirs is left out.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::id::DisputeId;
use store::disputes::{Dispute, File};

use super::super::{App, AppError, Caller};
use super::view::{EntryView, entry_view};

/// Those of `ids` that the caller may see, in no order.
pub async fn disputes_many(app: &App, caller: &Caller, ids: &[DisputeId]) -> Result<Vec<Dispute>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.disputes_many(organization, ids).await?)
}

/// The history of each of those `ids` that the caller may see.
pub async fn dispute_entries_many(
    app: &App,
    caller: &Caller,
    ids: &[DisputeId],
) -> Result<BTreeMap<DisputeId, Vec<EntryView>>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    let mut histories = BTreeMap::new();
    for (id, entries) in app.store.dispute_entries_many(organization, ids).await? {
        let views: Result<Vec<EntryView>, AppError> = entries.into_iter().map(|entry| entry_view(app, entry)).collect();
        histories.insert(id, views?);
    }
    Ok(histories)
}

/// The files of each of those `ids` that the caller may see.
pub async fn dispute_evidence_many(
    app: &App,
    caller: &Caller,
    ids: &[DisputeId],
) -> Result<BTreeMap<DisputeId, Vec<File>>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.evidence_many(organization, ids).await?)
}
