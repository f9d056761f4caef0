//! Do-not-contact lists as files.

use api::app::uploads::{UploadProof, upload_put};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use super::{announce, look, people, put, refusals, seller, tally, work};
use crate::harness::{Actor, Exchange, on_each_backend};

const IMPORT: &str = "mutation($input: SuppressionFileImportInput!) { suppressionFileImport(input: $input) {
    import { id kind state } userErrors { code path } } }";

async fn file(x: &Exchange, operator: &Actor, bytes: &[u8]) -> String {
    let announced = announce(x, operator, "SUPPRESSIONS", "list.csv").await;
    assert_eq!(announced["userErrors"], json!([]));
    let id = announced["upload"]["id"].as_str().unwrap().to_owned();
    let proof = UploadProof::Token(announced["token"].as_str().unwrap().into());
    let chunks: Vec<Result<Bytes, std::io::Error>> = bytes.chunks(1_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    upload_put(&x.app, &proof, id.parse().unwrap(), None, stream::iter(chunks)).await.unwrap();
    id
}

async fn ask(x: &Exchange, actor: &Actor, upload: &str, column: Option<&str>) -> Value {
    let input = json!({ "uploadId": upload, "column": column, "country": "NO", "reason": "asked us", "source": "national list" });
    actor.run(x, IMPORT, json!({ "input": input })).await["suppressionFileImport"].clone()
}

async fn whole(x: &Exchange, operator: &Actor, bytes: &[u8], column: Option<&str>) -> Value {
    let asked = ask(x, operator, &file(x, operator, bytes).await, column).await;
    assert_eq!((&asked["userErrors"], &asked["import"]["kind"]), (&json!([]), &json!("SUPPRESSIONS")), "{asked:#}");
    work(x).await;
    look(x, operator, asked["import"]["id"].as_str().unwrap()).await
}

async fn is_listed(x: &Exchange, operator: &Actor, contact: &str) -> bool {
    let check = "query($contact: String!) { suppressionCheck(contact: $contact) }";
    operator.run(x, check, json!({ "contact": contact })).await["suppressionCheck"] == true
}

on_each_backend! {
    async fn a_list_is_read_row_by_row_and_bad_rows_are_listed(x: Exchange) {
        let (seller, operator) = (seller(&x).await, x.operator().await);
        // The digest is the SHA-256 of kari.3@fjelltur.no.
        let text = "contact,note\n+4791200001,a\n\nnonsense,b\nKari.2@fjelltur.no,c\n912 00 004,d\n\
            39626713601b4bff9340ce15d575fb6c054e226207c98e46d0f8b7710773585e,e\n,f\n+4791200001,again\n";
        let done = whole(&x, &operator, text.as_bytes(), None).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [7, 4, 1, 1, 1]), "{done:#}");
        let id = done["id"].as_str().unwrap();
        assert_eq!(refusals(&x, &operator, id).await, [(4, "contact".to_owned(), "INVALID".to_owned())]);
        assert_eq!(look(&x, &seller, id).await, Value::Null);
        for contact in ["+4791200001", "kari.2@fjelltur.no", "kari.3@fjelltur.no", "+4791200004"] {
            assert!(is_listed(&x, &operator, contact).await, "{contact}");
        }
        assert!(!is_listed(&x, &operator, "+4791200009").await);
        let again = whole(&x, &operator, text.as_bytes(), None).await;
        assert_eq!(tally(&again), [7, 0, 1, 5, 1]);
        assert_eq!(x.count("suppression").await, 4);
    }

    async fn a_list_of_any_form_is_read_by_the_name_of_its_column(x: Exchange) {
        let operator = x.operator().await;
        let (narrow, ..) = encoding_rs::WINDOWS_1251.encode("Имя;Телефон\nАнна Иванова;+4791200001\nПётр Сидоров;+4791200002\n");
        assert_eq!(tally(&whole(&x, &operator, &narrow, Some("телефон")).await), [2, 2, 0, 0, 0]);
        let bare = "x\t+4791200003\ny\t+4791200004\nz\n";
        let done = whole(&x, &operator, bare.as_bytes(), Some("#2")).await;
        assert_eq!(tally(&done), [3, 2, 1, 0, 0], "{done:#}");
        let unknown = ask(&x, &operator, &file(&x, &operator, b"a,b\n1,2\n").await, Some("phone")).await;
        assert_eq!((&unknown["import"], &unknown["userErrors"]), (&Value::Null, &json!([{ "code": "INVALID", "path": ["column"] }])));
        let leads = x.organization("Agency").await;
        let upload = put(&x, &leads, people(1).as_bytes()).await;
        assert_eq!(ask(&x, &operator, &upload, None).await["userErrors"][0]["code"], "NOT_FOUND");
    }
}
