//! Receipts of clearings, for those who took part.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::clearing::SealedBid;
use domain::id::{BidId, ListingId, ReceiptId};
use domain::receipt::replay;
use store::receipts::StoredReceipt;

use super::{App, AppError, Caller};

/// A receipt as the caller may see it, and whether running the rule again on it gives the same result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReceipt {
    /// The receipt. Its bids bear numbers instead of their ids.
    pub stored: StoredReceipt,
    /// The ids of those bids that are the caller's, by their numbers.
    pub own_bids: BTreeMap<BidId, BidId>,
    /// Whether the rule gives the same result again; `None` when the receipt was made by a rule that this version lacks.
    pub replays: Option<bool>,
}

/// The receipt of a listing's clearing; `None` when there is none that the caller may see.
pub async fn clearing_receipt(app: &App, caller: &Caller, listing: ListingId) -> Result<Option<CheckedReceipt>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.receipt_of(viewer, listing).await?.map(checked))
}

/// Those of `ids` that the caller may see, in no order.
pub async fn clearing_receipts_many(app: &App, caller: &Caller, ids: &[ReceiptId]) -> Result<Vec<CheckedReceipt>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.receipts_many(viewer, ids).await?.into_iter().map(checked).collect())
}

fn checked(stored: StoredReceipt) -> CheckedReceipt {
    let seen = stored.receipt.seen_with(&stored.own_bids);
    let own = |(shown, whole): (&SealedBid, &SealedBid)| stored.own_bids.contains(&whole.bid).then_some((shown.bid, whole.bid));
    let own_bids = seen.bids.iter().zip(&stored.receipt.bids).filter_map(own).collect();
    let replays = replay(&seen).ok().map(|result| result == seen.result);
    CheckedReceipt { own_bids, replays, stored: StoredReceipt { receipt: seen, ..stored } }
}
