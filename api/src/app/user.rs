//! People as operators see them: locked out of the whole exchange, and let in again.

use domain::access::StaffRole;
use domain::account::{Email, Person};
use domain::id::UserId;
use domain::refusal::Refusal;
use store::Tx;
use store::accounts::Credentials;

use super::member::given_out_revoke;
use super::{App, AppError, Caller};

/// Who is meant.
#[derive(Debug, Clone)]
pub enum UserRef {
    /// By the id that the log shows.
    Id(UserId),
    /// By the address to log in with.
    Email(Email),
}

/// Locks a person out everywhere: its sessions end, and so do the keys and open invitations that it made in whichever
/// organization. Staff are made and unmade at the command line. For operators.
pub async fn user_disable(app: &App, caller: &Caller, who: UserRef) -> Result<Person, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    let disabled = app
        .store
        .write("user_disable", move |tx| {
            let who = who.clone();
            async move {
                let person = found(&tx, &who, true).await?.person;
                if tx.is_staff(person.id).await? {
                    return Err(AppError::from(
                        Refusal::wrong_state("this person is staff: remove it from the staff first").at("user"),
                    ));
                }
                tx.person_active_set(person.id, false).await?;
                tx.sessions_revoke_of(person.id, "USER_DISABLED").await?;
                tx.password_resets_used(person.id).await?;
                given_out_revoke(&tx, person.id, None, None).await?;
                Ok(person)
            }
        })
        .await?;
    app.identity.forget();
    Ok(disabled)
}

/// Lets a person log in again. What ended when it was locked out stays ended. For operators.
pub async fn user_enable(app: &App, caller: &Caller, who: UserRef) -> Result<Person, AppError> {
    caller.principal.require_staff(StaffRole::Operator)?;
    app.store
        .write("user_enable", move |tx| {
            let who = who.clone();
            async move {
                let person = found(&tx, &who, false).await?.person;
                tx.person_active_set(person.id, true).await?;
                Ok(person)
            }
        })
        .await
}

/// The person who is meant, locked, if it may log in exactly as `active` says.
async fn found(tx: &Tx, who: &UserRef, active: bool) -> Result<Credentials, AppError> {
    let id = match who {
        UserRef::Id(id) => Some(*id),
        UserRef::Email(email) => tx.credentials_of(email).await?.map(|known| known.person.id),
    };
    let known = match id {
        Some(id) => tx.person_lock(id).await?,
        None => None,
    };
    let known = known.ok_or_else(|| Refusal::not_found("user", "person"))?;
    if known.active == active {
        return Ok(known);
    }
    let word = if active { "disabled" } else { "enabled" };
    Err(Refusal::wrong_state(format!("this person is {word} already")).at("user").into())
}
