//! Chargebacks and the wallets that they freeze.

use domain::access::StaffRole;
use domain::id::{ChargebackId, OrganizationId};
use store::chargebacks::{self, Chargeback, ChargebackDraft};
use store::ledger::Wallet;
use store::page::{Page, Slice};

use super::idempotency::idempotency_key;
use super::wallet::{REFERENCE_MAX, text, wallet_owner_or_all};
use super::{App, AppError, Caller};

/// Records that a payer took money back: the wallet is frozen, what is there goes, the rest is owed. For operators.
pub async fn chargeback_record(app: &App, caller: &Caller, key: &str, input: ChargebackDraft) -> Result<Chargeback, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let input = ChargebackDraft { reference: text("reference", &input.reference, REFERENCE_MAX)?, ..input };
    let key = idempotency_key(OrganizationId(operator.0), key, "chargeback_record", &input)?;
    app.store
        .write("chargeback_record", move |tx| {
            let (key, input) = (key.clone(), input.clone());
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done = chargebacks::chargeback_record(&tx, input, operator).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// Lets a frozen wallet spend again. For operators.
pub async fn wallet_unfreeze(app: &App, caller: &Caller, organization: OrganizationId) -> Result<Wallet, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    let done = app.store.write("wallet_unfreeze", move |tx| async move {
        chargebacks::wallet_unfreeze(&tx, organization).await?;
        Ok::<_, AppError>(())
    });
    done.await?;
    Ok(app.store.wallet(organization).await?)
}

/// A page of chargebacks, newest first: the organization's own, or for an operator those of one or of all.
pub async fn chargebacks(
    app: &App,
    caller: &Caller,
    organization: Option<OrganizationId>,
    page: &Page<ChargebackId>,
) -> Result<Slice<Chargeback>, AppError> {
    let owner = wallet_owner_or_all(caller, organization)?;
    Ok(app.store.chargebacks(owner, page).await?)
}
