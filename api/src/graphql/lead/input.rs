//! What sellers hand in: a lead, and which leads they look for.

use std::collections::BTreeMap;

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};
use domain::lead::{
    Audience, Channel, ConsentEvidence, ContactDraft, ContactKind, CreditBand, DecisionRole, Demographics, Education,
    Firmographics, Gender, Geography, HeadcountBand, IncomeBand, Industry, Interest, LeadDraft, LeadOrigin, LeadState,
    MaritalStatus, Messenger, MessengerKind, Occupation, Offering, OrganizationType, SessionSignals, Source, SourceKind,
    Temperature,
};
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use domain::verification::Level;
use domain::vertical::AttributeValue;
use store::leads::LeadFilter;

use super::super::id::parse_id;
use super::super::scalar::MoneyInput;
use super::super::word::{Word, values};

/// A messenger account.
#[derive(InputObject)]
pub struct MessengerInput {
    /// The service.
    pub kind: Word<MessengerKind>,
    /// The account there.
    pub account: String,
}

/// Who it is and how to reach them: a name and at least one of phone, e-mail address and messenger.
#[derive(InputObject)]
pub struct LeadContactInput {
    /// The person's name.
    pub name: String,
    /// Phone numbers, the preferred one first; at most 3. Without a country code they are read in the manner of the country.
    #[graphql(default)]
    pub phones: Vec<String>,
    /// E-mail addresses, the preferred one first; at most 3.
    #[graphql(default)]
    pub emails: Vec<String>,
    /// A messenger account.
    pub messenger: Option<MessengerInput>,
    /// The company's name; required for BUSINESS.
    pub company: Option<String>,
    /// The decision maker's title there.
    pub position: Option<String>,
}

/// What a private person says about themselves.
#[derive(Default, InputObject)]
pub struct DemographicsInput {
    /// Age in whole years; buyers see the band.
    pub age: Option<u8>,
    /// Gender.
    pub gender: Option<Word<Gender>>,
    /// Marital status.
    pub marital_status: Option<Word<MaritalStatus>>,
    /// Occupation.
    pub occupation: Option<Word<Occupation>>,
    /// Yearly income.
    pub income_band: Option<Word<IncomeBand>>,
    /// Standing with lenders.
    pub credit_band: Option<Word<CreditBand>>,
    /// Highest finished education.
    pub education: Option<Word<Education>>,
    /// Interests; at most 20 of at most 60 characters.
    #[graphql(default)]
    pub interests: Vec<String>,
    /// The language to speak with the person: ISO 639-1.
    pub language: Option<String>,
}

/// What a decision maker says about the company.
#[derive(Default, InputObject)]
pub struct FirmographicsInput {
    /// Industry.
    pub industry: Option<Word<Industry>>,
    /// Kind of organization.
    pub organization_type: Option<Word<OrganizationType>>,
    /// Number of people.
    pub headcount_band: Option<Word<HeadcountBand>>,
    /// The decision maker's part in the purchase.
    pub decision_role: Option<Word<DecisionRole>>,
}

/// A value of one of the vertical's attributes.
#[derive(InputObject)]
pub struct LeadAttributeInput {
    /// The attribute's key.
    pub key: String,
    /// The value, as a text: `true`, `12`, `2026-05-31`, one of the listed values.
    pub value: String,
}

/// Where the person is.
#[derive(Default, InputObject)]
pub struct GeographyInput {
    /// ISO 3166-1 alpha-2; read from the phone, if nothing is said.
    pub country: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Postal code, at most 16 characters; hidden like the contact details.
    pub postal_code: Option<String>,
}

/// A parameter of the address that begins with "utm_".
#[derive(InputObject)]
pub struct UtmInput {
    /// The name without "utm_": source, medium, campaign, term, content.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Where the lead came from.
#[derive(InputObject)]
pub struct LeadSourceInput {
    /// The kind of source.
    pub kind: Word<SourceKind>,
    /// How the seller came to hold the record; OWN_ACCORD, if nothing is said.
    pub origin: Option<Word<LeadOrigin>>,
    /// The seller's campaign.
    pub campaign: Option<String>,
    /// Parameters of the address.
    #[graphql(default)]
    pub utm: Vec<UtmInput>,
    /// The page on which the person arrived.
    pub page_url: Option<String>,
    /// What the seller spent on this lead.
    pub spend: Option<MoneyInput>,
}

/// What shows that the person asked.
#[derive(InputObject)]
pub struct LeadConsentInput {
    /// The words shown to the person; at most 4,000 characters.
    #[graphql(default)]
    pub text: String,
    /// The seller's version of those words.
    pub text_version: Option<String>,
    /// When the person agreed.
    pub captured_at: Option<DateTime<Utc>>,
    /// The page on which the person agreed.
    pub page_url: Option<String>,
    /// The person's address on the net at that moment.
    pub ip: Option<String>,
    /// The person's browser.
    pub user_agent: Option<String>,
    /// A certificate kept by a third party.
    pub certificate_url: Option<String>,
    /// Length of the session that ended in the consent, in seconds.
    pub session_secs: Option<u32>,
    /// Ways on which the person does not wish to be reached.
    #[graphql(default)]
    pub refused_channels: Vec<Word<Channel>>,
}

/// How the form was filled, as the seller's page saw it.
#[derive(Default, InputObject)]
pub struct LeadSessionInput {
    /// Seconds between opening the page and sending the form.
    pub time_on_page_secs: Option<u32>,
    /// Fields filled by typing.
    pub typed_fields: Option<u32>,
    /// Fields filled by pasting.
    pub pasted_fields: Option<u32>,
    /// Whether the field that people do not see was filled.
    pub honeypot_filled: Option<bool>,
    /// The seller's identifier of the device.
    pub device_id: Option<String>,
    /// The person's address on the net.
    pub ip: Option<String>,
    /// The person's browser.
    pub user_agent: Option<String>,
    /// The page with the form.
    pub page_url: Option<String>,
    /// Visits to the site so far.
    pub visits: Option<u32>,
    /// Seconds on the site over all visits.
    pub site_secs: Option<u32>,
}

/// A lead to submit.
#[derive(InputObject)]
pub struct LeadSubmitInput {
    /// The vertical's place, such as "insurance/auto/comprehensive".
    pub vertical: String,
    /// For itself or for a company; CONSUMER, if nothing is said.
    pub audience: Option<Word<Audience>>,
    /// How much contact data came, and how.
    pub contact_kind: Word<ContactKind>,
    /// What the person asked for.
    pub interest: Word<Interest>,
    /// Who may buy it; CONSUMER_DEMOGRAPHIC, if nothing is said.
    pub offering: Option<Word<Offering>>,
    /// The advertiser whose offer the person answered; with TARGETED only.
    pub target_organization_id: Option<ID>,
    /// Who it is and how to reach them.
    pub contact: LeadContactInput,
    /// About a private person.
    pub demographics: Option<DemographicsInput>,
    /// About a company.
    pub firmographics: Option<FirmographicsInput>,
    /// Values of the vertical's attributes.
    #[graphql(default)]
    pub attributes: Vec<LeadAttributeInput>,
    /// Where the person is.
    pub geography: Option<GeographyInput>,
    /// Where the lead came from.
    pub source: LeadSourceInput,
    /// What shows that the person asked. Without it the lead is rejected.
    pub consent: Option<LeadConsentInput>,
    /// How the form was filled.
    pub session: Option<LeadSessionInput>,
    /// The person's comments; at most 4,000 characters.
    pub comments: Option<String>,
    /// When the person asked to be called.
    pub call_me_at: Option<DateTime<Utc>>,
    /// The seller's own reference, unique among its leads.
    pub seller_reference: Option<String>,
    /// When the person left the details; now, if nothing is said.
    pub captured_at: Option<DateTime<Utc>>,
    /// Whether the contact data is made up, for a test.
    #[graphql(default)]
    pub synthetic: bool,
}

/// Which leads are looked for. What is not said does not matter.
#[derive(Default, InputObject)]
pub struct LeadFilterInput {
    /// In or below this vertical.
    pub vertical: Option<String>,
    /// In one of these states.
    #[graphql(default)]
    pub states: Vec<Word<LeadState>>,
    /// At this level or above.
    pub level_from: Option<Word<Level>>,
    /// Of one of these temperatures.
    #[graphql(default)]
    pub temperatures: Vec<Word<Temperature>>,
    /// With at least so many points.
    pub score_from: Option<i32>,
    /// By one of these kinds of source.
    #[graphql(default)]
    pub sources: Vec<Word<SourceKind>>,
    /// For this audience.
    pub audience: Option<Word<Audience>>,
    /// In this country.
    pub country: Option<String>,
    /// Brought by this import.
    pub import_id: Option<ID>,
    /// With this reference of the seller.
    pub seller_reference: Option<String>,
    /// With made-up contact data, or with real.
    pub synthetic: Option<bool>,
    /// Captured at or after this instant.
    pub captured_from: Option<DateTime<Utc>>,
    /// Captured before this instant.
    pub captured_until: Option<DateTime<Utc>>,
}

impl LeadFilterInput {
    /// The filter; a refusal names the field.
    pub(super) fn parse(self) -> Result<LeadFilter, Refusal> {
        let within = |refusal: Refusal| refusal.at("filter");
        let path = |refusal: Refusal| Refusal::invalid("vertical", refusal.message).at("filter");
        Ok(LeadFilter {
            vertical: self.vertical.map(|text| text.parse()).transpose().map_err(path)?,
            states: values(self.states),
            level_from: self.level_from.map(|word| word.0),
            temperatures: values(self.temperatures),
            score_from: self.score_from.map(i64::from),
            sources: values(self.sources),
            audience: self.audience.map(|word| word.0),
            country: self.country,
            import: self.import_id.map(|id| parse_id(&id, "importId")).transpose().map_err(within)?,
            seller_reference: self.seller_reference,
            synthetic: self.synthetic,
            captured_from: self.captured_from,
            captured_until: self.captured_until,
        })
    }
}

impl LeadSubmitInput {
    /// The draft, captured at `now` where nothing is said; a refusal names the field.
    pub(super) fn parse(self, now: Timestamp) -> Result<LeadDraft, Refusal> {
        let draft = self.parse_undated()?;
        Ok(LeadDraft { captured_at: draft.captured_at.or(Some(now)), ..draft })
    }

    /// The draft, without an instant of capture where nothing is said; a refusal names the field.
    pub(in crate::graphql) fn parse_undated(self) -> Result<LeadDraft, Refusal> {
        let target = self.target_organization_id.map(|id| parse_id(&id, "targetOrganizationId")).transpose()?;
        Ok(LeadDraft {
            vertical: self.vertical,
            audience: self.audience.map_or(Audience::Consumer, |word| word.0),
            contact_kind: self.contact_kind.0,
            interest: self.interest.0,
            offering: self.offering.map_or(Offering::ConsumerDemographic, |word| word.0),
            target_organization: target,
            contact: self.contact.into(),
            demographics: self.demographics.unwrap_or_default().into(),
            firmographics: self.firmographics.unwrap_or_default().into(),
            attributes: attributes(self.attributes)?,
            geography: self.geography.unwrap_or_default().into(),
            source: self.source.parse()?,
            consent: self.consent.map(ConsentEvidence::from),
            session: self.session.unwrap_or_default().into(),
            comments: self.comments,
            call_me_at: self.call_me_at,
            seller_reference: self.seller_reference,
            captured_at: self.captured_at.map(domain::time::truncated),
            synthetic: self.synthetic,
        })
    }
}

impl LeadSourceInput {
    pub(in crate::graphql) fn parse(self) -> Result<Source, Refusal> {
        let spend = self.spend.map(|spend| spend.parse("spend")).transpose().map_err(|refusal| refusal.at("source"))?;
        if spend.is_some_and(|spend| spend.minor < 0) {
            return Err(Refusal::invalid("spend", "not below zero").at("source"));
        }
        Ok(Source {
            kind: self.kind.0,
            origin: self.origin.map_or(LeadOrigin::OwnAccord, |word| word.0),
            campaign: self.campaign,
            utm: self.utm.into_iter().map(|pair| (pair.key, pair.value)).collect(),
            page_url: self.page_url,
            spend,
        })
    }
}

pub(in crate::graphql) fn attributes(given: Vec<LeadAttributeInput>) -> Result<BTreeMap<String, AttributeValue>, Refusal> {
    let mut found = BTreeMap::new();
    for LeadAttributeInput { key, value } in given {
        if found.insert(key.clone(), AttributeValue::Text(value)).is_some() {
            return Err(Refusal::new(Code::Invalid, "given twice").at(key).at("attributes"));
        }
    }
    Ok(found)
}

impl From<LeadContactInput> for ContactDraft {
    fn from(input: LeadContactInput) -> Self {
        Self {
            name: input.name,
            phones: input.phones,
            emails: input.emails,
            messenger: input.messenger.map(|each| Messenger { kind: each.kind.0, account: each.account }),
            company: input.company,
            position: input.position,
        }
    }
}

impl From<DemographicsInput> for Demographics {
    fn from(input: DemographicsInput) -> Self {
        Self {
            age: input.age,
            gender: input.gender.map(|word| word.0),
            marital_status: input.marital_status.map(|word| word.0),
            occupation: input.occupation.map(|word| word.0),
            income_band: input.income_band.map(|word| word.0),
            credit_band: input.credit_band.map(|word| word.0),
            education: input.education.map(|word| word.0),
            interests: input.interests,
            language: input.language,
        }
    }
}

impl From<FirmographicsInput> for Firmographics {
    fn from(input: FirmographicsInput) -> Self {
        Self {
            industry: input.industry.map(|word| word.0),
            organization_type: input.organization_type.map(|word| word.0),
            headcount_band: input.headcount_band.map(|word| word.0),
            decision_role: input.decision_role.map(|word| word.0),
        }
    }
}

impl From<GeographyInput> for Geography {
    fn from(input: GeographyInput) -> Self {
        Self { country: input.country, region: input.region, city: input.city, postal_code: input.postal_code }
    }
}

impl From<LeadConsentInput> for ConsentEvidence {
    fn from(input: LeadConsentInput) -> Self {
        Self {
            text: input.text,
            text_version: input.text_version,
            captured_at: input.captured_at,
            page_url: input.page_url,
            ip: input.ip,
            user_agent: input.user_agent,
            certificate_url: input.certificate_url,
            session_secs: input.session_secs,
            refused_channels: input.refused_channels.into_iter().map(|word| word.0).collect(),
        }
    }
}

impl From<LeadSessionInput> for SessionSignals {
    fn from(input: LeadSessionInput) -> Self {
        Self {
            time_on_page_secs: input.time_on_page_secs,
            typed_fields: input.typed_fields,
            pasted_fields: input.pasted_fields,
            honeypot_filled: input.honeypot_filled,
            device_id: input.device_id,
            ip: input.ip,
            user_agent: input.user_agent,
            page_url: input.page_url,
            visits: input.visits,
            site_secs: input.site_secs,
            filling: None,
        }
    }
}
