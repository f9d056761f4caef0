//! Makes a well-formed operation for any root field of the schema, from the schema's own description of itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::Exchange;

const INTROSPECTION: &str = "{ __schema { types { kind name isOneOf
    fields(includeDeprecated: true) { name args { name defaultValue type { ...T } } type { ...T } }
    inputFields { name defaultValue type { ...T } } enumValues { name } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types of the schema, by name.
pub struct Types(BTreeMap<String, Value>);

impl Types {
    pub async fn of(x: &Exchange) -> Self {
        let answer = x.anonymous(INTROSPECTION, Value::Null).await;
        let types = answer["data"]["__schema"]["types"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
        Self(types.iter().map(|t| (t["name"].as_str().unwrap().to_owned(), t.clone())).collect())
    }

    /// Every object and interface type of ours with its fields: `Type.field`.
    pub fn fields(&self) -> Vec<String> {
        let ours = self.0.values().filter(|t| matches!(t["kind"].as_str(), Some("OBJECT" | "INTERFACE")));
        let ours = ours.filter(|t| !t["name"].as_str().unwrap().starts_with("__"));
        ours.flat_map(|t| {
            let name = t["name"].as_str().unwrap();
            t["fields"].as_array().unwrap().iter().map(move |f| format!("{name}.{}", f["name"].as_str().unwrap()))
        })
        .collect()
    }

    /// The names of the root fields of `root` (`Query`, `Mutation`, `Subscription`).
    pub fn root_fields(&self, root: &str) -> Vec<String> {
        let Some(root) = self.0.get(root) else { return Vec::new() };
        root["fields"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect()
    }

    /// An operation that asks for `field` of `root`, with arguments that are of the right form and mean nothing.
    pub fn operation(&self, root: &str, field: &str) -> String {
        let fields = self.0[root]["fields"].as_array().unwrap();
        let described = fields.iter().find(|f| f["name"] == field).unwrap();
        let args: Vec<String> = described["args"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["type"]["kind"] == "NON_NULL" && a["defaultValue"].is_null())
            .map(|a| {
                let name = a["name"].as_str().unwrap();
                // A plain `id` is the id of what the field is named after.
                let meaning = if name == "id" { field } else { name };
                format!("{name}: {}", self.literal(meaning, &a["type"]))
            })
            .collect();
        let args = if args.is_empty() { String::new() } else { format!("({})", args.join(", ")) };
        let selection = self.selection(&described["type"]);
        format!("{} {{ {field}{args} {selection} }}", root.to_lowercase())
    }

    fn selection(&self, of: &Value) -> &'static str {
        let named = innermost(of);
        match named["kind"].as_str().unwrap() {
            "OBJECT" | "INTERFACE" | "UNION" => {
                let fields = self.0[named["name"].as_str().unwrap()]["fields"].as_array();
                let pays = fields.is_some_and(|fields| fields.iter().any(|f| f["name"] == "userErrors"));
                if pays { "{ userErrors { code path } }" } else { "{ __typename }" }
            }
            _ => "",
        }
    }

    fn literal(&self, name: &str, of: &Value) -> String {
        match of["kind"].as_str().unwrap() {
            "NON_NULL" => self.literal(name, &of["ofType"]),
            "LIST" => format!("[{}]", self.literal(name, &of["ofType"])),
            "ENUM" => self.0[of["name"].as_str().unwrap()]["enumValues"][0]["name"].as_str().unwrap().to_owned(),
            "INPUT_OBJECT" => {
                let input = &self.0[of["name"].as_str().unwrap()];
                let fields = input["inputFields"].as_array().unwrap();
                let one_of = input["isOneOf"] == true;
                let needed = |f: &&Value| f["type"]["kind"] == "NON_NULL" && f["defaultValue"].is_null();
                let required: Vec<&Value> =
                    if one_of { fields.iter().take(1).collect() } else { fields.iter().filter(needed).collect() };
                let inner: Vec<String> = required
                    .into_iter()
                    .map(|f| {
                        let name = f["name"].as_str().unwrap();
                        format!("{name}: {}", self.literal(name, &f["type"]))
                    })
                    .collect();
                format!("{{{}}}", inner.join(", "))
            }
            _ => scalar(name, of["name"].as_str().unwrap()),
        }
    }
}

fn innermost(of: &Value) -> &Value {
    if of["ofType"].is_null() { of } else { innermost(&of["ofType"]) }
}

fn scalar(name: &str, of: &str) -> String {
    match of {
        "ID" => format!("\"{}_00000000000000000000000009\"", prefix(name)),
        "Int" | "Float" => "1".to_owned(),
        "Boolean" => "false".to_owned(),
        "Decimal" => "\"1\"".to_owned(),
        "CurrencyCode" => "\"EUR\"".to_owned(),
        "DateTime" => "\"2026-03-02T10:00:00Z\"".to_owned(),
        "Date" | "NaiveDate" => "\"2026-03-02\"".to_owned(),
        _ => "\"x\"".to_owned(),
    }
}

/// The prefix of the id that an argument of this name holds.
fn prefix(name: &str) -> &'static str {
    let noun = name.trim_end_matches("Ids").trim_end_matches("Id");
    match noun {
        "organization" | "target" | "seller" | "buyer" => "org",
        "user" | "agent" => "user",
        "member" | "membership" => "mem",
        "invitation" => "inv",
        "session" => "ses",
        "apiKey" | "key" => "key",
        "leadHook" => "hook",
        "form" => "form",
        "vertical" => "vert",
        "upload" => "upl",
        "import" => "imp",
        "listing" => "lst",
        "bid" => "bid",
        "trade" => "trd",
        "dispute" => "dsp",
        "client" => "cli",
        "delivery" => "dlv",
        "destination" => "dst",
        "deposit" => "dep",
        "webhookEndpoint" => "whe",
        "webhookDelivery" => "msg",
        "withdrawal" => "wdr",
        "topUp" => "top",
        "cardDispute" => "cdp",
        "suppression" => "sup",
        "confirmation" => "conf",
        "evidence" | "file" => "evd",
        _ => "lead",
    }
}
