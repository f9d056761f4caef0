use chrono::{DateTime, Utc};
use gateways::payments::{
    DisputeStatus, EventKind, GatewayEvent, Mode, NewReversal, PaymentGateway, PaymentStatus, PayoutStatus, WebhookError,
    WebhookVerifier,
};
use gateways_stripe::{SettingsError, StripeWebhooks};
use serde_json::json;
use stripe_double::{Fault, FaultAction, Phase, WebhookBehavior, signature_header};

use crate::harness::{SECRET, START, bench, checkout, id, key, note, refund, transfer, usd};

fn verifier(secrets: &[&str]) -> StripeWebhooks {
    StripeWebhooks::new(secrets.iter().map(|secret| (*secret).to_owned().into()).collect()).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// An event as Stripe sends it, of some type with some object.
fn event(event_type: &str, object: serde_json::Value) -> String {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2026-09-30.endive", "created": START, "data": { "object": object },
        "livemode": true, "pending_webhooks": 1, "request": null, "type": event_type,
    })
    .to_string()
}

fn verify(body: &str) -> Result<GatewayEvent, WebhookError> {
    verifier(&[SECRET]).verify(body.as_bytes(), &signature_header(body, SECRET, START), at(START))
}

#[tokio::test]
async fn every_event_of_the_ways_money_goes_is_understood() {
    let bench = bench().await;
    let receiver = bench.receiver().await;
    let customer = bench.customer().await;
    let session = bench.gateway.checkout_create(&key("s"), &checkout(&customer)).await.unwrap();
    bench.double.complete_checkout(&session.id).unwrap();
    let paid = bench.gateway.checkout_retrieve(&session.id).await.unwrap().payment.unwrap();
    let given = bench.gateway.refund_create(&key("r"), &refund(&paid, 1_000)).await.unwrap();
    bench.double.fail_refund(&given.id, "lost_or_stolen_card").unwrap();
    let charge = bench.gateway.payment_retrieve(&paid).await.unwrap().charge.unwrap();
    let dispute = id(&bench.double.open_dispute(&charge, "fraudulent").unwrap());
    bench.double.decide_dispute(&dispute, true).unwrap();
    let seller = bench.seller().await;
    let moved = bench.gateway.transfer_create(&key("t"), &transfer(&seller, 4_000)).await.unwrap();
    let reversal = NewReversal { transfer: moved.id.clone(), amount: usd(500), metadata: note("w") };
    bench.gateway.transfer_reversal_create(&key("v"), &reversal).await.unwrap();
    let payout = id(&bench.double.pay_out(&seller, "usd").unwrap());
    bench.double.fail_payout(&payout, "account_closed").unwrap();
    bench.double.settle_webhooks().await;

    let verifier = verifier(&[SECRET]);
    let events: Vec<_> =
        receiver.received().iter().map(|(signature, body)| verifier.verify(body, signature, at(START)).unwrap()).collect();
    assert!(events.iter().all(|event| event.mode == Mode::Test && event.created == at(START)));
    let one = |event_type: &str| {
        let mut found = events.iter().filter(|event| event.event_type == event_type);
        let event = found.next().unwrap_or_else(|| panic!("no {event_type}"));
        assert!(found.next().is_none(), "two of {event_type}");
        event
    };
    assert!(matches!(&one("checkout.session.completed").kind, EventKind::Checkout(found)
        if found.paid && found.id == session.id && found.payment.as_ref() == Some(&paid)));
    assert!(matches!(&one("payment_intent.succeeded").kind, EventKind::Payment(found)
        if found.id == paid && found.status == PaymentStatus::Succeeded && found.received_minor == 5_000));
    assert!(matches!(&one("charge.refunded").kind, EventKind::Charge(found) if found.refunded_minor == 1_000));
    assert!(matches!(&one("refund.failed").kind, EventKind::Refund(found)
        if found.id == given.id && found.failure_reason.as_deref() == Some("lost_or_stolen_card")));
    assert!(matches!(&one("charge.dispute.created").kind, EventKind::Dispute(found)
        if found.id == dispute && found.status == DisputeStatus::NeedsResponse));
    assert!(matches!(&one("charge.dispute.closed").kind, EventKind::Dispute(found)
        if found.status == DisputeStatus::Won && found.entries.len() == 2));
    assert!(matches!(&one("transfer.reversed").kind, EventKind::Transfer(found)
        if found.id == moved.id && found.reversed_minor == 500));
    assert!(matches!(&one("account.updated").kind, EventKind::Account(found) if found.payouts_enabled));
    assert!(matches!(&one("customer.created").kind, EventKind::Unknown(_)));
    let failed = one("payout.failed");
    assert_eq!(failed.account.as_ref(), Some(&seller));
    assert!(
        matches!(&failed.kind, EventKind::Payout(found) if found.status == PayoutStatus::Failed && found.amount == usd(3_500))
    );
}

#[tokio::test]
async fn a_copy_has_the_same_id_and_a_call_verifies_by_any_of_several_secrets() {
    let bench = bench().await;
    let receiver = bench.receiver().await;
    bench.double.set_webhook_behavior(WebhookBehavior { duplicates: 1, ..WebhookBehavior::default() });
    bench.customer().await;
    bench.double.settle_webhooks().await;
    let during_rotation = verifier(&["whsec_new", SECRET]);
    let received = receiver.received();
    let ids: Vec<_> =
        received.iter().map(|(signature, body)| during_rotation.verify(body, signature, at(START)).unwrap().id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    let (signature, body) = &received[0];
    assert_eq!(verifier(&["whsec_new"]).verify(body, signature, at(START)), Err(WebhookError::BadSignature));
}

#[test]
fn a_signature_holds_for_its_body_and_for_five_minutes() {
    let body = event("account.application.deauthorized", json!({ "id": "ca_1", "object": "application", "name": null }));
    let signature = signature_header(&body, SECRET, START);
    let verifier = verifier(&[SECRET]);
    let verified =
        |body: &str, signature: &str, now: i64| verifier.verify(body.as_bytes(), signature, at(now)).map(|event| event.kind);
    for now in [START - 300, START, START + 300] {
        assert_eq!(verified(&body, &signature, now), Ok(EventKind::AccountLeft));
    }
    for now in [START - 301, START + 301] {
        assert_eq!(verified(&body, &signature, now), Err(WebhookError::TooOld));
    }
    assert_eq!(verified(&body.replace("evt_1", "evt_2"), &signature, START), Err(WebhookError::BadSignature));
    let forged = signature_header(&body, "whsec_other", START);
    for bad in [forged.as_str(), "", "t=1", "v1=00", "nonsense", "t=1800000000,v1=zz"] {
        assert_eq!(verified(&body, bad, START), Err(WebhookError::BadSignature), "{bad}");
    }
    let late = signature.replace(&START.to_string(), &(START + 1).to_string());
    assert_eq!(verified(&body, &late, START), Err(WebhookError::BadSignature));
    assert_eq!(verified(&body, "t=x,v1=00", START), Err(WebhookError::Malformed("the signature's time".to_owned())));
    // During a rotation Stripe signs with both secrets.
    let both = format!("{forged},{}", signature.split_once(',').unwrap().1);
    assert_eq!(verified(&body, &both, START), Ok(EventKind::AccountLeft));
}

#[test]
fn types_that_are_of_no_use_are_acknowledged_whatever_they_carry() {
    for (event_type, object) in [
        ("payment_method.attached", json!({ "object": "payment_method", "surprise": true })),
        ("invoice.created", json!({})),
        ("something.of.tomorrow", json!({ "id": 1 })),
        ("account.external_account.created", json!({ "object": "bank_account" })),
        ("ping", json!({})),
    ] {
        let understood = verify(&event(event_type, object)).unwrap();
        assert_eq!(understood.kind, EventKind::Unknown(event_type.to_owned()));
        assert_eq!((understood.id.as_str(), understood.mode), ("evt_1", Mode::Live));
    }
}

#[test]
fn what_is_signed_but_no_event_is_malformed_and_not_repeated() {
    let strange = event("payout.paid", json!({ "object": "payout", "id": "po_secret" }));
    assert_eq!(verify(&strange), Err(WebhookError::Malformed("the object of payout.paid".to_owned())));
    for body in ["", "{}", "[]", "null", "{\"id\":\"evt_1\"}"] {
        assert_eq!(verify(body), Err(WebhookError::Malformed("no event".to_owned())), "{body}");
    }
    let bytes = [0xff, 0xfe];
    let verified = verifier(&[SECRET]).verify(&bytes, "t=1,v1=00", at(START));
    assert_eq!(verified, Err(WebhookError::Malformed("no UTF-8".to_owned())));
}

#[test]
fn secrets_are_needed_and_never_shown() {
    for bad in [vec![], vec!["whsec_"], vec!["sk_test_x"], vec![SECRET, ""]] {
        let secrets = bad.iter().map(|secret| (*secret).to_owned().into()).collect();
        assert_eq!(StripeWebhooks::new(secrets).err(), Some(SettingsError::WebhookSecret), "{bad:?}");
    }
    assert_eq!(format!("{:?}", verifier(&["whsec_hidden"])), "StripeWebhooks { secrets: 1 }");
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_announced_all_the_same() {
    let bench = bench().await;
    let seller = bench.seller().await;
    let receiver = bench.receiver().await;
    bench.double.script_fault(Fault {
        method: None,
        path: "/v1/transfers".to_owned(),
        times: 1,
        phase: Phase::After,
        action: FaultAction::Drop,
        keep: false,
    });
    assert!(bench.gateway.transfer_create(&key("t"), &transfer(&seller, 700)).await.is_err());
    bench.double.settle_webhooks().await;
    let [(signature, body)] = receiver.received().try_into().unwrap();
    let event = verifier(&[SECRET]).verify(&body, &signature, at(START)).unwrap();
    assert!(
        matches!(event.kind, EventKind::Transfer(found) if found.metadata == note("withdrawal-1") && found.amount == usd(700))
    );
}
