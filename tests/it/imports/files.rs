//! The two files that the exchange was made for, whole.

use std::io::Cursor;

use api::app::imports::mapping_propose;
use domain::mapping::{Candidate, FileFormat, Limits, Mapping, Target};

use super::{seller, tally, whole};
use crate::harness::{Database, Exchange, on_each_backend};

const BANK: &[u8] = include_bytes!("../../../api/data/bank_marketing.csv.gz");
const BANK_MAPPING: &str = include_str!("../../../api/mappings/bank_marketing.toml");
const EDUCATION_MAPPING: &str = include_str!("../data/x_education.toml");

/// Where the second file is when it is there: it states no licence, and so is not in the repository.
fn education() -> Option<Vec<u8>> {
    let path = std::env::var_os("CLEARLEAD_SHARED_DATA")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), std::path::PathBuf::from);
    std::fs::read(path.join("x_education_leads.csv.gz")).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bank_is_imported_whole() {
    let x = Exchange::start(Database::Sqlite).await;
    let seller = seller(&x).await;
    let done = whole(&x, &seller, BANK, BANK_MAPPING).await;
    assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [45_211, 45_211, 0, 0, 0]), "{done:#}");
    assert_eq!(x.count("lead").await, 45_211);
    assert_eq!(x.count("lead_import_refusal").await, 0);
}

on_each_backend! {
    async fn the_course_provider_is_imported_whole(x: Exchange) {
        let Some(bytes) = education() else {
            println!("skipped: ../shared/data/x_education_leads.csv.gz is not there");
            return;
        };
        let seller = seller(&x).await;
        let done = whole(&x, &seller, &bytes, EDUCATION_MAPPING).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [9_240, 9_240, 0, 0, 0]), "{done:#}");
        assert_eq!(x.count("lead").await, 9_240);
    }
}

#[test]
fn a_mapping_is_proposed_for_both_files_that_can_be_read() {
    let starters = domain::vertical::starter_set().unwrap();
    let candidates: Vec<Candidate<'_>> =
        starters.iter().map(|vertical| Candidate { path: vertical.path.as_str(), definition: &vertical.definition }).collect();
    let propose = |bytes: Vec<u8>| {
        let size = u64::try_from(bytes.len()).unwrap();
        mapping_propose(Box::new(Cursor::new(bytes)), size, &FileFormat::default(), Limits::default(), &candidates).unwrap()
    };
    let bank = Mapping::parse(&propose(BANK.to_vec())).unwrap();
    assert_eq!((bank.vertical.as_str(), bank.synthetic.is_some()), ("finance/deposit", true));
    let keys: Vec<&str> = bank.attributes.keys().map(String::as_str).collect();
    let all = ["balance", "contact_line", "credit_in_default", "housing_loan", "last_contact_month", "personal_loan"];
    assert_eq!(keys, all);
    if let Some(bytes) = education() {
        let proposed = Mapping::parse(&propose(bytes)).unwrap();
        assert_eq!(proposed.vertical, "education/course");
        assert!(proposed.attributes.contains_key("specialization") && proposed.fields.contains_key(&Target::Country));
    }
}
