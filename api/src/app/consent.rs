//! A person takes consent back, by the link that was sent to them, or through the seller or an operator.

use domain::access::{Permission, StaffRole};
use domain::id::{LeadId, OrganizationId, UserId};
use domain::refusal::Refusal;
use secrecy::{ExposeSecret, SecretString};
use store::consents::{Withdrawn, consent_withdraw as withdraw};
use store::leads::LeadScope;

use super::dispute::rules;
use super::idempotency::idempotency_key;
use super::{App, AppError, Caller};
use crate::crypto::token_hash;

/// Whose consent is withdrawn, and what shows that this may be asked.
pub enum Person {
    /// Whoever holds the link that was sent to the person.
    Link(SecretString),
    /// The person behind a lead, who told its seller or the exchange.
    Lead(LeadId),
}

/// Takes the person's consent back: undelivered trades are refunded, the contact data and what buyers wrote down about the
/// person are destroyed, the person goes on the do-not-contact list. The keyed hashes stay, for disputes and so that the
/// person is known again.
pub async fn consent_withdraw(app: &App, caller: &Caller, key: &str, person: Person) -> Result<Withdrawn, AppError> {
    let Asked { lead, keeper, by } = asked(app, caller, person).await?;
    let rules = rules(&app.config.exchange);
    let key = idempotency_key(keeper, key, "consent_withdraw", &lead)?;
    app.store
        .write("consent_withdraw", |tx| {
            let key = key.clone();
            async move {
                if let Some(earlier) = tx.replayed(&key).await? {
                    return Ok(earlier);
                }
                let done = withdraw(&tx, lead, &rules, by).await?;
                tx.remember(&key, &done).await?;
                Ok::<_, AppError>(done)
            }
        })
        .await
}

/// A withdrawal that may be asked for.
struct Asked {
    lead: LeadId,
    /// Under whom the idempotency key is kept: a person has no account, so the lead stands for them.
    keeper: OrganizationId,
    by: Option<UserId>,
}

/// Whose lead it is never changes, so nothing is locked yet: a lead of others does not exist, and its listing is not touched.
async fn asked(app: &App, caller: &Caller, person: Person) -> Result<Asked, AppError> {
    match person {
        Person::Link(token) => {
            let found = app.store.confirmation_lead(&token_hash(token.expose_secret())).await?;
            let lead = found.ok_or_else(|| Refusal::not_found("token", "link"))?;
            Ok(Asked { lead, keeper: OrganizationId(lead.0), by: None })
        }
        Person::Lead(lead) => {
            let (scope, keeper) = match caller.principal.require_staff(StaffRole::Operator) {
                Ok(operator) => (LeadScope::Exchange, OrganizationId(operator.0)),
                Err(_) => {
                    let seller = caller.principal.require(Permission::LeadsWrite)?;
                    (LeadScope::Seller(seller), seller)
                }
            };
            app.store.lead(scope, lead).await?.ok_or_else(|| Refusal::not_found("leadId", "lead"))?;
            Ok(Asked { lead, keeper, by: caller.principal.user() })
        }
    }
}
