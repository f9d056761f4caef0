//! The bank accounts that withdrawals go to: set by their organization, read whole by operators only, each look recorded.

use domain::access::{Permission, StaffRole};
use domain::iban::Iban;
use domain::id::{PayoutAccountId, TypedId, WithdrawalId};
use domain::refusal::Refusal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::payouts::{self, PayoutAccount, SealedPayout};
use uuid::Uuid;

use super::wallet::text;
use super::{App, AppError, Caller};
use crate::crypto::{Binding, Sealed};

/// What is sealed here.
pub(super) const PAYOUT: &str = "payout.account";
/// The longest name of a holder, in characters: SEPA's.
const HOLDER_MAX: usize = 70;

/// A bank account to be paid.
#[derive(Clone)]
pub struct PayoutAccountSet {
    /// Its number.
    pub iban: SecretString,
    /// Whose it is, as the bank has it.
    pub holder_name: SecretString,
}

/// Who is paid, as an operator types it into the bank's form.
#[derive(Clone, Serialize, Deserialize)]
pub struct Payee {
    /// The account's number.
    pub iban: String,
    /// Its holder.
    pub holder_name: String,
}

impl std::fmt::Debug for Payee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payee")
    }
}

/// Sets where the caller's organization is paid from now on; withdrawals under way keep the account that they have.
pub async fn payout_account_set(app: &App, caller: &Caller, input: PayoutAccountSet) -> Result<PayoutAccount, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    let (iban, holder) = match (input.iban.expose_secret().parse::<Iban>(), holder(&input)) {
        (Ok(iban), Ok(holder)) => (iban, holder),
        (iban, holder) => return Err([iban.err(), holder.err()].into_iter().flatten().collect::<Vec<Refusal>>().into()),
    };
    let id: PayoutAccountId = app.store.id();
    let payee = Payee { iban: iban.as_str().to_owned(), holder_name: holder };
    let plain = serde_json::to_vec(&payee).map_err(AppError::internal)?;
    let Sealed { key_id, wrapped_key, ciphertext } =
        app.keys.seal(app.entropy.as_ref(), binding(id.uuid()), &plain).map_err(AppError::internal)?;
    let last_four = iban.last_four().to_owned();
    let sealed = SealedPayout { id, organization, key_id, wrapped_key, ciphertext, last_four };
    let bank_hash = app.keys.keyed_hash("bank", iban.as_str()).to_vec();
    let set_by = caller.principal.user().map(|user| user.0);
    app.store
        .write("payout_account_set", move |tx| {
            let (sealed, bank_hash) = (sealed.clone(), bank_hash.clone());
            async move { Ok::<_, AppError>(payouts::payout_account_set(&tx, sealed, bank_hash, set_by).await?) }
        })
        .await
}

/// Who is to be paid by a withdrawal; the look is recorded. For operators.
pub async fn withdrawal_reveal(app: &App, caller: &Caller, id: WithdrawalId) -> Result<Payee, AppError> {
    let operator = caller.principal.require_staff(StaffRole::Operator)?;
    let looked = app.store.write("withdrawal_reveal", move |tx| async move {
        Ok::<_, AppError>(payouts::withdrawal_reveal(&tx, id, operator).await?)
    });
    let SealedPayout { id, key_id, wrapped_key, ciphertext, .. } = looked.await?;
    let sealed = Sealed { key_id, wrapped_key, ciphertext };
    let plain = app.keys.open(binding(id.uuid()), &sealed).map_err(AppError::internal)?;
    serde_json::from_slice(&plain).map_err(AppError::internal)
}

/// What ties a sealed account to its row.
pub(super) fn binding(object: Uuid) -> Binding {
    Binding { purpose: PAYOUT, object }
}

fn holder(input: &PayoutAccountSet) -> Result<String, Refusal> {
    text("holderName", input.holder_name.expose_secret(), HOLDER_MAX)
}
