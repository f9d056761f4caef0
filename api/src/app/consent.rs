//! A person takes consent back, by the link that was sent to them, or through the seller or an operator.

use domain::access::{Permission, StaffRole};
use domain::id::LeadId;
use domain::refusal::Refusal;
use secrecy::{ExposeSecret, SecretString};
use store::WriteError;
use store::confirmations::ConfirmationKey;
use store::consents::{Withdrawn, consent_withdraw as withdraw};
use store::leads::LeadScope;

use super::dispute::rules;
use super::{App, AppError, Caller};
use crate::crypto::token_hash;

/// Whose consent is withdrawn, and what shows that this may be asked.
pub enum Person {
    /// Whoever holds the link that was sent to the person.
    Link(SecretString),
    /// The person behind a lead, who told its seller or the exchange.
    Lead(LeadId),
}

/// Takes the person's consent back: undelivered trades are refunded, the contact data is destroyed, the person goes on the
/// do-not-contact list. The keyed hashes stay, for disputes and so that the person is known again.
pub async fn consent_withdraw(app: &App, caller: &Caller, person: Person) -> Result<Withdrawn, AppError> {
    let by = caller.principal.user();
    let rules = rules(&app.config.exchange);
    let done: Result<Withdrawn, WriteError> = match person {
        Person::Link(token) => {
            let key = ConfirmationKey::Token(token_hash(token.expose_secret()).to_vec());
            app.store
                .write("consent_withdraw", |tx| {
                    let key = key.clone();
                    async move {
                        let found = tx.confirmation_locked(&key).await?;
                        let found = found.ok_or_else(|| Refusal::not_found("token", "link"))?;
                        withdraw(&tx, found.lead, LeadScope::Exchange, &rules, None).await
                    }
                })
                .await
        }
        Person::Lead(lead) => {
            let scope = if caller.principal.require_staff(StaffRole::Operator).is_ok() {
                LeadScope::Exchange
            } else {
                LeadScope::Seller(caller.principal.require(Permission::LeadsWrite)?)
            };
            app.store
                .write("consent_withdraw", |tx| async move {
                    // A lead of others does not exist, and its listing is not touched.
                    if tx.lead_locked(scope, lead).await?.is_none() {
                        return Err(Refusal::not_found("leadId", "lead").into());
                    }
                    withdraw(&tx, lead, scope, &rules, by).await
                })
                .await
        }
    };
    Ok(done?)
}
