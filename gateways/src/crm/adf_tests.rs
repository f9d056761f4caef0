use super::*;
use crate::crm::testing::{SENDER, answer, header, is_broken, lead, outcome, render, request};
use crate::crm::{Destination, Kind, Lead, Outcome, Policy, Secrets};
use proptest::prelude::*;

fn kind(transport: Transport) -> Kind {
    Kind::Adf(Adf { transport, vendor: "Autohaus & Söhne".into() })
}

fn posted() -> Kind {
    kind(Transport::Http { url: "https://dealer.example/adf/?k=1".into() })
}

fn xml(lead: &Lead) -> Result<String, RenderError> {
    match render(&posted().into(), &Secrets::new(), lead, &Stage::First)? {
        Step::Http(request) => Ok(String::from_utf8(request.body.bytes).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// The text of the first element at a path of names, each with an optional attribute as `name@attribute=value`.
fn at(document: &roxmltree::Document<'_>, path: &str) -> Option<String> {
    let mut node = document.root();
    for step in path.split('/') {
        let (name, attribute) = step.split_once('@').map_or((step, None), |(name, rest)| (name, rest.split_once('=')));
        let fits = |n: &roxmltree::Node<'_, '_>| n.has_tag_name(name) && attribute.is_none_or(|(k, v)| n.attribute(k) == Some(v));
        node = node.children().find(fits)?;
    }
    Some(node.text().unwrap_or_default().to_owned())
}

#[test]
fn the_document_is_valid_and_complete() {
    let text = xml(&lead()).unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?adf version=\"1.0\"?>\n<adf>"));
    let document = roxmltree::Document::parse(&text).unwrap();
    let expected = [
        ("adf/prospect@status=new/id@source=Clearlead", "dlv-1"),
        ("adf/prospect/requestdate", "2027-01-15T08:00:00Z"),
        ("adf/prospect/vehicle@status=used/year", "2021"),
        ("adf/prospect/vehicle@interest=buy/make", "Volkswagen"),
        ("adf/prospect/vehicle/model", "Golf"),
        ("adf/prospect/customer/contact/name@part=first", "Erika"),
        ("adf/prospect/customer/contact/name@part=last", "Mustermann"),
        ("adf/prospect/customer/contact/email", "erika@example.com"),
        ("adf/prospect/customer/contact/phone@type=voice", "+12025550143"),
        ("adf/prospect/customer/contact/address/city", "Berlin"),
        ("adf/prospect/customer/contact/address/regioncode", "Berlin"),
        ("adf/prospect/customer/contact/address/postalcode", "10115"),
        ("adf/prospect/customer/contact/address/country", "DE"),
        ("adf/prospect/customer/comments", "Year: 2021\nMake: Volkswagen\nModel: Golf"),
        ("adf/prospect/vendor/contact/name@part=full", "Autohaus & Söhne"),
        ("adf/prospect/provider/name@part=full", SENDER),
    ];
    for (path, value) in expected {
        assert_eq!(at(&document, path).as_deref(), Some(value), "{path}");
    }
}

#[test]
fn it_is_posted_or_mailed_as_plain_text() {
    let made = request(posted(), &Secrets::new(), &Stage::First);
    assert_eq!(
        (made.url.expose().as_str(), header(&made, "content-type").unwrap().as_str()),
        ("https://dealer.example/adf/?k=1", TYPE)
    );
    let mailed = kind(Transport::Email { to: vec!["leads@dealer.example".into()] });
    let Step::Email(message) = render(&mailed.clone().into(), &Secrets::new(), &lead(), &Stage::First).unwrap() else {
        unreachable!()
    };
    assert_eq!(
        (message.subject.as_str(), message.html, message.content_type.as_str()),
        ("Clearlead: auto/used", None, "text/plain")
    );
    assert_eq!(message.text, xml(&lead()).unwrap());
    assert_eq!((Destination::from(posted()).confirms(), Destination::from(mailed).confirms()), (true, false));
}

#[test]
fn leads_without_names_or_contacts() {
    let nameless = Lead { first_name: None, last_name: None, test: true, ..lead() };
    let text = xml(&nameless).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(at(&document, "adf/prospect/customer/contact/name@part=full").as_deref(), Some("+12025550143"));
    assert!(at(&document, "adf/prospect/customer/comments").unwrap().starts_with("[TEST]\n"));
    let unreachable = Lead { phones: vec![], emails: vec![], ..lead() };
    assert_eq!(xml(&unreachable).unwrap_err(), RenderError::MissingField { field: "customer.phone".into() });
}

#[test]
fn words_are_those_of_the_format() {
    let with = |value: &str| {
        let mapping =
            Mapping::of(&[("customer.phone", Core::Phone)]).and("vehicle.interest", Source::Constant { value: value.into() });
        let destination = Destination { mapping: Some(mapping), ..posted().into() };
        render(&destination, &Secrets::new(), &lead(), &Stage::First).map(|step| step.shown().body)
    };
    assert!(with("Lease").unwrap().contains("interest=\"lease\""));
    assert_eq!(
        with("\" evil=\"").unwrap_err(),
        RenderError::BadValue { field: "vehicle.interest".into(), expected: "one of the words of the format" }
    );
}

#[test]
fn answers() {
    let by_http = |status| outcome(&posted(), status, "");
    assert_eq!((by_http(200), by_http(500)), (Outcome::Accepted { external_id: None }, Outcome::Retry { after: None }));
    assert!(is_broken(&by_http(403), "403"));
    let mailed = Destination::from(kind(Transport::Email { to: vec!["leads@dealer.example".into()] }));
    assert_eq!(mailed.classify(&answer(451, "later")), Outcome::Retry { after: None });
}

#[test]
fn settings_are_checked() {
    let bad = Adf { transport: Transport::Email { to: vec!["x".into()] }, vendor: String::new() };
    let mapping = Some(Mapping::of(&[("vehicle.colour", Core::City)]));
    let paths: Vec<_> =
        Destination { mapping, ..Kind::Adf(bad).into() }.check(&Policy::default()).into_iter().map(|p| p.path).collect();
    assert_eq!(paths, ["vendor", "transport.to.0", "mapping.0.field"]);
}

proptest! {
    #[test]
    fn the_document_gives_back_what_went_in(name in any::<String>(), value in any::<String>(), sender in "\\PC{1,20}") {
        let attribute = crate::crm::Attribute { key: "make".into(), label: "Make".into(), value: value.clone() };
        let lead = Lead { first_name: Some(name.clone()), attributes: vec![attribute], ..lead() };
        let text = xml(&lead).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let carried = |text: &str| text.chars().filter(|c| !c.is_ascii_control() || "\t\n\r".contains(*c)).filter(|c| !"\u{FFFE}\u{FFFF}".contains(*c)).collect::<String>();
        let first = at(&document, "adf/prospect/customer/contact/name@part=first");
        prop_assert_eq!(first, (!name.trim().is_empty()).then(|| carried(&name)));
        prop_assert_eq!(at(&document, "adf/prospect/vehicle/make"), (!value.trim().is_empty()).then(|| carried(&value)));
        let attribute = format!("<a b=\"{}\"/>", xml_escape(&sender));
        prop_assert!(roxmltree::Document::parse(&attribute).is_ok());
    }
}
