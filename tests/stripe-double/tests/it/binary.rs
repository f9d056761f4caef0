use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::Receiver;

/// Ends the process even if the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn serves_delivers_and_says_what_it_is() {
    let receiver = Receiver::start().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-double"));
    command.args(["--bind", "127.0.0.1:0", "--key", "sk_test_mine", "--webhook", &receiver.url, "--secret", "whsec_test"]);
    let mut binary = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(binary.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("not Stripe"), "{line}");
    let address = line.trim().rsplit("http://").next().unwrap();
    let root = send(address, "GET / HTTP/1.1").await;
    assert!(root.contains("stripe-double: this is not Stripe"), "{root}");
    let customer = send(address, "POST /v1/customers HTTP/1.1\r\nauthorization: Bearer sk_test_mine\r\ncontent-length: 0").await;
    assert!(customer.starts_with("HTTP/1.1 200"), "{customer}");
    send(address, "GET /_control/settle HTTP/1.1").await;
    assert_eq!(receiver.types(), ["customer.created"]);
}

async fn send(address: &str, head: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
