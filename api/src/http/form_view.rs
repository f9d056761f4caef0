//! What a hosted form's templates show.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::form::language::direction;
use domain::form::{Choice, Control, CoreField, FormWords, PageField};
use domain::id::CertificateId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::html::{Policy, page, style};
use crate::app::form_sends::{Answers, CONSENT, Fault, FormShown, Notice, TRAP};

/// The colour where there is no form.
const PLAIN: &str = "#1a1a1a";

#[derive(Serialize)]
struct StepView<'a> {
    title: String,
    fields: Vec<FieldView<'a>>,
}

#[derive(Serialize)]
struct FieldView<'a> {
    name: &'a str,
    label: &'a str,
    required: bool,
    value: &'a str,
    error: String,
    choices: &'a [Choice],
    area: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    dir: &'static str,
    autocomplete: &'static str,
    inputmode: &'static str,
    max: u32,
    first: String,
    last: String,
}

/// A form, with what was answered and what is wrong with it.
pub(super) fn form_page(
    shown: &FormShown,
    answers: &Answers,
    faults: &BTreeMap<String, Fault>,
    notice: Option<Notice>,
    status: StatusCode,
) -> Response {
    let page_shown = &shown.text.page;
    let words = FormWords::of(&page_shown.language);
    let message =
        |name: &str, control: Option<&Control>| faults.get(name).map(|fault| told(*fault, control, words)).unwrap_or_default();
    let all = page_shown.steps.len();
    let steps: Vec<StepView<'_>> = (1_usize..)
        .zip(&page_shown.steps)
        .map(|(n, step)| StepView {
            title: step.title.clone().unwrap_or_else(|| if all > 1 { place(words, n, all) } else { String::new() }),
            fields: step
                .fields
                .iter()
                .map(|field| field_view(field, answers, message(&field.name, Some(&field.control))))
                .collect(),
        })
        .collect();
    let wrong = |field: &PageField| faults.contains_key(&field.name);
    let mut summary: Vec<Value> = page_shown
        .fields()
        .filter(|field| wrong(field))
        .map(|field| json!({ "name": field.name, "label": field.label, "message": message(&field.name, Some(&field.control)) }))
        .collect();
    let consent_error = message(CONSENT, None);
    if !consent_error.is_empty() {
        summary.push(json!({ "name": CONSENT, "label": words.consent, "message": consent_error }));
    }
    let style = style(&shown.live.content.theme_color);
    let context = json!({
        "lang": page_shown.language, "dir": direction(&page_shown.language), "style": style, "page": page_shown, "steps": steps,
        "words": words_of(words), "form": shown.live.form.id, "parent": parent_of(shown), "ticket": shown.ticket.text,
        "work": if shown.ticket.work_bits > 0 { json!(shown.ticket.work_bits) } else { json!("") },
        "challenge": shown.ticket.challenge, "notice": notice.map(|notice| noticed(notice, words)).unwrap_or_default(),
        "summary": summary, "trap": TRAP, "trapped": answers.get(TRAP).unwrap_or_default(),
        "consent_error": consent_error, "consented": answers.get(CONSENT).is_some(),
    });
    page(status, "form.html", &context, &Policy { ancestors: &shown.live.content.origins, ..Policy::alone(&style) })
}

/// What is said when a form is taken.
pub(super) fn thanks_page(shown: &FormShown, certificate: Option<CertificateId>) -> Response {
    let page_shown = &shown.text.page;
    let words = FormWords::of(&page_shown.language);
    let style = style(&shown.live.content.theme_color);
    let context = json!({
        "lang": page_shown.language, "dir": direction(&page_shown.language), "style": style, "title": page_shown.title,
        "text": page_shown.thanks, "form": shown.live.form.id, "parent": parent_of(shown),
        "certificate": certificate.map(|id| id.to_string()).unwrap_or_default(), "proof": words.proof,
    });
    page(StatusCode::OK, "form_end.html", &context, &Policy { ancestors: &shown.live.content.origins, ..Policy::alone(&style) })
}

/// A form that takes nothing, or a fault of ours.
pub(super) fn end_page(language: &str, status: StatusCode) -> Response {
    let words = FormWords::of(language);
    let style = style(PLAIN);
    let text = if status.is_server_error() { words.failed } else { words.closed };
    let context = json!({
        "lang": words.language, "dir": direction(words.language), "style": style, "title": text, "text": "", "form": "", "parent": "",
        "certificate": "", "proof": "",
    });
    page(status, "form_end.html", &context, &Policy::alone(&style))
}

/// The origin of the page that embeds the form, if it may.
fn parent_of(shown: &FormShown) -> &str {
    let from = shown.ticket.from_page.as_deref().filter(|_| shown.ticket.embedded).unwrap_or_default();
    let is_of =
        |origin: &&String| from.strip_prefix(origin.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    shown.live.content.origins.iter().find(is_of).map_or("", String::as_str)
}

fn field_view<'a>(field: &'a PageField, answers: &'a Answers, error: String) -> FieldView<'a> {
    let bound = |end: &Option<i64>| end.map(|end| end.to_string()).unwrap_or_default();
    let day = |end: &Option<chrono::NaiveDate>| end.map(|end| end.to_string()).unwrap_or_default();
    let (kind, dir, inputmode) = match field.control {
        Control::Phone => ("tel", "ltr", "tel"),
        Control::Email => ("email", "ltr", "email"),
        // A number's own field drops what is no number, and the person could not correct it.
        Control::Whole { .. } => ("text", "ltr", "numeric"),
        Control::Date { .. } => ("date", "ltr", ""),
        Control::Moment => ("datetime-local", "ltr", ""),
        Control::Line { .. } | Control::Area { .. } | Control::Choice { .. } => ("text", "auto", ""),
    };
    let (max, first, last) = match &field.control {
        Control::Line { max } | Control::Area { max } => (*max, String::new(), String::new()),
        Control::Date { min, max } => (0, day(min), day(max)),
        Control::Whole { min, max } => (20, bound(min), bound(max)),
        _ => (0, String::new(), String::new()),
    };
    let choices = if let Control::Choice { choices } = &field.control { choices.as_slice() } else { &[] };
    let bounded = matches!(field.control, Control::Date { .. });
    FieldView {
        name: &field.name,
        label: &field.label,
        required: field.required,
        value: answers.get(&field.name).unwrap_or_default(),
        error,
        choices,
        area: matches!(field.control, Control::Area { .. }),
        kind,
        dir,
        autocomplete: autocomplete(&field.name),
        inputmode,
        max,
        first: if bounded { first } else { String::new() },
        last: if bounded { last } else { String::new() },
    }
}

/// What browsers know a field by (HTML, section 4.10.18.7.1).
fn autocomplete(name: &str) -> &'static str {
    match name.parse::<CoreField>() {
        Ok(CoreField::Name) => "name",
        Ok(CoreField::Phone) => "tel",
        Ok(CoreField::Email) => "email",
        Ok(CoreField::Company) => "organization",
        Ok(CoreField::Position) => "organization-title",
        Ok(CoreField::Country) => "country-name",
        Ok(CoreField::Region) => "address-level1",
        Ok(CoreField::City) => "address-level2",
        Ok(CoreField::PostalCode) => "postal-code",
        Ok(CoreField::Age | CoreField::Interest | CoreField::Comments | CoreField::CallMeAt) | Err(_) => "off",
    }
}

fn told(fault: Fault, control: Option<&Control>, words: &FormWords) -> String {
    match fault {
        Fault::Missing => words.missing.to_owned(),
        Fault::TooLong => words.too_long.to_owned(),
        Fault::Phone => words.phone.to_owned(),
        Fault::Email => words.email.to_owned(),
        Fault::Date => words.date.to_owned(),
        Fault::Consent => words.agree.to_owned(),
        Fault::Wrong => words.wrong.to_owned(),
        Fault::Whole => match control {
            Some(Control::Whole { min: Some(min), max: Some(max) }) => {
                words.between.replace("{min}", &min.to_string()).replace("{max}", &max.to_string())
            }
            _ => words.whole.to_owned(),
        },
    }
}

fn noticed(notice: Notice, words: &FormWords) -> &'static str {
    match notice {
        Notice::Expired => words.expired,
        Notice::TooMany => words.later,
        Notice::Work => words.work,
        Notice::Failed => words.failed,
    }
}

fn place(words: &FormWords, n: usize, all: usize) -> String {
    words.step.replace("{n}", &n.to_string()).replace("{all}", &all.to_string())
}

fn words_of(words: &FormWords) -> Value {
    let named = [
        ("next", words.next),
        ("back", words.back),
        ("step", words.step),
        ("required", words.required),
        ("choose", words.choose),
        ("consent", words.consent),
        ("errors", words.errors),
        ("missing", words.missing),
        ("no_script", words.no_script),
        ("trap", words.trap),
    ];
    Value::Object(named.into_iter().map(|(name, word)| (name.to_owned(), json!(word))).collect::<Map<_, _>>())
}
