//! Access tokens by OAuth 2.0: what is asked of a vendor's token endpoint, and what its answer means.
//!
//! | system | request | answer | sources |
//! |---|---|---|---|
//! | Salesforce | `POST {instance}/services/oauth2/token`, a form; `refresh_token` or `client_credentials` | `access_token`, `instance_url`, no `expires_in`; a `refresh_token` only with rotation | Salesforce Help, «OAuth 2.0 Refresh Token Flow for Renewed Sessions», «OAuth 2.0 Client Credentials Flow for Server-to-Server Integration» |
//! | HubSpot | `POST https://api.hubapi.com/oauth/v1/token`, a form | `access_token`, `refresh_token`, `expires_in` (1,800); 400 `BAD_REFRESH_TOKEN` | developers.hubspot.com, «Refresh an access token» |
//! | Pipedrive | `POST https://oauth.pipedrive.com/oauth/token`, a form behind HTTP Basic | the same with `api_domain`; the refresh token dies after 60 days of rest | developers.pipedrive.com, «Refreshing the tokens» |
//! | Bitrix24 | `GET https://oauth.bitrix.info/oauth/token/` with everything in the query | the same; both old tokens are dead; the new refresh token lives 180 days | apidocs.bitrix24.com, «Automatic Renewal of OAuth 2.0 Tokens» |
//! | Kommo | `POST {account}/oauth2/access_token`, JSON with `redirect_uri` | the same; the old refresh token is dead, the new one lives three months | developers.kommo.com, «OAuth 2.0: step by step»; errors as in amocrm-api-php's issues 83 and 123 |
//!
//! A refresh token that dies with its use makes two things matter to whoever performs this: one process asks at a time, and the new token
//! is stored before anything else happens.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Answer, fit, text_at};
use super::check::{Checker, Policy};
use super::delivery::guard_request;
use super::destination::Destination;
use super::guarded::{Guarded, MASK, Secrets};
use super::render_error::RenderError;
use super::step::{Body, Method, Request};

/// The secret that stands for an app beside its id.
pub const CLIENT_SECRET: &str = "client_secret";
/// The secret that new access tokens are got with.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// The secret that requests carry.
pub const ACCESS_TOKEN: &str = "access_token";
/// Longest token or id, in bytes.
const MAX_TOKEN_BYTES: usize = 4_096;
/// Longest life of a token that is believed, in seconds.
const MAX_LIFE_SECS: u64 = 366 * 86_400;

/// An app that stands between the exchange and the account, and how it gets access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oauth {
    /// Id of the app: client id, consumer key or integration id.
    pub client_id: String,
    /// How tokens are got.
    #[serde(default)]
    pub grant: Grant,
    /// The app's redirect address, which Kommo compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
}

/// How tokens are got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// With a refresh token that somebody's consent gave.
    #[default]
    RefreshToken,
    /// With the app's own credentials.
    ClientCredentials,
}

impl Grant {
    /// As `grant_type` has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshToken => REFRESH_TOKEN,
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// A vendor's token endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    /// Its address without the path.
    pub(crate) base: &'a str,
    /// Segments of its path.
    pub(crate) path: &'static [&'static str],
    /// How the request is written.
    pub(crate) wire: Wire,
    /// Whether an app gets tokens with its own credentials.
    pub(crate) has_client_credentials: bool,
    /// Where the answer names the address of the API, and the hosts it may lie on.
    pub(crate) api: Option<(&'static str, &'static [&'static str])>,
}

/// How a token request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A form with everything.
    Form,
    /// A form, and the app in HTTP Basic.
    BasicForm,
    /// Everything in the query.
    Query,
    /// A JSON object, with the redirect address.
    Json,
}

/// What came of asking for a token.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// There is a new one.
    Granted(Granted),
    /// Nothing is decided: ask again.
    Later {
        /// Not before this long from now.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// Nobody gets a token until someone changes something.
    Refused {
        /// What kind of refusal it is.
        fault: Fault,
        /// The vendor's words.
        reason: String,
    },
}

/// A new access token.
#[derive(Clone, Debug)]
pub struct Granted {
    /// What requests carry.
    pub access_token: SecretString,
    /// What the next one is got with, where it is another.
    pub refresh_token: Option<SecretString>,
    /// For how long it holds, where the answer says it.
    pub life_secs: Option<u64>,
    /// The address of the API, where the answer says it.
    pub api_url: Option<String>,
}

/// Why no token can be got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The refresh token, or the account's leave, holds no more.
    InvalidGrant,
    /// The app's id or secret is wrong.
    InvalidClient,
    /// Another refusal.
    Refused,
    /// The answer holds no token that can be used.
    Unreadable,
}

impl Oauth {
    /// Names of the secrets that it needs.
    #[must_use]
    pub const fn secrets(&self) -> &'static [&'static str] {
        match self.grant {
            Grant::RefreshToken => &[CLIENT_SECRET, REFRESH_TOKEN],
            Grant::ClientCredentials => &[CLIENT_SECRET],
        }
    }

    pub(crate) fn check(&self, endpoint: Option<Endpoint<'_>>, checker: &mut Checker<'_>) {
        let Some(endpoint) = endpoint else {
            return checker.push("oauth", "this system is not reached by OAuth");
        };
        checker.line("oauth.client_id", &self.client_id, 400);
        let fits = self.grant == Grant::RefreshToken || endpoint.has_client_credentials;
        checker.require(fits, "oauth.grant", "this system gives tokens for a refresh token alone");
        match &self.redirect_url {
            Some(url) => checker.url("oauth.redirect_url", url, &[]),
            None => checker.require(endpoint.wire != Wire::Json, "oauth.redirect_url", "this address is required"),
        }
    }
}

impl Destination {
    /// What is asked of the token endpoint with these secrets.
    ///
    /// # Errors
    /// If the destination is not reached by OAuth, or a secret is missing.
    pub fn token_request(&self, secrets: &Secrets) -> Result<Request, RenderError> {
        let (Some(oauth), Some(endpoint)) = (&self.oauth, self.kind.adapter().token_endpoint()) else {
            return Err(RenderError::NoTokens);
        };
        let url = self.url("oauth", endpoint.base, endpoint.path)?;
        let secret = |name: &str| secrets.get(name).cloned().ok_or_else(|| RenderError::MissingSecret { name: name.to_owned() });
        let client_secret = secret(CLIENT_SECRET)?;
        let mut pairs = vec![("grant_type", Part::Clear(oauth.grant.as_str().to_owned()))];
        if endpoint.wire != Wire::BasicForm {
            pairs.push(("client_id", Part::Clear(oauth.client_id.clone())));
            pairs.push((CLIENT_SECRET, Part::Secret(client_secret.clone())));
        }
        if oauth.grant == Grant::RefreshToken {
            pairs.push((REFRESH_TOKEN, Part::Secret(secret(REFRESH_TOKEN)?)));
        }
        if let Some(url) = oauth.redirect_url.as_ref().filter(|_| endpoint.wire == Wire::Json) {
            pairs.push(("redirect_uri", Part::Clear(url.clone())));
        }
        let request = match endpoint.wire {
            Wire::Query => Request::new(Method::Get, query(url.as_str(), &pairs)),
            wire => {
                let post = Request::new(Method::Post, Guarded::clear(url.as_str()));
                let text = if wire == Wire::Json { object } else { form };
                let content_type = if wire == Wire::Json { "application/json" } else { "application/x-www-form-urlencoded" };
                let mut post = post.header("content-type", Guarded::clear(content_type));
                post.body = Body::masked(text(&pairs, Part::expose), text(&pairs, Part::shown));
                if wire == Wire::BasicForm {
                    let pair = format!("{}:{}", oauth.client_id, client_secret.expose_secret());
                    let encoded = SecretString::from(BASE64_STANDARD.encode(pair));
                    post = post.header("authorization", Guarded::clear("Basic ").then_secret(encoded));
                }
                post
            }
        };
        let request = request.header("accept", Guarded::clear("application/json"));
        guard_request(&request)?;
        Ok(request)
    }

    /// What the token endpoint's answer means.
    #[must_use]
    pub fn token_answer(&self, answer: &Answer, policy: &Policy) -> Renewal {
        let body = answer.json();
        if answer.is_success() && body.pointer("/access_token").is_some() {
            return match self.granted(&body, policy) {
                Some(granted) => Renewal::Granted(granted),
                None => refused(Fault::Unreadable, "the token endpoint's answer cannot be used"),
            };
        }
        let code = text_at(&body, &["/error", "/status", "/hint"]);
        let words = text_at(&body, &["/error_description", "/message", "/detail", "/title"]);
        let reason = format!("the token endpoint answered {}: {code} {words}", answer.status);
        let is_busy = ["temporarily_unavailable", "server_error", "rate_limit_exceeded", "slow_down"].contains(&code)
            || words.contains("retry your request");
        match answer.status {
            408 | 421 | 425 | 429 | 500..=599 => Renewal::Later { after: answer.retry_after(), reason: fit(&reason) },
            _ if is_busy => Renewal::Later { after: answer.retry_after(), reason: fit(&reason) },
            200..=299 if code.is_empty() => refused(Fault::Unreadable, "the token endpoint's answer holds no token"),
            _ => refused(fault_of(code), &reason),
        }
    }

    fn granted(&self, body: &Value, policy: &Policy) -> Option<Granted> {
        let token = |pointer: &str| {
            let text = body.pointer(pointer)?.as_str()?;
            let fits = (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            fits.then(|| SecretString::from(text))
        };
        let life = body.pointer("/expires_in");
        let life_secs = life.and_then(|life| life.as_u64().or_else(|| life.as_str()?.parse().ok()));
        let api_url = match self.kind.adapter().token_endpoint()?.api {
            Some((pointer, hosts)) if body.pointer(pointer).is_some() => {
                let url = text_at(body, &[pointer]).trim_end_matches('/');
                let mut checker = Checker::new(policy, self.base_url.is_some());
                checker.url("api_url", url, if checker.is_overridden() { &[] } else { hosts });
                checker.into_problems().is_empty().then(|| url.to_owned())?.into()
            }
            _ => None,
        };
        Some(Granted {
            access_token: token("/access_token")?,
            refresh_token: token("/refresh_token"),
            life_secs: life_secs.map(|secs| secs.min(MAX_LIFE_SECS)),
            api_url,
        })
    }
}

fn refused(fault: Fault, reason: &str) -> Renewal {
    Renewal::Refused { fault, reason: fit(reason) }
}

/// What a vendor's code says. Kommo gives hints of the library behind it in the place of codes.
fn fault_of(code: &str) -> Fault {
    match code {
        "invalid_grant" | "BAD_REFRESH_TOKEN" | "expired_token" | "invalid_token" => Fault::InvalidGrant,
        "Token has been revoked" | "Token has expired" | "Token is not linked to client" | "Cannot decrypt the refresh token" => {
            Fault::InvalidGrant
        }
        "invalid_client"
        | "invalid_client_id"
        | "invalid_client_credentials"
        | "unauthorized_client"
        | "wrong_client"
        | "BAD_CLIENT_ID"
        | "BAD_CLIENT_SECRET" => Fault::InvalidClient,
        _ => Fault::Refused,
    }
}

/// A value of a token request.
enum Part {
    Clear(String),
    Secret(SecretString),
}

impl Part {
    fn expose(&self) -> &str {
        match self {
            Self::Clear(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Clear(text) => text,
            Self::Secret(_) => MASK,
        }
    }
}

type Pairs<'a> = [(&'a str, Part)];

fn form(pairs: &Pairs<'_>, text: fn(&Part) -> &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.iter().map(|(name, part)| (name, text(part))))
        .finish()
}

fn object(pairs: &Pairs<'_>, text: fn(&Part) -> &str) -> String {
    Value::Object(pairs.iter().map(|(name, part)| ((*name).to_owned(), text(part).into())).collect::<Map<_, _>>()).to_string()
}

fn query(url: &str, pairs: &Pairs<'_>) -> Guarded {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    pairs.iter().enumerate().fold(Guarded::clear(url), |address, (place, (name, part))| {
        let address = address.then(format!("{}{name}=", if place == 0 { '?' } else { '&' }));
        match part {
            Part::Clear(text) => address.then(encoded(text)),
            Part::Secret(secret) => address.then_secret(encoded(secret.expose_secret()).into()),
        }
    })
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
