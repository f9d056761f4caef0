//! Sends what the webhooks' queue holds, one after the other unless a delay is scripted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::journal::{DeliveryRecord, Happening};
use crate::shared::Shared;
use crate::webhook::{Delivery, signature_header};

/// Delivers until the double is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut later = JoinSet::new();
    loop {
        while let Some((delivery, delay)) = next(&shared) {
            let attempt = attempt(Arc::clone(&shared), delivery, delay);
            if delay.is_zero() {
                if let Some(retry) = attempt.await {
                    later.spawn(put_back(Arc::clone(&shared), retry));
                }
            } else {
                let shared = Arc::clone(&shared);
                later.spawn(async move {
                    if let Some(retry) = attempt.await {
                        put_back(shared, retry).await;
                    }
                });
            }
        }
        tokio::select! {
            () = shared.wake.notified() => {},
            Some(_) = later.join_next(), if !later.is_empty() => {},
        }
    }
}

/// A delivery to be attempted again, after a while.
type Retry = (Delivery, Duration);

fn next(shared: &Shared) -> Option<(Delivery, Duration)> {
    let mut state = shared.lock();
    let delay = Duration::from_millis(state.webhooks.behavior.delay_millis);
    state.webhooks.take().map(|delivery| (delivery, delay))
}

async fn put_back(shared: Arc<Shared>, (delivery, wait): Retry) {
    tokio::time::sleep(wait).await;
    shared.with(|state| state.webhooks.retry(delivery));
}

async fn attempt(shared: Arc<Shared>, delivery: Delivery, delay: Duration) -> Option<Retry> {
    tokio::time::sleep(delay).await;
    let (now, timeout) = {
        let state = shared.lock();
        (state.now(), Duration::from_millis(state.webhooks.behavior.timeout_millis))
    };
    let signature = signature_header(&delivery.payload, &delivery.endpoint.secret, now);
    let status =
        tokio::time::timeout(timeout, post(&delivery.endpoint.url, delivery.payload.clone(), signature)).await.ok().flatten();
    let retry = shared.with(|state| {
        state.record(Happening::Delivery(DeliveryRecord {
            event: delivery.event.clone(),
            event_type: delivery.event_type.clone(),
            url: delivery.endpoint.url.clone(),
            attempt: delivery.attempt,
            copy: delivery.copy,
            status,
        }));
        state.webhooks.end(&delivery, status)
    });
    retry.map(|wait| (delivery, wait))
}

/// Sends one POST over a connection of its own; none if there is no answer.
async fn post(url: &str, payload: String, signature: String) -> Option<u16> {
    let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
    let host = url.host_str()?;
    let port = url.port_or_known_default()?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let request = Request::post(target)
        .header("host", format!("{host}:{port}"))
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "stripe-double (not Stripe)")
        .header("stripe-signature", signature)
        .body(Body::from(payload))
        .ok()?;
    let answer = async {
        let response = sender.send_request(request).await.ok()?;
        Some(response.status().as_u16())
    };
    tokio::select! {
        status = answer => status,
        _ = connection => None,
    }
}
