//! Files of leads, from the announcement of a file to the leads and the refused rows.

mod content;
mod crash;
mod files;
mod lists;
mod over_http;
pub(crate) mod process;
pub mod removal;
mod turns;
mod whole;

use api::app::imports::imports_advance;
use api::app::uploads::{UploadProof, upload_put};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use crate::harness::{Actor, Exchange};

/// A mapping for the columns Ref, Name, Phone, Email, Age, Balance.
pub const MAPPING: &str = r##"
vertical = "finance/deposit"
[file]
phone_region = "PT"
[fields]
name = "Name"
phone = "Phone"
email = "Email"
age = "Age"
seller_reference = "Ref"
interest = { constant = "ADVICE" }
source = { constant = "SEARCH_AD" }
country = { constant = "PT" }
consent_text = { constant = "I agree that my details are passed on." }
[attributes]
balance = "Balance"
"##;

const IMPORT: &str = "id state rowsRead rowsAccepted rowsRefused rowsDuplicate rowsSkipped bytesRead bytesTotal error";

/// A seller on an exchange with the starter set of verticals.
pub async fn seller(x: &Exchange) -> Actor {
    api::app::verticals::verticals_seed(&x.app).await.unwrap();
    x.organization("Agency").await
}

/// Announces a file; answers the payload.
pub async fn announce(x: &Exchange, actor: &Actor, purpose: &str, name: &str) -> Value {
    let query = "mutation($input: UploadCreateInput!) { uploadCreate(input: $input) {
        upload { id state maxBytes sizeBytes } path token userErrors { code path } } }";
    actor.run(x, query, json!({ "input": { "purpose": purpose, "fileName": name } })).await["uploadCreate"].clone()
}

/// Announces and puts a file of leads; answers the upload's id.
pub async fn put(x: &Exchange, actor: &Actor, bytes: &[u8]) -> String {
    put_for(x, actor, "LEADS", "leads.csv", bytes).await
}

/// Announces and puts a file for some purpose; answers the upload's id.
pub async fn put_for(x: &Exchange, actor: &Actor, purpose: &str, name: &str, bytes: &[u8]) -> String {
    let announced = announce(x, actor, purpose, name).await;
    let id = announced["upload"]["id"].as_str().unwrap().to_owned();
    let proof = UploadProof::Token(announced["token"].as_str().unwrap().into());
    let chunks: Vec<Result<Bytes, std::io::Error>> = bytes.chunks(7_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    upload_put(&x.app, &proof, id.parse().unwrap(), None, stream::iter(chunks)).await.unwrap();
    id
}

/// Asks for the import of a file; answers the payload.
pub async fn import(x: &Exchange, actor: &Actor, upload: &str, mapping: &str) -> Value {
    let query = format!(
        "mutation($input: LeadsImportInput!) {{ leadsImport(input: $input) {{
            import {{ {IMPORT} }} userErrors {{ code message path }} }} }}"
    );
    actor.run(x, &query, json!({ "input": { "uploadId": upload, "mapping": mapping } })).await["leadsImport"].clone()
}

/// Runs everything that waits.
pub async fn work(x: &Exchange) {
    while imports_advance(&x.app).await.unwrap() > 0 {}
}

/// An import as its seller sees it.
pub async fn look(x: &Exchange, actor: &Actor, id: &str) -> Value {
    let query = format!("query($id: ID!) {{ import(id: $id) {{ {IMPORT} }} }}");
    actor.run(x, &query, json!({ "id": id })).await["import"].clone()
}

/// The refusals of an import: line, column, code.
pub async fn refusals(x: &Exchange, actor: &Actor, id: &str) -> Vec<(i64, String, String)> {
    let query = "query($id: ID!) { import(id: $id) { refusals(first: 100) { edges { node { line column code reason } } } } }";
    let found = actor.run(x, query, json!({ "id": id })).await;
    let edges = found["import"]["refusals"]["edges"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    edges
        .iter()
        .map(|edge| (edge["node"]["line"].as_i64().unwrap(), text(&edge["node"]["column"]), text(&edge["node"]["code"])))
        .collect()
}

/// Imports a file with a mapping to the end; answers the import.
pub async fn whole(x: &Exchange, actor: &Actor, bytes: &[u8], mapping: &str) -> Value {
    let upload = put(x, actor, bytes).await;
    let queued = import(x, actor, &upload, mapping).await;
    assert_eq!(queued["userErrors"], json!([]), "{queued:#}");
    work(x).await;
    look(x, actor, queued["import"]["id"].as_str().unwrap()).await
}

/// How many rows were read, accepted, refused, found to be duplicates, skipped.
pub fn tally(import: &Value) -> [i64; 5] {
    ["rowsRead", "rowsAccepted", "rowsRefused", "rowsDuplicate", "rowsSkipped"].map(|field| import[field].as_i64().unwrap())
}

/// A file of `rows` people.
pub fn people(rows: usize) -> String {
    let mut text = "Ref,Name,Phone,Email,Age,Balance\n".to_owned();
    for row in 0..rows {
        text += &format!("r{row},Ana Alves,91{row:07},ana{row}@example.com,{},{}\n", 20 + row % 60, row);
    }
    text
}
