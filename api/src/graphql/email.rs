//! Proof of a person's e-mail address.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::error::{UserError, settle};
use super::{app, caller};
use crate::app::email_verification;
use crate::mutation_errors;

/// Mutations about e-mail addresses.
#[derive(Debug, Default)]
pub struct EmailMutation;

mutation_errors!(EmailVerify: [Invalid, InvalidToken]);
mutation_errors!(EmailVerificationSend: [RateLimited, WrongState]);

/// A mailed token.
#[derive(InputObject)]
pub struct EmailVerifyInput {
    /// The token of the mail, good once.
    pub token: String,
}

/// The answer of `emailVerify`.
#[derive(Debug, SimpleObject)]
pub struct EmailVerifyPayload {
    /// True: the address is proved.
    pub verified: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<EmailVerify>>,
}

/// The answer of `emailVerificationSend`.
#[derive(Debug, SimpleObject)]
pub struct EmailVerificationSendPayload {
    /// True: a mail is on its way.
    pub sent: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<EmailVerificationSend>>,
}

#[Object]
impl EmailMutation {
    /// Proves by a mailed token that an e-mail address belongs to who registered it. Needs no log-in.
    async fn email_verify(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: EmailVerifyInput,
    ) -> async_graphql::Result<EmailVerifyPayload> {
        let done = email_verification::email_verify(app(ctx), &input.token.into()).await;
        let (verified, user_errors) = settle(ctx, done)?;
        Ok(EmailVerifyPayload { verified: verified.map(|()| true), user_errors })
    }

    /// Mails the caller a token that proves its address. Registering sends the first one where proof is required.
    async fn email_verification_send(&self, ctx: &Context<'_>) -> async_graphql::Result<EmailVerificationSendPayload> {
        let (sent, user_errors) = settle(ctx, email_verification::email_verification_send(app(ctx), caller(ctx)).await)?;
        Ok(EmailVerificationSendPayload { sent: sent.map(|()| true), user_errors })
    }
}
