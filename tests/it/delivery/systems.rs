//! Each system gets a lead as its documentation wants it.

use serde_json::{Value, json};

use super::stand::{Scene, attempts, hook};
use super::vendor::{Reply, Seen, Vendor, reply};
use crate::harness::on_each_backend;

fn is_json(seen: &Seen) -> bool {
    seen.header("content-type") == "application/json" && !seen.header("idempotency-key").is_empty()
}

/// As HubSpot: a bearer token, `properties` with an e-mail address; a known contact is a conflict.
fn hubspot(seen: &Seen, before: usize) -> Reply {
    let body = seen.json();
    if seen.header("authorization") != "Bearer pat-na1-1" {
        return reply(
            401,
            json!({ "status": "error", "category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found" }),
        );
    }
    if !is_json(seen) || body["properties"]["email"].as_str().is_none_or(|email| !email.contains('@')) {
        return reply(400, json!({ "status": "error", "message": "Property values were not valid" }));
    }
    match (seen.method.as_str(), seen.path.as_str()) {
        ("POST", "/crm/v3/objects/contacts") if before == 0 => reply(201, json!({ "id": "501", "properties": {} })),
        ("POST", "/crm/v3/objects/contacts") => reply(
            409,
            json!({ "status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: 501" }),
        ),
        ("PATCH", "/crm/v3/objects/contacts/501") => reply(200, json!({ "id": "501" })),
        _ => reply(404, json!({ "message": "not found" })),
    }
}

/// As HubSpot's forms: fields with their object type.
fn hubspot_form(seen: &Seen, _: usize) -> Reply {
    let fields = seen.json()["fields"].as_array().cloned().unwrap_or_default();
    let typed = !fields.is_empty() && fields.iter().all(|field| field["objectTypeId"] == "0-1" && field["name"].is_string());
    match typed && seen.path == "/submissions/v3/integration/submit/1234/c0ffee-1" {
        true => reply(200, json!({ "inlineMessage": "Thanks" })),
        false => reply(400, json!({ "message": "The request is not valid", "errors": [{ "errorType": "INVALID_FORM" }] })),
    }
}

/// As Salesforce: a lead needs LastName and Company.
fn salesforce(seen: &Seen, _: usize) -> Reply {
    let body = seen.json();
    if seen.header("authorization") != "Bearer 00D!token" {
        return reply(401, json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]));
    }
    let fits = seen.path == "/services/data/v62.0/sobjects/Lead" && is_json(seen);
    if !fits || !body["LastName"].is_string() || !body["Company"].is_string() {
        return reply(400, json!([{ "message": "Required fields are missing", "errorCode": "REQUIRED_FIELD_MISSING" }]));
    }
    reply(201, json!({ "id": "00Q000000000001", "success": true, "errors": [] }))
}

/// As Web-to-Lead: it answers alike whatever comes.
fn web_to_lead(seen: &Seen, _: usize) -> Reply {
    let form = seen.form();
    let fits = seen.path == "/servlet/servlet.WebToLead" && seen.query == "encoding=UTF-8";
    assert!(
        fits && form["oid"] == "00D000000000001" && form.contains_key("last_name") && form.contains_key("company"),
        "{seen:?}"
    );
    reply(200, json!("<html></html>"))
}

/// As Pipedrive: a person, then a lead that names it.
fn pipedrive(seen: &Seen, _: usize) -> Reply {
    let body = seen.json();
    if seen.header("x-api-token") != "pd-token" {
        return reply(401, json!({ "success": false, "error": "unauthorized access", "errorCode": 401 }));
    }
    let emails = body["emails"].as_array().is_some_and(|all| all.iter().all(|email| email["value"].is_string()));
    match seen.path.as_str() {
        "/api/v2/persons" if is_json(seen) && body["name"].is_string() && emails => {
            reply(201, json!({ "success": true, "data": { "id": 77 } }))
        }
        "/v1/leads" if body["person_id"] == 77 && body["title"].is_string() => {
            reply(201, json!({ "success": true, "data": { "id": "adf21080-0e10-11eb-879b-05d71fb426ec" } }))
        }
        _ => {
            reply(400, json!({ "success": false, "error": "Bad request", "error_info": "Please check developers.pipedrive.com" }))
        }
    }
}

/// As Bitrix24: the secret stands in the address, phones and e-mails are lists.
fn bitrix24(seen: &Seen, _: usize) -> Reply {
    let fields = seen.json()["fields"].clone();
    if seen.path != "/rest/7/c0de/crm.lead.add.json" {
        return reply(401, json!({ "error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials" }));
    }
    if !fields["TITLE"].is_string() || !fields["PHONE"][0]["VALUE"].is_string() || fields["PHONE"][0]["VALUE_TYPE"] != "WORK" {
        return reply(400, json!({ "error": "", "error_description": "Invalid fields" }));
    }
    reply(200, json!({ "result": 3471, "time": { "start": 1 } }))
}

/// As Kommo: a list of leads, each with its contact.
fn kommo(seen: &Seen, _: usize) -> Reply {
    let lead = seen.json()[0].clone();
    if seen.header("authorization") != "Bearer kommo-token" {
        return reply(401, json!({ "title": "Unauthorized", "status": 401, "detail": "wrong token" }));
    }
    let contact = &lead["_embedded"]["contacts"][0];
    let fits = seen.path == "/api/v4/leads/complex" && seen.json().is_array() && lead["name"].is_string();
    if !fits || contact["custom_fields_values"][0]["field_code"] != "PHONE" {
        return reply(
            400,
            json!({ "validation-errors": [{ "errors": [{ "path": "name", "detail": "This field is missing." }] }] }),
        );
    }
    reply(200, json!([{ "id": 9021, "contact_id": 1, "company_id": null, "request_id": [lead["request_id"]], "merged": false }]))
}

/// As Zapier: flat JSON.
fn zapier(seen: &Seen, _: usize) -> Reply {
    let body = seen.json();
    let flat = body.as_object().is_some_and(|all| all.values().all(|value| !value.is_object() && !value.is_array()));
    match flat && seen.path == "/hooks/catch/1/abc/" && body["attribute_nights"] == "7" && body["test"] == false {
        true => reply(200, json!({ "status": "success", "id": "zap-1" })),
        false => reply(400, json!({ "status": "error" })),
    }
}

/// An endpoint of a buyer's own.
fn own(seen: &Seen, _: usize) -> Reply {
    let basic = "Basic YWRhOmh1bnRlcjI=";
    let expected = json!({ "who": "Kari Nordmann", "place": "Bergen", "nights": "7" });
    match seen.header("authorization") == basic && seen.header("x-source") == "Clearlead s3cret" && seen.json() == expected {
        true => reply(200, json!({ "result": { "status": "OK", "id": 12 } })),
        false => reply(200, json!({ "result": { "status": "REFUSED", "why": "not as we want it" } })),
    }
}

/// A dealer's system.
fn dealer(seen: &Seen, _: usize) -> Reply {
    let fits = seen.header("content-type") == "application/x-adf+xml" && seen.body.contains("<?adf version=\"1.0\"?>");
    let whom =
        seen.body.contains("<name part=\"first\">Kari</name>") && seen.body.contains("<name part=\"full\">Van House</name>");
    reply(if fits && whom { 200 } else { 400 }, Value::Null)
}

type Case = (&'static str, fn(&Seen, usize) -> Reply, Value, &'static [(&'static str, &'static str)], Value, usize);

/// The kind, the server, the settings, the secrets, the other side's id, the requests.
fn cases() -> Vec<Case> {
    vec![
        ("HUBSPOT_CONTACT", hubspot, json!({ "hubspotContact": {} }), &[("access_token", "pat-na1-1")], json!("501"), 1),
        (
            "HUBSPOT_FORM",
            hubspot_form,
            json!({ "hubspotForm": { "portalId": "1234", "formGuid": "c0ffee-1" } }),
            &[],
            Value::Null,
            1,
        ),
        (
            "SALESFORCE_REST",
            salesforce,
            json!({ "salesforceRest": { "instanceUrl": "https://acme.my.salesforce.com" } }),
            &[("access_token", "00D!token")],
            json!("00Q000000000001"),
            1,
        ),
        ("SALESFORCE_WEB", web_to_lead, json!({ "salesforceWeb": { "organizationId": "00D000000000001" } }), &[], Value::Null, 1),
        (
            "PIPEDRIVE",
            pipedrive,
            json!({ "pipedrive": { "domain": "acme" } }),
            &[("api_token", "pd-token")],
            json!("adf21080-0e10-11eb-879b-05d71fb426ec"),
            2,
        ),
        (
            "BITRIX24",
            bitrix24,
            json!({ "bitrix24": { "portalUrl": "https://acme.bitrix24.com", "userId": 7 } }),
            &[("webhook_code", "c0de")],
            json!("3471"),
            1,
        ),
        (
            "KOMMO",
            kommo,
            json!({ "kommo": { "accountUrl": "https://acme.kommo.com", "tags": ["Clearlead"] } }),
            &[("access_token", "kommo-token")],
            json!("9021"),
            1,
        ),
    ]
}

on_each_backend! {
    async fn each_system_gets_a_lead_as_it_wants_it(x: Exchange) {
        let scene = Scene::open(x).await;
        for (n, (kind, answers, settings, secrets, external_id, requests)) in (1_u32..).zip(cases()) {
            let vendor = Vendor::start(answers).await;
            scene.default_to(json!({ "settings": settings, "baseUrl": vendor.url }), secrets).await;
            let trade = scene.bought(n).await;
            scene.made(n.into()).await;
            assert_eq!(scene.run().await, 1, "{kind}");
            let delivery = scene.delivery().await;
            assert_eq!((&delivery["state"], &delivery["externalId"]), (&json!("DELIVERED"), &external_id), "{kind}: {delivery:#}");
            assert_eq!(vendor.count(), requests, "{kind}");
            let seen = scene.trade(trade).await;
            assert!(seen["deliveredAt"].is_string() && seen["holdWaitsForDelivery"] == false, "{kind}: {seen}");
            let keys: Vec<String> = vendor.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
            assert!(keys[0] == delivery["id"] && (requests == 1 || keys[0] != keys[1]), "{keys:?}");
        }
        // As for everybody who sees contact details, there is a row for each.
        assert_eq!(scene.x.count("contact_reveal").await, 7);
        assert_eq!(scene.run().await, 0, "nothing is left");
    }

    async fn what_was_bought_before_a_destination_was_made_is_none_of_its_business(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|_, _| reply(200, json!({}))).await;
        scene.bought(1).await;
        scene.x.clock.advance_secs(1);
        let elsewhere = scene.destination(json!({
            "name": "Elsewhere", "destination": hook(), "secrets": [{ "name": "url", "value": vendor.url }],
        })).await;
        assert_eq!(elsewhere["userErrors"], json!([]));
        scene.bought(2).await;
        scene.x.clock.advance_secs(1);
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        let third = scene.bought(3).await;
        scene.made(1).await;
        scene.run().await;
        assert_eq!((scene.delivery().await["tradeId"].clone(), vendor.count()), (json!(third.to_string()), 1));
    }

    async fn hooks_and_endpoints_of_ones_own_get_a_lead(x: Exchange) {
        let scene = Scene::open(x).await;
        let (zapier, own, dealer) = (Vendor::start(zapier).await, Vendor::start(own).await, Vendor::start(dealer).await);
        let address = format!("{}/hooks/catch/1/abc/", zapier.url);
        let http = json!({
            "url": own.url, "auth": { "basic": "ada" },
            "headers": [{ "name": "X-Source", "value": "{{ sender }} {{ secrets.extra }}" }],
            "body": { "json": "{ \"who\": {{ full_name }}, \"place\": {{ city }}, \"nights\": {{ attributes.nights }} }" },
            "successRule": { "equals": { "pointer": "/result/status", "value": "OK" } },
            "externalId": "/result/id", "rejectReason": "/result/why",
        });
        let adf = json!({ "vendor": "Van House", "transport": { "url": dealer.url } });
        let cases = [
            (json!({ "hook": { "platform": "OTHER" } }), vec![("url", address.as_str())], json!("zap-1")),
            (json!({ "http": http }), vec![("password", "hunter2"), ("extra", "s3cret")], json!("12")),
            (json!({ "adf": adf }), vec![], Value::Null),
        ];
        for (n, (settings, secrets, external_id)) in (1_u32..).zip(cases) {
            scene.default_to(json!({ "settings": settings }), &secrets).await;
            scene.bought(n).await;
            scene.made(n.into()).await;
            scene.run().await;
            let delivery = scene.delivery().await;
            assert_eq!((&delivery["state"], &delivery["externalId"]), (&json!("DELIVERED"), &external_id), "{delivery:#}");
        }
        // Its own rule says what success is: this lead is refused, with the reason, and not tried again.
        own.now(|_, _| reply(200, json!({ "result": { "status": "REFUSED", "why": "no more tours" } })));
        scene.turn("destinationUpdate", json!({ "destinationId": scene.deliveries().await[1]["destinationId"], "isDefault": true })).await;
        scene.bought(9).await;
        scene.made(4).await;
        scene.run().await;
        let refused = scene.delivery().await;
        assert_eq!((&refused["state"], &refused["reason"]), (&json!("FAILED"), &json!("no more tours")));
    }

    async fn a_known_contact_is_a_duplicate_or_gets_the_new_values(x: Exchange) {
        let scene = Scene::open(x).await;
        let vendor = Vendor::start(|seen, before| hubspot(seen, before + 1)).await;
        let contact = |update: bool| json!({ "settings": { "hubspotContact": { "updateExisting": update } }, "baseUrl": vendor.url });
        let secrets = [("access_token", "pat-na1-1")];
        scene.default_to(contact(true), &secrets).await;
        scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let steps = vec![("CONTINUED".to_owned(), json!(409)), ("ACCEPTED".to_owned(), json!(200))];
        assert_eq!(attempts(&scene.delivery().await), steps);
        scene.default_to(contact(false), &secrets).await;
        scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        let delivery = scene.delivery().await;
        assert_eq!((&delivery["state"], attempts(&delivery)), (&json!("DELIVERED"), vec![("DUPLICATE".to_owned(), json!(409))]));
    }

    async fn a_mail_says_that_there_is_a_lead_in_the_buyers_language(x: Exchange) {
        let scene = Scene::open(x).await;
        scene.x.tamper("UPDATE organization SET locale = 'pt-BR'").await.unwrap();
        scene.default_to(json!({ "settings": { "email": { "to": ["leads@advertiser.example"] } } }), &[]).await;
        let trade = scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        assert_eq!(scene.delivery().await["state"], "DELIVERED");
        let mail = scene.x.outbox.mail.take_leads().pop().unwrap();
        assert_eq!((mail.to.as_slice(), mail.subject.as_str()), (["leads@advertiser.example".to_owned()].as_slice(), "Novo lead: travel/tour, Bergen"));
        assert!(mail.text.contains(&trade.to_string()) && mail.html.as_ref().unwrap().contains("<"), "{}", mail.text);
        for text in [&mail.text, mail.html.as_ref().unwrap()] {
            assert!(!text.contains("Nordmann") && !text.contains("91200001") && !text.contains("fjelltur.no"), "{text}");
        }
        // Nobody has seen the person yet: the hold waits, and there is no look.
        assert_eq!((scene.trade(trade).await["deliveredAt"].clone(), scene.x.count("contact_reveal").await), (Value::Null, 0));
        let open = json!({ "settings": { "email": { "to": ["leads@advertiser.example"], "personalData": true, "text": "Call {{ full_name }}" } } });
        scene.default_to(open, &[]).await;
        let trade = scene.bought(2).await;
        scene.made(2).await;
        scene.run().await;
        let mail = scene.x.outbox.mail.take_leads().pop().unwrap();
        assert_eq!((mail.text.as_str(), mail.html.as_deref()), ("Call Kari Nordmann", None));
        assert!(scene.trade(trade).await["deliveredAt"].is_string());
        assert_eq!(scene.x.count("contact_reveal").await, 1);
    }
}
