//! Many disputes at once, for their parties: what is not theirs, or not for their eyes, is left out.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::dispute::history::Reader;
use domain::id::{DisputeId, OrganizationId, TradeId};
use domain::trade::TradeState;
use store::disputes::Dispute;

use super::super::{App, AppError, Caller};
use super::view::{EntryView, FileView, Sight, entries_opened, files_opened, visible};

/// Those of `ids` that the caller may see, in no order.
pub async fn disputes_many(app: &App, caller: &Caller, ids: &[DisputeId]) -> Result<Vec<Dispute>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.disputes_many(organization, ids).await?)
}

/// The history of each of those `ids` that the caller may see, oldest first, as far as a party sees it.
pub async fn dispute_entries_many(
    app: &App,
    caller: &Caller,
    ids: &[DisputeId],
) -> Result<BTreeMap<DisputeId, Vec<EntryView>>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    let seen = sights(app, caller, organization, ids).await?;
    let mut shown = Vec::new();
    for (id, entries) in app.store.dispute_entries_many(organization, ids).await? {
        let Some((dispute, _)) = seen.get(&id) else { continue };
        shown.extend(visible(entries, dispute, Reader::Party).into_iter().map(|entry| (id, entry)));
    }
    let (of, entries): (Vec<DisputeId>, Vec<_>) = shown.into_iter().unzip();
    let mut histories: BTreeMap<DisputeId, Vec<EntryView>> = BTreeMap::new();
    for (id, mut entry) in of.into_iter().zip(entries_opened(app, entries).await?) {
        if !seen.get(&id).is_some_and(|(_, sight)| sight.reads(entry.side)) {
            entry.text = None;
        }
        histories.entry(id).or_default().push(entry);
    }
    Ok(histories)
}

/// The files of each of those `ids` that the caller may see; without their names for those who may not read them.
pub async fn dispute_evidence_many(
    app: &App,
    caller: &Caller,
    ids: &[DisputeId],
) -> Result<BTreeMap<DisputeId, Vec<FileView>>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    let seen = sights(app, caller, organization, ids).await?;
    let given = app.store.evidence_many(organization, ids).await?;
    let (of, given): (Vec<DisputeId>, Vec<_>) =
        given.into_iter().flat_map(|(id, files)| files.into_iter().map(move |file| (id, file))).unzip();
    let mut files: BTreeMap<DisputeId, Vec<FileView>> = BTreeMap::new();
    for (id, mut file) in of.into_iter().zip(files_opened(app, given).await?) {
        if !seen.get(&id).is_some_and(|(_, sight)| sight.reads(file.party.into())) {
            file.name = None;
        }
        files.entry(id).or_default().push(file);
    }
    Ok(files)
}

/// Those of `ids` in which the organization is a party, with what it may read in each.
async fn sights(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    ids: &[DisputeId],
) -> Result<BTreeMap<DisputeId, (Dispute, Sight)>, AppError> {
    let disputes = app.store.disputes_many(organization, ids).await?;
    let trades: Vec<TradeId> = disputes.iter().map(|dispute| dispute.trade).collect();
    let trades = app.store.trades_many(Some(organization), &trades).await?;
    let refunded: BTreeMap<TradeId, bool> =
        trades.iter().map(|trade| (trade.id, trade.hold.state() == TradeState::Refunded)).collect();
    let sight = |dispute: Dispute| {
        let refunded = refunded.get(&dispute.trade).copied();
        let refunded = refunded.ok_or_else(|| AppError::internal("a dispute without its trade"))?;
        let sight = Sight::new(caller, &dispute, organization, refunded)?;
        Ok((dispute.id, (dispute, sight)))
    };
    disputes.into_iter().map(sight).collect()
}
