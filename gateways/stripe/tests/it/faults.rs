use std::time::Duration;

use gateways::payments::{GatewayError, NewTransfer, PaymentGateway};
use gateways_stripe::{Settings, StripeGateway};
use stripe_double::{Fault, FaultAction, Phase};

use crate::harness::{Bench, all, bench, key, settings, transfer, usd, window};

const PATH: &str = "/v1/transfers";

fn fault(phase: Phase, action: FaultAction) -> Fault {
    Fault { method: Some("POST".to_owned()), path: PATH.to_owned(), times: 1, phase, action, keep: false }
}

fn unknown(reason: &str) -> GatewayError {
    GatewayError::Unknown { reason: reason.to_owned() }
}

fn busy(code: &str) -> GatewayError {
    GatewayError::Busy { code: code.to_owned(), retry_after: None }
}

/// Asserts that one transfer was made, and that the book adds up.
async fn assert_one(bench: &Bench, id: &str) {
    let made = bench.gateway.transfer_list(&window(), &all()).await.unwrap().items;
    assert_eq!(made.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [id]);
    assert_eq!(bench.gateway.balance().await.unwrap().available, [usd(9_000)]);
    bench.double.check().unwrap();
}

#[tokio::test]
async fn whatever_befalls_a_call_the_same_key_pays_once() {
    let hang = FaultAction::Hang { millis: None };
    for (phase, action, noticed) in [
        (Phase::Before, FaultAction::Drop, unknown("connection")),
        (Phase::After, FaultAction::Drop, unknown("connection")),
        (Phase::Before, FaultAction::Status { status: 500 }, unknown("status 500")),
        (Phase::After, FaultAction::Status { status: 502 }, unknown("status 502")),
        (Phase::Before, FaultAction::Status { status: 429 }, busy("rate_limit")),
        (Phase::After, FaultAction::Status { status: 429 }, busy("rate_limit")),
        (Phase::After, hang, unknown("timeout")),
    ] {
        let bench = bench().await;
        let new = transfer(&bench.seller().await, 1_000);
        let timeout = if action == hang { Duration::from_millis(50) } else { Duration::from_secs(30) };
        let impatient = StripeGateway::new(&Settings { timeout, ..settings(&bench.double) }).unwrap();
        bench.double.script_fault(fault(phase, action));
        let lost = impatient.transfer_create(&key("w"), &new).await.unwrap_err();
        assert_eq!(lost, noticed, "{phase:?} {action:?}");
        assert!(lost.is_open());
        bench.double.release_hanging();
        let made = bench.gateway.transfer_create(&key("w"), &new).await.unwrap();
        assert_eq!(bench.gateway.transfer_create(&key("w"), &new).await.unwrap(), made);
        assert_one(&bench, &made.id).await;
    }
}

#[tokio::test]
async fn the_gateway_itself_asks_again_with_the_same_key() {
    let bench = bench().await;
    let new = transfer(&bench.seller().await, 1_000);
    let patient = StripeGateway::new(&Settings { attempts: 4, ..settings(&bench.double) }).unwrap();
    for one in [
        fault(Phase::After, FaultAction::Drop),
        fault(Phase::Before, FaultAction::Status { status: 429 }),
        fault(Phase::After, FaultAction::Status { status: 503 }),
    ] {
        bench.double.script_fault(one);
    }
    let made = patient.transfer_create(&key("w"), &new).await.unwrap();
    assert_eq!(bench.requests(PATH), 4);
    assert_one(&bench, &made.id).await;
}

#[tokio::test]
async fn the_gateway_gives_up_after_its_attempts_and_what_reads_is_repeated_too() {
    let bench = bench().await;
    let patient = StripeGateway::new(&Settings { attempts: 3, ..settings(&bench.double) }).unwrap();
    let always = |times| Fault {
        method: None,
        path: "/v1/balance".to_owned(),
        times,
        phase: Phase::Before,
        action: FaultAction::Status { status: 500 },
        keep: false,
    };
    bench.double.script_fault(always(3));
    assert_eq!(patient.balance().await, Err(unknown("status 500")));
    assert_eq!(bench.requests("/v1/balance"), 3);
    bench.double.script_fault(always(2));
    patient.balance().await.unwrap();
    assert_eq!(bench.requests("/v1/balance"), 6);
}

#[tokio::test]
async fn an_error_that_stripe_keeps_stays_unknown_though_the_transfer_was_made() {
    let bench = bench().await;
    let new = transfer(&bench.seller().await, 1_000);
    bench.double.script_fault(Fault { keep: true, ..fault(Phase::After, FaultAction::Status { status: 500 }) });
    for _ in 0..2 {
        assert_eq!(bench.gateway.transfer_create(&key("w"), &new).await, Err(unknown("status 500")));
    }
    let made = bench.gateway.transfer_list(&window(), &all()).await.unwrap().items;
    assert_eq!((made.len(), &made[0].metadata, made[0].group.as_ref()), (1, &new.metadata, new.group.as_ref()));
    assert_one(&bench, &made[0].id).await;
}

#[tokio::test]
async fn a_key_in_flight_is_busy_and_then_gives_the_first_result() {
    let bench = bench().await;
    let new = transfer(&bench.seller().await, 1_000);
    bench.double.script_fault(fault(Phase::Before, FaultAction::Hang { millis: None }));
    let (gateway, first_new) = (bench.gateway.clone(), new.clone());
    let first = tokio::spawn(async move { gateway.transfer_create(&key("w"), &first_new).await });
    bench.double.until_hanging(1).await;
    assert_eq!(bench.gateway.transfer_create(&key("w"), &new).await, Err(busy("idempotency_key_in_use")));
    bench.double.release_hanging();
    let made = first.await.unwrap().unwrap();
    assert_eq!(bench.gateway.transfer_create(&key("w"), &new).await.unwrap(), made);
    assert_one(&bench, &made.id).await;
}

#[tokio::test]
async fn a_key_is_for_one_request_only() {
    let bench = bench().await;
    let new = transfer(&bench.seller().await, 1_000);
    let made = bench.gateway.transfer_create(&key("w"), &new).await.unwrap();
    let other = NewTransfer { amount: usd(999), ..new };
    assert_eq!(bench.gateway.transfer_create(&key("w"), &other).await, Err(unknown("idempotency_error")));
    assert_one(&bench, &made.id).await;
}

#[tokio::test]
async fn what_is_final_is_not_repeated() {
    let bench = bench().await;
    let seller = bench.seller().await;
    let patient = StripeGateway::new(&Settings { attempts: 4, ..settings(&bench.double) }).unwrap();
    assert!(matches!(patient.transfer_create(&key("w"), &transfer(&seller, 90_000)).await, Err(GatewayError::Refused { .. })));
    bench.double.script_fault(fault(Phase::Before, FaultAction::Status { status: 401 }));
    let refused = patient.transfer_create(&key("v"), &transfer(&seller, 1_000)).await.unwrap_err();
    assert_eq!(refused, GatewayError::Unauthorized { code: "invalid_request_error".to_owned() });
    assert_eq!(bench.requests(PATH), 2);
}

#[tokio::test]
async fn a_wrong_key_is_not_repeated_in_the_error() {
    let bench = bench().await;
    let wrong = Settings { secret_key: "sk_test_wrong".to_owned().into(), ..settings(&bench.double) };
    let gateway = StripeGateway::new(&wrong).unwrap();
    let refused = gateway.balance().await.unwrap_err();
    assert_eq!(refused, GatewayError::Unauthorized { code: "invalid_request_error".to_owned() });
    for shown in [format!("{refused:?}"), refused.to_string(), format!("{gateway:?}"), format!("{wrong:?}")] {
        assert!(!shown.contains("sk_test"), "{shown}");
    }
}
