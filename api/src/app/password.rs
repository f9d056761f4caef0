//! Changing a password, and getting back in without one.

use domain::account::Email;
use domain::id::UserId;
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::message::{self, MESSAGE_SEND, Message, message_seal};
use super::session::{Opening, SessionTokens, password_hash, password_verify, require_person};
use super::{App, AppError, Caller};
use crate::auth::password_check;
use crate::crypto::{Token, token_hash};
use crate::ports::Mail;

/// The kind of the jobs that answer a request for a reset.
pub const PASSWORD_RESET: &str = "password_reset";
const PREFIX: &str = "clp";

/// Changes the caller's password. Every session of the caller ends; the answer is a new one.
pub async fn password_change(
    app: &App,
    caller: &Caller,
    current: SecretString,
    new: SecretString,
) -> Result<SessionTokens, AppError> {
    let user = require_person(caller)?;
    let gone = || AppError::internal("the caller is gone");
    let person = app.store.person(user).await?.ok_or_else(gone)?;
    password_check(new.expose_secret(), person.email.as_str()).map_err(|refusal| refusal.at("newPassword"))?;
    let verified = password_verify(app, caller, &person.email, current).await;
    verified.map_err(|error| at_field(error, "currentPassword"))?;
    let hash = password_hash(app, new).await?;
    let staff_role = match &caller.principal {
        domain::access::Principal::Staff { role, .. } => Some(*role),
        _ => None,
    };
    let opening = Opening::new(app, user, caller.principal.organization(), staff_role);
    let (start, token_hash) = (opening.start.clone(), opening.refresh.hash);
    app.store
        .write("password_change", move |tx| {
            let (hash, start) = (hash.clone(), start.clone());
            async move {
                tx.password_set(user, None, &hash).await?;
                tx.password_resets_used(user).await?;
                tx.sessions_revoke_of(user, "PASSWORD_CHANGED").await?;
                tx.session_insert(&start, &token_hash).await?;
                Ok::<_, AppError>(())
            }
        })
        .await?;
    app.identity.forget();
    opening.tokens(app, caller.principal.clone()).await
}

/// Asks for a mail with a token to set a new password. Whether somebody has this address makes no difference to the answer
/// nor to its time: a worker finds out.
pub async fn password_reset_request(app: &App, caller: &Caller, email: &str) -> Result<(), AppError> {
    let email: Email = email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    app.throttle(app.reset_limits(&email, caller.address)).await?;
    let (id, now) = (app.entropy.uuid(app.now()), app.now());
    let payload = json!({ "id": id, "sealed": message::seal(app, id, &email)? });
    app.store
        .write("password_reset_request", move |tx| {
            let payload = payload.clone();
            async move {
                tx.enqueue(PASSWORD_RESET, payload, now).await?;
                Ok::<_, AppError>(())
            }
        })
        .await
}

/// Mails a token to the person of a [`PASSWORD_RESET`] job, if there is one.
pub async fn password_reset_send(app: &App, payload: &Value) -> Result<(), AppError> {
    let id = payload.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let sealed = payload.get("sealed").and_then(Value::as_str);
    let (Some(id), Some(sealed)) = (id, sealed) else { return Err(AppError::internal("not the payload of a reset")) };
    let email: Email = message::open(app, id, sealed)?;
    let Some(known) = app.store.credentials_of(&email).await?.filter(|known| known.active) else { return Ok(()) };
    let token = Token::generate(app.entropy.as_ref(), PREFIX);
    let (now, user, hash): (_, UserId, _) = (app.now(), known.person.id, token.hash);
    let expires_at = plus_secs(now, app.config.auth.password_reset_secs);
    let until = expires_at.format("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "Somebody, hopefully you, asked to set a new password for this address on Clearlead.\n\nThe token, good once until {until}:\
         \n\n    {}\n\nGive it to `passwordResetComplete` or to the application that you use. Otherwise ignore this mail: your \
         password stays as it is.\n",
        token.expose()
    );
    let mail = Mail { to: email.as_str().to_owned(), subject: "Set a new password".to_owned(), text };
    let mail = message_seal(app, &Message::Mail(mail))?;
    app.store
        .write("password_reset_send", move |tx| {
            let mail = mail.clone();
            async move {
                tx.password_reset_insert(user, &hash, expires_at).await?;
                tx.enqueue(MESSAGE_SEND, mail, now).await?;
                Ok::<_, AppError>(())
            }
        })
        .await
}

/// Sets a new password with a mailed token, once, which proves the address too. Every session of the person ends, and a lock-out with them.
pub async fn password_reset_complete(app: &App, token: &SecretString, new: SecretString) -> Result<(), AppError> {
    let hash = token_hash(token.expose_secret());
    let peeked = app
        .store
        .write("password_reset_peek", move |tx| async move { Ok::<_, AppError>(tx.password_reset_of_token(&hash).await?) });
    let user = peeked.await?.ok_or_else(unknown)?;
    let person = app.store.person(user).await?.ok_or_else(unknown)?;
    password_check(new.expose_secret(), person.email.as_str()).map_err(|refusal| refusal.at("newPassword"))?;
    let password = password_hash(app, new).await?;
    let account = app.login_limit(&person.email);
    app.store
        .write("password_reset_complete", move |tx| {
            let password = password.clone();
            async move {
                tx.password_reset_of_token(&hash).await?.ok_or_else(unknown)?;
                tx.password_resets_used(user).await?;
                tx.password_set(user, None, &password).await?;
                tx.email_verified_set(user).await?;
                tx.sessions_revoke_of(user, "PASSWORD_RESET").await?;
                tx.throttle_clear(&account.subject).await?;
                Ok::<_, AppError>(())
            }
        })
        .await?;
    app.identity.forget();
    Ok(())
}

fn at_field(error: AppError, field: &str) -> AppError {
    match error {
        AppError::Refused(refusals) => AppError::Refused(refusals.into_iter().map(|refusal| refusal.at(field)).collect()),
        other => other,
    }
}

fn unknown() -> Refusal {
    Refusal::new(Code::InvalidToken, "the token is unknown, used or expired").at("token")
}
