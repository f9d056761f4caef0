//! Sessions: logging in, staying in, passwords; and who one is.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::{Permission, Principal, Role, StaffRole};
use domain::account::Person;
use domain::id::OrganizationId;
use secrecy::{ExposeSecret, SecretString};

use super::error::{UserError, answer, settle};
use super::id::{parse_id, to_id};
use super::organization::OrganizationObject;
use super::word::Word;
use super::{app, caller};
use crate::app::session::{self, SessionCreate as LogIn, SessionTokens};
use crate::app::{AppError, password};
use crate::mutation_errors;

/// Queries about oneself.
#[derive(Debug, Default)]
pub struct SessionQuery;

/// Mutations of sessions and passwords.
#[derive(Debug, Default)]
pub struct SessionMutation;

mutation_errors!(SessionCreate: [Invalid, InvalidCredentials, NotFound, RateLimited, Suspended]);
mutation_errors!(SessionRefresh: [InvalidToken, Suspended]);
mutation_errors!(SessionEnd: [Invalid]);
mutation_errors!(SessionsEndAll: [Invalid]);
mutation_errors!(PasswordChange: [Invalid, TooLarge, InvalidCredentials, RateLimited]);
mutation_errors!(PasswordResetRequest: [Invalid, RateLimited]);
mutation_errors!(PasswordResetComplete: [Invalid, TooLarge, InvalidToken]);

/// What a role or the scope of an API key permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::access::Permission", name = "Permission")]
pub enum PermissionName {
    /// Read own leads, without contact details.
    LeadsRead,
    /// Submit, import, verify and withdraw own leads.
    LeadsWrite,
    /// See the contact details of own leads and of leads under a live trade.
    ContactsReveal,
    /// Browse listings and read own listings, bids and receipts.
    MarketRead,
    /// List, withdraw and re-list own leads.
    ListingsWrite,
    /// Bid and buy.
    Buy,
    /// Read own trades, disputes, outcomes and clients.
    TradesRead,
    /// Open, answer, appeal and withdraw disputes.
    DisputesWrite,
    /// Log calls, record outcomes and work on clients.
    OutcomesWrite,
    /// Read the wallet and its statement.
    WalletRead,
    /// Move money in and out. Never for API keys.
    WalletWrite,
    /// Read members, invitations and keys.
    MembersRead,
    /// Invite, change and remove members. Never for API keys.
    MembersWrite,
    /// Make and revoke API keys. Never for API keys.
    KeysWrite,
    /// Change the organization's own data. Never for API keys.
    OrganizationWrite,
}

/// A person who logs in.
#[derive(Debug)]
pub struct User(Person);

impl From<Person> for User {
    fn from(person: Person) -> Self {
        Self(person)
    }
}

/// A person who logs in.
#[Object]
impl User {
    /// The id.
    async fn id(&self) -> ID {
        to_id(self.0.id)
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The address that the person logs in with.
    async fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// The language.
    async fn locale(&self) -> &str {
        &self.0.locale
    }
}

/// A place that the person has in an organization.
#[derive(Debug, SimpleObject)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationObject,
    /// The role there.
    pub role: Word<Role>,
}

/// Who asks: a person for an organization, a person of the staff, or an API key.
#[derive(Debug)]
pub struct Viewer(Principal);

/// Who asks: a person for an organization, a person of the staff, or an API key.
#[Object]
impl Viewer {
    /// The person, unless it is an API key.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        let Some(id) = self.0.user() else { return Ok(None) };
        Ok(answer(ctx, app(ctx).store.person(id).await.map_err(AppError::from))?.map(User))
    }

    /// Whether the person has proved that its e-mail address is its own; null for an API key.
    async fn email_verified(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<bool>> {
        let Some(id) = self.0.user() else { return Ok(None) };
        Ok(Some(answer(ctx, app(ctx).store.email_is_verified(id).await.map_err(AppError::from))?))
    }

    /// The organization for which it acts, unless it is staff.
    async fn organization(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OrganizationObject>> {
        let Some(id) = self.0.organization() else { return Ok(None) };
        Ok(answer(ctx, app(ctx).store.organization(id).await.map_err(AppError::from))?.map(OrganizationObject::from))
    }

    /// The role in that organization, of a person.
    async fn role(&self) -> Option<Word<Role>> {
        match self.0 {
            Principal::Member { role, .. } => Some(role.into()),
            _ => None,
        }
    }

    /// The role in the exchange's staff.
    async fn staff_role(&self) -> Option<Word<StaffRole>> {
        match self.0 {
            Principal::Staff { role, .. } => Some(role.into()),
            _ => None,
        }
    }

    /// The API key's id, if it is one.
    async fn api_key_id(&self) -> Option<ID> {
        self.0.key().map(to_id)
    }

    /// What the role or the key's scopes permit.
    async fn permissions(&self) -> Vec<PermissionName> {
        Permission::ALL.iter().copied().filter(|permission| self.0.may(*permission)).map(PermissionName::from).collect()
    }

    /// Every place that the person has; `sessionCreate` takes any of them.
    async fn memberships(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Membership>> {
        let Some(id) = self.0.user() else { return Ok(Vec::new()) };
        let held = answer(ctx, app(ctx).store.memberships_of(id).await.map_err(AppError::from))?;
        let ids: Vec<OrganizationId> = held.iter().map(|(organization, _)| *organization).collect();
        let organizations = answer(ctx, app(ctx).store.organizations(&ids).await.map_err(AppError::from))?;
        let place = |(id, role): (OrganizationId, Role)| {
            let organization = organizations.iter().find(|organization| organization.id == id)?;
            Some(Membership { organization: organization.clone().into(), role: role.into() })
        };
        Ok(held.into_iter().filter_map(place).collect())
    }
}

/// A running session. Keep both tokens secret.
#[derive(Debug)]
pub struct Session(SessionTokens);

impl From<SessionTokens> for Session {
    fn from(tokens: SessionTokens) -> Self {
        Self(tokens)
    }
}

/// A running session. Keep both tokens secret.
#[Object]
impl Session {
    /// The id.
    async fn id(&self) -> ID {
        to_id(self.0.session)
    }

    /// For the header `Authorization: Bearer ..` of each request.
    async fn access_token(&self) -> &str {
        self.0.access_token.expose_secret()
    }

    /// When the access token ends.
    async fn access_token_expires_at(&self) -> DateTime<Utc> {
        self.0.access_expires_at
    }

    /// For `sessionRefresh`, once: it gives a new pair. Used a second time it ends the session.
    async fn refresh_token(&self) -> &str {
        self.0.refresh_token.expose_secret()
    }

    /// When the refresh token ends.
    async fn refresh_token_expires_at(&self) -> DateTime<Utc> {
        self.0.refresh_expires_at
    }

    /// Who one is in this session.
    async fn viewer(&self) -> Viewer {
        Viewer(self.0.principal.clone())
    }
}

/// A log-in.
#[derive(InputObject)]
pub struct SessionCreateInput {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// For which organization; when not said, the one joined first among those that are not suspended.
    pub organization_id: Option<ID>,
    /// As which member of staff instead.
    pub staff_role: Option<Word<StaffRole>>,
}

/// A session to go on with.
#[derive(InputObject)]
pub struct SessionRefreshInput {
    /// The refresh token of the last answer.
    pub refresh_token: String,
}

/// A session to end.
#[derive(InputObject)]
pub struct SessionEndInput {
    /// Its refresh token.
    pub refresh_token: String,
}

/// A new password.
#[derive(InputObject)]
pub struct PasswordChangeInput {
    /// The password of now.
    pub current_password: String,
    /// The next one: 10 to 128 characters, not the address, not among the commonest.
    pub new_password: String,
}

/// A request for a mail.
#[derive(InputObject)]
pub struct PasswordResetRequestInput {
    /// The address that one logs in with.
    pub email: String,
}

/// A new password by a mailed token.
#[derive(InputObject)]
pub struct PasswordResetCompleteInput {
    /// The token of the mail, good once.
    pub token: String,
    /// The next password: 10 to 128 characters, not the address, not among the commonest.
    pub new_password: String,
}

/// The answer of `sessionCreate`.
#[derive(Debug, SimpleObject)]
pub struct SessionCreatePayload {
    /// The session.
    pub session: Option<Session>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SessionCreate>>,
}

/// The answer of `sessionRefresh`.
#[derive(Debug, SimpleObject)]
pub struct SessionRefreshPayload {
    /// The session with new tokens.
    pub session: Option<Session>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SessionRefresh>>,
}

/// The answer of `sessionEnd`.
#[derive(Debug, SimpleObject)]
pub struct SessionEndPayload {
    /// Whether it was running.
    pub ended: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SessionEnd>>,
}

/// The answer of `sessionsEndAll`.
#[derive(Debug, SimpleObject)]
pub struct SessionsEndAllPayload {
    /// How many were running.
    pub ended: Option<i32>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SessionsEndAll>>,
}

/// The answer of `passwordChange`.
#[derive(Debug, SimpleObject)]
pub struct PasswordChangePayload {
    /// A new session; every other one has ended.
    pub session: Option<Session>,
    /// What was wrong.
    pub user_errors: Vec<UserError<PasswordChange>>,
}

/// The answer of `passwordResetRequest`.
#[derive(Debug, SimpleObject)]
pub struct PasswordResetRequestPayload {
    /// True: if somebody logs in with this address, a mail is on its way.
    pub requested: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<PasswordResetRequest>>,
}

/// The answer of `passwordResetComplete`.
#[derive(Debug, SimpleObject)]
pub struct PasswordResetCompletePayload {
    /// True: log in with the new password.
    pub completed: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<PasswordResetComplete>>,
}

#[Object]
impl SessionQuery {
    /// Who asks; null when nobody is logged in.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Viewer> {
        let principal = &caller(ctx).principal;
        (*principal != Principal::Anonymous).then(|| Viewer(principal.clone()))
    }
}

#[Object]
impl SessionMutation {
    /// Logs a person in. After too many failures for an address or from one place, only time helps.
    async fn session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SessionCreateInput,
    ) -> async_graphql::Result<SessionCreatePayload> {
        let organization = input.organization_id.as_ref().map(|id| parse_id(id, "organizationId")).transpose();
        let result = match organization {
            Ok(organization) => {
                let staff_role = input.staff_role.map(|word| word.0);
                let log_in = LogIn { email: input.email, password: input.password.into(), organization, staff_role };
                session::session_create(app(ctx), caller(ctx), log_in).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (session, user_errors) = settle(ctx, result)?;
        Ok(SessionCreatePayload { session: session.map(Session), user_errors })
    }

    /// Gives new tokens for a refresh token, which is used up. A token that comes a second time ends its session.
    async fn session_refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SessionRefreshInput,
    ) -> async_graphql::Result<SessionRefreshPayload> {
        let token = SecretString::from(input.refresh_token);
        let (session, user_errors) = settle(ctx, session::session_refresh(app(ctx), &token).await)?;
        Ok(SessionRefreshPayload { session: session.map(Session), user_errors })
    }

    /// Logs out: ends the session of a refresh token. Its access token ends with it.
    async fn session_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SessionEndInput,
    ) -> async_graphql::Result<SessionEndPayload> {
        let token = SecretString::from(input.refresh_token);
        let (ended, user_errors) = settle(ctx, session::session_end(app(ctx), &token).await)?;
        Ok(SessionEndPayload { ended, user_errors })
    }

    /// Logs the caller out everywhere.
    async fn sessions_end_all(&self, ctx: &Context<'_>) -> async_graphql::Result<SessionsEndAllPayload> {
        let (ended, user_errors) = settle(ctx, session::sessions_end_all(app(ctx), caller(ctx)).await)?;
        Ok(SessionsEndAllPayload { ended: ended.map(|ended| i32::try_from(ended).unwrap_or(i32::MAX)), user_errors })
    }

    /// Changes the caller's password. Every session ends; the answer holds a new one.
    async fn password_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PasswordChangeInput,
    ) -> async_graphql::Result<PasswordChangePayload> {
        let (current, new) = (input.current_password.into(), input.new_password.into());
        let (session, user_errors) = settle(ctx, password::password_change(app(ctx), caller(ctx), current, new).await)?;
        Ok(PasswordChangePayload { session: session.map(Session), user_errors })
    }

    /// Asks for a mail with a token to set a new password. The answer does not tell whether somebody has this address.
    async fn password_reset_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PasswordResetRequestInput,
    ) -> async_graphql::Result<PasswordResetRequestPayload> {
        let done = password::password_reset_request(app(ctx), caller(ctx), &input.email).await;
        let (requested, user_errors) = settle(ctx, done)?;
        Ok(PasswordResetRequestPayload { requested: requested.map(|()| true), user_errors })
    }

    /// Sets a new password with a mailed token. Every session of the person ends.
    async fn password_reset_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: PasswordResetCompleteInput,
    ) -> async_graphql::Result<PasswordResetCompletePayload> {
        let done = password::password_reset_complete(app(ctx), &input.token.into(), input.new_password.into()).await;
        let (completed, user_errors) = settle(ctx, done)?;
        Ok(PasswordResetCompletePayload { completed: completed.map(|()| true), user_errors })
    }
}
