//! Limits and proofs of work.

use domain::form::work_done;

use super::{Page, but, configured, content, leads, page, published, send, serve, typed};
use crate::harness::{Exchange, on_each_backend};

/// The first number that does the work.
fn solved(challenge: &str, bits: u32) -> String {
    (0_u32..).map(|n| n.to_string()).find(|answer| work_done(challenge, answer, bits)).unwrap()
}

fn challenge(page: &Page) -> (String, u32) {
    (page.attribute("data-challenge").unwrap(), page.attribute("data-work").unwrap().parse().unwrap())
}

async fn opened(x: &Exchange, url: &str, form: &str) -> Page {
    let opened = page(&format!("{url}/f/{form}"), &[]).await;
    x.clock.advance_secs(10);
    opened
}

on_each_backend! {
    async fn one_address_sends_a_form_so_often_and_no_oftener(x: Exchange) {
        let mut x = x;
        configured(&mut x, |config| config.forms.address_sends_hour_max = 2);
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let (form, other) = (published(&x, &seller, content()).await, published(&x, &seller, content()).await);
        let sent = async |form: &str, n: u32, address: &str| {
            let page = opened(&x, &url, form).await;
            send(&url, form, &but(typed(n), "_ticket", &page.hidden("_ticket")), address).await
        };
        assert_eq!(sent(&form, 1, "198.51.100.7").await.status, 303);
        assert_eq!(sent(&form, 2, "198.51.100.7").await.status, 303);
        let refused = sent(&form, 3, "198.51.100.7").await;
        assert_eq!(refused.status, 429);
        assert!(refused.body.contains("Too many have sent this form") && refused.body.contains("value=\"Kari Nordmann\""));
        assert_eq!(sent(&form, 3, "198.51.100.8").await.status, 303, "another address");
        assert_eq!(sent(&other, 4, "198.51.100.7").await.status, 303, "another form");
        x.clock.advance_secs(3_600);
        assert_eq!(sent(&form, 5, "198.51.100.7").await.status, 303, "an hour later");
        assert_eq!(x.count("lead").await, 5);
    }

    async fn a_form_under_attack_wants_work(x: Exchange) {
        let mut x = x;
        configured(&mut x, |config| {
            config.forms.attack_sends_minute = 1;
            config.forms.work_bits = 12;
        });
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let (form, other) = (published(&x, &seller, content()).await, published(&x, &seller, content()).await);
        let calm = opened(&x, &url, &form).await;
        assert_eq!(calm.attribute("data-work"), None);
        let early = but(typed(2), "_ticket", &calm.hidden("_ticket"));
        assert_eq!(send(&url, &form, &but(typed(1), "_ticket", &calm.hidden("_ticket")), "198.51.100.7").await.status, 303);
        // From now on each send brings a proof; who opened the page before gets one to do, and keeps what was typed.
        let asked = send(&url, &form, &early, "198.51.100.8").await;
        assert_eq!(asked.status, 428);
        assert!(asked.body.contains("proving that it is not a robot") && asked.body.contains("<noscript>"), "{}", asked.body);
        assert!(asked.body.contains("value=\"kari.2@fjelltur.no\""));
        let (text, bits) = challenge(&asked);
        assert_eq!(bits, 12);
        let work = solved(&text, bits);
        let with = |ticket: &str, work: &str, n: u32| but(but(typed(n), "_ticket", ticket), "_work", work);
        let ticket = asked.hidden("_ticket");
        let wrong = (0..).map(|n: u32| n.to_string()).find(|answer| !work_done(&text, answer, 12)).unwrap();
        for bad in ["", "x", wrong.as_str()] {
            assert_eq!(send(&url, &form, &with(&ticket, bad, 2), "198.51.100.8").await.status, 428, "{bad}");
        }
        assert_eq!(send(&url, &other, &with(&ticket, &work, 2), "198.51.100.8").await.status, 422, "it is of another form");
        assert_eq!(x.count("lead").await, 1);
        assert_eq!(send(&url, &form, &with(&ticket, &work, 2), "198.51.100.8").await.status, 303);
        assert_eq!(send(&url, &form, &with(&ticket, &work, 3), "198.51.100.9").await.status, 428, "each is spent once");
        assert_eq!(x.count("lead").await, 2);
        // A challenge has a window; the attack may go on.
        let late = page(&format!("{url}/f/{form}"), &[]).await;
        let (text, bits) = challenge(&late);
        let work = solved(&text, bits);
        x.clock.advance_secs(601);
        for (n, status) in [(3, 303), (4, 428)] {
            let answer = send(&url, &form, &with(&late.hidden("_ticket"), &work, n), "198.51.100.9").await;
            assert_eq!(answer.status, status, "the first in a minute is let in without, the second is too late");
        }
        x.clock.advance_secs(61);
        assert_eq!(page(&format!("{url}/f/{form}"), &[]).await.attribute("data-work"), None, "the attack is over");
        assert_eq!(leads(&x, &seller).await.len(), 3);
        x.clock.advance_secs(40 * 86_400);
        assert_eq!(x.count("form_challenge").await, 1);
        api::app::forgetting::forget_old(&x.app).await.unwrap();
        assert_eq!(x.count("form_challenge").await, 0);
    }
}
