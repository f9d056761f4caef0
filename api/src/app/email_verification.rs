//! Proof that a person's address is its own, by a mailed token. Without it an organization looks around and prepares, and
//! trades nothing.

use domain::access::Principal;
use domain::account::Email;
use domain::id::UserId;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use store::Tx;

use super::message::{MESSAGE_SEND, Message, message_seal};
use super::session::require_person;
use super::{App, AppError, Caller};
use crate::crypto::{Token, token_hash};
use crate::ports::Mail;

const PREFIX: &str = "cle";

/// A mail with a token, ready to be sent with the transaction that makes it needed.
#[derive(Clone)]
pub(super) struct Proof {
    hash: [u8; 32],
    mail: Value,
    now: Timestamp,
    expires_at: Timestamp,
}

impl Proof {
    /// For whoever reads the mails to `email`.
    pub(super) fn new(app: &App, email: &Email) -> Result<Self, AppError> {
        let token = Token::generate(app.entropy.as_ref(), PREFIX);
        let expires_at = plus_secs(app.now(), app.config.auth.email_verification_secs);
        let mail = message_seal(app, &Message::Mail(mail_of(email, &token, expires_at)))?;
        Ok(Self { hash: token.hash, mail, now: app.now(), expires_at })
    }

    /// Sends the mail to `user` with this transaction.
    pub(super) async fn send(&self, tx: &Tx, user: UserId) -> Result<(), AppError> {
        tx.email_verification_insert(user, &self.hash, self.expires_at).await?;
        tx.enqueue(MESSAGE_SEND, self.mail.clone(), self.now).await?;
        Ok(())
    }
}

/// Mails the caller another token. Refused when its address is proved already.
pub async fn email_verification_send(app: &App, caller: &Caller) -> Result<(), AppError> {
    let user = require_person(caller)?;
    let person = app.store.person(user).await?.ok_or_else(|| AppError::internal("the caller is gone"))?;
    app.throttle(app.email_verification_limits(&person.email, caller.address)).await?;
    let proof = Proof::new(app, &person.email)?;
    app.store
        .write("email_verification_send", move |tx| {
            let proof = proof.clone();
            async move {
                if tx.email_is_verified(user).await? {
                    return Err(AppError::from(Refusal::wrong_state("your address is proved already")));
                }
                proof.send(&tx, user).await
            }
        })
        .await
}

/// Takes a mailed token as proof of the address that it was mailed to.
pub async fn email_verify(app: &App, token: &SecretString) -> Result<(), AppError> {
    let hash = token_hash(token.expose_secret());
    app.store
        .write("email_verify", move |tx| async move {
            let unknown = || Refusal::new(Code::InvalidToken, "the token is unknown, used or expired").at("token");
            let user = tx.email_verification_of_token(&hash).await?.ok_or_else(unknown)?;
            Ok::<_, AppError>(tx.email_verified_set(user).await?)
        })
        .await
}

/// Refused while the person behind the request has not proved its address, where that is required. A key was made by
/// somebody who had.
pub(super) async fn require_verified_email(app: &App, caller: &Caller) -> Result<(), AppError> {
    let Principal::Member { user, .. } = caller.principal else { return Ok(()) };
    if !app.config.requires_verified_email() || app.store.email_is_verified(user).await? {
        return Ok(());
    }
    let message = "prove your e-mail address first: `emailVerify` takes the token that was mailed to you, \
                   `emailVerificationSend` mails another";
    Err(Refusal::new(Code::EmailUnverified, message).into())
}

fn mail_of(email: &Email, token: &Token, expires_at: Timestamp) -> Mail {
    let until = expires_at.format("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "Somebody, hopefully you, registered on Clearlead with this address.\n\nThe token that proves it is yours, good once until \
         {until}:\n\n    {}\n\nGive it to `emailVerify` or to the application that you use. Otherwise ignore this mail.\n",
        token.expose()
    );
    Mail { to: email.as_str().to_owned(), subject: "Is this your address?".to_owned(), text }
}
