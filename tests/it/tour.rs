//! The README's ten minutes, block by block, as a new user would paste them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::app::payments::payments_open;
use api::app::staff::{StaffAdd, staff_add};
use api::ports::{Clock as _, SystemClock};
use domain::access::StaffRole;
use secrecy::SecretString;
use serde_json::{Value, json};
use stripe_double::{Clock, Options, StripeDouble, WebhookEndpoint};
use tokio_util::sync::CancellationToken;

use crate::harness::on_each_backend;
use crate::webhooks::libraries::python_with;
use crate::webhooks::receiver::Receiver;

const README: &str = include_str!("../../README.md");
const FILE: &str = include_str!("../../docs/tour/leads.csv");
const MAPPING: &str = include_str!("../../docs/tour/mapping.toml");
const PASSWORD: &str = "an operator's password";

/// A new user who pastes, and notes what later blocks ask for.
struct Newcomer {
    http: reqwest::Client,
    address: String,
    tokens: BTreeMap<&'static str, String>,
    noted: BTreeMap<&'static str, String>,
}

/// The buyer's own server, in Python. Where it cannot be had, one of ours takes what comes.
struct Server {
    python: Option<std::path::PathBuf>,
    address: String,
    _folder: tempfile::TempDir,
    process: Option<Child>,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let python = python_with("standardwebhooks", folder.path());
        let address = match python {
            Some(_) => format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()),
            None => Receiver::start().await.url(""),
        };
        Self { python, address, _folder: folder, process: None, printed: Arc::default() }
    }

    fn start(&mut self, secret: &str) {
        let Some(python) = &self.python else { return };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tour/receiver.py");
        let port = self.address.rsplit(':').next().unwrap();
        let mut process = Command::new(python).arg(script).args([secret, port]).stdout(Stdio::piped()).spawn().unwrap();
        let (lines, printed) = (BufReader::new(process.stdout.take().unwrap()).lines(), Arc::clone(&self.printed));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| printed.lock().unwrap().push(line)));
        self.process = Some(process);
    }

    /// Waits until it has printed a line that begins so.
    async fn prints(&self, beginning: &str) {
        for _ in 0..1_200 {
            if self.python.is_none() || self.printed.lock().unwrap().iter().any(|line| line.starts_with(beginning)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{beginning} is not among {:?}", self.printed.lock().unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Newcomer {
    fn filled(&self, block: &str) -> String {
        self.noted.iter().fold(block.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    async fn paste(&mut self, block: &str) -> Value {
        let who =
            block.strip_prefix("# as ").and_then(|rest| rest.split([',', '\n']).next()).expect("a block says who pastes it");
        let mut body = json!({ "query": self.filled(block) });
        if block.contains("$mapping") {
            body["variables"] = json!({ "mapping": MAPPING });
        }
        let mut request = self.http.post(format!("{}/graphql", self.address)).json(&body);
        if let Some(token) = self.tokens.get(who) {
            request = request.bearer_auth(token);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{body:#} answered {answer:#}");
        let (field, value) = answer["data"].as_object().unwrap().iter().next().unwrap();
        assert!(value.get("userErrors").is_none_or(|errors| *errors == json!([])), "{body:#} answered {answer:#}");
        self.note(field, value, block);
        value.clone()
    }

    fn note(&mut self, field: &str, value: &Value, block: &str) {
        let text = |pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {value:#}")).to_owned()
        };
        match field {
            "organizationRegister" => {
                let (who, id) = if block.contains("Seller") { ("seller", "SELLER_ID") } else { ("buyer", "BUYER_ID") };
                self.tokens.insert(who, text("/session/accessToken"));
                self.noted.insert(id, text("/organization/id"));
            }
            "walletTopUp" => {
                self.noted.insert("TOP_UP_ID", text("/topUp/id"));
                self.noted.insert("TOP_UP_URL", text("/topUp/url"));
            }
            "webhookEndpointCreate" => drop(self.noted.insert("WEBHOOK_SECRET", text("/secret"))),
            "payoutOnboardingStart" => drop(self.noted.insert("ONBOARDING_URL", text("/url"))),
            "uploadCreate" => {
                self.noted.insert("UPLOAD_ID", text("/upload/id"));
                self.noted.insert("UPLOAD_PATH", text("/path"));
                self.noted.insert("UPLOAD_TOKEN", text("/token"));
            }
            "leadsImport" => drop(self.noted.insert("IMPORT_ID", text("/import/id"))),
            "leads" => drop(self.noted.insert("LEAD_ID", text("/edges/0/node/id"))),
            "listingCreate" => drop(self.noted.insert("LISTING_ID", text("/listing/id"))),
            "listingBuy" => drop(self.noted.insert("TRADE_ID", text("/trade/id"))),
            "leadPing" => drop(self.noted.insert("OFFER_ID", text("/offer/id"))),
            "disputeOpen" => drop(self.noted.insert("DISPUTE_ID", text("/dispute/id"))),
            _ => {}
        }
    }

    async fn put(&self) {
        let address = format!("{}{}", self.address, self.noted["UPLOAD_PATH"]);
        let answer = self.http.put(address).bearer_auth(&self.noted["UPLOAD_TOKEN"]).body(FILE).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Presses a button on a page.
    async fn press(&self, block: &str) {
        let (action, address) = block.trim().strip_prefix("curl -d action=").unwrap().split_once(' ').unwrap();
        let form = "application/x-www-form-urlencoded";
        let pressing = self.http.post(self.filled(address)).header("content-type", form).body(format!("action={action}"));
        let pressed = pressing.send().await.unwrap();
        assert!(!pressed.status().is_server_error() && !pressed.status().is_client_error(), "{}", pressed.status());
    }

    /// Pastes the block until its answer is as it should be: what it asks about goes on behind the request.
    async fn paste_until(&mut self, block: &str, done: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1_200 {
            let answer = self.paste(block).await;
            if done(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{block} never answered what it should");
    }

    async fn log_in_operator(&mut self) {
        let log_in = format!(
            "# as nobody\nmutation {{ sessionCreate(input: {{ email: \"operator@example.com\", password: \"{PASSWORD}\" }}) \
             {{ session {{ accessToken }} userErrors {{ code }} }} }}"
        );
        let session = self.paste(&log_in).await;
        self.tokens.insert("operator", session["session"]["accessToken"].as_str().unwrap().to_owned());
    }
}

fn second_trade(answers: &BTreeMap<&str, Value>) -> String {
    answers["leadPost"]["sales"][0]["tradeId"].as_str().unwrap().to_owned()
}

/// The fenced blocks of the README's tour with their language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let (_, tour) = README.split_once("## Ten minutes").expect("the README has a tour");
    let (tour, _) = tour.split_once("\n## ").expect("the tour ends");
    tour.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').expect("a fence has a language")).collect()
}

on_each_backend! {
    async fn the_readme_is_true(x: Exchange) {
        // The receiver's library refuses what was signed at another time than now.
        let now = domain::time::truncated(SystemClock.now());
        x.clock.set(now);
        let double = StripeDouble::start_with(Options { clock: Clock::Fixed(now.timestamp()), ..Options::default() }).await.unwrap();
        let settings = format!(
            "[stripe]\nsecret_key = {:?}\nwebhook_secrets = [\"whsec_double\"]\napi_url = {:?}\n\
             [webhooks]\ninsecure = true\n[exchange]\nhold_new_secs = 300\n",
            double.secret_key, double.url
        );
        let x = x.with(&settings).await;
        let app = x.app.clone();
        payments_open(&app).await.unwrap();
        let mut server = Server::new().await;
        let operator = StaffAdd {
            email: "operator@example.com".into(),
            name: "Olga Operator".into(),
            role: StaffRole::Operator,
            password: SecretString::from(PASSWORD),
            existing: false,
        };
        staff_add(&app, operator).await.unwrap();
        api::app::verticals::verticals_seed(&app).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let url = format!("{address}/v1/stripe/webhook");
        double.set_webhook_endpoints(vec![WebhookEndpoint { url, secret: "whsec_double".into(), enabled_events: Vec::new() }]);
        let stop = CancellationToken::new();
        let served = tokio::spawn(api::http::exchange_serve(app.clone(), Vec::new(), listener, stop.clone().cancelled_owned()));
        let mut workers = api::workers::start(&app, &stop).await.unwrap();
        // As curl does, it stays where it is sent.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut newcomer = Newcomer { http, address, tokens: BTreeMap::new(), noted: BTreeMap::new() };
        newcomer.log_in_operator().await;

        let mut answers = BTreeMap::new();
        for (language, block) in blocks() {
            match language {
                "sh" if block.contains("curl -T") => newcomer.put().await,
                "sh" if block.contains("curl -d action=") => newcomer.press(block).await,
                "sh" if block.contains("receiver.py") => server.start(&newcomer.noted["WEBHOOK_SECRET"]),
                "graphql" if block.contains("import(id") => {
                    let done = |import: &Value| import["state"] != "QUEUED" && import["state"] != "RUNNING";
                    answers.insert("import", newcomer.paste_until(block, done).await);
                }
                "graphql" if block.contains("topUp(id") => {
                    answers.insert("topUp", newcomer.paste_until(block, |top_up| top_up["state"] != "OPEN").await);
                }
                "graphql" if block.contains("after five minutes") => {
                    server.prints(&format!("verified lead.delivered {}", second_trade(&answers))).await;
                    let hold = "# as buyer\n{ trades(side: BUYER, first: 1) { edges { node { holdWaitsForDelivery } } } }";
                    newcomer.paste_until(hold, |trades| trades["edges"][0]["node"]["holdWaitsForDelivery"] == false).await;
                    x.clock.advance_secs(301);
                    double.advance_clock(301);
                    newcomer.paste_until(block, |wallet| wallet["balances"][0]["available"]["amount"] == "13.50").await;
                }
                "graphql" => {
                    if block.contains("walletWithdraw") {
                        newcomer.paste_until("# as seller\n{ payoutOnboarding { ready } }", |onboarding| onboarding["ready"] == true).await;
                    }
                    let answer = newcomer.paste(&block.replace("http://127.0.0.1:8090", &server.address)).await;
                    if block.contains("listingBuy") {
                        // After the refund that follows nobody would be told who it is.
                        server.prints(&format!("verified lead.delivered {}", newcomer.noted["TRADE_ID"])).await;
                    }
                    let named = [
                        "depositRecord",
                        "walletWithdraw",
                        "leads(",
                        "contactReveal",
                        "disputeOpen",
                        "disputeRespond",
                        "walletStatement",
                        "campaignCreate",
                        "leadPing",
                        "leadPost",
                        "trades(",
                    ];
                    if let Some(name) = named.iter().find(|name| block.contains(*name)) {
                        answers.insert(name, answer);
                    }
                }
                _ => {}
            }
        }

        assert_eq!((&answers["topUp"]["state"], &answers["topUp"]["paid"]["amount"]), (&json!("PAID"), &json!("500.00")));
        assert_eq!(answers["depositRecord"]["deposit"]["amount"]["amount"], "100.00");
        assert_eq!((&answers["import"]["rowsAccepted"], &answers["import"]["rowsRefused"]), (&json!(2), &json!(1)));
        assert_eq!(answers["import"]["refusals"]["edges"][0]["node"]["line"], 4);
        assert_eq!(answers["leads("]["edges"].as_array().unwrap().len(), 2);
        assert_eq!(answers["leads("]["edges"][0]["node"]["state"], "VERIFIED");
        assert_eq!(answers["contactReveal"]["contact"]["phones"].as_array().unwrap().len(), 1);
        assert_eq!(answers["disputeOpen"]["dispute"]["status"], "OPEN");
        assert_eq!(answers["disputeRespond"]["dispute"]["status"], "REFUNDED");
        let statement = answers["walletStatement"]["edges"].as_array().unwrap();
        let kinds: Vec<_> = statement.iter().map(|edge| edge["node"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["REFUND", "TRADE", "DEPOSIT", "DEPOSIT"]);
        assert_eq!(statement[0]["node"]["balance"]["amount"], "600.00");
        let reached = format!("verified lead.delivered {}", newcomer.noted["TRADE_ID"]);
        server.prints(&format!("{reached} {}", answers["contactReveal"]["contact"]["phones"][0].as_str().unwrap())).await;
        server.prints(&format!("verified trade.refunded {}", newcomer.noted["TRADE_ID"])).await;
        assert_eq!(answers["campaignCreate"]["campaign"]["state"], "ACTIVE");
        let offer = &answers["leadPing"]["offer"];
        assert_eq!((&offer["state"], &offer["kind"]), (&json!("OPEN"), &json!("EXCLUSIVE")));
        assert_eq!((&offer["gross"]["amount"], &offer["net"]["amount"]), (&json!("15.00"), &json!("13.50")));
        let post = &answers["leadPost"];
        assert_eq!((&post["leadState"], &post["offer"]["state"]), (&json!("VERIFIED"), &json!("CONCLUDED")), "{post:#}");
        let trade = &answers["trades("]["edges"][0]["node"];
        assert_eq!((&trade["id"], &trade["price"]["amount"]), (&post["sales"][0]["tradeId"], &json!("15.00")));

        let withdrawal = &answers["walletWithdraw"]["withdrawal"];
        assert_eq!((&withdrawal["method"], &withdrawal["amount"]["amount"]), (&json!("STRIPE"), &json!("13.50")));
        assert_eq!(withdrawal["state"], "SENT", "{withdrawal}");
        assert_eq!(double.check(), Ok(()));

        stop.cancel();
        served.await.unwrap().unwrap();
        while workers.join_next().await.is_some() {}
    }
}
