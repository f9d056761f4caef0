use gateways::payments::{GatewayError, PaymentGateway};
use gateways_stripe::{Settings, StripeGateway};

/// Two TLS providers in one process make the first connection panic; one gives an error like any other.
#[tokio::test]
async fn an_encrypted_call_to_a_closed_port_is_an_error_and_no_panic() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings =
        Settings { base_url: format!("https://{address}"), attempts: 1, ..Settings::new("sk_live_closed".to_owned().into()) };
    let refused = StripeGateway::new(&settings).unwrap().balance().await;
    assert_eq!(refused, Err(GatewayError::Unknown { reason: "connection".to_owned() }));
}
