//! Access tokens of destinations that are reached by OAuth.

use async_graphql::{Enum, InputObject, SimpleObject};
use chrono::{DateTime, Utc};
use domain::oauth::{OauthFault, OauthState};
use gateways::crm::Oauth;
use store::destination_tokens::DestinationToken;

use crate::graphql::word::Word;

/// How access tokens are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "gateways::crm::Grant")]
pub enum OauthGrant {
    /// With the secret `refresh_token`, which somebody's consent gave. Where each use gives another, that one is kept.
    RefreshToken,
    /// With the app's own credentials. Only Salesforce knows that.
    ClientCredentials,
}

/// An app at a vendor by which access tokens are got.
#[derive(Debug, InputObject)]
pub struct DestinationOauthInput {
    /// The id of the app: client id, consumer key or integration id.
    pub client_id: String,
    /// How tokens are got.
    #[graphql(default_with = "OauthGrant::RefreshToken")]
    pub grant: OauthGrant,
    /// The app's redirect address. Kommo compares it; the others do not ask.
    pub redirect_url: Option<String>,
}

impl From<DestinationOauthInput> for Oauth {
    fn from(DestinationOauthInput { client_id, grant, redirect_url }: DestinationOauthInput) -> Self {
        Self { client_id, grant: grant.into(), redirect_url }
    }
}

/// How a destination that is reached by OAuth stands with its access token. The token itself is never shown.
#[derive(Debug, SimpleObject)]
pub(super) struct DestinationOauth {
    /// Whether there is one.
    pub state: Word<OauthState>,
    /// Why it could not be renewed last; null when it could.
    pub fault: Option<Word<OauthFault>>,
    /// The same in the vendor's words.
    pub reason: Option<String>,
    /// Since when there is the one in use.
    pub granted_at: Option<DateTime<Utc>>,
    /// When it ends, where the vendor says it. It is renewed before.
    pub expires_at: Option<DateTime<Utc>>,
}

impl From<DestinationToken> for DestinationOauth {
    fn from(DestinationToken { place, reason, .. }: DestinationToken) -> Self {
        Self {
            state: place.state().into(),
            fault: place.fault.map(Word),
            reason,
            granted_at: place.granted_at,
            expires_at: place.expires_at,
        }
    }
}
