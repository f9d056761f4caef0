//! Leads that travel in CSV files.

use api::app::jobs::jobs_run;
use api::http::delivery_files::routes;
use serde_json::{Value, json};
use store::trades::trade_refund;

use super::stand::Scene;
use crate::harness::{get, on_each_backend};
use crate::ledger::market::on_trade;

on_each_backend! {
    async fn a_file_is_ready_at_its_hour_and_shows_who_may_be_seen(x: Exchange) {
        let scene = Scene::open(x).await;
        // It is nine in the morning: the next hour in Lisbon is noon.
        let csv = json!({ "hours": [12, 18], "delimiter": ";", "notify": ["desk@advertiser.example"] });
        let mapping = json!([
            { "field": "Trade", "source": { "lead": "TRADE_ID" } }, { "field": "Name", "source": { "lead": "FULL_NAME" } },
            { "field": "Phone", "source": { "lead": "PHONE" } }, { "field": "Nights", "source": { "attribute": "nights" } },
        ]);
        scene.default_to(json!({ "settings": { "csv": csv }, "mapping": mapping }), &[]).await;
        let (first, second) = (scene.bought(1).await, scene.bought(2).await);
        scene.made(2).await;
        scene.run().await;
        let waiting = scene.delivery().await;
        assert_eq!((&waiting["state"], waiting["dueAt"].as_str().unwrap()), (&json!("WAITING"), "2026-03-02T12:00:00+00:00"));
        scene.x.clock.advance_secs(3 * 3_600);
        scene.run().await;
        let delivery = scene.delivery().await;
        let url = delivery["fileUrl"].as_str().unwrap().to_owned();
        assert_eq!((&delivery["state"], &scene.deliveries().await[1]["fileUrl"]), (&json!("DELIVERED"), &json!(url)));
        jobs_run(&scene.x.app).await.unwrap();
        let mail = scene.x.outbox.mail.take().pop().unwrap();
        assert!(mail.to == "desk@advertiser.example" && mail.text.contains(&url) && !mail.text.contains("Nordmann"), "{}", mail.text);
        // Nobody has looked into it yet.
        assert_eq!((scene.x.count("contact_reveal").await, scene.trade(first).await["deliveredAt"].clone()), (0, Value::Null));

        let viewer = scene.x.member(scene.buyer.org(), domain::access::Role::Viewer).await;
        let people = [("buyer", &scene.buyer), ("seller", &scene.seller), ("viewer", &viewer)];
        let served = scene.x.listen(routes, &people).await;
        let address = format!("{served}/{}", url.rsplit_once("8080/").unwrap().1);
        for (who, status) in [(None, 401), (Some("seller"), 404), (Some("viewer"), 403)] {
            assert_eq!(get(&address, who).await.0, status, "{who:?}");
        }
        assert_eq!(get(&format!("{served}/delivery-files/dlf_00000000000000000000000009"), Some("buyer")).await.0, 404);
        let row = |trade: domain::id::TradeId, n: u32| format!("{trade};Kari Nordmann;'+47912{n:05};7\r\n");
        let whole = format!("Trade;Name;Phone;Nights\r\n{}{}", row(first, 1), row(second, 2));
        assert_eq!(get(&address, Some("buyer")).await, (200, whole));
        assert_eq!(scene.x.count("contact_reveal").await, 2);
        assert!(scene.trade(first).await["deliveredAt"].is_string(), "the first look starts the hold");
        // A refund takes its row out.
        on_trade!(scene.x.app, trade_refund, first).unwrap();
        assert_eq!(get(&address, Some("buyer")).await, (200, format!("Trade;Name;Phone;Nights\r\n{}", row(second, 2))));
        on_trade!(scene.x.app, trade_refund, second).unwrap();
        assert_eq!(get(&address, Some("buyer")).await, (200, String::new()));
    }

    async fn a_file_holds_no_more_leads_than_it_may(x: Exchange) {
        let scene = Scene::with(x, "file_rows_max = 2\n").await;
        scene.default_to(json!({ "settings": { "csv": { "hours": [10] } } }), &[]).await;
        let mut refunded = None;
        for n in 1..=4 {
            refunded = Some(scene.bought(n).await);
        }
        scene.made(4).await;
        on_trade!(scene.x.app, trade_refund, refunded.unwrap()).unwrap();
        scene.x.clock.advance_secs(3_600);
        scene.run().await;
        assert_eq!(scene.x.count("delivery_file").await, 2);
        let states: Vec<Value> = scene.deliveries().await.iter().map(|delivery| delivery["state"].clone()).collect();
        assert_eq!(states, ["STOPPED", "DELIVERED", "DELIVERED", "DELIVERED"].map(Value::from));
    }
}
