//! Leads: intake, checks, duplicates, confirmations, the do-not-contact list, scores, and what stays secret.

mod calls;
mod confirmation;
mod hooks;
mod intake;
mod meta;
mod people;
mod secrecy;
mod signed;
mod suppression;
mod verification;
mod verticals;

use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};

/// Code and path of each user error.
fn errors(payload: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = |error: &Value| error["path"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(".");
    payload["userErrors"].as_array().unwrap().iter().map(|error| (text(&error["code"]), path(error))).collect()
}

fn outcome(lead: &Value, kind: &str) -> Option<String> {
    let checks = lead["checks"].as_array().unwrap();
    checks.iter().find(|check| check["kind"] == kind).map(|check| check["outcome"].as_str().unwrap().to_owned())
}

const LEAD: &str = "query($id: ID!) { lead(id: $id) { id state level score temperature
    checks { kind outcome evidence { fact value } } checkHistory { kind outcome recordedById } } }";

async fn lead(x: &Exchange, seller: &Actor, id: &str) -> Value {
    seller.run(x, LEAD, json!({ "id": id })).await["lead"].clone()
}

/// Runs one mutation with one input on a lead; answers the payload.
async fn act(x: &Exchange, actor: &Actor, mutation: &str, input: Value) -> Value {
    let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ \
         lead {{ id state level checks {{ kind outcome evidence {{ fact value }} }} }} userErrors {{ code message path }} }} }}"
    );
    actor.run(x, &query, json!({ "input": input })).await[mutation].clone()
}
