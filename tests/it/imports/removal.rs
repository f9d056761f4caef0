//! Files of leads are removed some time after their last use.

use api::app::uploads::uploads_sweep;
use serde_json::{Value, json};

use super::{MAPPING, import, people, put, put_for, seller, tally, whole, work};
use crate::harness::{Actor, Exchange, on_each_backend};
use crate::ledger::market::DAY;

async fn upload(x: &Exchange, actor: &Actor, id: &str) -> Value {
    let query = "query($id: ID!) { upload(id: $id) { state fileName sizeBytes } }";
    actor.run(x, query, json!({ "id": id })).await["upload"].clone()
}

/// The files that lie in the storage.
pub fn stored(x: &Exchange) -> Vec<std::path::PathBuf> {
    fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
    }
    walk(&x.folder().join("files"))
}

on_each_backend! {
    async fn a_file_goes_a_week_after_its_last_import(x: Exchange) {
        let seller = seller(&x).await;
        let id = put(&x, &seller, people(3).as_bytes()).await;
        let evidence = put_for(&x, &seller, "EVIDENCE", "call.txt", b"nobody there").await;
        import(&x, &seller, &id, MAPPING).await;
        work(&x).await;
        x.clock.advance_secs(6 * DAY);
        let other = MAPPING.replace("balance = \"Balance\"", "");
        assert_eq!(import(&x, &seller, &id, &other).await["userErrors"], json!([]));
        x.clock.advance_secs(DAY);
        assert_eq!(uploads_sweep(&x.app).await.unwrap(), 0, "an import waits");
        work(&x).await;
        x.clock.advance_secs(7 * DAY - 1);
        assert_eq!((uploads_sweep(&x.app).await.unwrap(), stored(&x).len()), (0, 2));
        x.clock.advance_secs(1);
        assert_eq!((uploads_sweep(&x.app).await.unwrap(), stored(&x).len()), (1, 1));
        assert_eq!(upload(&x, &seller, &id).await, json!({ "state": "REMOVED", "fileName": null, "sizeBytes": null }));
        assert_eq!(upload(&x, &seller, &evidence).await["state"], "STORED");
        let again = import(&x, &seller, &id, MAPPING.trim()).await;
        assert_eq!((again["userErrors"][0]["code"].clone(), again["import"].clone()), (json!("WRONG_STATE"), Value::Null));
        assert_eq!(uploads_sweep(&x.app).await.unwrap(), 0);
        let imports = seller.run(&x, "{ imports { edges { node { state fileName } } } }", json!({})).await;
        assert_eq!(imports["imports"]["edges"][1]["node"], json!({ "state": "DONE", "fileName": "leads.csv" }));
    }

    async fn a_file_that_was_cut_in_the_storage_is_not_taken_for_a_whole_one(x: Exchange) {
        let seller = seller(&x).await;
        let text = people(3_000);
        assert_eq!(tally(&whole(&x, &seller, text.as_bytes(), MAPPING).await)[0], 3_000);
        let id = put(&x, &seller, people(2_000).as_bytes()).await;
        import(&x, &seller, &id, MAPPING).await;
        let newest = stored(&x).into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap()).unwrap();
        let sealed = std::fs::read(&newest).unwrap();
        std::fs::write(&newest, &sealed[..sealed.len() - 1]).unwrap();
        assert!(api::app::imports::imports_advance(&x.app).await.is_err(), "the storage is to blame, not the file");
    }
}
