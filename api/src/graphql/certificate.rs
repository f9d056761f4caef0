//! Certificates of consent, as both sides of a lead see them.

use async_graphql::{Context, ID, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::certificate::Certificate;
use domain::id::LeadId;

use super::app;
use super::error::answer;
use super::id::to_id;
use super::loader::{CertificateOf, load};
use crate::app::App;

/// What the exchange wrote down and signed when a hosted form was sent. It names nobody.
#[derive(Debug, Clone, SimpleObject)]
pub struct ConsentCertificate {
    /// The id.
    pub id: ID,
    /// Where everybody can check it, with the words that were shown.
    pub address: String,
    /// What was signed: JSON, byte for byte.
    pub payload: String,
    /// The Ed25519 signature of these bytes, in base64url.
    pub signature: String,
    /// Which of the keys at `/certificates/keys` signed it.
    pub key_id: String,
    /// When.
    pub issued_at: DateTime<Utc>,
}

impl ConsentCertificate {
    /// As the exchange shows it under its own address.
    pub(super) fn new(app: &App, certificate: Certificate) -> Self {
        let base = &app.config.server.public_url;
        Self {
            id: to_id(certificate.id),
            address: format!("{base}/certificates/{}", certificate.id),
            payload: certificate.payload,
            signature: URL_SAFE_NO_PAD.encode(certificate.signature),
            key_id: certificate.key_id,
            issued_at: certificate.issued_at,
        }
    }
}

/// The certificate of a lead, if a hosted form brought it.
pub(super) async fn certificate_of(ctx: &Context<'_>, lead: LeadId) -> async_graphql::Result<Option<ConsentCertificate>> {
    let found = answer(ctx, load(ctx, CertificateOf(lead)).await)?;
    Ok(found.map(|certificate| ConsentCertificate::new(app(ctx), certificate)))
}
