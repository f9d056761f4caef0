//! What the arbiter in charge sees of a case.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::lead::{Audience, ContactKind, Interest, Offering, Sealed};
use domain::listing::SaleFormat;
use domain::outcome::OutcomeKind;
use domain::proof::{ConsentFinding, Facts, Recheck};
use domain::verification::Level;
use store::leads::{Finder, StoredLead};
use store::outcomes::Recorded;

use super::super::certificate::ConsentCertificate;
use super::super::lead::{LeadAttribute, LeadCheck, LeadConsent, LeadSession, LeadSource, attributes, lead_check};
use super::super::outcome::CallAttempt;
use super::super::scalar::MoneyObject;
use super::super::word::Word;
use super::desk::DeskDispute;
use super::object::{DisputeEntry, DisputeFile};
use crate::app::App;
use crate::app::dispute::CaseView;

/// Everything that the arbiter in charge may see of a case.
#[derive(SimpleObject)]
pub struct DisputeCase {
    /// The dispute.
    pub dispute: DeskDispute,
    /// The price in dispute.
    pub price: MoneyObject,
    /// When the lead was sold.
    pub sold_at: DateTime<Utc>,
    /// What the exchange knows.
    pub facts: DisputeFacts,
    /// The history, oldest first.
    pub entries: Vec<DisputeEntry>,
    /// The files that both sides gave.
    pub files: Vec<DisputeFile>,
    /// The calls that the buyer logged.
    pub calls: Vec<CallAttempt>,
    /// Who the person is; null once erased.
    pub person: Option<DisputedPerson>,
    /// What the buyer was sold: the lead as it was listed, and what its seller shows of where it came from.
    pub lead: DisputedLead,
    /// What the exchange signed when a hosted form brought the lead.
    pub consent_certificate: Option<ConsentCertificate>,
    /// How it was sold.
    pub listing: DisputedListing,
    /// What the buyer recorded of it, oldest first.
    pub outcomes: Vec<DisputedOutcome>,
}

/// The disputed lead, without who it is.
#[derive(Debug, SimpleObject)]
pub struct DisputedLead {
    /// The vertical's place, such as "finance/loan".
    pub vertical_path: String,
    /// For itself or for a company.
    pub audience: Word<Audience>,
    /// How much contact data came, and how.
    pub contact_kind: Word<ContactKind>,
    /// What the person asked for.
    pub interest: Word<Interest>,
    /// Who may buy it.
    pub offering: Word<Offering>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Region.
    pub region: Option<String>,
    /// City.
    pub city: Option<String>,
    /// The public attributes: those of the vertical, and demographics or firmographics in bands.
    pub attributes: Vec<LeadAttribute>,
    /// Where it came from.
    pub source: LeadSource,
    /// What shows that the person asked.
    pub consent: Option<LeadConsent>,
    /// How the form was filled.
    pub session: LeadSession,
    /// How far it is verified.
    pub level: Word<Level>,
    /// The latest outcome of each check.
    pub checks: Vec<LeadCheck>,
    /// When the person left the details.
    pub captured_at: DateTime<Utc>,
    /// When the seller brought it.
    pub created_at: DateTime<Utc>,
}

/// What the buyer recorded of a disputed lead; what it earned is its own affair.
#[derive(Debug, SimpleObject)]
pub struct DisputedOutcome {
    /// What became of the lead.
    pub kind: Word<OutcomeKind>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// How a disputed lead was sold.
#[derive(Debug, SimpleObject)]
pub struct DisputedListing {
    /// How it was listed.
    pub format: Word<SaleFormat>,
    /// Whether the buyer has it alone.
    pub exclusive: bool,
    /// The most copies to sell.
    pub max_sales: i32,
    /// When the listing opened.
    pub opens_at: DateTime<Utc>,
    /// When it was to close.
    pub closes_at: DateTime<Utc>,
}

/// The person behind a disputed lead.
#[derive(SimpleObject)]
pub struct DisputedPerson {
    /// The name.
    pub name: String,
    /// Phone numbers in E.164.
    pub phones: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// The company.
    pub company: Option<String>,
    /// The position there.
    pub position: Option<String>,
    /// Age in whole years.
    pub age: Option<i32>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Answers that tell who the person is.
    pub answers: Vec<LeadAttribute>,
    /// The person's comments.
    pub comments: Option<String>,
    /// When the person asked to be called.
    pub call_me_at: Option<DateTime<Utc>>,
}

/// What the exchange knows about a disputed lead by itself.
#[derive(Debug, SimpleObject)]
pub struct DisputeFacts {
    /// The phone, checked again.
    pub phone: Word<Recheck>,
    /// The e-mail address, checked again.
    pub email: Word<Recheck>,
    /// Whether the phone had not failed its check when the lead was sold; what had failed was seen by the buyer.
    pub phone_promised: bool,
    /// The same of the e-mail address.
    pub email_promised: bool,
    /// Whether every way to reach the person that the lead has is impossible.
    pub no_channel: bool,
    /// The consent evidence, compared again.
    pub consent: Word<ConsentFinding>,
    /// Whether the person was on the do-not-contact list when the lead was sold.
    pub suppressed: bool,
    /// Whether the buyer had bought this person before, inside the window.
    pub bought_before: bool,
    /// Whether another seller's earlier lead of this person was sold inside the window.
    pub sold_before: bool,
    /// Whether the person answered a code or a link.
    pub confirmed: bool,
    /// Whether a call that the exchange held reached the person.
    pub spoken: bool,
    /// The furthest that the buyer itself recorded of the lead, of CONTACTED, QUALIFIED and CONVERTED.
    pub outcome: Option<Word<OutcomeKind>>,
    /// Whether the form was filled faster than a person types, or by a browser that a program drives.
    pub too_fast: bool,
    /// Whether a field that people do not see was filled.
    pub honeypot: bool,
    /// Whether the answers were pasted, or the form was one of many that one browser sent.
    pub pasted: bool,
    /// Other leads of the same device, or of the same address and page.
    pub siblings: i32,
    /// Those of them that were proved fake.
    pub pseudo_siblings: i32,
}

impl From<&Facts> for DisputeFacts {
    fn from(facts: &Facts) -> Self {
        let count = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
        Self {
            phone: facts.phone.into(),
            email: facts.email.into(),
            phone_promised: facts.phone_promised,
            email_promised: facts.email_promised,
            no_channel: facts.no_channel,
            consent: facts.consent.into(),
            suppressed: facts.suppressed,
            bought_before: facts.bought_before,
            sold_before: facts.sold_before,
            confirmed: facts.confirmed,
            spoken: facts.spoken,
            outcome: facts.outcome.map(Word),
            too_fast: facts.too_fast,
            honeypot: facts.honeypot,
            pasted: facts.pasted,
            siblings: count(facts.siblings),
            pseudo_siblings: count(facts.pseudo_siblings),
        }
    }
}

impl DisputeCase {
    /// As the exchange shows it under its own address.
    pub(super) fn of(app: &App, view: CaseView) -> Self {
        Self {
            price: view.trade.price.into(),
            sold_at: view.trade.sold_at,
            facts: DisputeFacts::from(&view.dispute.file.facts),
            entries: view.entries.into_iter().map(DisputeEntry::from).collect(),
            files: view.files.into_iter().map(DisputeFile::from).collect(),
            calls: view.calls.into_iter().map(CallAttempt::from).collect(),
            person: view.person.map(DisputedPerson::from),
            lead: DisputedLead::of(&view.lead, view.vertical_path),
            listing: DisputedListing {
                format: view.listing.listing.terms.format().into(),
                exclusive: view.trade.exclusive,
                max_sales: view.listing.listing.max_sales.into(),
                opens_at: view.listing.listing.opens_at,
                closes_at: view.listing.listing.closes_at,
            },
            outcomes: view.outcomes.iter().map(DisputedOutcome::from).collect(),
            consent_certificate: view.certificate.map(|certificate| ConsentCertificate::new(app, certificate)),
            dispute: DeskDispute::from(view.dispute),
        }
    }
}

impl From<&Recorded> for DisputedOutcome {
    fn from(recorded: &Recorded) -> Self {
        Self { kind: recorded.outcome.kind().into(), recorded_at: recorded.recorded_at }
    }
}

impl From<Sealed> for DisputedPerson {
    fn from(sealed: Sealed) -> Self {
        Self {
            name: sealed.contact.name,
            phones: sealed.contact.phones.into_iter().map(|phone| phone.e164).collect(),
            emails: sealed.contact.emails.into_iter().map(|email| email.address).collect(),
            company: sealed.contact.company,
            position: sealed.contact.position,
            age: sealed.age.map(i32::from),
            postal_code: sealed.postal_code,
            answers: attributes(&sealed.identifying),
            comments: sealed.comments,
            call_me_at: sealed.call_me_at,
        }
    }
}

impl DisputedLead {
    fn of(lead: &StoredLead, vertical_path: String) -> Self {
        Self {
            vertical_path,
            audience: lead.audience.into(),
            contact_kind: lead.contact_kind.into(),
            interest: lead.interest.into(),
            offering: lead.offering.into(),
            country: lead.country.clone(),
            region: lead.region.clone(),
            city: lead.city.clone(),
            attributes: attributes(&lead.attributes),
            source: (&lead.source).into(),
            consent: lead.consent.as_ref().map(LeadConsent::from),
            session: (&lead.form).into(),
            level: lead.level.into(),
            checks: lead.checks.iter().map(|check| lead_check(check, Finder::default())).collect(),
            captured_at: lead.captured_at,
            created_at: lead.created_at,
        }
    }
}
