//! Addresses at which forms and advertising networks hand leads in.

use api::http::hooks::routes;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange, on_each_backend};

const CREATE: &str = "mutation ($input: LeadHookCreateInput!) { leadHookCreate(input: $input) {
    leadHook { id name kind address prefix disabledAt } secret userErrors { code path } } }";

/// A mapping of tours whose columns are called as `names` says.
pub(super) fn mapping(names: &[(&str, &str)]) -> String {
    let name = |field: &str| names.iter().find(|(known, _)| *known == field).map_or(field, |(_, column)| column).to_owned();
    let rule = |field: &str| format!("{field} = {}\n", json!(name(field)));
    let fields: String = ["name", "phone", "email", "city", "seller_reference"].into_iter().map(rule).collect();
    let attributes: String = ["nights", "adults", "destination_country"].into_iter().map(rule).collect();
    format!(
        "vertical = \"travel/tour\"\n[[only]]\ncolumn = \"skip\"\nnot = [\"yes\"]\n[fields]\n{fields}\
         country = {{ constant = \"NO\" }}\ncontact_kind = {{ constant = \"INTERESTED\" }}\n\
         interest = {{ column = \"wish\", values = {{ \"Call me\" = \"CALLBACK\" }}, default = \"CALLBACK\" }}\n\
         source = {{ constant = \"SEARCH_AD\" }}\nconsent_text = {{ constant = \"Yes, call me about tours that fit my answers.\" }}\n\
         consent_page = {{ constant = \"https://tours.example/form\" }}\n[attributes]\n{attributes}"
    )
}

pub(super) async fn made(x: &Exchange, seller: &Actor, kind: &str, mapping: &str) -> Value {
    let input = json!({ "name": "Spring", "kind": kind, "mapping": mapping });
    seller.run(x, CREATE, json!({ "input": input })).await["leadHookCreate"].clone()
}

pub(super) fn address(url: &str, hook: &Value, key: Option<&str>) -> Url {
    let id = hook["leadHook"]["id"].as_str().unwrap();
    Url::parse_with_params(&format!("{url}/v1/hooks/{id}"), key.map(|key| ("key", key))).unwrap()
}

/// Posts to a hook; answers the status and the answer.
pub(super) async fn sent(url: &str, hook: &Value, key: Option<&str>, body: &Value) -> (u16, Value) {
    let response = Client::new().post(address(url, hook, key)).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn google(key: &str, n: u32, test: bool) -> Value {
    let column = |id: &str, value: &str| json!({ "column_id": id, "string_value": value });
    json!({
        "lead_id": format!("gads-{n}"), "form_id": 7, "google_key": key, "is_test": test,
        "user_column_data": [
            column("FULL_NAME", "Kari Nordmann"), column("PHONE_NUMBER", &format!("+479120000{n}")),
            column("EMAIL", &format!("kari.{n}@fjelltur.no")), column("CITY", "Bergen"),
            column("nights", "7"), column("adults", "2"), column("destination_country", "Greece"),
        ],
    })
}

const GOOGLE: &[(&str, &str)] =
    &[("name", "FULL_NAME"), ("phone", "PHONE_NUMBER"), ("email", "EMAIL"), ("city", "CITY"), ("seller_reference", "lead_id")];

on_each_backend! {
    async fn a_lead_form_of_google_hands_its_leads_in(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let hook = made(&x, &seller, "GOOGLE_ADS", &mapping(GOOGLE)).await;
        assert_eq!(hook["userErrors"], json!([]));
        let key = hook["secret"].as_str().unwrap();
        assert!(key.starts_with(hook["leadHook"]["prefix"].as_str().unwrap()));
        assert!(hook["leadHook"]["address"].as_str().unwrap().ends_with(hook["leadHook"]["id"].as_str().unwrap()));
        // Without the key nothing is told, not even what else is wrong.
        for body in [google("guess", 1, false), json!({ "google_key": "guess" }), json!([])] {
            assert_eq!(sent(&url, &hook, None, &body).await.0, 401, "{body}");
        }
        assert_eq!(sent(&url, &hook, None, &google(key, 1, true)).await, (200, json!({ "status": "ACCEPTED", "test": true })));
        assert_eq!(x.count("lead").await, 0);
        let (status, first) = sent(&url, &hook, None, &google(key, 1, false)).await;
        assert_eq!((status, &first["status"], &first["lead_state"]), (200, &json!("ACCEPTED"), &json!("VERIFIED")), "{first:#}");
        let (status, again) = sent(&url, &hook, None, &google(key, 1, false)).await;
        assert_eq!((status, &again["lead_id"], &again["repeated"]), (200, &first["lead_id"], &json!(true)));
        let shown = seller.run(&x, "{ leads { edges { node { id sellerReference city } } } leadHooks { edges { node { name kind } } } }", json!({})).await;
        let lead = &shown["leads"]["edges"][0]["node"];
        assert_eq!((&lead["id"], &lead["sellerReference"], &lead["city"]), (&first["lead_id"], &json!("gads-1"), &json!("Bergen")));
        assert_eq!(shown["leadHooks"]["edges"], json!([{ "node": { "name": "Spring", "kind": "GOOGLE_ADS" } }]));
        let mut wrong = google(key, 2, false);
        wrong["user_column_data"][4]["string_value"] = json!("many");
        let (status, answer) = sent(&url, &hook, None, &wrong).await;
        assert_eq!((status, &answer["errors"][0]["code"], &answer["errors"][0]["field"]), (422, &json!("INVALID"), &json!("nights")), "{answer:#}");
        assert!(!answer.to_string().contains("many"), "what was sent is not said again");
    }

    async fn forms_hand_their_leads_in_in_their_own_words(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let answer = |name: &str, value: &str| json!({ "type": "text", "text": value, "field": { "ref": name } });
        let typeform = json!({ "form_response": { "token": "tf-1", "hidden": { "city": "Bergen" }, "answers": [
            answer("name", "Kari Nordmann"), answer("phone", "+4791200011"), answer("email", "kari.11@fjelltur.no"),
            { "type": "choice", "choice": { "label": "Call me" }, "field": { "ref": "wish" } },
            { "type": "number", "number": 7, "field": { "ref": "nights" } }, answer("adults", "2"), answer("destination_country", "Greece"),
        ] } });
        let field = |label: &str, value: Value| json!({ "key": format!("question_{label}"), "label": label, "value": value });
        let tally = json!({ "data": { "responseId": "ta-1", "fields": [
            field("name", json!("Kari Nordmann")), field("phone", json!("+4791200012")), field("email", json!("kari.12@fjelltur.no")),
            field("city", json!("Bergen")), field("nights", json!(7)), field("adults", json!(2)), field("destination_country", json!("Greece")),
        ] } });
        let form = json!({
            "person": { "name": "Kari Nordmann", "phone": "+4791200013", "email": "kari.13@fjelltur.no" }, "city": "Bergen",
            "trip": { "nights": 7, "adults": 2, "to": "Greece" }, "id": "fo-1",
        });
        let in_form: &[(&str, &str)] = &[
            ("name", "person.name"), ("phone", "person.phone"), ("email", "person.email"), ("nights", "trip.nights"),
            ("adults", "trip.adults"), ("destination_country", "trip.to"), ("seller_reference", "id"),
        ];
        let cases = [
            ("TYPEFORM", mapping(&[("city", "hidden.city"), ("seller_reference", "token")]), typeform, "tf-1"),
            ("TALLY", mapping(&[("seller_reference", "responseId")]), tally, "ta-1"),
            ("FORM", mapping(in_form), form, "fo-1"),
        ];
        for (kind, mapping, mut body, reference) in cases {
            let hook = made(&x, &seller, kind, &mapping).await;
            let key = hook["secret"].as_str();
            assert_eq!(sent(&url, &hook, None, &body).await.0, 401, "{kind}");
            let (status, taken) = sent(&url, &hook, key, &body).await;
            assert_eq!((status, &taken["status"], &taken["lead_state"]), (200, &json!("ACCEPTED"), &json!("VERIFIED")), "{kind} {taken:#}");
            let query = "query ($id: ID!) { lead(id: $id) { sellerReference city } }";
            let lead = seller.run(&x, query, json!({ "id": taken["lead_id"] })).await["lead"].clone();
            assert_eq!(lead, json!({ "sellerReference": reference, "city": "Bergen" }), "{kind}");
            if kind == "FORM" {
                body["skip"] = json!("yes");
                assert_eq!(sent(&url, &hook, key, &body).await, (200, json!({ "status": "LEFT_OUT" })));
                // The same as the fields of a form.
                let plain = Client::new().post(address(&url, &hook, key))
                    .header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body("skip=yes&city=Bergen").send().await.unwrap();
                assert_eq!(plain.json::<Value>().await.unwrap(), json!({ "status": "LEFT_OUT" }));
                let long = json!({ "text": "x".repeat(300_000) });
                assert_eq!(sent(&url, &hook, key, &long).await.0, 413);
            }
        }
    }

    async fn a_hook_is_changed_gets_another_key_and_ends(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = x.listen(routes, &[]).await;
        let hook = made(&x, &seller, "GOOGLE_ADS", &mapping(GOOGLE)).await;
        let (id, old) = (hook["leadHook"]["id"].clone(), hook["secret"].as_str().unwrap());
        let run = async |name: &str, more: Value| {
            let field = format!("leadHook{name}");
            let shown = if name == "RotateSecret" { "secret" } else { "" };
            let query = format!("mutation ($input: LeadHook{name}Input!) {{ {field}(input: $input) {{ leadHook {{ name disabledAt }} {shown} userErrors {{ code path }} }} }}");
            let mut input = json!({ "leadHookId": id });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            seller.run(&x, &query, json!({ "input": input })).await[field].clone()
        };
        let renamed = run("Update", json!({ "name": "Summer" })).await;
        assert_eq!((&renamed["leadHook"]["name"], &renamed["userErrors"]), (&json!("Summer"), &json!([])));
        let broken = run("Update", json!({ "mapping": mapping(GOOGLE).replace("nights =", "knights =") })).await;
        assert_eq!(broken["userErrors"][0], json!({ "code": "INVALID", "path": ["mapping", "attributes", "knights"] }));
        let nowhere = made(&x, &seller, "FORM", "vertical = \"travel/nowhere\"").await;
        assert_eq!(nowhere["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["mapping", "vertical"] }]));
        let made_up = made(&x, &seller, "FORM", "vertical = \"travel/tour\"\n[synthetic]\nseed = 1\n").await;
        assert_eq!(made_up["userErrors"], json!([{ "code": "INVALID", "path": ["mapping", "synthetic"] }]));
        let new = run("RotateSecret", json!({})).await["secret"].as_str().unwrap().to_owned();
        assert_eq!(sent(&url, &hook, None, &google(old, 1, false)).await.0, 401);
        assert_eq!(sent(&url, &hook, None, &google(&new, 1, false)).await.0, 200);
        // Another organization's hook is nobody's.
        let other = x.organization("Other").await;
        let query = "mutation ($input: LeadHookDisableInput!) { leadHookDisable(input: $input) { userErrors { code } } }";
        assert_eq!(other.run(&x, query, json!({ "input": { "leadHookId": id } })).await["leadHookDisable"]["userErrors"], json!([{ "code": "NOT_FOUND" }]));
        assert!(run("Disable", json!({})).await["leadHook"]["disabledAt"].is_string());
        assert_eq!(run("Update", json!({ "name": "Autumn" })).await["userErrors"][0]["code"], "WRONG_STATE");
        assert_eq!(sent(&url, &hook, None, &google(&new, 2, false)).await.0, 404);
        assert_eq!(x.count("lead").await, 1);
    }
}
