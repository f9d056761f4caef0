use super::*;
use crate::crm::{Destination, Secrets};
use proptest::prelude::*;

fn url(text: &str, hosts: &[&str], policy: Policy) -> Vec<String> {
    let mut checker = Checker::new(&policy, false);
    checker.url("url", text, hosts);
    checker.into_problems().into_iter().map(|p| p.message).collect()
}

#[test]
fn addresses_are_https_on_the_vendors_hosts() {
    let strict = Policy::default();
    let hosts = &["*.kommo.com", "api.hubapi.com"];
    for good in ["https://acme.kommo.com", "https://api.hubapi.com/x", "https://ACME.kommo.com/"] {
        assert_eq!(url(good, hosts, strict), Vec::<String>::new(), "{good}");
    }
    let bad = [
        "https://kommo.com",
        "https://a.b.kommo.com",
        "https://evilkommo.com",
        "https://acme.kommo.com.evil.example",
        "https://10.0.0.1/",
        "https://acme.kommo.com:8443/",
        "https://acme.kommo.com@evil.example/",
        "https://[::1]/",
    ];
    for bad in bad {
        assert!(!url(bad, hosts, strict).is_empty(), "{bad}");
    }
    assert_eq!(url("http://any.example", &[], strict), ["an https address is needed"]);
    assert!(url("http://any.example", &[], Policy { allow_http: true, ..strict }).is_empty());
    assert_eq!(url("ftp://any.example", &[], Policy { allow_http: true, ..strict }), ["an absolute address is needed"]);
    assert_eq!(url("https://u:p@any.example/#x", &[], strict).len(), 2);
    assert_eq!(url(&format!("https://any.example/{}", "x".repeat(2_000)), &[], strict).len(), 1);
}

#[test]
fn mail_addresses_and_headers_cannot_break_out() {
    assert!(is_address("a.b+c@example.com"));
    for bad in
        ["", "a", "a@", "@b.c", "a@b", "a@b.c\r\nBcc: x@y.z", "a@b.c,d@e.f", "a b@c.d", "<a@b.c>", "a@b@c.d", "a@.c", "a@b.c."]
    {
        assert!(!is_address(bad), "{bad}");
    }
    assert!(
        is_header_name("x-api-key")
            && !is_header_name("x key")
            && !is_header_name("")
            && !is_header_name("a:b")
            && !is_header_name("a\r\nb")
    );
    assert!(is_header_value("a b é") && !is_header_value("a\r\nb") && !is_header_value("a\0"));
}

#[test]
fn settings_are_checked_with_their_places() {
    let settings = r#"{
        "kind": "bitrix24", "portal_url": "https://bitrix24.evil.example", "user_id": 0, "base_url": "http://10.0.0.1",
        "mapping": [
            {"field": "TITLE", "source": {"from": "core", "name": "title"}},
            {"field": "TITLE", "source": {"from": "constant", "value": ""}},
            {"field": "no way", "source": {"from": "attribute", "key": " "}},
            {"field": "COMMENTS", "source": {"from": "template", "template": "{{ nobody }}"}},
            {"field": "UF_CRM_1", "source": {"from": "secret", "name": "webhook_code"}}
        ]
    }"#;
    let destination: Destination = serde_json::from_str(settings).unwrap();
    let paths = |policy| destination.check(&policy).into_iter().map(|p| p.path).collect::<Vec<_>>();
    let mapping =
        ["mapping.1.field", "mapping.1.source", "mapping.2.source", "mapping.3.source", "mapping.4.source", "mapping.2.field"];
    assert_eq!(paths(Policy::default()), [["base_url", "base_url", "user_id"].as_slice(), &mapping].concat());
    assert_eq!(paths(Policy { allow_http: true, allow_base_url: true }), [["user_id"].as_slice(), &mapping].concat());
}

#[test]
fn required_fields_and_secrets_are_named() {
    let destination: Destination =
        serde_json::from_str(r#"{"kind":"salesforce_rest","instance_url":"https://acme.my.salesforce.com","mapping":[]}"#)
            .unwrap();
    let messages: Vec<_> = destination.check(&Policy::default()).into_iter().map(|p| p.message).collect();
    assert_eq!(messages, ["the field `LastName` is required", "the field `Company` is required"]);
    let missing = destination.check_secrets(&Secrets::new().with("access_token", ""), &Policy::default());
    assert_eq!(missing, [Problem::new("secrets.access_token", "this secret is missing")]);
    assert!(destination.check_secrets(&Secrets::new().with("access_token", "x"), &Policy::default()).is_empty());
}

proptest! {
    #[test]
    fn any_text_is_no_panic(text in any::<String>()) {
        let _ = (url(&text, &["*.kommo.com"], Policy::default()), is_address(&text), is_header_name(&text), is_id(&text, 10));
    }
}
