//! Who a person is stands nowhere in clear.

use std::io::Write;
use std::sync::{Arc, Mutex};

use api::app::jobs::jobs_run;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use super::{act, errors};
use crate::harness::{Database, Exchange, on_each_backend};
use crate::imports::removal::stored;
use crate::imports::{MAPPING, put_for, tally, whole};

const REVEAL: &str = "mutation($id: ID!) { contactReveal(input: { leadId: $id }) {
    contact { name phones emails age answers { key value } comments } userErrors { code path } } }";

/// Everything that is personal in the test's lead.
const PERSONAL: &[&str] = &[
    "Synnøve",
    "Ålesundsen",
    "91277001",
    "synnove.ale",
    "203.0.113.77",
    "Mozilla/5.0 Hemmelig",
    "device-77",
    "ring etter seks",
    "01018012345",
];

/// All that the database keeps, as bytes.
async fn kept(x: &Exchange) -> Vec<u8> {
    let db = x.app.store.read();
    match x.database {
        Database::Sqlite => {
            db.execute_unprepared("PRAGMA wal_checkpoint(FULL)").await.unwrap();
            let mut bytes = Vec::new();
            for file in std::fs::read_dir(x.folder()).unwrap().map(|file| file.unwrap().path()) {
                if file.to_string_lossy().contains(".db") {
                    bytes.extend(std::fs::read(file).unwrap());
                }
            }
            bytes
        }
        Database::Postgres => {
            let mut bytes = Vec::new();
            for table in store::TABLES {
                let all = format!("SELECT t::text FROM {table} t");
                for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), all)).await.unwrap() {
                    bytes.extend(row.try_get_by_index::<String>(0).unwrap().into_bytes());
                }
            }
            bytes
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

on_each_backend! {
    async fn the_database_and_the_log_hold_nobody(x: Exchange) {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
        let _listening = tracing::subscriber::set_default(lines);
        x.verticals().await;
        let seller = x.organization("Seller").await;
        let mut input = x.lead_input(1);
        input["vertical"] = json!("finance/loan");
        input["attributes"] = json!([
            { "key": "amount", "value": "12000" }, { "key": "purpose", "value": "CAR" }, { "key": "employment", "value": "PERMANENT" },
            { "key": "national_id", "value": "01018012345" },
        ]);
        input["contact"] = json!({ "name": "Synnøve Ålesundsen", "phones": ["912 77 001"], "emails": ["Synnove.Ale@fjelltur.no"] });
        input["comments"] = json!("ring etter seks");
        input["session"] = json!({ "deviceId": "device-77", "ip": "203.0.113.77", "userAgent": "Mozilla/5.0 Hemmelig" });
        input["consent"]["ip"] = json!("203.0.113.77");
        input["source"]["pageUrl"] = json!("https://tours.example/start?mail=synnove.ale@fjelltur.no");
        let payload = x.lead_submit(&seller, input).await;
        assert_eq!(errors(&payload), []);
        let id = payload["lead"]["id"].as_str().unwrap().to_owned();
        let send = "mutation($id: ID!) { confirmationSend(input: { leadId: $id, channel: EMAIL }) { userErrors { code } } }";
        seller.run(&x, send, json!({ "id": id })).await;
        while jobs_run(&x.app).await.unwrap() > 0 {}
        let bytes = kept(&x).await;
        assert!(contains(&bytes, "PERMANENT"), "what is public is there");
        for text in PERSONAL {
            assert!(!contains(&bytes, text), "the database holds {text}");
            assert!(!contains(&log.0.lock().unwrap(), text), "the log holds {text}");
        }
        let revealed = seller.run(&x, REVEAL, json!({ "id": id })).await["contactReveal"].clone();
        assert_eq!(revealed["contact"], json!({
            "name": "Synnøve Ålesundsen", "phones": ["+4791277001"], "emails": ["synnove.ale@fjelltur.no"], "age": 41,
            "answers": [{ "key": "national_id", "value": "01018012345" }], "comments": "ring etter seks",
        }));
        assert_eq!(x.count("contact_reveal").await, 1);
    }

    async fn an_erased_person_is_gone(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("Seller").await, x.organization("Other").await);
        let id = x.verified_lead(&seller, 1).await;
        assert_eq!(errors(&act(&x, &other, "leadErase", json!({ "leadId": id })).await), [("NOT_FOUND".to_owned(), "leadId".to_owned())]);
        assert_eq!(act(&x, &seller, "leadErase", json!({ "leadId": id })).await["lead"]["state"], "ERASED");
        assert_eq!(x.count("lead_contact").await, 0);
        let revealed = seller.run(&x, REVEAL, json!({ "id": id })).await["contactReveal"].clone();
        assert_eq!(errors(&revealed), [("WRONG_STATE".to_owned(), String::new())]);
        assert_eq!(errors(&act(&x, &seller, "leadVerify", json!({ "leadId": id })).await), [("WRONG_STATE".to_owned(), String::new())]);
    }

    async fn files_hold_nobody_either(x: Exchange) {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
        let _listening = tracing::subscriber::set_default(lines);
        let seller = crate::imports::seller(&x).await;
        let row = "r1,Synnøve Ålesundsen,912770011,Synnove.Ale@fjelltur.no,41,1\n";
        let text = format!("Ref,Name,Phone,Email,Age,Balance\n{row}");
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        zipped.write_all(text.replace("r1", "r2").replace("912770011", "912770012").replace("Synnove.", "Synnove2.").as_bytes()).unwrap();
        for file in [text.into_bytes(), zipped.finish().unwrap()] {
            let done = whole(&x, &seller, &file, MAPPING).await;
            assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [1, 1, 0, 0, 0]), "{done:#}");
        }
        put_for(&x, &seller, "EVIDENCE", "Synnøve Ålesundsen.txt", "ring etter seks: 912770011".as_bytes()).await;
        let mut bytes = kept(&x).await;
        let files = stored(&x);
        assert_eq!(files.len(), 3);
        for file in files {
            bytes.extend(std::fs::read(file).unwrap());
        }
        for text in ["Synnøve", "Ålesundsen", "912770011", "912770012", "ynnove.ale", "ynnove.Ale", "ynnove2", "ring etter seks"] {
            assert!(!contains(&bytes, text), "the database or a file holds {text}");
            assert!(!contains(&log.0.lock().unwrap(), text), "the log holds {text}");
        }
    }
}
