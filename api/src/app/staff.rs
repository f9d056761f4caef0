//! The exchange's own staff, made from the command line only.

use domain::access::StaffRole;
use domain::account::{Email, Person, name_of};
use domain::id::UserId;
use domain::refusal::Refusal;
use secrecy::{ExposeSecret, SecretString};

use super::session::password_hash;
use super::{App, AppError};
use crate::auth::password_check;

/// Makes the person with the address `email` a member of staff; somebody who is new here gets `name` and `password`, who is
/// known keeps its own. Answers the person and whether it is new.
pub async fn staff_add(
    app: &App,
    email: &str,
    name: &str,
    role: StaffRole,
    password: SecretString,
) -> Result<(UserId, bool), AppError> {
    let email: Email = email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    let name = name_of(name).map_err(|refusal| refusal.at("name"))?;
    password_check(password.expose_secret(), email.as_str()).map_err(|refusal| refusal.at("password"))?;
    let hash = password_hash(app, password).await?;
    let person = Person { id: app.store.id(), email, name, locale: "en".to_owned() };
    app.store
        .write("staff_add", move |tx| {
            let (person, hash) = (person.clone(), hash.clone());
            async move {
                let (user, is_new) = match tx.credentials_of(&person.email).await? {
                    Some(known) => (known.person.id, false),
                    None => {
                        tx.person_insert(&person, &hash).await?;
                        (person.id, true)
                    }
                };
                tx.staff_insert(user, role).await?;
                Ok((user, is_new))
            }
        })
        .await
}
