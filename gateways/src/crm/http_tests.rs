use super::*;
use crate::crm::testing::{accepted, answer, header, is_broken, is_rejected, json, lead, render, request};
use crate::crm::{Destination, Kind, Policy, Source};
use proptest::prelude::*;

fn http() -> Http {
    Http {
        method: Method::Post,
        url: Some("https://crm.acme.example/leads".into()),
        auth: Auth::None,
        headers: Vec::new(),
        body: Content::JsonFields,
        success: Success::default(),
        duplicate: None,
        external_id: None,
        reject_reason: None,
    }
}

fn to(http: Http) -> Destination {
    Kind::Http(Box::new(http)).into()
}

fn secrets() -> Secrets {
    Secrets::new().with("key", "s3cr&t").with("token", "t0ken").with("password", "p:w")
}

fn text(request: &Request) -> String {
    String::from_utf8(request.body.bytes.clone()).unwrap()
}

#[test]
fn fields_go_as_json_form_or_query() {
    let mapping = Mapping::of(&[("n", Core::FullName), ("p", Core::Phone)]).and("k", Source::Secret { name: "key".into() });
    let with = |http| Destination { mapping: Some(mapping.clone()), ..to(http) };
    let made = request(with(http()), &secrets(), &Stage::First);
    assert_eq!(text(&made), r#"{"k":"s3cr&t","n":"Erika Mustermann","p":"+12025550143"}"#);
    assert_eq!(made.shown().body, r#"{"k":"***","n":"Erika Mustermann","p":"+12025550143"}"#);
    let made = request(with(Http { body: Content::FormFields, ..http() }), &secrets(), &Stage::First);
    assert_eq!(text(&made), "n=Erika+Mustermann&p=%2B12025550143&k=s3cr%26t");
    assert_eq!(made.shown().body, "n=Erika+Mustermann&p=%2B12025550143&k=***");
    let made = request(with(Http { method: Method::Get, ..http() }), &secrets(), &Stage::First);
    assert_eq!(made.url.expose(), "https://crm.acme.example/leads?n=Erika+Mustermann&p=%2B12025550143&k=s3cr%26t");
    assert_eq!((made.url.shown().as_str(), made.body.bytes.len()), ("***", 0));
    let plain =
        Destination { mapping: Some(Mapping::of(&[("n", Core::FullName)])), ..to(Http { method: Method::Get, ..http() }) };
    let made = request(plain, &secrets(), &Stage::First);
    assert_eq!(made.url.shown(), "https://crm.acme.example/leads?n=Erika+Mustermann");
    assert!(!format!("{made:?}").contains("Erika"));
}

#[test]
fn templates_make_json_form_and_xml() {
    let json_body =
        Content::Json { template: r#"{"name": {{ full_name }}, "car": {{ attributes.make }}, "key": {{ secrets.key }}}"#.into() };
    let made = request(to(Http { body: json_body, ..http() }), &secrets(), &Stage::First);
    assert_eq!(text(&made), r#"{"name": "Erika Mustermann", "car": "Volkswagen", "key": "s3cr&t"}"#.replace('&', &ampersand()));
    assert_eq!(json(&made)["key"], "s3cr&t");
    assert_eq!(made.shown().body, r#"{"name": "Erika Mustermann", "car": "Volkswagen", "key": "***"}"#);
    let form = Content::Form { template: "name={{ full_name }}&key={{ secrets.key }}".into() };
    let made = request(to(Http { body: form, ..http() }), &secrets(), &Stage::First);
    assert_eq!(text(&made), "name=Erika+Mustermann&key=s3cr%26t");
    assert_eq!(header(&made, "content-type").unwrap(), "application/x-www-form-urlencoded");
    let xml = Content::Xml { template: "<lead><key>{{ secrets.key }}</key></lead>".into() };
    let made = request(to(Http { body: xml, ..http() }), &secrets(), &Stage::First);
    assert_eq!(text(&made), "<lead><key>s3cr&amp;t</key></lead>");
    assert_eq!(
        (header(&made, "content-type").unwrap(), made.shown().body),
        ("application/xml".into(), "<lead><key>***</key></lead>".into())
    );
}

/// How the template engine writes an ampersand inside JSON, which is either itself or an escape.
fn ampersand() -> String {
    template::render(
        "x",
        "{{ first_name }}",
        Syntax::Json,
        &template::Context::new(&crate::crm::Lead { first_name: Some("&".into()), ..lead() }, "", ""),
    )
    .unwrap()
    .trim_matches('"')
    .to_owned()
}

#[test]
fn a_template_must_make_what_its_type_says() {
    let body = Content::Json { template: "{\n\"name\": {{ full_name }}".into() };
    let refused = render(&to(Http { body, ..http() }), &secrets(), &lead(), &Stage::First).unwrap_err();
    assert_eq!(
        refused,
        RenderError::Template { path: "body.template".into(), reason: "the result is not JSON in line 2".into() }
    );
    for (template, line) in [("<a>\n<b>{{ city }}</a>", 2), ("{{ city }}", 1), ("<!DOCTYPE a [<!ENTITY x 'y'>]>\n<a>&x;</a>", 1)]
    {
        let body = Content::Xml { template: template.into() };
        let refused = render(&to(Http { body, ..http() }), &secrets(), &lead(), &Stage::First).unwrap_err();
        let reason = format!("the result is not XML in line {line}");
        assert_eq!(refused, RenderError::Template { path: "body.template".into(), reason }, "{template}");
    }
}

#[test]
fn authentication_and_headers() {
    let made = request(to(Http { auth: Auth::Bearer, ..http() }), &secrets(), &Stage::First);
    assert_eq!(header(&made, "authorization").unwrap(), "Bearer t0ken");
    let made = request(to(Http { auth: Auth::Basic { username: "u".into() }, ..http() }), &secrets(), &Stage::First);
    assert_eq!(header(&made, "authorization").unwrap(), "Basic dTpwOnc=");
    let headers = vec![
        Header { name: "X-Api-Key".into(), value: "k {{ secrets.key }}".into() },
        Header { name: "X-City".into(), value: "{{ city }}".into() },
    ];
    let destination = to(Http { headers, ..http() });
    let made = request(destination.clone(), &secrets(), &Stage::First);
    assert_eq!((header(&made, "x-api-key").unwrap(), header(&made, "x-city").unwrap()), ("k s3cr&t".into(), "Berlin".into()));
    assert!(made.shown().headers.contains(&("x-api-key".into(), "***".into())));
    assert!(!format!("{made:?}").contains("s3cr"));
    let split = crate::crm::Lead { city: Some("Berlin\r\nx-evil: 1".into()), ..lead() };
    let refused = render(&destination, &secrets(), &split, &Stage::First).unwrap_err();
    assert_eq!(refused, RenderError::BadHeader { path: "headers.x-city".into() });
}

#[test]
fn a_secret_address_stands_in_place_of_the_setting() {
    let made = request(to(Http { url: None, ..http() }), &secrets().with("url", "https://in.example/k3y"), &Stage::First);
    assert_eq!((made.url.expose().as_str(), made.url.shown().as_str()), ("https://in.example/k3y", "***"));
    let refused = render(&to(Http { url: None, ..http() }), &secrets(), &lead(), &Stage::First).unwrap_err();
    assert_eq!(refused, RenderError::MissingSecret { name: "url".into() });
}

#[test]
fn rules_read_the_answer() {
    let http = Http {
        success: Success { from: 200, to: 202, rule: Some(Rule::Equals { pointer: "/status".into(), value: "Matched".into() }) },
        duplicate: Some(Rule::Contains { text: "already exists".into() }),
        external_id: Some("/lead_id".into()),
        reject_reason: Some("/errors/0".into()),
        ..http()
    };
    let of = |status, body: &str| to(http.clone()).classify(&answer(status, body));
    assert_eq!(of(200, r#"{"status":"Matched","lead_id":42}"#), accepted("42"));
    assert_eq!(of(200, r#"{"status":"Matched"}"#), Outcome::Accepted { external_id: None });
    assert!(is_rejected(&of(200, r#"{"status":"Unmatched","errors":["out of area"]}"#), "out of area"));
    assert!(is_rejected(&of(200, "OK"), "does not meet the rule"));
    assert_eq!(of(422, "Lead ALREADY exists"), Outcome::Duplicate);
    assert!(is_rejected(&of(204, ""), "204"));
    assert!(is_broken(&of(401, r#"{"errors":["bad key"]}"#), "bad key"));
    assert_eq!(of(500, "x"), Outcome::Retry { after: None });
    let truth = Rule::Equals { pointer: "/ok".into(), value: "true".into() };
    assert!(
        truth.holds(&answer(200, r#"{"ok":true}"#))
            && !truth.holds(&answer(200, r#"{"ok":false}"#))
            && !truth.holds(&answer(200, ""))
    );
}

#[test]
fn settings_are_checked() {
    let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
    let bad = Http {
        method: Method::Get,
        url: Some("http://crm.acme.example".into()),
        auth: Auth::Basic { username: "a:b".into() },
        headers: vec![header("Host", "x"), header("x", "a\r\nb"), header("y", "{{ nobody }}")],
        body: Content::Json { template: "{{".into() },
        success: Success { from: 300, to: 200, rule: Some(Rule::Contains { text: String::new() }) },
        duplicate: Some(Rule::Equals { pointer: "x".into(), value: String::new() }),
        external_id: Some("id".into()),
        reject_reason: Some("/ok".into()),
    };
    let paths: Vec<_> = to(bad).check(&Policy::default()).into_iter().map(|p| p.path).collect();
    let expected = [
        "url",
        "auth.username",
        "headers.0.name",
        "headers.1.value",
        "headers.2.value",
        "body",
        "body.template",
        "success",
        "success.rule.text",
        "duplicate.pointer",
        "external_id",
    ];
    assert_eq!(paths, expected);
    assert!(to(http()).check(&Policy::default()).is_empty());
}

#[test]
fn settings_are_stored_as_json() {
    let json = r#"{"kind":"http","url":"https://a.example/","body":{"as":"xml","template":"<a/>"},"success":{"rule":{"test":"contains","text":"ok"}}}"#;
    let destination: Destination = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::from_value::<Destination>(serde_json::to_value(&destination).unwrap()).unwrap(), destination);
    assert!(matches!(&destination.kind, Kind::Http(http) if http.success.to == 299 && http.method == Method::Post));
}

proptest! {
    #[test]
    fn forms_and_queries_give_back_what_went_in(name in "[a-z]\\PC{0,20}", field in "[a-z&=+%]{1,10}") {
        let lead = crate::crm::Lead { first_name: Some(name.clone()), ..lead() };
        let mapping = Some(Mapping::of(&[(field.as_str(), Core::FirstName)]));
        for method in [Method::Get, Method::Post] {
            let destination = Destination { mapping: mapping.clone(), ..to(Http { method, body: Content::FormFields, ..http() }) };
            let Step::Http(made) = render(&destination, &secrets(), &lead, &Stage::First).unwrap() else { unreachable!() };
            let query = parse(&made.url.expose()).unwrap().query().unwrap_or_default().to_owned();
            let encoded = if method == Method::Get { query } else { text(&made) };
            let pairs: Vec<_> = url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs, vec![(field.clone(), name.clone())]);
        }
    }

    #[test]
    fn any_answer_is_read_without_panic(status in any::<u16>(), body in any::<Vec<u8>>(), pointer in "[/a-z0-9~]{0,8}") {
        let http = Http { external_id: Some(pointer.clone()), success: Success { rule: Some(Rule::Equals { pointer, value: "1".into() }), ..Success::default() }, ..http() };
        let _ = to(http).classify(&Answer { status, headers: Vec::new(), body });
    }
}
