//! One person is for sale once, whoever brings them, in whatever order things happen.

use serde_json::{Value, json};

use super::{act, outcome};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::fund;
use crate::market::stand::{buy, listed, money};

const DAY_SECS: i64 = 86_400;

/// Submits the person `n`; answers the lead's id and state.
async fn brought(x: &Exchange, seller: &Actor, n: u32) -> (String, String) {
    let payload = x.lead_submit(seller, x.lead_input(n)).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&payload["lead"]["id"]), text(&payload["lead"]["state"]))
}

async fn verified_again(x: &Exchange, seller: &Actor, id: &str) -> String {
    let payload = act(x, seller, "leadVerify", json!({ "leadId": id })).await;
    payload["lead"]["state"].as_str().unwrap().to_owned()
}

on_each_backend! {
    async fn a_rejected_lead_does_not_come_to_life_beside_another(x: Exchange) {
        x.verticals().await;
        let (a, b, c) = (x.organization("A").await, x.organization("B").await, x.organization("C").await);
        let (first, state) = brought(&x, &a, 7).await;
        assert_eq!(state, "VERIFIED");
        let (second, third) = (brought(&x, &b, 7).await, brought(&x, &c, 7).await);
        assert_eq!((second.1.as_str(), third.1.as_str()), ("REJECTED", "REJECTED"));
        act(&x, &a, "leadWithdraw", json!({ "leadId": first })).await;
        assert_eq!(verified_again(&x, &c, &third.0).await, "VERIFIED");
        assert_eq!(verified_again(&x, &b, &second.0).await, "REJECTED", "another is for sale, though it came later");
        assert_eq!(verified_again(&x, &c, &third.0).await, "VERIFIED");
    }

    async fn an_operators_word_does_not_bring_a_person_back_who_was_brought_meanwhile(x: Exchange) {
        x.verticals().await;
        let (a, b, operator) = (x.organization("A").await, x.organization("B").await, x.operator().await);
        let mut hurried = x.lead_input(7);
        hurried["session"]["timeOnPageSecs"] = json!(1);
        let id = x.lead_submit(&a, hurried).await["lead"]["id"].clone();
        x.verified_lead(&b, 7).await;
        let payload = act(&x, &operator, "sampleCheckRecord", json!({ "leadId": id, "verdict": "GENUINE" })).await;
        assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "DUPLICATE")), (&json!("REJECTED"), Some("FAIL".into())));
    }

    async fn who_was_sold_is_not_sold_again_inside_the_window(x: Exchange) {
        x.verticals().await;
        let (seller, buyer) = (x.organization("Seller").await, x.organization("Buyer").await);
        fund(&x.app, buyer.org(), 10_000).await;
        let id = x.verified_lead(&seller, 7).await;
        x.clock.advance_secs(12 * DAY_SECS);
        let terms = json!({ "fixed": { "exclusivePrice": money("40") } });
        let listing = listed(&x, &seller, id.parse().unwrap(), 1, None, terms).await;
        assert_eq!(buy(&x, &buyer, &listing, "EXCLUSIVE", "k1").await["userErrors"], json!([]));
        for _ in 0..4 {
            x.clock.advance_secs(5 * DAY_SECS);
            while api::app::trade::trades_advance(&x.app).await.unwrap() > 0 {}
        }
        let erased = act(&x, &seller, "leadErase", json!({ "leadId": id })).await;
        assert_eq!(erased["lead"]["state"], "ERASED", "{erased:#}");
        let mut again = x.lead_input(7);
        again["comments"] = json!("Please call in the evening.");
        let payload = x.lead_submit(&seller, again.clone()).await;
        assert_eq!(payload["lead"]["state"], "REJECTED", "brought 32 days ago, sold 20 days ago");
        x.clock.advance_secs(10 * DAY_SECS);
        again["comments"] = json!("Please call in the morning.");
        assert_eq!(x.lead_submit(&seller, again).await["lead"]["state"], "VERIFIED");
    }

    async fn a_proved_fake_is_not_brought_anew(x: Exchange) {
        x.verticals().await;
        let seller = x.organization("Seller").await;
        x.verified_lead(&seller, 7).await;
        x.tamper("UPDATE lead SET state = 'QUARANTINED'").await.unwrap();
        let mut again = x.lead_input(7);
        again["comments"] = json!("Please call in the evening.");
        let payload = x.lead_submit(&seller, again).await;
        assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "DUPLICATE")), (&json!("REJECTED"), Some("FAIL".into())));
    }

    async fn a_number_that_nobody_has_makes_nobody_the_same(x: Exchange) {
        x.verticals().await;
        let (a, b) = (x.organization("A").await, x.organization("B").await);
        for (n, seller) in [(1, &a), (2, &b)] {
            let mut input = x.lead_input(n);
            input["contact"]["phones"] = json!(["11111111"]);
            let payload = x.lead_submit(seller, input).await;
            assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "PHONE")), (&json!("VERIFIED"), Some("FAIL".into())));
        }
    }
}
