//! What a seller hands in, before anything is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Audience, ConsentEvidence, ContactKind, Demographics, Firmographics, Interest, LeadOrigin, MessengerKind, Offering,
    SessionSignals, SourceKind,
};
use crate::id::OrganizationId;
use crate::money::Money;
use crate::time::Timestamp;
use crate::vertical::AttributeValue;

/// One lead as a seller hands it in. Texts may carry blanks around them; nothing is normalised yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadDraft {
    /// Path of the vertical, such as `insurance/auto/comprehensive`.
    pub vertical: String,
    /// For itself or for a company.
    pub audience: Audience,
    /// How much contact data came, and how.
    pub contact_kind: ContactKind,
    /// What the person asked for.
    pub interest: Interest,
    /// Who may buy it.
    pub offering: Offering,
    /// The advertiser whose offer the person answered; only and always with [`Offering::Targeted`].
    pub target_organization: Option<OrganizationId>,
    /// Who it is and how to reach them.
    pub contact: ContactDraft,
    /// About a private person.
    #[serde(default)]
    pub demographics: Demographics,
    /// About a company.
    #[serde(default)]
    pub firmographics: Firmographics,
    /// Values of the vertical's attributes by key, typed or as text.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Where the person is.
    #[serde(default)]
    pub geography: Geography,
    /// Where the lead came from.
    pub source: Source,
    /// What shows that the person asked.
    #[serde(default)]
    pub consent: Option<ConsentEvidence>,
    /// How the form was filled.
    #[serde(default)]
    pub session: SessionSignals,
    /// The person's comments.
    #[serde(default)]
    pub comments: Option<String>,
    /// When the person asked to be called.
    #[serde(default)]
    pub call_me_at: Option<Timestamp>,
    /// The seller's own reference, unique among its leads.
    #[serde(default)]
    pub seller_reference: Option<String>,
    /// When the person left the details, where the seller says it.
    #[serde(default)]
    pub captured_at: Option<Timestamp>,
    /// Whether the contact data is made up, for a demonstration or a test.
    #[serde(default)]
    pub synthetic: bool,
}

/// Who it is and how to reach them, as handed in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactDraft {
    /// The person's name.
    pub name: String,
    /// Phone numbers, the preferred one first; at most 3.
    pub phones: Vec<String>,
    /// E-mail addresses, the preferred one first; at most 3.
    pub emails: Vec<String>,
    /// A messenger account.
    pub messenger: Option<Messenger>,
    /// The company's name.
    pub company: Option<String>,
    /// The decision maker's title there, in their own words.
    pub position: Option<String>,
}

/// A messenger account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messenger {
    /// The service.
    pub kind: MessengerKind,
    /// The account there.
    pub account: String,
}

/// Where the person is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Geography {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// Region, in the country's words.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Postal code: kept with the contact details, since in some countries a few houses share one.
    pub postal_code: Option<String>,
}

/// Where the lead came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The kind of source.
    pub kind: SourceKind,
    /// How the seller came to hold the record.
    pub origin: LeadOrigin,
    /// The seller's campaign.
    #[serde(default)]
    pub campaign: Option<String>,
    /// `utm_*` parameters by their name without the prefix: source, medium, campaign, term, content.
    #[serde(default)]
    pub utm: BTreeMap<String, String>,
    /// The page on which the person arrived, without its query.
    #[serde(default)]
    pub page_url: Option<String>,
    /// What the seller spent on this lead.
    #[serde(default)]
    pub spend: Option<Money>,
}

impl Source {
    /// A source of which only the kind is known.
    #[must_use]
    pub const fn of(kind: SourceKind) -> Self {
        Self { kind, origin: LeadOrigin::OwnAccord, campaign: None, utm: BTreeMap::new(), page_url: None, spend: None }
    }
}

silent_debug!(LeadDraft, ContactDraft, Messenger);
