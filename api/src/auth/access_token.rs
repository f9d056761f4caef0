//! Access tokens: JWT signed with EdDSA and nothing else, for one audience, good for minutes.

use domain::id::{OrganizationId, SessionId, UserId};
use domain::time::{Timestamp, plus_secs};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::SigningKeys;
use crate::config::{Auth, Server};

/// The `typ` of the header (RFC 9068): a token made for another use is none of ours.
const TYPE: &str = "at+jwt";
/// The longest text that is looked at.
const LEN_MAX: usize = 2_048;
/// How far the clock of the process that signed may be ahead of ours.
const AHEAD_MAX_SECS: i64 = 5;

/// Why a token was refused. The caller learns no more than that it was, or that it expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours: form, algorithm, signature, issuer, audience or claims.
    #[error("not a valid access token")]
    Invalid,
    /// Signed by a key that is not at hand; another process may have made it just now.
    #[error("the access token names an unknown key")]
    UnknownKey,
    /// It was ours, and is over.
    #[error("the access token has expired")]
    Expired,
    /// There is no key to sign with.
    #[error("there is no key to sign with")]
    NoKey,
}

/// What an access token says. The role is looked up at each request, so that it can be taken away at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The organization for which the person acts; none for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrganizationId>,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// When it ends.
    pub exp: i64,
}

/// Signs and checks access tokens of one issuer for one audience.
#[derive(Debug, Clone)]
pub struct AccessTokens {
    issuer: String,
    audience: String,
    lifetime_secs: i64,
}

impl AccessTokens {
    /// As the settings say.
    #[must_use]
    pub fn new(server: &Server, auth: &Auth) -> Self {
        Self { issuer: server.public_url.clone(), audience: auth.audience.clone(), lifetime_secs: auth.access_token_secs }
    }

    /// A token for `user` in `session`, and when it ends.
    pub fn sign(
        &self,
        keys: &SigningKeys,
        user: UserId,
        session: SessionId,
        organization: Option<OrganizationId>,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let key = keys.active().ok_or(TokenError::NoKey)?;
        let expires_at = plus_secs(now, self.lifetime_secs);
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            sid: session,
            org: organization,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding()).map_err(|_| TokenError::NoKey)?;
        Ok((token, expires_at))
    }

    /// What `token` says, if it is ours and good at `now`.
    pub fn verify(&self, keys: &SigningKeys, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        if token.len() > LEN_MAX {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) {
            return Err(TokenError::Invalid);
        }
        let key = header.kid.as_deref().map(|kid| keys.find(kid).ok_or(TokenError::UnknownKey)).ok_or(TokenError::Invalid)??;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // The library would ask the machine for the time; ours is an argument.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims =
            jsonwebtoken::decode::<AccessClaims>(token, &key.decoding(), &validation).map_err(|_| TokenError::Invalid)?.claims;
        claims.good_at(now)
    }
}

impl AccessClaims {
    /// The same claims, if they hold at `now`.
    pub fn good_at(self, now: Timestamp) -> Result<Self, TokenError> {
        let seconds = now.timestamp();
        if self.nbf.max(self.iat) > seconds.saturating_add(AHEAD_MAX_SECS) {
            return Err(TokenError::Invalid);
        }
        if seconds >= self.exp { Err(TokenError::Expired) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use domain::time::plus_secs;
    use jsonwebtoken::EncodingKey;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::auth::SigningKey;
    use crate::config::Config;
    use crate::ports::SeededEntropy;

    struct Fixture {
        tokens: AccessTokens,
        keys: SigningKeys,
        now: Timestamp,
    }

    fn fixture() -> Fixture {
        let config = Config::from_toml("").unwrap();
        let keys = SigningKeys::new(vec![SigningKey::generate(&SeededEntropy::new(1)).unwrap()]);
        let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        Fixture { tokens: AccessTokens::new(&config.server, &config.auth), keys, now }
    }

    fn ids() -> (UserId, SessionId, Option<OrganizationId>) {
        (UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)), Some(OrganizationId(Uuid::from_u128(3))))
    }

    fn signed(f: &Fixture) -> String {
        let (user, session, organization) = ids();
        f.tokens.sign(&f.keys, user, session, organization, f.now).unwrap().0
    }

    #[test]
    fn a_token_is_good_for_exactly_its_lifetime() {
        let f = fixture();
        let token = signed(&f);
        let at = |secs| f.tokens.verify(&f.keys, &token, plus_secs(f.now, secs));
        let claims = at(0).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.org), ids());
        assert!(at(899).is_ok() && at(-5).is_ok());
        assert_eq!((at(900), at(-6)), (Err(TokenError::Expired), Err(TokenError::Invalid)));
    }

    #[test]
    fn forged_headers_and_claims_are_refused() {
        let f = fixture();
        let token = signed(&f);
        let mut parts = token.split('.');
        let (header, body, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let kid = f.keys.active().unwrap().kid.clone();
        let b64 = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let verify = |token: &str| f.tokens.verify(&f.keys, token, f.now);

        for alg in ["none", "None", "HS256", "RS256", "ES256"] {
            let forged = b64(json!({ "alg": alg, "typ": "at+jwt", "kid": kid }));
            assert_eq!(verify(&format!("{forged}.{body}.")), Err(TokenError::Invalid), "{alg}");
            assert_eq!(verify(&format!("{forged}.{body}.{signature}")), Err(TokenError::Invalid), "{alg}");
        }
        let mut claims = f.tokens.verify(&f.keys, &token, f.now).unwrap();
        claims.sub = UserId(Uuid::from_u128(9));
        let other_body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        assert_eq!(verify(&format!("{header}.{other_body}.{signature}")), Err(TokenError::Invalid));
        assert_eq!(verify(&format!("{header}.{body}")), Err(TokenError::Invalid));
        assert_eq!(verify(&"a".repeat(LEN_MAX + 1)), Err(TokenError::Invalid));
        // The public key as an HMAC secret: the classic confusion of algorithms.
        let public_key = &f.keys.active().unwrap().public_key;
        let confused = Header { typ: Some(TYPE.into()), kid: Some(kid), ..Header::new(Algorithm::HS256) };
        let confused = jsonwebtoken::encode(&confused, &claims, &EncodingKey::from_secret(public_key)).unwrap();
        assert_eq!(verify(&confused), Err(TokenError::Invalid));
    }

    #[test]
    fn issuer_audience_type_key_and_required_claims_are_checked() {
        let f = fixture();
        let key = f.keys.active().unwrap();
        let sign = |typ: &str, kid: &str, claims: serde_json::Value| {
            let header = Header { typ: Some(typ.into()), kid: Some(kid.into()), ..Header::new(Algorithm::EdDSA) };
            jsonwebtoken::encode(&header, &claims, &key.encoding()).unwrap()
        };
        let good = serde_json::to_value(f.tokens.verify(&f.keys, &signed(&f), f.now).unwrap()).unwrap();
        let verify = |token: &str| f.tokens.verify(&f.keys, token, f.now).map(|_| ());
        assert_eq!(verify(&sign("at+jwt", &key.kid, good.clone())), Ok(()));
        assert_eq!(verify(&sign("JWT", &key.kid, good.clone())), Err(TokenError::Invalid));
        assert_eq!(verify(&sign("at+jwt", "another", good.clone())), Err(TokenError::UnknownKey));
        for (claim, value) in
            [("iss", json!("https://evil.example")), ("aud", json!("other-api")), ("aud", json!(["clearlead-api"]))]
        {
            let mut claims = good.clone();
            claims[claim] = value;
            assert_eq!(verify(&sign("at+jwt", &key.kid, claims)), Err(TokenError::Invalid), "{claim}");
        }
        for claim in ["iss", "aud", "sub", "sid", "exp", "nbf", "iat"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(claim);
            assert_eq!(verify(&sign("at+jwt", &key.kid, claims)), Err(TokenError::Invalid), "{claim}");
        }
    }

    #[test]
    fn a_retired_key_verifies_but_does_not_sign() {
        let f = fixture();
        let token = signed(&f);
        let mut old = f.keys.active().unwrap().clone();
        old.retired_at = Some(f.now);
        let new = SigningKey::generate(&SeededEntropy::new(2)).unwrap();
        let keys = SigningKeys::new(vec![new.clone(), old.clone()]);
        assert!(f.tokens.verify(&keys, &token, f.now).is_ok());
        assert_eq!(keys.active().unwrap().kid, new.kid);
        let (user, session, organization) = ids();
        let only_old = SigningKeys::new(vec![old]);
        assert_eq!(f.tokens.sign(&only_old, user, session, organization, f.now).unwrap_err(), TokenError::NoKey);
    }
}
