//! Ends of a lead that its seller may choose.

use domain::access::Permission;
use domain::id::LeadId;
use domain::lead::{erase, withdraw};
use domain::refusal::Refusal;
use store::leads::{LeadScope, StoredLead};

use crate::app::{App, AppError, Caller};

/// Takes back a lead that is neither listed nor sold.
pub async fn lead_withdraw(app: &App, caller: &Caller, id: LeadId) -> Result<StoredLead, AppError> {
    let scope = LeadScope::Seller(caller.principal.require(Permission::LeadsWrite)?);
    app.store
        .write("lead_withdraw", |tx| async move {
            let before = tx.lead_locked(scope, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
            let state = withdraw(before.state, tx.lead_ties(id).await?)?;
            Ok(tx.lead_move(&before, state).await?)
        })
        .await
}

/// Destroys who the person is: the envelope with its data key. Keyed hashes stay, so that the person is known again.
pub async fn lead_erase(app: &App, caller: &Caller, id: LeadId) -> Result<StoredLead, AppError> {
    let scope = LeadScope::Seller(caller.principal.require(Permission::LeadsWrite)?);
    app.store
        .write("lead_erase", |tx| async move {
            let before = tx.lead_locked(scope, id).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
            let state = erase(before.state, tx.lead_ties(id).await?)?;
            tx.lead_contact_destroy(id).await?;
            Ok(tx.lead_move(&before, state).await?)
        })
        .await
}
