//! The parameters of one GraphQL request, from a JSON body or from a query string.

use async_graphql::{Name, Value, Variables};
use domain::text::has_control_character;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::problem::{Problem, ProblemCode};

/// One request, before its document is known: a persisted query comes without one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parameters {
    /// The document.
    pub(super) query: Option<String>,
    /// Which of the document's operations to run.
    pub(super) operation_name: Option<String>,
    /// The values of its variables.
    pub(super) variables: Map<String, Json>,
    /// The SHA-256 of the document, in lower-case hexadecimal, if the client uses persisted queries.
    pub(super) persisted_hash: Option<String>,
}

#[derive(Deserialize)]
struct QueryString {
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

impl Parameters {
    /// Reads a body. Members that the protocol does not know are left alone, as it asks.
    pub(super) fn from_body(body: &[u8], variables_depth: usize) -> Result<Self, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(bad("the body is empty; send a JSON object with `query`"));
        }
        match serde_json::from_slice(body) {
            Ok(Json::Object(object)) => Self::from_object(object, variables_depth),
            Ok(Json::Array(_)) => {
                Err(Problem::new(ProblemCode::BatchUnsupported, "send one request per body; a list of requests is not accepted"))
            }
            Ok(_) => Err(bad("the body must be a JSON object")),
            Err(error) => Err(bad(format!("the body is not JSON (line {}, column {})", error.line(), error.column()))),
        }
    }

    /// Reads the query string of a GET.
    pub(super) fn from_query_string(text: &str, variables_depth: usize) -> Result<Self, Problem> {
        let parsed: axum::extract::Query<QueryString> = format!("/?{text}")
            .parse()
            .ok()
            .and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok())
            .ok_or_else(|| bad("the query string is malformed, or names a parameter twice"))?;
        let QueryString { query, operation_name, variables, extensions } = parsed.0;
        let mut object = Map::new();
        for (name, value) in [("query", query), ("operationName", operation_name)] {
            object.extend(value.map(|value| (name.to_owned(), Json::String(value))));
        }
        for (name, value) in [("variables", variables), ("extensions", extensions)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let value = serde_json::from_str(&value).map_err(|_| bad(format!("`{name}` is not JSON")))?;
                object.insert(name.to_owned(), value);
            }
        }
        Self::from_object(object, variables_depth)
    }

    /// Reads the parameters from a parsed object: a body, or the payload of a `subscribe` message.
    pub(super) fn from_object(mut object: Map<String, Json>, variables_depth: usize) -> Result<Self, Problem> {
        let query = text(&mut object, "query")?;
        let operation_name = text(&mut object, "operationName")?;
        let variables = map(&mut object, "variables")?;
        let extensions = map(&mut object, "extensions")?;
        let persisted_hash = extensions.get("persistedQuery").map(persisted_hash).transpose()?;
        if query.is_none() && persisted_hash.is_none() {
            return Err(bad("`query` is missing"));
        }
        for (name, value) in &variables {
            check_value(value, variables_depth).map_err(|mut problem| {
                problem.message = format!("variable `{}`: {}", name.escape_debug(), problem.message);
                problem
            })?;
        }
        Ok(Self { query, operation_name, variables, persisted_hash })
    }

    /// The variables, as the executor takes them.
    #[must_use]
    pub(super) fn take_variables(&mut self) -> Variables {
        Variables::from_json(Json::Object(std::mem::take(&mut self.variables)))
    }
}

/// Refuses control characters in the texts of a literal.
pub(super) fn check_literal(value: &async_graphql_value::Value) -> Result<(), Problem> {
    use async_graphql_value::Value as Literal;
    match value {
        Literal::String(text) if has_control_character(text) => Err(control_character()),
        Literal::List(values) => values.iter().try_for_each(check_literal),
        Literal::Object(fields) => fields.values().try_for_each(check_literal),
        _ => Ok(()),
    }
}

/// Refuses control characters in the texts of a default value.
pub(super) fn check_default(value: &Value) -> Result<(), Problem> {
    match value {
        Value::String(text) if has_control_character(text) => Err(control_character()),
        Value::List(values) => values.iter().try_for_each(check_default),
        Value::Object(fields) => fields.values().try_for_each(check_default),
        _ => Ok(()),
    }
}

fn check_value(value: &Json, depth_left: usize) -> Result<(), Problem> {
    let Some(below) = depth_left.checked_sub(1) else {
        return Err(Problem::new(ProblemCode::LimitExceeded, "the value is nested too deep"));
    };
    match value {
        Json::String(text) if has_control_character(text) => Err(control_character()),
        Json::Array(values) => values.iter().try_for_each(|value| check_value(value, below)),
        Json::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            if has_control_character(name) { Err(control_character()) } else { check_value(value, below) }
        }),
        _ => Ok(()),
    }
}

fn persisted_hash(extension: &Json) -> Result<String, Problem> {
    let hash = extension.get("sha256Hash").and_then(Json::as_str).unwrap_or_default();
    let well_formed = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if extension.get("version").and_then(Json::as_u64) == Some(1) && well_formed {
        Ok(hash.to_ascii_lowercase())
    } else {
        Err(bad("`extensions.persistedQuery` needs `version` 1 and `sha256Hash`, 64 hexadecimal digits"))
    }
}

fn text(object: &mut Map<String, Json>, name: &str) -> Result<Option<String>, Problem> {
    match object.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` must be a string"))),
    }
}

fn map(object: &mut Map<String, Json>, name: &str) -> Result<Map<String, Json>, Problem> {
    match object.remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(map)) => Ok(map),
        Some(_) => Err(bad(format!("`{name}` must be an object"))),
    }
}

fn bad(message: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::BadRequest, message)
}

fn control_character() -> Problem {
    Problem::new(ProblemCode::BadUserInput, "control characters are not allowed in texts (tab and line breaks are)")
}

/// A name of the document, for messages: cut to a length that a log can bear.
#[must_use]
pub(super) fn shortened(name: &Name) -> String {
    name.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> ProblemCode {
        Parameters::from_body(body.as_bytes(), 16).unwrap_err().code
    }

    #[test]
    fn malformed_bodies_are_told_what_is_wrong_without_the_parsers_words() {
        let problem = Parameters::from_body(b"{ \"not a JSON", 16).unwrap_err();
        assert_eq!(problem.message, "the body is not JSON (line 1, column 13)");
        assert_eq!(code(""), ProblemCode::BadRequest);
        assert_eq!(code("[{\"query\":\"{a}\"}]"), ProblemCode::BatchUnsupported);
        assert_eq!(code("[]"), ProblemCode::BatchUnsupported);
        assert_eq!(code("{\"query\": 7}"), ProblemCode::BadRequest);
        assert_eq!(code("{\"query\":\"{a}\",\"variables\":[]}"), ProblemCode::BadRequest);
        assert_eq!(code("{\"operationName\":\"A\"}"), ProblemCode::BadRequest);
    }

    #[test]
    fn control_characters_are_refused_wherever_they_hide() {
        for variables in [r#"{"a":"x\u0000"}"#, r#"{"a":[{"b":"\u001b[31m"}]}"#, r#"{"a":{"\u0000":1}}"#, r#"{"a":"\u007f"}"#] {
            assert_eq!(
                code(&format!("{{\"query\":\"{{a}}\",\"variables\":{variables}}}")),
                ProblemCode::BadUserInput,
                "{variables}"
            );
        }
        let fine = Parameters::from_body(br#"{"query":"{a}","variables":{"a":"one\ttwo\r\n\u00e9 \ud83d\ude00"}}"#, 16).unwrap();
        assert_eq!(fine.variables["a"], "one\ttwo\r\né 😀");
    }

    #[test]
    fn variables_nest_as_deep_as_the_limit_and_no_deeper() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let body = |depth| format!("{{\"query\":\"{{a}}\",\"variables\":{{\"a\":{}}}}}", nested(depth));
        assert!(Parameters::from_body(body(16).as_bytes(), 16).is_ok());
        assert_eq!(code(&body(17)), ProblemCode::LimitExceeded);
        assert_eq!(code(&body(5000)), ProblemCode::BadRequest);
    }

    #[test]
    fn a_query_string_names_each_parameter_once() {
        let parsed = Parameters::from_query_string("query=%7Ba%7D&variables=%7B%22n%22%3A1%7D&operationName=A", 16).unwrap();
        assert_eq!(parsed.query.as_deref(), Some("{a}"));
        assert_eq!(parsed.variables["n"], 1);
        assert!(Parameters::from_query_string("query=%7Ba%7D&query=%7Bb%7D", 16).is_err());
        assert!(Parameters::from_query_string("query=%7Ba%7D&variables=%7B", 16).is_err());
    }
}
