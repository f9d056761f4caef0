use super::*;
use crate::crm::testing::{KEY, SENDER};
use crate::crm::{Attribute, Outcome};
use proptest::prelude::*;

/// One destination of each kind.
fn all() -> Vec<Destination> {
    let settings = [
        r#"{"kind":"hubspot_form","portal_id":"1","form_guid":"a"}"#,
        r#"{"kind":"hubspot_contact","update_existing":true}"#,
        r#"{"kind":"salesforce_web","organization_id":"00D1"}"#,
        r#"{"kind":"salesforce_rest","instance_url":"https://a.my.salesforce.com"}"#,
        r#"{"kind":"pipedrive","domain":"a"}"#,
        r#"{"kind":"bitrix24","portal_url":"https://a.bitrix24.com","user_id":1}"#,
        r#"{"kind":"kommo","account_url":"https://a.amocrm.ru"}"#,
        r#"{"kind":"hook","platform":"zapier","header":"x-key"}"#,
        r#"{"kind":"http","url":"https://a.example/"}"#,
        r#"{"kind":"adf","transport":{"by":"http","url":"https://a.example/"},"vendor":"V"}"#,
        r#"{"kind":"adf","transport":{"by":"email","to":["a@b.example"]},"vendor":"V"}"#,
        r#"{"kind":"email","to":["a@b.example"],"personal_data":true}"#,
        r#"{"kind":"csv"}"#,
    ];
    settings.into_iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn secrets(destination: &Destination) -> Secrets {
    destination.required_secrets().into_iter().fold(Secrets::new(), |all, name| {
        let value = if name == "url" { "https://hooks.zapier.com/hooks/s3cr3tvalue" } else { "s3cr3tvalue" };
        all.with(name, value)
    })
}

#[test]
fn the_defaults_of_every_kind_pass_their_own_checks() {
    for destination in all() {
        assert_eq!(destination.check(&Policy::default()), [], "{destination:?}");
        let explicit = Destination { mapping: Some(destination.mapping()), ..destination.clone() };
        assert_eq!(explicit.check(&Policy::default()), [], "{destination:?}");
        assert_eq!(destination.check_secrets(&secrets(&destination), &Policy::default()), [], "{destination:?}");
        assert_eq!(serde_json::from_value::<Destination>(serde_json::to_value(&explicit).unwrap()).unwrap(), explicit);
    }
}

#[test]
fn every_kind_shows_a_preview_without_secrets() {
    for destination in all() {
        let shown = destination.preview(&Lead::sample(), SENDER).unwrap();
        assert!(!shown.is_empty(), "{destination:?}");
        let lead = Lead::sample();
        let secrets = secrets(&destination);
        let delivery =
            Delivery { destination: &destination, secrets: &secrets, lead: &lead, idempotency_key: KEY, sender: SENDER };
        let step = delivery.render(&Stage::First).unwrap();
        assert!(!format!("{:?}", step.shown()).contains("s3cr3tvalue"), "{destination:?}");
        let debug = format!("{step:?}{delivery:?}");
        for hidden in ["s3cr3tvalue", "Mustermann", "2025550143", "erika@"] {
            assert!(!debug.contains(hidden), "{hidden} in {debug}");
        }
        if let Step::Http(request) = step {
            assert!(request.headers.iter().any(|(name, value)| name == "idempotency-key" && value.expose() == KEY));
        }
    }
}

#[test]
fn every_kind_refuses_a_foreign_stage_and_bad_keys() {
    let lead = Lead::sample();
    for destination in all() {
        let secrets = secrets(&destination);
        let delivery =
            Delivery { destination: &destination, secrets: &secrets, lead: &lead, idempotency_key: KEY, sender: SENDER };
        let foreign = match destination.kind {
            Kind::HubspotContact(_) => Stage::PipedriveLead { person_id: 1 },
            _ => Stage::HubspotUpdate { contact_id: "1".into() },
        };
        assert_eq!(delivery.render(&foreign).unwrap_err(), RenderError::WrongStage, "{destination:?}");
        let split = Delivery { idempotency_key: "a\r\nb: c", ..delivery };
        match split.render(&Stage::First) {
            Ok(Step::Http(request)) => panic!("{request:?}"),
            Ok(Step::Email(message)) => assert_eq!(message.message_id, "lead.a--b--c"),
            Ok(Step::Row(_)) => {}
            Err(error) => assert_eq!(error, RenderError::BadHeader { path: "headers.idempotency-key".into() }),
        }
    }
}

#[test]
fn every_kind_retries_when_the_other_side_is_down() {
    for destination in all() {
        let mailed = match &destination.kind {
            Kind::Email(_) => true,
            Kind::Adf(adf) => matches!(adf.transport, adf::Transport::Email { .. }),
            _ => false,
        };
        let status = if mailed { 451 } else { 503 };
        let outcome = destination.classify(&Answer { status, headers: Vec::new(), body: b"<html>".to_vec() });
        assert!(matches!(outcome, Outcome::Retry { .. }), "{destination:?} {outcome:?}");
    }
}

#[test]
fn a_base_url_takes_every_vendors_place() {
    let lead = Lead::sample();
    for destination in all() {
        let destination = Destination { base_url: Some("http://127.0.0.1:8080/x".into()), ..destination };
        let vendor = !matches!(destination.kind, Kind::Hook(_) | Kind::Http(_) | Kind::Adf(_));
        let secrets = secrets(&destination);
        let delivery =
            Delivery { destination: &destination, secrets: &secrets, lead: &lead, idempotency_key: KEY, sender: SENDER };
        if let (true, Step::Http(request)) = (vendor, delivery.render(&Stage::First).unwrap()) {
            assert!(request.url.expose().starts_with("http://127.0.0.1:8080/x/"), "{request:?}");
        }
    }
}

fn any_lead() -> impl Strategy<Value = Lead> {
    let text = any::<String>;
    let maybe = || prop::option::of(text());
    let list = || prop::collection::vec(text(), 0..3);
    let attributes = prop::collection::vec((text(), text(), text()), 0..4);
    (
        (maybe(), maybe(), list(), list()),
        (maybe(), maybe(), maybe(), maybe()),
        (text(), attributes, text(), maybe(), any::<bool>()),
    )
        .prop_map(
            |(
                (first_name, last_name, phones, emails),
                (country, region, city, postal_code),
                (vertical, attributes, language, link, test),
            )| Lead {
                first_name,
                last_name,
                phones,
                emails,
                country,
                region,
                city,
                postal_code,
                vertical,
                attributes: attributes.into_iter().map(|(key, label, value)| Attribute { key, label, value }).collect(),
                language,
                link,
                test,
                ..Lead::sample()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_lead_renders_or_is_refused_for_every_kind(lead in any_lead()) {
        for destination in all() {
            let secrets = secrets(&destination);
            let delivery = Delivery { destination: &destination, secrets: &secrets, lead: &lead, idempotency_key: KEY, sender: SENDER };
            for stage in destination.kind.adapter().stages() {
                match delivery.render(&stage) {
                    Ok(Step::Http(request)) if request.headers.iter().any(|(_, v)| v.expose() == "application/json") => {
                        prop_assert!(serde_json::from_slice::<serde_json::Value>(&request.body.bytes).is_ok());
                    }
                    Ok(_) | Err(RenderError::MissingField { .. }) => {}
                    Err(error) => prop_assert!(false, "{:?}: {}", destination, error),
                }
            }
        }
    }

    #[test]
    fn any_answer_is_read_for_every_kind(status in any::<u16>(), body in any::<Vec<u8>>(), header in any::<String>()) {
        for destination in all() {
            for stage in destination.kind.adapter().stages() {
                let _ = destination.next(&stage, &Answer { status, headers: vec![("retry-after".into(), header.clone())], body: body.clone() });
            }
        }
    }
}
