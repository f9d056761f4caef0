use serde_json::json;
use stripe_double::{Fault, FaultAction, Phase};

use crate::harness::{call, double, get, paid, platform, post};

const PAY: &str = "amount=500&currency=usd&payment_method=pm_card_visa&confirm=true";

fn fault(phase: Phase, action: FaultAction) -> Fault {
    Fault { method: Some("POST".to_owned()), path: "/v1/payment_intents".to_owned(), times: 1, phase, action, keep: false }
}

#[tokio::test]
async fn a_status_before_the_effect_leaves_nothing_behind() {
    let double = double().await;
    for (status, kind) in [(500, "api_error"), (503, "api_error"), (429, "invalid_request_error"), (401, "invalid_request_error")]
    {
        double.script_fault(fault(Phase::Before, FaultAction::Status { status }));
        let reply = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
        assert_eq!((reply.status, &reply.body["error"]["type"]), (status, &json!(kind)));
        assert_eq!(platform(&double), 0);
    }
    let reply = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
    assert_eq!((reply.status, reply.header("idempotent-replayed"), platform(&double)), (200, None, 500));
}

#[tokio::test]
async fn a_status_after_the_effect_hides_an_answer_that_the_key_still_has() {
    let double = double().await;
    double.script_fault(fault(Phase::After, FaultAction::Status { status: 502 }));
    assert_eq!(post(&double, "/v1/payment_intents", PAY).key("k1").send().await.status, 502);
    assert_eq!(platform(&double), 500);
    let retried = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
    assert_eq!((retried.status, retried.header("idempotent-replayed"), platform(&double)), (200, Some("true"), 500));
}

#[tokio::test]
async fn a_status_after_the_effect_is_replayed_if_it_is_to_be_kept() {
    let double = double().await;
    double.script_fault(Fault { keep: true, ..fault(Phase::After, FaultAction::Status { status: 500 }) });
    for replayed in [None, Some("true")] {
        let reply = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
        assert_eq!((reply.status, reply.header("idempotent-replayed"), platform(&double)), (500, replayed, 500));
    }
}

#[tokio::test]
async fn a_connection_is_dropped_before_or_after_the_effect() {
    let double = double().await;
    double.script_fault(fault(Phase::Before, FaultAction::Drop));
    assert!(post(&double, "/v1/payment_intents", PAY).key("k1").try_send().await.is_none());
    assert_eq!(platform(&double), 0);
    double.script_fault(Fault { times: 2, ..fault(Phase::After, FaultAction::Drop) });
    for _ in 0..2 {
        assert!(post(&double, "/v1/payment_intents", PAY).key("k1").try_send().await.is_none());
        assert_eq!(platform(&double), 500);
    }
    assert_eq!(post(&double, "/v1/payment_intents", PAY).key("k1").send().await.header("idempotent-replayed"), Some("true"));
    assert_eq!(platform(&double), 500);
}

#[tokio::test]
async fn a_request_hangs_until_released_and_is_executed_though_its_client_left() {
    let double = double().await;
    double.script_fault(fault(Phase::Before, FaultAction::Hang { millis: None }));
    tokio::select! {
        _ = post(&double, "/v1/payment_intents", PAY).key("k1").send() => panic!("it should hang"),
        () = double.until_hanging(1) => {},
    }
    assert_eq!(platform(&double), 0);
    double.release_hanging();
    // The key is in flight until the abandoned request is executed; then the answer that nobody read is replayed.
    let reply = loop {
        let reply = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
        if reply.status != 409 {
            break reply;
        }
    };
    assert_eq!((reply.status, reply.header("idempotent-replayed"), platform(&double)), (200, Some("true"), 500));
}

#[tokio::test]
async fn an_answer_hangs_after_the_effect_until_released() {
    let double = double().await;
    double.script_fault(fault(Phase::After, FaultAction::Hang { millis: None }));
    let first = post(&double, "/v1/payment_intents", PAY).key("k1").send();
    let meanwhile = async {
        double.until_hanging(1).await;
        assert_eq!(platform(&double), 500);
        let replayed = post(&double, "/v1/payment_intents", PAY).key("k1").send().await;
        double.release_hanging();
        replayed
    };
    let (first, replayed) = tokio::join!(first, meanwhile);
    assert_eq!((&first.text, replayed.header("idempotent-replayed"), platform(&double)), (&replayed.text, Some("true"), 500));
}

#[tokio::test]
async fn a_hang_with_an_end_goes_on_by_itself() {
    let double = double().await;
    double.script_fault(fault(Phase::After, FaultAction::Hang { millis: Some(1) }));
    assert_eq!(post(&double, "/v1/payment_intents", PAY).send().await.status, 200);
    assert_eq!(platform(&double), 500);
}

#[tokio::test]
async fn a_fault_befalls_only_its_method_and_path_and_so_many_requests() {
    let double = double().await;
    double.script_fault(Fault { times: 2, ..fault(Phase::Before, FaultAction::Status { status: 500 }) });
    assert_eq!(get(&double, "/v1/payment_intents").send().await.status, 200);
    assert_eq!(post(&double, "/v1/customers", "").send().await.status, 200);
    let status = async || post(&double, "/v1/payment_intents", PAY).send().await.status;
    assert_eq!((status().await, status().await, status().await), (500, 500, 200));
    double.script_fault(Fault { times: 100, ..fault(Phase::Before, FaultAction::Status { status: 500 }) });
    double.clear_faults();
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn faults_are_scripted_over_http_too() {
    let double = double().await;
    let script = r#"{ "path": "/v1/balance", "phase": "before", "action": "status", "status": 503 }"#;
    assert_eq!(call(&double, "POST", "/_control/script_fault", script).send().await.status, 200);
    assert_eq!(call(&double, "GET", "/_control/faults", "").ok().await[0]["times"], 1);
    assert_eq!((get(&double, "/v1/balance").send().await.status, get(&double, "/v1/balance").send().await.status), (503, 200));
    paid(&double, 1).await;
}
