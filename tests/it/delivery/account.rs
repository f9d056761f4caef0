//! A vendor's account behind OAuth: a token endpoint that checks what the real ones check, and an API that takes the token that holds.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::vendor::{Reply, Seen, reply};

/// How a vendor's token endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Form,
    Basic,
    Query,
    Json,
}

/// A vendor's account behind OAuth.
#[derive(Clone)]
pub struct Account {
    pub wire: Wire,
    /// Where tokens are got.
    pub path: &'static str,
    /// Whether a refresh token ends with its use.
    pub rotates: bool,
    /// What stands in the answer besides.
    pub says: Value,
    /// How many access tokens it has given; only the last one holds.
    pub given: Arc<Mutex<u32>>,
}

impl Account {
    pub fn new(wire: Wire, path: &'static str, rotates: bool, says: Value) -> Self {
        Self { wire, path, rotates, says, given: Arc::default() }
    }

    pub fn given(&self) -> u32 {
        *self.given.lock().unwrap()
    }

    /// Lets the token that was given last hold no more.
    pub fn revoke(&self) {
        *self.given.lock().unwrap() += 100;
    }

    pub fn is_token_request(&self, seen: &Seen) -> bool {
        seen.path == self.path
    }

    /// Whether the request carries the token that holds.
    pub fn lets_in(&self, seen: &Seen) -> bool {
        let token = format!("access-{}", self.given());
        seen.header("authorization") == format!("Bearer {token}") || seen.json()["auth"] == token
    }

    /// As the token endpoint.
    pub fn token(&self, seen: &Seen) -> Reply {
        let json = seen.json();
        let form = if self.wire == Wire::Query { Seen { body: seen.query.clone(), ..seen.clone() }.form() } else { seen.form() };
        let said = |name: &str| match self.wire {
            Wire::Json => json[name].as_str().unwrap_or_default().to_owned(),
            _ => form.get(name).cloned().unwrap_or_default(),
        };
        let method = if self.wire == Wire::Query { "GET" } else { "POST" };
        let content_type = match self.wire {
            Wire::Query => "",
            Wire::Json => "application/json",
            Wire::Form | Wire::Basic => "application/x-www-form-urlencoded",
        };
        assert_eq!((seen.method.as_str(), seen.header("content-type")), (method, content_type), "{seen:?}");
        let app = match self.wire {
            // app-1:s3cret
            Wire::Basic => seen.header("authorization") == "Basic YXBwLTE6czNjcmV0" && said("client_secret").is_empty(),
            Wire::Json => {
                said("client_id") == "app-1"
                    && said("client_secret") == "s3cret"
                    && said("redirect_uri") == "https://app.example/back"
            }
            _ => said("client_id") == "app-1" && said("client_secret") == "s3cret",
        };
        if !app {
            return reply(401, json!({ "error": "invalid_client", "error_description": "invalid client credentials" }));
        }
        let mut given = self.given.lock().unwrap();
        let refresh = if self.rotates { format!("refresh-{given}") } else { "refresh-0".to_owned() };
        match said("grant_type").as_str() {
            "client_credentials" => {}
            "refresh_token" if said("refresh_token") == refresh => {}
            "refresh_token" if self.wire == Wire::Json => {
                return reply(
                    400,
                    json!({ "hint": "Token has been revoked", "title": "Bad Request", "status": 400, "detail": "Check the token" }),
                );
            }
            _ => return reply(400, json!({ "error": "invalid_grant", "error_description": "the refresh token is not valid" })),
        }
        *given += 1;
        let mut answer = json!({ "access_token": format!("access-{given}"), "token_type": "Bearer" });
        if self.rotates {
            answer["refresh_token"] = json!(format!("refresh-{given}"));
        }
        for (name, value) in self.says.as_object().unwrap() {
            answer[name] = value.clone();
        }
        reply(200, answer)
    }

    /// The whole vendor: tokens, and an API that answers `accepted` to who has one.
    pub fn answers(&self, accepted: fn(&Seen) -> Reply) -> impl Fn(&Seen, usize) -> Reply + Send + Sync + use<> {
        let account = self.clone();
        move |seen, _| match account.is_token_request(seen) {
            true => account.token(seen),
            false if account.lets_in(seen) => accepted(seen),
            false => reply(401, json!({ "message": "the access token has expired", "error": "expired_token" })),
        }
    }
}

pub fn hubspot_lead(seen: &Seen) -> Reply {
    let fits = seen.path == "/crm/v3/objects/contacts" && seen.json()["properties"]["email"].is_string();
    if fits { reply(201, json!({ "id": "501" })) } else { reply(400, json!({ "message": "no" })) }
}

pub fn salesforce_lead(seen: &Seen) -> Reply {
    let fits = seen.path == "/services/data/v62.0/sobjects/Lead" && seen.json()["LastName"].is_string();
    if fits { reply(201, json!({ "id": "501", "success": true })) } else { reply(400, json!([{ "message": "no" }])) }
}

pub fn pipedrive_lead(seen: &Seen) -> Reply {
    match (seen.path.as_str(), seen.json()["person_id"].as_u64()) {
        ("/api/v2/persons", None) => reply(201, json!({ "success": true, "data": { "id": 77 } })),
        ("/v1/leads", Some(77)) => reply(201, json!({ "success": true, "data": { "id": "501" } })),
        _ => reply(400, json!({ "success": false, "error": "no" })),
    }
}

pub fn bitrix24_lead(seen: &Seen) -> Reply {
    let fits = seen.path == "/rest/crm.lead.add.json" && seen.json()["fields"]["TITLE"].is_string();
    reply(200, if fits { json!({ "result": 501 }) } else { json!({ "error": "", "error_description": "no" }) })
}

pub fn kommo_lead(seen: &Seen) -> Reply {
    let fits = seen.path == "/api/v4/leads/complex" && seen.json()[0]["name"].is_string();
    if fits { reply(200, json!([{ "id": 501, "merged": false }])) } else { reply(400, json!({ "detail": "no" })) }
}

pub fn kommo() -> Account {
    Account::new(Wire::Json, "/oauth2/access_token", true, json!({ "expires_in": 86_400 }))
}

pub fn hubspot() -> Account {
    Account::new(Wire::Form, "/oauth/v1/token", false, json!({ "expires_in": 1_800, "refresh_token": "refresh-0" }))
}

pub fn with_app(settings: Value, base: &str) -> Value {
    json!({ "settings": settings, "baseUrl": base, "oauth": { "clientId": "app-1", "redirectUrl": "https://app.example/back" } })
}

pub fn kommo_at(base: &str) -> Value {
    with_app(json!({ "kommo": { "accountUrl": "https://acme.kommo.com" } }), base)
}

pub fn hubspot_at(base: &str) -> Value {
    with_app(json!({ "hubspotContact": {} }), base)
}

pub const SECRETS: &[(&str, &str)] = &[("client_secret", "s3cret"), ("refresh_token", "refresh-0")];

/// An account, what it answers to a lead, its settings, and whether its token names the address of the API.
type Case = (Account, fn(&Seen) -> Reply, Value, bool);

/// One of each system.
pub fn vendors() -> Vec<Case> {
    let salesforce = || json!({ "salesforceRest": { "instanceUrl": "https://acme.my.salesforce.com" } });
    let at = "/services/oauth2/token";
    vec![
        (Account::new(Wire::Form, at, false, json!({})), salesforce_lead, salesforce(), true),
        (Account::new(Wire::Form, at, false, json!({ "own": true })), salesforce_lead, salesforce(), true),
        (hubspot(), hubspot_lead, json!({ "hubspotContact": {} }), false),
        (
            Account::new(Wire::Basic, "/oauth/token", true, json!({ "expires_in": 3_600 })),
            pipedrive_lead,
            json!({ "pipedrive": { "domain": "acme" } }),
            true,
        ),
        (
            Account::new(
                Wire::Query,
                "/oauth/token/",
                true,
                json!({ "expires_in": 3_600, "client_endpoint": "https://acme.bitrix24.com/rest/" }),
            ),
            bitrix24_lead,
            json!({ "bitrix24": { "portalUrl": "https://acme.bitrix24.com" } }),
            false,
        ),
        (kommo(), kommo_lead, json!({ "kommo": { "accountUrl": "https://acme.kommo.com" } }), false),
    ]
}
