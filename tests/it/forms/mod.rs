//! Hosted forms over HTTP, as people and their browsers meet them.

mod attack;
mod certificates;
mod design;
mod disputed;
mod keepers;
mod pages;
mod signals;

use std::sync::Arc;

use api::app::App;
use api::config::Config;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};

/// What the person agrees to.
pub const CONSENT: &str = "Yes, call me about tours that fit my answers.";

/// A form for tours in English, German and Arabic.
pub fn content() -> Value {
    let field = |key: &str| json!({ "key": key, "required": false, "labels": [] });
    let texts = |language: &str, title: &str| json!({ "language": language, "title": title, "offer": "We find you a tour.", "consent": CONSENT });
    json!({
        "texts": [texts("en", "Tours <for> you"), texts("de", "Reisen"), texts("ar", "رحلات")],
        "consentVersion": "2026-03",
        "steps": [
            { "titles": [{ "language": "en", "text": "Your trip" }], "fields": [field("destination_country"), field("nights"), field("adults")] },
            { "titles": [], "fields": [field("name"), field("phone"), field("email"), field("city"), field("comments"), field("call_me_at")] },
        ],
        "audience": "CONSUMER", "interest": "CALLBACK", "source": "SEARCH_AD", "country": "NO", "themeColor": "#0a5c36",
        "origins": ["https://tours.example"],
    })
}

const CREATE: &str = "mutation ($input: FormCreateInput!) { formCreate(input: $input) {
    form { id address embedAddress publishedVersion } userErrors { code path } } }";

/// Runs a mutation of forms; answers its payload.
pub async fn mutate(x: &Exchange, who: &Actor, name: &str, input: Value) -> Value {
    let query = format!(
        "mutation ($input: Form{name}Input!) {{ form{name}(input: $input) {{ form {{ id publishedVersion disabledAt name }} userErrors {{ code path }} }} }}"
    );
    who.run(x, &query, json!({ "input": input })).await[format!("form{name}")].clone()
}

/// A published form; answers its id.
pub async fn published(x: &Exchange, seller: &Actor, content: Value) -> String {
    let made = created(x, seller, content).await;
    assert_eq!(made["userErrors"], json!([]));
    let id = made["form"]["id"].as_str().unwrap().to_owned();
    let published = mutate(x, seller, "Publish", json!({ "formId": id })).await;
    assert_eq!((&published["userErrors"], &published["form"]["publishedVersion"]), (&json!([]), &json!(1)));
    id
}

pub async fn created(x: &Exchange, seller: &Actor, content: Value) -> Value {
    let input = json!({ "name": "Spring", "vertical": "travel/tour", "content": content });
    seller.run(x, CREATE, json!({ "input": input })).await["formCreate"].clone()
}

/// The same exchange under other settings.
pub fn configured(x: &mut Exchange, change: impl FnOnce(&mut Config)) {
    let mut config = Config::clone(&x.app.config);
    config.server.trust_forwarded_for = true;
    change(&mut config);
    x.app = Arc::new(App { config: Arc::new(config), ..App::clone(&x.app) });
}

/// Serves forms and certificates.
pub async fn serve(x: &Exchange) -> String {
    x.listen(|door| api::http::forms::routes(door.clone()).merge(api::http::certificates::routes(door)), &[]).await
}

/// An answer of the server.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let from = self.body.find(&start).unwrap_or_else(|| panic!("no {name} in {}", self.body)) + start.len();
        let text = &self.body[from..];
        text[..text.find('"').unwrap()].to_owned()
    }

    /// The value of an attribute of the form.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let text = self.body.split_once(&format!(" {name}=\""))?.1;
        Some(text[..text.find('"').unwrap()].replace("&#x2f;", "/"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The certificate in the address of the thanks.
    pub fn certificate(&self) -> String {
        let location = self.header("location");
        let url = Url::parse("http://x").unwrap().join(location).unwrap();
        let found = url.query_pairs().find(|(name, _)| name == "c").map(|(_, id)| id.into_owned());
        found.unwrap_or_else(|| panic!("{} {location} {}", self.status, self.body))
    }
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

/// Gets a page with these headers.
pub async fn page(url: &str, headers: &[(&str, &str)]) -> Page {
    let request = headers.iter().fold(client().get(url), |request, (name, value)| request.header(*name, *value));
    answered(request.send().await.unwrap()).await
}

async fn answered(response: reqwest::Response) -> Page {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, body: response.text().await.unwrap() }
}

/// What a person types; each `n` is another person.
pub fn typed(n: u32) -> Vec<(String, String)> {
    let phone = format!("912{n:05}");
    let email = format!("kari.{n}@fjelltur.no");
    [
        ("destination_country", "Greece"),
        ("nights", "7"),
        ("adults", "2"),
        ("name", "Kari Nordmann"),
        ("phone", phone.as_str()),
        ("email", email.as_str()),
        ("city", "Bergen"),
        ("_consent", "yes"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The same with another value.
pub fn but(mut fields: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

/// Sends a form from `address`.
pub async fn send(url: &str, form: &str, fields: &[(String, String)], address: &str) -> Page {
    let encoded = Url::parse_with_params("http://x", fields).unwrap();
    let request = client()
        .post(format!("{url}/f/{form}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "Mozilla/5.0 (Testing)")
        .header("x-forwarded-for", address)
        .body(encoded.query().unwrap().to_owned());
    answered(request.send().await.unwrap()).await
}

/// Opens a form, takes a minute, and sends it with a report of the script, if there is one.
pub async fn filled(x: &Exchange, url: &str, form: &str, fields: Vec<(String, String)>, report: Option<Value>) -> Page {
    let opened = page(&format!("{url}/f/{form}"), &[]).await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    x.clock.advance_secs(60);
    let fields = but(fields, "_ticket", &opened.hidden("_ticket"));
    let fields = report.iter().fold(fields, |fields, report| but(fields, "_report", &report.to_string()));
    send(url, form, &fields, "198.51.100.7").await
}

/// The newest leads of a seller with their checks.
pub async fn leads(x: &Exchange, seller: &Actor) -> Vec<Value> {
    let query = "{ leads(first: 50) { edges { node { id state city channels score consent { text textVersion certificateUrl pageUrl sessionSecs }
        session { timeOnPageSecs typedFields pastedFields honeypotFilled pageUrl } consentCertificate { id payload keyId }
        checks { kind outcome evidence { fact value } } } } } }";
    let found = seller.run(x, query, json!({})).await;
    found["leads"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// The outcome of a check, and its facts.
pub fn check(lead: &Value, kind: &str) -> (String, Value) {
    let found = lead["checks"].as_array().unwrap().iter().find(|check| check["kind"] == kind);
    let Some(found) = found else { return ("NONE".into(), json!({})) };
    let facts = found["evidence"].as_array().unwrap().iter();
    let facts = facts.map(|fact| (fact["fact"].as_str().unwrap().to_owned(), fact["value"].clone())).collect();
    (found["outcome"].as_str().unwrap().to_owned(), Value::Object(facts))
}
