//! Putting files and getting refusals over HTTP.

use api::http::door::Door;
use api::http::{refusals, uploads};
use axum::Router;
use domain::access::Role;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::removal::stored;
use super::{MAPPING, announce, import, put, seller, work};
use crate::harness::{Actor, Exchange, on_each_backend, send};

fn files(door: Door) -> Router {
    uploads::routes(door.clone()).merge(refusals::routes(door))
}

async fn place(x: &Exchange, actor: &Actor, server: &str, purpose: &str) -> (String, String) {
    let announced = announce(x, actor, purpose, "a.csv").await;
    (format!("{server}{}", announced["path"].as_str().unwrap()), announced["token"].as_str().unwrap().to_owned())
}

fn code(body: &str) -> String {
    let answer: Value = serde_json::from_str(body).unwrap();
    answer["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned()
}

on_each_backend! {
    async fn a_file_is_put_once_by_whoever_may(x: Exchange) {
        let seller = seller(&x).await;
        let other = x.organization("Other").await;
        let viewer = x.member(seller.org(), Role::Viewer).await;
        let server = x.listen(files, &[("seller", &seller), ("other", &other), ("viewer", &viewer)]).await;
        let (url, token) = place(&x, &seller, &server, "LEADS").await;
        let (_, foreign) = place(&x, &other, &server, "LEADS").await;
        let bytes = b"a,b\n1,2\n".to_vec();
        for (proof, status) in [(None, 401), (Some("nobody"), 401), (Some("other"), 404), (Some("viewer"), 404), (Some(foreign.as_str()), 404)] {
            assert_eq!(send(Method::PUT, &url, proof, bytes.clone()).await.0, status, "{proof:?}");
        }
        let unknown = format!("{server}/uploads/upl_00000000000000000000000009");
        assert_eq!(send(Method::PUT, &unknown, Some("seller"), bytes.clone()).await.0, 404);
        assert_eq!(send(Method::PUT, &format!("{server}/uploads/what"), Some("seller"), bytes.clone()).await.0, 404);
        let (status, body) = send(Method::PUT, &url, Some(&token), bytes.clone()).await;
        let stored: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &stored["sizeBytes"], &stored["mediaType"]), (201, &json!(8), &json!("text/csv")));
        assert_eq!(stored["sha256"], "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470");
        let (status, body) = send(Method::PUT, &url, Some(&token), bytes.clone()).await;
        assert_eq!((status, code(&body).as_str()), (409, "WRONG_STATE"));
        let (by_session, _) = place(&x, &seller, &server, "LEADS").await;
        assert_eq!(send(Method::PUT, &by_session, Some("seller"), bytes).await.0, 201);
    }

    async fn what_is_too_large_late_or_of_another_kind_is_refused_and_not_kept(x: Exchange) {
        let seller = seller(&x).await;
        let server = x.listen(files, &[("seller", &seller)]).await;
        let png = b"\x89PNG\r\n\x1a\n0000".to_vec();
        let (evidence, token) = place(&x, &seller, &server, "EVIDENCE").await;
        let (status, body) = send(Method::PUT, &evidence, Some(&token), vec![b'a'; (10 << 20) + 1]).await;
        assert_eq!((status, code(&body).as_str()), (413, "TOO_LARGE"));
        let chunked = reqwest::Body::wrap_stream(futures::stream::iter((0..11).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1 << 20]))));
        let sent = Client::new().put(&evidence).bearer_auth(&token).body(chunked).send().await;
        assert!(sent.is_err() || sent.unwrap().status() == 413);
        let (status, body) = send(Method::PUT, &evidence, Some(&token), b"MZ\x90\x00\x03\x00\x00\x00".to_vec()).await;
        assert_eq!((status, code(&body).as_str()), (422, "INVALID"));
        assert_eq!(send(Method::PUT, &evidence, Some(&token), png.clone()).await.0, 201);
        let (leads, token) = place(&x, &seller, &server, "LEADS").await;
        for wrong in [png, b"PK\x03\x04xlsx".to_vec(), Vec::new(), vec![0; 100]] {
            assert_eq!(send(Method::PUT, &leads, Some(&token), wrong).await.0, 422);
        }
        x.clock.advance_secs(3_600);
        let (status, body) = send(Method::PUT, &leads, Some(&token), b"a,b\n".to_vec()).await;
        assert_eq!((status, code(&body).as_str()), (410, "OUTSIDE_WINDOW"));
        let kept = stored(&x);
        assert_eq!(kept.len(), 1, "{kept:?}");
    }

    async fn refused_rows_are_downloaded_by_their_seller_only(x: Exchange) {
        let seller = seller(&x).await;
        let other = x.organization("Other").await;
        let agent = x.member(seller.org(), Role::Agent).await;
        let server = x.listen(files, &[("seller", &seller), ("other", &other), ("agent", &agent)]).await;
        let mut text = "Ref,Name,Phone,Email,=Age,Balance\n".to_owned();
        for row in 0..1_500 {
            text += &format!("r{row},Ana Alves,91{row:07},ana{row}@example.com,secret,1\n");
        }
        let upload = put(&x, &seller, text.as_bytes()).await;
        let queued = import(&x, &seller, &upload, &MAPPING.replace("\"Age\"", "\"=Age\"")).await;
        work(&x).await;
        let url = format!("{server}/imports/{}/refusals.csv", queued["import"]["id"].as_str().unwrap());
        for (token, status) in [(None, 401), (Some("other"), 404), (Some("agent"), 403)] {
            assert_eq!(send(Method::GET, &url, token, Vec::new()).await.0, status, "{token:?}");
        }
        let (status, table) = send(Method::GET, &url, Some("seller"), Vec::new()).await;
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!((status, lines.len(), lines[0]), (200, 1_501, "line,column,code,reason"));
        assert_eq!((lines[1], lines[1_500]), ("2,'=Age,INVALID,`age` is not a number", "1501,'=Age,INVALID,`age` is not a number"));
        assert!(!table.contains("secret"));
    }
}
