//! Leads, as their sellers and operators see them. Who the person is comes from `contactReveal`.

pub mod input;
pub mod mutation;
pub mod query;

use std::collections::BTreeMap;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::VerticalId;
use domain::lead::{
    Audience, Channel, ConsentEvidence, ContactKind, Interest, LeadOrigin, LeadState, Offering, SessionSignals, Source,
    SourceKind, Temperature,
};
use domain::refusal::Refusal;
use domain::scoring::{Contribution, Factor};
use domain::verification::{Check, CheckKind, Level, Outcome};
use domain::vertical::AttributeValue;
use store::leads::{CheckRecord, Finder, StoredLead};

use super::caller;
use super::certificate::{ConsentCertificate, certificate_of};
use super::connection::{list_cost, page, page_cost};
use super::error::{answer, top_level};
use super::id::to_id;
use super::loader::{ChecksOf, load};
use super::scalar::MoneyObject;
use super::word::Word;
use crate::app::{App, AppError, leads};

pub use input::{LeadFilterInput, LeadSubmitInput};
pub use mutation::LeadMutation;
pub use query::LeadQuery;

/// A lead, without who it is.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex, name = "Lead")]
pub struct LeadObject {
    /// The id.
    pub id: ID,
    /// Who brought it.
    pub seller_id: ID,
    /// Its vertical.
    pub vertical_id: ID,
    /// The vertical's place, such as "finance/loan".
    pub vertical_path: String,
    /// The version of the vertical's schema that it fits.
    pub vertical_version: i32,
    /// For itself or for a company.
    pub audience: Word<Audience>,
    /// How much contact data came, and how.
    pub contact_kind: Word<ContactKind>,
    /// What the person asked for.
    pub interest: Word<Interest>,
    /// Who may buy it.
    pub offering: Word<Offering>,
    /// The advertiser whose offer the person answered.
    pub target_organization_id: Option<ID>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// The ways on which the person can be reached.
    pub channels: Vec<Word<Channel>>,
    /// The seller's own reference.
    pub seller_reference: Option<String>,
    /// The import that brought it.
    pub import_id: Option<ID>,
    /// Whether the contact data is made up.
    pub synthetic: bool,
    /// What verification made of it.
    pub state: Word<LeadState>,
    /// How far it is verified.
    pub level: Word<Level>,
    /// Points, 0 to 100: as of the last change, and while the lead stands in an open listing as of its present age.
    /// `scoreExplain` tells them as of now.
    pub score: i32,
    /// What the points mean.
    pub temperature: Word<Temperature>,
    /// When the person left the details; when the lead was brought where `dated` is false.
    pub captured_at: DateTime<Utc>,
    /// Whether the seller says when the person left the details.
    pub dated: bool,
    /// When it was brought.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    stored: StoredLead,
}

/// A value that buyers may see before the sale.
#[derive(Debug, SimpleObject)]
pub struct LeadAttribute {
    /// The attribute's key: one of the vertical's, or one that every lead may have, such as "age_band".
    pub key: String,
    /// The value, as a text.
    pub value: String,
}

/// Where a lead came from.
#[derive(Debug, SimpleObject)]
pub struct LeadSource {
    /// The kind of source.
    pub kind: Word<SourceKind>,
    /// How the seller came to hold the record.
    pub origin: Word<LeadOrigin>,
    /// The seller's campaign.
    pub campaign: Option<String>,
    /// The parameters of the address that begin with "utm_".
    pub utm: Vec<LeadAttribute>,
    /// The page on which the person arrived, without its query.
    pub page_url: Option<String>,
    /// What the seller spent on this lead.
    pub spend: Option<MoneyObject>,
}

/// What shows that the person asked.
#[derive(Debug, SimpleObject)]
pub struct LeadConsent {
    /// The words shown to the person.
    pub text: String,
    /// The seller's version of those words.
    pub text_version: Option<String>,
    /// When the person agreed.
    pub captured_at: Option<DateTime<Utc>>,
    /// The page on which the person agreed.
    pub page_url: Option<String>,
    /// A certificate kept by a third party.
    pub certificate_url: Option<String>,
    /// Length of the session that ended in the consent, in seconds.
    pub session_secs: Option<u32>,
    /// Ways on which the person does not wish to be reached.
    pub refused_channels: Vec<Word<Channel>>,
}

/// How the form was filled.
#[derive(Debug, SimpleObject)]
pub struct LeadSession {
    /// Seconds between opening the page and sending the form.
    pub time_on_page_secs: Option<u32>,
    /// Fields filled by typing.
    pub typed_fields: Option<u32>,
    /// Fields filled by pasting.
    pub pasted_fields: Option<u32>,
    /// Whether the field that people do not see was filled.
    pub honeypot_filled: Option<bool>,
    /// The page with the form.
    pub page_url: Option<String>,
    /// Visits to the site so far.
    pub visits: Option<u32>,
    /// Seconds on the site over all visits.
    pub site_secs: Option<u32>,
}

/// One outcome of one check.
#[derive(Debug, SimpleObject)]
pub struct LeadCheck {
    /// What was checked.
    pub kind: Word<CheckKind>,
    /// What was found.
    pub outcome: Word<Outcome>,
    /// By which facts; they tell nothing of the person.
    #[graphql(complexity = "list_cost(4, child_complexity)")]
    pub evidence: Vec<CheckFact>,
    /// When.
    pub at: DateTime<Utc>,
    /// The person who recorded it, if one did; to the seller only its own people.
    pub recorded_by_id: Option<ID>,
    /// The recording of the seller's call, an upload of the seller.
    pub recording_upload_id: Option<ID>,
}

/// A fact by which a check was decided.
#[derive(Debug, SimpleObject)]
pub struct CheckFact {
    /// Its name.
    pub fact: String,
    /// Its value.
    pub value: String,
}

/// One contribution to a score.
#[derive(Debug, SimpleObject)]
pub struct ScoreContribution {
    /// What gives or takes the points.
    pub factor: Word<Factor>,
    /// Points, below zero when they are taken.
    pub points: i32,
    /// Why.
    pub reason: String,
}

#[ComplexObject]
impl LeadObject {
    /// Values that buyers may see before the sale.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    async fn attributes(&self) -> Vec<LeadAttribute> {
        attributes(&self.stored.attributes)
    }

    /// Where it came from.
    async fn source(&self) -> LeadSource {
        (&self.stored.source).into()
    }

    /// What shows that the person asked.
    async fn consent(&self) -> Option<LeadConsent> {
        self.stored.consent.as_ref().map(LeadConsent::from)
    }

    /// How the form was filled.
    async fn session(&self) -> LeadSession {
        (&self.stored.form).into()
    }

    /// What the exchange signed when a hosted form brought the lead.
    async fn consent_certificate(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ConsentCertificate>> {
        certificate_of(ctx, self.stored.id).await
    }

    /// The outcome of each check that counts. The seller of a person who is with another seller, or who must not be contacted,
    /// is told only that the person is not available: DUPLICATE and SUPPRESSION then look the same.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    async fn checks(&self, ctx: &Context<'_>) -> Vec<LeadCheck> {
        let checks = leads::checks_shown(caller(ctx), &self.stored.checks);
        checks.iter().map(|check| lead_check(check, Finder::default())).collect()
    }

    /// The latest of what was found after the lead's intake, whether it counts or not, and of the outcomes of intake that this
    /// replaced, the oldest first. DUPLICATE and SUPPRESSION are for operators.
    #[graphql(complexity = "page_cost(last, child_complexity)")]
    async fn check_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 100, 20 when absent.")] last: Option<i32>,
    ) -> async_graphql::Result<Vec<LeadCheck>> {
        let last =
            page::<()>("", last, None).map_err(|refusal| top_level(Refusal { path: vec!["last".to_owned()], ..refusal }))?;
        let history = answer(ctx, load(ctx, ChecksOf(self.stored.id, last.first)).await)?;
        let shown = |record: CheckRecord| lead_check(&record.check, record.finder);
        Ok(history.unwrap_or_default().into_iter().map(shown).collect())
    }
}

impl LeadObject {
    /// A lead with the place of its vertical.
    pub(super) fn new(lead: StoredLead, paths: &BTreeMap<VerticalId, String>) -> Self {
        Self {
            id: to_id(lead.id),
            seller_id: to_id(lead.seller),
            vertical_id: to_id(lead.vertical),
            vertical_path: paths.get(&lead.vertical).cloned().unwrap_or_default(),
            vertical_version: i32::try_from(lead.vertical_version).unwrap_or(i32::MAX),
            audience: lead.audience.into(),
            contact_kind: lead.contact_kind.into(),
            interest: lead.interest.into(),
            offering: lead.offering.into(),
            target_organization_id: lead.target.map(to_id),
            country: lead.country.clone(),
            region: lead.region.clone(),
            city: lead.city.clone(),
            channels: lead.channels.iter().copied().map(Word).collect(),
            seller_reference: lead.seller_reference.clone(),
            import_id: lead.import.map(to_id),
            synthetic: lead.synthetic,
            state: lead.state.into(),
            level: lead.level.into(),
            score: points(lead.score),
            temperature: lead.temperature.into(),
            captured_at: lead.captured_at,
            dated: lead.dated,
            created_at: lead.created_at,
            updated_at: lead.updated_at,
            stored: lead,
        }
    }
}

impl From<&Source> for LeadSource {
    fn from(source: &Source) -> Self {
        let pair = |(key, value): (&String, &String)| LeadAttribute { key: key.clone(), value: value.clone() };
        Self {
            kind: source.kind.into(),
            origin: source.origin.into(),
            campaign: source.campaign.clone(),
            utm: source.utm.iter().map(pair).collect(),
            page_url: source.page_url.clone(),
            spend: source.spend.map(MoneyObject::from),
        }
    }
}

impl From<&ConsentEvidence> for LeadConsent {
    fn from(consent: &ConsentEvidence) -> Self {
        Self {
            text: consent.text.clone(),
            text_version: consent.text_version.clone(),
            captured_at: consent.captured_at,
            page_url: consent.page_url.clone(),
            certificate_url: consent.certificate_url.clone(),
            session_secs: consent.session_secs,
            refused_channels: consent.refused_channels.iter().copied().map(Word).collect(),
        }
    }
}

impl From<&SessionSignals> for LeadSession {
    fn from(session: &SessionSignals) -> Self {
        Self {
            time_on_page_secs: session.time_on_page_secs,
            typed_fields: session.typed_fields,
            pasted_fields: session.pasted_fields,
            honeypot_filled: session.honeypot_filled,
            page_url: session.page_url.clone(),
            visits: session.visits,
            site_secs: session.site_secs,
        }
    }
}

impl From<&Contribution> for ScoreContribution {
    fn from(part: &Contribution) -> Self {
        Self { factor: part.factor.into(), points: points(part.points), reason: part.reason.clone() }
    }
}

/// A lead that was changed, with the place of its vertical.
pub(super) async fn shown(app: &App, lead: StoredLead) -> Result<LeadObject, AppError> {
    let paths = app.store.vertical_paths().await?;
    Ok(LeadObject::new(lead, &paths))
}

/// Values with their keys, as texts.
pub(super) fn attributes(values: &BTreeMap<String, AttributeValue>) -> Vec<LeadAttribute> {
    values.iter().map(|(key, value)| LeadAttribute { key: key.clone(), value: value.to_string() }).collect()
}

pub(super) fn lead_check(check: &Check, finder: Finder) -> LeadCheck {
    let fact = |(fact, value): (&String, &String)| CheckFact { fact: fact.clone(), value: value.clone() };
    LeadCheck {
        kind: check.kind.into(),
        outcome: check.outcome.into(),
        evidence: check.evidence.iter().map(fact).collect(),
        at: check.at,
        recorded_by_id: finder.user.map(to_id),
        recording_upload_id: finder.recording.map(to_id),
    }
}

/// Points are small by their rules.
fn points(points: i64) -> i32 {
    i32::try_from(points).unwrap_or_default()
}
