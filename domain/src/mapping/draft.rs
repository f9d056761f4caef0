//! Putting the values of a row together to a draft.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::convert::Value;
use super::synthetic::Person;
use super::target::Target;
use crate::id::OrganizationId;
use crate::lead::{
    Audience, Channel, ConsentEvidence, ContactDraft, ContactKind, Demographics, Firmographics, Geography, LeadDraft, LeadOrigin,
    Messenger, Offering, SessionSignals, Source,
};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::vertical::AttributeValue;

/// What a row says.
pub(super) struct Values {
    pub fields: BTreeMap<Target, Value>,
    pub attributes: BTreeMap<String, Value>,
}

impl Values {
    /// The draft. A made-up `person` fills what the row leaves open of the contact; the kind of contact follows from what
    /// is there when the row does not say it.
    pub(super) fn into_draft(mut self, vertical: &str, person: Option<Person>) -> Result<LeadDraft, Refusal> {
        let synthetic = person.is_some();
        let mut contact = self.contact();
        if let Some(person) = person {
            person.fill(&mut contact);
        }
        let comments = self.text(Target::Comments);
        let call_me_at = self.instant(Target::CallMeAt);
        let told_more = comments.is_some() || call_me_at.is_some();
        let implied = match (told_more, contact.phones.is_empty()) {
            (true, _) => ContactKind::Interested,
            (false, false) => ContactKind::Quick,
            (false, true) => ContactKind::Registration,
        };
        let interest = self.word(Target::Interest).ok_or_else(|| Refusal::required("interest"))?;
        let source = self.source()?;
        Ok(LeadDraft {
            vertical: vertical.to_owned(),
            audience: self.word(Target::Audience).unwrap_or(Audience::Consumer),
            contact_kind: self.word(Target::ContactKind).unwrap_or(implied),
            interest,
            offering: self.word(Target::Offering).unwrap_or(Offering::ConsumerDemographic),
            target_organization: self.organization(Target::TargetOrganization),
            contact,
            demographics: self.demographics(),
            firmographics: self.firmographics(),
            geography: Geography {
                country: self.text(Target::Country),
                region: self.text(Target::Region),
                city: self.text(Target::City),
                postal_code: self.text(Target::PostalCode),
            },
            source,
            consent: self.consent(),
            session: self.session(),
            comments,
            call_me_at,
            seller_reference: self.text(Target::SellerReference),
            captured_at: self.instant(Target::CapturedAt),
            synthetic,
            attributes: self.attributes.into_iter().filter_map(|(key, value)| Some((key, attribute(value)?))).collect(),
        })
    }

    fn contact(&mut self) -> ContactDraft {
        let account = self.text(Target::MessengerAccount);
        let kind = self.word(Target::MessengerKind);
        ContactDraft {
            name: self.text(Target::Name).unwrap_or_default(),
            phones: self.texts(&[Target::Phone, Target::Phone2, Target::Phone3]),
            emails: self.texts(&[Target::Email, Target::Email2, Target::Email3]),
            messenger: account.zip(kind).map(|(account, kind)| Messenger { kind, account }),
            company: self.text(Target::Company),
            position: self.text(Target::Position),
        }
    }

    fn demographics(&mut self) -> Demographics {
        Demographics {
            age: self.whole(Target::Age),
            gender: self.word(Target::Gender),
            marital_status: self.word(Target::MaritalStatus),
            occupation: self.word(Target::Occupation),
            income_band: self.word(Target::IncomeBand),
            credit_band: self.word(Target::CreditBand),
            education: self.word(Target::Education),
            interests: match self.fields.remove(&Target::Interests) {
                Some(Value::List(items)) => items,
                _ => Vec::new(),
            },
            language: self.text(Target::Language).map(|language| language.to_lowercase()),
        }
    }

    fn firmographics(&mut self) -> Firmographics {
        Firmographics {
            industry: self.word(Target::Industry),
            organization_type: self.word(Target::OrganizationType),
            headcount_band: self.word(Target::HeadcountBand),
            decision_role: self.word(Target::DecisionRole),
        }
    }

    fn source(&mut self) -> Result<Source, Refusal> {
        let kind = self.word(Target::Source).ok_or_else(|| Refusal::required("kind").at("source"))?;
        let utm = [
            ("source", Target::UtmSource),
            ("medium", Target::UtmMedium),
            ("campaign", Target::UtmCampaign),
            ("term", Target::UtmTerm),
            ("content", Target::UtmContent),
        ];
        Ok(Source {
            kind,
            origin: self.word(Target::Origin).unwrap_or(LeadOrigin::OwnAccord),
            campaign: self.text(Target::Campaign),
            utm: utm.into_iter().filter_map(|(name, target)| Some((name.to_owned(), self.text(target)?))).collect(),
            page_url: self.text(Target::LandingPage),
            spend: self.money(Target::Spend),
        })
    }

    /// Evidence exists when the row says anything of it; a channel refused on a row without other evidence counts as such.
    fn consent(&mut self) -> Option<ConsentEvidence> {
        let refused: BTreeSet<Channel> = [
            (Target::RefusesPhone, Channel::Phone),
            (Target::RefusesEmail, Channel::Email),
            (Target::RefusesMessenger, Channel::Messenger),
        ]
        .into_iter()
        .filter_map(|(target, channel)| self.bool(target).filter(|refuses| *refuses).map(|_| channel))
        .collect();
        let evidence = ConsentEvidence {
            captured_at: self.instant(Target::ConsentAt),
            text: self.text(Target::ConsentText).unwrap_or_default(),
            text_version: self.text(Target::ConsentVersion),
            page_url: self.text(Target::ConsentPage),
            ip: self.text(Target::ConsentIp),
            user_agent: self.text(Target::ConsentUserAgent),
            certificate_url: self.text(Target::ConsentCertificate),
            session_secs: self.whole(Target::ConsentSessionSecs),
            refused_channels: refused,
        };
        (evidence != ConsentEvidence::default()).then_some(evidence)
    }

    fn session(&mut self) -> SessionSignals {
        SessionSignals {
            time_on_page_secs: self.whole(Target::TimeOnPageSecs),
            typed_fields: self.whole(Target::TypedFields),
            pasted_fields: self.whole(Target::PastedFields),
            honeypot_filled: self.bool(Target::HoneypotFilled),
            device_id: self.text(Target::DeviceId),
            ip: self.text(Target::Ip),
            user_agent: self.text(Target::UserAgent),
            page_url: self.text(Target::FormPage),
            visits: self.whole(Target::Visits),
            site_secs: self.whole(Target::SiteSecs),
            filling: None,
        }
    }

    fn text(&mut self, target: Target) -> Option<String> {
        match self.fields.remove(&target) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn texts(&mut self, targets: &[Target]) -> Vec<String> {
        targets.iter().filter_map(|target| self.text(*target)).collect()
    }

    fn word<T: FromStr>(&mut self, target: Target) -> Option<T> {
        self.text(target)?.parse().ok()
    }

    fn whole<T: TryFrom<i64>>(&mut self, target: Target) -> Option<T> {
        match self.fields.remove(&target) {
            Some(Value::Whole(number)) => T::try_from(number).ok(),
            _ => None,
        }
    }

    fn bool(&mut self, target: Target) -> Option<bool> {
        match self.fields.remove(&target) {
            Some(Value::Bool(value)) => Some(value),
            _ => None,
        }
    }

    fn instant(&mut self, target: Target) -> Option<Timestamp> {
        match self.fields.remove(&target) {
            Some(Value::Instant(instant)) => Some(instant),
            _ => None,
        }
    }

    fn money(&mut self, target: Target) -> Option<Money> {
        match self.fields.remove(&target) {
            Some(Value::Money(money)) => Some(money),
            _ => None,
        }
    }

    fn organization(&mut self, target: Target) -> Option<OrganizationId> {
        match self.fields.remove(&target) {
            Some(Value::Organization(id)) => Some(id),
            _ => None,
        }
    }
}

fn attribute(value: Value) -> Option<AttributeValue> {
    match value {
        Value::Text(text) => Some(AttributeValue::Text(text)),
        Value::Whole(number) => Some(AttributeValue::Int(number)),
        Value::Bool(value) => Some(AttributeValue::Bool(value)),
        Value::Date(day) => Some(AttributeValue::Date(day)),
        Value::List(_) | Value::Instant(_) | Value::Money(_) | Value::Organization(_) => None,
    }
}
