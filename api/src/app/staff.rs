//! The exchange's own staff, made and unmade from the command line only.

use std::fmt;

use domain::access::StaffRole;
use domain::account::{Email, Person, name_of};
use domain::id::UserId;
use domain::refusal::{Code, Refusal};
use secrecy::{ExposeSecret, SecretString};
use store::Tx;
use store::accounts::{Credentials, StaffMember};

use super::member::given_out_revoke;
use super::session::password_hash;
use super::{App, AppError};
use crate::auth::password_check;

/// A new member of staff. Debug shows the role only.
#[derive(Clone)]
pub struct StaffAdd {
    /// The address to log in with.
    pub email: String,
    /// The name of somebody who is new here.
    pub name: String,
    /// As what.
    pub role: StaffRole,
    /// The password to log in with from now on.
    pub password: SecretString,
    /// Whether the address may be known already. Nobody proved it was theirs when they registered it, so its password, its
    /// sessions and whatever else was made with it end.
    pub existing: bool,
}

impl fmt::Debug for StaffAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaffAdd").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Makes somebody a member of staff. Answers the person and whether it is new; a known address is refused with `TAKEN`
/// unless that is expected.
pub async fn staff_add(app: &App, input: StaffAdd) -> Result<(UserId, bool), AppError> {
    let StaffAdd { email, name, role, password, existing } = input;
    let email: Email = email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    let name = name_of(&name).map_err(|refusal| refusal.at("name"))?;
    password_check(password.expose_secret(), email.as_str()).map_err(|refusal| refusal.at("password"))?;
    let hash = password_hash(app, password).await?;
    let person = Person { id: app.store.id(), email, name, locale: "en".to_owned() };
    let added = app
        .store
        .write("staff_add", move |tx| {
            let (person, hash) = (person.clone(), hash.clone());
            async move {
                let (user, is_new) = match tx.credentials_of(&person.email).await? {
                    Some(known) if existing => (start_over(&tx, &known, &hash).await?, false),
                    Some(_) => return Err(known_already()),
                    None => {
                        tx.person_insert(&person, &hash).await?;
                        (person.id, true)
                    }
                };
                tx.staff_insert(user, role).await?;
                Ok((user, is_new))
            }
        })
        .await?;
    app.identity.forget();
    Ok(added)
}

/// The exchange's staff, longest serving first.
pub async fn staff_list(app: &App) -> Result<Vec<StaffMember>, AppError> {
    Ok(app.store.staff().await?)
}

/// Takes `role` (without one, every role) in the staff from the person with the address `email`, whose sessions end.
pub async fn staff_remove(app: &App, email: &str, role: Option<StaffRole>) -> Result<UserId, AppError> {
    let email: Email = email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    let removed = app
        .store
        .write("staff_remove", move |tx| {
            let email = email.clone();
            async move {
                let nobody = || Refusal::not_found("email", "member of staff");
                let user = tx.credentials_of(&email).await?.ok_or_else(nobody)?.person.id;
                if tx.staff_delete(user, role).await? == 0 {
                    return Err(AppError::from(nobody()));
                }
                tx.sessions_revoke_of(user, "STAFF_REMOVED").await?;
                Ok(user)
            }
        })
        .await?;
    app.identity.forget();
    Ok(removed)
}

/// Leaves nothing in force that was made with the password of before.
async fn start_over(tx: &Tx, known: &Credentials, hash: &str) -> Result<UserId, AppError> {
    let user = known.person.id;
    if !known.active {
        return Err(Refusal::wrong_state("this person is disabled").at("email").into());
    }
    tx.password_set(user, None, hash).await?;
    tx.password_resets_used(user).await?;
    tx.sessions_revoke_of(user, "STAFF_ADDED").await?;
    given_out_revoke(tx, user, None, None).await?;
    Ok(user)
}

fn known_already() -> AppError {
    let message = "somebody registered this address already, perhaps not its owner: with `--existing` the person becomes staff \
                   with a new password, and its sessions and API keys end";
    Refusal::new(Code::Taken, message).at("email").into()
}
