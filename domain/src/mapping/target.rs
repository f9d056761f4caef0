//! The fields of a lead that a mapping can fill, and the kind of value each takes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::{UnknownText, text_enum};
use crate::lead::{
    Audience, ContactKind, CreditBand, DecisionRole, Education, Gender, HeadcountBand, IncomeBand, Industry, Interest,
    LeadOrigin, MaritalStatus, MessengerKind, Occupation, Offering, OrganizationType, SourceKind,
};

text_enum! {
    /// A field of a lead, as mappings name it.
    Target {
        /// The person's name.
        Name = "name",
        /// The preferred phone number.
        Phone = "phone",
        /// A second phone number.
        Phone2 = "phone_2",
        /// A third phone number.
        Phone3 = "phone_3",
        /// The preferred e-mail address.
        Email = "email",
        /// A second e-mail address.
        Email2 = "email_2",
        /// A third e-mail address.
        Email3 = "email_3",
        /// The messenger service.
        MessengerKind = "messenger",
        /// The account there.
        MessengerAccount = "messenger_account",
        /// The company's name.
        Company = "company",
        /// The decision maker's title.
        Position = "position",
        /// For itself or for a company.
        Audience = "audience",
        /// How much contact data came, and how.
        ContactKind = "contact_kind",
        /// What the person asked for.
        Interest = "interest",
        /// Who may buy it.
        Offering = "offering",
        /// The advertiser whose offer was answered.
        TargetOrganization = "target_organization",
        /// Age in years, or the date of birth when `dates` says how it is written.
        Age = "age",
        /// Gender.
        Gender = "gender",
        /// Marital status.
        MaritalStatus = "marital_status",
        /// Occupation.
        Occupation = "occupation",
        /// Yearly income.
        IncomeBand = "income_band",
        /// Standing with lenders.
        CreditBand = "credit_band",
        /// Highest finished education.
        Education = "education",
        /// Interests, a list.
        Interests = "interests",
        /// Language, ISO 639-1.
        Language = "language",
        /// Industry.
        Industry = "industry",
        /// Kind of organization.
        OrganizationType = "organization_type",
        /// Number of people.
        HeadcountBand = "headcount_band",
        /// Part in the purchase.
        DecisionRole = "decision_role",
        /// Country: ISO 3166 or its English name.
        Country = "country",
        /// Region.
        Region = "region",
        /// City.
        City = "city",
        /// Postal code.
        PostalCode = "postal_code",
        /// The kind of source.
        Source = "source",
        /// How the seller came to hold the record.
        Origin = "origin",
        /// The seller's campaign.
        Campaign = "campaign",
        /// `utm_source`.
        UtmSource = "utm_source",
        /// `utm_medium`.
        UtmMedium = "utm_medium",
        /// `utm_campaign`.
        UtmCampaign = "utm_campaign",
        /// `utm_term`.
        UtmTerm = "utm_term",
        /// `utm_content`.
        UtmContent = "utm_content",
        /// The page on which the person arrived.
        LandingPage = "landing_page",
        /// What the seller spent on the lead.
        Spend = "spend",
        /// The words of the consent.
        ConsentText = "consent_text",
        /// Their version.
        ConsentVersion = "consent_version",
        /// When the person agreed.
        ConsentAt = "consent_at",
        /// Where the person agreed.
        ConsentPage = "consent_page",
        /// The person's address on the net then.
        ConsentIp = "consent_ip",
        /// The person's browser then.
        ConsentUserAgent = "consent_user_agent",
        /// A certificate kept by a third party.
        ConsentCertificate = "consent_certificate",
        /// Length of the session that ended in the consent, seconds.
        ConsentSessionSecs = "consent_session_secs",
        /// Whether the person does not wish to be called.
        RefusesPhone = "refuses_phone",
        /// Whether the person does not wish mail.
        RefusesEmail = "refuses_email",
        /// Whether the person does not wish messages.
        RefusesMessenger = "refuses_messenger",
        /// Seconds between opening the page and sending the form.
        TimeOnPageSecs = "time_on_page_secs",
        /// Fields filled by typing.
        TypedFields = "typed_fields",
        /// Fields filled by pasting.
        PastedFields = "pasted_fields",
        /// Whether the hidden field was filled.
        HoneypotFilled = "honeypot_filled",
        /// The device.
        DeviceId = "device_id",
        /// The person's address on the net.
        Ip = "ip",
        /// The person's browser.
        UserAgent = "user_agent",
        /// The page with the form.
        FormPage = "form_page",
        /// Visits so far.
        Visits = "visits",
        /// Seconds on the site over all visits.
        SiteSecs = "site_secs",
        /// The person's comments.
        Comments = "comments",
        /// When to call.
        CallMeAt = "call_me_at",
        /// The seller's own reference.
        SellerReference = "seller_reference",
        /// When the person left the details.
        CapturedAt = "captured_at",
    }
}

/// The kind of value that a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A phone number.
    Phone,
    /// A list of texts.
    List,
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// An age in years.
    Age,
    /// Yes or no.
    Bool,
    /// A calendar day.
    Date,
    /// An instant.
    Instant,
    /// An amount of money.
    Money,
    /// A country.
    Country,
    /// One of these texts.
    Words(Vec<String>),
    /// The id of an organization.
    Organization,
}

macro_rules! words {
    ($name:ident) => {
        Kind::Words($name::ALL.iter().map(|word| word.as_str().to_owned()).collect())
    };
}

impl Target {
    /// The kind of value that this field takes.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Phone | Self::Phone2 | Self::Phone3 => Kind::Phone,
            Self::MessengerKind => words!(MessengerKind),
            Self::Audience => words!(Audience),
            Self::ContactKind => words!(ContactKind),
            Self::Interest => words!(Interest),
            Self::Offering => words!(Offering),
            Self::TargetOrganization => Kind::Organization,
            Self::Age => Kind::Age,
            Self::Gender => words!(Gender),
            Self::MaritalStatus => words!(MaritalStatus),
            Self::Occupation => words!(Occupation),
            Self::IncomeBand => words!(IncomeBand),
            Self::CreditBand => words!(CreditBand),
            Self::Education => words!(Education),
            Self::Interests => Kind::List,
            Self::Industry => words!(Industry),
            Self::OrganizationType => words!(OrganizationType),
            Self::HeadcountBand => words!(HeadcountBand),
            Self::DecisionRole => words!(DecisionRole),
            Self::Country => Kind::Country,
            Self::Source => words!(SourceKind),
            Self::Origin => words!(LeadOrigin),
            Self::Spend => Kind::Money,
            Self::ConsentAt | Self::CallMeAt | Self::CapturedAt => Kind::Instant,
            Self::RefusesPhone | Self::RefusesEmail | Self::RefusesMessenger | Self::HoneypotFilled => Kind::Bool,
            Self::ConsentSessionSecs
            | Self::TimeOnPageSecs
            | Self::TypedFields
            | Self::PastedFields
            | Self::Visits
            | Self::SiteSecs => Kind::Whole(0, i64::from(u32::MAX)),
            _ => Kind::Text,
        }
    }

    /// The field of a lead that a refused draft names by `path`, such as `contact.phones.0`.
    #[must_use]
    pub fn at_path(path: &[String]) -> Option<Self> {
        let path: Vec<String> = path.iter().map(|segment| snake(segment)).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let by_name = |name: &str| name.parse().ok();
        match path.as_slice() {
            ["contact", "phones"] | ["contact", "phones", "0"] => Some(Self::Phone),
            ["contact", "phones", "1"] => Some(Self::Phone2),
            ["contact", "phones", ..] => Some(Self::Phone3),
            ["contact", "emails"] | ["contact", "emails", "0"] => Some(Self::Email),
            ["contact", "emails", "1"] => Some(Self::Email2),
            ["contact", "emails", ..] => Some(Self::Email3),
            ["contact", "messenger", "account"] => Some(Self::MessengerAccount),
            ["consent", "text"] => Some(Self::ConsentText),
            ["consent", "text_version"] => Some(Self::ConsentVersion),
            ["consent", "captured_at"] => Some(Self::ConsentAt),
            ["consent", "page_url"] => Some(Self::ConsentPage),
            ["consent", "ip"] => Some(Self::ConsentIp),
            ["consent", "user_agent"] => Some(Self::ConsentUserAgent),
            ["consent", "certificate_url"] => Some(Self::ConsentCertificate),
            ["consent", "session_secs"] => Some(Self::ConsentSessionSecs),
            ["consent", ..] => None,
            ["source", "kind"] => Some(Self::Source),
            ["source", "page_url"] => Some(Self::LandingPage),
            ["source", "utm", name] => format!("utm_{name}").parse().ok(),
            ["session", "page_url"] => Some(Self::FormPage),
            ["demographics", "interests", ..] => Some(Self::Interests),
            ["target_organization_id"] => Some(Self::TargetOrganization),
            [.., name] => by_name(name),
            [] => None,
        }
    }
}

/// `pageUrl` as `page_url`.
fn snake(segment: &str) -> String {
    let mut snake = String::with_capacity(segment.len());
    for c in segment.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_draft_lead_back_to_fields() {
        let at = |path: &str| Target::at_path(&path.split('.').map(ToOwned::to_owned).collect::<Vec<_>>());
        assert_eq!(at("contact.name"), Some(Target::Name));
        assert_eq!(at("contact.phones.0"), Some(Target::Phone));
        assert_eq!(at("contact.emails.1"), Some(Target::Email2));
        assert_eq!(at("demographics.age"), Some(Target::Age));
        assert_eq!(at("consent.capturedAt"), Some(Target::ConsentAt));
        assert_eq!(at("capturedAt"), Some(Target::CapturedAt));
        assert_eq!(at("source.utm.source"), Some(Target::UtmSource));
        assert_eq!(at("vertical"), None);
    }
}
