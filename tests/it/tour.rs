//! The README's ten minutes, block by block, as a new user would paste them.

use std::collections::BTreeMap;
use std::time::Duration;

use api::app::staff::{StaffAdd, staff_add};
use domain::access::StaffRole;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::on_each_backend;

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

    /// Pastes the block until its answer's `state` is final: the import runs behind the request.
    async fn paste_until_done(&mut self, block: &str) -> Value {
        for _ in 0..600 {
            let import = self.paste(block).await;
            if import["state"] != "QUEUED" && import["state"] != "RUNNING" {
                return import;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the import did not end");
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

/// The fenced blocks of the README's tour with their language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let (_, tour) = README.split_once("## Ten minutes").expect("the README has a tour");
    let (tour, _) = tour.split_once("\n## ").expect("the tour ends");
    tour.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').expect("a fence has a language")).collect()
}

on_each_backend! {
    async fn the_readme_is_true(x: Exchange) {
        let app = x.app.clone();
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
        let stop = CancellationToken::new();
        let served = tokio::spawn(api::http::exchange_serve(app.clone(), Vec::new(), listener, stop.clone().cancelled_owned()));
        let mut workers = api::workers::start(&app, &stop).await.unwrap();
        let mut newcomer = Newcomer { http: reqwest::Client::new(), address, tokens: BTreeMap::new(), noted: BTreeMap::new() };
        newcomer.log_in_operator().await;

        let mut answers = BTreeMap::new();
        for (language, block) in blocks() {
            match language {
                "sh" if block.contains("curl -T") => newcomer.put().await,
                "graphql" if block.contains("import(id") => drop(answers.insert("import", newcomer.paste_until_done(block).await)),
                "graphql" => {
                    let answer = newcomer.paste(block).await;
                    let named = [
                        "depositRecord",
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

        assert_eq!(answers["depositRecord"]["deposit"]["amount"]["amount"], "500.00");
        assert_eq!((&answers["import"]["rowsAccepted"], &answers["import"]["rowsRefused"]), (&json!(2), &json!(1)));
        assert_eq!(answers["import"]["refusals"]["edges"][0]["node"]["line"], 4);
        assert_eq!(answers["leads("]["edges"].as_array().unwrap().len(), 2);
        assert_eq!(answers["leads("]["edges"][0]["node"]["state"], "VERIFIED");
        assert_eq!(answers["contactReveal"]["contact"]["phones"].as_array().unwrap().len(), 1);
        assert_eq!(answers["disputeOpen"]["dispute"]["status"], "OPEN");
        assert_eq!(answers["disputeRespond"]["dispute"]["status"], "REFUNDED");
        let statement = answers["walletStatement"]["edges"].as_array().unwrap();
        let kinds: Vec<_> = statement.iter().map(|edge| edge["node"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["REFUND", "TRADE", "DEPOSIT"]);
        assert_eq!(statement[0]["node"]["balance"]["amount"], "500.00");
        assert_eq!(answers["campaignCreate"]["campaign"]["state"], "ACTIVE");
        let offer = &answers["leadPing"]["offer"];
        assert_eq!((&offer["state"], &offer["kind"]), (&json!("OPEN"), &json!("EXCLUSIVE")));
        assert_eq!((&offer["gross"]["amount"], &offer["net"]["amount"]), (&json!("15.00"), &json!("13.50")));
        let post = &answers["leadPost"];
        assert_eq!((&post["leadState"], &post["offer"]["state"]), (&json!("VERIFIED"), &json!("CONCLUDED")), "{post:#}");
        let trade = &answers["trades("]["edges"][0]["node"];
        assert_eq!((&trade["id"], &trade["price"]["amount"]), (&post["sales"][0]["tradeId"], &json!("15.00")));

        stop.cancel();
        served.await.unwrap().unwrap();
        while workers.join_next().await.is_some() {}
    }
}
