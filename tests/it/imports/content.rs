use std::io::Write;

use serde_json::json;

use super::{MAPPING, announce, import, people, put, refusals, seller, tally, whole};
use crate::harness::on_each_backend;

const RUSSIAN: &str = "Ref;Name;Phone;Email;Age;Balance\n\
    1;Анна Иванова;912000001;anna@example.com;30;1 000,40\n\
    2;Пётр Сидоров;912000002;petr@example.com;40;-5,60\n";

fn comma() -> String {
    MAPPING.replace("[file]", "[file]\ndecimal = \",\"")
}

on_each_backend! {
    async fn files_of_all_kinds_are_read(x: Exchange) {
        let seller = seller(&x).await;
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(RUSSIAN.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let (narrow, ..) = encoding_rs::WINDOWS_1251.encode(RUSSIAN);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(RUSSIAN.as_bytes()).unwrap();
        let tabs = RUSSIAN.replace(';', "\t").replace('\n', "\r\n");
        let told = comma().replace("[file]", "[file]\nencoding = \"windows-1251\"\ndelimiter = \";\"");
        let files: Vec<(Vec<u8>, String)> = vec![
            (RUSSIAN.as_bytes().to_vec(), comma()),
            (wide, comma()),
            (narrow.to_vec(), comma()),
            (narrow.to_vec(), told),
            (gzip.finish().unwrap(), comma()),
            (tabs.into_bytes(), comma()),
            (format!("Report of May\n\n{RUSSIAN}").into_bytes(), comma().replace("[file]", "[file]\nskip_lines = 2")),
        ];
        // Each holds the same two people: whatever the form, the first file brings them and the others nothing new.
        for (n, (bytes, mapping)) in files.iter().enumerate() {
            let done = whole(&x, &seller, bytes, mapping).await;
            let expected = if n == 0 { [2, 2, 0, 0, 0] } else { [2, 0, 0, 2, 0] };
            assert_eq!((tally(&done), done["state"].as_str()), (expected, Some("DONE")), "file {n}: {done:#}");
        }
        let latin = b"Ref|Name|Phone|Email|Age|Balance\n9|Jos\xe9 Pe\xf1a|912000009|jose@example.com|33|7\n";
        let done = whole(&x, &seller, latin, &MAPPING.replace("[file]", "[file]\nencoding = \"latin-1\"")).await;
        assert_eq!(tally(&done), [1, 1, 0, 0, 0]);
    }

    async fn an_open_quotation_mark_swallows_no_row(x: Exchange) {
        let seller = seller(&x).await;
        let text = people(1_500).replace(",20,60\n", ",20,\"60\n");
        let done = whole(&x, &seller, text.as_bytes(), MAPPING).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [1_500, 1_499, 1, 0, 0]), "{done:#}");
        let listed = refusals(&x, &seller, done["id"].as_str().unwrap()).await;
        assert_eq!(listed, [(62, "Balance".to_owned(), "INVALID".to_owned())]);
    }

    async fn a_number_of_which_a_part_is_hidden_is_refused(x: Exchange) {
        let seller = seller(&x).await;
        let text = people(1) + "h,Kari Nordmann,+47 912 34 ***,kari@example.com,30,1\n";
        let done = whole(&x, &seller, text.as_bytes(), MAPPING).await;
        assert_eq!(tally(&done), [2, 1, 1, 0, 0]);
        let listed = refusals(&x, &seller, done["id"].as_str().unwrap()).await;
        assert_eq!(listed, [(3, "Phone".to_owned(), "NOT_A_LEAD".to_owned())]);
    }

    async fn a_lead_whose_time_the_file_does_not_tell_is_of_unknown_age(x: Exchange) {
        let seller = seller(&x).await;
        whole(&x, &seller, people(1).as_bytes(), MAPPING).await;
        let query = "{ leads(first: 1) { edges { node { dated checks { kind outcome evidence { fact value } } consent { capturedAt } } } } }";
        let lead = seller.run(&x, query, json!({})).await["leads"]["edges"][0]["node"].clone();
        assert_eq!((&lead["dated"], &lead["consent"]["capturedAt"]), (&json!(false), &json!(null)));
        let consent = lead["checks"].as_array().unwrap().iter().find(|check| check["kind"] == "CONSENT").unwrap();
        assert_eq!(consent["outcome"], "INCONCLUSIVE");
        assert!(consent.to_string().contains("NO_TIME"), "{consent}");
    }

    async fn a_damaged_file_fails_behind_its_good_rows(x: Exchange) {
        let seller = seller(&x).await;
        let text = format!("{}x,\"open {}", people(20), "y".repeat(3 << 20));
        let done = whole(&x, &seller, text.as_bytes(), MAPPING).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("FAILED"), [21, 20, 1, 0, 0]));
        assert_eq!(done["error"], "line 22: a row is too long; perhaps a closing quotation mark is missing");
        assert_eq!(x.count("lead").await, 20);
    }

    async fn limits_hold_at_their_figure_and_not_beyond(x: Exchange) {
        let seller = seller(&x).await;
        let cell = |bytes: usize| format!("{}z,{},912999999,z@example.com,30,1\n", people(1), "n".repeat(bytes));
        assert_eq!(tally(&whole(&x, &seller, cell(10_001).as_bytes(), MAPPING).await), [2, 1, 1, 0, 0]);
        let wide = |columns: usize| {
            let extra: String = (6..columns).map(|n| format!(",c{n}")).collect();
            people(0).replace('\n', &format!("{extra}\n"))
        };
        let fits = put(&x, &seller, wide(200).as_bytes()).await;
        assert_eq!(import(&x, &seller, &fits, MAPPING).await["userErrors"], json!([]));
        let beyond = put(&x, &seller, wide(201).as_bytes()).await;
        assert_eq!(import(&x, &seller, &beyond, MAPPING).await["userErrors"][0]["code"], "TOO_LARGE");
        let long = "#".repeat(65_537);
        assert_eq!(import(&x, &seller, &fits, &long).await["userErrors"][0]["code"], "TOO_LARGE");
        for n in 0..10 {
            assert_eq!(announce(&x, &seller, "LEADS", &format!("{n}.csv")).await["userErrors"], json!([]));
        }
        assert_eq!(announce(&x, &seller, "LEADS", "11.csv").await["userErrors"][0]["code"], "RATE_LIMITED");
        assert_eq!(announce(&x, &seller, "LEADS", &"n".repeat(201)).await["userErrors"][0]["code"], "TOO_LARGE");
        x.clock.advance_secs(3_600);
        assert_eq!(api::app::uploads::uploads_sweep(&x.app).await.unwrap(), 10);
        assert_eq!(announce(&x, &seller, "LEADS", "11.csv").await["userErrors"], json!([]));
    }
}
