use serde_json::{Value, json};

use super::{MAPPING, announce, import, look, people, put, refusals, seller, tally, whole, work};
use crate::harness::on_each_backend;

const MIXED: &str = "Ref,Name,Phone,Email,Age,Balance\n\
    a,Ana Alves,912000001,ana@example.com,30,100\n\
    b,Rui Reis,912000002,,ninety,5\n\
    \n\
    c,Eva Dias,912000003,eva@example.com,40,x,y\n\
    d,,,,20,1\n\
    e,\"Zoe\nLima\",912000005,zoe@example.com,50,-8019\n\
    a,Ana Again,912000009,again@example.com,31,1\n";

on_each_backend! {
    async fn good_rows_become_leads_and_bad_ones_are_listed(x: Exchange) {
        let seller = seller(&x).await;
        let done = whole(&x, &seller, MIXED.as_bytes(), MAPPING).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [6, 2, 4, 0, 0]), "{done:#}");
        assert_eq!(done["bytesRead"], done["bytesTotal"]);
        let listed: Vec<(i64, String, String)> = refusals(&x, &seller, done["id"].as_str().unwrap()).await;
        assert_eq!(listed[0], (3, "Age".into(), "INVALID".into()));
        assert_eq!(listed[1], (5, String::new(), "INVALID".into()));
        let (last, sixth) = listed[2..].split_last().unwrap();
        assert!(sixth.iter().all(|(line, ..)| *line == 6), "{listed:?}");
        assert_eq!(*last, (9, "Ref".into(), "TAKEN".into()), "another lead, and no duplicate");
        assert_eq!(x.count("lead").await, 2);
        assert_eq!(x.count("lead_contact").await, 2);
    }

    async fn the_same_file_again_adds_nothing(x: Exchange) {
        let seller = seller(&x).await;
        let text = people(30);
        assert_eq!(tally(&whole(&x, &seller, text.as_bytes(), MAPPING).await), [30, 30, 0, 0, 0]);
        x.clock.advance_secs(3_600);
        assert_eq!(tally(&whole(&x, &seller, text.as_bytes(), MAPPING).await), [30, 0, 0, 30, 0]);
        let another = whole(&x, &seller, text.as_bytes(), &MAPPING.replace("ADVICE", "ORDER")).await;
        assert_eq!(tally(&another), [30, 0, 30, 0, 0], "read in another way they are other leads, under references that are taken");
        let listed = refusals(&x, &seller, another["id"].as_str().unwrap()).await;
        assert!(listed.iter().all(|(_, column, code)| column == "Ref" && code == "TAKEN"), "{listed:?}");
        assert_eq!((listed.first().unwrap().0, listed.last().unwrap().0), (2, 31));
        let without_reference = MAPPING.replace("seller_reference = \"Ref\"\n", "");
        let other = text.replace("Ref,", "Key,");
        assert_eq!(tally(&whole(&x, &seller, other.as_bytes(), &without_reference).await)[1], 30);
        x.clock.advance_secs(3_600);
        assert_eq!(tally(&whole(&x, &seller, other.as_bytes(), &without_reference).await), [30, 0, 0, 30, 0]);
        assert_eq!(x.count("lead").await, 60);
    }

    async fn a_repeated_request_is_the_same_import(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(3).as_bytes()).await;
        let first = import(&x, &seller, &upload, MAPPING).await;
        let again = import(&x, &seller, &upload, MAPPING).await;
        assert_eq!(first["import"]["id"], again["import"]["id"]);
        let other = import(&x, &seller, &upload, &MAPPING.replace("ADVICE", "ORDER")).await;
        assert_eq!((&other["userErrors"][0]["code"], &other["userErrors"][0]["path"]), (&json!("WRONG_STATE"), &json!(["uploadId"])));
        work(&x).await;
        assert_eq!(import(&x, &seller, &upload, MAPPING).await["import"]["state"], "DONE");
        assert_eq!(x.count("lead_import").await, 1);
    }

    async fn a_mapping_that_does_not_fit_is_refused_before_anything_is_read(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(3).as_bytes()).await;
        let before = x.row_counts().await;
        let cases = [
            (MAPPING.replace("\"Phone\"", "\"Telephone\""), "mapping.fields.phone.column"),
            (MAPPING.replace("balance =", "belance ="), "mapping.attributes.belance"),
            (MAPPING.replace("finance/deposit", "finance/moon"), "mapping.vertical"),
            (MAPPING.replace("finance/deposit", "finance"), "mapping.vertical"),
            (MAPPING.replace("[file]", "[file]\nencoding = \"klingon\""), "mapping.file.encoding"),
            ("what".to_owned(), "mapping"),
        ];
        for (mapping, place) in cases {
            let answer = import(&x, &seller, &upload, &mapping).await;
            let path: Vec<&str> = answer["userErrors"][0]["path"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!((path.join("."), &answer["import"]), (place.to_owned(), &Value::Null), "{answer:#}");
        }
        assert_eq!(x.row_counts().await, before);
    }

    async fn what_belongs_to_others_is_not_found(x: Exchange) {
        let seller = seller(&x).await;
        let other = x.organization("Other").await;
        let upload = put(&x, &seller, people(3).as_bytes()).await;
        let unknown = "upl_00000000000000000000000009";
        for id in [upload.as_str(), unknown] {
            let answer = import(&x, &other, id, MAPPING).await;
            assert_eq!(answer["userErrors"], json!([{ "code": "NOT_FOUND", "message": "no upload with this id", "path": ["uploadId"] }]));
        }
        let queued = import(&x, &seller, &upload, MAPPING).await;
        let id = queued["import"]["id"].as_str().unwrap();
        assert_eq!(look(&x, &other, id).await, Value::Null);
        let cancel = "mutation($id: ID!) { importCancel(input: { importId: $id }) { import { id } userErrors { code } } }";
        let refused = other.run(&x, cancel, json!({ "id": id })).await;
        assert_eq!(refused["importCancel"]["userErrors"][0]["code"], "NOT_FOUND");
        let unput = announce(&x, &seller, "LEADS", "later.csv").await;
        let early = import(&x, &seller, unput["upload"]["id"].as_str().unwrap(), MAPPING).await;
        assert_eq!(early["userErrors"][0]["code"], "WRONG_STATE");
    }

    async fn imports_are_listed_newest_first(x: Exchange) {
        let seller = seller(&x).await;
        for rows in 1..=3 {
            whole(&x, &seller, people(rows).as_bytes(), MAPPING).await;
            x.clock.advance_secs(1);
        }
        let query = "query($after: String) { imports(first: 2, after: $after) {
            edges { node { rowsRead } } pageInfo { hasNextPage endCursor } } }";
        let first = seller.run(&x, query, json!({})).await["imports"].clone();
        let rows = |page: &Value| -> Vec<i64> {
            page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["rowsRead"].as_i64().unwrap()).collect()
        };
        assert_eq!((rows(&first), &first["pageInfo"]["hasNextPage"]), (vec![3, 2], &json!(true)));
        let second = seller.run(&x, query, json!({ "after": first["pageInfo"]["endCursor"] })).await["imports"].clone();
        assert_eq!(rows(&second), [1]);
    }
}
