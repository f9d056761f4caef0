//! Leads: what is public of them in columns, who they are in a sealed envelope, how they are known again as keyed hashes.

mod around;
mod find;
mod origin;
mod record;
mod take;

use std::collections::BTreeMap;

use domain::access::UnknownText;
use domain::id::{ImportId, LeadId, OrganizationId, VerticalId};
use domain::lead::{
    Audience, Channel, ConsentEvidence, ContactKind, Interest, Lead, LeadState, Offering, Sealed, SessionSignals, Source,
    Temperature,
};
use domain::scoring::Contribution;
use domain::time::Timestamp;
use domain::verification::{Check, Level};
use domain::vertical::{AttributeValue, VerticalPath};

use crate::entity::lead;
use crate::error::StoreError;

pub use around::{Around, Brought, Probe, Reach};
pub use find::{LeadBehind, LeadFilter, LeadScope};
pub(crate) use record::check_of;
pub use record::{CheckRecord, Finder, Judged};
pub use take::{NewLead, Taken};

/// The columns that hold who the person is, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The name of the ring's key.
    pub key_id: String,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// The sealed content.
    pub ciphertext: Vec<u8>,
}

/// A lead without who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLead {
    /// Its id.
    pub id: LeadId,
    /// Who brought it.
    pub seller: OrganizationId,
    /// Its vertical.
    pub vertical: VerticalId,
    /// The version of the vertical's schema that it fits.
    pub vertical_version: i64,
    /// For itself or for a company.
    pub audience: Audience,
    /// How much contact data came, and how.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// Who may buy it.
    pub offering: Offering,
    /// The advertiser whose offer the person answered.
    pub target: Option<OrganizationId>,
    /// Where it came from.
    pub source: Source,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Public attributes.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The ways on which the person can be reached.
    pub channels: Vec<Channel>,
    /// What shows that the person asked, without address and browser.
    pub consent: Option<ConsentEvidence>,
    /// How the form was filled, without address, browser and device.
    pub form: SessionSignals,
    /// The seller's own reference.
    pub seller_reference: Option<String>,
    /// The import that brought it.
    pub import: Option<ImportId>,
    /// Whether the contact data is made up.
    pub synthetic: bool,
    /// What verification made of it.
    pub state: LeadState,
    /// How far it is verified.
    pub level: Level,
    /// Points, 0..=100.
    pub score: i64,
    /// What the points mean.
    pub temperature: Temperature,
    /// What the points are made of.
    pub contributions: Vec<Contribution>,
    /// The latest outcome of each check.
    pub checks: Vec<Check>,
    /// When the person left the details; when it was brought where the seller does not say it.
    pub captured_at: Timestamp,
    /// Whether the seller says when the person left the details.
    pub dated: bool,
    /// When it was brought.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Grows with every change.
    pub version: i64,
}

impl StoredLead {
    /// The whole lead, with who it is.
    #[must_use]
    pub fn with(&self, path: &VerticalPath, sealed: Sealed) -> Lead {
        Lead {
            vertical: path.clone(),
            audience: self.audience,
            contact_kind: self.contact_kind,
            interest: self.interest,
            offering: self.offering,
            target_organization: self.target,
            attributes: self.attributes.clone(),
            country: self.country.clone(),
            region: self.region.clone(),
            city: self.city.clone(),
            source: self.source.clone(),
            consent: self.consent.clone(),
            form: self.form.clone(),
            channels: self.channels.clone(),
            seller_reference: self.seller_reference.clone(),
            captured_at: self.captured_at,
            dated: self.dated,
            synthetic: self.synthetic,
            sealed,
        }
    }
}

impl TryFrom<lead::Model> for StoredLead {
    type Error = StoreError;

    fn try_from(row: lead::Model) -> Result<Self, StoreError> {
        let corrupt = |error: UnknownText| StoreError::corrupt(format!("lead {}: {error}", row.id));
        let broken = |error: serde_json::Error| StoreError::corrupt(format!("lead {}: {error}", row.id));
        Ok(Self {
            id: row.id.into(),
            seller: row.seller_id.into(),
            vertical: row.vertical_id.into(),
            vertical_version: row.vertical_version,
            audience: row.audience.parse().map_err(corrupt)?,
            contact_kind: row.contact_kind.parse().map_err(corrupt)?,
            interest: row.interest.parse().map_err(corrupt)?,
            offering: row.offering.parse().map_err(corrupt)?,
            target: row.target_id.map(Into::into),
            source: serde_json::from_value(row.source).map_err(broken)?,
            country: row.country,
            region: row.region,
            city: row.city,
            attributes: serde_json::from_value(row.attributes).map_err(broken)?,
            channels: serde_json::from_value(row.channels).map_err(broken)?,
            consent: serde_json::from_value(row.consent).map_err(broken)?,
            form: serde_json::from_value(row.session).map_err(broken)?,
            seller_reference: row.seller_reference,
            import: row.import_id.map(Into::into),
            synthetic: row.synthetic,
            state: row.state.parse().map_err(corrupt)?,
            level: row.level.parse().map_err(corrupt)?,
            score: row.score,
            temperature: row.temperature.parse().map_err(corrupt)?,
            contributions: serde_json::from_value(row.score_reasons).map_err(broken)?,
            checks: serde_json::from_value(row.checks).map_err(broken)?,
            captured_at: row.captured_at,
            dated: row.dated,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}
