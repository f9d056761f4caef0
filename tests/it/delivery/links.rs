//! Where the links of mails and systems lead.

use serde_json::json;

use super::stand::Scene;
use crate::harness::on_each_backend;

on_each_backend! {
    async fn a_mailed_link_shows_how_to_read_the_lead_and_nobody(x: Exchange) {
        let scene = Scene::open(x).await;
        scene.default_to(json!({ "settings": { "email": { "to": ["leads@advertiser.example"] } } }), &[]).await;
        let trade = scene.bought(1).await;
        scene.made(1).await;
        scene.run().await;
        let mail = scene.x.outbox.mail.take_leads().pop().unwrap();
        let link = mail.text.lines().find_map(|line| line.strip_prefix("Open the lead: ")).unwrap().to_owned();
        let base = &scene.x.app.config.server.public_url;
        let url = scene.x.listen(api::http::trade_page::routes, &[]).await;
        let opened = reqwest::get(link.replace(base, &url)).await.unwrap();
        assert_eq!(opened.status().as_u16(), 200);
        assert!(opened.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let page = opened.text().await.unwrap();
        assert!(page.contains(&trade.to_string()), "{page}");
        for text in ["Nordmann", "91200001", "Bergen", "HELD"] {
            assert!(!page.contains(text), "{text}: {page}");
        }
        // The operation that the explorer is opened with is what the buyer needs.
        let explorer = page.split("href=\"").find_map(|rest| rest.split('"').next().filter(|link| link.contains("?query="))).unwrap();
        let explorer = reqwest::Url::parse(&explorer.replace("&#x2f;", "/").replace("&#x3d;", "=")).unwrap();
        assert_eq!(explorer.path(), "/graphql");
        let operation = explorer.query_pairs().find(|(name, _)| name == "query").unwrap().1.into_owned();
        let seen = scene.buyer.run(&scene.x, &operation, json!({})).await["contactReveal"].clone();
        assert_eq!((&seen["contact"]["name"], &seen["userErrors"]), (&json!("Kari Nordmann"), &json!([])));
        // It tells a trade that there is from none by nothing.
        let other = trade.to_string().replace(|c: char| c.is_ascii_digit(), "0");
        let unknown = reqwest::get(format!("{url}/trades/{other}")).await.unwrap();
        assert_eq!((unknown.status().as_u16(), unknown.text().await.unwrap().len()), (200, page.len()));
        for odd in ["trd_x", "%3Cscript%3E"] {
            assert_eq!(reqwest::get(format!("{url}/trades/{odd}")).await.unwrap().status().as_u16(), 404);
        }
        let mut scene = scene;
        scene.x.app = scene.x.process_with("[graphql]\nexplorer = false\n").await;
        let url = scene.x.listen(api::http::trade_page::routes, &[]).await;
        let page = reqwest::get(format!("{url}/trades/{trade}")).await.unwrap().text().await.unwrap();
        assert!(page.contains("contactReveal") && !page.contains("?query="), "{page}");
    }
}
