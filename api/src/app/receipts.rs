//! Receipts of clearings, for those who took part.

use domain::access::Permission;
use domain::id::ListingId;
use domain::receipt::replay;
use store::receipts::StoredReceipt;

use super::{App, AppError, Caller};

/// A receipt, and whether running the rule again on it gives the same result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReceipt {
    /// The receipt.
    pub stored: StoredReceipt,
    /// Whether the rule gives the same result again; `None` when the receipt was made by a rule that this version lacks.
    pub replays: Option<bool>,
}

/// The receipt of a listing's clearing; `None` when there is none that the caller may see.
pub async fn clearing_receipt(app: &App, caller: &Caller, listing: ListingId) -> Result<Option<CheckedReceipt>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    let stored = app.store.receipt_of(viewer, listing).await?;
    Ok(stored.map(|stored| {
        let replays = replay(&stored.receipt).ok().map(|result| result == stored.receipt.result);
        CheckedReceipt { stored, replays }
    }))
}
