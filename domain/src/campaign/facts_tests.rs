use super::*;
use crate::lead::ConsentEvidence;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn attributes() -> BTreeMap<String, AttributeValue> {
    let value = |key: &str, value: AttributeValue| (key.to_owned(), value);
    BTreeMap::from([
        value("gender", AttributeValue::text("FEMALE")),
        value("interests", AttributeValue::text("Road  Bikes; sailing;")),
        value("amount", AttributeValue::Int(1_500)),
        value("owns_home", AttributeValue::Bool(true)),
        value("moves_on", AttributeValue::Date(at("1970-01-11T00:00:00Z").date_naive())),
    ])
}

fn traits(attributes: &BTreeMap<String, AttributeValue>) -> Traits<'_> {
    Traits {
        audience: Audience::Consumer,
        contact_kind: ContactKind::Quick,
        interest: Interest::Callback,
        source: SourceKind::Direct,
        consent: ConsentKind::Text,
        country: "NO",
        region: Some("  Vestland "),
        city: Some("BERGEN"),
        postal_code: Some("50-15"),
        attributes,
        temperature: Some(Temperature::Hot),
        score: Some(77),
        level: Some(Level::None),
        seller: OrganizationId(uuid::Uuid::from_u128(5)),
        seller_bad_bp: 500,
        captured_at: Some(at("2026-11-26T11:58:00Z")),
    }
}

#[test]
fn every_field_of_a_lead_is_a_fact() {
    let attributes = attributes();
    let facts = Facts::of(&traits(&attributes), at("2026-11-26T12:00:00Z"));
    let text = |text: &str| vec![Scalar::Text(text.to_owned())];
    let number = |number: i64| vec![Scalar::Number(number)];
    let attribute = |key: &str| Field::Attribute(key.to_owned());
    let expected = [
        (Field::Audience, text("CONSUMER")),
        (Field::ContactKind, text("QUICK")),
        (Field::Interest, text("CALLBACK")),
        (Field::Source, text("DIRECT")),
        (Field::Consent, text("TEXT")),
        (Field::Country, text("NO")),
        (Field::Region, text("vestland")),
        (Field::City, text("bergen")),
        (Field::PostalCode, text("5015")),
        (Field::Temperature, text("HOT")),
        (Field::Score, number(77)),
        (Field::Level, number(0)),
        (Field::Seller, text("org_00000000000000000000000005")),
        (Field::SellerBadTrades, number(500)),
        (Field::AgeSecs, number(120)),
        (Field::LocalMinute, number(3 * 1_440 + 13 * 60)),
        (attribute("amount"), number(1_500)),
        (attribute("gender"), text("female")),
        (attribute("interests"), vec![Scalar::Text("road bikes".into()), Scalar::Text("sailing".into())]),
        (attribute("moves_on"), number(10)),
        (attribute("owns_home"), number(1)),
    ];
    let found: Vec<_> = facts.iter().map(|(field, fact)| (field.clone(), fact.values().to_vec())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_known_of_a_lead_is_no_fact() {
    let none = BTreeMap::from([("interests".to_owned(), AttributeValue::text(" ; "))]);
    let ping = Traits {
        country: "US",
        region: None,
        city: None,
        postal_code: None,
        temperature: None,
        score: None,
        level: None,
        captured_at: None,
        ..traits(&none)
    };
    let facts = Facts::of(&ping, at("2026-11-26T12:00:00Z"));
    for field in [
        Field::Region,
        Field::City,
        Field::PostalCode,
        Field::Temperature,
        Field::Score,
        Field::Level,
        Field::AgeSecs,
        Field::LocalMinute,
        Field::Attribute(INTERESTS.into()),
    ] {
        assert_eq!(facts.get(&field), None, "{field:?}");
    }
}

#[test]
fn a_text_that_reads_as_a_day_is_compared_as_one() {
    // A value kept as JSON comes back as a day, whatever its schema says.
    let kept: AttributeValue = serde_json::from_str("\"2026-05-31\"").unwrap();
    assert_eq!(scalar(&kept), scalar(&AttributeValue::text(" 2026-05-31")));
    assert_eq!(scalar(&AttributeValue::text("May 31")), Scalar::Text("may 31".into()));
}

#[test]
fn a_certificate_is_more_than_words() {
    let consent = |text: &str, certificate: Option<&str>| ConsentEvidence {
        text: text.into(),
        certificate_url: certificate.map(str::to_owned),
        ..ConsentEvidence::default()
    };
    assert_eq!(ConsentKind::of(None), ConsentKind::None);
    assert_eq!(ConsentKind::of(Some(&consent("  ", None))), ConsentKind::None);
    assert_eq!(ConsentKind::of(Some(&consent("Yes", None))), ConsentKind::Text);
    assert_eq!(ConsentKind::of(Some(&consent("", Some("https://cert.example")))), ConsentKind::Certificate);
}
