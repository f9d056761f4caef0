use super::*;
use crate::crm::testing::{answer, is_broken, is_rejected, lead, render};
use crate::crm::{Destination, Kind, Lead, Policy, Secrets};
use proptest::prelude::*;

fn email() -> Email {
    Email {
        to: vec!["sales@acme.example".into()],
        language: "en".into(),
        personal_data: false,
        subject: None,
        text: None,
        html: None,
    }
}

fn message(email: Email, lead: &Lead) -> Message {
    match render(&Kind::Email(email).into(), &Secrets::new(), lead, &Stage::First).unwrap() {
        Step::Email(message) => message,
        other => panic!("{other:?}"),
    }
}

const PERSONAL: &[&str] = &["Erika", "Mustermann", "2025550143", "erika@example.com", "Volkswagen", "10115"];

#[test]
fn by_default_there_is_a_link_and_nobody() {
    let made = message(email(), &lead());
    assert_eq!(made.subject, "New lead: auto/used, Berlin");
    let text = "You have bought a new lead.\n\nauto/used\nPlace: Berlin, Berlin (DE)\nContact data and answers are kept in the exchange and are not part \
                of this message.\n\nOpen the lead: https://exchange.example/leads/lead_sample\n\nClearlead";
    assert_eq!(made.text, text);
    let html = made.html.clone().unwrap();
    assert!(html.contains("Open the lead</a>") && html.contains("lead_sample\">"), "{html}");
    assert_eq!((made.message_id.as_str(), made.content_type.as_str()), ("lead.dlv-1", "text/plain"));
    assert_eq!(made.headers, [("Auto-Submitted".to_owned(), "auto-generated".to_owned())]);
    for personal in PERSONAL {
        assert!(!format!("{}{}{html}", made.subject, made.text).contains(personal), "{personal}");
    }
}

#[test]
fn personal_data_comes_when_asked_for() {
    let made = message(Email { personal_data: true, ..email() }, &lead());
    for text in [&made.text, made.html.as_ref().unwrap()] {
        for personal in &PERSONAL[..5] {
            assert!(text.contains(personal), "{personal}");
        }
    }
    assert!(made.text.contains(
        "Name: Erika Mustermann\nPhone: +12025550143\nE-mail: erika@example.com\nYear: 2021\nMake: Volkswagen\nModel: Golf\n"
    ));
}

#[test]
fn each_language_has_its_texts() {
    let of = |language: &str| message(Email { language: language.into(), ..email() }, &lead());
    let starts = [
        ("de-AT", "Neuer Lead", "Sie haben"),
        ("pt_BR", "Novo lead", "Você comprou"),
        ("RU", "Новый лид", "Вы купили"),
        ("fr", "New lead", "You have"),
    ];
    for (language, subject, text) in starts {
        let made = of(language);
        assert!(made.subject.starts_with(subject) && made.text.starts_with(text), "{language}: {} {}", made.subject, made.text);
        assert!(!format!("{}{:?}", made.text, made.html).contains("{{"), "{language}");
        for personal_data in [false, true] {
            let texts = email_texts::texts(language, personal_data);
            assert_eq!(template::problem(texts.subject, Syntax::Plain, false, false), None);
            assert_eq!(template::problem(&texts.text, Syntax::Plain, personal_data, false), None);
            assert_eq!(template::problem(&texts.html, Syntax::Html, personal_data, false), None);
        }
    }
    assert!(message(email(), &Lead::sample()).subject.starts_with("[TEST] New lead"));
}

#[test]
fn own_templates_replace_ours_and_cannot_leak() {
    let own = Email { subject: Some("{{ vertical }} {{ full_name }}".into()), text: Some("Hi {{ phone }}!".into()), ..email() };
    let made = message(own.clone(), &lead());
    assert_eq!((made.subject.as_str(), made.text.as_str(), made.html), ("auto/used", "Hi !", None));
    let problems = Destination::from(Kind::Email(own.clone())).check(&Policy::default());
    assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["subject", "text"]);
    let allowed = Email { personal_data: true, html: Some("<p>{{ full_name }}</p>".into()), ..own };
    assert!(Destination::from(Kind::Email(allowed.clone())).check(&Policy::default()).is_empty());
    let made = message(allowed, &Lead { first_name: Some("<b>&".into()), ..lead() });
    assert_eq!(made.html.unwrap(), "<p>&lt;b&gt;&amp; Mustermann</p>");
}

#[test]
fn no_value_adds_a_header() {
    let own = Email { personal_data: true, subject: Some("{{ first_name }}".into()), ..email() };
    let made = message(own, &Lead { first_name: Some("A\r\nBcc: x@evil.example\u{2028}B".into()), ..lead() });
    assert_eq!(made.subject, "A Bcc: x@evil.example B");
    let to = vec!["a@b.example\r\nBcc: x@evil.example".into()];
    let bad = Kind::Email(Email { to, ..email() });
    assert_eq!(
        render(&bad.clone().into(), &Secrets::new(), &lead(), &Stage::First).unwrap_err(),
        RenderError::BadHeader { path: "to".into() }
    );
    assert_eq!(Destination::from(bad).check(&Policy::default())[0].path, "to.0");
}

#[test]
fn replies() {
    let of = |code, text: &str| Destination::from(Kind::Email(email())).classify(&answer(code, text));
    assert_eq!(of(250, "2.0.0 OK"), Outcome::Accepted { external_id: None });
    assert_eq!(of(421, "4.3.2 busy"), Outcome::Retry { after: None });
    assert!(is_rejected(&of(550, "5.1.1 <sales@acme.example> unknown"), "550: 5.1.1 […] unknown"));
    assert!(is_broken(&of(535, "5.7.8 no"), "535"));
}

#[test]
fn recipients_have_a_limit() {
    let of = |n: usize| {
        let to = (0..n).map(|i| format!("a{i}@b.example")).collect();
        Destination::from(Kind::Email(Email { to, ..email() })).check(&Policy::default()).len()
    };
    assert_eq!((of(0), of(1), of(10), of(11)), (1, 0, 0, 1));
}

proptest! {
    #[test]
    fn subjects_are_one_line(name in any::<String>(), key in any::<String>()) {
        let own = Email { personal_data: true, subject: Some("{{ first_name }}".into()), ..email() };
        let made = message(own, &Lead { first_name: Some(name), ..lead() });
        let breaks = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
        let broken = made.subject.chars().any(breaks);
        prop_assert!(!broken);
        prop_assert!(made.subject.chars().count() <= 150);
        prop_assert!(message_id(&key).bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
    }
}
