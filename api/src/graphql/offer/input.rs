//! What a seller says in real time.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};
use domain::campaign::ConsentKind;
use domain::lead::{Audience, ContactDraft, ContactKind, Interest, LeadDraft, Offering};
use domain::refusal::Refusal;

use crate::app::offers::{LeadDirectPost, LeadPing, LeadPost, OfferTerms};
use crate::graphql::id::parse_id;
use crate::graphql::lead::LeadSubmitInput;
use crate::graphql::lead::input::{
    DemographicsInput, FirmographicsInput, GeographyInput, LeadAttributeInput, LeadSourceInput, attributes,
};
use crate::graphql::listing::input::AuctionTermsInput;
use crate::graphql::word::Word;

/// What a lead is, without who it is. An attribute that would tell the person is refused.
#[derive(InputObject)]
pub struct LeadPingLeadInput {
    /// The vertical's place, such as "insurance/auto/comprehensive".
    pub vertical: String,
    /// For itself or for a company; CONSUMER, if nothing is said.
    pub audience: Option<Word<Audience>>,
    /// How much contact data there is.
    pub contact_kind: Word<ContactKind>,
    /// What the person asked for.
    pub interest: Word<Interest>,
    /// About a private person.
    pub demographics: Option<DemographicsInput>,
    /// About a company.
    pub firmographics: Option<FirmographicsInput>,
    /// Values of the vertical's attributes that do not tell the person.
    #[graphql(default)]
    pub attributes: Vec<LeadAttributeInput>,
    /// Where the person is; the country must be said.
    pub geography: GeographyInput,
    /// Where the lead came from.
    pub source: LeadSourceInput,
    /// When the person left the details; now, if nothing is said.
    pub captured_at: Option<DateTime<Utc>>,
}

/// A lead that is shown to the campaigns.
#[derive(InputObject)]
pub struct LeadPingInput {
    /// What it is.
    pub lead: LeadPingLeadInput,
    /// What will show that the person asked.
    pub consent: Word<ConsentKind>,
    /// SHA-256 of every phone number (E.164, such as "+4791234567") and every e-mail address (lower case) of the person, in 64
    /// lower-case hexadecimal digits; 1 to 6. They keep the person from being offered to whoever has it.
    pub digests: Vec<String>,
    /// The reserves of the auction that the campaigns' bids are cleared in.
    pub terms: AuctionTermsInput,
    /// The most copies to sell, 1 to 5; 1 is the exclusive sale.
    #[graphql(default = 1)]
    pub max_sales: i32,
}

/// The lead behind a ping.
#[derive(InputObject)]
pub struct LeadPostInput {
    /// The offer that the ping got. It is concluded once: the same post again answers the same.
    pub offer_id: ID,
    /// The whole lead, the same as was pinged. Where it says no `capturedAt`, that of the ping holds.
    pub lead: LeadSubmitInput,
}

/// A lead that is sold at once.
#[derive(InputObject)]
pub struct LeadDirectPostInput {
    /// The whole lead. The same lead again answers the same.
    pub lead: LeadSubmitInput,
    /// The reserves of the auction that the campaigns' bids are cleared in.
    pub terms: AuctionTermsInput,
    /// The most copies to sell, 1 to 5; 1 is the exclusive sale.
    #[graphql(default = 1)]
    pub max_sales: i32,
}

impl LeadPingInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(self) -> Result<LeadPing, Vec<Refusal>> {
        let terms = terms(&self.terms, self.max_sales);
        let draft = self.lead.draft().map_err(|refusal| vec![refusal.at("lead")]);
        match (terms, draft) {
            (Ok(terms), Ok(draft)) => Ok(LeadPing { draft, consent: self.consent.0, digests: self.digests, terms }),
            (terms, draft) => Err(terms.err().into_iter().chain(draft.err()).flatten().collect()),
        }
    }
}

impl LeadPingLeadInput {
    fn draft(self) -> Result<LeadDraft, Refusal> {
        Ok(LeadDraft {
            vertical: self.vertical,
            audience: self.audience.map_or(Audience::Consumer, |word| word.0),
            contact_kind: self.contact_kind.0,
            interest: self.interest.0,
            offering: Offering::ConsumerDemographic,
            target_organization: None,
            contact: ContactDraft::default(),
            demographics: self.demographics.unwrap_or_default().into(),
            firmographics: self.firmographics.unwrap_or_default().into(),
            attributes: attributes(self.attributes)?,
            geography: self.geography.into(),
            source: self.source.parse()?,
            consent: None,
            session: Default::default(),
            comments: None,
            call_me_at: None,
            seller_reference: None,
            captured_at: self.captured_at.map(domain::time::truncated),
            synthetic: false,
        })
    }
}

impl LeadPostInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(self) -> Result<LeadPost, Vec<Refusal>> {
        let offer = parse_id(&self.offer_id, "offerId")?;
        Ok(LeadPost { offer, draft: self.lead.parse_undated().map_err(|refusal| refusal.at("lead"))? })
    }
}

impl LeadDirectPostInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(self) -> Result<LeadDirectPost, Vec<Refusal>> {
        let terms = terms(&self.terms, self.max_sales);
        let draft = self.lead.parse_undated().map_err(|refusal| vec![refusal.at("lead")]);
        match (terms, draft) {
            (Ok(terms), Ok(draft)) => Ok(LeadDirectPost { draft, terms }),
            (terms, draft) => Err(terms.err().into_iter().chain(draft.err()).flatten().collect()),
        }
    }
}

fn terms(input: &AuctionTermsInput, max_sales: i32) -> Result<OfferTerms, Vec<Refusal>> {
    let auction = input.auction().map_err(|found| found.into_iter().map(|refusal| refusal.at("terms")).collect::<Vec<_>>())?;
    if auction.buy_now.is_some() {
        return Err(vec![Refusal::invalid("buyNow", "an offer in real time has no price to buy at once").at("terms")]);
    }
    Ok(OfferTerms { auction, max_sales: max_sales.into() })
}
