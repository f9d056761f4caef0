//! The explorer at `/graphql`: GraphiQL, built from `explorer/` and embedded, so that it works with no network but ours.

use std::io::Read;
use std::sync::Arc;

use async_graphql::Executor;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use serde::Serialize;

use super::contract::Contract;
use crate::config::Graphql;

/// Scripts and workers of our own only. The editor sets styles from its scripts, which needs `unsafe-inline` for styles.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../../explorer/dist/index.html");
const SOURCES: &str = include_str!("../../explorer/dist/sources.sha256");

macro_rules! assets {
    ($($name:literal: $media:literal,)*) => {
        const ASSETS: &[(&str, &str, &[u8])] = &[
            $(($name, $media, include_bytes!(concat!("../../explorer/dist/assets/", $name, ".gz"))),)*
        ];
    };
}

assets! {
    "codicon.ttf": "font/ttf",
    "editor.worker.js": "text/javascript; charset=utf-8",
    "graphql.js": "text/javascript; charset=utf-8",
    "graphql.worker.js": "text/javascript; charset=utf-8",
    "index.css": "text/css; charset=utf-8",
    "index.js": "text/javascript; charset=utf-8",
    "json.worker.js": "text/javascript; charset=utf-8",
    "standalone.js": "text/javascript; charset=utf-8",
}

/// A log-in that the explorer offers. Only the demo has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoLogin {
    /// Who this is: `buyer`.
    pub title: String,
    /// The e-mail address to log in with.
    pub email: String,
    /// The password.
    pub password: String,
}

/// The page, unless the configuration has it off.
pub(super) fn page(limits: &Graphql) -> Response {
    if !limits.explorer {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept"),
    ];
    (headers, PAGE).into_response()
}

/// A file of the page.
pub(super) async fn asset<E: Executor>(
    State(contract): State<Arc<Contract<E>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = ASSETS.iter().find(|(known, ..)| *known == name).filter(|_| contract.limits.explorer);
    let Some((_, media, packed)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let etag = format!("\"{}\"", SOURCES.trim());
    let common = [
        (header::CONTENT_TYPE, (*media).to_owned()),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "accept-encoding".to_owned()),
        (header::ETAG, etag.clone()),
    ];
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header(header::IF_NONE_MATCH) == etag {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    if header(header::ACCEPT_ENCODING).contains("gzip") {
        return (common, [(header::CONTENT_ENCODING, "gzip")], Bytes::from_static(packed)).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(*packed).read_to_end(&mut plain) {
        Ok(_) => (common, plain).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The demo's log-ins; none on a real exchange.
pub(super) async fn logins<E: Executor>(State(contract): State<Arc<Contract<E>>>) -> Response {
    Json(&contract.demo_logins).into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_built_explorer_is_that_of_its_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("explorer");
        let mut names: Vec<String> =
            ["index.html", "package-lock.json", "package.json", "record-sources.mjs", "vite.config.js"].map(String::from).into();
        for folder in ["examples", "src"] {
            for file in fs::read_dir(root.join(folder)).unwrap() {
                names.push(format!("{folder}/{}", file.unwrap().file_name().into_string().unwrap()));
            }
        }
        names.sort();
        let mut hash = Sha256::new();
        for name in names {
            let text = fs::read(root.join(&name)).unwrap();
            hash.update(format!("{name}\0{}\0", text.len()));
            hash.update(&text);
        }
        assert_eq!(
            SOURCES.trim(),
            hex::encode(hash.finalize()),
            "the sources changed: run `npm ci && npm run build` in api/explorer"
        );
    }

    #[test]
    fn every_built_file_is_served_and_the_page_loads_nothing_from_elsewhere() {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("explorer/dist/assets");
        let mut built: Vec<String> =
            fs::read_dir(assets).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        built.sort();
        assert_eq!(built, ASSETS.iter().map(|(name, ..)| format!("{name}.gz")).collect::<Vec<_>>());
        assert!(!PAGE.contains("://"), "{PAGE}");
    }
}
