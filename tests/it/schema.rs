//! The contract as a file: what is committed is what is served, and everything in it says what it means.

use std::fs;
use std::path::{Path, PathBuf};

use api::http::problem::ProblemCode;
use serde_json::{Value, json};

use crate::harness::{Database, Exchange};

const EVERYTHING: &str = "{ __schema { types { name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description } enumValues(includeDeprecated: true) { name description } } } }";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn the_committed_schema_is_the_served_one_byte_for_byte() {
    let committed = fs::read_to_string(root("schema.graphql")).unwrap();
    let same = committed == api::graphql::sdl();
    assert!(same, "run `cargo run -- schema --write schema.graphql`, and name what breaks clients in docs/schema-changes.md");
}

#[test]
fn every_code_of_an_error_stands_in_the_manual() {
    let manual = fs::read_to_string(root("docs/API.md")).unwrap();
    let unnamed = |code: &&ProblemCode| !manual.contains(&format!("`{}`", code.as_str()));
    assert_eq!(ProblemCode::ALL.iter().filter(unnamed).collect::<Vec<_>>(), Vec::<&ProblemCode>::new());
}

#[tokio::test]
async fn everything_in_the_schema_says_what_it_means() {
    let x = Exchange::start(Database::Sqlite).await;
    let answer = x.anonymous(EVERYTHING, json!({})).await;
    let mut silent = Vec::new();
    let mut look = |of: &Value, name: String| {
        if of["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.push(name);
        }
    };
    for ty in list(&answer["data"]["__schema"]["types"]) {
        let name = ty["name"].as_str().unwrap();
        // The language's own scalar `ID` and the introspection types are not ours to describe.
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        look(ty, name.to_owned());
        for field in list(&ty["fields"]) {
            let field_name = format!("{name}.{}", field["name"].as_str().unwrap());
            for arg in list(&field["args"]) {
                look(arg, format!("{field_name}({})", arg["name"].as_str().unwrap()));
            }
            look(field, field_name);
        }
        for part in list(&ty["inputFields"]).iter().chain(list(&ty["enumValues"])) {
            look(part, format!("{name}.{}", part["name"].as_str().unwrap()));
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

#[tokio::test]
async fn the_explorers_examples_fit_the_schema() {
    let x = Exchange::start(Database::Sqlite).await;
    let mut names: Vec<_> = fs::read_dir(root("api/explorer/examples")).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    let examples: Vec<_> = names.iter().filter(|path| path.extension().is_some_and(|kind| kind == "graphql")).collect();
    assert_eq!(examples.len(), 8);
    for example in examples {
        let text = fs::read_to_string(example).unwrap();
        let variables = example.with_extension("json");
        let variables = if variables.exists() { fs::read_to_string(variables).unwrap() } else { "{}".to_owned() };
        let variables: Value = serde_json::from_str(&variables).unwrap();
        let answer = x.anonymous(&text, variables).await;
        for error in list(&answer["errors"]) {
            // A resolver's no has a path or a code; what does not fit the schema has neither.
            let fits = error["path"].is_array() || error["message"] == "Subscriptions are not supported on this transport.";
            assert!(fits, "{}: {error}", example.display());
        }
    }
}
