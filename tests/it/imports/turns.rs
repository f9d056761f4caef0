//! Whose turn it is, and how often an import is tried.

use std::sync::Arc;

use api::app::App;
use api::app::imports::{ImportRun, imports_advance};
use api::config::Config;

use super::{MAPPING, import, look, people, put, seller, tally, whole, work};
use crate::harness::{Exchange, on_each_backend};

/// Another process whose imports stand back after two batches of ten rows.
async fn patient(x: &Exchange) -> Arc<App> {
    let app = App::clone(&*x.second_process().await);
    let mut config = Config::clone(&app.config);
    config.imports.batch_rows = 10;
    config.imports.turn_batches = 2;
    Arc::new(App { config: Arc::new(config), ..app })
}

on_each_backend! {
    async fn a_large_file_does_not_keep_other_sellers_waiting(x: Exchange) {
        let large = seller(&x).await;
        let small = x.organization("Small").await;
        let upload = put(&x, &large, people(100).as_bytes()).await;
        let first = import(&x, &large, &upload, MAPPING).await["import"]["id"].as_str().unwrap().to_owned();
        let upload = put(&x, &small, people(30).replace("r", "s").replace("91", "93").as_bytes()).await;
        let second = import(&x, &small, &upload, MAPPING).await;
        let second = second["import"]["id"].as_str().unwrap_or_else(|| panic!("{second:#}")).to_owned();
        let app = patient(&x).await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            assert!(imports_advance(&app).await.unwrap() > 0);
            seen.push((look(&x, &large, &first).await["rowsRead"].clone(), look(&x, &small, &second).await["rowsRead"].clone()));
            x.clock.advance_secs(1);
        }
        let expected = [(20, 0), (20, 20), (40, 20), (40, 30), (100, 30)];
        assert_eq!(seen, expected.map(|(large, small)| (large.into(), small.into())));
        assert_eq!(imports_advance(&app).await.unwrap(), 0);
        assert_eq!(tally(&look(&x, &large, &first).await), [100, 100, 0, 0, 0]);
        assert_eq!(look(&x, &small, &second).await["state"], "DONE");
    }

    async fn an_import_whose_file_is_gone_fails_in_the_end(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(3).as_bytes()).await;
        let id = import(&x, &seller, &upload, MAPPING).await["import"]["id"].as_str().unwrap().to_owned();
        std::fs::remove_dir_all(x.folder().join("files")).unwrap();
        for _ in 0..5 {
            assert!(imports_advance(&x.app).await.is_err());
            assert_eq!(look(&x, &seller, &id).await["state"], "RUNNING");
            x.clock.advance_secs(60);
        }
        work(&x).await;
        let done = look(&x, &seller, &id).await;
        assert_eq!(done["state"], "FAILED");
        assert_eq!(done["error"], "the exchange broke off 5 times in a row; its operator can find out why");
        x.clock.advance_secs(60);
        assert_eq!(imports_advance(&x.app).await.unwrap(), 0);
        assert_eq!(whole(&x, &seller, people(3).as_bytes(), MAPPING).await["state"], "DONE");
    }

    async fn progress_forgives_earlier_attempts(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(70).as_bytes()).await;
        let id = import(&x, &seller, &upload, MAPPING).await["import"]["id"].as_str().unwrap().to_owned();
        let app = patient(&x).await;
        for _ in 0..7 {
            let mut run = ImportRun::claim(&app, None).await.unwrap().unwrap();
            assert!(run.step().await.unwrap());
            drop(run);
            x.clock.advance_secs(60);
        }
        while imports_advance(&app).await.unwrap() > 0 {}
        assert_eq!(tally(&look(&x, &seller, &id).await), [70, 70, 0, 0, 0]);
    }
}
