use super::*;
use crate::form::{FormStep, check};
use crate::lead::{Audience, SourceKind};
use crate::refusal::Code;
use crate::vertical::{Labels, starter_set};

fn tour() -> Definition {
    let set = starter_set().unwrap();
    set.into_iter().find(|vertical| vertical.path.as_str() == "travel/tour").unwrap().definition
}

fn field(key: &str) -> FormField {
    FormField { key: key.into(), required: false, labels: Labels::new() }
}

fn texts(language: &str) -> FormTexts {
    FormTexts {
        language: language.into(),
        title: "Tours".into(),
        offer: "We find you a tour.".into(),
        consent: "Yes, call me about tours that fit my answers.".into(),
        call_to_action: None,
        thanks: None,
    }
}

fn content() -> FormContent {
    let about = ["destination_country", "nights", "adults", "interest"].map(field).into();
    let who = ["name", "phone", "email", "call_me_at"].map(field).into();
    FormContent {
        texts: vec![texts("en"), texts("de-AT"), texts("ar")],
        consent_version: "2026-03".into(),
        steps: vec![
            FormStep { titles: [("en".to_owned(), "Your trip".to_owned())].into(), fields: about },
            FormStep { titles: Labels::new(), fields: who },
        ],
        audience: Audience::Consumer,
        interest: Interest::Callback,
        source: SourceKind::SearchAd,
        country: Some("NO".into()),
        theme_color: "#0a5c36".into(),
        origins: vec!["https://tours.example".into(), "http://localhost:3000".into()],
    }
}

fn wrong(change: impl FnOnce(&mut FormContent)) -> (Code, String) {
    let mut content = content();
    change(&mut content);
    let found = check(&content, &tour()).unwrap_err();
    (found[0].code, found[0].path.join("."))
}

#[test]
fn a_form_asks_what_its_vertical_needs() {
    assert_eq!(check(&content(), &tour()), Ok(()));
    let at = |code, path: &str| (code, path.to_owned());
    assert_eq!(wrong(|form| form.steps[0].fields[1].key = "knights".into()), at(Code::Invalid, "steps.0.fields.1.key"));
    assert_eq!(wrong(|form| drop(form.steps[0].fields.remove(1))), at(Code::Required, "steps"));
    assert_eq!(wrong(|form| drop(form.steps[1].fields.remove(0))), at(Code::Required, "steps"));
    assert_eq!(wrong(|form| form.steps[1].fields.push(field("name"))), at(Code::Taken, "steps.1.fields.4.key"));
    assert_eq!(wrong(|form| form.texts.clear()), at(Code::Required, "texts"));
    assert_eq!(wrong(|form| form.texts[1].language = "german".into()), at(Code::Invalid, "texts.1.language"));
    assert_eq!(wrong(|form| form.texts[1].language = "en".into()), at(Code::Taken, "texts.1.language"));
    assert_eq!(wrong(|form| form.texts[0].consent = "Yes".into()), at(Code::Invalid, "texts.0.consent"));
    assert_eq!(wrong(|form| form.texts[0].offer = "x".repeat(4_001)), at(Code::TooLarge, "texts.0.offer"));
    assert_eq!(wrong(|form| form.consent_version = " ".into()), at(Code::Required, "consentVersion"));
    assert_eq!(wrong(|form| form.theme_color = "red;}".into()), at(Code::Invalid, "themeColor"));
    assert_eq!(wrong(|form| form.country = Some("Norway".into())), at(Code::Invalid, "country"));
    assert_eq!(wrong(|form| form.audience = Audience::Business), at(Code::Invalid, "audience"));
    for origin in ["*", "http://tours.example", "https://tours.example/", "https://a;b", "https://x:99999", "https://X.example"] {
        assert_eq!(wrong(|form| form.origins[1] = origin.into()), at(Code::Invalid, "origins.1"), "{origin}");
    }
}

#[test]
fn a_page_has_the_words_of_its_language() {
    let (content, tour) = (content(), tour());
    let of = |index: usize| page(&content, &content.texts[index], &tour);
    let (english, german, arabic) = (of(0), of(1), of(2));
    let label = |page: &FormPage, name: &str| page.fields().find(|field| field.name == name).unwrap().label.clone();
    assert_eq!([label(&english, "nights"), label(&german, "nights")], ["Nights", "Nächte"]);
    assert_eq!([label(&english, "name"), label(&german, "name")], ["Name", "Name"]);
    assert_eq!(label(&arabic, "nights"), "Nights", "the vertical has no Arabic word");
    assert_ne!(label(&arabic, "name"), "Name");
    assert_eq!((english.steps[0].title.as_deref(), german.steps[0].title.as_deref()), (Some("Your trip"), None));
    let required: Vec<_> = english.fields().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    assert_eq!(required, ["destination_country", "nights", "adults", "name"], "by the vertical and by the lead");
}

#[test]
fn the_text_holds_every_word_that_is_shown() {
    let (content, tour) = (content(), tour());
    let page = page(&content, &content.texts[0], &tour);
    let text = shown_text(&page);
    for word in [
        "# Tours\n",
        "We find you a tour.\n",
        "## Your trip\n",
        "Nights *\n",
        "- A call back\n",
        "Yes, call me about",
        "(2026-03)",
        "[Send]",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let mut other = page.clone();
    other.consent.push('!');
    assert_ne!(shown_text(&other), text);
}
