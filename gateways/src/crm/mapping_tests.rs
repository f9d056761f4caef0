use super::*;
use crate::crm::testing::{KEY, SENDER, lead};
use crate::crm::{Destination, Kind, Secrets};

fn filled(mapping: Mapping, lead: &Lead) -> Vec<(String, Vec<String>)> {
    let destination = Destination { mapping: Some(mapping), ..Kind::Csv(Default::default()).into() };
    let secrets = Secrets::new().with("key", "s3cret");
    let delivery = Delivery { destination: &destination, secrets: &secrets, lead, idempotency_key: KEY, sender: SENDER };
    delivery.fields().unwrap().into_iter().map(|f| (f.field, f.values)).collect()
}

#[test]
fn every_source_fills_its_field_and_empty_ones_are_left_out() {
    let mapping = Mapping::of(&[("name", Core::FullName), ("phones", Core::Phones), ("region", Core::Region)])
        .and("make", Source::Attribute { key: "make".into() })
        .and("none", Source::Attribute { key: "none".into() })
        .and("from", Source::Constant { value: "exchange".into() })
        .and("car", Source::Template { template: "{{ attributes.make }} {{ attributes.model }}".into() })
        .and("blank", Source::Template { template: "{{ attributes.none }} ".into() })
        .and("key", Source::Secret { name: "key".into() });
    let lead = Lead { phones: vec!["+4930901820".into(), "+4930901821".into()], region: None, ..lead() };
    let expected = [
        ("name", vec!["Erika Mustermann"]),
        ("phones", vec!["+4930901820", "+4930901821"]),
        ("make", vec!["Volkswagen"]),
        ("from", vec!["exchange"]),
        ("car", vec!["Volkswagen Golf"]),
        ("key", vec!["s3cret"]),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(f, v)| (f.to_owned(), v.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>())).collect();
    assert_eq!(filled(mapping, &lead), expected);
}

#[test]
fn a_lead_always_has_a_name_to_show() {
    let name = |lead: Lead| lead.display_name();
    let nobody = Lead { first_name: Some(" ".into()), last_name: None, ..lead() };
    assert_eq!(name(lead()), "Erika Mustermann");
    assert_eq!(name(nobody.clone()), "+12025550143");
    assert_eq!(name(Lead { phones: vec![], ..nobody.clone() }), "erika@example.com");
    assert_eq!(name(Lead { phones: vec![], emails: vec![], ..nobody }), "lead_sample");
    assert_eq!(Lead::sample().title(), "[TEST] auto/used: Erika Mustermann");
}

#[test]
fn a_mapping_is_stored_as_json_and_refuses_what_it_does_not_know() {
    let json = r#"[{"field":"a","source":{"from":"core","name":"postal_code"}},{"field":"b","source":{"from":"attribute","key":"make"}}]"#;
    let mapping: Mapping = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&mapping).unwrap(), json);
    for bad in [
        r#"[{"field":"a","source":{"from":"core","name":"age"}}]"#,
        r#"[{"field":"a","source":{"from":"core","name":"city","x":1}}]"#,
    ] {
        assert!(serde_json::from_str::<Mapping>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_mapping_has_limits() {
    let of =
        |n: usize| Mapping((0..n).map(|i| Field { field: format!("f{i}"), source: Source::Core { name: Core::City } }).collect());
    assert!(of(MAX_FIELDS).check(false).is_empty());
    assert_eq!(of(MAX_FIELDS + 1).check(false), [Problem::new("mapping", "more than 100 fields")]);
    let long = Mapping::of(&[("ok", Core::City)]).and(&"x".repeat(201), Source::Constant { value: "y".repeat(2_001) });
    assert_eq!(long.check(false).into_iter().map(|p| p.path).collect::<Vec<_>>(), ["mapping.1.field", "mapping.1.source"]);
    let secret = Mapping::default().and("a", Source::Secret { name: "key".into() });
    assert!(secret.check(true).is_empty());
    assert_eq!(secret.check(false), [Problem::new("mapping.0.source", "this destination has no place for the secret `key`")]);
}
