//! The addresses beside GraphQL, served for those whom a test names.

use std::sync::Arc;

use api::http::door::Door;
use api::http::host::{Admitted, Credentials, Host, Readiness};
use api::http::problem::{Problem, ProblemCode};
use axum::Router;
use domain::access::Principal;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Method};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{Actor, Exchange};

/// Knows people by the text of their token.
struct Names(Vec<(&'static str, Principal)>);

impl Host for Names {
    fn admit(&self, credentials: Credentials) -> BoxFuture<'_, Result<Admitted, Problem>> {
        async move {
            let known = |token: &str| self.0.iter().find(|(name, _)| *name == token).map(|(_, principal)| principal.clone());
            let principal = match credentials.bearer.as_ref().map(ExposeSecret::expose_secret) {
                None => Principal::Anonymous,
                Some(token) => known(token).ok_or_else(|| Problem::new(ProblemCode::Unauthenticated, "unknown token"))?,
            };
            Ok(Admitted { principal, address: None, lasts: None })
        }
        .boxed()
    }

    fn equip(&self, request: async_graphql::Request, _: &Admitted, _: Uuid) -> async_graphql::Request {
        request
    }

    fn ready(&self) -> BoxFuture<'_, Vec<Readiness>> {
        async { Vec::new() }.boxed()
    }

    fn request_id(&self) -> Uuid {
        Uuid::nil()
    }
}

impl Exchange {
    /// Serves `routes` to `people`, each of whom is known by a token; answers the address.
    pub async fn listen(&self, routes: impl Fn(Door) -> Router, people: &[(&'static str, &Actor)]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let names = Names(people.iter().map(|(name, actor)| (*name, actor.principal.clone())).collect());
        let routes = routes(Door::new(Arc::clone(&self.app), Arc::new(names)));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        format!("http://{address}")
    }
}

/// Sends `body`; answers the status and the text.
pub async fn send(method: Method, url: &str, token: Option<&str>, body: Vec<u8>) -> (u16, String) {
    let request = Client::new().request(method, url).body(body);
    let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Gets the status and the text of `url`.
pub async fn get(url: &str, token: Option<&str>) -> (u16, String) {
    send(Method::GET, url, token, Vec::new()).await
}
