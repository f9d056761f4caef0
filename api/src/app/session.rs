//! Sessions: logging in, staying in, and being recognised.

use std::fmt;

use domain::access::{Principal, StaffRole};
use domain::account::Email;
use domain::id::{OrganizationId, SessionId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use secrecy::{ExposeSecret, SecretString};
use store::accounts::{Credentials, Refresh, SessionAccess, SessionStart};

use super::identity::Bearer;
use super::{App, AppError, Caller};
use crate::auth::{TokenError, Verdict};
use crate::crypto::{Token, token_hash};

/// What an API key begins with.
pub const KEY_PREFIX: &str = "clk";
/// What the secrets of test keys begin with.
pub const TEST_KEY_PREFIX: &str = "clk_test";
const REFRESH_PREFIX: &str = "clr";
const USE_NOTED_SECS: i64 = 3_600;

/// Who a bearer token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The verified identity.
    pub principal: Principal,
    /// When the token ends, if it does by itself.
    pub until: Option<Timestamp>,
}

/// A log-in. Debug shows nothing of it.
#[derive(Clone)]
pub struct SessionCreate {
    /// The address.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// For which organization; without it the one joined first among those that are not suspended.
    pub organization: Option<OrganizationId>,
    /// As which member of staff instead.
    pub staff_role: Option<StaffRole>,
}

/// The tokens of a running session, for its owner's eyes only.
#[derive(Clone)]
pub struct SessionTokens {
    /// The session.
    pub session: SessionId,
    /// Who may now act, and as what.
    pub principal: Principal,
    /// The bearer token of requests.
    pub access_token: SecretString,
    /// When it ends.
    pub access_expires_at: Timestamp,
    /// The token that gives the next ones, once.
    pub refresh_token: SecretString,
    /// When it ends.
    pub refresh_expires_at: Timestamp,
}

/// A session in the making: what a transaction writes, and the token that only its owner learns.
pub(super) struct Opening {
    pub start: SessionStart,
    pub refresh: Token,
}

impl fmt::Debug for SessionCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCreate(..)")
    }
}

impl fmt::Debug for SessionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTokens").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Who sends a request with `Authorization: Bearer {bearer}`: a person by an access token, a machine by an API key. Refused
/// with `UNAUTHENTICATED` or, when an operator has stopped the organization, `SUSPENDED`. What is taken away is gone at the
/// next request, or after `auth.access_cache_secs` when another process took it from somebody who is no staff.
pub async fn authenticate(app: &App, bearer: Option<&str>) -> Result<Authenticated, AppError> {
    match bearer {
        None => Ok(Authenticated { principal: Principal::Anonymous, until: None }),
        Some(key) if key.strip_prefix(KEY_PREFIX).is_some_and(|rest| rest.starts_with('_')) => key_authenticate(app, key).await,
        Some(token) => session_authenticate(app, token).await,
    }
}

/// Logs a person in. An unknown address, a wrong password and a disabled account get the same answer after the same time.
pub async fn session_create(app: &App, caller: &Caller, input: SessionCreate) -> Result<SessionTokens, AppError> {
    let email: Email = input.email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    let credentials = password_verify(app, caller, &email, input.password).await?;
    let user = credentials.person.id;
    let opening = match input.staff_role {
        Some(role) => Opening::new(app, user, None, Some(role)),
        None => choose(app, user, input.organization).await?,
    };
    session_open(app, "session_create", opening).await
}

/// The next tokens for a refresh token, which is used up. One that was used before ends the session, whoever sends it.
pub async fn session_refresh(app: &App, refresh_token: &SecretString) -> Result<SessionTokens, AppError> {
    let hash = token_hash(refresh_token.expose_secret());
    let next = Token::generate(app.entropy.as_ref(), REFRESH_PREFIX);
    let next_hash = next.hash;
    let expires_at = plus_secs(app.now(), app.config.auth.refresh_token_secs);
    let refreshed = app
        .store
        .write("session_refresh", move |tx| async move {
            let start = match tx.refresh_token_use(&hash).await? {
                Refresh::Used(start) => start,
                refused @ (Refresh::Unknown | Refresh::Reused) => return Ok((refused, None)),
            };
            let access = tx.access_of(&start).await?;
            match principal_of(&start, access)? {
                Some(principal) => {
                    tx.session_extend(start.id, &next_hash, expires_at).await?;
                    Ok((Refresh::Used(SessionStart { expires_at, ..start }), Some(principal)))
                }
                None => {
                    tx.session_revoke(start.id, "ACCESS_GONE").await?;
                    Ok((Refresh::Unknown, None))
                }
            }
        })
        .await;
    let refreshed: (Refresh, Option<Principal>) = refreshed.map_err(|error: AppError| error)?;
    match refreshed {
        (Refresh::Used(start), Some(principal)) => Opening { start, refresh: next }.tokens(app, principal).await,
        (refused, _) => {
            if refused == Refresh::Reused {
                app.identity.forget();
                tracing::warn!("a refresh token came a second time; its session was ended");
            }
            Err(Refusal::new(Code::InvalidToken, "the refresh token is unknown, used or expired: log in again")
                .at("refreshToken")
                .into())
        }
    }
}

/// Ends the session of a refresh token. Answers whether it was running; an unknown token is no error.
pub async fn session_end(app: &App, refresh_token: &SecretString) -> Result<bool, AppError> {
    let hash = token_hash(refresh_token.expose_secret());
    let ended = app
        .store
        .write("session_end", move |tx| async move {
            match tx.session_of_token(&hash).await? {
                Some(session) => Ok::<_, AppError>(tx.session_revoke(session, "ENDED").await?),
                None => Ok(false),
            }
        })
        .await?;
    app.identity.forget();
    Ok(ended)
}

/// Ends every session of the caller; answers how many were running.
pub async fn sessions_end_all(app: &App, caller: &Caller) -> Result<u64, AppError> {
    let user = require_person(caller)?;
    let ended = app
        .store
        .write("sessions_end_all", move |tx| async move { Ok::<_, AppError>(tx.sessions_revoke_of(user, "ENDED_ALL").await?) })
        .await?;
    app.identity.forget();
    Ok(ended)
}

/// The person behind the request.
pub(super) fn require_person(caller: &Caller) -> Result<UserId, Refusal> {
    let nobody = || match caller.principal {
        Principal::Key { .. } | Principal::TestKey { .. } => {
            Refusal::new(Code::Forbidden, "this is for people, not for API keys")
        }
        _ => Refusal::new(Code::Unauthenticated, "log in first"),
    };
    caller.principal.user().ok_or_else(nobody)
}

/// Why a token was not taken, in words that help only its owner.
pub(super) fn unauthenticated(error: TokenError) -> Refusal {
    let message = match error {
        TokenError::Expired => "the access token has expired: refresh the session",
        _ => "the token is unknown, expired or revoked",
    };
    Refusal::new(Code::Unauthenticated, message)
}

/// Whoever `email` belongs to, if `password` is right. Counts the attempt first; a right one is not held against anybody.
pub(super) async fn password_verify(
    app: &App,
    caller: &Caller,
    email: &Email,
    password: SecretString,
) -> Result<Credentials, AppError> {
    let (account, address) = (app.login_limit(email), app.login_address_limit(caller.address));
    app.throttle(app.login_limits(email, caller.address)).await?;
    let found = app.store.credentials_of(email).await?;
    let stored = found.as_ref().map(|credentials| credentials.password_hash.clone());
    let verdict = app.identity.passwords.verify(password.clone(), stored).await.map_err(AppError::internal)?;
    let wrong = || Refusal::new(Code::InvalidCredentials, "the e-mail address or the password is wrong");
    let credentials = found.filter(|found| found.active && verdict != Verdict::Wrong).ok_or_else(wrong)?;
    let stronger = match verdict {
        Verdict::RightButWeak => Some(password_hash(app, password).await?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let (user, from) = (credentials.person.id, credentials.password_hash.clone());
    app.store
        .write("password_verified", move |tx| {
            let (from, stronger) = (from.clone(), stronger.clone());
            async move {
                tx.throttle_clear(&account.subject).await?;
                if let Some(address) = address {
                    tx.throttle_give_back(&address.subject).await?;
                }
                if let Some(stronger) = stronger {
                    tx.password_set(user, Some(&from), &stronger).await?;
                }
                Ok::<_, AppError>(())
            }
        })
        .await?;
    Ok(credentials)
}

pub(super) async fn password_hash(app: &App, password: SecretString) -> Result<String, AppError> {
    app.identity.passwords.hash(app.entropy.as_ref(), password).await.map_err(AppError::internal)
}

impl Opening {
    pub(super) fn new(app: &App, user: UserId, organization: Option<OrganizationId>, staff_role: Option<StaffRole>) -> Self {
        let expires_at = plus_secs(app.now(), app.config.auth.refresh_token_secs);
        let start = SessionStart { id: app.store.id(), user, organization, staff_role, expires_at };
        Self { start, refresh: Token::generate(app.entropy.as_ref(), REFRESH_PREFIX) }
    }

    /// The tokens, after the transaction that wrote the session.
    pub(super) async fn tokens(self, app: &App, principal: Principal) -> Result<SessionTokens, AppError> {
        let keys = app.signing_keys().await?;
        let SessionStart { id, user, organization, expires_at, .. } = self.start;
        let (access_token, access_expires_at) =
            app.tokens().sign(&keys, user, id, organization, app.now()).map_err(AppError::internal)?;
        Ok(SessionTokens {
            session: id,
            principal,
            access_token: access_token.into(),
            access_expires_at,
            refresh_token: self.refresh.secret,
            refresh_expires_at: expires_at,
        })
    }
}

/// Writes a session and answers its tokens; refused when the person has no such place.
pub(super) async fn session_open(app: &App, name: &'static str, opening: Opening) -> Result<SessionTokens, AppError> {
    let (start, hash) = (opening.start.clone(), opening.refresh.hash);
    let principal = app
        .store
        .write(name, move |tx| {
            let start = start.clone();
            async move {
                let access = tx.access_of(&start).await?;
                let field = if start.staff_role.is_some() { "staffRole" } else { "organizationId" };
                let nowhere = || Refusal::new(Code::NotFound, "you have no such place on this exchange").at(field);
                let principal = principal_of(&start, access)?.ok_or_else(nowhere)?;
                tx.session_insert(&start, &hash).await?;
                Ok::<_, AppError>(principal)
            }
        })
        .await?;
    opening.tokens(app, principal).await
}

async fn choose(app: &App, user: UserId, organization: Option<OrganizationId>) -> Result<Opening, AppError> {
    if organization.is_some() {
        return Ok(Opening::new(app, user, organization, None));
    }
    let first = app.store.home_of(user).await?;
    let staff_role = match first {
        Some(_) => None,
        None => app.store.staff_roles(user).await?.into_iter().next(),
    };
    Ok(Opening::new(app, user, first, staff_role))
}

/// What a session may do now: refused when its organization is stopped, none when its place is gone.
fn principal_of(start: &SessionStart, access: Option<SessionAccess>) -> Result<Option<Principal>, Refusal> {
    let Some(access) = access else { return Ok(None) };
    let user = access.user;
    match (start.staff_role, access.member) {
        (Some(_), _) => Ok(access.staff_role.map(|role| Principal::Staff { user, role })),
        (None, Some(_)) if access.suspended => Err(suspended()),
        (None, member) => Ok(member.map(|(organization, role)| Principal::Member { user, organization, role })),
    }
}

fn suspended() -> Refusal {
    Refusal::new(Code::Suspended, "an operator has suspended this organization")
}

async fn session_authenticate(app: &App, token: &str) -> Result<Authenticated, AppError> {
    let claims = app.access_token_verify(token).await?;
    let until = Timestamp::from_timestamp(claims.exp, 0);
    let (bearer, now) = (Bearer::Session(claims.sid), app.now());
    if let Some((principal, _)) = app.identity.recall(bearer, now, app.config.auth.access_cache_secs) {
        return Ok(Authenticated { principal, until });
    }
    let invalid = || unauthenticated(TokenError::Invalid);
    let access = app.store.session_access(claims.sid, claims.sub).await?.ok_or_else(invalid)?;
    let (user, staff_role) = (access.user, access.staff_role);
    let start = SessionStart { id: claims.sid, user, organization: claims.org, staff_role, expires_at: now };
    let principal = principal_of(&start, Some(access))?.ok_or_else(invalid)?;
    // Staff are few and may do much: what is taken from them is gone at once, whichever process took it.
    if start.staff_role.is_none() {
        app.identity.remember(bearer, principal.clone(), until, now);
    }
    Ok(Authenticated { principal, until })
}

async fn key_authenticate(app: &App, key: &str) -> Result<Authenticated, AppError> {
    let hash = token_hash(key);
    let (bearer, now) = (Bearer::Key(hash), app.now());
    if let Some((principal, until)) = app.identity.recall(bearer, now, app.config.auth.access_cache_secs) {
        return Ok(Authenticated { principal, until });
    }
    let access = app.store.key_access(&hash).await?.ok_or_else(|| unauthenticated(TokenError::Invalid))?;
    if access.suspended {
        return Err(suspended().into());
    }
    let (id, until) = (access.key.id, access.key.expires_at);
    if access.key.last_used_at.is_none_or(|last| plus_secs(last, USE_NOTED_SECS) <= now) {
        let noted = app.store.write("api_key_used", move |tx| async move { tx.api_key_used(id, now).await });
        let noted: Result<(), store::WriteError> = noted.await;
        noted?;
    }
    let principal = access.key.principal();
    app.identity.remember(bearer, principal.clone(), until, now);
    Ok(Authenticated { principal, until })
}
