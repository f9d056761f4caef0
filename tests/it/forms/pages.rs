//! The pages: what is shown, and what is sent back.

use reqwest::Client;
use serde_json::json;

use super::{CONSENT, but, check, configured, content, created, filled, leads, mutate, page, published, send, serve, typed};
use crate::harness::{get, on_each_backend};

on_each_backend! {
    async fn a_person_without_a_script_fills_the_form(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let opened = page(&format!("{url}/f/{form}"), &[("accept-language", "fr, de;q=0.8")]).await;
        assert_eq!((opened.status, opened.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(opened.body.contains("<html lang=\"de\" dir=\"ltr\">") && opened.body.contains("<label for=\"f-nights\">Nächte "), "{}", opened.body);
        // Every question stands on the page, each with a label, in its step.
        assert_eq!(opened.body.matches("<fieldset class=\"step\">").count(), 2);
        assert!(opened.body.contains("<legend>Schritt 1 von 2</legend>"));
        for name in ["destination_country", "nights", "adults", "name", "phone", "email", "city", "comments", "call_me_at", "_consent"] {
            assert!(opened.body.contains(&format!("for=\"f-{name}\"")) && opened.body.contains(&format!("id=\"f-{name}\"")), "{name}");
        }
        for token in ["autocomplete=\"name\"", "autocomplete=\"tel\"", "autocomplete=\"email\"", "autocomplete=\"address-level2\""] {
            assert!(opened.body.contains(token), "{token}");
        }
        x.clock.advance_secs(60);
        let fields = but(typed(1), "_ticket", &opened.hidden("_ticket"));
        let fields = but(but(fields, "comments", "Ein Zimmer mit Blick."), "call_me_at", "2026-03-03T15:30");
        let sent = send(&url, &form, &fields, "198.51.100.7").await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let certificate = sent.certificate();
        let (status, thanks) = get(&format!("{url}{}", sent.header("location")), None).await;
        assert_eq!(status, 200);
        assert!(thanks.contains("Vielen Dank.") && thanks.contains(&format!("href=\"/certificates/{certificate}\"")), "{thanks}");
        let lead = leads(&x, &seller).await.pop().unwrap();
        assert_eq!((&lead["state"], &lead["city"], &lead["channels"]), (&json!("VERIFIED"), &json!("Bergen"), &json!(["PHONE", "EMAIL"])));
        assert_eq!(lead["consent"], json!({
            "text": CONSENT, "textVersion": "2026-03", "sessionSecs": 60, "pageUrl": format!("http://127.0.0.1:8080/f/{form}"),
            "certificateUrl": format!("http://127.0.0.1:8080/certificates/{certificate}"),
        }));
        assert_eq!(lead["session"]["timeOnPageSecs"], 60);
        assert_eq!(lead["consentCertificate"]["id"], certificate);
        let outcome = |kind: &str| check(&lead, kind).0;
        assert_eq!([outcome("FORM_TIMING"), outcome("HONEYPOT"), outcome("CONSENT")], ["PASS"; 3]);
        assert_eq!(check(&lead, "INTERACTION"), ("INCONCLUSIVE".into(), json!({ "script": "false", "keys": "0", "focuses": "0", "sameBrowserHour": "0" })));
        let reveal = "mutation($id: ID!) { contactReveal(input: { leadId: $id }) { contact { name phones emails comments } } }";
        let known = seller.run(&x, reveal, json!({ "id": lead["id"] })).await;
        assert_eq!(known["contactReveal"]["contact"], json!({
            "name": "Kari Nordmann", "phones": ["+4791200001"], "emails": ["kari.1@fjelltur.no"], "comments": "Ein Zimmer mit Blick.",
        }));
    }

    async fn the_same_form_sent_again_is_one_lead(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let opened = page(&format!("{url}/f/{form}"), &[]).await;
        x.clock.advance_secs(60);
        let fields = but(typed(1), "_ticket", &opened.hidden("_ticket"));
        let first = send(&url, &form, &fields, "198.51.100.7").await.certificate();
        assert_eq!(send(&url, &form, &fields, "198.51.100.7").await.certificate(), first, "pressed twice");
        let anew = but(typed(1), "_ticket", &page(&format!("{url}/f/{form}"), &[]).await.hidden("_ticket"));
        x.clock.advance_secs(30);
        assert_eq!(send(&url, &form, &anew, "198.51.100.7").await.certificate(), first, "typed again within a minute");
        assert_eq!((x.count("lead").await, x.count("consent_certificate").await), (1, 1));
        // A day later it is another lead, which the check of duplicates rejects; the person is thanked all the same.
        x.clock.advance_secs(80_000);
        let later = filled(&x, &url, &form, typed(1), None).await;
        assert_ne!(later.certificate(), first);
        let states: Vec<_> = leads(&x, &seller).await.iter().map(|lead| lead["state"].clone()).collect();
        assert_eq!(states, [json!("REJECTED"), json!("VERIFIED")]);
        assert_eq!(send(&url, &form, &fields, "198.51.100.7").await.status, 303);
        assert_eq!(x.count("lead").await, 2, "the first page once more is the first lead");
    }

    async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let opened = page(&format!("{url}/f/{form}?lang=de"), &[]).await;
        x.clock.advance_secs(60);
        let mut fields = but(typed(1), "_ticket", &opened.hidden("_ticket"));
        fields.retain(|(name, _)| name != "_consent" && name != "adults");
        let fields = but(but(but(fields, "phone", "12"), "nights", "900"), "city", "<b>\"Bergen\"</b>");
        let before = x.row_counts().await;
        let answer = send(&url, &form, &fields, "198.51.100.7").await;
        assert_eq!(answer.status, 422);
        for text in [
            "<p class=\"error\" id=\"e-phone\">Bitte geben Sie eine erreichbare Telefonnummer",
            "<p class=\"error\" id=\"e-nights\">Bitte geben Sie eine ganze Zahl von 1 bis 120 an.",
            "<p class=\"error\" id=\"e-adults\">Bitte füllen Sie dieses Feld aus.",
            "<p class=\"error\" id=\"e-_consent\">Ohne Ihre Einwilligung",
            "aria-invalid=\"true\" aria-describedby=\"e-phone\"",
            "<div class=\"summary\" id=\"errors\" role=\"alert\" tabindex=\"-1\" autofocus>",
            "<a href=\"#f-nights\">Nächte: ",
            "value=\"12\"", "value=\"900\"", "value=\"Kari Nordmann\"",
            "value=\"&lt;b&gt;&quot;Bergen&quot;&lt;&#x2f;b&gt;\"",
            "<html lang=\"de\" dir=\"ltr\">",
        ] {
            assert!(answer.body.contains(text), "{text} in {}", answer.body);
        }
        assert!(!answer.body.contains("<b>"));
        let mut after = x.row_counts().await;
        after["throttle"] = before["throttle"].clone();
        assert_eq!(after, before, "only the attempt was counted");
        // Neither a phone nor an e-mail address: the first of both is asked for.
        let mut nobody = but(typed(1), "_ticket", &answer.hidden("_ticket"));
        nobody.retain(|(name, _)| name != "phone" && name != "email");
        assert!(send(&url, &form, &nobody, "198.51.100.7").await.body.contains("id=\"e-phone\""));
        // What is none of the exchange's tickets, or too old, is asked for once more, with what was typed.
        for ticket in ["", "x.y", &format!("{}0", opened.hidden("_ticket"))] {
            let again = send(&url, &form, &but(typed(1), "_ticket", ticket), "198.51.100.7").await;
            assert_eq!(again.status, 422);
            assert!(again.body.contains("open for too long") && again.body.contains("value=\"Kari Nordmann\""), "{}", again.body);
        }
        x.clock.advance_secs(86_400);
        let again = send(&url, &form, &but(typed(1), "_ticket", &opened.hidden("_ticket")), "198.51.100.7").await;
        assert!(again.status == 422 && again.body.contains("zu lange offen"), "{}", again.body);
        assert_eq!(x.count("lead").await, 0);
        let large = Client::new().post(format!("{url}/f/{form}")).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(large.body("a=".to_owned() + &"x".repeat(256 << 10)).send().await.unwrap().status(), 413);
    }

    async fn a_form_is_shown_from_right_to_left_and_only_where_it_may_be(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let arabic = page(&format!("{url}/f/{form}?lang=ar-EG&embed=1&page=https://tours.example/greece%3Fmail%3Dkari"), &[]).await;
        assert!(arabic.body.contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.body.contains("<label for=\"f-phone\">الهاتف"));
        assert!(arabic.body.contains("type=\"tel\" value=\"\" dir=\"ltr\""), "a number is read from left to right everywhere");
        assert_eq!(arabic.attribute("data-parent").as_deref(), Some("https://tours.example"));
        let policy = arabic.header("content-security-policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors https://tours.example", "form-action 'self'", "base-uri 'none'", "style-src 'sha256-"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!arabic.body.contains("src=\"http") && !arabic.body.contains(" onclick") && !arabic.body.contains("style=\""));
        for elsewhere in ["https://tours.example.evil.example/", "https://other.example/"] {
            let page = page(&format!("{url}/f/{form}?embed=1&page={elsewhere}"), &[]).await;
            assert_eq!(page.attribute("data-parent"), None, "{elsewhere}");
        }
        x.clock.advance_secs(60);
        let sent = send(&url, &form, &but(typed(1), "_ticket", &arabic.hidden("_ticket")), "198.51.100.7").await;
        let thanks = page(&format!("{url}{}", sent.header("location")), &[]).await;
        assert_eq!(thanks.attribute("data-parent").as_deref(), Some("https://tours.example"));
        assert_eq!(leads(&x, &seller).await[0]["consent"]["pageUrl"], "https://tours.example/greece");
        for script in ["f/form.js".to_owned(), format!("f/{form}/embed.js")] {
            let script = page(&format!("{url}/{script}"), &[]).await;
            assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
        }
        let mut alone = content();
        alone["origins"] = json!([]);
        let alone = published(&x, &seller, alone).await;
        assert!(page(&format!("{url}/f/{alone}"), &[]).await.header("content-security-policy").ends_with("frame-ancestors 'none'"));
    }

    async fn who_had_the_page_open_agreed_to_what_was_shown(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let url = serve(&x).await;
        let form = published(&x, &seller, content()).await;
        let opened = page(&format!("{url}/f/{form}"), &[]).await;
        let mut next = content();
        next["texts"][0]["consent"] = json!("Yes, everybody may call me about everything.");
        mutate(&x, &seller, "Update", json!({ "formId": form, "content": next })).await;
        assert!(page(&format!("{url}/f/{form}"), &[]).await.body.contains(CONSENT), "a draft is not shown");
        mutate(&x, &seller, "Publish", json!({ "formId": form })).await;
        assert!(page(&format!("{url}/f/{form}"), &[]).await.body.contains("everybody may call me"));
        x.clock.advance_secs(60);
        send(&url, &form, &but(typed(1), "_ticket", &opened.hidden("_ticket")), "198.51.100.7").await.certificate();
        let lead = leads(&x, &seller).await.pop().unwrap();
        assert_eq!(lead["consent"]["text"], CONSENT);
        assert!(lead["consentCertificate"]["payload"].as_str().unwrap().contains("\"form_version\":1,"));
    }

    async fn a_form_that_takes_nothing_says_so(x: Exchange) {
        let mut x = x;
        configured(&mut x, |_| ());
        x.verticals().await;
        let (seller, operator) = (x.organization("Agency").await, x.operator().await);
        let url = serve(&x).await;
        let draft = created(&x, &seller, content()).await["form"]["id"].as_str().unwrap().to_owned();
        for nothing in [draft.as_str(), "form_00000000000000000000000009", "nonsense"] {
            let answer = page(&format!("{url}/f/{nothing}?lang=de"), &[]).await;
            assert!(answer.status == 404 && answer.body.contains("Dieses Formular ist geschlossen."), "{nothing} {}", answer.body);
            assert_eq!(send(&url, nothing, &typed(1), "198.51.100.7").await.status, 404);
        }
        let form = published(&x, &seller, content()).await;
        let opened = page(&format!("{url}/f/{form}"), &[]).await;
        x.clock.advance_secs(60);
        let suspend = "mutation($input: OrganizationSuspendInput!) { organizationSuspend(input: $input) { userErrors { code path } } }";
        let input = json!({ "organizationId": seller.org().to_string() });
        let done = operator.run(&x, suspend, json!({ "input": input })).await;
        assert_eq!(done["organizationSuspend"]["userErrors"], json!([]));
        assert_eq!(page(&format!("{url}/f/{form}"), &[]).await.status, 410);
        assert_eq!(send(&url, &form, &but(typed(1), "_ticket", &opened.hidden("_ticket")), "198.51.100.7").await.status, 410);
        assert_eq!((x.count("lead").await, x.count("consent_certificate").await), (0, 0));
    }
}
