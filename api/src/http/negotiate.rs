//! What the client sent and what it accepts: content type, `Accept`, `Origin`.

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::problem::{Problem, ProblemCode};
use crate::config::Server;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: 200 for whatever came of a well-formed request.
    Json,
    /// `application/graphql-response+json`: the status tells whether the operation ran.
    GraphqlResponse,
    /// `text/event-stream`: one event per result.
    EventStream,
    /// `multipart/mixed` with `subscriptionSpec`: one part per result.
    Multipart,
}

impl Media {
    /// The `Content-Type` of the answer.
    #[must_use]
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"",
        }
    }
}

/// How a refusal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Telling {
    /// In which form.
    pub media: Media,
    /// Whether the status is always that of the problem's code.
    pub by_status: bool,
}

impl Telling {
    /// As GraphQL over HTTP likes it best.
    pub(super) const STATUS_AND_TYPE: Self = Self { media: Media::GraphqlResponse, by_status: true };
    /// As JSON, with a status where the code has one of its own.
    pub(super) const JSON: Self = Self { media: Media::Json, by_status: false };
}

/// What `Accept` offers: for each form its weight in thousandths, 0 when it is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    json: u16,
    graphql_response: u16,
    event_stream: u16,
    multipart: u16,
    html: u16,
}

impl Accepted {
    /// Reads every `Accept` header; none at all means `application/json`.
    #[must_use]
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut accepted = Self { json: 0, graphql_response: 0, event_stream: 0, multipart: 0, html: 0 };
        let mut seen = false;
        for range in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')) {
            seen |= !range.trim().is_empty();
            accepted.take(range);
        }
        if !seen {
            accepted.json = 1000;
        }
        accepted
    }

    /// Whether a person's browser asks, rather than a program.
    #[must_use]
    pub(super) const fn wants_page(self) -> bool {
        self.html > 0 && self.html >= self.json && self.html >= self.graphql_response
    }

    /// The form of a single result.
    pub(super) fn single(self) -> Result<Media, Problem> {
        if self.graphql_response > 0 && self.graphql_response >= self.json {
            Ok(Media::GraphqlResponse)
        } else if self.json > 0 {
            Ok(Media::Json)
        } else if self.event_stream > 0 {
            Ok(Media::EventStream)
        } else {
            let message = "accept application/graphql-response+json, application/json or text/event-stream";
            Err(Problem::new(ProblemCode::NotAcceptable, message))
        }
    }

    /// The form of a stream of results.
    pub(super) fn stream(self) -> Result<Media, Problem> {
        if self.event_stream > 0 && self.event_stream >= self.multipart {
            Ok(Media::EventStream)
        } else if self.multipart > 0 {
            Ok(Media::Multipart)
        } else {
            let message =
                "a subscription needs `Accept: text/event-stream`, or the WebSocket at /graphql/ws (graphql-transport-ws)";
            Err(Problem::new(ProblemCode::NotAcceptable, message))
        }
    }

    /// How to tell what was wrong with the request. A client that knows `application/json` only looks into the body; one
    /// that asked for a stream looks at the status, since no stream comes.
    #[must_use]
    pub(super) fn refusal(self) -> Telling {
        if self.graphql_response > 0 && self.graphql_response >= self.json {
            Telling::STATUS_AND_TYPE
        } else {
            Telling { media: Media::Json, by_status: self.json == 0 }
        }
    }

    fn take(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut weight = 1000;
        let mut subscription_spec = false;
        for parameter in parts {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value.trim()),
                "subscriptionspec" => subscription_spec = true,
                _ => {}
            }
        }
        match media.as_str() {
            "application/graphql-response+json" => self.graphql_response = self.graphql_response.max(weight),
            "application/json" | "application/*" | "*/*" => self.json = self.json.max(weight),
            "text/event-stream" => self.event_stream = self.event_stream.max(weight),
            "multipart/mixed" if subscription_spec => self.multipart = self.multipart.max(weight),
            "text/html" => self.html = self.html.max(weight),
            _ => {}
        }
    }
}

fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if whole == "1" {
        return 1000;
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    digits.parse().unwrap_or(0)
}

/// The media type of a form's fields.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// The media type of a body, in lower case and without parameters; empty when it is not said.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body that is not JSON in UTF-8. This also closes the door to forged posts from web pages, which cannot send
/// this type without asking first.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |message: &str| Err(Problem::new(ProblemCode::UnsupportedMediaType, message));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next().and_then(|value| value.to_str().ok()), types.next()) else {
        return refuse("send the request as `Content-Type: application/json`");
    };
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/json") {
        return refuse("send the request as `Content-Type: application/json`");
    }
    let charset = parts.find_map(|part| part.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("charset")));
    if charset.is_some_and(|(_, name)| !name.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return refuse("send the request in UTF-8");
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => refuse("send the request uncompressed"),
        _ => Ok(()),
    }
}

/// Refuses a web page of another origin than the server's own, which a proxy may have hidden in `Host`, and the configured
/// ones. Programs send no `Origin`.
pub(super) fn require_origin(headers: &HeaderMap, uri: &Uri, server: &Server) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let refused = || Problem::new(ProblemCode::OriginForbidden, "web pages of this origin may not call the API");
    let origin = origin.to_str().map_err(|_| refused())?;
    if origins.next().is_some() {
        return Err(refused());
    }
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(|a| a.as_str()));
    let same = match (origin.split_once("://"), own) {
        (Some(("http" | "https", authority)), Some(own)) => authority.eq_ignore_ascii_case(own),
        _ => false,
    };
    let listed = |listed: &String| listed.trim_end_matches('/').eq_ignore_ascii_case(origin);
    if same || listed(&server.public_origin()) || server.allowed_origins.iter().any(listed) { Ok(()) } else { Err(refused()) }
}

/// Whether the request asks to become a WebSocket.
#[must_use]
pub(super) fn wants_socket(method: &Method, headers: &HeaderMap) -> bool {
    let websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    method == Method::GET && headers.get(header::UPGRADE).is_some_and(websocket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn accept(value: &str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        Accepted::read(&headers)
    }

    #[test]
    fn a_single_result_takes_the_form_that_the_client_likes_best() {
        let cases = [
            ("application/json", Ok(Media::Json)),
            ("*/*", Ok(Media::Json)),
            ("application/graphql-response+json", Ok(Media::GraphqlResponse)),
            ("application/graphql-response+json, application/json;q=0.9", Ok(Media::GraphqlResponse)),
            ("application/graphql-response+json;q=0.5, application/json;q=0.9", Ok(Media::Json)),
            (
                "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
                Ok(Media::GraphqlResponse),
            ),
            ("text/event-stream", Ok(Media::EventStream)),
            ("application/json;q=0, image/png", Err(ProblemCode::NotAcceptable)),
        ];
        for (value, expected) in cases {
            assert_eq!(accept(value).single().map_err(|problem| problem.code), expected, "{value}");
        }
        assert_eq!(Accepted::read(&HeaderMap::new()).single(), Ok(Media::Json));
    }

    #[test]
    fn a_refusal_has_a_status_unless_the_client_knows_json_only() {
        assert_eq!(accept("application/json").refusal(), Telling::JSON);
        assert_eq!(accept("*/*").refusal(), Telling::JSON);
        assert_eq!(accept("application/graphql-response+json").refusal(), Telling::STATUS_AND_TYPE);
        assert_eq!(accept("text/event-stream").refusal(), Telling { media: Media::Json, by_status: true });
    }

    #[test]
    fn a_stream_needs_a_streaming_form() {
        assert_eq!(accept("text/event-stream, multipart/mixed").stream(), Ok(Media::EventStream));
        let apollo =
            "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9";
        assert_eq!(accept(apollo).stream(), Ok(Media::Multipart));
        assert_eq!(accept("multipart/mixed").stream().map_err(|problem| problem.code), Err(ProblemCode::NotAcceptable));
    }

    #[test]
    fn browsers_get_the_page_and_programs_do_not() {
        assert!(accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").wants_page());
        assert!(!accept("application/json").wants_page());
        assert!(!accept("*/*").wants_page());
    }

    #[test]
    fn origins_are_compared_whole() {
        let uri = Uri::from_static("/graphql");
        let settings = "[server]\npublic_url = \"https://leads.example/exchange\"\nallowed_origins = [\"https://app.example\"]";
        let server = Config::from_toml(settings).unwrap().server;
        let check = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("api.example:8080"));
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            require_origin(&headers, &uri, &server).is_ok()
        };
        assert!(check("http://api.example:8080"));
        assert!(check("https://app.example") && check("https://leads.example"));
        for bad in [
            "null",
            "https://app.example.evil",
            "http://api.example",
            "https://evil",
            "http://leads.example",
            "file://api.example:8080",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(require_origin(&HeaderMap::new(), &uri, &server).is_ok());
    }
}
