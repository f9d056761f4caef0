//! A receipt of the exchange's own for what was paid in by card.

use domain::id::TopUpId;
use store::payments::top_ups::StoredTopUp;

use super::top_ups::top_up;
use crate::app::{App, AppError, Caller};

/// The receipt as a text, if the caller may see the top-up and it is paid.
pub async fn top_up_receipt(app: &App, caller: &Caller, id: TopUpId) -> Result<Option<String>, AppError> {
    let Some(stored) = top_up(app, caller, id).await? else { return Ok(None) };
    let (Some(paid), Some(at)) = (stored.paid(), stored.ended_at) else { return Ok(None) };
    let organization = app.store.organization(stored.organization).await?;
    let name = organization.map_or_else(String::new, |organization| organization.name);
    let StoredTopUp { id, payment, .. } = stored;
    Ok(Some(format!(
        "Receipt\n\nTop-up          {id}\nWallet of       {name}\nPaid            {paid}\nPaid on         {}\nPayment         {}\n\n\
         The amount is in the wallet. A wallet is prepaid; what is bought with it is invoiced with the purchase.\n",
        at.format("%Y-%m-%d %H:%M UTC"),
        payment.unwrap_or_default(),
    )))
}

/// Where the receipt of a paid top-up is.
#[must_use]
pub fn top_up_receipt_url(app: &App, top_up: &StoredTopUp) -> Option<String> {
    top_up.paid().map(|_| format!("{}/top-ups/{}/receipt", app.config.server.public_url, top_up.id))
}
