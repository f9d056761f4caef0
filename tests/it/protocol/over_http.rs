use reqwest::StatusCode;
use serde_json::json;

use super::{Server, code};

#[tokio::test]
async fn a_mutation_by_get_is_refused_and_does_not_run() {
    let server = Server::start().await;
    for query in ["mutation{note}", "query A{noted} mutation B{note}&operationName=B"] {
        let answer = server.client.get(server.url(&format!("/graphql?query={query}"))).send().await.unwrap();
        assert_eq!((answer.status(), answer.headers()["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
        assert_eq!(code(&answer.json().await.unwrap()), "METHOD_NOT_ALLOWED");
    }
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let answer = server
            .client
            .request(method, server.url("/graphql"))
            .json(&json!({ "query": "mutation{note}" }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn only_json_in_utf_8_is_read() {
    let server = Server::start().await;
    let body = r#"{"query":"mutation{note}"}"#;
    let forms = [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/graphql"),
        Some("application/json; charset=utf-16"),
        None,
    ];
    for form in forms {
        let request = form.map_or_else(|| server.post(), |form| server.post().header("content-type", form));
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{form:?}");
        assert_eq!(code(&answer.json().await.unwrap()), "UNSUPPORTED_MEDIA_TYPE");
    }
    let packed = server.post().header("content-type", "application/json").header("content-encoding", "gzip").body(body);
    assert_eq!(packed.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let server = Server::start().await;
    let body = |bytes: usize| {
        let start = r#"{"query":"{noted}","extensions":{"pad":""#;
        let end = r#""}}"#;
        format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
    };
    let post = |bytes| server.post().header("content-type", "application/json").body(body(bytes)).send();
    assert_eq!(post(262_144).await.unwrap().status(), StatusCode::OK);
    let answer = post(262_145).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(&answer.json().await.unwrap()), "PAYLOAD_TOO_LARGE");
    let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 65_536]));
    let endless = server.post().header("content-type", "application/json").body(reqwest::Body::wrap_stream(chunks)).send().await;
    assert!(endless.map_or(true, |answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));
}

#[tokio::test]
async fn malformed_requests_get_a_graphql_error_with_a_code() {
    let server = Server::start().await;
    let cases = [
        (r#"{ "not a JSON"#, 400, "BAD_REQUEST"),
        ("", 400, "BAD_REQUEST"),
        ("7", 400, "BAD_REQUEST"),
        (r#"[{"query":"mutation{note}"},{"query":"mutation{note}"}]"#, 400, "BATCH_UNSUPPORTED"),
        (r#"{"query":{"a":1}}"#, 400, "BAD_REQUEST"),
        (r#"{"query":"{"}"#, 400, "GRAPHQL_PARSE_FAILED"),
        (r#"{"query":"{nothing}"}"#, 400, "GRAPHQL_VALIDATION_FAILED"),
        (r#"{"query":"{noted}","operationName":"A"}"#, 400, "OPERATION_RESOLUTION_FAILURE"),
        (r#"{"query":"{echo(text:\"a\\u0000b\")}"}"#, 400, "BAD_USER_INPUT"),
        (r#"{"query":"query($t:String!){echo(text:$t)}","variables":{"t":"a\u0000b"}}"#, 400, "BAD_USER_INPUT"),
        (r#"{"query":"query($t:ID!){id(id:$t)}","variables":{"t":"a\u0000b"}}"#, 400, "BAD_USER_INPUT"),
        (r#"{"query":"query($t:String!){echo(text:$t)}","variables":{"t":null}}"#, 400, "BAD_USER_INPUT"),
        (r#"{"query":"query($t:String!){echo(text:$t)}","variables":{"t":7}}"#, 400, "BAD_USER_INPUT"),
        (r#"{"query":"query($t:String!){echo(text:$t)}"}"#, 400, "BAD_USER_INPUT"),
    ];
    for (body, status, expected) in cases {
        for accept in ["application/graphql-response+json", "application/json"] {
            let request = server.post().header("content-type", "application/json").header("accept", accept).body(body);
            let answer = request.send().await.unwrap();
            let expected_status = if accept == "application/json" && !matches!(expected, "BAD_REQUEST" | "BATCH_UNSUPPORTED") {
                200
            } else {
                status
            };
            assert_eq!(answer.status().as_u16(), expected_status, "{body}");
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(accept));
            let answer = answer.json().await.unwrap();
            assert_eq!(code(&answer), expected, "{body}: {answer}");
            assert!(answer.get("data").is_none(), "{answer}");
        }
    }
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call() {
    let server = Server::with("[server]\nallowed_origins = [\"https://app.example\"]").await;
    let own = server.url("");
    for (origin, expected) in [("https://app.example", 200), (own.as_str(), 200), ("https://evil.example", 403), ("null", 403)] {
        let answer = server.post().header("origin", origin).json(&json!({ "query": "mutation{note}" })).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{origin}");
    }
    let preflight = |origin: &str| {
        let request = server.client.request(reqwest::Method::OPTIONS, server.url("/graphql"));
        request.header("origin", origin).header("access-control-request-method", "POST").send()
    };
    let allowed = preflight("https://app.example").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    assert!(preflight("https://evil.example").await.unwrap().headers().get("access-control-allow-origin").is_none());
    assert_eq!(server.noted().await, 2);
}

#[tokio::test]
async fn floods_are_refused_before_anything_runs() {
    let server = Server::start().await;
    let many = |piece: &dyn Fn(usize) -> String, times: usize| (0..times).map(piece).collect::<String>();
    let floods = [
        format!("mutation{{{}}}", many(&|i| format!("a{i}:note "), 190)),
        format!("mutation{{{}}}", many(&|_| "note ".into(), 21)),
        format!("{{noted {}}}", many(&|_| "@x ".into(), 15_000)),
        format!("{{{}}}", many(&|_| "noted ".into(), 10_000)),
        "{".repeat(60_000),
        format!("{{noted}}{}", " ".repeat(65_536)),
    ];
    for flood in floods {
        let (status, answer) = server.ask(json!({ "query": flood })).await;
        assert_eq!((status, code(&answer)), (400, "LIMIT_EXCEEDED"), "{}", flood.chars().take(40).collect::<String>());
        assert!(answer.to_string().len() < 1000);
    }
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn a_list_costs_its_page_and_a_negative_page_cancels_nothing() {
    let server = Server::start().await;
    let items = |first: &str, fields: usize| format!("{{items{first}{{{}}}}}", "name ".repeat(fields));
    assert_eq!(server.ask(json!({ "query": items("(first:100)", 49) })).await.0, 200);
    let expensive = [
        items("(first:100)", 51),
        items("(first:2147483647)", 51),
        items("", 300),
        format!("{{a:items(first:-2147483648){{name}} b:items(first:100){{{}}}}}", "name ".repeat(51)),
        format!("{{a:items(first:-1){{name}} b:items(first:100){{{}}}}}", "name ".repeat(51)),
    ];
    for query in expensive {
        let (status, answer) = server.ask(json!({ "query": query })).await;
        assert_eq!((status, code(&answer)), (400, "LIMIT_EXCEEDED"), "{answer}");
    }
    let by_variable =
        json!({ "query": format!("query($n:Int){{items(first:$n){{{}}}}}", "name ".repeat(51)), "variables": { "n": 100 } });
    assert_eq!(code(&server.ask(by_variable).await.1), "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn faults_are_masked_behind_the_request_id() {
    let server = Server::start().await;
    for field in ["fails", "panics"] {
        let request = server.post().json(&json!({ "query": format!("{{{field}}}") }));
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(code(&answer), "INTERNAL");
        assert_eq!(answer["errors"][0]["extensions"]["requestId"], id);
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }
    assert_eq!(server.noted().await, 0);
}

#[tokio::test]
async fn an_answer_has_at_most_twenty_errors() {
    let server = Server::start().await;
    let (_, answer) =
        server.ask(json!({ "query": format!("{{items{{{}}}}}", (0..45).map(|i| format!("x{i} ")).collect::<String>()) })).await;
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[19]["extensions"]["furtherErrors"]), (20, &json!(25)));
    assert!(errors.iter().all(|error| error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_stopped() {
    let server = Server::with("[server]\nrequest_timeout_secs = 1").await;
    let (status, answer) = server.ask(json!({ "query": "{slow(millis:60000)}" })).await;
    assert_eq!((status, code(&answer)), (504, "TIMED_OUT"));
}

#[tokio::test]
async fn a_document_is_sent_once_and_its_hash_from_then_on() {
    let server = Server::start().await;
    let hash = "6a94aa52a7ad4a2b2a9a9e0d5d2b1d1e3b7b7f8d4d0c3e7e1b2a3c4d5e6f7a8b";
    let unknown = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    assert_eq!(code(&server.ask(unknown.clone()).await.1), "PERSISTED_QUERY_NOT_FOUND");
    let mut wrong = unknown;
    wrong["query"] = "{noted}".into();
    assert_eq!(code(&server.ask(wrong).await.1), "PERSISTED_QUERY_MISMATCH");

    let real = sha256("{noted}");
    let persisted = json!({ "persistedQuery": { "version": 1, "sha256Hash": real } });
    assert_eq!(server.ask(json!({ "query": "{noted}", "extensions": persisted })).await.0, 200);
    assert_eq!(server.ask(json!({ "extensions": persisted })).await, (200, json!({ "data": { "noted": 0 } })));
    let url = reqwest::Url::parse_with_params(&server.url("/graphql"), [("extensions", persisted.to_string())]).unwrap();
    assert_eq!(server.client.get(url).send().await.unwrap().json::<serde_json::Value>().await.unwrap()["data"]["noted"], 0);

    let mutation = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256("mutation{note}") } });
    assert_eq!(server.ask(json!({ "query": "mutation{note}", "extensions": mutation })).await.0, 200);
    let url = reqwest::Url::parse_with_params(&server.url("/graphql"), [("extensions", mutation.to_string())]).unwrap();
    assert_eq!(server.client.get(url).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.noted().await, 1);
}

#[tokio::test]
async fn a_bad_token_is_told_so_and_no_token_means_nobody() {
    let server = Server::start().await;
    let post = |token: &str| server.post().header("authorization", token).json(&json!({ "query": "mutation{note}" })).send();
    for bad in ["Bearer wrong", "Basic Zm9v", "Bearer ", "good-token"] {
        let answer = post(bad).await.unwrap();
        assert_eq!(
            (answer.status(), answer.headers()["www-authenticate"].to_str().unwrap()),
            (StatusCode::UNAUTHORIZED, "Bearer"),
            "{bad}"
        );
        assert_eq!(code(&answer.json().await.unwrap()), "UNAUTHENTICATED");
    }
    assert_eq!(post("bearer good-token").await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.noted().await, 1);
}

#[tokio::test]
async fn the_standard_introspection_query_is_within_the_limits() {
    let server = Server::start().await;
    let (status, answer) = server.ask(json!({ "query": INTROSPECTION })).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    let closed = Server::with("[graphql]\nintrospection = false").await;
    assert_eq!(
        closed.ask(json!({ "query": "{__schema{queryType{name}}}" })).await.1.pointer("/data/__schema"),
        Some(&serde_json::Value::Null)
    );
}

#[tokio::test]
async fn browsers_get_the_explorer_and_no_foreign_script_may_run_in_it() {
    let server = Server::start().await;
    let page = server.client.get(server.url("/graphql")).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"), "{policy}");
    assert!(page.text().await.unwrap().contains("/graphql/explorer/assets/index.js"));
    let script = server.client.get(server.url("/graphql/explorer/assets/graphql.js")).send().await.unwrap();
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    let etag = script.headers()["etag"].clone();
    assert!(script.text().await.unwrap().len() > 10_000);
    let again =
        server.client.get(server.url("/graphql/explorer/assets/graphql.js")).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    for path in ["..%2f..%2findex.html", "nothing.js"] {
        assert_eq!(
            server.client.get(server.url(&format!("/graphql/explorer/assets/{path}"))).send().await.unwrap().status(),
            404
        );
    }
    let off = Server::with("[graphql]\nexplorer = false").await;
    assert_eq!(off.client.get(off.url("/graphql")).header("accept", "text/html").send().await.unwrap().status(), 404);
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

const INTROSPECTION: &str = include_str!("introspection.graphql");
