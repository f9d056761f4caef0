//! Access tokens of destinations that are reached by OAuth: got with the first lead, renewed ahead of their end, and once more when one is
//! refused. One process at a time asks for the next, and keeps it before anybody uses it: many refresh tokens end with their use.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::id::{DestinationId, OrganizationId, TypedId};
use domain::oauth::{OauthFault, TokenPlace, TokenTurn};
use domain::time::{Timestamp, plus_secs};
use futures::StreamExt;
use gateways::crm::oauth::{ACCESS_TOKEN, CLIENT_SECRET, REFRESH_TOKEN};
use gateways::crm::{self, Answer, Fault, Granted, Oauth, Renewal, Secrets, Shown};
use secrecy::{ExposeSecret, SecretString};
use store::Tx;
use store::destination_tokens::DestinationToken;
use store::destinations::Destination;
use uuid::Uuid;

use super::settings::policy;
use super::{open_secrets, opened, seal_secrets, target};
use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::{App, AppError, Caller};
use crate::crypto::Binding;
use crate::ports::NoAnswer;

/// Under which name the address of the API lies beside the tokens.
const API_URL: &str = "api_url";
/// How much longer a token is leased than its endpoint may take, in seconds.
const LEASE_SPARE_SECS: i64 = 10;
/// After what rest a refresh token is used, lest it end: Pipedrive's lives for 60 days, Kommo's for three months.
const REST_SECS: i64 = 7 * 86_400;
/// Rested tokens renewed in one pass, and at a time.
const RESTED: u64 = 100;
const RESTED_AT_ONCE: usize = 8;
/// How often it is tried to keep what the other side gave.
const KEEP_TRIES: usize = 10;

/// What requests to a destination carry.
pub(in crate::app) struct Token {
    /// Which of its tokens it is.
    pub(in crate::app) version: i64,
    /// The token.
    pub(in crate::app) access_token: SecretString,
    /// The address of the API, where the vendor told it with the token.
    pub(in crate::app) api_url: Option<String>,
}

/// Whether a destination can be reached.
pub(in crate::app) enum Access {
    /// With this.
    Granted(Token),
    /// Somebody gets a token: come back then.
    Wait(Timestamp),
    /// There is none.
    Denied(Denied),
}

/// Why there is no token.
pub(in crate::app) struct Denied {
    /// What it is.
    pub(in crate::app) fault: OauthFault,
    /// In words.
    pub(in crate::app) reason: String,
    /// What the token endpoint was asked now, if it was.
    pub(in crate::app) request: Option<Shown>,
    /// Its answer, with secrets masked.
    pub(in crate::app) answer: Option<(u16, String)>,
    /// How long it took.
    pub(in crate::app) took: Duration,
    /// After how long it asks to be asked again.
    pub(in crate::app) after: Option<Duration>,
}

/// To what the tokens of a destination are bound.
pub(in crate::app) const fn binding(destination: Uuid) -> Binding {
    Binding { purpose: "destination.tokens", object: destination }
}

/// The tokens of those of `ids` that are the organization's and reached by OAuth.
pub async fn destination_tokens_many(
    app: &App,
    caller: &Caller,
    ids: &[DestinationId],
) -> Result<BTreeMap<DestinationId, DestinationToken>, AppError> {
    let organization: OrganizationId = caller.principal.require(domain::access::Permission::MembersRead)?;
    Ok(app.store.destination_tokens_many(organization, ids).await?)
}

/// Uses the refresh tokens that have rested for long; answers how many. Run by the worker.
pub async fn destination_tokens_renew(app: &App) -> Result<u64, AppError> {
    let now = app.now();
    let rested = app.store.destination_tokens_rested(plus_secs(now, REST_SECS.saturating_neg()), now, RESTED).await?;
    let destinations = app.store.destinations_any(&rested).await?;
    let renewals = destinations.into_iter().map(|destination| async move {
        let token = app.store.destination_token(destination.id).await?;
        let rested = token.filter(|token| token.place.rested(REST_SECS, now)).map(|token| token.place.version);
        match rested {
            Some(version) => access(app, &destination, Some(version), false).await.map(|_| 1),
            None => Ok(0),
        }
    });
    let mut renewals = futures::stream::iter(renewals).buffer_unordered(RESTED_AT_ONCE);
    let mut done = 0_u64;
    while let Some(renewed) = renewals.next().await {
        done = done.saturating_add(renewed?);
    }
    Ok(done)
}

/// What requests to `destination`, which is reached by OAuth, carry. `refused` is the version of a token that was not taken; whoever is
/// `hurried` heeds no pause after a failure.
pub(in crate::app) async fn access(
    app: &App,
    destination: &Destination,
    refused: Option<i64>,
    hurried: bool,
) -> Result<Access, AppError> {
    let token = app.store.destination_token(destination.id).await?.ok_or_else(lost)?;
    match token.place.turn(refused, hurried, app.now()) {
        TokenTurn::Renew => {}
        turn => return seen(app, &token, turn),
    }
    // Whoever asks may be gone before the answer comes, which would be lost with it.
    let (app, destination) = (app.clone(), destination.clone());
    let renewal = tokio::spawn(async move { renew(&app, &destination, refused, hurried).await });
    renewal.await.map_err(AppError::internal)?
}

fn lost() -> AppError {
    AppError::internal("a destination without its token")
}

/// What a token gives whose turn is not to be renewed.
fn seen(app: &App, token: &DestinationToken, turn: TokenTurn) -> Result<Access, AppError> {
    match turn {
        TokenTurn::Wait(at) => Ok(Access::Wait(at)),
        TokenTurn::Fail(_) => Ok(Access::Denied(Denied {
            fault: token.place.fault.unwrap_or(OauthFault::NoAnswer),
            reason: token.reason.clone().unwrap_or_else(|| "there is no access token".to_owned()),
            request: None,
            answer: None,
            took: Duration::ZERO,
            after: None,
        })),
        // It was changed meanwhile.
        TokenTurn::Renew => Ok(Access::Wait(app.now())),
        TokenTurn::Use => {
            let tokens = open_secrets(app, binding(token.destination.uuid()), &token.sealed)?;
            let access_token = tokens.get(ACCESS_TOKEN).cloned().ok_or_else(lost)?;
            let api_url = tokens.get(API_URL).map(|url| url.expose_secret().to_owned());
            Ok(Access::Granted(Token { version: token.place.version, access_token, api_url }))
        }
    }
}

async fn renew(app: &App, destination: &Destination, refused: Option<i64>, hurried: bool) -> Result<Access, AppError> {
    let secs = i64::try_from(app.config.delivery.timeout_secs).unwrap_or(60).saturating_add(LEASE_SPARE_SECS);
    let leased = app.store.write("destination_token_lease", |tx| async move {
        let token = tx.destination_token_lock(destination.id).await?.ok_or_else(lost)?;
        let now = tx.now().await?;
        let turn = token.place.turn(refused, hurried, now);
        if turn == TokenTurn::Renew {
            tx.destination_token_lease(destination.id, plus_secs(now, secs)).await?;
        }
        Ok::<_, AppError>((token, turn, now))
    });
    let (token, turn, asked_at) = leased.await?;
    if turn != TokenTurn::Renew {
        return seen(app, &token, turn);
    }
    let target = target(destination)?;
    let tokens = open_secrets(app, binding(destination.id.uuid()), &token.sealed)?;
    let mut secrets = opened(app, destination)?;
    if let Some(refresh) = tokens.get(REFRESH_TOKEN) {
        secrets = secrets.with(REFRESH_TOKEN, refresh.expose_secret());
    }
    let asked = asked(app, &target, &secrets).await;
    match asked.renewal {
        Renewal::Granted(granted) => {
            let kept = with_granted(&tokens, &granted);
            let life = granted.life_secs.map(|secs| i64::try_from(secs).unwrap_or(i64::MAX));
            let new = DestinationToken {
                destination: destination.id,
                place: token.place.granted(asked_at, life),
                sealed: seal_secrets(app, binding(destination.id.uuid()), &kept)?,
                reason: None,
            };
            let kept = keep(app, &new, token.place.version, destination).await?;
            let is_new = kept.place.version == new.place.version;
            seen(app, &kept, if is_new { TokenTurn::Use } else { kept.place.turn(None, false, asked_at) })
        }
        Renewal::Later { after, reason } => {
            let denied = Denied { fault: OauthFault::NoAnswer, reason, ..asked.denied };
            fail(app, destination, &token, refused, Denied { after, ..denied }).await
        }
        Renewal::Refused { fault, reason } => {
            let denied = Denied { fault: fault_of(fault), reason, ..asked.denied };
            fail(app, destination, &token, refused, denied).await
        }
    }
}

/// What the token endpoint was asked, and what that came to.
struct Asked {
    renewal: Renewal,
    /// What is told of it, but for the reason.
    denied: Denied,
}

async fn asked(app: &App, target: &crm::Destination, secrets: &Secrets) -> Asked {
    let blank = |request| Denied {
        fault: OauthFault::Refused,
        reason: String::new(),
        request,
        answer: None,
        took: Duration::ZERO,
        after: None,
    };
    let refused = |reason: String| Renewal::Refused { fault: Fault::Refused, reason };
    let request = match target.token_request(secrets) {
        Ok(request) => request,
        Err(error) => return Asked { renewal: refused(error.to_string()), denied: blank(None) },
    };
    let began = Instant::now();
    let answer = app.outward.send(&request).await;
    let took = began.elapsed();
    let denied = Denied { took, ..blank(Some(request.shown())) };
    match answer {
        Ok(answer) => {
            let renewal = masked(target.token_answer(&answer, &policy(app)), secrets);
            let shown = match &renewal {
                // It holds the new tokens.
                Renewal::Granted(_) => None,
                _ => Some(shown(&answer, secrets)),
            };
            Asked { renewal, denied: Denied { answer: shown, ..denied } }
        }
        Err(error @ NoAnswer::NotAllowed) => Asked { renewal: refused(of_endpoint(error)), denied },
        Err(error) => Asked { renewal: Renewal::Later { after: None, reason: of_endpoint(error) }, denied },
    }
}

fn of_endpoint(error: NoAnswer) -> String {
    format!("the token endpoint: {error}")
}

fn shown(answer: &Answer, secrets: &Secrets) -> (u16, String) {
    (answer.status, answer.shown(secrets))
}

fn masked(renewal: Renewal, secrets: &Secrets) -> Renewal {
    match renewal {
        Renewal::Refused { fault, reason } => Renewal::Refused { fault, reason: secrets.mask(&reason) },
        Renewal::Later { after, reason } => Renewal::Later { after, reason: secrets.mask(&reason) },
        granted @ Renewal::Granted(_) => granted,
    }
}

/// What is kept of an answer: a refresh token stays where the answer names no other.
fn with_granted(tokens: &Secrets, granted: &Granted) -> Secrets {
    let refresh = granted.refresh_token.as_ref().or_else(|| tokens.get(REFRESH_TOKEN));
    let kept = Secrets::new().with(ACCESS_TOKEN, granted.access_token.expose_secret());
    let kept = refresh.into_iter().fold(kept, |kept, refresh| kept.with(REFRESH_TOKEN, refresh.expose_secret()));
    granted.api_url.iter().fold(kept, |kept, url| kept.with(API_URL, url))
}

/// Keeps a new token in the place of the one of version `known`; answers the one that the destination has now. The old refresh token may be
/// dead already, so it is not given up soon.
async fn keep(app: &App, new: &DestinationToken, known: i64, destination: &Destination) -> Result<DestinationToken, AppError> {
    let mut tries = 0_usize;
    loop {
        let kept = app.store.write("destination_token_granted", |tx| async move {
            let was = tx.destination_token_lock(new.destination).await?.ok_or_else(lost)?;
            if was.place.version != known {
                return Ok(was);
            }
            tx.destination_token_put(new).await?;
            Ok::<_, AppError>(new.clone())
        });
        tries = tries.saturating_add(1);
        match kept.await {
            Err(error) if tries < KEEP_TRIES => {
                tracing::error!(%error, destination = %destination.id, "a new access token could not be kept yet");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            kept => return kept,
        }
    }
}

/// Notes why there is no new token. An old one that holds is used as long as it does.
async fn fail(
    app: &App,
    destination: &Destination,
    token: &DestinationToken,
    refused: Option<i64>,
    denied: Denied,
) -> Result<Access, AppError> {
    let (fault, reason) = (denied.fault, denied.reason.clone());
    let asked_secs = denied.after.map(|after| i64::try_from(after.as_secs()).unwrap_or(i64::MAX));
    let mails = if fault.is_final() && token.place.fault.is_none_or(|before| !before.is_final()) {
        owners_mails(app, destination.organization, "A destination of your leads needs you", &broken_text(destination, &reason))
            .await?
    } else {
        Vec::new()
    };
    let (mails, reason, known) = (&mails, &reason, token.place.version);
    let failed = app.store.write("destination_token_failed", |tx| async move {
        let was = tx.destination_token_lock(destination.id).await?.ok_or_else(lost)?;
        let now = tx.now().await?;
        if was.place.version != known {
            return Ok((was, now));
        }
        let place = was.place.failed(fault, asked_secs, now);
        let next = DestinationToken { place, reason: Some(reason.clone()), ..was };
        tx.destination_token_put(&next).await?;
        for mail in mails {
            tx.enqueue(MESSAGE_SEND, mail.clone(), now).await?;
        }
        Ok::<_, AppError>((next, now))
    });
    let (token, now) = failed.await?;
    metrics::counter!("clearlead_destination_token_failures", "fault" => fault.as_str()).increment(1);
    match token.place.turn(refused, false, now) {
        turn @ TokenTurn::Use => seen(app, &token, turn),
        _ => Ok(Access::Denied(denied)),
    }
}

const fn fault_of(fault: Fault) -> OauthFault {
    match fault {
        Fault::InvalidGrant => OauthFault::InvalidGrant,
        Fault::InvalidClient => OauthFault::InvalidClient,
        Fault::Refused => OauthFault::Refused,
        Fault::Unreadable => OauthFault::Unreadable,
    }
}

/// The place of the tokens of a destination that is made, in its transaction.
pub(super) async fn tokens_begin(app: &App, tx: &Tx, id: DestinationId, secrets: &Secrets, version: i64) -> Result<(), AppError> {
    let given = secrets.get(REFRESH_TOKEN);
    let tokens = given.into_iter().fold(Secrets::new(), |all, token| all.with(REFRESH_TOKEN, token.expose_secret()));
    let sealed = seal_secrets(app, binding(id.uuid()), &tokens)?;
    let token = DestinationToken { destination: id, place: TokenPlace::new(version), sealed, reason: None };
    Ok(tx.destination_token_put(&token).await?)
}

/// Lets the tokens of a destination, whose row is locked, follow its change to `oauth`. A refresh token that was given begins anew; what else is
/// changed, lets the next lead ask for a token first.
pub(super) async fn tokens_follow(
    app: &App,
    tx: &Tx,
    id: DestinationId,
    oauth: Option<&Oauth>,
    secrets: &Secrets,
    given: &BTreeMap<String, SecretString>,
    settings_changed: bool,
) -> Result<(), AppError> {
    if oauth.is_none() {
        return Ok(tx.destination_token_remove(id).await?);
    }
    let Some(was) = tx.destination_token_lock(id).await? else { return tokens_begin(app, tx, id, secrets, 0).await };
    if given.contains_key(REFRESH_TOKEN) {
        return tokens_begin(app, tx, id, secrets, was.place.version.saturating_add(1)).await;
    }
    if settings_changed || given.contains_key(CLIENT_SECRET) {
        tokens_again(tx, was).await?;
    }
    Ok(())
}

/// Lets a token, which is locked, be got at once, whatever failed before.
async fn tokens_again(tx: &Tx, was: DestinationToken) -> Result<(), AppError> {
    let place = was.place.renewed_first(tx.now().await?);
    Ok(tx.destination_token_put(&DestinationToken { place, reason: None, ..was }).await?)
}

/// The same for a destination that is enabled, where it has a token.
pub(super) async fn tokens_enabled(tx: &Tx, id: DestinationId) -> Result<(), AppError> {
    match tx.destination_token_lock(id).await? {
        Some(was) => tokens_again(tx, was).await,
        None => Ok(()),
    }
}

/// What the owners of a destination are told that gets no token any more.
fn broken_text(destination: &Destination, reason: &str) -> String {
    format!(
        "The exchange gets no access token for your destination \"{}\" any more: {reason}.\n\nBought leads are in the exchange, as ever, but \
         are not brought there. Authorise your app anew and give its new `refresh_token`, or mend what is wrong with its credentials \
         (`destinationUpdate`); what waits is tried at once then, and what has failed meanwhile is resent with `deliveryRetry`.\n",
        destination.name
    )
}
