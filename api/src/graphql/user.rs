//! People as operators see them.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, SimpleObject};
use domain::account::Email;
use domain::refusal::Refusal;

use super::error::{UserError, settle};
use super::id::parse_id;
use super::session::User;
use super::{app, caller};
use crate::app::user::{self, UserRef};
use crate::mutation_errors;

/// Mutations of people.
#[derive(Debug, Default)]
pub struct UserMutation;

mutation_errors!(UserDisable: [Invalid, NotFound, WrongState]);
mutation_errors!(UserEnable: [Invalid, NotFound, WrongState]);

/// Who is meant: exactly one of these.
#[derive(OneofObject)]
pub enum UserRefInput {
    /// By the id.
    UserId(ID),
    /// By the address to log in with.
    Email(String),
}

/// A person to lock out.
#[derive(InputObject)]
pub struct UserDisableInput {
    /// Who.
    pub user: UserRefInput,
}

/// A person to let in again.
#[derive(InputObject)]
pub struct UserEnableInput {
    /// Who.
    pub user: UserRefInput,
}

/// The answer of `userDisable`.
#[derive(Debug, SimpleObject)]
pub struct UserDisablePayload {
    /// The person who is locked out now.
    pub user: Option<User>,
    /// What was wrong.
    pub user_errors: Vec<UserError<UserDisable>>,
}

/// The answer of `userEnable`.
#[derive(Debug, SimpleObject)]
pub struct UserEnablePayload {
    /// The person who may log in now.
    pub user: Option<User>,
    /// What was wrong.
    pub user_errors: Vec<UserError<UserEnable>>,
}

#[Object]
impl UserMutation {
    /// Locks a person out of the whole exchange: its sessions end, and the API keys and open invitations that it made are
    /// revoked. Its organizations go on. Staff are removed at the command line. For operators.
    async fn user_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: UserDisableInput,
    ) -> async_graphql::Result<UserDisablePayload> {
        let result = match who(input.user) {
            Ok(who) => user::user_disable(app(ctx), caller(ctx), who).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (changed, user_errors) = settle(ctx, result)?;
        Ok(UserDisablePayload { user: changed.map(User::from), user_errors })
    }

    /// Lets a person log in again. Sessions, keys and invitations that ended stay ended. For operators.
    async fn user_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: UserEnableInput,
    ) -> async_graphql::Result<UserEnablePayload> {
        let result = match who(input.user) {
            Ok(who) => user::user_enable(app(ctx), caller(ctx), who).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (changed, user_errors) = settle(ctx, result)?;
        Ok(UserEnablePayload { user: changed.map(User::from), user_errors })
    }
}

fn who(input: UserRefInput) -> Result<UserRef, Refusal> {
    match input {
        UserRefInput::UserId(id) => parse_id(&id, "userId").map(UserRef::Id).map_err(|refusal| refusal.at("user")),
        UserRefInput::Email(email) => {
            let email: Result<Email, Refusal> = email.parse();
            email.map(UserRef::Email).map_err(|refusal| refusal.at("email").at("user"))
        }
    }
}
