//! The do-not-contact list.

use api::app::jobs::jobs_run;
use serde_json::{Value, json};

use super::{act, errors, lead, outcome};
use crate::harness::{Actor, Exchange, on_each_backend};

const ADD: &str = "mutation($input: SuppressionAddInput!) { suppressionAdd(input: $input) { added userErrors { code path } } }";
const IMPORT: &str = "mutation($input: SuppressionImportInput!) { suppressionImport(input: $input) {
    added known userErrors { code path } } }";

async fn add(x: &Exchange, operator: &Actor, contact: &str) -> Value {
    let input = json!({ "contact": contact, "reason": "asked us", "country": "NO" });
    operator.run(x, ADD, json!({ "input": input })).await["suppressionAdd"].clone()
}

async fn import(x: &Exchange, operator: &Actor, csv: &str) -> Value {
    let input = json!({ "csv": csv, "reason": "asked us", "source": "national list", "country": "NO" });
    operator.run(x, IMPORT, json!({ "input": input })).await["suppressionImport"].clone()
}

on_each_backend! {
    async fn who_is_on_the_list_is_rejected(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        assert_eq!(add(&x, &operator, "912 00 001").await["added"], true);
        assert_eq!(add(&x, &operator, "+4791200001").await["added"], false);
        let payload = x.lead_submit(&seller, x.lead_input(1)).await;
        assert_eq!((&payload["lead"]["state"], outcome(&payload["lead"], "SUPPRESSION")), (&json!("REJECTED"), Some("FAIL".into())));
        x.verified_lead(&seller, 2).await;
    }

    async fn a_list_with_digests_is_imported_whole_or_not_at_all(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let before = x.row_counts().await;
        let spoiled = import(&x, &operator, "contact\n+4791200001\nnonsense\nkari@fjelltur\n").await;
        let sparse = import(&x, &operator, "contact\n\n\n\"+4791200001\",note\n\nnonsense\n").await;
        assert_eq!(errors(&sparse), [("INVALID".to_owned(), "csv.6".to_owned())], "the number of the line, empty ones counted");
        let at = |line: &str| ("INVALID".to_owned(), format!("csv.{line}"));
        assert_eq!(errors(&spoiled), [at("3"), at("4")]);
        assert_eq!(x.row_counts().await, before);
        // The digest is the SHA-256 of kari.3@fjelltur.no.
        let digest = "39626713601b4bff9340ce15d575fb6c054e226207c98e46d0f8b7710773585e";
        let list = format!("contact,note\n+4791200001,a\nKari.2@fjelltur.no,b\n{digest},c\n+4791200001,again\n");
        let done = import(&x, &operator, &list).await;
        assert_eq!((&done["added"], &done["known"]), (&json!(3), &json!(0)));
        let again = import(&x, &operator, &list).await;
        assert_eq!((&again["added"], &again["known"]), (&json!(0), &json!(3)));
        for n in 1..=3 {
            assert_eq!(x.lead_submit(&seller, x.lead_input(n)).await["lead"]["state"], "REJECTED", "{n}");
        }
        x.verified_lead(&seller, 4).await;
        let check = "query($contact: String!) { suppressionCheck(contact: $contact) }";
        assert_eq!(operator.run(&x, check, json!({ "contact": "+4791200001" })).await["suppressionCheck"], true);
        assert_eq!(operator.run(&x, check, json!({ "contact": "+4791200009" })).await["suppressionCheck"], false);
    }

    async fn a_digest_hides_the_person_and_finds_them_all_the_same(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        // The SHA-256 of +4791200005.
        let digest = "9E3195B1033B0EC585F6CEBA3650D60E065B5BD8929F659BC423242AF4CB9BE5";
        assert_eq!(add(&x, &operator, digest).await["added"], true);
        assert_eq!(x.lead_submit(&seller, x.lead_input(5)).await["lead"]["state"], "REJECTED");
    }

    async fn open_leads_of_a_new_entry_are_checked_again(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        while jobs_run(&x.app).await.unwrap() > 0 {}
        add(&x, &operator, "kari.1@fjelltur.no").await;
        assert_eq!(lead(&x, &seller, &id).await["state"], "VERIFIED");
        while jobs_run(&x.app).await.unwrap() > 0 {}
        let after = lead(&x, &seller, &id).await;
        assert_eq!((&after["state"], outcome(&after, "SUPPRESSION")), (&json!("REJECTED"), Some("FAIL".into())));
    }

    async fn who_says_never_call_again_is_not_called_again(x: Exchange) {
        x.verticals().await;
        let (seller, other, operator) = (x.organization("Seller").await, x.organization("Other").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        let call = json!({ "leadId": id, "disposition": "DO_NOT_CALL", "durationSecs": 12 });
        let payload = act(&x, &seller, "callRecord", call).await;
        assert_eq!((&payload["lead"]["state"], &payload["lead"]["level"]), (&json!("REJECTED"), &json!("FORMAT")));
        let later = x.lead_submit(&other, x.lead_input(1)).await;
        let later = lead(&x, &operator, later["lead"]["id"].as_str().unwrap()).await;
        assert_eq!(outcome(&later, "SUPPRESSION"), Some("FAIL".into()));
        assert_eq!(outcome(&later, "DUPLICATE"), Some("PASS".into()), "a rejected lead brought nobody");
    }

    async fn open_leads_of_a_digest_are_checked_again(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 5).await;
        // The SHA-256 of +4791200005.
        add(&x, &operator, "9e3195b1033b0ec585f6ceba3650d60e065b5bd8929f659bc423242af4cb9be5").await;
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(lead(&x, &seller, &id).await["state"], "REJECTED");
    }

    async fn leads_of_others_leave_the_market_when_the_person_says_so(x: Exchange) {
        x.verticals().await;
        let (first, second) = (x.organization("First").await, x.organization("Second").await);
        // The first lead has the phone, the second the phone of another and the same messenger.
        let messenger = json!({ "kind": "TELEGRAM", "account": "@kari_n" });
        let mut input = x.lead_input(1);
        input["contact"]["messenger"] = messenger.clone();
        let one = x.lead_submit(&first, input).await["lead"]["id"].as_str().unwrap().to_owned();
        x.clock.advance_secs(31 * 86_400);
        let mut input = x.lead_input(2);
        input["contact"]["messenger"] = messenger.clone();
        let two = x.lead_submit(&second, input).await["lead"]["id"].as_str().unwrap().to_owned();
        assert_eq!(lead(&x, &second, &two).await["state"], "VERIFIED", "out of the window");
        let erase = act(&x, &first, "leadErase", json!({ "leadId": one })).await;
        assert_eq!(erase["lead"]["state"], "ERASED");
        let withdraw = "mutation($input: ConsentWithdrawInput!) { consentWithdraw(input: $input) { leadState userErrors { code } } }";
        let done = first.run(&x, withdraw, json!({ "input": { "leadId": one, "idempotencyKey": "k" } })).await["consentWithdraw"].clone();
        assert_eq!(done, json!({ "leadState": "ERASED", "userErrors": [] }));
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(lead(&x, &second, &two).await["state"], "REJECTED");
        let mut input = x.lead_input(3);
        input["contact"] = json!({ "name": "Kari Nordmann", "messenger": messenger });
        input["contactKind"] = json!("REGISTRATION");
        assert_eq!(x.lead_submit(&second, input).await["lead"]["state"], "REJECTED", "the messenger is on the list");
    }

    async fn who_is_on_the_list_is_sent_nothing(x: Exchange) {
        x.verticals().await;
        let (seller, operator) = (x.organization("Seller").await, x.operator().await);
        let id = x.verified_lead(&seller, 1).await;
        add(&x, &operator, "+4791200001").await;
        let send = "mutation($input: ConfirmationSendInput!) { confirmationSend(input: $input) { userErrors { code path } } }";
        let refused = vec![("WRONG_STATE".to_owned(), String::new())];
        let sent = |id: String| {
            let (x, seller) = (&x, &seller);
            async move {
                let input = json!({ "leadId": id, "channel": "PHONE" });
                errors(&seller.run(x, send, json!({ "input": input })).await["confirmationSend"])
            }
        };
        assert_eq!(sent(id.clone()).await, refused, "before the lead was checked again");
        while jobs_run(&x.app).await.unwrap() > 0 {}
        assert_eq!(sent(id).await, refused);
        let mut without = x.lead_input(2);
        without["consent"] = json!(null);
        let id = x.lead_submit(&seller, without).await["lead"]["id"].as_str().unwrap().to_owned();
        assert_eq!(sent(id).await, refused, "nobody agreed to a message");
        assert_eq!(x.outbox.sms.take().len(), 0);
    }
}
