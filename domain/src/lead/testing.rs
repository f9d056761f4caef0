//! A lead and a vertical for tests.

use std::collections::BTreeMap;

use super::{
    Audience, ConsentEvidence, ContactDraft, ContactKind, Demographics, Firmographics, Geography, Interest, LeadDraft, Offering,
    SessionSignals, Source, SourceKind,
};
use crate::time::Timestamp;
use crate::vertical::{AttributeValue, Definition};

pub(crate) fn tours() -> Definition {
    toml::from_str(
        r#"
        required_level = "FORMAT"
        minimum_age = 18
        audiences = ["CONSUMER"]
        labels = { en = "Tours" }
        [weights]
        rules = [{ key = "goal", any_of = ["SEA"], points = 7 }]
        [[attributes]]
        key = "goal"
        kind = "ENUM"
        required = true
        filterable = true
        labels = { en = "Goal" }
        values = [{ value = "SEA" }, { value = "CITY" }]
        "#,
    )
    .unwrap()
}

pub(crate) fn draft(now: Timestamp) -> LeadDraft {
    LeadDraft {
        vertical: "travel/tour".into(),
        audience: Audience::Consumer,
        contact_kind: ContactKind::Quick,
        interest: Interest::Callback,
        offering: Offering::ConsumerDemographic,
        target_organization: None,
        contact: ContactDraft {
            name: "Kari Nordmann".into(),
            phones: vec!["912 34 567".into()],
            emails: vec!["kari@fjell.no".into()],
            ..ContactDraft::default()
        },
        demographics: Demographics::default(),
        firmographics: Firmographics::default(),
        attributes: BTreeMap::from([("goal".into(), AttributeValue::text("SEA"))]),
        geography: Geography { country: Some("NO".into()), ..Geography::default() },
        source: Source::of(SourceKind::SearchAd),
        consent: Some(ConsentEvidence {
            text: "Yes, call me about tours that fit my answers.".into(),
            captured_at: Some(now),
            page_url: Some("https://tours.example/form".into()),
            ..ConsentEvidence::default()
        }),
        session: SessionSignals::default(),
        comments: None,
        call_me_at: None,
        seller_reference: None,
        captured_at: Some(now),
        synthetic: false,
    }
}
