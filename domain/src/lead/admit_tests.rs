use super::super::testing::{draft, tours};
use super::*;
use crate::contact::KeyKind;
use crate::lead::{LeadDraft, Messenger, MessengerKind};
use crate::verification::{CheckKind, CheckPolicy, Earlier, Facts, Level, Outcome, checks_at_intake, verdict};

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn admitted(change: impl FnOnce(&mut LeadDraft)) -> Result<Lead, Vec<Refusal>> {
    let mut draft = draft(now());
    change(&mut draft);
    admit(&draft, &"travel/tour".parse().unwrap(), &tours(), now())
}

fn refused(change: impl FnOnce(&mut LeadDraft)) -> Vec<(Code, String)> {
    let mut found: Vec<_> =
        admitted(change).unwrap_err().into_iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect();
    found.sort();
    found
}

fn outcomes(lead: &Lead, facts: &Facts) -> Vec<(CheckKind, Outcome)> {
    checks_at_intake(lead, &tours(), facts, &CheckPolicy::default(), now())
        .iter()
        .map(|check| (check.kind, check.outcome))
        .collect()
}

#[test]
fn what_tells_the_person_is_parted_from_what_is_shown() {
    let lead = admitted(|draft| {
        draft.demographics.age = Some(41);
        draft.demographics.interests = vec!["hiking".into(), " diving ".into()];
        draft.session.ip = Some("192.0.2.7".into());
        draft.session.page_url = Some("https://tours.example/form?mail=kari@fjell.no".into());
        draft.comments = Some("Call after six".into());
    })
    .unwrap();
    let shown: Vec<_> = lead.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(shown, ["age_band=FROM_35", "goal=SEA", "interests=diving; hiking"]);
    assert_eq!((lead.form.ip.as_deref(), lead.form.page_url.as_deref()), (None, Some("https://tours.example/form")));
    assert_eq!((lead.sealed.age, lead.sealed.trace.ip.as_deref()), (Some(41), Some("192.0.2.7")));
    assert_eq!(
        lead.keys().iter().map(|key| key.kind).collect::<Vec<_>>(),
        [KeyKind::Phone, KeyKind::Email, KeyKind::Ip, KeyKind::Page]
    );
    assert_eq!(format!("{lead:?}{:?}", lead.sealed), "Lead(..)Sealed(..)");
    let back: Sealed = serde_json::from_str(&serde_json::to_string(&lead.sealed).unwrap()).unwrap();
    assert!(back == lead.sealed);
}

#[test]
fn what_is_not_a_lead_is_refused_with_code_and_place() {
    let one = |code, path: &str| vec![(code, path.to_owned())];
    assert_eq!(refused(|draft| draft.contact.name = "anonymous".into()), one(Code::NotALead, "contact.name"));
    assert_eq!(refused(|draft| draft.contact.phones = vec!["hidden".into()]), one(Code::NotALead, "contact.phones.0"));
    assert_eq!(refused(|draft| draft.contact.phones = vec![]), one(Code::Required, "contact.phones"));
    assert_eq!(
        refused(|draft| {
            draft.source.origin = LeadOrigin::PurchasedDatabase;
            draft.consent = None;
        }),
        one(Code::NotALead, "source.origin")
    );
    assert_eq!(refused(|draft| draft.offering = Offering::Targeted), one(Code::Required, "targetOrganizationId"));
    assert_eq!(
        refused(|draft| draft.audience = Audience::Business),
        [(Code::Invalid, "audience".into()), (Code::Required, "contact.company".into())]
    );
    assert_eq!(
        refused(|draft| {
            draft.attributes.insert("stars".into(), AttributeValue::Int(5));
        }),
        one(Code::Invalid, "attributes.stars")
    );
    assert_eq!(refused(|draft| draft.attributes.clear()), one(Code::Required, "attributes.goal"));
    assert_eq!(
        refused(|draft| draft.geography.country = Some("no".into())),
        [(Code::Invalid, "contact.phones.0".into()), (Code::Invalid, "geography.country".into())]
    );
    assert_eq!(refused(|draft| draft.captured_at = "2026-06-01T12:05:01Z".parse().ok()), one(Code::Invalid, "capturedAt"));
    let city = |text: &str| refused(|draft| draft.geography.city = Some(text.to_owned()));
    assert_eq!(city("call 912 34 567"), one(Code::Invalid, "geography.city"));
    let interests = |draft: &mut LeadDraft| draft.demographics.interests = vec!["hiking".into(), "0712345678".into()];
    assert_eq!(refused(interests), one(Code::Invalid, "demographics.interests.1"));
    let campaign = |draft: &mut LeadDraft| draft.source.campaign = Some("kari@fjelltur.no".into());
    assert_eq!(refused(campaign), one(Code::Invalid, "source.campaign"));
    let reference = |draft: &mut LeadDraft| draft.seller_reference = Some("+47 912 34 567".into());
    assert_eq!(refused(reference), one(Code::Invalid, "sellerReference"));
    assert_eq!(refused(|draft| draft.demographics.age = Some(121)), one(Code::Invalid, "demographics.age"));
    assert_eq!(refused(|draft| draft.comments = Some("x".repeat(4_001))), one(Code::TooLarge, "comments"));
}

#[test]
fn a_phone_names_the_country_when_nothing_else_does() {
    let lead = admitted(|draft| {
        draft.geography.country = None;
        draft.contact.phones = vec!["+254 712 345 678".into()];
    });
    assert_eq!(lead.unwrap().country, "KE");
    let nowhere = |draft: &mut LeadDraft| {
        draft.geography.country = None;
        draft.contact.phones = vec![];
        draft.contact_kind = ContactKind::Registration;
    };
    assert_eq!(refused(nowhere), [(Code::Required, "geography.country".into())]);
}

#[test]
fn a_good_lead_passes_every_check_that_applies() {
    use CheckKind as K;
    let lead = admitted(|_| {}).unwrap();
    let passed = [
        K::Structure,
        K::Phone,
        K::EmailSyntax,
        K::DisposableDomain,
        K::Duplicate,
        K::Suppression,
        K::Consent,
        K::Name,
        K::Answers,
        K::Competitor,
    ];
    assert_eq!(outcomes(&lead, &Facts::default()), passed.map(|kind| (kind, Outcome::Pass)));
    let checks = checks_at_intake(&lead, &tours(), &Facts::default(), &CheckPolicy::default(), now());
    assert_eq!(verdict(&checks, Level::Format).level, Level::Format);
}

#[test]
fn consent_is_judged_by_its_evidence() {
    let judged = |change: fn(&mut ConsentEvidence)| {
        let lead = admitted(|draft| change(draft.consent.as_mut().unwrap())).unwrap();
        let finding = crate::verification::consent(&lead, &CheckPolicy::default(), now());
        (finding.outcome, finding.evidence.get("fault").cloned())
    };
    let fault = |outcome, text: &str| (outcome, Some(text.to_owned()));
    assert_eq!(judged(|_| {}), (Outcome::Pass, None));
    assert_eq!(judged(|consent| consent.text = "ok".into()), fault(Outcome::Fail, "NO_TEXT"));
    assert_eq!(
        judged(|consent| consent.refused_channels = [Channel::Phone, Channel::Email].into()),
        fault(Outcome::Fail, "EVERY_CHANNEL_REFUSED")
    );
    assert_eq!(judged(|consent| consent.refused_channels = [Channel::Email].into()), (Outcome::Pass, None));
    assert_eq!(judged(|consent| consent.captured_at = None), fault(Outcome::Inconclusive, "NO_TIME"));
    assert_eq!(judged(|consent| consent.captured_at = "2025-06-01T12:00:00Z".parse().ok()), fault(Outcome::Fail, "TOO_OLD"));
    assert_eq!(
        judged(|consent| consent.captured_at = "2026-06-01T13:00:01Z".parse().ok()),
        fault(Outcome::Inconclusive, "AFTER_THE_LEAD")
    );
    assert_eq!(judged(|consent| consent.page_url = None), fault(Outcome::Inconclusive, "NO_PAGE"));
    let none = admitted(|draft| draft.consent = None).unwrap();
    assert_eq!(crate::verification::consent(&none, &CheckPolicy::default(), now()).outcome, Outcome::Fail);
}

#[test]
fn what_the_exchange_knows_decides_too() {
    let lead = admitted(|draft| draft.demographics.age = Some(17)).unwrap();
    let facts = Facts {
        earlier: Some(Earlier {
            own: false,
            shared: [KeyKind::Phone].into(),
            brought_at: "2026-05-30T12:00:00Z".parse().unwrap(),
        }),
        suppressed: [Channel::Email].into(),
        domain_traders: 1,
        ..Facts::default()
    };
    let checks = checks_at_intake(&lead, &tours(), &facts, &CheckPolicy::default(), now());
    let failed: Vec<_> = checks.iter().filter(|check| check.outcome == Outcome::Fail).map(|check| check.kind).collect();
    assert_eq!(failed, [CheckKind::Structure, CheckKind::Duplicate, CheckKind::Suppression, CheckKind::Competitor]);
    let duplicate = checks.iter().find(|check| check.kind == CheckKind::Duplicate).unwrap();
    let evidence: Vec<_> = duplicate.evidence.iter().map(|(fact, value)| format!("{fact}={value}")).collect();
    assert_eq!(evidence, ["broughtBy=ANOTHER_SELLER", "daysAgo=2", "shared=PHONE"]);
}

#[test]
fn a_messenger_alone_reaches_a_person() {
    let lead = admitted(|draft| {
        draft.contact_kind = ContactKind::Registration;
        draft.contact.phones = vec![];
        draft.contact.emails = vec![];
        draft.contact.messenger = Some(Messenger { kind: MessengerKind::Telegram, account: "kari".into() });
    })
    .unwrap();
    let checks = checks_at_intake(&lead, &tours(), &Facts::default(), &CheckPolicy::default(), now());
    assert_eq!(verdict(&checks, Level::Format).level, Level::None);
}
